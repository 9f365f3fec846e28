//! The engine against books kept by hand: random commands give the answers, balances and states
//! that simple sums give, before and after a restart.

use std::collections::BTreeMap;

use engine::{AuthorizeError, Authorized, Mode, PaymentState, ReleaseError, SettleError};
use money::PaymentId;
use proptest::prelude::*;

use crate::world::{Buy, FUNDS, PAYEES, PAYERS, World, fund, payee, payer, usd};

#[derive(Debug, Clone, Copy)]
enum Act {
    Charge { by: u8, units: u128, split: bool },
    Hold { by: u8, units: u128, split: bool, seconds: u32 },
    ClaimAndCharge { by: u8, units: u128 },
    ClaimAndHold { by: u8, units: u128 },
    Copy(usize),
    Settle(usize, u128),
    Release(usize),
    Fund { to: u8, units: u128 },
    Wait(u32),
}

fn act() -> impl Strategy<Value = Act> {
    let by = || 1..=PAYERS;
    let units = || prop_oneof![1..50_u128, 300_000..700_000_u128];
    prop_oneof![
        3 => (by(), units(), any::<bool>())
            .prop_map(|(by, units, split)| Act::Charge { by, units, split }),
        4 => (by(), units(), any::<bool>(), 1..5_u32)
            .prop_map(|(by, units, split, seconds)| Act::Hold { by, units, split, seconds }),
        1 => (by(), units()).prop_map(|(by, units)| Act::ClaimAndCharge { by, units }),
        1 => (by(), units()).prop_map(|(by, units)| Act::ClaimAndHold { by, units }),
        2 => any::<usize>().prop_map(Act::Copy),
        4 => (any::<usize>(), 0..800_000_u128).prop_map(|(pick, units)| Act::Settle(pick, units)),
        2 => any::<usize>().prop_map(Act::Release),
        1 => (by(), 1..1000_u128).prop_map(|(to, units)| Act::Fund { to, units }),
        // Sums of sevens never end exactly with a hold.
        2 => (1..360_u32).prop_map(|sevenths| Act::Wait(sevenths * 7)),
    ]
}

#[derive(Clone)]
struct Known {
    buy: Buy,
    state: PaymentState,
    settled: u128,
    /// Milliseconds of the model's clock at which a hold is over.
    ends_at: u64,
    claim: Option<engine::ClaimToken>,
}

/// Books by hand: what each account can spend, and every payment.
struct Hand {
    now: u64,
    available: BTreeMap<u8, u128>,
    /// Payees 1 to [`PAYEES`], then the residue.
    received: [u128; PAYEES as usize + 1],
    payments: Vec<Known>,
    funded: u128,
}

/// What each receiver gets of a payment: 80, 15 and 5 %, rounded down, the rest is residue.
fn legs(units: u128, split: bool) -> [u128; PAYEES as usize + 1] {
    if split {
        let parts = [units * 80 / 100, units * 15 / 100, units * 5 / 100];
        [parts[0], parts[1], parts[2], 0, units - parts.iter().sum::<u128>()]
    } else {
        [units, 0, 0, 0, 0]
    }
}

impl Hand {
    fn new() -> Self {
        Self {
            now: 0,
            available: (1..=PAYERS).map(|number| (number, FUNDS)).collect(),
            received: Default::default(),
            payments: Vec::new(),
            funded: 0,
        }
    }

    fn spend(&mut self, by: u8, units: u128) -> bool {
        let available = self.available.get_mut(&by).unwrap();
        let enough = *available >= units;
        if enough {
            *available -= units;
        }
        enough
    }

    /// Posts `units` of a payment and gives the rest back.
    fn post(&mut self, pick: usize, units: u128) {
        let known = &mut self.payments[pick];
        let held = known.buy.order.amount.units();
        let parts = legs(held, known.buy.terms.split.is_some()).map(|leg| leg * units / held);
        known.state = PaymentState::Settled;
        known.settled = parts.iter().sum();
        *self.available.get_mut(&known.buy.signer).unwrap() += held - known.settled;
        for (sum, part) in self.received.iter_mut().zip(parts) {
            *sum += part;
        }
    }

    fn give_back(&mut self, pick: usize) {
        let known = &mut self.payments[pick];
        known.state = PaymentState::Released;
        *self.available.get_mut(&known.buy.signer).unwrap() += known.buy.order.amount.units();
    }

    fn expire(&mut self) {
        for pick in 0..self.payments.len() {
            let known = &self.payments[pick];
            if known.state == PaymentState::Held && known.ends_at <= self.now {
                self.give_back(pick);
            }
        }
    }

    fn note(&mut self, buy: Buy, seconds: u32, claim: Option<engine::ClaimToken>) {
        // A few microseconds may lie between the engine's timestamps and its clock.
        let ends_at = self.now + u64::from(seconds) * 1000 + 1;
        let state = PaymentState::Held;
        self.payments.push(Known { buy, state, settled: 0, ends_at, claim });
    }

    fn pick(&self, pick: usize) -> Option<usize> {
        pick.checked_rem(self.payments.len())
    }
}

async fn take(world: &World, hand: &mut Hand, number: u128, act: Act) {
    let engine = &world.engine;
    let order = |by: u8, units: u128, split: bool| {
        let mut buy = Buy::new(number, units).by(by);
        buy.order.expires_at_ms += 3_600_000;
        if split { buy.split() } else { buy }
    };
    match act {
        Act::Charge { by, units, split } => {
            let buy = order(by, units, split).mode(Mode::Charge);
            let answer = engine.authorize(buy.command()).await.map(|_| ());
            charged(hand, buy, answer);
        }
        Act::Hold { by, units, split, seconds } => {
            let buy = order(by, units, split).mode(Mode::Hold { seconds });
            match engine.authorize(buy.command()).await {
                Ok(Authorized::Proceed { claim, .. }) => {
                    assert!(hand.spend(by, units));
                    hand.note(buy, seconds, Some(claim));
                }
                other => poor(hand, by, units, other.map(|_| ())),
            }
        }
        Act::ClaimAndCharge { by, units } | Act::ClaimAndHold { by, units } => {
            claim(world, hand, order(by, units, true), matches!(act, Act::ClaimAndHold { .. }))
                .await;
        }
        Act::Copy(pick) => copy(world, hand, pick).await,
        Act::Settle(pick, units) => settle(world, hand, pick, units).await,
        Act::Release(pick) => release(world, hand, pick).await,
        Act::Fund { to, units } => {
            engine.fund(fund(1_000_000 + number, payer(to), units)).await.unwrap();
            *hand.available.get_mut(&to).unwrap() += units;
            hand.funded += units;
        }
        Act::Wait(milliseconds) => {
            world.clock.advance_ms(u64::from(milliseconds));
            hand.now += u64::from(milliseconds);
            hand.expire();
        }
    }
}

fn charged(hand: &mut Hand, buy: Buy, answer: Result<(), AuthorizeError>) {
    let (by, units) = (buy.signer, buy.order.amount.units());
    if answer.is_ok() {
        assert!(hand.spend(by, units));
        hand.note(buy, 0, None);
        hand.post(hand.payments.len() - 1, units);
    } else {
        poor(hand, by, units, answer);
    }
}

fn poor(hand: &Hand, by: u8, units: u128, answer: Result<(), AuthorizeError>) {
    assert_eq!(answer, Err(AuthorizeError::InsufficientFunds));
    assert!(hand.available[&by] < units);
}

async fn claim(world: &World, hand: &mut Hand, buy: Buy, hold: bool) {
    let (by, units) = (buy.signer, buy.order.amount.units());
    match world.engine.authorize(buy.command()).await {
        Ok(Authorized::Proceed { payment, claim }) if hold => {
            world.engine.hold(payment, claim, 3).await.unwrap();
            assert!(hand.spend(by, units));
            hand.note(buy, 3, Some(claim));
        }
        Ok(Authorized::Proceed { payment, claim }) => {
            let answer = world.engine.charge(payment, claim, None).await.map(|_| ());
            charged(hand, buy, answer);
        }
        other => poor(hand, by, units, other.map(|_| ())),
    }
}

/// The same order again: never a second payment.
async fn copy(world: &World, hand: &Hand, pick: usize) {
    let Some(pick) = hand.pick(pick) else { return };
    let known = &hand.payments[pick];
    let command = known.buy.clone().mode(Mode::Charge).command();
    match world.engine.authorize(command).await.unwrap() {
        Authorized::Replay { payment, .. } => assert_eq!(payment.state, known.state),
        other => panic!("{other:?}"),
    }
}

async fn settle(world: &World, hand: &mut Hand, pick: usize, units: u128) {
    let Some(pick) = hand.pick(pick) else { return };
    let known = hand.payments[pick].clone();
    let answer = world.engine.settle(known.buy.id(), Some(units), None, false).await;
    if known.state != PaymentState::Held {
        assert_eq!(answer, Err(SettleError::NotHeld));
    } else if units > known.buy.order.amount.units() {
        assert_eq!(answer, Err(SettleError::ExceedsHold));
    } else {
        hand.post(pick, units);
        assert_eq!(answer.unwrap().settled.units(), hand.payments[pick].settled);
    }
}

async fn release(world: &World, hand: &mut Hand, pick: usize) {
    let Some(pick) = hand.pick(pick) else { return };
    let known = hand.payments[pick].clone();
    let claim = known.claim.unwrap_or(engine::ClaimToken(0));
    let answer = world.engine.release(known.buy.id(), claim, None).await;
    if known.state == PaymentState::Held {
        assert_eq!(answer, Ok(()));
        hand.give_back(pick);
    } else {
        assert_eq!(answer, Err(ReleaseError::NotHeld));
    }
}

async fn compare(world: &World, hand: &Hand) {
    for (number, available) in &hand.available {
        assert_eq!(world.available(payer(*number)).await, *available, "payer {number}");
    }
    let residue = engine::system_account("residue", usd());
    let receivers = (1..=PAYEES).map(payee).chain([residue]);
    for (account, received) in receivers.zip(hand.received) {
        assert_eq!(world.available(account).await, received);
    }
    let views = world.engine.read(|state| state.latest_payments(usize::MAX)).await.unwrap();
    let real: Vec<_> = views.iter().rev().map(|view| (view.payment, view.state)).collect();
    let expected: Vec<(PaymentId, PaymentState)> =
        hand.payments.iter().map(|known| (known.buy.id(), known.state)).collect();
    assert_eq!(real, expected);
    world.assert_balanced().await;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_engine_agrees_with_books_kept_by_hand(
        acts in prop::collection::vec(act(), 1..50),
        restart_at in 0_usize..50,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let mut world = World::new().await;
            let mut hand = Hand::new();
            for (number, act) in acts.into_iter().enumerate() {
                if number == restart_at {
                    world.restart().await;
                    compare(&world, &hand).await;
                }
                take(&world, &mut hand, number as u128 + 1, act).await;
                compare(&world, &hand).await;
            }
            world.restart().await;
            compare(&world, &hand).await;
            let held: u128 = hand
                .payments
                .iter()
                .filter(|known| known.state == PaymentState::Held)
                .map(|known| known.buy.order.amount.units())
                .sum();
            let all = hand.available.values().chain(&hand.received).sum::<u128>() + held;
            assert_eq!(all, u128::from(PAYERS) * FUNDS + hand.funded);
        });
    }
}
