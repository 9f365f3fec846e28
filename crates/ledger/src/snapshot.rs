//! Bytes of a whole ledger, for snapshots.
//!
//! Invariants: equal ledgers have equal bytes; what is derived (indexes, expiries, totals) is not
//! stored but derived again; a decoded ledger has passed [`Ledger::check`].
//!
//! Format, all numbers big-endian: version 1 (1 byte); last timestamp (8); number of accounts (8)
//! and for each the event, `debits_pending`, `debits_posted`, `credits_pending`, `credits_posted`
//! (16 each), timestamp (8); number of transfers (8) and for each the event, timestamp (8), pending
//! state (1: 0 none, 1 pending, 2 posted and 16 bytes of amount, 3 voided, 4 expired); number of
//! burned ids (8) and the ids (16 each), ascending.

use crate::books::Ledger;
use crate::check::{Broken, sum_by_asset};
use crate::codec::{DecodeError, take, take_transfer_id};
use crate::event::{Account, Transfer};
use crate::state::{AccountState, Entry, Hold, PendingState, TransferState};

const VERSION: u8 = 1;

impl Ledger {
    /// Appends the bytes of the whole ledger.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(VERSION);
        out.extend(self.last_timestamp_ns.to_be_bytes());
        put_count(out, self.accounts.len());
        for state in &self.accounts {
            put_account(out, state);
        }
        put_count(out, self.transfers.len());
        for entry in &self.transfers {
            entry.state.transfer.encode(out);
            out.extend(entry.state.timestamp_ns.to_be_bytes());
            put_pending_state(out, entry.state.pending);
        }
        put_count(out, self.failed.len());
        for id in &self.failed {
            out.extend(id.to_be_bytes());
        }
    }

    /// Reads a whole ledger and checks it.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let bytes = &mut { bytes };
        let [version] = take(bytes)?;
        if version != VERSION {
            return Err(DecodeError::UnknownVersion(version));
        }
        let mut ledger =
            Self { last_timestamp_ns: u64::from_be_bytes(take(bytes)?), ..Self::default() };
        for _ in 0..u64::from_be_bytes(take(bytes)?) {
            let state = take_account(bytes)?;
            ledger.account_positions.insert(state.id(), ledger.accounts.len());
            ledger.accounts.push(state);
        }
        for _ in 0..u64::from_be_bytes(take(bytes)?) {
            let transfer = Transfer::decode(bytes)?;
            let timestamp_ns = u64::from_be_bytes(take(bytes)?);
            let pending = take_pending_state(bytes)?;
            let entry = ledger.resolve(TransferState { transfer, timestamp_ns, pending })?;
            let position = ledger.transfers.len();
            ledger.transfer_positions.insert(entry.id(), position);
            ledger.transfers.push(entry);
            ledger.watch_expiry(position);
        }
        for _ in 0..u64::from_be_bytes(take(bytes)?) {
            let id = take_transfer_id(bytes)?;
            if ledger.failed.last().is_some_and(|&last| last >= id) {
                return Err(DecodeError::FailedIdsNotAscending);
            }
            ledger.failed.insert(id);
        }
        if !bytes.is_empty() {
            return Err(DecodeError::TrailingBytes);
        }
        ledger.totals = sum_by_asset(&ledger.accounts).map_err(Broken::Overflow)?;
        ledger.check()?;
        Ok(ledger)
    }

    /// Finds what a transfer refers to among what was read before it.
    fn resolve(&self, state: TransferState) -> Result<Entry, Broken> {
        let id = state.transfer.id;
        let account = |id| self.account_positions.get(&id).copied();
        let debit = account(state.transfer.debit_account).ok_or(Broken::Transfer(id))?;
        let credit = account(state.transfer.credit_account).ok_or(Broken::Transfer(id))?;
        let resolves = match state.transfer.kind.pending_id() {
            None => None,
            Some(pending_id) => {
                let &position =
                    self.transfer_positions.get(&pending_id).ok_or(Broken::Resolution(id))?;
                let amount = self.transfers[position].state.transfer.amount;
                Some(Hold { position, amount })
            }
        };
        Ok(Entry { state, debit, credit, resolves })
    }
}

fn put_count(out: &mut Vec<u8>, count: usize) {
    let count = u64::try_from(count).expect("a length in memory fits into 64 bits");
    out.extend(count.to_be_bytes());
}

fn put_account(out: &mut Vec<u8>, state: &AccountState) {
    state.account.encode(out);
    out.extend(state.debits_pending.to_be_bytes());
    out.extend(state.debits_posted.to_be_bytes());
    out.extend(state.credits_pending.to_be_bytes());
    out.extend(state.credits_posted.to_be_bytes());
    out.extend(state.timestamp_ns.to_be_bytes());
}

fn take_account(bytes: &mut &[u8]) -> Result<AccountState, DecodeError> {
    Ok(AccountState {
        account: Account::decode(bytes)?,
        debits_pending: u128::from_be_bytes(take(bytes)?),
        debits_posted: u128::from_be_bytes(take(bytes)?),
        credits_pending: u128::from_be_bytes(take(bytes)?),
        credits_posted: u128::from_be_bytes(take(bytes)?),
        timestamp_ns: u64::from_be_bytes(take(bytes)?),
    })
}

fn put_pending_state(out: &mut Vec<u8>, state: PendingState) {
    match state {
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

fn take_pending_state(bytes: &mut &[u8]) -> Result<PendingState, DecodeError> {
    match take(bytes)? {
        [0] => Ok(PendingState::None),
        [1] => Ok(PendingState::Pending),
        [2] => Ok(PendingState::Posted { amount: u128::from_be_bytes(take(bytes)?) }),
        [3] => Ok(PendingState::Voided),
        [4] => Ok(PendingState::Expired),
        [other] => Err(DecodeError::UnknownPendingState(other)),
    }
}
