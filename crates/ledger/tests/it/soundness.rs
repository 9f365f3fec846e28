//! Snapshots that are well-formed but not sound: each fault is refused by name. One sound snapshot
//! is written by hand, so that a fault can be put anywhere.

use ledger::{Account, Broken, DecodeError, Kind, Ledger, Limit, PendingState, Transfer};
use money::{AccountId, Asset, TransferId};

const SECOND_NS: u64 = 1_000_000_000;

struct Snapshot {
    last_timestamp_ns: u64,
    accounts: Vec<(Account, [u128; 4], u64)>,
    transfers: Vec<(Transfer, u64, PendingState)>,
    failed: Vec<u128>,
}

fn account_id(value: u128) -> AccountId {
    AccountId::new(value).unwrap()
}

fn transfer_id(value: u128) -> TransferId {
    TransferId::new(value).unwrap()
}

fn account(id: u128, code: &str) -> Account {
    let asset = Asset::new(code, 9).unwrap();
    Account { id: account_id(id), asset, code: 1, user_data: 0, limit: Limit::None, linked: false }
}

fn transfer(id: u128, kind: Kind, amount: u128) -> Transfer {
    Transfer {
        id: transfer_id(id),
        kind,
        debit_account: account_id(1),
        credit_account: account_id(2),
        asset: Asset::new("USD", 9).unwrap(),
        amount,
        code: 1,
        user_data: 0,
        linked: false,
    }
}

/// Transfer 1 moves 100; holds 2 to 5 are posted with 7 of 10, voided, expired and open.
fn sound() -> Snapshot {
    let hold =
        |id, amount, timeout_seconds| transfer(id, Kind::Pending { timeout_seconds }, amount);
    let (posted, voided) = (hold(2, 10, 60), hold(3, 20, 0));
    Snapshot {
        last_timestamp_ns: 9 * SECOND_NS,
        accounts: vec![
            (account(1, "USD"), [40, 107, 0, 0], 1),
            (account(2, "USD"), [0, 0, 40, 107], 2),
            (account(3, "EUR"), [0; 4], 3),
        ],
        transfers: vec![
            (transfer(1, Kind::Single, 100), 11, PendingState::None),
            (posted, 12, PendingState::Posted { amount: 7 }),
            (voided, 13, PendingState::Voided),
            (hold(4, 30, 5), 14, PendingState::Expired),
            (hold(5, 40, 60), 15, PendingState::Pending),
            (posted.post(transfer_id(6), 7), 16, PendingState::None),
            (Transfer { amount: 20, ..voided.void(transfer_id(7)) }, 17, PendingState::None),
        ],
        failed: vec![8, 9],
    }
}

impl Snapshot {
    fn encode(&self) -> Vec<u8> {
        let count = |length: usize| u64::try_from(length).unwrap().to_be_bytes();
        let mut out = vec![1];
        out.extend(self.last_timestamp_ns.to_be_bytes());
        out.extend(count(self.accounts.len()));
        for (account, balances, timestamp_ns) in &self.accounts {
            account.encode(&mut out);
            for column in balances {
                out.extend(column.to_be_bytes());
            }
            out.extend(timestamp_ns.to_be_bytes());
        }
        out.extend(count(self.transfers.len()));
        for (transfer, timestamp_ns, pending) in &self.transfers {
            transfer.encode(&mut out);
            out.extend(timestamp_ns.to_be_bytes());
            match pending {
                PendingState::None => out.push(0),
                PendingState::Pending => out.push(1),
                PendingState::Posted { amount } => {
                    out.push(2);
                    out.extend(amount.to_be_bytes());
                }
                PendingState::Voided => out.push(3),
                PendingState::Expired => out.push(4),
            }
        }
        out.extend(count(self.failed.len()));
        self.failed.iter().for_each(|id| out.extend(id.to_be_bytes()));
        out
    }
}

fn refused(fault: impl Fn(&mut Snapshot)) -> DecodeError {
    let mut snapshot = sound();
    fault(&mut snapshot);
    Ledger::decode(&snapshot.encode()).unwrap_err()
}

fn broken(fault: impl Fn(&mut Snapshot)) -> Broken {
    match refused(fault) {
        DecodeError::Broken(broken) => broken,
        other => panic!("{other}"),
    }
}

#[test]
fn the_sound_one_is_taken() {
    let bytes = sound().encode();
    let mut again = Vec::new();
    Ledger::decode(&bytes).unwrap().encode(&mut again);
    assert_eq!(again, bytes);
}

#[test]
fn accounts() {
    let of = |id| Broken::Account(account_id(id));
    assert_eq!(broken(|snapshot| snapshot.accounts[2].0.id = account_id(1)), of(1));
    assert_eq!(broken(|snapshot| snapshot.accounts[2].0.code = 0), of(3));
    assert_eq!(broken(|snapshot| snapshot.accounts[2].2 = 2), of(3));
    assert_eq!(broken(|snapshot| snapshot.accounts[2].2 = u64::MAX), of(3));
    let limited = |snapshot: &mut Snapshot| {
        snapshot.accounts[0].0.limit = Limit::DebitsMustNotExceedCredits;
    };
    assert_eq!(broken(limited), Broken::Limit(account_id(1)));
    let limited = |snapshot: &mut Snapshot| {
        snapshot.accounts[1].0.limit = Limit::CreditsMustNotExceedDebits;
    };
    assert_eq!(broken(limited), Broken::Limit(account_id(2)));
}

#[test]
fn transfers() {
    let of = |id| Broken::Transfer(transfer_id(id));
    assert_eq!(broken(|snapshot| snapshot.transfers[4].0.id = transfer_id(1)), of(1));
    assert_eq!(broken(|snapshot| snapshot.failed[0] = 5), of(5));
    assert_eq!(broken(|snapshot| snapshot.transfers[0].0.code = 0), of(1));
    assert_eq!(broken(|snapshot| snapshot.transfers[0].0.credit_account = account_id(1)), of(1));
    assert_eq!(broken(|snapshot| snapshot.transfers[0].0.credit_account = account_id(3)), of(1));
    assert_eq!(broken(|snapshot| snapshot.transfers[0].0.debit_account = account_id(4)), of(1));
    assert_eq!(broken(|snapshot| snapshot.transfers[4].1 = 14), of(5));
    assert_eq!(broken(|snapshot| snapshot.last_timestamp_ns = 16), of(7));
    // Older than its accounts.
    assert_eq!(broken(|snapshot| snapshot.transfers[0].1 = 2), of(1));
}

#[test]
fn pending_states() {
    let of = |id| Broken::PendingState(transfer_id(id));
    assert_eq!(broken(|snapshot| snapshot.transfers[0].2 = PendingState::Pending), of(1));
    assert_eq!(broken(|snapshot| snapshot.transfers[4].2 = PendingState::None), of(5));
    assert_eq!(broken(|snapshot| snapshot.transfers[4].2 = PendingState::Voided), of(5));
    // Released before its time.
    assert_eq!(broken(|snapshot| snapshot.transfers[4].2 = PendingState::Expired), of(5));
    // Would end after the last timestamp, which no hold may.
    let endless = |snapshot: &mut Snapshot| {
        snapshot.last_timestamp_ns = u64::MAX;
        snapshot.transfers.drain(5..);
        snapshot.transfers[1].2 = PendingState::Expired;
        snapshot.transfers[2].2 = PendingState::Pending;
        snapshot.transfers[4].1 = u64::MAX - 10;
    };
    assert_eq!(broken(endless), of(5));
    // Resolved twice.
    let twice = |snapshot: &mut Snapshot| {
        let (post, ..) = snapshot.transfers[5];
        let again = Transfer { id: transfer_id(10), ..post };
        snapshot.transfers.push((again, 18, PendingState::None));
    };
    assert_eq!(broken(twice), of(2));
}

#[test]
fn resolutions() {
    let post = Broken::Resolution(transfer_id(6));
    let void = Broken::Resolution(transfer_id(7));
    assert_eq!(broken(|snapshot| snapshot.transfers[1].2 = PendingState::Pending), post);
    assert_eq!(broken(|snapshot| snapshot.transfers[5].0.amount = 8), post);
    assert_eq!(broken(|snapshot| snapshot.transfers[5].0.code = 2), post);
    assert_eq!(broken(|snapshot| snapshot.transfers[1].0.amount = 6), post);
    assert_eq!(broken(|snapshot| snapshot.transfers[6].0.amount = 19), void);
    let unknown = Kind::Post { pending_id: transfer_id(99) };
    assert_eq!(broken(|snapshot| snapshot.transfers[5].0.kind = unknown), post);
    let single = Kind::Post { pending_id: transfer_id(1) };
    assert_eq!(broken(|snapshot| snapshot.transfers[5].0.kind = single), post);
    let turned = |snapshot: &mut Snapshot| {
        let (post, ..) = &mut snapshot.transfers[5];
        (post.debit_account, post.credit_account) = (post.credit_account, post.debit_account);
    };
    assert_eq!(broken(turned), post);
    // Posted at its end.
    let late = |snapshot: &mut Snapshot| {
        snapshot.transfers[1].0.kind = Kind::Pending { timeout_seconds: 5 };
        snapshot.transfers[5].1 = 5 * SECOND_NS + 12;
        snapshot.transfers[6].1 = 5 * SECOND_NS + 13;
    };
    assert_eq!(broken(late), post);
}

#[test]
fn balances_and_sums() {
    for column in 0..4 {
        let fault = |snapshot: &mut Snapshot| snapshot.accounts[0].1[column] += 1;
        assert_eq!(broken(fault), Broken::Balance(account_id(1)), "column {column}");
    }
    let usd = Asset::new("USD", 9).unwrap();
    let huge = |snapshot: &mut Snapshot| snapshot.accounts[0].1[3] = u128::MAX;
    assert_eq!(broken(huge), Broken::Overflow(usd));
    // Fits each account, but what is held could never be posted.
    let held = |snapshot: &mut Snapshot| {
        let hold = 1 << 127;
        let amount = u128::MAX - hold - 6;
        snapshot.transfers[4].0.amount = hold;
        snapshot.transfers[4].0.debit_account = account_id(2);
        snapshot.transfers[4].0.credit_account = account_id(1);
        snapshot.transfers[0].0.amount = amount;
        snapshot.accounts[0].1 = [0, amount + 7, hold, 0];
        snapshot.accounts[1].1 = [hold, 0, 0, amount + 7];
    };
    assert_eq!(broken(held), Broken::Overflow(usd));
}

#[test]
fn burned_ids_ascend() {
    for failed in [vec![9, 8], vec![8, 8]] {
        let fault = |snapshot: &mut Snapshot| snapshot.failed.clone_from(&failed);
        assert_eq!(refused(fault), DecodeError::FailedIdsNotAscending);
    }
}
