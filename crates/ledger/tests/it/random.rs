//! Random histories against the naive model: every status, every balance, conservation, and the
//! same bytes again.

use std::cell::RefCell;
use std::collections::BTreeSet;

use ledger::{
    AMOUNT_MAX, Account, Balances, CreateAccountStatus, CreateTransferStatus, Kind, Ledger, Limit,
    Seed, Sides, Transfer,
};
use money::{AccountId, Asset, TransferId};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::model::Model;
use crate::pasts::Vague;
use crate::queries;

const SECOND_NS: u64 = 1_000_000_000;

#[derive(Debug, Clone)]
enum Step {
    Accounts(Vec<Account>),
    Transfers(Vec<Draft>),
    Expire { limit: usize },
    Wait { seconds: u64 },
    Restore,
}

/// A transfer that is finished only when its turn comes, from what has happened until then.
#[derive(Debug, Clone)]
struct Draft {
    event: Transfer,
    source: Source,
    /// Which earlier event is the source.
    pick: usize,
    /// Which field stays as drafted all the same; none if out of range.
    own_field: usize,
}

#[derive(Debug, Clone, Copy)]
enum Source {
    /// As drafted.
    Draft,
    /// An earlier event once more.
    Earlier,
    /// For a post or void: a pending transfer that exists.
    Hold,
}

fn account_id() -> impl Strategy<Value = AccountId> {
    (1_u128..=6).prop_map(|value| AccountId::new(value).unwrap())
}

fn transfer_id() -> impl Strategy<Value = TransferId> {
    (1_u128..=100).prop_map(|value| TransferId::new(value).unwrap())
}

fn asset() -> impl Strategy<Value = Asset> {
    prop_oneof![6 => Just("USD"), 1 => Just("EUR")].prop_map(|code| Asset::new(code, 9).unwrap())
}

fn amount() -> impl Strategy<Value = u128> {
    prop_oneof![
        12 => 0_u128..30,
        2 => Just(AMOUNT_MAX),
        2 => Just(AMOUNT_MAX / 2),
        1 => AMOUNT_MAX - 40..AMOUNT_MAX,
    ]
}

fn code() -> impl Strategy<Value = u16> {
    prop_oneof![1 => Just(0_u16), 12 => Just(1), 1 => Just(2)]
}

fn user_data() -> impl Strategy<Value = (u128, u64, u32)> {
    let part = || prop_oneof![7 => Just(0_u32), 1 => Just(1), 1 => Just(2)];
    (part(), part(), part()).prop_map(|(wide, middle, narrow)| (wide.into(), middle.into(), narrow))
}

fn sides(none: u32) -> impl Strategy<Value = Sides> {
    prop_oneof![
        none => Just(Sides::NONE),
        3 => Just(Sides::DEBIT),
        3 => Just(Sides::CREDIT),
        1 => Just(Sides::BOTH),
    ]
}

fn account() -> impl Strategy<Value = Account> {
    let limit = prop_oneof![
        3 => Just(Limit::None),
        2 => Just(Limit::DebitsMustNotExceedCredits),
        1 => Just(Limit::CreditsMustNotExceedDebits),
    ];
    let flags = (limit, any::<bool>(), prop::bool::weighted(0.04), prop::bool::weighted(0.2));
    (account_id(), asset(), code(), user_data(), flags).prop_map(
        |(id, asset, code, user_data, (limit, history, closed, linked))| {
            let (user_data, user_data_64, user_data_32) = user_data;
            Account {
                id,
                asset,
                code,
                user_data,
                user_data_64,
                user_data_32,
                limit,
                history,
                closed,
                linked,
            }
        },
    )
}

fn kind() -> impl Strategy<Value = Kind> {
    let timeout = prop_oneof![Just(0), 1_u32..8];
    prop_oneof![
        3 => sides(14).prop_map(|balancing| Kind::Single { balancing }),
        4 => (timeout, sides(20), sides(50)).prop_map(|(timeout_seconds, balancing, closing)| {
            Kind::Pending { timeout_seconds, balancing, closing }
        }),
        3 => transfer_id().prop_map(|pending_id| Kind::Post { pending_id }),
        2 => transfer_id().prop_map(|pending_id| Kind::Void { pending_id }),
    ]
}

fn draft() -> impl Strategy<Value = Draft> {
    let source = prop_oneof![
        2 => Just(Source::Draft),
        2 => Just(Source::Earlier),
        6 => Just(Source::Hold),
    ];
    let ids = (transfer_id(), account_id(), account_id());
    let content = (asset(), amount(), code(), user_data(), prop::bool::weighted(0.25));
    (ids, kind(), content, source, any::<prop::sample::Index>(), 0_usize..24).prop_map(
        |(ids, kind, content, source, pick, own_field)| {
            let (id, debit_account, credit_account) = ids;
            let (asset, amount, code, (user_data, user_data_64, user_data_32), linked) = content;
            let event = Transfer {
                id,
                kind,
                debit_account,
                credit_account,
                asset,
                amount,
                code,
                user_data,
                user_data_64,
                user_data_32,
                linked,
            };
            Draft { event, source, pick: pick.index(1 << 16), own_field }
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => prop::collection::vec(account(), 1..5).prop_map(Step::Accounts),
        12 => prop::collection::vec(draft(), 1..8).prop_map(Step::Transfers),
        2 => (0_usize..4).prop_map(|limit| Step::Expire { limit }),
        2 => (1_u64..5).prop_map(|seconds| Step::Wait { seconds }),
        1 => Just(Step::Restore),
    ]
}

fn history() -> impl Strategy<Value = Vec<Step>> {
    let first = prop::collection::vec(account(), 3..7).prop_map(Step::Accounts);
    (first, prop::collection::vec(step(), 1..20)).prop_map(|(first, mut steps)| {
        steps.insert(0, first);
        steps
    })
}

impl Draft {
    fn finish(&self, model: &Model, earlier: &[Transfer]) -> Transfer {
        let holds: Vec<Transfer> = model
            .transfers
            .iter()
            .map(|past| past.event)
            .filter(|event| matches!(event.kind, Kind::Pending { .. }))
            .collect();
        let event = self.event;
        match (self.source, event.kind) {
            (Source::Earlier, _) if !earlier.is_empty() => {
                self.keep_own_field(earlier[self.pick % earlier.len()])
            }
            (Source::Hold, Kind::Post { .. }) if !holds.is_empty() => {
                let hold = holds[self.pick % holds.len()];
                self.keep_own_field(Transfer {
                    user_data: event.user_data,
                    user_data_64: event.user_data_64,
                    user_data_32: event.user_data_32,
                    ..hold.post(event.id, event.amount)
                })
            }
            (Source::Hold, Kind::Void { .. }) if !holds.is_empty() => {
                self.keep_own_field(holds[self.pick % holds.len()].void(event.id))
            }
            _ => event,
        }
    }

    fn keep_own_field(&self, mut found: Transfer) -> Transfer {
        match self.own_field {
            0 => found.debit_account = self.event.debit_account,
            1 => found.credit_account = self.event.credit_account,
            2 | 8 | 12 => found.asset = self.event.asset,
            3 | 9 => found.code = self.event.code,
            4 => found.amount = self.event.amount,
            5 => found.user_data = self.event.user_data,
            6 => found.linked = self.event.linked,
            10 => found.user_data_64 = self.event.user_data_64,
            11 => found.user_data_32 = self.event.user_data_32,
            7 | 13 | 14 | 15 => found.kind = self.event.kind,
            _ => {}
        }
        found
    }
}

struct Run {
    ledger: Ledger,
    model: Model,
    now_ns: u64,
    transfers: Vec<Transfer>,
    seen: BTreeSet<&'static str>,
}

/// Runs a history on both and returns the bytes of the ledger and the statuses seen.
fn run(steps: &[Step]) -> (Vec<u8>, BTreeSet<&'static str>) {
    let mut run = Run {
        ledger: Ledger::new(),
        model: Model::default(),
        now_ns: SECOND_NS,
        transfers: Vec::new(),
        seen: BTreeSet::new(),
    };
    for step in steps {
        run.step(step);
        run.compare();
    }
    queries::compare(&run.ledger, &run.model);
    let replayed = replay(&run.ledger);
    assert_eq!(encode(&replayed), encode(&run.ledger));
    assert_eq!(replayed.check(), Ok(()));
    queries::compare(&replayed, &run.model);
    let mut vague = Ledger::with_past(Vague::default(), Seed::DEFAULT);
    vague.replay(run.ledger.past().rows(), run.ledger.past().burned()).unwrap();
    queries::compare(&vague, &run.model);
    for past in &run.model.transfers {
        assert_eq!(vague.transfer(past.event.id), run.ledger.transfer(past.event.id));
    }
    (encode(&run.ledger), run.seen)
}

fn encode(ledger: &Ledger) -> Vec<u8> {
    ledger.snapshot().to_bytes()
}

fn restore(ledger: &Ledger) -> Ledger {
    let seed = Seed::new([ledger.len(), 3]);
    Ledger::restore(&encode(ledger), ledger.past().clone(), seed).unwrap()
}

/// Everything once more from its rows, call by call or all in one.
fn replay(ledger: &Ledger) -> Ledger {
    let mut replayed = Ledger::new();
    replayed.replay(ledger.past().rows(), ledger.past().burned()).unwrap();
    replayed
}

impl Run {
    fn step(&mut self, step: &Step) {
        match step {
            Step::Accounts(events) => {
                self.now_ns += 10;
                let found = self.ledger.create_accounts(events, self.now_ns).unwrap();
                let found: Vec<_> = found.into_iter().map(CreateAccountStatus::code).collect();
                assert_eq!(found, self.model.create_accounts(events));
            }
            Step::Transfers(drafts) => {
                self.now_ns += 10;
                let finish = |draft: &Draft| draft.finish(&self.model, &self.transfers);
                let events: Vec<Transfer> = drafts.iter().map(finish).collect();
                let found = self.ledger.create_transfers(&events, self.now_ns).unwrap();
                let found: Vec<_> = found.into_iter().map(CreateTransferStatus::code).collect();
                assert_eq!(found, self.model.create_transfers(&events, self.now_ns), "{events:#?}");
                self.seen.extend(found);
                self.transfers.extend(events);
            }
            Step::Expire { limit } => {
                self.now_ns += 10;
                let released = self.ledger.expire(self.now_ns, *limit).unwrap();
                assert_eq!(released, self.model.expire(self.now_ns, *limit));
            }
            Step::Wait { seconds } => self.now_ns += seconds * SECOND_NS,
            Step::Restore => {
                self.ledger = restore(&self.ledger);
            }
        }
    }

    fn compare(&self) {
        assert_eq!(self.ledger.check(), Ok(()));
        let ids: Vec<AccountId> = self.ledger.accounts().map(|account| account.id).collect();
        let expected: Vec<AccountId> = self.model.accounts.iter().map(|event| event.id).collect();
        assert_eq!(ids, expected);
        for event in &self.model.accounts {
            let standing = self.ledger.account(event.id).unwrap();
            let [debits_pending, debits_posted, credits_pending, credits_posted] =
                self.model.balances(event.id);
            let balances =
                Balances { debits_pending, debits_posted, credits_pending, credits_posted };
            assert_eq!(standing.balances, balances);
            let state = self.ledger.account_state(event.id).unwrap().unwrap();
            assert_eq!(state.account, *event);
            assert_eq!(state.closed, self.model.is_closed(event.id));
            assert_eq!((state.balances, state.closed), (balances, standing.closed));
            let content = (standing.asset, standing.code, standing.limit, standing.history);
            assert_eq!(content, (event.asset, event.code, event.limit, event.history));
        }
        assert_eq!(self.ledger.len(), u64::try_from(self.model.feed.len()).unwrap());
        for &id in &self.model.failed {
            assert_eq!(self.ledger.is_failed(id), Ok(true));
        }
        for past in &self.model.transfers {
            let state = self.ledger.transfer(past.event.id).unwrap().unwrap();
            assert_eq!(state.transfer, past.event);
            assert_eq!(state.timestamp_ns, past.timestamp_ns);
            let name = format!("{:?}", state.pending).to_lowercase();
            assert!(name.starts_with(past.outcome), "{name} is {}", past.outcome);
        }
        let open = self.model.transfers.iter().filter(|past| past.outcome == "pending");
        assert_eq!(self.ledger.next_expiry_ns(), open.filter_map(Model::expires_at_ns).min());
        for (asset, totals) in self.ledger.totals() {
            assert_eq!(self.ledger.totals_of(asset), Some(&totals));
            let [pending, posted] = self.model.sums(asset);
            assert_eq!((totals.debits_pending, totals.debits_posted), (pending, posted));
            assert_eq!((totals.credits_pending, totals.credits_posted), (pending, posted));
        }
    }
}

proptest! {
    #![proptest_config(Config { cases: 400, ..Config::default() })]

    #[test]
    fn ledger_is_the_model_and_deterministic(steps in history()) {
        let (bytes, _) = run(&steps);
        let without_restore: Vec<Step> =
            steps.iter().filter(|step| !matches!(step, Step::Restore)).cloned().collect();
        prop_assert_eq!(&run(&without_restore).0, &bytes, "a snapshot is no event");
    }
}

/// The histories are worth something only if they reach the corners.
#[test]
fn histories_reach_every_status() {
    let seen = RefCell::new(BTreeSet::new());
    let config = Config { cases: 2500, failure_persistence: None, ..Config::default() };
    let rng = proptest::test_runner::TestRng::deterministic_rng(config.rng_algorithm);
    TestRunner::new_with_rng(config, rng)
        .run(&history(), |steps| {
            seen.borrow_mut().extend(run(&steps).1);
            Ok(())
        })
        .unwrap();
    let missed: Vec<&str> = CreateTransferStatus::ALL
        .iter()
        .map(|status| status.code())
        .filter(|code| !seen.borrow().contains(code))
        .collect();
    // Needs a clock at the end of time, which the table has.
    assert_eq!(missed, ["overflows_timeout"]);
}
