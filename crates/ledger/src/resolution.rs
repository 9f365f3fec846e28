//! The rules for a post or void, in the order of [`CreateTransferStatus`].
//!
//! Invariants: a hold is resolved at most once, never at or after its end, and never for more than
//! it holds; what is held on a closed account can be voided and not posted. Accounts, asset and code
//! are compared with those of the hold and not checked for themselves. Nothing is changed here.

use money::{AccountId, Asset, TransferId};

use crate::books::Ledger;
use crate::commit::Entry;
use crate::event::{AMOUNT_MAX, Kind, Transfer};
use crate::lookup::Found;
use crate::past::Past;
use crate::state::{PendingState, TransferState, expiry_ns};
use crate::status::CreateTransferStatus;
use crate::transfers::{Refusal, check_not_closed};

/// What a post or void is compared with, and inherits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Held {
    debit_account: AccountId,
    credit_account: AccountId,
    asset: Asset,
    amount: u128,
    user_data: u128,
    user_data_64: u64,
    user_data_32: u32,
    code: u16,
}

impl Held {
    pub(crate) const fn of(pending: &Transfer) -> Self {
        Self {
            debit_account: pending.debit_account,
            credit_account: pending.credit_account,
            asset: pending.asset,
            amount: pending.amount,
            user_data: pending.user_data,
            user_data_64: pending.user_data_64,
            user_data_32: pending.user_data_32,
            code: pending.code,
        }
    }
}

impl<P: Past> Ledger<P> {
    /// Decides about a post or void whose id is free. `place` is where its hold was found.
    pub(crate) fn admit_resolution(
        &mut self,
        transfer: &Transfer,
        pending_id: TransferId,
        place: u32,
        timestamp_ns: u64,
    ) -> Result<Entry, Refusal<P::Error>> {
        if pending_id == transfer.id {
            return Err(CreateTransferStatus::PendingIdMustBeDifferent.into());
        }
        if let Some(index) = self.hold_index(place, pending_id) {
            return Ok(self.admit_open(transfer, index, timestamp_ns)?);
        }
        match self.find(pending_id).map_err(Refusal::Past)? {
            None | Some(Found::Burned) => Err(CreateTransferStatus::PendingTransferNotFound.into()),
            Some(Found::Created(row)) => {
                let resolution = self.call.resolution(pending_id);
                let state = self.transfer_state_after(&row, resolution).map_err(Refusal::Past)?;
                Err(refusal(transfer, &state).into())
            }
        }
    }

    /// Where an open hold stands; `place` is where it was found last.
    pub(crate) fn hold_index(&self, place: u32, id: TransferId) -> Option<u32> {
        let rows = &self.resident.holds;
        let is_there = place < rows.len() && rows.get(place).id == id && rows.get(place).is_open();
        if is_there { Some(place) } else { self.holds.find(rows, id) }
    }

    /// Decides about a post or void of the open hold at an index.
    pub(crate) fn admit_open(
        &self,
        transfer: &Transfer,
        index: u32,
        timestamp_ns: u64,
    ) -> Result<Entry, CreateTransferStatus> {
        let hold = self.resident.holds.get(index);
        let sides = [self.resident.side(hold.debit), self.resident.side(hold.credit)];
        let held = Held {
            debit_account: self.resident.accounts.get(hold.debit).id,
            credit_account: self.resident.accounts.get(hold.credit).id,
            asset: self.resident.asset(sides[0].asset),
            amount: hold.amount,
            user_data: hold.user_data,
            user_data_64: hold.user_data_64,
            user_data_32: hold.user_data_32,
            code: hold.code,
        };
        let transfer = fit(transfer, &held)?;
        // A hold that is due is over even if it was not released yet.
        if hold.timeout_seconds != 0
            && expiry_ns(hold.timestamp_ns, hold.timeout_seconds)
                .is_some_and(|end_ns| timestamp_ns >= end_ns)
        {
            return Err(CreateTransferStatus::PendingTransferExpired);
        }
        if matches!(transfer.kind, Kind::Post { .. }) {
            check_not_closed(&sides)?;
        }
        Ok(Entry { transfer, timestamp_ns, sides, hold: Some((index, hold.amount)) })
    }
}

/// Why a post or void is refused whose hold is not open.
fn refusal(transfer: &Transfer, state: &TransferState) -> CreateTransferStatus {
    if state.pending == PendingState::None {
        return CreateTransferStatus::PendingTransferNotPending;
    }
    if let Err(status) = fit(transfer, &Held::of(&state.transfer)) {
        return status;
    }
    match state.pending {
        PendingState::Posted { .. } => CreateTransferStatus::PendingTransferAlreadyPosted,
        PendingState::Voided => CreateTransferStatus::PendingTransferAlreadyVoided,
        PendingState::Expired { .. } => CreateTransferStatus::PendingTransferExpired,
        PendingState::None | PendingState::Pending => {
            unreachable!("a hold that is not open was resolved")
        }
    }
}

/// The post or void as it will be, if it fits what is pending.
#[inline]
fn fit(transfer: &Transfer, held: &Held) -> Result<Transfer, CreateTransferStatus> {
    check_same_movement(transfer, held)?;
    let transfer = actual(transfer, held);
    if transfer.amount > held.amount {
        return Err(CreateTransferStatus::ExceedsPendingTransferAmount);
    }
    if matches!(transfer.kind, Kind::Void { .. }) && transfer.amount < held.amount {
        return Err(CreateTransferStatus::PendingTransferHasDifferentAmount);
    }
    Ok(transfer)
}

/// A post or void with what it leaves to the pending transfer filled in.
#[inline]
pub(crate) fn actual(transfer: &Transfer, held: &Held) -> Transfer {
    let amount = match (transfer.kind, transfer.amount) {
        (Kind::Post { .. }, AMOUNT_MAX) | (Kind::Void { .. }, 0) => held.amount,
        (_, amount) => amount,
    };
    Transfer {
        amount,
        user_data: inherit(transfer.user_data, held.user_data),
        user_data_64: inherit(transfer.user_data_64, held.user_data_64),
        user_data_32: inherit(transfer.user_data_32, held.user_data_32),
        ..*transfer
    }
}

/// Zero stands for what the pending transfer has.
fn inherit<N: Default + PartialEq>(own: N, held: N) -> N {
    if own == N::default() { held } else { own }
}

/// The pending transfer is one between the same accounts.
#[inline]
fn check_same_movement(transfer: &Transfer, held: &Held) -> Result<(), CreateTransferStatus> {
    if transfer.debit_account != held.debit_account {
        return Err(CreateTransferStatus::PendingTransferHasDifferentDebitAccountId);
    }
    if transfer.credit_account != held.credit_account {
        return Err(CreateTransferStatus::PendingTransferHasDifferentCreditAccountId);
    }
    if transfer.asset != held.asset {
        return Err(CreateTransferStatus::PendingTransferHasDifferentAsset);
    }
    if transfer.code != held.code {
        return Err(CreateTransferStatus::PendingTransferHasDifferentCode);
    }
    Ok(())
}
