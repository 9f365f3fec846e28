//! Random lives of a channel against a naive model: who holds which money, and what was promised.

use instrument::channel::{
    ChannelTerms, Effects, Event, Machine, Phase, Proven, StepError, Tick, TickLink,
};
use proptest::prelude::*;

use crate::channels::{OPENED_AT_MS, terms};

/// What a bystander writes down who sees events, answers and money, and knows no machine.
#[derive(Debug, Clone)]
struct Model {
    payer: u128,
    held: u128,
    payee: u128,
    deposit: u128,
    /// Totals of all proofs that were taken.
    signed: Vec<u128>,
    /// Every voucher that was taken, in order.
    vouchers: Vec<(u64, u128)>,
    /// Every tick that was taken, in order.
    ticks: Vec<Tick>,
    /// The greatest total that a claim got an answer for.
    claimed: u128,
}

const FUNDS: u128 = 1_000_000;

impl Model {
    fn open(terms: &ChannelTerms) -> Self {
        let deposit = terms.deposit.units();
        Self {
            payer: FUNDS - deposit,
            held: deposit,
            payee: 0,
            deposit,
            signed: vec![0],
            vouchers: vec![(0, 0)],
            ticks: vec![terms.root()],
            claimed: 0,
        }
    }

    /// What the rules of the format say of a proof, from the list of all that were taken.
    fn judge(&self, terms: &ChannelTerms, proof: Proven) -> Result<u128, &'static str> {
        match proof {
            Proven::Voucher { sequence, cumulative } => {
                let newest = *self.vouchers.iter().max().unwrap();
                match (sequence, cumulative) {
                    same if same == newest => Ok(cumulative),
                    _ if self.vouchers.iter().any(|(other, _)| sequence < *other) => {
                        Err("voucher_stale")
                    }
                    (same, _) if same == newest.0 => Err("voucher_reused"),
                    (_, total) if self.vouchers.iter().any(|(_, other)| total < *other) => {
                        Err("voucher_lower")
                    }
                    (_, total) if total > self.deposit => Err("voucher_above_deposit"),
                    _ => Ok(cumulative),
                }
            }
            Proven::Tick(tick) => {
                let newest = self.ticks.iter().max_by_key(|tick| tick.index).unwrap();
                let total = u128::from(tick.index) * terms.tick_units;
                match tick.index {
                    index if index > terms.tick_count => Err("tick_beyond_end"),
                    _ if tick == *newest => Ok(total),
                    index if index <= newest.index => Err("tick_stale"),
                    _ if total > self.deposit => Err("tick_above_deposit"),
                    _ => Ok(total),
                }
            }
        }
    }

    fn take(&mut self, proof: Proven, total: u128) {
        self.signed.push(total);
        match proof {
            Proven::Voucher { sequence, cumulative } => self.vouchers.push((sequence, cumulative)),
            Proven::Tick(tick) => self.ticks.push(tick),
        }
    }

    fn accepted(&self) -> u128 {
        *self.signed.iter().max().unwrap()
    }

    fn moved(&mut self, effects: Effects) {
        self.payer -= effects.hold;
        self.held += effects.hold;
        self.held -= effects.pay;
        self.payee += effects.pay;
        self.held -= effects.give_back;
        self.payer += effects.give_back;
    }
}

fn proof() -> impl Strategy<Value = Proven> {
    let link = prop::sample::select(vec![[1; 16], [2; 16]]).prop_map(TickLink);
    prop_oneof![
        3 => (0_u64..12, 0_u128..1500)
            .prop_map(|(sequence, cumulative)| Proven::Voucher { sequence, cumulative }),
        1 => (0_u32..210, link).prop_map(|(index, link)| Proven::Tick(Tick { index, link })),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        1 => (900_u128..2000).prop_map(|deposit| Event::TopUp { deposit }),
        4 => proof().prop_map(Event::Accept),
        4 => (proof(), 0_u128..300).prop_map(|(proof, start)| Event::Begin { proof, start }),
        2 => (0_u128..500, 0_u64..20_000).prop_map(|(units, in_ms)| Event::Reserve {
            units,
            ends_at_ms: OPENED_AT_MS + in_ms,
        }),
        8 => (0_u128..1500, prop::bool::weighted(0.3))
            .prop_map(|(total, end)| Event::Spend { total, end }),
        1 => Just(Event::GiveUp),
        1 => proof().prop_map(Event::Claim),
        2 => Just(Event::Settle),
        1 => Just(Event::AskToClose),
        1 => prop::sample::select(vec![Event::Agree, Event::Time, Event::Time, Event::Time]),
    ]
}

/// Events with the milliseconds since the one before.
fn life() -> impl Strategy<Value = Vec<(Event, u64)>> {
    let pause = prop_oneof![8 => 0_u64..2_000, 1 => 0_u64..70_000];
    prop::collection::vec((event(), pause), 1..60)
}

/// Checks one step against the model, and keeps the model's books.
fn follow(
    model: &mut Model,
    before: &Machine,
    event: Event,
    stepped: &Result<(Machine, Effects), StepError>,
) {
    let terms = terms();
    let proof = match event {
        Event::Accept(proof) | Event::Claim(proof) | Event::Begin { proof, .. } => Some(proof),
        _ => None,
    };
    let Ok((next, effects)) = stepped else {
        let code = stepped.as_ref().unwrap_err().code();
        if let Some(Err(expected)) = proof.map(|proof| model.judge(&terms, proof)) {
            assert!([expected, "channel_closed", "channel_closing"].contains(&code), "{code}");
        }
        return;
    };
    if let Some(proof) = proof {
        let total = model.judge(&terms, proof).expect("the rules of the format refuse it");
        model.take(proof, total);
        if matches!(event, Event::Claim(_)) {
            model.claimed = model.claimed.max(total);
        }
    }
    if let Event::TopUp { deposit } = event {
        assert!(deposit >= model.deposit);
        model.deposit = deposit;
    }
    model.moved(*effects);
    assert_eq!(model.payer + model.held + model.payee, FUNDS);
    assert_eq!(next.accepted(), model.accepted());
    assert_eq!(next.deposit(), model.deposit);
    assert_eq!(next.settled(), model.payee);
    let is_closed = next.phase() == Phase::Closed;
    assert_eq!(model.held, if is_closed { 0 } else { next.deposit() - next.settled() });
    // The payer never loses more than it has signed for, and nobody takes back what was paid.
    assert!(next.spent() + next.reserved() <= model.accepted());
    assert!(model.payee <= next.spent() && next.settled() >= before.settled());
    assert!(next.spent() >= model.claimed);
}

fn step(machine: &Machine, event: Event, now_ms: u64) -> Result<(Machine, Effects), StepError> {
    machine.step(&terms(), event, now_ms)
}

/// From here the payer alone gets everything back that was not spent, after the delay at most.
fn payer_can_leave(machine: &Machine, model: &Model, now_ms: u64) {
    let delay_ms = u64::from(terms().close_delay_seconds) * 1000;
    let mut model = model.clone();
    let (asked, effects) = step(machine, Event::AskToClose, now_ms).unwrap();
    model.moved(effects);
    let (closed, effects) = step(&asked, Event::Time, now_ms + delay_ms).unwrap();
    model.moved(effects);
    assert_eq!(closed.phase(), Phase::Closed);
    assert_eq!((model.payer, model.held), (FUNDS - closed.spent(), 0));
    assert_eq!(closed.spent(), machine.spent());
}

/// From here the payee gets all that any proof allows until the last moment of the delay.
fn payee_can_claim(machine: &Machine, model: &Model, now_ms: u64) {
    let (asked, effects) = step(machine, Event::AskToClose, now_ms).unwrap();
    let Phase::Closing { closes_at_ms } = asked.phase() else { return };
    let mut model = model.clone();
    model.moved(effects);
    let last_ms = closes_at_ms.min(terms().expires_at_ms) - 1;
    let proof = Proven::Voucher { sequence: u64::MAX, cumulative: model.deposit };
    let (claimed, effects) = step(&asked, Event::Claim(proof), last_ms.max(now_ms)).unwrap();
    model.moved(effects);
    let (_, effects) = step(&claimed, Event::Time, closes_at_ms).unwrap();
    model.moved(effects);
    assert_eq!(model.payee, model.deposit);
}

/// The same event again changes and moves nothing; a request cannot begin twice.
fn again_changes_nothing(next: &Machine, event: Event, now_ms: u64) {
    let again = step(next, event, now_ms);
    match event {
        Event::Begin { .. } => assert!(again.is_err(), "{event:?}"),
        Event::Reserve { .. } if next.reserve_ends_at_ms().is_some() => {
            assert_eq!(again, Err(StepError::Busy));
        }
        _ => assert_eq!(again, Ok((*next, Effects::default())), "{event:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn lives_keep_every_promise(life in life()) {
        let mut machine = Machine::open(&terms());
        let mut model = Model::open(&terms());
        let mut now_ms = OPENED_AT_MS;
        for (event, pause_ms) in life {
            now_ms += pause_ms;
            let stepped = step(&machine, event, now_ms);
            follow(&mut model, &machine, event, &stepped);
            if let Ok((next, _)) = stepped {
                again_changes_nothing(&next, event, now_ms);
                machine = next;
            }
            payer_can_leave(&machine, &model, now_ms);
            payee_can_claim(&machine, &model, now_ms);
        }
    }
}
