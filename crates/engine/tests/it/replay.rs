//! Copies of a payment: one execution, one charge, one answer.

use engine::{Authorize, AuthorizeError, Authorized, Mode, PaymentState, ReleaseError};
use money::{PaymentId, Shares};
use tokio::task::JoinHandle;

use crate::world::{Buy, FUNDS, World, key, outcome, payee, payer, units};

type Answer = Result<Authorized, AuthorizeError>;

fn send(world: &World, command: Authorize) -> JoinHandle<Answer> {
    let engine = world.engine.clone();
    tokio::spawn(async move { engine.authorize(command).await })
}

/// The one that may proceed, and the others, which wait.
async fn race(
    world: &World,
    buys: &[Buy],
) -> (PaymentId, engine::ClaimToken, Vec<JoinHandle<Answer>>) {
    let mut copies: Vec<_> = buys.iter().map(|buy| send(world, buy.command())).collect();
    // Answers come in the order of commands, so after this read every copy was looked at.
    tokio::task::yield_now().await;
    world.engine.read(|_| ()).await.unwrap();
    while !copies.iter().any(JoinHandle::is_finished) {
        tokio::task::yield_now().await;
    }
    let finished: Vec<_> = copies.extract_if(.., |copy| copy.is_finished()).collect();
    let [first] = finished.try_into().unwrap();
    match first.await.unwrap().unwrap() {
        Authorized::Proceed { payment, claim } => (payment, claim, copies),
        other => panic!("{other:?}"),
    }
}

fn replayed(answer: &Answer) -> (PaymentId, PaymentState, Option<&str>) {
    match answer {
        Ok(Authorized::Replay { payment, outcome }) => {
            let body = outcome.as_ref().map(|outcome| str::from_utf8(&outcome.body).unwrap());
            (payment.payment, payment.state, body)
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_same_order_again_gets_the_first_answer() {
    let world = World::new().await;
    let buy = Buy::new(1, 300);
    let (payment, claim) = world.proceed(&buy).await;
    world.engine.charge(payment, claim, Some(outcome("first"))).await.unwrap();
    for mode in [Mode::Claim, Mode::Hold { seconds: 9 }, Mode::Charge, Mode::Check] {
        let answer = world.engine.authorize(buy.clone().mode(mode).command()).await;
        assert_eq!(replayed(&answer), (payment, PaymentState::Settled, Some("first")));
    }
    assert_eq!(world.available(payer(1)).await, FUNDS - 300);
}

#[tokio::test]
async fn access_ends_after_its_time() {
    let world = World::new().await;
    let buy = Buy::new(1, 300);
    world.charge(&buy).await;
    world.clock.advance_ms(600_000);
    let answer = world.engine.authorize(buy.command()).await;
    assert_eq!(replayed(&answer).1, PaymentState::Settled);
    world.clock.advance_ms(1);
    assert_eq!(world.refused(&buy).await, AuthorizeError::AlreadyUsed);
    assert_eq!(world.available(payer(1)).await, FUNDS - 300);
}

#[tokio::test]
async fn five_copies_execute_once() {
    let world = World::new().await;
    let buys = vec![Buy::new(1, 300); 5];
    let (payment, claim, copies) = race(&world, &buys).await;
    assert_eq!(copies.len(), 4);
    world.engine.charge(payment, claim, Some(outcome("one"))).await.unwrap();
    for copy in copies {
        let answer = copy.await.unwrap();
        assert_eq!(replayed(&answer), (payment, PaymentState::Settled, Some("one")));
    }
    assert_eq!(world.available(payee(1)).await, 300);
}

#[tokio::test]
async fn five_copies_of_a_hold_execute_once() {
    let world = World::new().await;
    let buys = vec![Buy::new(1, 300).held(); 5];
    let (payment, _, copies) = race(&world, &buys).await;
    world.engine.settle(payment, None, Some(outcome("one")), true).await.unwrap();
    for copy in copies {
        let answer = copy.await.unwrap();
        assert_eq!(replayed(&answer), (payment, PaymentState::Settled, Some("one")));
    }
    assert_eq!(world.available(payee(1)).await, 300);
}

#[tokio::test]
async fn a_released_claim_goes_to_the_next_copy_and_a_released_hold_to_none() {
    let world = World::new().await;
    let (payment, claim, copies) = race(&world, &vec![Buy::new(1, 300); 3]).await;
    world.engine.release(payment, claim, None).await.unwrap();
    let mut proceeding = 0;
    let mut last = None;
    for copy in copies {
        world.engine.read(|_| ()).await.unwrap();
        match copy.await.unwrap().unwrap() {
            Authorized::Proceed { claim: next, .. } => {
                assert_ne!(next, claim);
                proceeding += 1;
                last = Some(next);
                world.engine.charge(payment, next, None).await.unwrap();
            }
            Authorized::Replay { payment: view, .. } => assert_eq!(view.payment, payment),
            other @ Authorized::Charged(_) => panic!("{other:?}"),
        }
    }
    assert_eq!(proceeding, 1);
    assert!(last.is_some());

    let (held, claim, copies) = race(&world, &vec![Buy::new(2, 300).held(); 3]).await;
    world.engine.release(held, claim, Some(outcome("failed"))).await.unwrap();
    for copy in copies {
        let answer = copy.await.unwrap();
        assert_eq!(replayed(&answer), (held, PaymentState::Released, Some("failed")));
    }
    assert_eq!(world.available(payer(1)).await, FUNDS - 300);
}

#[tokio::test]
async fn an_expired_hold_answers_the_copies_that_wait() {
    let world = World::new().await;
    let (held, _, copies) = race(&world, &vec![Buy::new(1, 300).held(); 3]).await;
    world.clock.advance_ms(30_001);
    for copy in copies {
        assert_eq!(replayed(&copy.await.unwrap()), (held, PaymentState::Released, None));
    }
    assert_eq!(world.available(payer(1)).await, FUNDS);
}

#[tokio::test]
async fn a_claim_that_ran_out_goes_to_the_next_copy() {
    let world = World::new().await;
    let mut buy = Buy::new(1, 300);
    buy.order.expires_at_ms += 600_000;
    let (payment, first, mut copies) = race(&world, &vec![buy; 2]).await;
    world.clock.advance_ms(120_001);
    let second = match copies.remove(0).await.unwrap().unwrap() {
        Authorized::Proceed { claim, .. } => claim,
        other => panic!("{other:?}"),
    };
    let late = world.engine.charge(payment, first, None).await;
    assert_eq!(late, Err(AuthorizeError::ClaimLost));
    world.engine.charge(payment, second, None).await.unwrap();
    assert_eq!(world.available(payer(1)).await, FUNDS - 300);
}

#[tokio::test]
async fn a_caller_whose_claim_ran_out_cannot_release_the_next_ones_hold() {
    let world = World::new().await;
    let mut buy = Buy::new(1, 300);
    buy.order.expires_at_ms += 600_000;
    let (payment, first) = world.proceed(&buy).await;
    let waiting = send(&world, buy.clone().held().command());
    world.clock.advance_ms(120_001);
    let Ok(Authorized::Proceed { claim: second, .. }) = waiting.await.unwrap() else {
        panic!("the copy must proceed");
    };
    let late = world.engine.release(payment, first, None).await;
    assert_eq!(late, Err(ReleaseError::NotYours));
    let late = world.engine.hold(payment, first, 10).await;
    assert_eq!(late, Err(AuthorizeError::ClaimLost));
    assert_eq!(world.state_of(payment).await, PaymentState::Held);
    world.engine.release(payment, second, None).await.unwrap();
}

#[tokio::test]
async fn a_lost_claim_leaves_the_real_one_alone() {
    let world = World::new().await;
    let (payment, claim) = world.proceed(&Buy::new(1, 300)).await;
    let stale = engine::ClaimToken(claim.0 + 1);
    assert_eq!(world.engine.hold(payment, stale, 9).await, Err(AuthorizeError::ClaimLost));
    world.engine.hold(payment, claim, 9).await.unwrap();
    let release = world.engine.release(payment, stale, None).await;
    assert_eq!(release, Err(ReleaseError::NotYours));
    world.engine.settle(payment, None, None, false).await.unwrap();
}

#[tokio::test]
async fn a_refused_charge_sends_no_copy_to_sleep() {
    for by_hold in [false, true] {
        let world = World::new().await;
        let (payment, claim, mut copies) = race(&world, &vec![Buy::new(1, FUNDS); 2]).await;
        world.charge(&Buy::new(2, 1)).await;
        let refused = if by_hold {
            world.engine.hold(payment, claim, 9).await.map(|()| None)
        } else {
            world.engine.charge(payment, claim, None).await.map(Some)
        };
        assert_eq!(refused, Err(AuthorizeError::InsufficientFunds));
        let copy = copies.remove(0).await.unwrap();
        assert_eq!(copy, Err(AuthorizeError::InsufficientFunds));
    }
}

#[tokio::test]
async fn one_key_is_one_payment_whatever_the_order() {
    let world = World::new().await;
    let buys: Vec<_> = (1..=5).map(|order| Buy::new(order, 300).named(9, 1)).collect();
    let (payment, claim, copies) = race(&world, &buys).await;
    assert_eq!(copies.len(), 4);
    let other = Buy::new(6, 300).named(9, 2);
    assert_eq!(world.refused(&other).await, AuthorizeError::IdempotencyConflict);
    world.engine.charge(payment, claim, Some(outcome("one"))).await.unwrap();
    for copy in copies {
        let answer = copy.await.unwrap();
        assert_eq!(replayed(&answer), (payment, PaymentState::Settled, Some("one")));
    }
    assert_eq!(world.refused(&other).await, AuthorizeError::IdempotencyConflict);
    assert_eq!(world.available(payer(1)).await, FUNDS - 300);
    // Another payer's key of the same name is another key.
    world.charge(&Buy::new(1, 300).by(2).named(9, 2)).await;
}

#[tokio::test]
async fn a_stranger_does_not_reach_a_payment_by_its_key() {
    let world = World::new().await;
    let buy = Buy::new(1, 300).named(9, 1);
    let (payment, claim) = world.proceed(&buy).await;
    let mut strange = Buy::new(2, 300).named(9, 1);
    strange.signer = 66;
    strange.order.signer = key(66).public();
    assert_eq!(world.refused(&strange).await, AuthorizeError::NotPayersKey);
    world.engine.charge(payment, claim, Some(outcome("secret"))).await.unwrap();
    assert_eq!(world.refused(&strange).await, AuthorizeError::NotPayersKey);
    strange.order.mandate = Some(money::MandateId::new(5).unwrap());
    assert_eq!(world.refused(&strange).await, AuthorizeError::MandateUnknown);
}

#[tokio::test]
async fn a_payment_without_purchase_serves_only_the_terms_it_paid() {
    let world = World::new().await;
    let mut buy = Buy::new(1, 300).mode(Mode::Charge);
    buy.order.purchase = None;
    buy.purchase.digest = None;
    world.charge(&buy).await;
    let answer = world.engine.authorize(buy.command()).await;
    assert_eq!(replayed(&answer).0, buy.id());
    let mut elsewhere = buy.clone();
    elsewhere.terms.pay_to = payee(2);
    assert_eq!(world.refused(&elsewhere).await, AuthorizeError::WrongPayee);
    let mut dearer = buy.clone();
    dearer.terms.amount = units(301);
    assert_eq!(world.refused(&dearer).await, AuthorizeError::WrongAmount);
}

/// Whoever settles through the facilitator words the terms: they must not open what costs more or
/// belongs to others.
#[tokio::test]
async fn a_payment_at_other_terms_does_not_open_what_its_purchase_names() {
    let world = World::new().await;
    let mut cheap = Buy::new(1, 1).mode(Mode::Charge);
    cheap.order.payee = payee(2);
    cheap.terms.pay_to = payee(2);
    world.charge(&cheap).await;
    let mut unsplit = Buy::new(2, 300).mode(Mode::Charge);
    world.charge(&unsplit).await;
    let shares = Shares::new(vec![800_000, 200_000]).unwrap();
    unsplit.terms.split = Some((vec![payee(1), payee(2)], shares));
    for mode in [Mode::Claim, Mode::Hold { seconds: 9 }] {
        let mut asked = cheap.clone().mode(mode);
        asked.terms = Buy::new(1, 300).terms;
        assert_eq!(world.refused(&asked).await, AuthorizeError::WrongPayee);
        asked.terms.pay_to = payee(2);
        assert_eq!(world.refused(&asked).await, AuthorizeError::WrongAmount);
        let split = unsplit.clone().mode(mode);
        assert_eq!(world.refused(&split).await, AuthorizeError::WrongPayee);
    }
}

#[tokio::test]
async fn an_outcome_beyond_the_limit_is_not_kept() {
    let world = World::new().await;
    for (order, excess, kept) in [(1, 0, true), (2, 1, false)] {
        let buy = Buy::new(order, 10).held();
        let (payment, _) = world.proceed(&buy).await;
        let large = outcome(&"x".repeat(engine::OUTCOME_BYTES_MAX + excess));
        world.engine.settle(payment, None, Some(large), true).await.unwrap();
        let answer = world.engine.authorize(buy.command()).await;
        assert_eq!(replayed(&answer).2.is_some(), kept);
    }
}
