//! What the child sends, and what must come of it: both follow from the number of a batch.
//!
//! Batches of thousands and of one, with holds that stay open and holds that are posted, chains, and
//! one event that is refused and burns its id. The refused one aside every event is created whenever
//! its batch is taken, in whatever order the batches of several senders come.

use ledger::{
    AMOUNT_MAX, Account, Balances, CreateTransferStatus, Kind, Limit, PendingState, Transfer,
};
use money::{AccountId, Asset, IdError, TransferId};

use crate::random::Random;

/// Senders at the same time; batch `n` is sent by sender `n % SENDERS`.
pub const SENDERS: u64 = 4;

/// Batches of one round start at a multiple of this.
pub const ROUND: u64 = 1 << 20;

/// Accounts that take part; one more is always empty.
pub const ACCOUNTS: u64 = 64;

/// Events of the longest batches.
const EVENTS: u64 = 4_000;

/// The event that is refused in every longer batch.
pub const REFUSED: u64 = 5;

/// Every account: all without limit but the last, which may give only what it has, which is nothing.
pub fn accounts() -> Result<Vec<Account>, IdError> {
    (1..=ACCOUNTS + 1).map(account).collect()
}

fn account(number: u64) -> Result<Account, IdError> {
    let is_empty = number > ACCOUNTS;
    Ok(Account {
        id: AccountId::new(u128::from(number))?,
        asset: asset(),
        code: 1,
        user_data: 0,
        user_data_64: number,
        user_data_32: 0,
        limit: if is_empty { Limit::DebitsMustNotExceedCredits } else { Limit::None },
        history: number.is_multiple_of(2),
        closed: false,
        linked: false,
    })
}

fn asset() -> Asset {
    Asset::new("GBP", 2).unwrap_or_else(|_| unreachable!("the code is one"))
}

/// How many events a batch has.
fn len(batch: u64) -> u64 {
    match batch % 7 {
        0 | 3 => 1,
        1 => 100,
        _ => EVENTS - batch % 1_000,
    }
}

/// Id of an event; ids ascend with batches.
pub fn id(batch: u64, event: u64) -> Result<TransferId, IdError> {
    TransferId::new(u128::from(batch) << 16 | u128::from(event + 1))
}

/// The events of a batch.
pub fn events(batch: u64) -> Result<Vec<Transfer>, IdError> {
    let mut random = Random::new(batch);
    let count = len(batch);
    let mut events: Vec<Transfer> = Vec::new();
    for event in 0..count {
        let mut transfer = movement(&mut random, id(batch, event)?)?;
        if is_refused(count, event) {
            (transfer.debit_account, transfer.amount) =
                (AccountId::new(u128::from(ACCOUNTS + 1))?, 1);
        } else {
            let before = events.len().checked_sub(2).and_then(|index| events.get(index));
            match (event % 5, before) {
                (1 | 4, _) => transfer.kind = Kind::pending(0),
                (3, Some(hold)) if event % 2 == 0 => transfer = hold.post(transfer.id, AMOUNT_MAX),
                (3, Some(hold)) => transfer = hold.post(transfer.id, hold.amount / 2),
                _ => {}
            }
            transfer.linked = event % 5 == 2 && event + 1 < count;
        }
        events.push(transfer);
    }
    Ok(events)
}

fn is_refused(count: u64, event: u64) -> bool {
    count > 1 && event == REFUSED
}

fn movement(random: &mut Random, id: TransferId) -> Result<Transfer, IdError> {
    let debit = random.below(ACCOUNTS);
    let credit = (debit + random.between(1, ACCOUNTS - 1)) % ACCOUNTS;
    Ok(Transfer {
        id,
        kind: Kind::SINGLE,
        debit_account: AccountId::new(u128::from(debit + 1))?,
        credit_account: AccountId::new(u128::from(credit + 1))?,
        asset: asset(),
        amount: u128::from(random.below(1_000)),
        code: 1,
        user_data: random.wide(),
        user_data_64: random.next(),
        user_data_32: 7,
        linked: false,
    })
}

/// The right answer to each event of a batch that was never taken before.
pub fn statuses(batch: u64) -> Vec<CreateTransferStatus> {
    let count = len(batch);
    let status = |event| {
        if is_refused(count, event) {
            CreateTransferStatus::ExceedsCredits
        } else {
            CreateTransferStatus::Created
        }
    };
    (0..count).map(status).collect()
}

/// The transfers of a batch as they are kept, with what has become of their holds.
pub fn kept(batch: u64) -> Result<Vec<(Transfer, PendingState)>, IdError> {
    let events = events(batch)?;
    let mut kept: Vec<(Transfer, PendingState)> = Vec::new();
    for (event, transfer) in (0..).zip(events) {
        if is_refused(len(batch), event) {
            continue;
        }
        let mut transfer = transfer;
        let mut pending = PendingState::None;
        if let Kind::Pending { .. } = transfer.kind {
            pending = PendingState::Pending;
        }
        let hold = transfer.kind.pending_id();
        let hold = kept.iter_mut().rev().find(|(old, _)| Some(old.id) == hold);
        if let Some((hold, outcome)) = hold {
            let amount = transfer.amount.min(hold.amount);
            transfer = Transfer { amount, ..transfer };
            transfer.user_data = hold.user_data;
            transfer.user_data_64 = hold.user_data_64;
            transfer.user_data_32 = hold.user_data_32;
            *outcome = PendingState::Posted { amount };
        }
        kept.push((transfer, pending));
    }
    Ok(kept)
}

/// Adds what kept transfers come to, to the balances of account 1 (at index 0) and those after it.
pub fn book(kept: &[(Transfer, PendingState)], balances: &mut [Balances]) {
    for (transfer, pending) in kept {
        let (held, posted) = match (transfer.kind, pending) {
            (Kind::Pending { .. }, PendingState::Pending) => (transfer.amount, 0),
            (Kind::Pending { .. } | Kind::Void { .. }, _) => (0, 0),
            (Kind::Single { .. } | Kind::Post { .. }, _) => (0, transfer.amount),
        };
        if let Some(debit) = index(transfer.debit_account).and_then(|at| balances.get_mut(at)) {
            debit.debits_pending += held;
            debit.debits_posted += posted;
        }
        if let Some(credit) = index(transfer.credit_account).and_then(|at| balances.get_mut(at)) {
            credit.credits_pending += held;
            credit.credits_posted += posted;
        }
    }
}

fn index(account: AccountId) -> Option<usize> {
    usize::try_from(account.get()).ok()?.checked_sub(1)
}

#[cfg(test)]
mod tests {
    use ledger::Ledger;

    use super::*;

    #[test]
    fn batches_come_to_what_they_should_in_any_order() {
        let mut ledger = Ledger::new();
        ledger.create_accounts(&accounts().unwrap(), 1_000).unwrap();
        let mut balances = vec![Balances::default(); 64];
        for (number, batch) in [9, 8, 7, 12, 10].into_iter().enumerate() {
            let at_ns = 10_000 * (number as u64 + 1);
            let answers = ledger.create_transfers(&events(batch).unwrap(), at_ns).unwrap();
            assert_eq!(answers, statuses(batch), "{batch}");
            let kept = kept(batch).unwrap();
            for (transfer, pending) in &kept {
                let state = ledger.transfer(transfer.id).unwrap().unwrap();
                assert_eq!((state.transfer, state.pending), (*transfer, *pending));
            }
            book(&kept, &mut balances);
            assert_eq!(ledger.is_failed(id(batch, REFUSED).unwrap()).unwrap(), answers.len() > 1);
        }
        for (number, right) in (1_u128..).zip(balances) {
            let id = AccountId::new(number).unwrap();
            assert_eq!(ledger.account(id).unwrap().balances, right);
        }
    }
}
