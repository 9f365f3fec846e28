//! Pages: which rows of what is ordered by time, and where the next page begins.
//!
//! Invariant: times of accounts and transfers are unique, so the time of a page's last row is where
//! it ended, and rows that are added later change no page that has been given out newest first.

use std::ops::Range;

use super::QueryError;
use crate::past::Past;
use crate::row::Row;
use crate::seek::partition;

/// Most rows of one page, and most changes of one page of the feed.
pub const PAGE_ROWS_MAX: usize = 8_192;

/// Which rows of the answer are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// Rows of this time, Unix nanoseconds, or later.
    pub since_ns: u64,
    /// Rows of this time, Unix nanoseconds, or earlier.
    pub until_ns: u64,
    /// Which end comes first.
    pub order: Order,
    /// Most rows, from 1 to [`PAGE_ROWS_MAX`].
    pub limit: usize,
    /// Where the page before this one ended; `None` for the first.
    pub cursor: Option<Cursor>,
}

/// Order of rows by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Newest first.
    NewestFirst,
    /// Oldest first.
    OldestFirst,
}

impl Page {
    /// The first page of all times, newest first.
    pub const fn newest(limit: usize) -> Self {
        Self { since_ns: 0, until_ns: u64::MAX, order: Order::NewestFirst, limit, cursor: None }
    }

    /// The first page of all times, oldest first.
    pub const fn oldest(limit: usize) -> Self {
        Self { order: Order::OldestFirst, ..Self::newest(limit) }
    }
}

/// Where a page ended. Good for the same question in the same order only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor(u64);

impl Cursor {
    /// For a text form of the caller's.
    pub const fn to_u64(self) -> u64 {
        self.0
    }

    /// From a text form of the caller's. Any number is a cursor: it leads to no row that the
    /// question without it would not find.
    pub const fn from_u64(value: u64) -> Self {
        Self(value)
    }
}

/// One page of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rows<R> {
    /// The rows, in the order that was asked for.
    pub rows: Vec<R>,
    /// Leads to the rest; `None` if there is none.
    pub next: Option<Cursor>,
}

impl Page {
    pub(super) fn check(&self) -> Result<(), QueryError> {
        check_limit(self.limit)?;
        if self.since_ns > self.until_ns {
            return Err(QueryError::TimeEndsBeforeItBegins);
        }
        Ok(())
    }

    /// Positions of the rows from which the page and those behind it are taken.
    pub(super) fn positions<P: Past>(&self, past: &P) -> Result<Range<u64>, P::Error> {
        // The times that are left, both inclusive.
        let (mut since_ns, mut until_ns) = (self.since_ns, self.until_ns);
        match (self.cursor, self.order) {
            (None, _) => {}
            (Some(Cursor(0)), Order::NewestFirst)
            | (Some(Cursor(u64::MAX)), Order::OldestFirst) => {
                return Ok(0..0);
            }
            (Some(Cursor(last_ns)), Order::NewestFirst) => {
                until_ns = until_ns.min(last_ns.saturating_sub(1));
            }
            (Some(Cursor(last_ns)), Order::OldestFirst) => {
                since_ns = since_ns.max(last_ns.saturating_add(1));
            }
        }
        let start = match since_ns {
            0 => 0,
            _ => partition(past, |row| row.timestamp_ns() < since_ns)?,
        };
        let end = match until_ns {
            u64::MAX => past.len(),
            _ => partition(past, |row| row.timestamp_ns() <= until_ns)?,
        };
        Ok(start..end.max(start))
    }

    /// One more row than the page has: it tells whether there is a next page, so that no cursor
    /// leads to nothing.
    pub(super) const fn limit_ahead(&self) -> usize {
        self.limit.saturating_add(1)
    }

    /// The page of what was found, one row ahead at most, and the answer that each row gives.
    pub(super) fn of<R, E>(
        &self,
        mut found: Vec<(u64, Row)>,
        answer: impl Fn(u64, &Row) -> Result<R, E>,
    ) -> Result<Rows<R>, E> {
        let is_more = found.len() > self.limit;
        found.truncate(self.limit);
        let last = found.last().map(|(_, row)| Cursor(row.timestamp_ns()));
        let rows: Result<Vec<R>, E> =
            found.iter().map(|(position, row)| answer(*position, row)).collect();
        Ok(Rows { rows: rows?, next: last.filter(|_| is_more) })
    }
}

pub(super) fn check_limit(limit: usize) -> Result<(), QueryError> {
    match limit {
        0 => Err(QueryError::LimitMustNotBeZero),
        1..=PAGE_ROWS_MAX => Ok(()),
        _ => Err(QueryError::LimitTooLarge),
    }
}
