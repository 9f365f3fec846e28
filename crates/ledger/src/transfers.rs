//! The rules for creating a transfer, in the order of [`CreateTransferStatus`].
//!
//! Invariants: a transfer that is refused changes nothing, except that a transient refusal burns
//! the id; limits are checked when an amount is held, so a later post can never break them.
//! Overflow is checked before limits. What a post or void must fulfil stands in `resolution`.

use std::mem::discriminant;

use crate::batch::Event;
use crate::books::Ledger;
use crate::event::{Kind, Transfer};
use crate::resolution::actual;
use crate::state::{AccountState, Entry, PendingState, TransferState, expiry_ns, sum};
use crate::status::CreateTransferStatus;

impl Event for Transfer {
    type Status = CreateTransferStatus;
    const CREATED: Self::Status = CreateTransferStatus::Created;
    const LINKED_EVENT_FAILED: Self::Status = CreateTransferStatus::LinkedEventFailed;
    const LINKED_EVENT_CHAIN_OPEN: Self::Status = CreateTransferStatus::LinkedEventChainOpen;

    fn linked(&self) -> bool {
        self.linked
    }

    fn create(&self, ledger: &mut Ledger, timestamp_ns: u64) -> CreateTransferStatus {
        match ledger.admit(self, timestamp_ns) {
            Ok(entry) => {
                ledger.push_transfer(entry);
                CreateTransferStatus::Created
            }
            Err(status) => {
                // Outlives the rollback of a chain, unlike everything that was created.
                if status.is_transient() {
                    ledger.failed.insert(self.id);
                }
                status
            }
        }
    }

    fn undo_last(ledger: &mut Ledger) {
        ledger.pop_transfer();
    }
}

impl Ledger {
    /// Decides without changing anything.
    fn admit(&self, transfer: &Transfer, timestamp_ns: u64) -> Result<Entry, CreateTransferStatus> {
        if let Some(&position) = self.transfer_positions.get(&transfer.id) {
            let existing = &self.transfers[position];
            let hold = existing.resolves.map(|hold| &self.transfers[hold.position].state.transfer);
            return Err(compare(transfer, &existing.state.transfer, hold));
        }
        if self.failed.contains(&transfer.id) {
            return Err(CreateTransferStatus::IdAlreadyFailed);
        }
        match transfer.kind {
            Kind::Single | Kind::Pending { .. } => self.admit_movement(transfer, timestamp_ns),
            Kind::Post { pending_id } | Kind::Void { pending_id } => {
                self.admit_resolution(transfer, pending_id, timestamp_ns)
            }
        }
    }

    fn admit_movement(
        &self,
        transfer: &Transfer,
        timestamp_ns: u64,
    ) -> Result<Entry, CreateTransferStatus> {
        if transfer.debit_account == transfer.credit_account {
            return Err(CreateTransferStatus::AccountsMustBeDifferent);
        }
        if transfer.code == 0 {
            return Err(CreateTransferStatus::CodeMustNotBeZero);
        }
        let position = |id| self.account_positions.get(&id).copied();
        let debit =
            position(transfer.debit_account).ok_or(CreateTransferStatus::DebitAccountNotFound)?;
        let credit =
            position(transfer.credit_account).ok_or(CreateTransferStatus::CreditAccountNotFound)?;
        let (debit_state, credit_state) = (&self.accounts[debit], &self.accounts[credit]);
        if debit_state.account.asset != credit_state.account.asset {
            return Err(CreateTransferStatus::AccountsMustHaveTheSameAsset);
        }
        if transfer.asset != debit_state.account.asset {
            return Err(CreateTransferStatus::TransferMustHaveTheSameAssetAsAccounts);
        }
        self.check_overflow(transfer, debit_state, credit_state)?;
        if expiry_ns(timestamp_ns, transfer.kind.timeout_seconds()).is_none() {
            return Err(CreateTransferStatus::OverflowsTimeout);
        }
        if debit_state.debits_exceed_credits(transfer.amount) {
            return Err(CreateTransferStatus::ExceedsCredits);
        }
        if credit_state.credits_exceed_debits(transfer.amount) {
            return Err(CreateTransferStatus::ExceedsDebits);
        }
        let pending = match transfer.kind {
            Kind::Pending { .. } => PendingState::Pending,
            _ => PendingState::None,
        };
        let state = TransferState { transfer: *transfer, timestamp_ns, pending };
        Ok(Entry { state, debit, credit, resolves: None })
    }

    /// Pending and posted together must fit, so that a later post cannot overflow either.
    fn check_overflow(
        &self,
        transfer: &Transfer,
        debit: &AccountState,
        credit: &AccountState,
    ) -> Result<(), CreateTransferStatus> {
        let fits = |columns: [u128; 2], status| {
            sum([columns[0], columns[1], transfer.amount]).map(|_| ()).ok_or(status)
        };
        if matches!(transfer.kind, Kind::Pending { .. }) {
            fits([debit.debits_pending, 0], CreateTransferStatus::OverflowsDebitsPending)?;
            fits([credit.credits_pending, 0], CreateTransferStatus::OverflowsCreditsPending)?;
        }
        fits([debit.debits_posted, 0], CreateTransferStatus::OverflowsDebitsPosted)?;
        fits([credit.credits_posted, 0], CreateTransferStatus::OverflowsCreditsPosted)?;
        fits([debit.debits_pending, debit.debits_posted], CreateTransferStatus::OverflowsDebits)?;
        fits(
            [credit.credits_pending, credit.credits_posted],
            CreateTransferStatus::OverflowsCredits,
        )?;
        let asset = transfer.asset;
        let totals = self.totals.get(&(asset.code, asset.scale)).copied().unwrap_or_default();
        fits(
            [totals.debits_pending, totals.debits_posted],
            CreateTransferStatus::OverflowsAssetTotals,
        )
    }

    fn push_transfer(&mut self, entry: Entry) {
        self.book(&entry, entry.postings());
        let position = self.transfers.len();
        self.transfer_positions.insert(entry.id(), position);
        self.transfers.push(entry);
        self.watch_expiry(position);
        if let Some(hold) = entry.resolves {
            self.forget_expiry(hold.position);
            self.transfers[hold.position].state.pending = match entry.state.transfer.kind {
                Kind::Void { .. } => PendingState::Voided,
                _ => PendingState::Posted { amount: entry.state.transfer.amount },
            };
        }
    }

    fn pop_transfer(&mut self) {
        let Some(position) = self.transfers.len().checked_sub(1) else {
            return;
        };
        self.forget_expiry(position);
        let Some(entry) = self.transfers.pop() else {
            return;
        };
        self.transfer_positions.remove(&entry.id());
        if let Some(hold) = entry.resolves {
            self.transfers[hold.position].state.pending = PendingState::Pending;
            self.watch_expiry(hold.position);
        }
        self.book(&entry, entry.postings().inverse());
    }

    pub(crate) fn watch_expiry(&mut self, position: usize) {
        let state = &self.transfers[position].state;
        if let (PendingState::Pending, Some(expires_at_ns)) = (state.pending, state.expires_at_ns())
        {
            self.expiries.insert((expires_at_ns, state.timestamp_ns), position);
        }
    }

    fn forget_expiry(&mut self, position: usize) {
        let state = &self.transfers[position].state;
        if let Some(expires_at_ns) = state.expires_at_ns() {
            self.expiries.remove(&(expires_at_ns, state.timestamp_ns));
        }
    }
}

/// The id is taken: by the same content or by what other. `hold` is the transfer that the existing
/// one resolves.
fn compare(
    transfer: &Transfer,
    existing: &Transfer,
    hold: Option<&Transfer>,
) -> CreateTransferStatus {
    if discriminant(&transfer.kind) != discriminant(&existing.kind)
        || transfer.linked != existing.linked
    {
        return CreateTransferStatus::ExistsWithDifferentFlags;
    }
    if transfer.kind.pending_id() != existing.kind.pending_id() {
        return CreateTransferStatus::ExistsWithDifferentPendingId;
    }
    let transfer = hold.map_or(*transfer, |hold| actual(transfer, hold));
    if transfer.kind != existing.kind {
        CreateTransferStatus::ExistsWithDifferentTimeout
    } else if transfer.debit_account != existing.debit_account {
        CreateTransferStatus::ExistsWithDifferentDebitAccountId
    } else if transfer.credit_account != existing.credit_account {
        CreateTransferStatus::ExistsWithDifferentCreditAccountId
    } else if transfer.amount != existing.amount {
        CreateTransferStatus::ExistsWithDifferentAmount
    } else if transfer.user_data != existing.user_data {
        CreateTransferStatus::ExistsWithDifferentUserData
    } else if transfer.asset != existing.asset {
        CreateTransferStatus::ExistsWithDifferentAsset
    } else if transfer.code != existing.code {
        CreateTransferStatus::ExistsWithDifferentCode
    } else {
        CreateTransferStatus::Exists
    }
}
