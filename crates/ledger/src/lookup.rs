//! What is known under an id: accounts at hand, transfers of the past and of the call at hand.
//!
//! Invariant: what the call at hand has made is found like what was made before. Nothing is decided
//! and nothing changed here.

use money::{AccountId, Asset, TransferId};

use crate::books::Ledger;
use crate::call::Made;
use crate::event::{Kind, Transfer};
use crate::past::{Known, Past};
use crate::query::Order;
use crate::row::{Row, RowKind};
use crate::seek::Seek;
use crate::state::{PendingState, TransferState};
use crate::term::{Field, term};

/// What is known under the id of a transfer.
pub(crate) enum Found {
    Created(Row),
    Burned,
}

impl<P: Past> Ledger<P> {
    #[inline]
    pub(crate) fn find_account(&self, id: AccountId) -> Option<u32> {
        self.slots
            .find(self.seed.hash(id.get()), |index| self.resident.accounts.get(index).id == id)
    }

    pub(crate) fn asset_number(&self, asset: Asset) -> Option<u16> {
        self.asset_numbers.get(&(asset.code, asset.scale)).copied()
    }

    /// What is known of the id of a transfer, what the call at hand made included.
    pub(crate) fn find(&mut self, id: TransferId) -> Result<Option<Found>, P::Error> {
        match self.call.find(id) {
            Some(Made::Created(row)) => return Ok(Some(Found::Created(row))),
            Some(Made::Burned) => return Ok(Some(Found::Burned)),
            None => {}
        }
        Ok(match self.past.find(id)? {
            None => None,
            Some(Known::Burned) => Some(Found::Burned),
            Some(Known::Created(position)) => Some(Found::Created(self.past.row(position)?)),
        })
    }

    /// The transfer of an id, what the call at hand made included.
    pub(crate) fn transfer_found(&mut self, id: TransferId) -> Result<Option<Transfer>, P::Error> {
        Ok(match self.find(id)? {
            Some(Found::Created(row)) => Some(self.transfer_of(&row)),
            Some(Found::Burned) | None => None,
        })
    }

    /// The row at a position, also of the call at hand.
    pub(crate) fn row_at(&self, position: u64) -> Result<Row, P::Error> {
        match position.checked_sub(self.past.len()) {
            None => self.past.row(position),
            Some(index) => {
                let index = u32::try_from(index).expect("a call makes fewer rows than 2^32");
                Ok(self.call.fresh.row(index))
            }
        }
    }

    /// The transfer of a row that the ledger made.
    pub(crate) fn transfer_of(&self, row: &Row) -> Transfer {
        let asset = self.resident.asset(row.asset_number());
        row.transfer(asset).expect("the past gives back what it absorbed")
    }

    /// The transfer of a row of the past, with what has become of it.
    pub(crate) fn transfer_state(&self, row: &Row) -> Result<TransferState, P::Error> {
        self.transfer_state_after(row, None)
    }

    /// As [`Ledger::transfer_state`], in the midst of a call that resolved the transfer or not.
    pub(crate) fn transfer_state_after(
        &self,
        row: &Row,
        resolution: Option<Row>,
    ) -> Result<TransferState, P::Error> {
        let transfer = self.transfer_of(row);
        let pending = match transfer.kind {
            Kind::Pending { .. } => self.pending_state(transfer.id, resolution)?,
            _ => PendingState::None,
        };
        Ok(TransferState { transfer, timestamp_ns: row.timestamp_ns(), pending })
    }

    fn pending_state(
        &self,
        hold: TransferId,
        resolution: Option<Row>,
    ) -> Result<PendingState, P::Error> {
        if self.holds.find(&self.resident.holds, hold).is_some() {
            return Ok(PendingState::Pending);
        }
        let row = match resolution {
            Some(row) => row,
            None => self.past_resolution(hold)?,
        };
        Ok(match row.kind() {
            Some(RowKind::HoldExpired) => PendingState::Expired { at_ns: row.timestamp_ns() },
            _ if row.is_void() => PendingState::Voided,
            _ => PendingState::Posted { amount: row.amount() },
        })
    }

    /// The row of the past that resolves a hold which is not open.
    fn past_resolution(&self, hold: TransferId) -> Result<Row, P::Error> {
        let resolves = |row: &Row| match row.kind() {
            Some(RowKind::TransferCreated) => row.pending_id() == hold.get(),
            Some(RowKind::HoldExpired) => row.id() == hold.get(),
            _ => false,
        };
        let terms = [term(Field::Resolves, hold.get())];
        let within = 0..self.past.len();
        let found = Seek { terms: &terms, within, order: Order::OldestFirst, limit: 1 }
            .rows(&self.past, resolves)?;
        let (_, row) = *found.first().expect("a hold that is not open was resolved");
        Ok(row)
    }
}
