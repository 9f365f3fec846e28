//! The rules for a post or void, in the order of [`CreateTransferStatus`].
//!
//! Invariants: a hold is resolved at most once, never at or after its end, and never for more than
//! it holds; what is held on a closed account can be voided and not posted. Accounts, asset and code
//! are compared with those of the hold and not checked for themselves. Nothing is changed here.

use money::TransferId;

use crate::books::Ledger;
use crate::commit::Entry;
use crate::event::{AMOUNT_MAX, Kind, Transfer};
use crate::hold::Hold;
use crate::lookup::Found;
use crate::past::Past;
use crate::state::{PendingState, TransferState};
use crate::status::CreateTransferStatus;
use crate::transfers::{Refusal, check_not_closed};

impl<P: Past> Ledger<P> {
    /// Decides about a post or void whose id is free.
    pub(crate) fn admit_resolution(
        &self,
        transfer: &Transfer,
        pending_id: TransferId,
        timestamp_ns: u64,
    ) -> Result<Entry, Refusal<P::Error>> {
        if pending_id == transfer.id {
            return Err(CreateTransferStatus::PendingIdMustBeDifferent.into());
        }
        if let Some(hold) = self.holds.get(&self.resident.holds, pending_id) {
            return Ok(self.admit_open(transfer, hold, timestamp_ns)?);
        }
        let state = match self.find(pending_id).map_err(Refusal::Past)? {
            None | Some(Found::Burned) => {
                return Err(CreateTransferStatus::PendingTransferNotFound.into());
            }
            Some(Found::Created(row)) => self.transfer_state(&row).map_err(Refusal::Past)?,
        };
        match check_resolution(transfer, &state, timestamp_ns) {
            Err(status) => Err(status.into()),
            Ok(_) => unreachable!("a hold that is not open was resolved"),
        }
    }

    /// Decides about a post or void of an open hold.
    pub(crate) fn admit_open(
        &self,
        transfer: &Transfer,
        hold: &Hold,
        timestamp_ns: u64,
    ) -> Result<Entry, CreateTransferStatus> {
        let held = TransferState {
            transfer: hold.transfer(&self.resident),
            timestamp_ns: hold.timestamp_ns,
            pending: PendingState::Pending,
        };
        let transfer = check_resolution(transfer, &held, timestamp_ns)?;
        let sides = [self.resident.side(hold.debit), self.resident.side(hold.credit)];
        if matches!(transfer.kind, Kind::Post { .. }) {
            check_not_closed(&sides)?;
        }
        Ok(Entry { transfer, timestamp_ns, sides, held: hold.amount })
    }
}

/// The post or void as it will be, if it fits what is pending.
fn check_resolution(
    transfer: &Transfer,
    hold: &TransferState,
    timestamp_ns: u64,
) -> Result<Transfer, CreateTransferStatus> {
    check_same_movement(transfer, hold)?;
    let transfer = actual(transfer, &hold.transfer);
    let held = hold.transfer.amount;
    if transfer.amount > held {
        return Err(CreateTransferStatus::ExceedsPendingTransferAmount);
    }
    if matches!(transfer.kind, Kind::Void { .. }) && transfer.amount < held {
        return Err(CreateTransferStatus::PendingTransferHasDifferentAmount);
    }
    check_open(hold, timestamp_ns)?;
    Ok(transfer)
}

/// A post or void with what it leaves to the pending transfer filled in.
pub(crate) fn actual(transfer: &Transfer, hold: &Transfer) -> Transfer {
    let amount = match (transfer.kind, transfer.amount) {
        (Kind::Post { .. }, AMOUNT_MAX) | (Kind::Void { .. }, 0) => hold.amount,
        (_, amount) => amount,
    };
    Transfer {
        amount,
        user_data: inherit(transfer.user_data, hold.user_data),
        user_data_64: inherit(transfer.user_data_64, hold.user_data_64),
        user_data_32: inherit(transfer.user_data_32, hold.user_data_32),
        ..*transfer
    }
}

/// Zero stands for what the pending transfer has.
fn inherit<N: Default + PartialEq>(own: N, held: N) -> N {
    if own == N::default() { held } else { own }
}

/// The pending id names a pending transfer between the same accounts.
fn check_same_movement(
    transfer: &Transfer,
    hold: &TransferState,
) -> Result<(), CreateTransferStatus> {
    if hold.pending == PendingState::None {
        return Err(CreateTransferStatus::PendingTransferNotPending);
    }
    let hold = &hold.transfer;
    if transfer.debit_account != hold.debit_account {
        return Err(CreateTransferStatus::PendingTransferHasDifferentDebitAccountId);
    }
    if transfer.credit_account != hold.credit_account {
        return Err(CreateTransferStatus::PendingTransferHasDifferentCreditAccountId);
    }
    if transfer.asset != hold.asset {
        return Err(CreateTransferStatus::PendingTransferHasDifferentAsset);
    }
    if transfer.code != hold.code {
        return Err(CreateTransferStatus::PendingTransferHasDifferentCode);
    }
    Ok(())
}

/// The hold can still be resolved; one that is due is over even if it was not released yet.
fn check_open(hold: &TransferState, timestamp_ns: u64) -> Result<(), CreateTransferStatus> {
    match hold.pending {
        PendingState::Posted { .. } => Err(CreateTransferStatus::PendingTransferAlreadyPosted),
        PendingState::Voided => Err(CreateTransferStatus::PendingTransferAlreadyVoided),
        PendingState::Expired { .. } => Err(CreateTransferStatus::PendingTransferExpired),
        PendingState::None | PendingState::Pending => match hold.expires_at_ns() {
            Some(expires_at_ns) if timestamp_ns >= expires_at_ns => {
                Err(CreateTransferStatus::PendingTransferExpired)
            }
            _ => Ok(()),
        },
    }
}
