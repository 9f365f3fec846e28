//! Counters against a model that keeps a list of uses: no use beyond the maximum, none lost, given back
//! with a released payment, forgotten at their end, and all that over restarts.

use engine::{
    AuthorizeError, Authorized, COUNTER_USES_REMEMBERED_COUNT_MAX, Count, CountError, Counted,
    Counter, CounterId, Mode, fsck,
};
use money::PaymentId;
use proptest::prelude::*;

use crate::world::{Buy, START_MS, World, node, payer};

fn id(number: u8) -> CounterId {
    [number; 16]
}

fn counter(number: u8, max: u32, ends_at_ms: u64) -> Counter {
    Counter { id: id(number), max, ends_at_ms }
}

fn count(use_number: u128, counter: Counter) -> Count {
    Count { id: use_number.to_be_bytes(), account: None, counter }
}

fn buy(order: u128, counters: &[Counter]) -> Buy {
    let mut buy = Buy::new(order, 5);
    buy.order.expires_at_ms += 3_600_000;
    buy.counters = counters.to_vec();
    buy
}

async fn used(world: &World, number: u8) -> u32 {
    world.engine.read(move |state| state.counter_uses(id(number))).await.unwrap()
}

async fn assert_sound(world: &World) {
    world.engine.shutdown().await;
    let report = fsck(world.dir.path(), Some(node()), &mut |_| {}).unwrap();
    assert!(report.sound && report.findings.is_empty(), "{:?}", report.findings);
    assert!(!report.snapshots_equal.is_empty());
}

#[tokio::test]
async fn a_code_is_good_for_so_many_payments_and_a_copy_is_none() {
    let mut world = World::new().await;
    let code = counter(1, 2, u64::MAX);
    for order in [1, 2] {
        world.charge(&buy(order, &[code])).await;
    }
    let copy = buy(2, &[code]).mode(Mode::Charge);
    assert!(matches!(world.engine.authorize(copy.command()).await, Ok(Authorized::Replay { .. })));
    assert_eq!(used(&world, 1).await, 2);
    for mode in [Mode::Check, Mode::Claim, Mode::Charge, Mode::Hold { seconds: 9 }] {
        let refused = world.refused(&buy(3, &[code]).mode(mode)).await;
        assert_eq!(refused, AuthorizeError::CounterExhausted);
    }
    world.restart().await;
    assert_eq!(used(&world, 1).await, 2);
    // Whoever counts may let more pass later.
    world.charge(&buy(3, &[counter(1, 3, u64::MAX)])).await;
    assert_eq!(used(&world, 1).await, 3);
    assert_sound(&world).await;
}

#[tokio::test]
async fn of_two_that_were_claimed_one_is_charged_with_the_last_use() {
    let world = World::new().await;
    let code = counter(1, 1, u64::MAX);
    let (first, first_claim) = world.proceed(&buy(1, &[code])).await;
    let (second, second_claim) = world.proceed(&buy(2, &[code])).await;
    world.engine.charge(second, second_claim, None).await.unwrap();
    let refused = world.engine.charge(first, first_claim, None).await.unwrap_err();
    assert_eq!(refused, AuthorizeError::CounterExhausted);
    assert!(world.payment(first).await.is_none());
}

#[tokio::test]
async fn one_payment_takes_all_its_counters_or_none() {
    let world = World::new().await;
    world.charge(&buy(1, &[counter(2, 1, u64::MAX)])).await;
    let both = [counter(1, 1, u64::MAX), counter(2, 1, u64::MAX)];
    let refused = world.refused(&buy(2, &both).mode(Mode::Charge)).await;
    assert_eq!(refused, AuthorizeError::CounterExhausted);
    assert_eq!((used(&world, 1).await, used(&world, 2).await), (0, 1));
    let twice = [counter(3, 2, u64::MAX); 2];
    world.charge(&buy(3, &twice)).await;
    assert_eq!(used(&world, 3).await, 2);
    let thrice = [counter(4, 2, u64::MAX); 3];
    let refused = world.refused(&buy(4, &thrice).mode(Mode::Charge)).await;
    assert_eq!(refused, AuthorizeError::CounterExhausted);
}

#[tokio::test]
async fn a_copy_of_a_use_is_known_among_the_newest() {
    let mut world = World::new().await;
    let pass = counter(1, 100, START_MS + 3_600_000);
    let remembered = u32::try_from(COUNTER_USES_REMEMBERED_COUNT_MAX).unwrap();
    for number in 0..=remembered {
        let counted = world.engine.count(count(number.into(), pass)).await.unwrap();
        assert_eq!(counted, Counted { used: number + 1, again: false });
    }
    world.restart().await;
    let all = remembered + 1;
    for number in 1..=remembered {
        let counted = world.engine.count(count(number.into(), pass)).await.unwrap();
        assert_eq!(counted, Counted { used: all, again: true });
    }
    // The oldest was forgotten.
    let counted = world.engine.count(count(0, pass)).await.unwrap();
    assert_eq!(counted, Counted { used: all + 1, again: false });
    assert_sound(&world).await;
}

#[tokio::test]
async fn what_has_ended_counts_no_more_and_a_release_does_not_reach_the_next_time() {
    let world = World::new().await;
    let first = counter(1, 1, START_MS + 1000);
    let (held, claim) = world.proceed(&buy(1, &[first]).mode(Mode::Hold { seconds: 60 })).await;
    let spent = world.engine.count(count(1, first)).await;
    assert_eq!(spent, Err(CountError::Exhausted));
    world.clock.advance_ms(1500);
    let late = world.engine.count(count(1, first)).await;
    assert_eq!(late, Err(CountError::Exhausted), "its time is over");
    let next = counter(1, 1, START_MS + 3000);
    world.engine.count(count(2, next)).await.unwrap();
    world.engine.release(held, claim, None).await.unwrap();
    assert_eq!(used(&world, 1).await, 1);
    assert_eq!(world.engine.count(count(3, next)).await, Err(CountError::Exhausted));
}

#[tokio::test]
async fn a_use_can_be_for_accounts_that_are_open_alone() {
    let world = World::new().await;
    let used = |account| Count { account: Some(account), ..count(1, counter(1, 1, u64::MAX)) };
    let refused = world.engine.count(used(payer(99))).await;
    assert_eq!(refused, Err(CountError::UnknownAccount));
    world.engine.count(used(payer(1))).await.unwrap();
}

#[derive(Debug, Clone, Copy)]
enum Act {
    Charge(u8, u8),
    Hold { of: (u8, u8), seconds: u32 },
    Settle(usize),
    Release(usize),
    Use { of: u8, number: u8 },
    Wait(u32),
}

fn act() -> impl Strategy<Value = Act> {
    let of = || 1..=3_u8;
    prop_oneof![
        2 => (of(), of()).prop_map(|(one, two)| Act::Charge(one, two)),
        3 => ((of(), of()), 1..5_u32).prop_map(|(of, seconds)| Act::Hold { of, seconds }),
        1 => any::<usize>().prop_map(Act::Settle),
        2 => any::<usize>().prop_map(Act::Release),
        3 => (of(), 0..9_u8).prop_map(|(of, number)| Act::Use { of, number }),
        2 => (1..400_u32).prop_map(|sevenths| Act::Wait(sevenths * 7)),
    ]
}

/// One use of a counter, in a list of all that ever were.
struct Used {
    of: u8,
    ends_at: u64,
    payment: Option<PaymentId>,
    number: Option<u8>,
}

struct Held {
    id: PaymentId,
    claim: engine::ClaimToken,
    ends_at: u64,
}

/// What each counter allows, and how long a use of it lasts.
const MAX: u32 = 3;
const LASTS_MS: u64 = 4003;

#[derive(Default)]
struct Model {
    now: u64,
    uses: Vec<Used>,
    held: Vec<Held>,
}

impl Model {
    fn of(&self, of: u8) -> impl Iterator<Item = &Used> {
        self.uses.iter().filter(move |used| used.of == of)
    }

    fn used(&self, of: u8) -> u32 {
        u32::try_from(self.of(of).count()).unwrap()
    }

    fn counter(&self, of: u8) -> Counter {
        counter(of, MAX, START_MS + self.now + LASTS_MS)
    }

    fn take(&mut self, of: u8, payment: Option<PaymentId>, number: Option<u8>) {
        let ends_at = self.now + LASTS_MS;
        // The latest end that was named is that of all its uses.
        self.uses.iter_mut().filter(|used| used.of == of).for_each(|used| used.ends_at = ends_at);
        self.uses.push(Used { of, ends_at, payment, number });
    }

    fn release(&mut self, payment: PaymentId) {
        self.uses.retain(|used| used.payment != Some(payment));
    }

    fn has_room(&self, (one, two): (u8, u8)) -> bool {
        let left = |of| self.used(of) < MAX;
        left(one) && left(two) && (one != two || self.used(one) + 2 <= MAX)
    }

    fn wait(&mut self, milliseconds: u32) {
        self.now += u64::from(milliseconds);
        let now = self.now;
        let (over, held) =
            std::mem::take(&mut self.held).into_iter().partition(|held| held.ends_at <= now);
        self.held = held;
        self.uses.retain(|used| used.ends_at > now);
        let over: Vec<Held> = over;
        for held in over {
            self.release(held.id);
        }
    }
}

async fn take(world: &World, model: &mut Model, number: u128, act: Act) {
    let engine = &world.engine;
    match act {
        Act::Charge(one, two) | Act::Hold { of: (one, two), .. } => {
            let mode = match act {
                Act::Hold { seconds, .. } => Mode::Hold { seconds },
                _ => Mode::Charge,
            };
            let buy = buy(number, &[model.counter(one), model.counter(two)]).mode(mode);
            let answer = engine.authorize(buy.command()).await;
            if !model.has_room((one, two)) {
                assert_eq!(answer, Err(AuthorizeError::CounterExhausted));
                return;
            }
            for of in [one, two] {
                model.take(of, Some(buy.id()), None);
            }
            match (answer.unwrap(), mode) {
                (Authorized::Proceed { payment: id, claim }, Mode::Hold { seconds }) => {
                    let ends_at = model.now + u64::from(seconds) * 1000 + 1;
                    model.held.push(Held { id, claim, ends_at });
                }
                (Authorized::Charged(_), Mode::Charge) => {}
                other => panic!("{other:?}"),
            }
        }
        Act::Settle(pick) | Act::Release(pick) => {
            let Some(pick) = pick.checked_rem(model.held.len()) else { return };
            let Held { id, claim, .. } = model.held.remove(pick);
            if matches!(act, Act::Settle(_)) {
                engine.settle(id, Some(2), None, false).await.unwrap();
            } else {
                engine.release(id, claim, None).await.unwrap();
                model.release(id);
            }
        }
        Act::Use { of, number } => {
            let answer = engine.count(count(u128::from(number), model.counter(of))).await;
            let before = model.used(of);
            if model.of(of).any(|used| used.number == Some(number)) {
                assert_eq!(answer, Ok(Counted { used: before, again: true }));
            } else if before == MAX {
                assert_eq!(answer, Err(CountError::Exhausted));
            } else {
                assert_eq!(answer, Ok(Counted { used: before + 1, again: false }));
                model.take(of, None, Some(number));
            }
        }
        Act::Wait(milliseconds) => {
            world.clock.advance_ms(u64::from(milliseconds));
            model.wait(milliseconds);
            // The state knows the time of its last entry only.
            engine.count(count(number, counter(200, u32::MAX, u64::MAX))).await.unwrap();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn counters_agree_with_a_list_of_uses(
        acts in prop::collection::vec(act(), 1..60),
        restart_at in 0_usize..60,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let (mut world, mut model) = (World::new().await, Model::default());
            for (number, act) in acts.into_iter().enumerate() {
                if number == restart_at {
                    world.restart().await;
                }
                take(&world, &mut model, number as u128 + 1, act).await;
                for of in 1..=3 {
                    assert_eq!(used(&world, of).await, model.used(of), "{act:?}");
                }
            }
            assert_sound(&world).await;
        });
    }
}
