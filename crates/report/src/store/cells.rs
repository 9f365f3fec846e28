//! Cells: income summed by account, asset, dimension, value and span of time.
//!
//! A quarter of an hour is the finest span, because every civil time zone is a whole number of
//! quarters from UTC; days of UTC stand beside it, so that a year is summed from 365 cells and not
//! from 35,040. A fact adds to each dimension apart, not to their product: what is asked is "by
//! country" or "by offer", and the product of all would have more cells than there are payments.
//!
//! Invariant: in each span the values of a dimension sum to the value of `Time`.

use std::collections::HashMap;

use engine::Tags;
use rusqlite::Connection;

use super::StoreError;
use super::units::{from_bytes, to_bytes};

pub(crate) const QUARTER_MS: u64 = 15 * 60 * 1000;
pub(crate) const DAY_QUARTERS: u64 = 96;
const QUARTER_NS: u64 = QUARTER_MS * 1_000_000;

/// Length of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(crate) enum Span {
    Quarter,
    Day,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    account: i64,
    asset: i64,
    dimension: u8,
    span: Span,
    /// Number of the span since 1970.
    start: i64,
    value: i64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    payments: i64,
    gross: u128,
    refunds: i64,
    refunded: u128,
}

/// What a batch adds, summed before it is written.
#[derive(Debug, Default)]
pub(super) struct Cells {
    added: HashMap<Key, Sums>,
    /// No cell that begins later than this quarter of an hour can be in the table yet.
    written_quarter: u64,
}

impl Key {
    /// The table's key.
    const fn row(&self) -> (i64, i64, u8, u8, i64, i64) {
        (self.account, self.asset, self.dimension, self.span as u8, self.start, self.value)
    }
}

impl Sums {
    const fn and(self, other: Self) -> Self {
        Self {
            payments: self.payments + other.payments,
            gross: self.gross.saturating_add(other.gross),
            refunds: self.refunds + other.refunds,
            refunded: self.refunded.saturating_add(other.refunded),
        }
    }
}

/// What is added to an account.
#[derive(Debug, Clone, Copy)]
pub(super) struct Added {
    pub account: i64,
    pub asset: i64,
    pub units: u128,
    pub tags: Tags,
    pub at_ns: u64,
    pub is_refund: bool,
}

impl Cells {
    /// An empty batch behind facts up to this time.
    pub(super) fn behind(last_ns: u64) -> Self {
        Self { added: HashMap::new(), written_quarter: last_ns / QUARTER_NS }
    }

    pub(super) fn add(&mut self, added: &Added) {
        let quarter = added.at_ns / QUARTER_NS;
        let spans = [(Span::Quarter, quarter), (Span::Day, quarter / DAY_QUARTERS)];
        for (dimension, value) in values(&added.tags) {
            for (span, start) in spans {
                let (account, asset) = (added.account, added.asset);
                let start = start.cast_signed();
                let key = Key { account, asset, dimension, span, start, value };
                let sums = self.added.entry(key).or_default();
                let (count, sum) = if added.is_refund {
                    (&mut sums.refunds, &mut sums.refunded)
                } else {
                    (&mut sums.payments, &mut sums.gross)
                };
                *count += 1;
                *sum = sum.saturating_add(added.units);
            }
        }
    }

    /// Adds what was summed to the table, in the table's order. Facts come in the order of their
    /// times, so only what began before this batch is looked up; the table's key would refuse the
    /// batch if that were wrong.
    pub(super) fn write(self, connection: &Connection) -> Result<(), StoreError> {
        let known_until =
            [self.written_quarter, self.written_quarter / DAY_QUARTERS].map(u64::cast_signed);
        let mut cells: Vec<(Key, Sums)> = self.added.into_iter().collect();
        cells.sort_unstable_by_key(|(key, _)| key.row());
        let mut insert = connection
            .prepare_cached("INSERT INTO cell VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10)")?;
        for (key, sums) in cells {
            let is_known = key.start <= known_until[key.span as usize];
            let sums = if is_known { take(connection, &key)?.and(sums) } else { sums };
            let at = key.row();
            let (gross, refunded) = (to_bytes(sums.gross), to_bytes(sums.refunded));
            let sums = (sums.payments, gross, sums.refunds, refunded);
            insert.execute((at.0, at.1, at.2, at.3, at.4, at.5, sums.0, sums.1, sums.2, sums.3))?;
        }
        Ok(())
    }
}

/// What is in the table under this key, which is then no longer there.
fn take(connection: &Connection, key: &Key) -> Result<Sums, StoreError> {
    let mut delete = connection.prepare_cached(
        "DELETE FROM cell WHERE account = ?1 AND asset = ?2 AND dimension = ?3 AND span = ?4 \
         AND start = ?5 AND value = ?6 RETURNING payments, gross, refunds, refunded",
    )?;
    let mut rows = delete.query(key.row())?;
    Ok(match rows.next()? {
        None => Sums::default(),
        Some(row) => Sums {
            payments: row.get(0)?,
            gross: from_bytes(row.get_ref(1)?.as_bytes().unwrap_or_default())?,
            refunds: row.get(2)?,
            refunded: from_bytes(row.get_ref(3)?.as_bytes().unwrap_or_default())?,
        },
    })
}

/// The dimensions and what the tags are in each; see `query::Dimension`.
fn values(tags: &Tags) -> [(u8, i64); 4] {
    [
        (0, 0),
        (1, tags.offer.0.cast_signed()),
        (2, i64::from(country_number(tags))),
        (3, i64::from(tags.class as u8)),
    ]
}

/// The two letters as a number; 0 if the country is not known.
pub(super) fn country_number(tags: &Tags) -> u16 {
    let letters = tags.country.as_ref().map(engine::Country::as_str);
    letters.and_then(|text| text.as_bytes().try_into().ok()).map_or(0, u16::from_be_bytes)
}
