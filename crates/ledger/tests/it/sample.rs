//! A small ledger with one of everything, for tests of bytes.

use ledger::{
    Account, CreateTransferStatus, Fresh, Kind, Ledger, Limit, ReplayError, Seed, Sides, Transfer,
};
use money::{AccountId, Asset, TransferId};

pub fn account_id(value: u128) -> AccountId {
    AccountId::new(value).unwrap()
}

pub fn transfer_id(value: u128) -> TransferId {
    TransferId::new(value).unwrap()
}

pub fn asset(code: &str) -> Asset {
    Asset::new(code, 9).unwrap()
}

pub fn account(id: u128, limit: Limit) -> Account {
    Account {
        id: account_id(id),
        asset: asset("USD"),
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

/// From account 1 to account 2.
pub fn transfer(id: u128, kind: Kind, amount: u128) -> Transfer {
    Transfer {
        id: transfer_id(id),
        kind,
        debit_account: account_id(1),
        credit_account: account_id(2),
        asset: asset("USD"),
        amount,
        code: 4,
        user_data: 5,
        user_data_64: 15,
        user_data_32: 25,
        linked: false,
    }
}

/// From account 2 to account 1.
pub fn back(id: u128, kind: Kind, amount: u128) -> Transfer {
    let there = transfer(id, kind, amount);
    Transfer { debit_account: there.credit_account, credit_account: there.debit_account, ..there }
}

/// Four accounts, of which the third keeps a history and is closed by a hold and the last has
/// another asset; transfers in each pending state, one that balanced to nothing; one burned id; what
/// each call made.
///
/// Rows: 0 to 3 accounts 1 to 4; 4 transfer 1; 5 to 8 holds 2 to 5; 9 post 6 of 3; 10 void 7 of 4;
/// 11 expiry of 2; 12 balancing 9; 13 closing hold 10.
pub fn sample() -> (Ledger, Vec<Fresh>) {
    let mut ledger = Ledger::new();
    let mut made = Vec::new();
    let accounts = [
        account(1, Limit::None),
        account(2, Limit::DebitsMustNotExceedCredits),
        Account { history: true, ..account(3, Limit::None) },
        Account { asset: asset("EUR"), ..account(4, Limit::CreditsMustNotExceedDebits) },
    ];
    ledger.create_accounts(&accounts, 10).unwrap();
    made.push(ledger.fresh().clone());
    let holds = [
        transfer(1, Kind::SINGLE, 100),
        transfer(2, Kind::pending(1), 10),
        transfer(3, Kind::pending(0), 20),
        transfer(4, Kind::pending(0), 30),
        transfer(5, Kind::pending(9), 40),
    ];
    ledger.create_transfers(&holds, 20).unwrap();
    made.push(ledger.fresh().clone());
    let events = [
        holds[2].post(transfer_id(6), 7),
        holds[3].void(transfer_id(7)),
        back(8, Kind::SINGLE, 1_000),
    ];
    let statuses = ledger.create_transfers(&events, 30).unwrap();
    assert_eq!(statuses[2], CreateTransferStatus::ExceedsCredits);
    made.push(ledger.fresh().clone());
    assert_eq!(ledger.expire(1_000_000_020, 9), Ok(vec![transfer_id(2)]));
    made.push(ledger.fresh().clone());
    let balancing = Kind::Single { balancing: Sides::CREDIT };
    let closing =
        Kind::Pending { timeout_seconds: 20, balancing: Sides::NONE, closing: Sides::DEBIT };
    let third = Transfer {
        debit_account: account_id(3),
        credit_account: account_id(1),
        ..transfer(10, closing, 6)
    };
    let statuses = ledger.create_transfers(&[transfer(9, balancing, 1_000), third], 1_000_000_030);
    assert_eq!(statuses, Ok(vec![CreateTransferStatus::Created; 2]));
    made.push(ledger.fresh().clone());
    (ledger, made)
}

pub fn bytes(ledger: &Ledger) -> Vec<u8> {
    ledger.snapshot().to_bytes()
}

pub fn restore(ledger: &Ledger) -> Ledger {
    Ledger::restore(&bytes(ledger), ledger.past().clone(), Seed::DEFAULT).unwrap()
}

pub fn replay(rows: &[u8]) -> Result<Ledger, ReplayError<std::convert::Infallible>> {
    let mut ledger = Ledger::new();
    ledger.replay(rows, &[]).map(|()| ledger)
}
