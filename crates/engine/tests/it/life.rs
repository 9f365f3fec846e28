//! The life of a payment: charge, hold, settle, release, expiry, splits; money exact after each.

use engine::{Authorized, Mode, PaymentState, ReleaseError, ReleaseReason, SettleError};

use crate::world::{Buy, FUNDS, World, payee, payer, units, usd};

#[tokio::test]
async fn a_charge_moves_the_price_and_nothing_else() {
    let world = World::new().await;
    let view = world.charge(&Buy::new(1, 300)).await;
    assert_eq!((view.state, view.settled), (PaymentState::Settled, units(300)));
    assert_eq!(world.available(payer(1)).await, FUNDS - 300);
    assert_eq!(world.available(payee(1)).await, 300);
    world.assert_balanced().await;
}

#[tokio::test]
async fn a_claim_moves_nothing_until_it_is_charged() {
    let world = World::new().await;
    let before = world.everything().await;
    let (payment, claim) = world.proceed(&Buy::new(1, 300)).await;
    assert_eq!(world.everything().await, before);
    let view = world.engine.charge(payment, claim, None).await.unwrap();
    assert_eq!(view.settled, units(300));
    assert_eq!(world.available(payer(1)).await, FUNDS - 300);
    world.assert_balanced().await;
}

#[tokio::test]
async fn a_hold_reserves_and_settles_in_full() {
    let world = World::new().await;
    let (payment, _) = world.proceed(&Buy::new(1, 300).held()).await;
    assert_eq!(world.available(payer(1)).await, FUNDS - 300);
    assert_eq!(world.held(payer(1)).await, 300);
    assert_eq!(world.available(payee(1)).await, 0);
    world.assert_balanced().await;
    let view = world.engine.settle(payment, None, None, false).await.unwrap();
    assert_eq!((view.state, view.settled), (PaymentState::Settled, units(300)));
    assert_eq!(world.held(payer(1)).await, 0);
    assert_eq!(world.available(payee(1)).await, 300);
    world.assert_balanced().await;
}

#[tokio::test]
async fn a_claim_becomes_a_hold() {
    let world = World::new().await;
    let (payment, claim) = world.proceed(&Buy::new(1, 300)).await;
    world.engine.hold(payment, claim, 30).await.unwrap();
    assert_eq!(world.held(payer(1)).await, 300);
    world.engine.release(payment, claim, None).await.unwrap();
    assert_eq!(world.held(payer(1)).await, 0);
}

#[tokio::test]
async fn a_part_is_settled_and_the_rest_released() {
    for (part, expected) in [(0, 0), (1, 1), (299, 299), (300, 300)] {
        let world = World::new().await;
        let (payment, _) = world.proceed(&Buy::new(1, 300).held()).await;
        let view = world.engine.settle(payment, Some(part), None, false).await.unwrap();
        assert_eq!((view.state, view.settled), (PaymentState::Settled, units(expected)));
        assert_eq!(world.available(payer(1)).await, FUNDS - expected);
        assert_eq!(world.held(payer(1)).await, 0);
        assert_eq!(world.available(payee(1)).await, expected);
        world.assert_balanced().await;
    }
}

#[tokio::test]
async fn a_release_gives_everything_back_once() {
    let world = World::new().await;
    let (payment, claim) = world.proceed(&Buy::new(1, 300).held()).await;
    world.engine.release(payment, claim, None).await.unwrap();
    let view = world.payment(payment).await.unwrap();
    assert_eq!(view.reason, Some(ReleaseReason::NotDelivered));
    assert_eq!((view.state, view.settled), (PaymentState::Released, units(0)));
    assert_eq!(world.available(payer(1)).await, FUNDS);
    let again = world.engine.release(payment, claim, None).await;
    assert_eq!(again, Err(ReleaseError::NotHeld));
    let settle = world.engine.settle(payment, None, None, false).await;
    assert_eq!(settle, Err(SettleError::NotHeld));
    world.assert_balanced().await;
}

#[tokio::test]
async fn a_hold_ends_by_the_clock_and_not_before() {
    let world = World::new().await;
    let (early, _) = world.proceed(&Buy::new(1, 300).held()).await;
    let (late, claim) = world.proceed(&Buy::new(2, 500).split().held()).await;
    world.clock.advance_ms(29_999);
    world.engine.settle(early, None, None, false).await.unwrap();
    assert_eq!(world.state_of(late).await, PaymentState::Held);
    world.clock.advance_ms(2);
    assert_eq!(world.engine.settle(late, None, None, false).await, Err(SettleError::NotHeld));
    assert_eq!(world.engine.release(late, claim, None).await, Err(ReleaseError::NotHeld));
    let view = world.payment(late).await.unwrap();
    assert_eq!(view.reason, Some(ReleaseReason::Expired));
    assert_eq!(world.available(payer(1)).await, FUNDS - 300);
    assert_eq!(world.held(payer(1)).await, 0);
    world.assert_balanced().await;
}

#[tokio::test]
async fn a_split_hands_out_every_unit() {
    let residue = engine::system_account("residue", usd());
    for (amount, parts) in
        [(100, [80, 15, 5, 0]), (101, [80, 15, 5, 1]), (7, [5, 1, 0, 1]), (1, [0, 0, 0, 1])]
    {
        for held in [false, true] {
            let world = World::new().await;
            let buy = Buy::new(1, amount).split();
            if held {
                let (payment, _) = world.proceed(&buy.held()).await;
                world.engine.settle(payment, None, None, false).await.unwrap();
            } else {
                world.charge(&buy).await;
            }
            for (account, expected) in
                [payee(1), payee(2), payee(3), residue].into_iter().zip(parts)
            {
                assert_eq!(world.available(account).await, expected, "of {amount}");
            }
            assert_eq!(world.available(payer(1)).await, FUNDS - amount);
            world.assert_balanced().await;
        }
    }
}

#[tokio::test]
async fn a_part_of_a_split_rounds_in_the_payers_favour() {
    let world = World::new().await;
    let (payment, _) = world.proceed(&Buy::new(1, 1000).split().held()).await;
    let view = world.engine.settle(payment, Some(333), None, false).await.unwrap();
    // 800, 150 and 50 times 0.333 are 266.4, 49.95 and 16.65.
    assert_eq!(view.settled, units(266 + 49 + 16));
    assert_eq!(world.available(payer(1)).await, FUNDS - 331);
    assert_eq!(world.available(payee(2)).await, 49);
    world.assert_balanced().await;
}

#[tokio::test]
async fn a_check_changes_nothing() {
    let world = World::new().await;
    let before = world.everything().await;
    let buy = Buy::new(1, 300).mode(Mode::Check);
    let answer = world.engine.authorize(buy.command()).await.unwrap();
    assert!(matches!(answer, Authorized::Charged(view) if view.payment == buy.id()));
    assert_eq!(world.everything().await, before);
}

#[tokio::test]
async fn money_enters_once_for_each_event() {
    let world = World::new().await;
    let fund = crate::world::fund(77, payer(9), 5);
    for _ in 0..3 {
        world.engine.fund(fund.clone()).await.unwrap();
    }
    assert_eq!(world.available(payer(9)).await, 5);
    world.assert_balanced().await;
}
