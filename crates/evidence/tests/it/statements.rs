//! Statements that hold, of random ledgers too, and the vectors of `conformance/statements.json`.

use evidence::statement::{Statement, StatementRefused};
use evidence::verdict::{Sentence, StatementVerdict};
use money::{AccountId, Asset};
use proptest::prelude::*;
use serde_json::{Value, json};
use tlog::policy::Policy;

use crate::books::{SEEN, policy, policy_text};
use crate::ledgers::{Ledger, ledger_of, steps};
use crate::records::{account, usd};
use crate::statements_refused;
use crate::vectors::compare;

const ABOUT: &str = "Statements of accounts (docs/reference/formats.md, The log) that verify, and what \
they prove; statements that do not, with the code of the error in `wantErr`. `statement` is the whole \
file as text, `now` as in receipts.json. Numbers are decimal strings. Codes of sentences are stable, \
`texts` are those of the Rust implementation.";

pub const ALICE: u128 = 7;
pub const MAGAZINE: u128 = 8;

/// Two accounts of each of two assets that were paid, and an epoch.
fn beginning() -> (Ledger, AccountId, AccountId) {
    let mut ledger = Ledger::default();
    let treasury = ledger.create(1, usd());
    let alice = ledger.create(ALICE, usd());
    ledger.transfer(treasury, alice, 10_000_000_000);
    let magazine = ledger.create(MAGAZINE, usd());
    let yen = Asset::new("JPY", 0).unwrap();
    let (bank, bob) = (ledger.create(20, yen), ledger.create(21, yen));
    ledger.transfer(bank, bob, 5000);
    ledger.transfer(alice, magazine, 2_000_000);
    ledger.close_epoch();
    (ledger, alice, magazine)
}

/// Two epochs, entries of all kinds, and one behind the last epoch.
pub fn ledger() -> Ledger {
    let (mut ledger, alice, magazine) = beginning();
    for amount in [5_000_000, 7, 9, 11] {
        ledger.hold(alice, magazine, amount);
    }
    ledger.post(0, 3_000_000);
    ledger.void(0);
    ledger.expire(0);
    ledger.transfer(magazine, alice, 500_000);
    ledger.close_epoch();
    ledger.transfer(alice, magazine, 2_500_000);
    ledger
}

/// Two epochs, a hold, and an entry behind the last epoch.
pub fn short_ledger() -> Ledger {
    let (mut ledger, alice, magazine) = beginning();
    ledger.hold(alice, magazine, 11);
    ledger.close_epoch();
    ledger.transfer(alice, magazine, 2_500_000);
    ledger
}

/// One statement with what it is verified against.
pub struct Case {
    pub name: &'static str,
    pub statement: String,
    pub policy: String,
    pub now: Option<u64>,
}

pub fn case(name: &'static str, statement: &Statement) -> Case {
    let statement = statement.to_json().unwrap();
    Case { name, statement, policy: policy_text(), now: Some(SEEN + 5) }
}

pub fn verify(case: &Case) -> Result<StatementVerdict, StatementRefused> {
    let policy = Policy::parse(case.policy.as_bytes()).unwrap();
    Statement::parse(case.statement.as_bytes())?.verify(&policy, case.now)
}

fn cases() -> Vec<Case> {
    let ledger = ledger();
    let of = |number| ledger.statement(account(number));
    let mut late = ledger.clone();
    late.create(30, usd());
    let mut without_epoch = of(ALICE);
    without_epoch.epoch = None;
    vec![
        case("a payer's, with entries behind the epoch", &of(ALICE)),
        case("a payee's", &of(MAGAZINE)),
        case("an account that gave more than it received", &of(1)),
        case("an account of another asset", &of(21)),
        case("an account that no epoch covers yet", &late.statement(account(30))),
        case("without an epoch", &without_epoch),
    ]
}

fn row(case: &Case) -> Value {
    let verdict = verify(case).unwrap();
    let said = verdict.sentences();
    let codes = |all: &[Sentence]| all.iter().map(|one| one.code).collect::<Vec<_>>();
    let texts = said.proven.iter().chain(&said.not_proven).map(|one| one.text.clone());
    let balances = &verdict.balances;
    json!({
        "name": case.name,
        "policy": case.policy,
        "now": case.now.map(|now| now.to_string()),
        "statement": case.statement,
        "account": verdict.account.to_string(),
        "debits_posted": balances.debits_posted.to_string(),
        "credits_posted": balances.credits_posted.to_string(),
        "debits_pending": balances.debits_pending.to_string(),
        "credits_pending": balances.credits_pending.to_string(),
        "holds": verdict.holds_count,
        "entries": verdict.lines.len(),
        "epoch": verdict.epoch.map(|epoch| json!({
            "number": epoch.number.to_string(),
            "size": epoch.size.to_string(),
            "time": epoch.time_ms.to_string(),
            "owed": epoch.balances.owed().to_string(),
            "liabilities": epoch.liabilities.to_string(),
            "later_entries": epoch.later_count,
        })),
        "proven": codes(&said.proven),
        "not_proven": codes(&said.not_proven),
        "texts": texts.collect::<Vec<_>>(),
    })
}

#[test]
fn vectors_are_what_the_code_makes() {
    compare(
        "statements.json",
        &json!({
            "about": ABOUT,
            "statements": cases().iter().map(row).collect::<Vec<_>>(),
            "rejected": statements_refused::rows(),
        }),
    );
}

#[test]
fn a_statement_adds_up_and_says_so() {
    let verdict = verify(&cases()[0]).unwrap();
    let said = verdict.sentences();
    let texts: Vec<_> = said.proven.iter().map(|one| one.text.as_str()).collect();
    assert_eq!(
        texts,
        [
            "The operator of ledger.example/log1 signed 12 entries of its log of 19 entries, 1 to \
             18, as all that happened to acc_00000000000000000000000007 from its creation up to the \
             last of them.",
            "They add up to 10.0005 USD received and 0.0075 USD given: 9.993 USD is owed to it, and \
             0.000000011 USD is held to be given, 0 USD to be received.",
            "1 of 1 witnesses that the policy knows, as many as the policy asks for, saw this state \
             of the log and saw it only ever grow: witness.example/w1 at 2023-11-14T22:15:00Z.",
            "Epoch 2 of 2023-11-14T22:13:37Z, entry 17 of the log, counts 9.9955 USD owed to the \
             account among the 10 USD that the operator says it owes in all, and no entry of the \
             account below 17 was left out.",
        ]
    );
    let codes: Vec<_> = said.not_proven.iter().map(|one| one.code).collect();
    assert_eq!(codes, ["after_epoch", "label", "owner", "reserves", "time"]);
    let words = verdict.lines[1].words(verdict.account);
    assert_eq!(
        words,
        "transfer tr_000000000000000000000000za of 10 USD to acc_00000000000000000000000007 for \
         pay_000000000000000000000004wa at 2023-11-14T22:13:22Z"
    );
}

#[test]
fn json_is_read_as_it_was_written() {
    for number in [1, ALICE, 21] {
        let statement = ledger().statement(account(number));
        let json = statement.to_json().unwrap();
        assert_eq!(Statement::parse(json.as_bytes()), Ok(statement));
    }
}

#[test]
fn what_happens_while_an_epoch_is_computed_is_not_covered_by_it() {
    let (mut ledger, alice, magazine) = beginning();
    let epoch = ledger.state_epoch();
    ledger.transfer(alice, magazine, 70);
    ledger.transfer(alice, magazine, 7);
    ledger.log_epoch(epoch);
    let verdict = ledger.statement(alice).verify(&policy(), None).unwrap();
    let counted = verdict.epoch.unwrap();
    assert_eq!((counted.size, counted.index, counted.later_count), (9, 11, 2));
    assert_eq!(counted.balances.owed(), verdict.balances.owed() + 77);
}

fn holds_for_all(ledger: &Ledger) {
    for (account, (_, sums)) in &ledger.sums {
        let verdict = ledger.statement(*account).verify(&policy(), Some(SEEN)).unwrap();
        assert_eq!(verdict.balances, *sums, "{account}");
        assert_eq!(verdict.epoch.is_some(), was_counted(ledger, *account));
        if let Some(epoch) = &verdict.epoch {
            let record = &ledger.epochs.last().unwrap().record;
            assert_eq!(epoch.number, record.number());
            assert!(epoch.balances.owed() <= epoch.liabilities);
        }
    }
}

/// Whether the account was created before the last epoch.
fn was_counted(ledger: &Ledger, account: AccountId) -> bool {
    let first = ledger.statement(account).entries[0].index;
    ledger.epochs.last().is_some_and(|epoch| first < epoch.record.size())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn every_account_of_any_ledger_has_a_statement(steps in steps()) {
        holds_for_all(&ledger_of(&steps));
    }
}
