//! The resident part of a ledger: what decisions are made from, and nothing that grows with history.
//!
//! One row of 64 bytes an account, one of 96 an open hold, the sums of each asset. Balances that do
//! not fit into 64 bits stand in a table beside the rows.
//! Invariants: every change of a balance goes through [`Resident::book`], which asserts conservation
//! and limits; `totals` are the sums of the accounts; an account's balances are wide exactly if one
//! of them needs it, so that the same balances are the same bytes. A clone shares the rows until
//! they are written, so it is a snapshot for the price of a list of chunks. Rules about what is
//! allowed do not belong here.

use std::collections::BTreeMap;
use std::sync::Arc;

use money::{AccountId, Asset};

use crate::chunks::Chunks;
use crate::event::{Account, Limit};
use crate::hold::Hold;
use crate::postings::{Postings, Totals, sum};
use crate::slots::halves;
use crate::state::{Balances, Standing};

/// Most assets of one ledger: their numbers have 16 bits.
pub const ASSETS_MAX: usize = 1 << 16;

const DEBITS_LIMITED: u8 = 1;
const CREDITS_LIMITED: u8 = 1 << 1;
const HISTORY: u8 = 1 << 2;
const CREATED_CLOSED: u8 = 1 << 3;
const CLOSED: u8 = 1 << 4;
const WIDE: u8 = 1 << 5;
/// The flags that a snapshot keeps.
const KEPT: u8 = DEBITS_LIMITED | CREDITS_LIMITED | HISTORY | CREATED_CLOSED | CLOSED;

/// One account.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(crate) struct AccountRow {
    pub id: AccountId,
    /// The balances, if none of them is wide.
    columns: [u64; 4],
    /// Position of the row that created it.
    pub created: u64,
    /// Number of the asset.
    pub asset: u16,
    pub code: u16,
    flags: u8,
}

// One cache line: a decision touches one for each side of a transfer.
const _: () = assert!(size_of::<AccountRow>() == 64);

impl AccountRow {
    pub(crate) fn new(account: &Account, asset: u16, created: u64) -> Self {
        let limit = match account.limit {
            Limit::None => 0,
            Limit::DebitsMustNotExceedCredits => DEBITS_LIMITED,
            Limit::CreditsMustNotExceedDebits => CREDITS_LIMITED,
        };
        let flag = |is_set, flag| if is_set { flag } else { 0 };
        let flags =
            limit | flag(account.history, HISTORY) | flag(account.closed, CREATED_CLOSED | CLOSED);
        Self { id: account.id, columns: [0; 4], created, asset, code: account.code, flags }
    }

    /// From what a snapshot keeps; `None` if the flags exclude each other or mean nothing.
    pub(crate) fn restored(
        id: AccountId,
        created: u64,
        asset: u16,
        code: u16,
        flags: u8,
    ) -> Option<Self> {
        let limits = DEBITS_LIMITED | CREDITS_LIMITED;
        let is_sound = flags & !KEPT == 0 && flags & limits != limits;
        is_sound.then_some(Self { id, columns: [0; 4], created, asset, code, flags })
    }

    /// The flags that a snapshot keeps.
    pub(crate) const fn kept_flags(&self) -> u8 {
        self.flags & KEPT
    }

    pub(crate) const fn is_closed(&self) -> bool {
        self.flags & CLOSED != 0
    }

    pub(crate) const fn is_created_closed(&self) -> bool {
        self.flags & CREATED_CLOSED != 0
    }

    const fn limit(&self) -> Limit {
        match self.flags & (DEBITS_LIMITED | CREDITS_LIMITED) {
            DEBITS_LIMITED => Limit::DebitsMustNotExceedCredits,
            CREDITS_LIMITED => Limit::CreditsMustNotExceedDebits,
            _ => Limit::None,
        }
    }
}

/// One side of a transfer: an account, as it stands when the transfer is decided.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Side {
    pub index: u32,
    pub asset: u16,
    flags: u8,
    pub balances: Balances,
}

impl Side {
    pub(crate) const fn is_closed(&self) -> bool {
        self.flags & CLOSED != 0
    }

    pub(crate) const fn keeps_history(&self) -> bool {
        self.flags & HISTORY != 0
    }

    /// `amount` more debits would break the limit.
    pub(crate) fn debits_exceed_credits(&self, amount: u128) -> bool {
        let Balances { debits_pending, debits_posted, credits_posted, .. } = self.balances;
        self.flags & DEBITS_LIMITED != 0
            && sum([debits_pending, debits_posted, amount])
                .is_none_or(|debits| debits > credits_posted)
    }

    /// `amount` more credits would break the limit.
    pub(crate) fn credits_exceed_debits(&self, amount: u128) -> bool {
        let Balances { debits_posted, credits_pending, credits_posted, .. } = self.balances;
        self.flags & CREDITS_LIMITED != 0
            && sum([credits_pending, credits_posted, amount])
                .is_none_or(|credits| credits > debits_posted)
    }

    pub(crate) fn is_within_limit(&self) -> bool {
        !self.debits_exceed_credits(0) && !self.credits_exceed_debits(0)
    }
}

/// An asset and the sums of its accounts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Book {
    pub asset: Asset,
    pub totals: Totals,
}

/// The resident part of a ledger. A clone stays as it is while the ledger goes on.
#[derive(Debug, Clone, Default)]
pub struct Resident {
    /// How many rows there ever were.
    pub(crate) rows: u64,
    /// Timestamp of the last row.
    pub(crate) last_timestamp_ns: u64,
    /// By the number of the asset.
    pub(crate) books: Vec<Book>,
    pub(crate) accounts: Chunks<AccountRow>,
    /// Balances of the accounts of which one needs more than 64 bits, by index.
    pub(crate) wide: Arc<BTreeMap<u32, Balances>>,
    /// In no order, and with vacant rows among them.
    pub(crate) holds: Chunks<Hold>,
}

impl Resident {
    /// How many rows there ever were: the position of the next one.
    pub const fn len(&self) -> u64 {
        self.rows
    }

    /// Nothing has happened yet.
    pub const fn is_empty(&self) -> bool {
        self.rows == 0
    }

    #[inline]
    pub(crate) fn balances(&self, index: u32) -> Balances {
        let row = self.accounts.get(index);
        if row.flags & WIDE == 0 {
            let [first, second, third, fourth] = row.columns;
            Balances::of([first.into(), second.into(), third.into(), fourth.into()])
        } else {
            self.wide.get(&index).copied().unwrap_or_default()
        }
    }

    #[inline]
    pub(crate) fn side(&self, index: u32) -> Side {
        let row = self.accounts.get(index);
        Side { index, asset: row.asset, flags: row.flags, balances: self.balances(index) }
    }

    /// Where every account stands, in the order of their creation.
    pub fn accounts(&self) -> impl Iterator<Item = Standing> {
        self.indexes().map(|index| self.standing(index))
    }

    pub(crate) fn standing(&self, index: u32) -> Standing {
        let row = self.accounts.get(index);
        Standing {
            id: row.id,
            asset: self.asset(row.asset),
            code: row.code,
            limit: row.limit(),
            history: row.flags & HISTORY != 0,
            closed: row.is_closed(),
            balances: self.balances(index),
        }
    }

    /// The asset with this number, which an account has.
    #[inline]
    pub(crate) fn asset(&self, number: u16) -> Asset {
        self.books[usize::from(number)].asset
    }

    /// Changes both accounts of a transfer and says what they came to. The totals follow what the
    /// accounts really did, so an account that changed on one side only, or by another amount, does
    /// not go unnoticed.
    pub(crate) fn book(&mut self, sides: &[Side; 2], postings: Postings) -> [Balances; 2] {
        let [mut debit, mut credit] = *sides;
        assert!(debit.asset == credit.asset, "an account moves its own asset only");
        let debited = &mut debit.balances;
        postings.apply(&mut debited.debits_pending, &mut debited.debits_posted);
        let credited = &mut credit.balances;
        postings.apply(&mut credited.credits_pending, &mut credited.credits_posted);

        let totals = &mut self.books[usize::from(debit.asset)].totals;
        totals.follow(&sides[0].balances, &debit.balances);
        totals.follow(&sides[1].balances, &credit.balances);
        assert!(totals.is_balanced(), "debits equal credits in each asset");
        for side in [&debit, &credit] {
            assert!(side.is_within_limit(), "an account keeps its limit");
            self.set_balances(side.index, &side.balances);
        }
        [debit.balances, credit.balances]
    }

    /// Writes balances as they are, for [`Resident::book`], rollbacks and restored snapshots.
    #[inline]
    pub(crate) fn set_balances(&mut self, index: u32, balances: &Balances) {
        let row = self.accounts.get_mut(index);
        let was_wide = row.flags & WIDE != 0;
        if let Some(columns) = narrow(balances) {
            row.columns = columns;
            if was_wide {
                row.flags &= !WIDE;
                Arc::make_mut(&mut self.wide).remove(&index);
            }
        } else {
            row.columns = [0; 4];
            row.flags |= WIDE;
            Arc::make_mut(&mut self.wide).insert(index, *balances);
        }
    }

    pub(crate) fn set_closed(&mut self, index: u32, closed: bool) {
        let row = self.accounts.get_mut(index);
        row.flags = if closed { row.flags | CLOSED } else { row.flags & !CLOSED };
    }

    /// The open holds, in no order.
    pub(crate) fn open_holds(&self) -> impl Iterator<Item = &Hold> {
        self.holds.iter().filter(|hold| hold.is_open())
    }

    pub(crate) fn indexes(&self) -> std::ops::Range<u32> {
        0..self.accounts.len()
    }
}

#[inline]
fn narrow(balances: &Balances) -> Option<[u64; 4]> {
    let [first, second, third, fourth] = balances.columns();
    u64::try_from(first | second | third | fourth).ok()?;
    Some([halves(first).0, halves(second).0, halves(third).0, halves(fourth).0])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chunks::CHUNK_ROWS;
    use crate::slots::{TABLES, Table};

    /// The promise is 128 bytes an account. The worst is the moment when the table of slots has just
    /// doubled.
    #[test]
    fn an_account_takes_at_most_128_bytes() {
        for accounts in [10_000_usize, 917_503, 917_504, 1_000_000, 10_000_000] {
            let chunks = accounts.div_ceil(CHUNK_ROWS);
            // Each chunk has two counters in a line of their own, and a pointer in a list that may
            // have room for as many again.
            let chunk = CHUNK_ROWS * size_of::<AccountRow>() + 64 + 2 * size_of::<Arc<()>>();
            // Each of the tables may have just doubled.
            let slots = (TABLES * Table::slots_for(0)).max(accounts * 8 / 3);
            let bytes = chunks * chunk + slots * size_of::<u64>();
            assert!(bytes <= accounts * 128, "{accounts}: {}", bytes / accounts);
        }
    }
}
