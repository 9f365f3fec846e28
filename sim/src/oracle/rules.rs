//! The naive rules of transfers: what each refusal means, asked in the documented order.
//!
//! Only looks, never changes. Amounts are added with an eye on 128 bits, nothing else is clever.

use ledger::{
    AccountState, CreateTransferStatus as Status, Kind, Limit, PendingState, Sides, Transfer,
    TransferState,
};
use money::{Asset, TransferId};

use super::books::Books;

/// Whether the same event might be taken another time, so that its id is burned.
pub(super) fn is_for_the_moment(status: Status) -> bool {
    [
        Status::DebitAccountNotFound,
        Status::CreditAccountNotFound,
        Status::PendingTransferNotFound,
        Status::DebitAccountAlreadyClosed,
        Status::CreditAccountAlreadyClosed,
        Status::ExceedsCredits,
        Status::ExceedsDebits,
    ]
    .contains(&status)
}

impl Books {
    /// The transfer as it will be kept, or why there is none.
    pub(super) fn decide(&self, event: &Transfer) -> Result<Transfer, Status> {
        if let Some(old) = self.transfers.get(&event.id) {
            return Err(self.same_transfer(event, &old.transfer));
        }
        if self.burned.contains(&event.id) {
            return Err(Status::IdAlreadyFailed);
        }
        match event.kind {
            Kind::Single { .. } | Kind::Pending { .. } => self.decide_movement(event),
            Kind::Post { pending_id } | Kind::Void { pending_id } => {
                self.decide_resolution(event, pending_id)
            }
        }
    }

    fn decide_movement(&self, event: &Transfer) -> Result<Transfer, Status> {
        if event.debit_account == event.credit_account {
            return Err(Status::AccountsMustBeDifferent);
        }
        if event.code == 0 {
            return Err(Status::CodeMustNotBeZero);
        }
        let debit = self.accounts.get(&event.debit_account);
        let debit = debit.ok_or(Status::DebitAccountNotFound)?;
        let credit = self.accounts.get(&event.credit_account);
        let credit = credit.ok_or(Status::CreditAccountNotFound)?;
        if debit.account.asset != credit.account.asset {
            return Err(Status::AccountsMustHaveTheSameAsset);
        }
        if debit.account.asset != event.asset {
            return Err(Status::TransferMustHaveTheSameAssetAsAccounts);
        }
        if debit.closed {
            return Err(Status::DebitAccountAlreadyClosed);
        }
        if credit.closed {
            return Err(Status::CreditAccountAlreadyClosed);
        }
        let transfer = Transfer { amount: balanced(event, debit, credit), ..*event };
        self.refuse_overflow(&transfer, debit, credit)?;
        let amount = transfer.amount;
        if debit.account.limit == Limit::DebitsMustNotExceedCredits
            && debit.balances.debits_pending + debit.balances.debits_posted + amount
                > debit.balances.credits_posted
        {
            return Err(Status::ExceedsCredits);
        }
        if credit.account.limit == Limit::CreditsMustNotExceedDebits
            && credit.balances.credits_pending + credit.balances.credits_posted + amount
                > credit.balances.debits_posted
        {
            return Err(Status::ExceedsDebits);
        }
        Ok(transfer)
    }

    fn refuse_overflow(
        &self,
        event: &Transfer,
        debit: &AccountState,
        credit: &AccountState,
    ) -> Result<(), Status> {
        let is_pending = matches!(event.kind, Kind::Pending { .. });
        let is_over = |columns: &[u128]| {
            columns.iter().try_fold(event.amount, |sum, column| sum.checked_add(*column)).is_none()
        };
        let (all_pending, all_posted) = self.moved(event.asset);
        let cases = [
            (
                is_pending && is_over(&[debit.balances.debits_pending]),
                Status::OverflowsDebitsPending,
            ),
            (
                is_pending && is_over(&[credit.balances.credits_pending]),
                Status::OverflowsCreditsPending,
            ),
            (is_over(&[debit.balances.debits_posted]), Status::OverflowsDebitsPosted),
            (is_over(&[credit.balances.credits_posted]), Status::OverflowsCreditsPosted),
            (
                is_over(&[debit.balances.debits_pending, debit.balances.debits_posted]),
                Status::OverflowsDebits,
            ),
            (
                is_over(&[credit.balances.credits_pending, credit.balances.credits_posted]),
                Status::OverflowsCredits,
            ),
            (is_over(&[all_pending, all_posted]), Status::OverflowsAssetTotals),
        ];
        cases.into_iter().find(|(applies, _)| *applies).map_or(Ok(()), |(_, status)| Err(status))
    }

    /// What is held and what was ever posted of an asset.
    pub fn moved(&self, asset: Asset) -> (u128, u128) {
        let accounts = self.accounts.values().filter(|state| state.account.asset == asset);
        accounts.fold((0, 0), |(held, posted), state| {
            (held + state.balances.debits_pending, posted + state.balances.debits_posted)
        })
    }

    fn decide_resolution(&self, event: &Transfer, hold: TransferId) -> Result<Transfer, Status> {
        if event.id == hold {
            return Err(Status::PendingIdMustBeDifferent);
        }
        let state = self.transfers.get(&hold).ok_or(Status::PendingTransferNotFound)?;
        let hold = &state.transfer;
        let transfer = filled(event, hold);
        let is_void = matches!(event.kind, Kind::Void { .. });
        let is_closed = |id| self.accounts.get(&id).is_some_and(|account| account.closed);
        let cases = [
            (state.pending == PendingState::None, Status::PendingTransferNotPending),
            (
                event.debit_account != hold.debit_account,
                Status::PendingTransferHasDifferentDebitAccountId,
            ),
            (
                event.credit_account != hold.credit_account,
                Status::PendingTransferHasDifferentCreditAccountId,
            ),
            (event.asset != hold.asset, Status::PendingTransferHasDifferentAsset),
            (event.code != hold.code, Status::PendingTransferHasDifferentCode),
            (transfer.amount > hold.amount, Status::ExceedsPendingTransferAmount),
            (is_void && transfer.amount != hold.amount, Status::PendingTransferHasDifferentAmount),
            (is_posted(state), Status::PendingTransferAlreadyPosted),
            (state.pending == PendingState::Voided, Status::PendingTransferAlreadyVoided),
            (is_expired(state), Status::PendingTransferExpired),
            (!is_void && is_closed(hold.debit_account), Status::DebitAccountAlreadyClosed),
            (!is_void && is_closed(hold.credit_account), Status::CreditAccountAlreadyClosed),
        ];
        let refusal = cases.into_iter().find(|(applies, _)| *applies);
        refusal.map_or(Ok(transfer), |(_, status)| Err(status))
    }

    /// The answer to an id that is taken.
    fn same_transfer(&self, event: &Transfer, old: &Transfer) -> Status {
        let name = |kind| match kind {
            Kind::Single { .. } => "single",
            Kind::Pending { .. } => "pending",
            Kind::Post { .. } => "post",
            Kind::Void { .. } => "void",
        };
        let flags = |transfer: &Transfer| {
            let kind = transfer.kind;
            (name(kind), kind.balancing(), kind.closing(), transfer.linked)
        };
        if flags(event) != flags(old) {
            return Status::ExistsWithDifferentFlags;
        }
        if event.kind.pending_id() != old.kind.pending_id() {
            return Status::ExistsWithDifferentPendingId;
        }
        let hold = old.kind.pending_id().and_then(|hold| self.transfers.get(&hold));
        let event = hold.map_or(*event, |hold| filled(event, &hold.transfer));
        // What balances was recorded with what there was to move, of all that was asked for.
        let may_be_less = old.kind.balancing() != Sides::NONE;
        let same_amount = event.amount == old.amount || may_be_less && event.amount > old.amount;
        let parts = [
            (event.kind == old.kind, Status::ExistsWithDifferentTimeout),
            (event.debit_account == old.debit_account, Status::ExistsWithDifferentDebitAccountId),
            (
                event.credit_account == old.credit_account,
                Status::ExistsWithDifferentCreditAccountId,
            ),
            (same_amount, Status::ExistsWithDifferentAmount),
            (event.user_data == old.user_data, Status::ExistsWithDifferentUserData),
            (event.user_data_64 == old.user_data_64, Status::ExistsWithDifferentUserData64),
            (event.user_data_32 == old.user_data_32, Status::ExistsWithDifferentUserData32),
            (event.asset == old.asset, Status::ExistsWithDifferentAsset),
            (event.code == old.code, Status::ExistsWithDifferentCode),
        ];
        parts.into_iter().find(|(same, _)| !same).map_or(Status::Exists, |(_, status)| status)
    }
}

fn is_posted(state: &TransferState) -> bool {
    matches!(state.pending, PendingState::Posted { .. })
}

fn is_expired(state: &TransferState) -> bool {
    matches!(state.pending, PendingState::Expired { .. })
}

/// What a movement really moves: as much as its balancing sides leave.
fn balanced(event: &Transfer, debit: &AccountState, credit: &AccountState) -> u128 {
    let mut amount = event.amount;
    if event.kind.balancing().debit {
        let given = debit.balances.debits_pending + debit.balances.debits_posted;
        amount = amount.min(debit.balances.credits_posted.saturating_sub(given));
    }
    if event.kind.balancing().credit {
        let received = credit.balances.credits_pending + credit.balances.credits_posted;
        amount = amount.min(credit.balances.debits_posted.saturating_sub(received));
    }
    amount
}

/// A post or void with what it leaves to its hold.
fn filled(event: &Transfer, hold: &Transfer) -> Transfer {
    let is_all = match event.kind {
        Kind::Post { .. } => event.amount == u128::MAX,
        Kind::Void { .. } => event.amount == 0,
        _ => false,
    };
    Transfer {
        amount: if is_all { hold.amount } else { event.amount },
        user_data: if event.user_data == 0 { hold.user_data } else { event.user_data },
        user_data_64: if event.user_data_64 == 0 { hold.user_data_64 } else { event.user_data_64 },
        user_data_32: if event.user_data_32 == 0 { hold.user_data_32 } else { event.user_data_32 },
        ..*event
    }
}
