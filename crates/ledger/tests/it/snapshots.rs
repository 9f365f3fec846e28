//! Snapshots of the resident part: golden bytes, everything restored, faults refused by name.

use std::thread;

use ledger::{
    Account, Broken, DecodeError, Kind, Ledger, Limit, Memory, Past, PendingState, Seed, Transfer,
};
use proptest::prelude::*;

use crate::sample::{account, account_id, asset, bytes, restore, sample, transfer, transfer_id};

/// Where the parts of the sample's snapshot begin, and how long an account and a hold are.
const ASSETS_AT: usize = 1 + 8 + 8 + 4;
const ACCOUNTS_AT: usize = ASSETS_AT + 2 * 9 + 4;
const ACCOUNT_BYTES: usize = 16 + 4 * 16 + 8 + 2 + 2 + 1;
const HOLDS_AT: usize = ACCOUNTS_AT + 4 * ACCOUNT_BYTES + 4;
const HOLD_BYTES: usize = 16 + 16 + 16 + 8 + 4 + 4 + 8 + 4 + 4 + 2 + 2;

fn refused(snapshot: &[u8]) -> DecodeError {
    Ledger::restore(snapshot, sample().0.past().clone(), Seed::DEFAULT).unwrap_err()
}

/// What is wrong after these bytes were set.
fn broken(faults: &[(usize, u8)]) -> Broken {
    let mut snapshot = bytes(&sample().0);
    for &(at, value) in faults {
        assert_ne!(snapshot[at], value, "the fault is one");
        snapshot[at] = value;
    }
    match refused(&snapshot) {
        DecodeError::Broken(broken) => broken,
        other => panic!("{other}"),
    }
}

/// Where a byte of an account or of a hold stands.
fn account_at(number: usize, byte: usize) -> usize {
    ACCOUNTS_AT + number * ACCOUNT_BYTES + byte
}

fn hold_at(number: usize, byte: usize) -> usize {
    HOLDS_AT + number * HOLD_BYTES + byte
}

/// Bytes of a file of hexadecimal digits.
fn golden(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pairs = digits.chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
    pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

#[test]
fn snapshot_golden() {
    let expected = golden(include_str!("../golden/snapshot_3.hex"));
    assert_eq!(bytes(&sample().0), expected);
    assert_eq!(expected.len(), HOLDS_AT + 2 * HOLD_BYTES);
}

#[test]
fn versions_before_are_refused_by_name() {
    for (text, version) in [
        (include_str!("../golden/snapshot_1.hex"), 1),
        (include_str!("../golden/snapshot_2.hex"), 2),
    ] {
        let error = refused(&golden(text));
        assert_eq!((error, error.code()), (DecodeError::OldVersion(version), "old_version"));
    }
    assert_eq!(refused(&[0]), DecodeError::UnknownVersion(0));
    assert_eq!(refused(&[4]), DecodeError::UnknownVersion(4));
}

#[test]
fn a_snapshot_restores_everything() {
    let (mut ledger, _) = sample();
    let mut restored = restore(&ledger);
    assert_eq!(bytes(&restored), bytes(&ledger));
    let pending = |id| restored.transfer(transfer_id(id)).unwrap().unwrap().pending;
    assert_eq!(pending(2), PendingState::Expired { at_ns: 1_000_000_020 });
    assert_eq!(pending(3), PendingState::Posted { amount: 7 });
    assert_eq!(restored.is_failed(transfer_id(8)), Ok(true));
    assert_eq!(restored.totals(), ledger.totals());
    assert_eq!(restored.account(account_id(2)).unwrap().balances.available(), 107);
    assert!(restored.account(account_id(3)).unwrap().closed);
    // Both go on alike.
    let more = [transfer(8, Kind::SINGLE, 1), transfer(9, Kind::SINGLE, 1)];
    let now_ns = 9_000_000_020;
    assert_eq!(restored.create_transfers(&more, now_ns), ledger.create_transfers(&more, now_ns));
    assert_eq!(restored.expire(now_ns, 9), Ok(vec![transfer_id(5)]));
    assert_eq!(ledger.expire(now_ns, 9), Ok(vec![transfer_id(5)]));
    assert_eq!(bytes(&restored), bytes(&ledger));
}

/// The ledger goes on while another thread writes the snapshot.
#[test]
fn a_snapshot_stays_what_it_was() {
    let mut ledger = Ledger::new();
    let accounts: Vec<Account> = (1..=1_000).map(|id| account(id, Limit::None)).collect();
    ledger.create_accounts(&accounts, 1_000).unwrap();
    let wide = transfer(1, Kind::SINGLE, 1 << 70);
    ledger.create_transfers(&[wide, transfer(2, Kind::pending(0), 5)], 2_000).unwrap();
    let (before, snapshot) = (bytes(&ledger), ledger.snapshot());
    let writer = thread::spawn(move || snapshot.to_bytes());
    for number in 0..300 {
        let event = Transfer {
            debit_account: account_id(number % 999 + 2),
            credit_account: account_id(1),
            ..transfer(10 + number, Kind::pending(0), 7)
        };
        let now_ns = ledger.last_timestamp_ns() + 3;
        ledger
            .create_transfers(&[event, event.post(transfer_id(1_000 + number), 3)], now_ns)
            .unwrap();
    }
    let void = transfer(2, Kind::pending(0), 5).void(transfer_id(3));
    ledger.create_transfers(&[void, transfer(4, Kind::SINGLE, 1 << 80)], 1 << 40).unwrap();
    assert!(writer.join().unwrap() == before);
    assert_eq!(ledger.check(), Ok(()));
    assert_ne!(bytes(&ledger), before);
}

#[test]
fn malformed_snapshots_are_named() {
    let good = bytes(&sample().0);
    assert_eq!(refused(&[]), DecodeError::Truncated);
    for length in 0..good.len() {
        assert_eq!(refused(&good[..length]), DecodeError::Truncated);
    }
    assert_eq!(refused(&[good.as_slice(), &[0]].concat()), DecodeError::TrailingBytes);
    let with = |at: usize, value: u8| {
        let mut snapshot = good.clone();
        snapshot[at] = value;
        refused(&snapshot)
    };
    // A count that no memory could hold.
    assert_eq!(with(ASSETS_AT - 4, 0xff).code(), "malformed_asset");
    assert_eq!(with(ACCOUNTS_AT + ACCOUNT_BYTES - 1, 1 << 5), DecodeError::ReservedFlag);
    assert_eq!(with(ACCOUNTS_AT + ACCOUNT_BYTES - 1, 0b11), DecodeError::ReservedFlag);
    assert_eq!(with(HOLDS_AT + HOLD_BYTES - 1, 0), DecodeError::FlagsAreMutuallyExclusive);
    assert_eq!(with(HOLDS_AT + HOLD_BYTES - 1, 0b100), DecodeError::FlagsAreMutuallyExclusive);
}

#[test]
fn faults_of_accounts_are_named() {
    let one = |number, byte, value| broken(&[(account_at(number, byte), value)]);
    let of = |id| Broken::Account(account_id(id));
    assert_eq!(broken(&[(8, 99)]), Broken::Position { resident: 99, past: 14 });
    assert_eq!(one(1, 15, 1), of(1), "twice");
    assert_eq!(one(1, 87, 0), of(2), "created before the one in front");
    assert_eq!(one(3, 87, 99), of(4), "created later than everything");
    assert_eq!(one(3, 89, 7), of(4), "an unknown asset");
    assert_eq!(one(1, 91, 0), of(2), "no code");
    // Account 1 has more debits than credits, account 2 more credits than debits.
    assert_eq!(one(0, 92, 1), Broken::Limit(account_id(1)));
    assert_eq!(one(1, 92, 2), Broken::Limit(account_id(2)));
    assert_eq!(one(0, 31, 41), Broken::Balance(account_id(1)));
    assert_eq!(one(1, 63, 41), Broken::Balance(account_id(2)));
    assert_eq!(one(0, 92, 1 << 4), Broken::Closed(account_id(1)));
    assert_eq!(one(2, 92, 1 << 2), Broken::Closed(account_id(3)));
}

#[test]
fn faults_of_holds_are_named() {
    let one = |number, byte, value| broken(&[(hold_at(number, byte), value)]);
    let of = |id| Broken::Hold(transfer_id(id));
    assert_eq!(one(1, 15, 5), of(5), "twice");
    assert_eq!(one(0, 64, 0xff), of(10), "not in order of time");
    assert_eq!(one(1, 64, 0x7f), of(10), "later than everything");
    assert_eq!(one(1, 75, 0), of(10), "on one account only");
    assert_eq!(one(1, 75, 9), of(10), "on an unknown account");
    assert_eq!(one(0, 75, 3), of(5), "of two assets");
    assert_eq!(one(0, 81, 0), of(5), "no code");
    let endless = [(9, 0xff), (hold_at(1, 60), 0xff), (hold_at(1, 64), 0xff)];
    assert_eq!(broken(&endless), of(10), "ends after the last timestamp");
    assert_eq!(one(0, 31, 41), Broken::Balance(account_id(1)));
}

#[test]
fn faults_of_assets_are_named() {
    let usd = asset("USD");
    let one = |number, byte, value| broken(&[(account_at(number, byte), value)]);
    assert_eq!(one(0, 47, 99), Broken::Unbalanced(usd));
    assert_eq!(one(3, 47, 1), Broken::Unbalanced(asset("EUR")));
    assert_eq!(one(3, 89, 0), Broken::Totals, "an asset without accounts");
    let twice: Vec<_> = (0..3).map(|byte| (ASSETS_AT + byte, b"EUR"[byte])).collect();
    assert_eq!(broken(&twice), Broken::Totals, "an asset with two numbers");
    assert_eq!(
        broken(&[(account_at(0, 32), 0xff), (account_at(2, 32), 0xff)]),
        Broken::Overflow(usd)
    );
    // Fits each account, but what is held could never be posted.
    let held = [
        (hold_at(0, 16), 0x80),
        (account_at(0, 16), 0x80),
        (account_at(1, 48), 0x80),
        (account_at(0, 32), 0x80),
        (account_at(1, 64), 0x80),
    ];
    assert_eq!(broken(&held), Broken::Overflow(usd));
}

/// Whichever single bit of a snapshot flips: either it is refused, or it was one that only the past
/// tells, and then the books still pass every check.
#[test]
fn no_flipped_bit_unbalances_the_books() {
    let (ledger, _) = sample();
    let good = bytes(&ledger);
    let mut refused = 0;
    for bit in 0..good.len() * 8 {
        let mut snapshot = good.clone();
        snapshot[bit / 8] ^= 1 << (bit % 8);
        match Ledger::restore(&snapshot, ledger.past().clone(), Seed::DEFAULT) {
            Err(error) => {
                assert!(!error.code().is_empty());
                refused += 1;
            }
            Ok(ledger) => {
                assert_eq!(ledger.check(), Ok(()));
                assert_eq!(bytes(&ledger), snapshot, "one encoding only");
                let in_account = (bit / 8).checked_sub(ACCOUNTS_AT).map(|at| at % ACCOUNT_BYTES);
                let is_column =
                    bit / 8 < HOLDS_AT - 4 && in_account.is_some_and(|at| (16..80).contains(&at));
                assert!(!is_column, "a changed balance went unnoticed");
            }
        }
    }
    assert!(refused > good.len() * 4, "{refused} refused");
}

proptest! {
    /// Half-way valid: bytes of a sound snapshot with some of them overwritten.
    #[test]
    fn damaged_snapshots_never_panic(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let (ledger, _) = sample();
        let mut snapshot = bytes(&ledger);
        for (position, value) in damage {
            let position = position.index(snapshot.len());
            snapshot[position] = value;
        }
        let past: Memory = ledger.past().clone();
        prop_assert_eq!(past.len(), ledger.len());
        if let Ok(ledger) = Ledger::restore(&snapshot, past, Seed::DEFAULT) {
            prop_assert_eq!(bytes(&ledger), snapshot);
        }
    }
}
