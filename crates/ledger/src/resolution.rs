//! The rules for a post or void, in the order of [`CreateTransferStatus`].
//!
//! Invariants: a hold is resolved at most once, never at or after its end, and never for more than
//! it holds. Accounts, asset and code are compared with those of the hold and not checked for
//! themselves. Nothing is changed here.

use money::TransferId;

use crate::books::Ledger;
use crate::event::{AMOUNT_MAX, Kind, Transfer};
use crate::state::{Entry, Hold, PendingState, TransferState};
use crate::status::CreateTransferStatus;

impl Ledger {
    pub(crate) fn admit_resolution(
        &self,
        transfer: &Transfer,
        pending_id: TransferId,
        timestamp_ns: u64,
    ) -> Result<Entry, CreateTransferStatus> {
        if pending_id == transfer.id {
            return Err(CreateTransferStatus::PendingIdMustBeDifferent);
        }
        let &position = self
            .transfer_positions
            .get(&pending_id)
            .ok_or(CreateTransferStatus::PendingTransferNotFound)?;
        let hold = &self.transfers[position];
        check_same_movement(transfer, &hold.state)?;
        let transfer = actual(transfer, &hold.state.transfer);
        let held = hold.state.transfer.amount;
        if transfer.amount > held {
            return Err(CreateTransferStatus::ExceedsPendingTransferAmount);
        }
        if matches!(transfer.kind, Kind::Void { .. }) && transfer.amount < held {
            return Err(CreateTransferStatus::PendingTransferHasDifferentAmount);
        }
        check_open(&hold.state, timestamp_ns)?;
        let state = TransferState { transfer, timestamp_ns, pending: PendingState::None };
        let resolves = Some(Hold { position, amount: held });
        Ok(Entry { state, debit: hold.debit, credit: hold.credit, resolves })
    }
}

/// A post or void with what it leaves to the pending transfer filled in.
pub(crate) fn actual(transfer: &Transfer, hold: &Transfer) -> Transfer {
    let amount = match (transfer.kind, transfer.amount) {
        (Kind::Post { .. }, AMOUNT_MAX) | (Kind::Void { .. }, 0) => hold.amount,
        (_, amount) => amount,
    };
    let user_data = if transfer.user_data == 0 { hold.user_data } else { transfer.user_data };
    Transfer { amount, user_data, ..*transfer }
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
        PendingState::Expired => Err(CreateTransferStatus::PendingTransferExpired),
        PendingState::None | PendingState::Pending => match hold.expires_at_ns() {
            Some(expires_at_ns) if timestamp_ns >= expires_at_ns => {
                Err(CreateTransferStatus::PendingTransferExpired)
            }
            _ => Ok(()),
        },
    }
}
