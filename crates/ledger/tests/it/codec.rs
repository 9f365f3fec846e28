//! Bytes: golden vectors, round trips, and hostile input.

use ledger::{
    Account, Broken, CreateTransferStatus, DecodeError, Kind, Ledger, Limit, PendingState, Transfer,
};
use money::{AccountId, Asset, AssetError, IdError, TransferId};
use proptest::prelude::*;

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
    Account { id: account_id(id), asset: asset(), code: 2, user_data: 3, limit, linked: false }
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

/// Two accounts, and transfers in each pending state, one burned id.
fn sample() -> Ledger {
    let mut ledger = Ledger::new();
    let accounts = [account(1, Limit::None), account(2, Limit::DebitsMustNotExceedCredits)];
    ledger.create_accounts(&accounts, 10);
    let pending = Kind::Pending { timeout_seconds: 1 };
    let holds = [
        transfer(1, Kind::Single, 100),
        transfer(2, pending, 10),
        transfer(3, Kind::Pending { timeout_seconds: 0 }, 20),
        transfer(4, Kind::Pending { timeout_seconds: 0 }, 30),
        transfer(5, Kind::Pending { timeout_seconds: 9 }, 40),
    ];
    ledger.create_transfers(&holds, 20);
    let back = Transfer {
        debit_account: account_id(2),
        credit_account: account_id(1),
        ..transfer(8, Kind::Single, 1_000)
    };
    let events = [holds[2].post(transfer_id(6), 7), holds[3].void(transfer_id(7)), back];
    let statuses = ledger.create_transfers(&events, 30);
    assert_eq!(statuses[2], CreateTransferStatus::ExceedsCredits);
    assert_eq!(ledger.expire(1_000_000_020, 9), [transfer_id(2)]);
    ledger
}

#[test]
fn account_golden() {
    let event = Account { linked: true, ..account(1, Limit::CreditsMustNotExceedDebits) };
    let mut golden = vec![0; 15];
    golden.push(1);
    golden.extend(b"USD\0\0\0\0\0\x09\0\x02");
    golden.extend([0; 15]);
    golden.extend([3, 0b101]);
    assert_eq!(account_bytes(&event), golden);
}

#[test]
fn transfer_golden() {
    let event = Transfer { linked: true, ..transfer(9, Kind::Pending { timeout_seconds: 258 }, 7) };
    let mut golden = Vec::new();
    for id in [9, 1, 2] {
        golden.extend([0; 15]);
        golden.push(id);
    }
    golden.extend(b"USD\0\0\0\0\0\x09");
    golden.extend([0; 15]);
    golden.extend([7, 0, 4]);
    golden.extend([0; 15]);
    golden.extend([5, 0b11, 0, 0, 1, 2]);
    assert_eq!(transfer_bytes(&event), golden);
    let post = transfer_bytes(&transfer(9, Kind::Post { pending_id: transfer_id(6) }, 7));
    assert_eq!((post.len(), post[91], post[107]), (108, 0b100, 6));
    let void = transfer_bytes(&transfer(9, Kind::Void { pending_id: transfer_id(6) }, 7));
    assert_eq!((void.len(), void[91]), (108, 0b1000));
}

#[test]
fn malformed_events_are_named() {
    let good = transfer_bytes(&transfer(9, Kind::Single, 7));
    let with = |position: usize, value: u8| {
        let mut bytes = good.clone();
        bytes[position] = value;
        Transfer::decode(&mut bytes.as_slice()).unwrap_err()
    };
    assert_eq!(with(15, 0), DecodeError::Id(IdError::Reserved));
    assert_eq!(with(31, 0), DecodeError::Id(IdError::Reserved));
    assert_eq!(with(48, b'u'), DecodeError::Asset(AssetError::Character));
    assert_eq!(with(56, 31), DecodeError::Asset(AssetError::Scale));
    assert_eq!(with(91, 0b1_0000), DecodeError::ReservedFlag);
    assert_eq!(with(91, 0b1_0010), DecodeError::ReservedFlag);
    assert_eq!(with(91, 0b110), DecodeError::FlagsAreMutuallyExclusive);
    assert_eq!(with(91, 0b1101), DecodeError::FlagsAreMutuallyExclusive);
    assert_eq!(with(91, 0b10), DecodeError::Truncated, "the timeout is missing");
    let mut account = account_bytes(&account(1, Limit::None));
    account[43] = 0b110;
    assert_eq!(
        Account::decode(&mut account.as_slice()),
        Err(DecodeError::FlagsAreMutuallyExclusive)
    );
    account[43] = 0b1000;
    assert_eq!(Account::decode(&mut account.as_slice()), Err(DecodeError::ReservedFlag));
    assert_eq!(DecodeError::ReservedFlag.code(), "reserved_flag");
}

#[test]
fn events_stand_behind_each_other() {
    let first = transfer(1, Kind::Pending { timeout_seconds: 1 }, 7);
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
    assert_eq!(restored.transfer(transfer_id(2)).unwrap().pending, PendingState::Expired);
    assert_eq!(
        restored.transfer(transfer_id(3)).unwrap().pending,
        PendingState::Posted { amount: 7 }
    );
    assert!(restored.is_failed(transfer_id(8)));
    assert_eq!(restored.totals(), ledger.totals());
    assert_eq!(restored.account(account_id(2)).unwrap().available(), 107);
    // Both go on alike.
    let more = [transfer(8, Kind::Single, 1), transfer(9, Kind::Single, 1)];
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
    assert_eq!(Ledger::decode(&[2]).unwrap_err(), DecodeError::UnknownVersion(2));
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

/// Whichever single bit of a snapshot flips: either it is refused, or it was one that is free to
/// be anything (code, user data, time), and then the books still pass every check.
#[test]
fn no_flipped_bit_unbalances_the_books() {
    let good = ledger_bytes(&sample());
    let columns_of_first = 17 + 44;
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
    bytes[17 + 44 + 31] ^= 1;
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
