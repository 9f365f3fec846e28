//! Rows: golden bytes, replays that come to the same, and rows that do not follow, each named.

use ledger::{
    AMOUNT_MAX, CreateAccountStatus, CreateTransferStatus, DecodeError, Fault, Kind, Ledger, Limit,
    Past, ROW_BYTES, ReplayError, Row, RowKind, Sides, Transfer, pair_of,
};
use proptest::prelude::*;

use crate::sample::{account, back, bytes, replay, sample, transfer, transfer_id};

/// Where fields of a row end.
const DEBIT_END: usize = 32;
const AMOUNT_END: usize = 64;
const PENDING_ID_END: usize = 80;
const USER_DATA_END: usize = 96;
const TIMEOUT_END: usize = 112;
const ASSET_END: usize = 114;
const CODE_END: usize = 116;
const FLAGS_END: usize = 118;
const KIND_END: usize = 119;

fn rows() -> Vec<[u8; ROW_BYTES]> {
    sample().0.past().rows().as_chunks().0.to_vec()
}

/// What is wrong after the last byte of fields of rows was set.
fn fault(faults: &[(usize, usize, u8)]) -> (u64, Fault) {
    let mut rows = rows();
    for &(row, end, value) in faults {
        assert_ne!(rows[row][end - 1], value, "the fault is one");
        rows[row][end - 1] = value;
    }
    fault_of(&rows.concat())
}

fn fault_of(rows: &[u8]) -> (u64, Fault) {
    match replay(rows).unwrap_err() {
        ReplayError::Row { position, fault } => (position, fault),
        ReplayError::NotWholeRows => panic!("not whole rows"),
    }
}

#[test]
fn row_golden() {
    let (_, made) = sample();
    let hex = |bytes: &[u8]| {
        let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        digits.concat()
    };
    let expected = include_str!("../golden/rows_1.hex");
    let found: Vec<String> = rows().iter().map(|row| hex(row)).collect();
    assert_eq!(found, expected.lines().collect::<Vec<_>>());
    assert!(made.iter().flat_map(ledger::Fresh::rows).eq(rows().as_flattened()));
}

/// Only the call that moved the account with a history has balances beside its rows.
#[test]
fn pairs_stand_beside_rows_of_history_accounts() {
    let (ledger, made) = sample();
    let lengths: Vec<usize> = made.iter().map(|fresh| fresh.pairs().len()).collect();
    assert_eq!(lengths, [0, 0, 0, 0, 2 * ROW_BYTES]);
    let pairs = made[4].pairs().as_chunks().0;
    assert_eq!(pair_of(&pairs[0]), [ledger::Balances::default(); 2], "neither keeps a history");
    let [debit, credit] = pair_of(&pairs[1]);
    assert_eq!((debit.debits_pending, credit.credits_pending, credit.debits_posted), (6, 6, 107));
    assert_eq!(ledger.past().pair(13), Ok(Some([debit, credit])));
    assert_eq!(ledger.past().pair(12), Ok(None));
    assert_eq!(made[2].burned(), [transfer_id(8)]);
}

#[test]
fn a_replay_comes_to_the_same() {
    let (ledger, made) = sample();
    let mut replayed = Ledger::new();
    for fresh in &made {
        replayed.replay(fresh.rows(), fresh.burned()).unwrap();
        assert_eq!(replayed.fresh(), fresh, "balances beside the rows, too");
        assert_eq!(replayed.check(), Ok(()));
    }
    assert_eq!(bytes(&replayed), bytes(&ledger));
    assert_eq!(replayed.is_failed(transfer_id(8)), Ok(true));
    let next = [transfer(11, Kind::SINGLE, 1), transfer(8, Kind::SINGLE, 1)];
    let statuses = replayed.create_transfers(&next, replayed.last_timestamp_ns() + 2).unwrap();
    let expected = [CreateTransferStatus::Created, CreateTransferStatus::IdAlreadyFailed];
    assert_eq!(statuses, expected);
}

#[test]
fn malformed_rows_are_named() {
    let malformed = |row: usize, end: usize, value: u8| match fault(&[(row, end, value)]) {
        (position, Fault::Malformed(error)) => {
            assert_eq!(position, u64::try_from(row).unwrap());
            error
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(malformed(4, KIND_END, 0), DecodeError::UnknownRowKind(0));
    assert_eq!(malformed(4, KIND_END, 4), DecodeError::UnknownRowKind(4));
    for (row, end) in [
        (0, 26),
        (0, 48),
        (0, AMOUNT_END),
        (0, PENDING_ID_END),
        (0, TIMEOUT_END),
        (0, KIND_END + 1),
        (4, PENDING_ID_END),
        (4, TIMEOUT_END),
        (4, KIND_END + 1),
        (5, PENDING_ID_END),
    ] {
        assert_eq!(malformed(row, end, 1), DecodeError::ReservedBytes, "{row} {end}");
    }
    assert_eq!(malformed(0, FLAGS_END - 1, 1), DecodeError::ReservedFlag);
    assert_eq!(malformed(4, FLAGS_END - 1, 1), DecodeError::ReservedFlag);
    assert_eq!(malformed(9, FLAGS_END, 0b1100), DecodeError::FlagsAreMutuallyExclusive);
    // An expiry of what was never held.
    assert_eq!(malformed(11, FLAGS_END, 0).code(), "reserved_bytes");
    assert_eq!(malformed(0, 16, 0).code(), "reserved_id");
    assert_eq!(malformed(0, 17, b'u').code(), "malformed_asset");
    let whole = rows().concat();
    assert_eq!(replay(&whole[..200]).unwrap_err(), ReplayError::NotWholeRows);
    let decoded = Row::from_bytes(rows()[11]);
    assert_eq!((decoded.kind(), decoded.check()), (Some(RowKind::HoldExpired), Ok(())));
}

#[test]
fn rows_that_do_not_follow_are_named() {
    use CreateTransferStatus as Status;
    let refused = |row, status| (row, Fault::TransferRefused(status));
    assert_eq!(fault(&[(4, ROW_BYTES, 10)]), (4, Fault::OutOfOrder));
    assert_eq!(fault(&[(4, ASSET_END, 2)]), (4, Fault::WrongAssetNumber));
    assert_eq!(fault(&[(0, ASSET_END, 1)]), (0, Fault::WrongAssetNumber));
    assert_eq!(fault(&[(1, 16, 1)]), (1, Fault::AccountExists));
    let no_code = Fault::AccountRefused(CreateAccountStatus::CodeMustNotBeZero);
    assert_eq!(fault(&[(0, CODE_END, 0)]), (0, no_code));
    assert_eq!(fault(&[(7, 16, 2)]), (7, Fault::HoldExists));
    assert_eq!(fault(&[(9, PENDING_ID_END, 99)]), (9, Fault::HoldNotOpen));
    assert_eq!(fault(&[(10, PENDING_ID_END, 3)]), (10, Fault::HoldNotOpen), "resolved before");
    assert_eq!(fault(&[(11, 16, 5)]), (11, Fault::HoldNotDue), "not the next");
    assert_eq!(fault(&[(11, ROW_BYTES, 15)]), (11, Fault::HoldNotDue), "not yet");
    assert_eq!(fault(&[(4, DEBIT_END, 9)]), refused(4, Status::DebitAccountNotFound));
    assert_eq!(fault(&[(4, DEBIT_END, 2)]), refused(4, Status::AccountsMustBeDifferent));
    assert_eq!(fault(&[(4, CODE_END, 0)]), refused(4, Status::CodeMustNotBeZero));
    assert_eq!(fault(&[(9, AMOUNT_END, 21)]), refused(9, Status::ExceedsPendingTransferAmount));
    assert_eq!(fault(&[(9, CODE_END, 5)]), refused(9, Status::PendingTransferHasDifferentCode));
    // Account 1 limited, it has nothing to give.
    assert_eq!(fault(&[(0, FLAGS_END, 0b10)]), refused(4, Status::ExceedsCredits));
    // Hold 5 closed its accounts before hold 3 was posted.
    let closing = fault(&[(8, FLAGS_END, 0b100_0010)]);
    assert_eq!(closing, refused(9, Status::DebitAccountAlreadyClosed));
    // More than the balancing side left; user data that a post does not leave out.
    assert_eq!(fault(&[(12, AMOUNT_END, 1)]), (12, Fault::Altered));
    assert_eq!(fault(&[(9, USER_DATA_END, 0)]), (9, Fault::Altered));
    assert_eq!(fault(&[(11, AMOUNT_END, 11)]), (11, Fault::Altered));
    assert_eq!(Fault::Altered.code(), "altered");
}

#[test]
fn limits_and_sums_hold_in_a_replay() {
    let mut ledger = Ledger::new();
    let accounts = [account(1, Limit::None), account(2, Limit::DebitsMustNotExceedCredits)];
    ledger.create_accounts(&accounts, 10).unwrap();
    let events = [transfer(1, Kind::SINGLE, 7), back(2, Kind::SINGLE, 7)];
    ledger.create_transfers(&events, 20).unwrap();
    let rows: Vec<[u8; ROW_BYTES]> = ledger.past().rows().as_chunks().0.to_vec();
    // Account 2 gives before it has anything, and receives as much afterwards.
    let mut turned = rows.clone();
    turned.swap(2, 3);
    turned[2][ROW_BYTES - 1] = 19;
    turned[3][ROW_BYTES - 1] = 20;
    let overdrawn = Fault::TransferRefused(CreateTransferStatus::ExceedsCredits);
    assert_eq!(fault_of(&turned.concat()), (2, overdrawn));
    // More than all sums of the asset can hold.
    let mut huge = rows;
    huge[2][48..64].fill(0xff);
    let overflow = Fault::TransferRefused(CreateTransferStatus::OverflowsAssetTotals);
    huge[3][48..64].fill(0xff);
    assert_eq!(fault_of(&huge.concat()), (3, overflow));
}

proptest! {
    /// Hostile rows: sound ones with bytes overwritten, left out, doubled or turned around.
    #[test]
    fn hostile_rows_never_panic(
        damage in prop::collection::vec(
            (any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0_u8..6, any::<u8>()),
            1..6,
        ),
    ) {
        let mut rows = rows();
        for (one, other, what, value) in damage {
            let (first, second) = (one.index(rows.len()), other.index(rows.len()));
            match what {
                0 => rows.swap(first, second),
                1 => rows.push(rows[first]),
                2 if rows.len() > 1 => drop(rows.remove(first)),
                3 => rows[first][other.index(16) + 112] = value,
                _ => rows[first][other.index(ROW_BYTES)] = value,
            }
        }
        // As they are, and with times that ascend, so that more of them are folded.
        for ascending in [false, true] {
            if ascending {
                for (row, time_ns) in rows.iter_mut().zip(10_000_000_000_u64..) {
                    row[120..].copy_from_slice(&time_ns.to_be_bytes());
                }
            }
            if let Ok(ledger) = replay(&rows.concat()) {
                prop_assert_eq!(ledger.check(), Ok(()));
                prop_assert_eq!(ledger.past().rows(), rows.as_flattened());
            }
        }
    }
}

/// A balancing transfer may be replayed with its actual amount; it moves no more than there is.
#[test]
fn balancing_amounts_are_decided_again() {
    let mut ledger = Ledger::new();
    ledger.create_accounts(&[account(1, Limit::None), account(2, Limit::None)], 10).unwrap();
    let balancing = Kind::Single { balancing: Sides::DEBIT };
    let events = [
        transfer(1, Kind::SINGLE, 7),
        Transfer { kind: balancing, ..back(2, balancing, AMOUNT_MAX) },
    ];
    ledger.create_transfers(&events, 20).unwrap();
    let mut rows: Vec<[u8; ROW_BYTES]> = ledger.past().rows().as_chunks().0.to_vec();
    assert_eq!(rows[3][AMOUNT_END - 1], 7);
    assert!(replay(&rows.concat()).is_ok());
    rows[3][AMOUNT_END - 1] = 8;
    assert_eq!(fault_of(&rows.concat()), (3, Fault::Altered));
}
