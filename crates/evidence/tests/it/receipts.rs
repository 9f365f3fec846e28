//! Receipts that hold, and the vectors of `conformance/receipts.json`.

use evidence::epoch::EpochRecord;
use evidence::record::{Action, Facts, RecordKind};
use evidence::verdict::{ReceiptVerdict, Sentence, verify_receipt};
use money::{AccountId, Asset, TransferId};
use serde_json::{Value, json};
use tlog::policy::Policy;
use tlog::{Cosigner, KeyName, Note};

use crate::books::{BEGIN_NS, Books, LOG, SEEN, log, policy, policy_text, witness};
use crate::receipts_refused;
use crate::records::usd;
use crate::vectors::compare;

const ABOUT: &str = "Receipts of the log (docs/reference/formats.md, The log) that verify, and what \
they prove; receipts that do not, with the code of the error in `wantErr`; policies that are none. \
`receipt` and `policy` are whole files. `now` is the time in Unix seconds against which cosignatures \
are judged, null for none. Numbers that may exceed 2^53 are decimal strings; `id` and `pending_id` \
are ids, null for none. Codes of sentences are stable, `texts` are those of the Rust implementation.";

/// One receipt with what it is verified against.
pub struct Case {
    pub name: &'static str,
    pub receipt: String,
    pub policy: String,
    pub now: Option<u64>,
}

/// Everything that rows can be, and enough more for proofs of some depth.
pub fn books() -> Books {
    let mut books = Books::default();
    let (usd, yen) = (usd(), Asset::new("JPY", 0).unwrap());
    let treasury = books.create(1, usd);
    let alice = books.create(7, usd);
    let magazine = books.create(8, usd);
    let fund = Facts { code: 1, user_data: 0, ..books.facts(usd, 10_000_000_000) };
    books.push(fund, treasury, Some(alice));
    books.push(books.facts(usd, 2_000_000), alice, Some(magazine));
    let hold = Facts { flags: 2, timeout_seconds: 60, ..books.facts(usd, 5_000_000) };
    books.push(hold, alice, Some(magazine));
    let post = Facts { flags: 4, pending_id: hold.id, ..books.facts(usd, 3_000_000) };
    books.push(post, alice, Some(magazine));
    let held = Facts { flags: 2, ..books.facts(usd, 1) };
    books.push(held, alice, Some(magazine));
    books.push(
        Facts { flags: 8, pending_id: held.id, ..books.facts(usd, 1) },
        alice,
        Some(magazine),
    );
    let short = Facts { flags: 2, timeout_seconds: 1, ..books.facts(usd, 9) };
    books.push(short, alice, Some(magazine));
    let expired = Facts {
        kind: RecordKind::HoldExpired,
        id: short.id,
        flags: 2,
        timeout_seconds: 1,
        ..books.facts(usd, 9)
    };
    books.push(expired, alice, Some(magazine));
    let (bank, bob) = (books.create(20, yen), books.create(21, yen));
    let large = Facts {
        code: 500,
        user_data: u128::MAX,
        user_data_64: u64::MAX,
        user_data_32: u32::MAX,
        ..books.facts(yen, u128::MAX)
    };
    books.push(large, bank, Some(bob));
    let epoch = EpochRecord::new(1, books.size(), BEGIN_NS / 1_000_000, vec![]).unwrap();
    books.push_entry(epoch.encode());
    while books.size() < 70 {
        books.push(books.facts(usd, 1_234_567_891), alice, Some(magazine));
    }
    books
}

/// The index of the payment that most cases are about.
pub const PAYMENT: u64 = 4;

fn other_witness() -> Cosigner {
    Cosigner::from_seed(KeyName::new("witness.example/w2").unwrap(), &[10; 32])
}

/// A line of a kind that nobody knows, as signatures of types to come will be.
pub fn unknown_line() -> String {
    let bytes = [[0x77; 4].as_slice(), &[0x55; 2420]].concat();
    let base64 = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes);
    format!("\u{2014} {LOG} {base64}\n")
}

fn cases() -> Vec<Case> {
    let books = books();
    let note = books.note(70);
    let of = |name, index, debit, credit| Case {
        name,
        receipt: books.receipt(index, &note, debit, credit).to_string(),
        policy: policy_text(),
        now: Some(SEEN + 5),
    };
    let mut cases = vec![
        of("a payment; the payer is closed", PAYMENT, false, true),
        of("a payment; both sides are opened", PAYMENT, true, true),
        of("a payment; the payee is closed", PAYMENT, true, false),
        of("a payment; both sides are closed", PAYMENT, false, false),
        of("the creation of an account", 1, true, false),
        of("the creation of an account that is closed", 1, false, false),
        of("a fund, which is no payment", 3, true, true),
        of("a hold", 5, false, true),
        of("the post of a hold in part", 6, false, true),
        of("the void of a hold", 8, false, true),
        of("an expired hold", 10, false, true),
        of("the largest numbers", 13, true, true),
        of("the last entry", 69, false, true),
    ];
    cases.extend(other_notes(&books));
    cases
}

fn other_notes(books: &Books) -> Vec<Case> {
    let receipt = |size, note: &Note| {
        let index = if size == 1 { 0 } else { PAYMENT };
        books.receipt(index, note, false, true).to_string()
    };
    let keys = (log(), witness(), other_witness());
    let (own, first, second) = (keys.0.verifier(), keys.1.verifier(), keys.2.verifier());
    let alone = format!("log {own}\nquorum none\n");
    let any = format!(
        "# either\nlog {own} https://{LOG}\nwitness a {first}\nwitness\tb {second}\ngroup g any a b\n\
         quorum g\n"
    );
    let both = any.replace(" any ", " all ");
    let (signed, seen) = (books.signed(70), books.note(70));
    let lines = [seen.signatures()[1].clone(), other_witness().cosign(&signed, SEEN + 9).unwrap()];
    let twice = signed.with_signatures(&lines).unwrap();
    let with_unknown = receipt(70, &seen) + &unknown_line();
    let case =
        |name, receipt, policy: &str, now| Case { name, receipt, policy: policy.into(), now };
    vec![
        case("no witness, none asked for", receipt(70, &signed), &alone, None),
        case("a witness that the policy does not know", receipt(70, &seen), &alone, None),
        case(
            "a log of one entry has a proof of no hashes",
            {
                let note = books.note(1);
                books.receipt(0, &note, true, false).to_string()
            },
            &policy_text(),
            None,
        ),
        case("a log of five entries", receipt(5, &books.note(5)), &policy_text(), None),
        case("one of two witnesses", receipt(70, &seen), &any, None),
        case("both of two witnesses", receipt(70, &twice), &both, None),
        case(
            "a witness though none is asked for",
            receipt(70, &seen),
            &policy_text().replace("quorum w1", "quorum none"),
            None,
        ),
        case("a signature of an unknown type beside the known", with_unknown, &policy_text(), None),
        case(
            "a clock that is 60 seconds late",
            receipt(70, &seen),
            &policy_text(),
            Some(SEEN - 60),
        ),
    ]
}

pub fn verify(case: &Case) -> Result<ReceiptVerdict, evidence::verdict::ReceiptRefused> {
    let policy = Policy::parse(case.policy.as_bytes()).unwrap();
    verify_receipt(case.receipt.as_bytes(), &policy, case.now)
}

fn action(facts: &Facts) -> &'static str {
    match facts.action() {
        Action::Create => "create",
        Action::Move => "move",
        Action::Hold => "hold",
        Action::Post => "post",
        Action::Void => "void",
        Action::Expire => "expire",
    }
}

fn facts(facts: &Facts) -> Value {
    let id = match facts.action() {
        Action::Create => AccountId::new(facts.id).unwrap().to_string(),
        _ => TransferId::new(facts.id).unwrap().to_string(),
    };
    json!({
        "action": action(facts),
        "asset": facts.asset.code.as_str(),
        "scale": facts.asset.scale,
        "flags": facts.flags,
        "code": facts.code,
        "timeout_seconds": facts.timeout_seconds,
        "user_data_32": facts.user_data_32,
        "timestamp_ns": facts.timestamp_ns.to_string(),
        "user_data_64": facts.user_data_64.to_string(),
        "id": id,
        "pending_id": TransferId::new(facts.pending_id).ok().map(|id| id.to_string()),
        "amount": facts.amount.to_string(),
        "user_data": facts.user_data.to_string(),
        "payment": facts.payment().map(|id| id.to_string()),
    })
}

fn row(case: &Case) -> Value {
    let verdict = verify(case).unwrap();
    let said = verdict.sentences();
    let codes = |all: &[Sentence]| all.iter().map(|one| one.code).collect::<Vec<_>>();
    let texts = said.proven.iter().chain(&said.not_proven).map(|one| one.text.clone());
    let vouched = &verdict.vouched;
    let witnesses = vouched
        .witnesses
        .iter()
        .map(|seen| json!({"name": seen.name, "key": seen.key, "time": seen.time_s.to_string()}));
    json!({
        "name": case.name,
        "policy": case.policy,
        "now": case.now.map(|now| now.to_string()),
        "receipt": case.receipt,
        "index": verdict.index.to_string(),
        "facts": facts(&verdict.facts),
        "payer": verdict.payer.map(|id| id.to_string()),
        "payee": verdict.payee.map(|id| id.to_string()),
        "log": vouched.log,
        "size": vouched.size.to_string(),
        "witnesses": witnesses.collect::<Vec<_>>(),
        "known_witnesses": vouched.known_witnesses,
        "needs_witnesses": vouched.needs_witnesses,
        "proven": codes(&said.proven),
        "not_proven": codes(&said.not_proven),
        "texts": texts.collect::<Vec<_>>(),
    })
}

#[test]
fn vectors_are_what_the_code_makes() {
    compare(
        "receipts.json",
        &json!({
            "about": ABOUT,
            "receipts": cases().iter().map(row).collect::<Vec<_>>(),
            "rejected": receipts_refused::rows(),
            "rejected_policies": receipts_refused::policies(),
        }),
    );
}

#[test]
fn a_receipt_names_the_payee_and_closes_the_payer() {
    let books = books();
    let receipt = books.receipt(PAYMENT, &books.note(70), false, true).to_string();
    let verdict = verify_receipt(receipt.as_bytes(), &policy(), None).unwrap();
    assert_eq!((verdict.payer, verdict.payee), (None, Some(AccountId::new(8).unwrap())));
    assert_eq!((verdict.index, verdict.vouched.size), (PAYMENT, 70));
    assert_eq!(verdict.vouched.latest_s(), Some(SEEN));
    let said = verdict.sentences();
    let texts: Vec<_> = said.proven.iter().map(|one| one.text.as_str()).collect();
    assert_eq!(
        texts,
        [
            "The operator of ledger.example/log1 signed that transfer \
             tr_000000000000000000000000zc of 0.002 USD to acc_00000000000000000000000008 for \
             pay_000000000000000000000004wc at 2023-11-14T22:13:24Z is entry 4 of its log of 70 \
             entries.",
            "1 of 1 witnesses that the policy knows, as many as the policy asks for, saw this \
             state of the log and saw it only ever grow: witness.example/w1 at \
             2023-11-14T22:15:00Z."
        ]
    );
    let codes: Vec<_> = said.not_proven.iter().map(|one| one.code).collect();
    assert_eq!(codes, ["payer_closed", "owner", "delivery", "later", "time"]);
    // What is closed is nowhere in the file.
    let alice = AccountId::new(7).unwrap().to_be_bytes();
    let opening = books.opening(PAYMENT).showing(false, true).encode();
    assert!(!opening.windows(16).any(|window| window == alice));
}
