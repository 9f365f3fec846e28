//! Bytes: golden vectors, round trips, and hostile input.

use ledger::{
    Account, Broken, CreateTransferStatus, DecodeError, Kind, Ledger, Limit, PendingState, Sides,
    Transfer,
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

fn ledger_bytes(ledger: &Ledger) -> Vec<u8> {
    let mut bytes = Vec::new();
    ledger.encode(&mut bytes);
    bytes
}

/// Three accounts, the last one keeps a history and is closed by a hold; transfers in each pending state, one that balanced to
/// nothing; one burned id.
fn sample() -> Ledger {
    let mut ledger = Ledger::new();
    let accounts = [
        account(1, Limit::None),
        account(2, Limit::DebitsMustNotExceedCredits),
        Account { history: true, ..account(3, Limit::None) },
    ];
    ledger.create_accounts(&accounts, 10);
    let pending = Kind::pending(1);
    let holds = [
        transfer(1, Kind::SINGLE, 100),
        transfer(2, pending, 10),
        transfer(3, Kind::pending(0), 20),
        transfer(4, Kind::pending(0), 30),
        transfer(5, Kind::pending(9), 40),
    ];
    ledger.create_transfers(&holds, 20);
    let back = Transfer {
        debit_account: account_id(2),
        credit_account: account_id(1),
        ..transfer(8, Kind::SINGLE, 1_000)
    };
    let events = [holds[2].post(transfer_id(6), 7), holds[3].void(transfer_id(7)), back];
    let statuses = ledger.create_transfers(&events, 30);
    assert_eq!(statuses[2], CreateTransferStatus::ExceedsCredits);
    assert_eq!(ledger.expire(1_000_000_020, 9), [transfer_id(2)]);
    let balancing = Kind::Single { balancing: Sides::CREDIT };
    let closing =
        Kind::Pending { timeout_seconds: 20, balancing: Sides::NONE, closing: Sides::DEBIT };
    let close = [
        transfer(9, balancing, 1_000),
        Transfer {
            debit_account: account_id(3),
            credit_account: account_id(1),
            ..transfer(10, closing, 0)
        },
    ];
    ledger.create_transfers(&close, 1_000_000_030);
    ledger
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

#[test]
fn snapshot_restores_everything() {
    let mut ledger = sample();
    let mut restored = Ledger::decode(&ledger_bytes(&ledger)).unwrap();
    assert_eq!(ledger_bytes(&restored), ledger_bytes(&ledger));
    let expired = PendingState::Expired { at_ns: 1_000_000_020 };
    assert_eq!(restored.transfer(transfer_id(2)).unwrap().pending, expired);
    assert_eq!(
        restored.transfer(transfer_id(3)).unwrap().pending,
        PendingState::Posted { amount: 7 }
    );
    assert!(restored.is_failed(transfer_id(8)));
    assert_eq!(restored.totals(), ledger.totals());
    assert_eq!(restored.account(account_id(2)).unwrap().available(), 107);
    // Both go on alike.
    let more = [transfer(8, Kind::SINGLE, 1), transfer(9, Kind::SINGLE, 1)];
    let now_ns = 9_000_000_020;
    assert_eq!(restored.create_transfers(&more, now_ns), ledger.create_transfers(&more, now_ns));
    assert_eq!(restored.expire(now_ns, 9), [transfer_id(5)]);
    assert_eq!(ledger.expire(now_ns, 9), [transfer_id(5)]);
    assert_eq!(ledger_bytes(&restored), ledger_bytes(&ledger));
}

#[test]
fn malformed_snapshots_are_named() {
    let good = ledger_bytes(&sample());
    assert_eq!(Ledger::decode(&[]).unwrap_err(), DecodeError::Truncated);
    assert_eq!(Ledger::decode(&[3]).unwrap_err(), DecodeError::UnknownVersion(3));
    assert_eq!(Ledger::decode(&[0]).unwrap_err(), DecodeError::UnknownVersion(0));
    let longer = [good.as_slice(), &[0]].concat();
    assert_eq!(Ledger::decode(&longer).unwrap_err(), DecodeError::TrailingBytes);
    for length in 0..good.len() {
        assert_eq!(Ledger::decode(&good[..length]).unwrap_err(), DecodeError::Truncated);
    }
    // A count that no memory could hold.
    let mut huge = good;
    huge[9..17].fill(0xff);
    assert!(Ledger::decode(&huge).is_err());
}

/// Bytes of a file of hexadecimal digits.
fn golden(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pairs = digits.chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
    pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

#[test]
fn snapshot_golden() {
    let bytes = golden(include_str!("../golden/snapshot_2.hex"));
    assert_eq!(ledger_bytes(&sample()), bytes);
    assert_eq!(ledger_bytes(&Ledger::decode(&bytes).unwrap()), bytes);
}

#[test]
fn a_snapshot_of_the_version_before_is_refused_by_name() {
    let error = Ledger::decode(&golden(include_str!("../golden/snapshot_1.hex"))).unwrap_err();
    assert_eq!(error, DecodeError::OldVersion(1));
    assert_eq!(error.code(), "old_version");
}

/// Whichever single bit of a snapshot flips: either it is refused, or it was one that is free to
/// be anything (code, user data, time), and then the books still pass every check.
#[test]
fn no_flipped_bit_unbalances_the_books() {
    let good = ledger_bytes(&sample());
    let columns_of_first = 17 + ACCOUNT_LENGTH;
    let mut refused = 0;
    for bit in 0..good.len() * 8 {
        let mut bytes = good.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        match Ledger::decode(&bytes) {
            Err(error) => {
                assert!(!error.code().is_empty());
                refused += 1;
            }
            Ok(ledger) => {
                assert_eq!(ledger.check(), Ok(()));
                assert_eq!(ledger_bytes(&ledger), bytes, "one encoding only");
                let column = (columns_of_first..columns_of_first + 64).contains(&(bit / 8));
                assert!(!column, "a changed balance went unnoticed");
            }
        }
    }
    assert!(refused > good.len() * 2, "{refused} refused");
}

#[test]
fn a_changed_balance_is_named() {
    let mut bytes = ledger_bytes(&sample());
    // Lowest byte of the first account's posted debits.
    bytes[17 + ACCOUNT_LENGTH + 31] ^= 1;
    assert_eq!(
        Ledger::decode(&bytes).unwrap_err(),
        DecodeError::Broken(Broken::Balance(account_id(1)))
    );
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
        prop_assert!(Ledger::decode(&bytes).is_err() || bytes.len() >= 33);
    }

    /// Half-way valid: bytes of a sound snapshot with some of them overwritten.
    #[test]
    fn damaged_snapshots_never_panic(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = ledger_bytes(&sample());
        for (position, value) in damage {
            let position = position.index(bytes.len());
            bytes[position] = value;
        }
        if let Ok(ledger) = Ledger::decode(&bytes) {
            prop_assert_eq!(ledger_bytes(&ledger), bytes);
        }
    }
}
