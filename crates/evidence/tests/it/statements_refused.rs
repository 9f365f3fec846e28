//! Statements that prove nothing, each for its reason.

use evidence::epoch::{Balances, EpochRecord};
use evidence::record::Facts;
use evidence::statement::{Statement, StatementEntry};
use money::Asset;
use serde_json::{Value, json};

use crate::books::SEEN;
use crate::ledgers::Ledger;
use crate::records::{account, usd};
use crate::statements::{ALICE, Case, MAGAZINE, case, short_ledger, verify};

/// A statement that was good before it was changed, and the code that it is refused with.
type Refused = (Case, &'static str);

fn changed(name: &'static str, code: &'static str, change: impl FnOnce(&mut Statement)) -> Refused {
    let mut statement = short_ledger().statement(account(ALICE));
    change(&mut statement);
    (case(name, &statement), code)
}

/// The entry of another account, with that account's side opened.
fn entry_of(ledger: &Ledger, index: u64, number: u128) -> StatementEntry {
    ledger.entry(index, account(number), &ledger.books.note(ledger.books.size()))
}

fn entries() -> Vec<Refused> {
    let ledger = short_ledger();
    let other = entry_of(&ledger, 3, MAGAZINE);
    let other_side = entry_of(&ledger, 7, MAGAZINE);
    let yen = entry_of(&ledger, 6, 21);
    let none = ledger.books.opening(7).showing(false, false).encode();
    vec![
        changed("an entry is missing", "statement_gap", |all| _ = all.entries.remove(3)),
        changed("the creation is missing", "statement_gap", |all| _ = all.entries.remove(0)),
        changed("two entries have changed places", "statement_gap", |all| all.entries.swap(2, 3)),
        changed("an entry is there twice", "statement_gap", |all| {
            let twice = all.entries[2].clone();
            all.entries.insert(3, twice);
        }),
        changed("no entries", "statement_no_entries", |all| all.entries.clear()),
        changed("an entry of another account", "statement_account", |all| {
            all.entries.insert(2, other);
        }),
        changed("an entry that opens the other side", "statement_account", |all| {
            all.entries[2] = other_side;
        }),
        changed("an entry that opens no side", "statement_account", |all| {
            all.entries[2].opening = none;
        }),
        changed("the statement of another account", "statement_account", |all| {
            all.account = account(MAGAZINE);
        }),
        changed("an entry of another account and asset", "statement_account", |all| {
            all.entries.push(yen);
        }),
        changed("the asset is another", "statement_asset", |all| {
            all.asset = Asset::new("EUR", 9).unwrap().code;
        }),
        changed("the scale is another", "statement_asset", |all| all.scale = 8),
        changed("the scale is none", "statement_scale", |all| all.scale = 31),
        changed("an amount is another", "statement_entry_not_included", |all| {
            all.entries[2].opening[2 + 70 + 15] ^= 1;
        }),
        changed("an index is another", "statement_entry_not_included", |all| {
            all.entries[2].index += 1;
        }),
        changed("an index is behind the log", "statement_entry_not_included", |all| {
            all.entries[2].index = u64::MAX;
        }),
        changed("a proof is cut", "statement_entry_not_included", |all| {
            all.entries[2].proof.pop();
        }),
        changed("an opening is cut", "opening_length", |all| _ = all.entries[2].opening.pop()),
        changed("the opening of other bytes", "opening_version", |all| {
            all.entries[2].opening = b"leaf-3".to_vec();
        }),
        changed("the newest covered entry is missing", "statement_epoch_head", |all| {
            all.entries.truncate(all.entries.len() - 2);
        }),
    ]
}

fn epochs() -> Vec<Refused> {
    let with = |name, code, change: fn(&mut Statement)| changed(name, code, change);
    vec![
        with("a sum of the epoch is another", "statement_epoch_balances", |all| {
            all.epoch.as_mut().unwrap().debits_posted += 1;
        }),
        with("a held sum of the epoch is another", "statement_epoch_balances", |all| {
            all.epoch.as_mut().unwrap().credits_pending += 1;
        }),
        with("the head of the epoch is another", "statement_epoch_head", |all| {
            all.epoch.as_mut().unwrap().head = Some(7);
        }),
        with("the epoch has no head", "statement_epoch_head", |all| {
            all.epoch.as_mut().unwrap().head = None;
        }),
        with("a share is another", "statement_epoch_shares", |all| {
            all.epoch.as_mut().unwrap().shares[0].share ^= 1;
        }),
        with("shares are split otherwise", "place_root", |all| {
            let shares = &mut all.epoch.as_mut().unwrap().shares;
            shares[0].share -= 1;
            shares[1].share += 1;
        }),
        with("the shares have changed places", "place_root", |all| {
            all.epoch.as_mut().unwrap().shares.reverse();
        }),
        with("a neighbour's sum is another", "place_root", |all| {
            all.epoch.as_mut().unwrap().shares[0].path[0].sum += 1;
        }),
        with("a way to the root is cut", "place_root", |all| {
            _ = all.epoch.as_mut().unwrap().shares[0].path.pop();
        }),
        with("a way with a neighbour too many", "place_root", |all| {
            let path = &mut all.epoch.as_mut().unwrap().shares[0].path;
            path.push(path[0]);
        }),
        with("a neighbour that is nothing and has a sum", "place_shape", |all| {
            let path = &mut all.epoch.as_mut().unwrap().shares[0].path;
            path.last_mut().unwrap().hash = tlog::Hash([0; 32]);
            path.last_mut().unwrap().sum = 1;
        }),
        with("129 neighbours", "place_too_deep", |all| {
            let path = &mut all.epoch.as_mut().unwrap().shares[0].path;
            let one = path[0];
            path.resize(129, one);
        }),
        with("a sum beyond its range", "place_overflow", |all| {
            all.epoch.as_mut().unwrap().shares[0].path[0].sum = u128::MAX;
        }),
        with("the label is another", "place_root", |all| {
            all.epoch.as_mut().unwrap().label[0] ^= 1;
        }),
        with("the salt of the value is another", "place_root", |all| {
            all.epoch.as_mut().unwrap().value_salt[15] ^= 1;
        }),
        with("the epoch's proof is cut", "statement_epoch_not_included", |all| {
            _ = all.epoch.as_mut().unwrap().proof.pop();
        }),
        with("the epoch's liabilities are another", "statement_epoch_not_included", |all| {
            all.epoch.as_mut().unwrap().entry[27 + 9 + 15] ^= 1;
        }),
        with("the epoch's entry is a row", "epoch_entry", |all| {
            all.epoch.as_mut().unwrap().entry = vec![1; 33];
        }),
        with("the epoch's entry is cut", "epoch_length", |all| {
            _ = all.epoch.as_mut().unwrap().entry.pop();
        }),
    ]
}

/// Epochs that the log has and that are not for this statement.
fn foreign_epochs() -> Vec<Refused> {
    let ledger = short_ledger();
    let (alice, bob) = (account(ALICE), account(21));
    let note = ledger.books.note(ledger.books.size());
    let first = ledger.place(&ledger.epochs[0], alice, &note);
    let of_bob = ledger.place(&ledger.epochs[1], bob, &note);
    let mut earlier = of_bob.clone();
    let own = ledger.place(&ledger.epochs[1], alice, &note);
    // Another's places with the own sums.
    earlier.debits_posted = own.debits_posted;
    earlier.credits_posted = own.credits_posted;
    earlier.debits_pending = own.debits_pending;
    earlier.credits_pending = own.credits_pending;
    earlier.head = own.head;
    let mut record_of_first = own.clone();
    record_of_first.index = first.index;
    record_of_first.entry = first.entry;
    record_of_first.proof = first.proof;
    let mut without = ledger.clone();
    let empty = EpochRecord::new(3, without.books.size(), 0, vec![]).unwrap();
    let empty_index = without.books.push_entry(empty.encode());
    let ahead = EpochRecord::new(4, without.books.size() + 1, 0, vec![]).unwrap();
    let ahead_index = without.books.push_entry(ahead.encode());
    let with_record = |entry: EpochRecord, index| {
        let mut statement = without.statement(alice);
        let epoch = statement.epoch.as_mut().unwrap();
        epoch.entry = entry.encode();
        epoch.index = index;
        epoch.proof = without.books.inclusion(index, without.books.size());
        statement
    };
    vec![
        changed("the epoch of another account", "statement_epoch_head", |all| {
            all.epoch = Some(of_bob);
        }),
        changed("the places of an account of another asset", "statement_epoch_shares", |all| {
            all.epoch = Some(earlier);
        }),
        changed("the record of the epoch before", "statement_epoch_head", |all| {
            all.epoch = Some(record_of_first);
        }),
        (
            case("an epoch without the asset", &with_record(empty, empty_index)),
            "statement_epoch_asset",
        ),
        (
            case("an epoch that covers itself", &with_record(ahead, ahead_index)),
            "statement_epoch_index",
        ),
    ]
}

/// Logs of operators who write what no ledger does. Everything is signed and included.
fn contradictions() -> Vec<Refused> {
    let (alice, magazine) = (account(ALICE), account(MAGAZINE));
    let wrong = |name, code, write: fn(&mut Ledger)| {
        let mut ledger = short_ledger();
        write(&mut ledger);
        (case(name, &ledger.statement(alice)), code)
    };
    let mut nobody = short_ledger();
    let facts = nobody.books.facts(usd(), 1);
    nobody.books.push(facts, account(77), Some(magazine));
    nobody.sums.insert(account(77), nobody.sums[&alice]);
    vec![
        (
            case("an account that was never created", &nobody.statement(account(77))),
            "statement_creation",
        ),
        wrong("a transfer is there twice", "statement_id_twice", |ledger| {
            let facts = ledger.books.facts(usd(), 5);
            ledger.books.push(facts, account(ALICE), Some(account(MAGAZINE)));
            ledger.books.push(facts, account(ALICE), Some(account(MAGAZINE)));
        }),
        wrong("a post of no hold", "statement_hold", |ledger| {
            let facts = Facts { flags: 4, pending_id: 5, ..ledger.books.facts(usd(), 5) };
            ledger.books.push(facts, account(ALICE), Some(account(MAGAZINE)));
        }),
        wrong("a hold that is posted and voided", "statement_hold", |ledger| {
            let held = ledger.holds[0];
            ledger.post(0, 11);
            ledger.holds.push(held);
            *ledger.sums(held.debit) = pending(100);
            *ledger.sums(held.credit) = pending(100);
            ledger.void(0);
        }),
        wrong("a post of more than the hold", "statement_hold", |ledger| ledger.post(0, 12)),
        wrong("a post in the other direction", "statement_hold", |ledger| {
            // So much is held in that direction too that no sum falls below zero.
            ledger.hold(account(MAGAZINE), account(ALICE), 100);
            let id = ledger.holds[0].id;
            let facts = Facts { flags: 4, pending_id: id, ..ledger.books.facts(usd(), 11) };
            ledger.books.push(facts, account(MAGAZINE), Some(account(ALICE)));
        }),
        wrong("sums beyond their range", "statement_overflow", |ledger| {
            for _ in 0..2 {
                let facts = ledger.books.facts(usd(), u128::MAX);
                ledger.books.push(facts, account(ALICE), Some(account(MAGAZINE)));
            }
        }),
    ]
}

/// Sums that no release can take below zero.
fn pending(amount: u128) -> Balances {
    Balances { debits_pending: amount, credits_pending: amount, ..Balances::default() }
}

fn texts() -> Vec<Refused> {
    let good = short_ledger().statement(account(ALICE)).to_json().unwrap();
    let text = |name, code, from: &str, to: &str| {
        assert!(good.contains(from), "{name}");
        let statement = good.replacen(from, to, 1);
        (Case { statement, ..case(name, &short_ledger().statement(account(ALICE))) }, code)
    };
    let json = "statement_json";
    vec![
        text("another format", json, "statement/1", "statement/2"),
        text("a field that nobody knows", json, "\"scale\":", "\"more\":1,\"scale\":"),
        text("a field twice", json, "\"scale\":9", "\"scale\":9,\"scale\":9"),
        text("a number that is no string", json, "\"index\":\"10\"", "\"index\":10"),
        text("a number with a leading zero", json, "\"index\":\"10\"", "\"index\":\"010\""),
        text("a number beyond its range", json, "\"10\"", "\"18446744073709551616\""),
        text("base64 without padding", json, "=\"", "\""),
        text("an account that is none", json, "acc_0", "acc_u"),
        text("an asset that is none", json, "\"USD\"", "\"usd\""),
        text("the JSON is cut", json, "\"}]}", "\"}]"),
        text("a third share", json, "\"shares\":[", "\"shares\":[{\"units\":\"0\",\"path\":[]},"),
        text("the epoch is left out", json, "\"epoch\":", "\"epoch2\":"),
    ]
}

fn checkpoints() -> Vec<Refused> {
    let ledger = short_ledger();
    let mut other = ledger.clone();
    other.books.entries[0] = b"another".to_vec();
    let size = ledger.books.size();
    let mut foreign = ledger.statement(account(ALICE));
    foreign.checkpoint = foreign.checkpoint.replace("ledger.example", "other.example");
    let mut fork = ledger.statement(account(ALICE));
    fork.checkpoint = other.books.note(size).to_string();
    let mut alone = ledger.statement(account(ALICE));
    alone.checkpoint = ledger.books.signed(size).to_string();
    let mut smaller = ledger.statement(account(ALICE));
    smaller.checkpoint = ledger.books.note(size - 1).to_string();
    let mut none = ledger.statement(account(ALICE));
    none.checkpoint = ledger.books.checkpoint(size);
    let future = case("a cosignature from the future", &ledger.statement(account(ALICE)));
    vec![
        (case("the checkpoint of a foreign log", &foreign), "unknown_log"),
        (case("the checkpoint of another history", &fork), "statement_entry_not_included"),
        (case("the checkpoint without a witness", &alone), "quorum_unmet"),
        (case("the checkpoint of another size", &smaller), "statement_entry_not_included"),
        (case("a checkpoint without signatures", &none), "note_no_signature"),
        (Case { now: Some(SEEN - 61), ..future }, "cosignature_from_future"),
    ]
}

fn all() -> Vec<Refused> {
    let all = [entries(), epochs(), foreign_epochs(), contradictions(), texts(), checkpoints()];
    all.into_iter().flatten().collect()
}

/// The table of `conformance/statements.json`.
pub fn rows() -> Vec<Value> {
    let row = |(case, code): &Refused| {
        json!({
            "name": case.name,
            "policy": case.policy,
            "now": case.now.map(|now| now.to_string()),
            "statement": case.statement,
            "wantErr": code,
        })
    };
    all().iter().map(row).collect()
}

#[test]
fn each_is_refused_for_its_reason() {
    for (case, code) in all() {
        let found = verify(&case).map(|verdict| verdict.lines.len());
        assert_eq!(found.map_err(|refused| refused.code()), Err(code), "{}", case.name);
    }
}

#[test]
fn the_other_side_may_be_named_too() {
    let ledger = short_ledger();
    let mut statement = ledger.statement(account(ALICE));
    statement.entries[2].opening = ledger.books.opening(7).encode();
    let verdict = verify(&case("both sides", &statement)).unwrap();
    assert_eq!(verdict.lines[2].other, Some(account(MAGAZINE)));
}
