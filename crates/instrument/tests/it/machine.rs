//! Every state of a channel with every event, against a table that people read: `machine.txt`, which
//! the test writes anew into the file that `FARTHING_TABLE` names.

use std::collections::BTreeSet;
use std::fmt::Write;

use instrument::channel::{Effects, Event, Machine, Phase, Proven, StepError, Tick, TickLink};

use crate::channels::{OPENED_AT_MS, terms};

const TABLE: &str = include_str!("machine.txt");
const NOW_MS: u64 = OPENED_AT_MS + 10_000;
const RESERVE_ENDS_AT_MS: u64 = NOW_MS + 5_000;

fn voucher(sequence: u64, cumulative: u128) -> Proven {
    Proven::Voucher { sequence, cumulative }
}

fn tick(index: u32) -> Proven {
    Proven::Tick(Tick { index, link: TickLink([u8::try_from(index % 251).unwrap(); 16]) })
}

fn after(machine: Machine, events: &[Event]) -> Machine {
    events.iter().fold(machine, |machine, event| machine.step(&terms(), *event, NOW_MS).unwrap().0)
}

/// (name, channel, moment at which events meet it)
fn states() -> Vec<(&'static str, Machine, u64)> {
    let open = after(
        Machine::open(&terms()),
        &[
            Event::Begin { proof: voucher(4, 250), start: 100 },
            Event::Spend { total: 100, end: true },
            Event::Settle,
            Event::Accept(tick(10)),
            Event::Spend { total: 200, end: true },
            Event::Accept(voucher(5, 400)),
        ],
    );
    let spending = [
        Event::Begin { proof: voucher(6, 400), start: 1 },
        Event::Spend { total: 250, end: false },
        Event::Spend { total: 300, end: false },
    ];
    let running = after(open, &spending);
    let reserve = Event::Reserve { units: 50, ends_at_ms: RESERVE_ENDS_AT_MS };
    let reserved = after(running, &[reserve]);
    let closing = after(reserved, &[Event::AskToClose]);
    vec![
        ("new", Machine::open(&terms()), OPENED_AT_MS),
        ("open", open, NOW_MS),
        ("running", running, NOW_MS),
        ("reserved", reserved, NOW_MS),
        ("lapsed", reserved, RESERVE_ENDS_AT_MS),
        ("expired", reserved, terms().expires_at_ms),
        ("closing", closing, NOW_MS),
        ("delayed", closing, NOW_MS + 60_000),
        ("closed", after(open, &[Event::Agree]), NOW_MS),
    ]
}

fn events() -> Vec<(&'static str, Event)> {
    let other_link = Proven::Tick(Tick { index: 10, link: TickLink([0; 16]) });
    vec![
        ("top-up 999", Event::TopUp { deposit: 999 }),
        ("top-up 1000", Event::TopUp { deposit: 1000 }),
        ("top-up 1500", Event::TopUp { deposit: 1500 }),
        ("accept voucher 4 250", Event::Accept(voucher(4, 250))),
        ("accept voucher 5 400", Event::Accept(voucher(5, 400))),
        ("accept voucher 5 500", Event::Accept(voucher(5, 500))),
        ("accept voucher 6 400", Event::Accept(voucher(6, 400))),
        ("accept voucher 7 399", Event::Accept(voucher(7, 399))),
        ("accept voucher 7 1000", Event::Accept(voucher(7, 1000))),
        ("accept voucher 7 1001", Event::Accept(voucher(7, 1001))),
        ("accept tick 9", Event::Accept(tick(9))),
        ("accept tick 10", Event::Accept(tick(10))),
        ("accept tick 10 other", Event::Accept(other_link)),
        ("accept tick 20", Event::Accept(tick(20))),
        ("accept tick 100", Event::Accept(tick(100))),
        ("accept tick 101", Event::Accept(tick(101))),
        ("accept tick 201", Event::Accept(tick(201))),
        ("begin voucher 6 400", Event::Begin { proof: voucher(6, 400), start: 1 }),
        ("begin voucher 7 400", Event::Begin { proof: voucher(7, 400), start: 100 }),
        ("begin voucher 7 400 more", Event::Begin { proof: voucher(7, 400), start: 201 }),
        ("begin voucher 3 999", Event::Begin { proof: voucher(3, 999), start: 0 }),
        ("begin tick 10", Event::Begin { proof: tick(10), start: 0 }),
        ("begin tick 50", Event::Begin { proof: tick(50), start: 200 }),
        ("reserve 100", Event::Reserve { units: 100, ends_at_ms: NOW_MS + 9_000 }),
        ("reserve 201", Event::Reserve { units: 201, ends_at_ms: NOW_MS + 9_000 }),
        ("spend 320", Event::Spend { total: 320, end: false }),
        ("spend 300", Event::Spend { total: 300, end: false }),
        ("spend 270", Event::Spend { total: 270, end: false }),
        ("spend 230", Event::Spend { total: 230, end: false }),
        ("spend 199", Event::Spend { total: 199, end: false }),
        ("spend 401", Event::Spend { total: 401, end: false }),
        ("spend 300 end", Event::Spend { total: 300, end: true }),
        ("spend 400 end", Event::Spend { total: 400, end: true }),
        ("give up", Event::GiveUp),
        ("claim voucher 4 250", Event::Claim(voucher(4, 250))),
        ("claim voucher 5 400", Event::Claim(voucher(5, 400))),
        ("claim voucher 7 600", Event::Claim(voucher(7, 600))),
        ("claim voucher 7 1001", Event::Claim(voucher(7, 1001))),
        ("claim tick 10", Event::Claim(tick(10))),
        ("claim tick 50", Event::Claim(tick(50))),
        ("settle", Event::Settle),
        ("ask to close", Event::AskToClose),
        ("agree", Event::Agree),
        ("time", Event::Time),
    ]
}

/// Name of an event's kind. A new kind does not compile until it has one, and rows.
fn kind(event: Event) -> &'static str {
    match event {
        Event::TopUp { .. } => "top-up",
        Event::Accept(Proven::Voucher { .. }) => "accept voucher",
        Event::Accept(Proven::Tick(_)) => "accept tick",
        Event::Begin { proof: Proven::Voucher { .. }, .. } => "begin voucher",
        Event::Begin { proof: Proven::Tick(_), .. } => "begin tick",
        Event::Reserve { .. } => "reserve",
        Event::Spend { .. } => "spend",
        Event::GiveUp => "give up",
        Event::Claim(Proven::Voucher { .. }) => "claim voucher",
        Event::Claim(Proven::Tick(_)) => "claim tick",
        Event::Settle => "settle",
        Event::AskToClose => "ask to close",
        Event::Agree => "agree",
        Event::Time => "time",
    }
}

const KINDS: usize = 14;

#[test]
fn every_kind_of_event_and_every_phase_is_in_the_table() {
    let kinds: BTreeSet<_> = events().iter().map(|(_, event)| kind(*event)).collect();
    assert_eq!(kinds.len(), KINDS);
    for (name, event) in events() {
        assert!(name.starts_with(kind(event)), "{name}");
    }
    let phases = states().into_iter().map(|(_, machine, _)| match machine.phase() {
        Phase::Open => "open",
        Phase::Closing { .. } => "closing",
        Phase::Closed => "closed",
    });
    assert_eq!(phases.collect::<BTreeSet<_>>().len(), 3);
}

/// The amounts that people see, by name.
fn shown(machine: &Machine) -> Vec<(&'static str, String)> {
    let phase = match machine.phase() {
        Phase::Open => "open".to_owned(),
        Phase::Closing { closes_at_ms } => format!("closing at {}", seconds(closes_at_ms)),
        Phase::Closed => "closed".to_owned(),
    };
    let reserve = machine.reserve_ends_at_ms().map_or("-".to_owned(), seconds);
    vec![
        ("phase", phase),
        ("deposit", machine.deposit().to_string()),
        ("accepted", machine.accepted().to_string()),
        ("spent", machine.spent().to_string()),
        ("reserved", machine.reserved().to_string()),
        ("reserved to", reserve),
        ("settled", machine.settled().to_string()),
        ("unsettled", machine.unsettled().to_string()),
        ("started", machine.started().to_string()),
        ("sequence", machine.sequence().to_string()),
        ("voucher", machine.voucher_cumulative().to_string()),
        ("tick", machine.tick().index.to_string()),
    ]
}

fn seconds(at_ms: u64) -> String {
    format!("{} s", (at_ms - OPENED_AT_MS) / 1000)
}

/// What changes, what moves, or the code of the refusal.
fn outcome(before: &Machine, stepped: &Result<(Machine, Effects), StepError>) -> String {
    let (next, effects) = match stepped {
        Ok(stepped) => stepped,
        Err(error) => return error.code().to_owned(),
    };
    let moves = [("hold", effects.hold), ("pay", effects.pay), ("give back", effects.give_back)];
    let moves = moves.iter().filter(|(_, units)| *units > 0);
    let mut words: Vec<String> = moves.map(|(word, units)| format!("{word} {units}")).collect();
    let changes = shown(before).into_iter().zip(shown(next)).filter(|(old, new)| old != new);
    words.extend(changes.map(|(_, (name, value))| format!("{name} {value}")));
    if words.is_empty() { "-".to_owned() } else { words.join(", ") }
}

#[test]
fn every_state_with_every_event() {
    let mut table = String::new();
    for (state, machine, now_ms) in states() {
        let all: Vec<String> =
            shown(&machine).into_iter().map(|(name, value)| format!("{name} {value}")).collect();
        writeln!(table, "{state}, at {}: {}", seconds(now_ms), all.join(", ")).unwrap();
        for (name, event) in events() {
            let stepped = machine.step(&terms(), event, now_ms);
            writeln!(table, "  {name:<26} {}", outcome(&machine, &stepped)).unwrap();
        }
    }
    if let Ok(path) = std::env::var("FARTHING_TABLE") {
        std::fs::write(path, &table).unwrap();
    }
    for (number, (line, expected)) in table.lines().zip(TABLE.lines()).enumerate() {
        assert_eq!(line, expected, "line {}", number + 1);
    }
    assert_eq!(table.lines().count(), TABLE.lines().count());
}

#[test]
fn a_closing_never_outlives_the_terms() {
    let expires_at_ms = terms().expires_at_ms;
    let asked = |now_ms| {
        let stepped = Machine::open(&terms()).step(&terms(), Event::AskToClose, now_ms);
        stepped.unwrap().0
    };
    let (early, late) = (asked(expires_at_ms - 60_001), asked(expires_at_ms - 59_999));
    assert_eq!(early.phase(), Phase::Closing { closes_at_ms: expires_at_ms - 1 });
    assert_eq!(late.phase(), Phase::Closing { closes_at_ms: expires_at_ms });
    assert_eq!(late.due_at_ms(&terms()), Some(expires_at_ms));
}

/// The payer cannot run away from a request that executes once, neither by a short delay nor by a
/// short life: what is set aside stays there until it is spent, given up, or its time is over.
#[test]
fn no_end_comes_before_that_of_what_is_set_aside() {
    let expires_at_ms = terms().expires_at_ms;
    for (asks, begun_ms, own_end_ms) in
        [(true, NOW_MS, NOW_MS + 60_000), (false, expires_at_ms - 1_000, expires_at_ms)]
    {
        let ends_at_ms = own_end_ms + 20_000;
        let step = |machine: Machine, event, at_ms| machine.step(&terms(), event, at_ms);
        let mut machine = Machine::open(&terms());
        for event in [
            Event::Begin { proof: voucher(1, 300), start: 100 },
            Event::Reserve { units: 100, ends_at_ms },
        ] {
            machine = step(machine, event, begun_ms).unwrap().0;
        }
        if asks {
            machine = step(machine, Event::AskToClose, begun_ms).unwrap().0;
        }
        for event in [Event::Time, Event::Settle, Event::AskToClose] {
            let (next, effects) = step(machine, event, ends_at_ms - 1).unwrap();
            assert_ne!(next.phase(), Phase::Closed, "{event:?}");
            assert_eq!((next.reserved(), effects), (100, Effects::default()), "{event:?}");
        }
        assert_eq!(machine.due_at_ms(&terms()), Some(ends_at_ms));
        let (paid, _) = step(machine, Event::Spend { total: 100, end: true }, own_end_ms).unwrap();
        assert_eq!(paid.due_at_ms(&terms()), Some(own_end_ms));
        let closed = |machine| {
            let (next, effects) = step(machine, Event::Time, ends_at_ms).unwrap();
            (next.phase(), effects.pay, effects.give_back)
        };
        assert_eq!(closed(paid), (Phase::Closed, 100, 900));
        assert_eq!(closed(machine), (Phase::Closed, 0, 1000));
    }
}

/// What a sweep goes by: at the moment that is named time does something, and not before.
#[test]
fn the_due_moment_is_when_time_does_something() {
    for (state, machine, now_ms) in states() {
        let Some(due_at_ms) = machine.due_at_ms(&terms()) else {
            assert_eq!(machine.phase(), Phase::Closed, "{state}");
            continue;
        };
        let time = |at_ms| machine.step(&terms(), Event::Time, at_ms).unwrap().0;
        assert_ne!(time(due_at_ms), machine, "{state}");
        assert_eq!(time(due_at_ms - 1), machine, "{state} {now_ms}");
    }
}
