//! Mandates: no sequence of payments under them goes beyond what the payer signed.

use engine::{AuthorizeError, Authorized, PaymentState};
use money::PaymentId;
use proptest::prelude::*;

use crate::world::{Buy, FUNDS, Granted, World, payer};

const TOTAL: u128 = 100;
const PER_PAYMENT: u128 = 40;

async fn spent(world: &World) -> u128 {
    let read = |state: &engine::State| engine::payer(state, payer(1), 0).unwrap();
    let view = world.engine.read(read).await.unwrap();
    view.mandates[0].spent.units()
}

#[tokio::test]
async fn revocation_ends_claims_at_once_but_not_money_that_is_held() {
    let world = World::new().await;
    let granted = Granted::new(1, 1, PER_PAYMENT, TOTAL);
    world.grant(&granted).await;
    let (claimed, claim) = world.proceed(&Buy::new(1, 10).under(&granted)).await;
    let (held, _) = world.proceed(&Buy::new(2, 10).under(&granted).held()).await;
    world.revoke(&granted).await.unwrap();
    let next = Buy::new(3, 10).under(&granted);
    assert_eq!(world.refused(&next).await, AuthorizeError::MandateRevoked);
    let charge = world.engine.charge(claimed, claim, None).await;
    assert_eq!(charge, Err(AuthorizeError::MandateRevoked));
    world.engine.settle(held, None, None, false).await.unwrap();
    assert_eq!(world.available(payer(1)).await, FUNDS - 10);
}

#[tokio::test]
async fn claims_that_exceed_the_total_together_are_refused_when_charged() {
    let world = World::new().await;
    let granted = Granted::new(1, 1, TOTAL, TOTAL);
    world.grant(&granted).await;
    let first = world.proceed(&Buy::new(1, 60).under(&granted)).await;
    let second = world.proceed(&Buy::new(2, 60).under(&granted)).await;
    world.engine.charge(first.0, first.1, None).await.unwrap();
    let refused = world.engine.charge(second.0, second.1, None).await;
    assert_eq!(refused, Err(AuthorizeError::MandateExceeded));
    assert_eq!(spent(&world).await, 60);
}

#[tokio::test]
async fn a_claim_in_time_is_charged_after_order_and_mandate_have_expired() {
    let world = World::new().await;
    let granted = Granted::new(1, 1, TOTAL, TOTAL);
    world.grant(&granted).await;
    let (payment, claim) = world.proceed(&Buy::new(1, 60).under(&granted)).await;
    world.clock.advance_ms(60_001);
    world.engine.charge(payment, claim, None).await.unwrap();
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Charge(u128),
    Hold(u128, u32),
    Settle(usize, u128),
    Release(usize),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..60_u128).prop_map(Step::Charge),
        (0..60_u128, 1..4_u32).prop_map(|(units, seconds)| Step::Hold(units, seconds)),
        (0..8_usize, 0..60_u128).prop_map(|(pick, units)| Step::Settle(pick, units)),
        (0..8_usize).prop_map(Step::Release),
        (0..3000_u64).prop_map(Step::Wait),
    ]
}

/// Held and settled payments as the naive books of this test see them.
#[derive(Default)]
struct Naive {
    open: Vec<(PaymentId, engine::ClaimToken)>,
    all: Vec<PaymentId>,
}

impl Naive {
    async fn sums(&self, world: &World) -> (u128, u128) {
        let (mut held, mut settled) = (0, 0);
        for payment in &self.all {
            let view = world.payment(*payment).await.unwrap();
            match view.state {
                PaymentState::Held => held += view.authorized.units(),
                PaymentState::Settled => settled += view.settled.units(),
                PaymentState::Released => {}
            }
            assert!(view.settled.units() <= PER_PAYMENT);
        }
        (held, settled)
    }

    async fn take(&mut self, world: &World, granted: &Granted, number: u128, step: Step) {
        match step {
            Step::Charge(units) => {
                let buy = Buy::new(number, units).under(granted).mode(engine::Mode::Charge);
                self.buy(world, &buy).await;
            }
            Step::Hold(units, seconds) => {
                let mode = engine::Mode::Hold { seconds };
                let buy = Buy::new(number, units).under(granted).mode(mode);
                self.buy(world, &buy).await;
            }
            Step::Settle(pick, units) if !self.open.is_empty() => {
                let (payment, _) = self.open.swap_remove(pick % self.open.len());
                // Refused if it has expired or more was asked for than is held.
                let _ = world.engine.settle(payment, Some(units), None, false).await;
            }
            Step::Release(pick) if !self.open.is_empty() => {
                let (payment, claim) = self.open.swap_remove(pick % self.open.len());
                let _ = world.engine.release(payment, claim, None).await;
            }
            Step::Wait(milliseconds) => world.clock.advance_ms(milliseconds),
            Step::Settle(..) | Step::Release(_) => {}
        }
    }

    async fn buy(&mut self, world: &World, buy: &Buy) {
        let units = buy.order.amount.units();
        let (held, settled) = self.sums(world).await;
        let expected = if units == 0 {
            Some(AuthorizeError::WrongAmount)
        } else if units > PER_PAYMENT {
            Some(AuthorizeError::MandatePerPayment)
        } else if held + settled + units > TOTAL {
            Some(AuthorizeError::MandateExceeded)
        } else {
            None
        };
        match world.engine.authorize(buy.command()).await {
            Ok(Authorized::Proceed { payment, claim }) => {
                self.open.push((payment, claim));
                self.all.push(payment);
                assert_eq!(expected, None);
            }
            Ok(Authorized::Charged(view)) => {
                self.all.push(view.payment);
                assert_eq!(expected, None);
            }
            Ok(other) => panic!("{other:?}"),
            Err(error) => assert_eq!(Some(error), expected),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_sequence_goes_beyond_the_mandate(steps in prop::collection::vec(step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let world = World::new().await;
            let granted = Granted::new(1, 1, PER_PAYMENT, TOTAL);
            world.grant(&granted).await;
            let mut naive = Naive::default();
            for (number, step) in (1..).zip(steps) {
                naive.take(&world, &granted, number, step).await;
                let (held, settled) = naive.sums(&world).await;
                assert!(held + settled <= TOTAL);
                assert_eq!(spent(&world).await, held + settled);
                assert_eq!(world.available(payer(1)).await, FUNDS - held - settled);
            }
            world.assert_balanced().await;
        });
    }
}
