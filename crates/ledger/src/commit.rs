//! What follows once a transfer is admitted, and how a chain takes it back.
//!
//! Invariants: an admitted transfer changes balances, holds, closed accounts, sums and rows, all or
//! nothing; taking it back leaves everything as it was, byte for byte: what was there before is put
//! back and not computed. Whether something is allowed is settled before.

use crate::books::Ledger;
use crate::call::Mark;
use crate::event::{Kind, Sides, Transfer};
use crate::hold::Hold;
use crate::holds::Closed;
use crate::past::Past;
use crate::postings::{Postings, Totals};
use crate::resident::Side;
use crate::row::Row;

/// A transfer that was admitted, with its actual amount and user data.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    pub transfer: Transfer,
    pub timestamp_ns: u64,
    /// The debit and the credit account as they stood then.
    pub sides: [Side; 2],
    /// For a post or void: index of the hold, and what it holds.
    pub hold: Option<(u32, u128)>,
}

impl Entry {
    pub(crate) fn row(&self) -> Row {
        Row::of_transfer(&self.transfer, self.sides[0].asset, self.timestamp_ns)
    }

    fn held(&self) -> u128 {
        self.hold.map_or(0, |(_, held)| held)
    }

    /// What creating the transfer does to the balances.
    fn postings(&self) -> Postings {
        match self.transfer.kind {
            Kind::Single { .. } => Postings::single(self.transfer.amount),
            Kind::Pending { .. } => Postings::hold(self.transfer.amount),
            Kind::Post { .. } => Postings::post(self.held(), self.transfer.amount),
            Kind::Void { .. } => Postings::release(self.held()),
        }
    }
}

/// What it takes to take a transfer back.
#[derive(Debug, Clone)]
pub(crate) struct Undo {
    mark: Mark,
    transfer: Transfer,
    sides: [Side; 2],
    totals: Totals,
    /// The hold that the transfer resolved.
    resolved: Option<Closed>,
}

impl<P: Past> Ledger<P> {
    /// Makes an admitted transfer part of the ledger. `row` is its row.
    pub(crate) fn commit(&mut self, entry: &Entry, row: &Row, may_be_undone: bool) {
        let Entry { transfer, sides, .. } = entry;
        let mark = self.call.mark();
        let totals = may_be_undone.then(|| self.totals_numbered(sides[0].asset));

        let pair = self.resident.book(sides, entry.postings());
        let pair = sides.iter().any(Side::keeps_history).then_some(pair);
        if self.is_replay {
            self.call.fresh.push(row, pair.as_ref());
        } else {
            self.call.push(row, pair.as_ref());
        }
        self.count_row(row);
        let [debit, credit] = [sides[0].index, sides[1].index];
        if matches!(transfer.kind, Kind::Pending { .. }) {
            let hold = Hold::new(transfer, entry.timestamp_ns, debit, credit);
            self.holds.open(&mut self.resident.holds, hold);
            self.set_closed(transfer.kind.closing(), [debit, credit], true);
        }
        let resolved =
            entry.hold.map(|(index, _)| self.holds.close(&mut self.resident.holds, index));
        if let Some(Closed { hold, .. }) = &resolved {
            // Only a void gets here with a hold that closes: its account takes no post.
            self.set_closed(hold.kind().closing(), [debit, credit], false);
        }
        if let Some(totals) = totals {
            let (transfer, sides) = (*transfer, *sides);
            self.undos.push(Undo { mark, transfer, sides, totals, resolved });
        }
    }

    /// Takes back the transfer that was committed last.
    pub(crate) fn undo_last(&mut self) {
        let Some(undo) = self.undos.pop() else {
            return;
        };
        let Undo { transfer, sides, .. } = &undo;
        self.call.take_back(undo.mark);
        self.resident.rows = self.resident.rows.saturating_sub(1);
        let holds = &mut self.resident.holds;
        if matches!(transfer.kind, Kind::Pending { .. })
            && let Some(index) = self.holds.find(holds, transfer.id)
        {
            self.holds.close(holds, index);
        }
        if let Some(closed) = &undo.resolved {
            self.holds.reopen(holds, closed);
        }
        for side in sides {
            self.resident.set_balances(side.index, &side.balances);
            self.resident.set_closed(side.index, side.is_closed());
        }
        self.resident.books[usize::from(sides[0].asset)].totals = undo.totals;
    }

    pub(crate) fn forget_undos(&mut self) {
        self.undos.clear();
    }

    /// Closes these sides of a hold's accounts, or opens them again.
    pub(crate) fn set_closed(&mut self, sides: Sides, [debit, credit]: [u32; 2], closed: bool) {
        if sides.debit {
            self.resident.set_closed(debit, closed);
        }
        if sides.credit {
            self.resident.set_closed(credit, closed);
        }
    }

    fn totals_numbered(&self, asset: u16) -> Totals {
        self.resident.books[usize::from(asset)].totals
    }
}
