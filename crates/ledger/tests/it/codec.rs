//! Bytes of events: golden vectors, round trips, and hostile input.

use ledger::{
    Account, DecodeError, Kind, Ledger, Limit, Memory, Row, Seed, Sides, Transfer, keys, terms,
};
use money::{AccountId, Asset, AssetError, IdError, TransferId};
use proptest::prelude::*;

const ACCOUNT_LENGTH: usize = 57;
/// Where the lower byte of a transfer's flags stands.
const FLAGS: usize = 104;

fn account_id(value: u128) -> AccountId {
    AccountId::new(value).unwrap()
}

fn transfer_id(value: u128) -> TransferId {
    TransferId::new(value).unwrap()
}

fn asset() -> Asset {
    Asset::new("USD", 9).unwrap()
}

fn account(id: u128, limit: Limit) -> Account {
    Account {
        id: account_id(id),
        asset: asset(),
        code: 2,
        user_data: 3,
        user_data_64: 13,
        user_data_32: 23,
        limit,
        history: false,
        closed: false,
        linked: false,
    }
}

fn transfer(id: u128, kind: Kind, amount: u128) -> Transfer {
    Transfer {
        id: transfer_id(id),
        kind,
        debit_account: account_id(1),
        credit_account: account_id(2),
        asset: asset(),
        amount,
        code: 4,
        user_data: 5,
        user_data_64: 15,
        user_data_32: 25,
        linked: false,
    }
}

fn account_bytes(account: &Account) -> Vec<u8> {
    let mut bytes = Vec::new();
    account.encode(&mut bytes);
    bytes
}

fn transfer_bytes(transfer: &Transfer) -> Vec<u8> {
    let mut bytes = Vec::new();
    transfer.encode(&mut bytes);
    bytes
}

#[test]
fn account_golden() {
    let event = Account { linked: true, ..account(1, Limit::CreditsMustNotExceedDebits) };
    let mut golden = vec![0; 15];
    golden.push(1);
    golden.extend(b"USD\0\0\0\0\0\x09\0\x02");
    golden.extend([0; 15]);
    golden.extend([3, 0, 0, 0, 0, 0, 0, 0, 13, 0, 0, 0, 23, 0, 0b101]);
    assert_eq!(account_bytes(&event), golden);
    let flags = |account: &Account| account_bytes(account)[ACCOUNT_LENGTH - 2..].to_vec();
    let limited = account(1, Limit::DebitsMustNotExceedCredits);
    assert_eq!(flags(&limited), [0, 0b10]);
    assert_eq!(flags(&Account { closed: true, ..limited }), [0, 0b10_0010]);
    assert_eq!(flags(&Account { history: true, ..limited }), [0, 0b1010]);
}

#[test]
fn transfer_golden() {
    let event = Transfer { linked: true, ..transfer(9, Kind::pending(258), 7) };
    let mut golden = Vec::new();
    for id in [9, 1, 2] {
        golden.extend([0; 15]);
        golden.push(id);
    }
    golden.extend(b"USD\0\0\0\0\0\x09");
    golden.extend([0; 15]);
    golden.extend([7, 0, 4]);
    golden.extend([0; 15]);
    golden.extend([5, 0, 0, 0, 0, 0, 0, 0, 15, 0, 0, 0, 25, 0, 0b11, 0, 0, 1, 2]);
    assert_eq!(transfer_bytes(&event), golden);
    let flags = |kind| {
        let bytes = transfer_bytes(&transfer(9, kind, 7));
        (bytes.len(), bytes[FLAGS - 1], bytes[FLAGS])
    };
    let pending_id = transfer_id(6);
    assert_eq!(flags(Kind::SINGLE), (105, 0, 0));
    assert_eq!(flags(Kind::Post { pending_id }), (121, 0, 0b100));
    assert_eq!(flags(Kind::Void { pending_id }), (121, 0, 0b1000));
    let (debit, credit) = (Sides::DEBIT, Sides::CREDIT);
    assert_eq!(flags(Kind::Single { balancing: debit }), (105, 0, 0b1_0000));
    assert_eq!(flags(Kind::Single { balancing: credit }), (105, 0, 0b10_0000));
    let pending = |balancing, closing| Kind::Pending { timeout_seconds: 0, balancing, closing };
    assert_eq!(flags(pending(Sides::NONE, debit)), (109, 0, 0b100_0010));
    assert_eq!(flags(pending(Sides::NONE, credit)), (109, 0, 0b1000_0010));
    assert_eq!(flags(pending(Sides::BOTH, Sides::BOTH)), (109, 0, 0b1111_0010));
    assert_eq!(transfer_bytes(&transfer(9, Kind::Post { pending_id }, 7))[120], 6);
}

#[test]
fn malformed_events_are_named() {
    let good = transfer_bytes(&transfer(9, Kind::SINGLE, 7));
    let with = |position: usize, value: u8| {
        let mut bytes = good.clone();
        bytes[position] = value;
        Transfer::decode(&mut bytes.as_slice()).unwrap_err()
    };
    assert_eq!(with(15, 0), DecodeError::Id(IdError::Reserved));
    assert_eq!(with(31, 0), DecodeError::Id(IdError::Reserved));
    assert_eq!(with(48, b'u'), DecodeError::Asset(AssetError::Character));
    assert_eq!(with(56, 31), DecodeError::Asset(AssetError::Scale));
    assert_eq!(with(FLAGS - 1, 1), DecodeError::ReservedFlag, "imported");
    assert_eq!(with(FLAGS - 1, 0x80), DecodeError::ReservedFlag);
    for both in [0b110, 0b1010, 0b1101, 0b1_0100, 0b10_1000, 0b100_0100, 0b1000_1000] {
        assert_eq!(with(FLAGS, both), DecodeError::FlagsAreMutuallyExclusive, "{both:b}");
    }
    for closing in [0b100_0000, 0b1000_0000, 0b1101_0000] {
        assert_eq!(with(FLAGS, closing), DecodeError::ClosingTransferMustBePending);
    }
    assert_eq!(with(FLAGS, 0b10), DecodeError::Truncated, "the timeout is missing");
    let mut account = account_bytes(&account(1, Limit::None));
    for (flags, error) in [
        (0b110, DecodeError::FlagsAreMutuallyExclusive),
        (0b1_0000, DecodeError::ReservedFlag),
        (0b1_0110, DecodeError::ReservedFlag),
        (0b100_0000, DecodeError::ReservedFlag),
    ] {
        account[ACCOUNT_LENGTH - 1] = flags;
        assert_eq!(Account::decode(&mut account.as_slice()), Err(error), "{flags:b}");
    }
    assert_eq!(
        DecodeError::ClosingTransferMustBePending.code(),
        "closing_transfer_must_be_pending"
    );
    assert_eq!(DecodeError::ReservedFlag.code(), "reserved_flag");
}

#[test]
fn events_stand_behind_each_other() {
    let first = transfer(1, Kind::pending(1), 7);
    let second = first.post(transfer_id(2), 3);
    let bytes = [transfer_bytes(&first), transfer_bytes(&second)].concat();
    let rest = &mut bytes.as_slice();
    assert_eq!(Transfer::decode(rest), Ok(first));
    assert_eq!(Transfer::decode(rest), Ok(second));
    assert!(rest.is_empty());
}

proptest! {
    #[test]
    fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        if let Ok(event) = Account::decode(&mut bytes.as_slice()) {
            prop_assert!(bytes.starts_with(&account_bytes(&event)));
        }
        if let Ok(event) = Transfer::decode(&mut bytes.as_slice()) {
            prop_assert!(bytes.starts_with(&transfer_bytes(&event)));
        }
        let bytes_or_row = bytes.first_chunk().map(|bytes| Row::from_bytes(*bytes));
        if let Some(row) = bytes_or_row {
            let _ = row.check();
            terms(&row, &mut Vec::new());
            keys(&row, &mut Vec::new());
        }
        let restored = Ledger::restore(&bytes, Memory::new(), Seed::DEFAULT);
        prop_assert!(restored.is_err() || bytes.len() == 29);
        let _ = Ledger::new().replay(&bytes, &[]);
    }
}
