//! The check of what a ledger keeps at hand: everything that can be derived from it is derived again
//! and compared.
//!
//! Invariant kept: a ledger that passes has what is pending on each account as the sum of its open
//! holds, accounts that are closed exactly as their holds say, limits that hold, and debits equal to
//! credits in each asset. It changes nothing and does not read the past: that what was posted is the
//! sum of all transfers shows only in a replay.

use money::{AccountId, Asset, TransferId};

use crate::books::Ledger;
use crate::chunks::wide;
use crate::past::Past;
use crate::postings::{Totals, sum};
use crate::resident::Resident;
use crate::state::{Balances, expiry_ns};

/// What is wrong with a ledger. In order of the checks; the first is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// The past has another number of rows.
    #[error("the ledger stands at position {resident}, its past at {past}")]
    Position {
        /// Rows that the ledger has counted.
        resident: u64,
        /// Rows of the past.
        past: u64,
    },
    /// An account that is listed twice, out of order, without code, or with an unknown asset.
    #[error("account {0} is listed twice, out of order or without code")]
    Account(AccountId),
    /// The account is beyond its limit.
    #[error("account {0} is beyond its limit")]
    Limit(AccountId),
    /// A hold that is listed twice, out of order, without code, of unfit accounts, or that ends
    /// after the last timestamp.
    #[error("hold {0} is listed twice, out of order or does not fit its accounts")]
    Hold(TransferId),
    /// The index of holds or their expiries are not those of the open holds.
    #[error("the list of expiries is not that of the open holds")]
    Expiries,
    /// What is pending on the account is not the sum of its open holds.
    #[error("what is pending on account {0} is not the sum of its open holds")]
    Balance(AccountId),
    /// The account is closed or open against what its open holds say.
    #[error("account {0} is closed or open against what its holds say")]
    Closed(AccountId),
    /// The sums of the asset do not fit into 128 bits.
    #[error("the sums of {0} do not fit into 128 bits")]
    Overflow(Asset),
    /// Debits and credits of the asset differ.
    #[error("the books of {0} do not sum to zero")]
    Unbalanced(Asset),
    /// The kept totals are not the sums of the accounts, or an asset has none.
    #[error("the kept totals are not the sums of the accounts")]
    Totals,
}

impl<P: Past> Ledger<P> {
    /// Derives what can be derived from accounts and open holds, and compares. Takes time in
    /// proportion to their number and none for history; a replay of all rows checks that.
    pub fn check(&self) -> Result<(), Broken> {
        let (resident, past) = (self.resident.rows, self.past.len());
        if resident != past {
            return Err(Broken::Position { resident, past });
        }
        self.check_accounts()?;
        self.check_holds()?;
        self.resident.check_pending()?;
        self.check_totals()
    }

    fn check_accounts(&self) -> Result<(), Broken> {
        let mut next_row = 0;
        for (index, row) in (0..).zip(self.resident.accounts.iter()) {
            let in_order = next_row <= row.created && row.created < self.resident.rows;
            let named = self.find_account(row.id) == Some(index);
            let has_asset = usize::from(row.asset) < self.resident.books.len();
            if !(in_order && named && has_asset) || row.code == 0 {
                return Err(Broken::Account(row.id));
            }
            if !self.resident.side(index).is_within_limit() {
                return Err(Broken::Limit(row.id));
            }
            next_row = row.created.saturating_add(1);
        }
        Ok(())
    }

    fn check_holds(&self) -> Result<(), Broken> {
        for hold in self.resident.open_holds() {
            let exists = |index: u32| index < self.resident.accounts.len();
            let fits = hold.code != 0
                && hold.debit != hold.credit
                && exists(hold.debit)
                && exists(hold.credit)
                && hold.timestamp_ns <= self.resident.last_timestamp_ns
                && expiry_ns(hold.timestamp_ns, hold.timeout_seconds).is_some()
                && self.resident.side(hold.debit).asset == self.resident.side(hold.credit).asset;
            if !fits {
                return Err(Broken::Hold(hold.id));
            }
        }
        if self.holds.is_of(&self.resident.holds) { Ok(()) } else { Err(Broken::Expiries) }
    }

    fn check_totals(&self) -> Result<(), Broken> {
        let numbered = (0..=u16::MAX).zip(&self.resident.books).all(|(number, book)| {
            book.totals.accounts > 0 && self.asset_number(book.asset) == Some(number)
        });
        let derived = self.resident.sums()?;
        for (totals, book) in derived.iter().zip(&self.resident.books) {
            if !totals.is_balanced() {
                return Err(Broken::Unbalanced(book.asset));
            }
            // Holds must still have room to be posted.
            sum([totals.debits_pending, totals.debits_posted])
                .ok_or(Broken::Overflow(book.asset))?;
        }
        let kept = self.resident.books.iter().map(|book| book.totals);
        let is_same = kept.eq(derived.iter().copied());
        if is_same && numbered && self.asset_numbers.len() == derived.len() {
            Ok(())
        } else {
            Err(Broken::Totals)
        }
    }
}

impl Resident {
    /// What is pending and what is closed, counted from the open holds.
    fn check_pending(&self) -> Result<(), Broken> {
        let count = wide(self.accounts.len());
        let mut pending = vec![[0_u128; 2]; count];
        let mut closed: Vec<bool> =
            self.accounts.iter().map(crate::resident::AccountRow::is_created_closed).collect();
        for hold in self.open_holds() {
            let closing = hold.kind().closing();
            let sides = [(hold.debit, closing.debit), (hold.credit, closing.credit)];
            for (side, (index, closes)) in sides.into_iter().enumerate() {
                let index = wide(index);
                let column = &mut pending[index][side];
                let asset = self.asset(self.accounts.get(hold.debit).asset);
                *column = column.checked_add(hold.amount).ok_or(Broken::Overflow(asset))?;
                closed[index] |= closes;
            }
        }
        for (index, row) in (0..).zip(self.accounts.iter()) {
            let Balances { debits_pending, credits_pending, .. } = self.balances(index);
            if pending[wide(index)] != [debits_pending, credits_pending] {
                return Err(Broken::Balance(row.id));
            }
            if closed[wide(index)] != row.is_closed() {
                return Err(Broken::Closed(row.id));
            }
        }
        Ok(())
    }

    /// Sums the accounts by the number of their asset, or names an asset whose sums do not fit.
    pub(crate) fn sums(&self) -> Result<Vec<Totals>, Broken> {
        let mut sums = vec![Totals::default(); self.books.len()];
        for (index, row) in (0..).zip(self.accounts.iter()) {
            let number = usize::from(row.asset);
            let added = sums.get_mut(number).and_then(|totals| totals.add(&self.balances(index)));
            added.ok_or_else(|| {
                let book = self.books.get(number);
                book.map_or(Broken::Account(row.id), |book| Broken::Overflow(book.asset))
            })?;
        }
        Ok(sums)
    }
}
