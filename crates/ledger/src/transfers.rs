//! The rules for creating a transfer, in the order of [`CreateTransferStatus`].
//!
//! Invariants: a transfer that is refused changes nothing, except that a transient refusal burns
//! the id; limits are checked when an amount is held, so a later post can never break them; a
//! closed account takes part in no movement. Whether an account is closed is checked before amounts,
//! overflow before limits. What a post or void must fulfil stands in `resolution`, what follows from
//! an admission in `commit`.

use std::mem::discriminant;

use money::TransferId;

use crate::batch::Event;
use crate::books::Ledger;
use crate::commit::Entry;
use crate::event::{AMOUNT_MAX, Kind, Sides, Transfer};
use crate::lookup::Found;
use crate::past::Past;
use crate::places::{NOWHERE, Sought};
use crate::postings::sum;
use crate::resident::Side;
use crate::resolution::{Held, actual};
use crate::state::expiry_ns;
use crate::status::CreateTransferStatus;

/// Why there is no transfer: an answer for the caller, or an error of the past.
pub(crate) enum Refusal<E> {
    Status(CreateTransferStatus),
    Past(E),
}

impl<E> From<CreateTransferStatus> for Refusal<E> {
    fn from(status: CreateTransferStatus) -> Self {
        Self::Status(status)
    }
}

impl<P: Past> Event<P> for Transfer {
    type Status = CreateTransferStatus;
    const CREATED: Self::Status = CreateTransferStatus::Created;
    const LINKED_EVENT_FAILED: Self::Status = CreateTransferStatus::LinkedEventFailed;
    const LINKED_EVENT_CHAIN_OPEN: Self::Status = CreateTransferStatus::LinkedEventChainOpen;

    fn linked(&self) -> bool {
        self.linked
    }

    fn names(&self) -> usize {
        if self.kind.pending_id().is_some() { 2 } else { 1 }
    }

    fn prepare(ledger: &mut Ledger<P>, block: &[Self]) {
        ledger.look_up(block.iter().map(|event| Sought {
            accounts: [event.debit_account.get(), event.credit_account.get()],
            hold: event.kind.pending_id().map_or(0, TransferId::get),
        }));
    }

    fn create(
        &self,
        ledger: &mut Ledger<P>,
        place: usize,
        timestamp_ns: u64,
        may_be_undone: bool,
    ) -> Result<CreateTransferStatus, P::Error> {
        match ledger.admit(self, ledger.places.at(place), timestamp_ns) {
            Ok(entry) => {
                let row = entry.row();
                ledger.commit(&entry, &row, may_be_undone);
                Ok(CreateTransferStatus::Created)
            }
            Err(Refusal::Status(status)) => {
                // Outlives the rollback of a chain, unlike everything that was created.
                if status.is_transient() {
                    ledger.call.burn(self.id);
                }
                Ok(status)
            }
            Err(Refusal::Past(error)) => Err(error),
        }
    }

    fn undo_last(ledger: &mut Ledger<P>) {
        ledger.undo_last();
    }
}

impl<P: Past> Ledger<P> {
    /// Decides, and changes nothing but how ids are found.
    fn admit(
        &mut self,
        transfer: &Transfer,
        places: [u32; 2],
        timestamp_ns: u64,
    ) -> Result<Entry, Refusal<P::Error>> {
        match self.find(transfer.id).map_err(Refusal::Past)? {
            None => {}
            Some(Found::Burned) => return Err(CreateTransferStatus::IdAlreadyFailed.into()),
            Some(Found::Created(row)) => {
                let existing = self.transfer_of(&row);
                let hold = match existing.kind.pending_id() {
                    None => None,
                    Some(id) => self.transfer_found(id).map_err(Refusal::Past)?,
                };
                return Err(compare(transfer, &existing, hold.as_ref()).into());
            }
        }
        match transfer.kind.pending_id() {
            None => Ok(self.admit_movement(transfer, places, timestamp_ns)?),
            Some(pending_id) => {
                self.admit_resolution(transfer, pending_id, places[0], timestamp_ns)
            }
        }
    }

    /// Decides about a single or pending transfer whose id is free.
    pub(crate) fn admit_movement(
        &self,
        transfer: &Transfer,
        places: [u32; 2],
        timestamp_ns: u64,
    ) -> Result<Entry, CreateTransferStatus> {
        let sides = self.sides_of(transfer, places)?;
        check_not_closed(&sides)?;
        let [debit, credit] = &sides;
        let amount = balanced_amount(transfer, debit, credit);
        let transfer = Transfer { amount, ..*transfer };
        self.check_overflow(&transfer, debit, credit)?;
        if expiry_ns(timestamp_ns, transfer.kind.timeout_seconds()).is_none() {
            return Err(CreateTransferStatus::OverflowsTimeout);
        }
        if debit.debits_exceed_credits(amount) {
            return Err(CreateTransferStatus::ExceedsCredits);
        }
        if credit.credits_exceed_debits(amount) {
            return Err(CreateTransferStatus::ExceedsDebits);
        }
        Ok(Entry { transfer, timestamp_ns, sides, hold: None })
    }

    /// The debit and the credit account, which exist and hold the transfer's asset.
    fn sides_of(
        &self,
        transfer: &Transfer,
        places: [u32; 2],
    ) -> Result<[Side; 2], CreateTransferStatus> {
        if transfer.debit_account == transfer.credit_account {
            return Err(CreateTransferStatus::AccountsMustBeDifferent);
        }
        if transfer.code == 0 {
            return Err(CreateTransferStatus::CodeMustNotBeZero);
        }
        // An account may have come after the places were looked up.
        let index = |place, id| if place == NOWHERE { self.find_account(id) } else { Some(place) };
        let debit = index(places[0], transfer.debit_account)
            .ok_or(CreateTransferStatus::DebitAccountNotFound)?;
        let credit = index(places[1], transfer.credit_account)
            .ok_or(CreateTransferStatus::CreditAccountNotFound)?;
        let sides = [self.resident.side(debit), self.resident.side(credit)];
        if sides[0].asset != sides[1].asset {
            return Err(CreateTransferStatus::AccountsMustHaveTheSameAsset);
        }
        if self.resident.asset(sides[0].asset) != transfer.asset {
            return Err(CreateTransferStatus::TransferMustHaveTheSameAssetAsAccounts);
        }
        Ok(sides)
    }

    /// Pending and posted together must fit, so that a later post cannot overflow either.
    fn check_overflow(
        &self,
        transfer: &Transfer,
        debit: &Side,
        credit: &Side,
    ) -> Result<(), CreateTransferStatus> {
        let fits = |columns: [u128; 2], status| {
            sum([columns[0], columns[1], transfer.amount]).map(|_| ()).ok_or(status)
        };
        let (debits, credits) = (&debit.balances, &credit.balances);
        if matches!(transfer.kind, Kind::Pending { .. }) {
            fits([debits.debits_pending, 0], CreateTransferStatus::OverflowsDebitsPending)?;
            fits([credits.credits_pending, 0], CreateTransferStatus::OverflowsCreditsPending)?;
        }
        fits([debits.debits_posted, 0], CreateTransferStatus::OverflowsDebitsPosted)?;
        fits([credits.credits_posted, 0], CreateTransferStatus::OverflowsCreditsPosted)?;
        fits([debits.debits_pending, debits.debits_posted], CreateTransferStatus::OverflowsDebits)?;
        fits(
            [credits.credits_pending, credits.credits_posted],
            CreateTransferStatus::OverflowsCredits,
        )?;
        let totals = &self.resident.books[usize::from(debit.asset)].totals;
        fits(
            [totals.debits_pending, totals.debits_posted],
            CreateTransferStatus::OverflowsAssetTotals,
        )
    }
}

pub(crate) fn check_not_closed(sides: &[Side; 2]) -> Result<(), CreateTransferStatus> {
    if sides[0].is_closed() {
        return Err(CreateTransferStatus::DebitAccountAlreadyClosed);
    }
    if sides[1].is_closed() {
        return Err(CreateTransferStatus::CreditAccountAlreadyClosed);
    }
    Ok(())
}

/// The amount, or as much of it as the balancing sides leave.
fn balanced_amount(transfer: &Transfer, debit: &Side, credit: &Side) -> u128 {
    let balancing = transfer.kind.balancing();
    let debit_most = if balancing.debit { debit.balances.available() } else { AMOUNT_MAX };
    let credit_most = if balancing.credit { credit.balances.creditable() } else { AMOUNT_MAX };
    transfer.amount.min(debit_most).min(credit_most)
}

/// The id is taken: by the same content or by what other. `hold` is the transfer that the existing
/// one resolves.
fn compare(
    transfer: &Transfer,
    existing: &Transfer,
    hold: Option<&Transfer>,
) -> CreateTransferStatus {
    let flags = |transfer: &Transfer| {
        let kind = transfer.kind;
        (discriminant(&kind), kind.balancing(), kind.closing(), transfer.linked)
    };
    if flags(transfer) != flags(existing) {
        return CreateTransferStatus::ExistsWithDifferentFlags;
    }
    if transfer.kind.pending_id() != existing.kind.pending_id() {
        return CreateTransferStatus::ExistsWithDifferentPendingId;
    }
    let transfer = hold.map_or(*transfer, |hold| actual(transfer, &Held::of(hold)));
    // The recorded amount of a balancing transfer is at most the one that was asked for.
    let same_amount = if existing.kind.balancing() == Sides::NONE {
        transfer.amount == existing.amount
    } else {
        transfer.amount >= existing.amount
    };
    if transfer.kind != existing.kind {
        CreateTransferStatus::ExistsWithDifferentTimeout
    } else if transfer.debit_account != existing.debit_account {
        CreateTransferStatus::ExistsWithDifferentDebitAccountId
    } else if transfer.credit_account != existing.credit_account {
        CreateTransferStatus::ExistsWithDifferentCreditAccountId
    } else if !same_amount {
        CreateTransferStatus::ExistsWithDifferentAmount
    } else if transfer.user_data != existing.user_data {
        CreateTransferStatus::ExistsWithDifferentUserData
    } else if transfer.user_data_64 != existing.user_data_64 {
        CreateTransferStatus::ExistsWithDifferentUserData64
    } else if transfer.user_data_32 != existing.user_data_32 {
        CreateTransferStatus::ExistsWithDifferentUserData32
    } else if transfer.asset != existing.asset {
        CreateTransferStatus::ExistsWithDifferentAsset
    } else if transfer.code != existing.code {
        CreateTransferStatus::ExistsWithDifferentCode
    } else {
        CreateTransferStatus::Exists
    }
}
