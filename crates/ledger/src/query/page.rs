//! Pages: which rows of a list that is ordered by time, and where the next page begins.
//!
//! Invariant: times in a list are unique, so the time of a page's last row is where it ended, and
//! rows that are added later change no page that has been given out newest first.

use super::QueryError;
use crate::history::BalancesAt;
use crate::state::{AccountState, Entry, TransferState};

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

    /// The page of what `fits` among rows in order of time.
    pub(super) fn of<R: Row>(&self, rows: &[R], fits: impl Fn(&R) -> bool) -> Rows<R::Answer> {
        let mut start = rows.partition_point(|row| row.timestamp_ns() < self.since_ns);
        let mut end = rows.partition_point(|row| row.timestamp_ns() <= self.until_ns);
        match (self.cursor, self.order) {
            (None, _) => {}
            (Some(Cursor(last_ns)), Order::NewestFirst) => {
                end = end.min(rows.partition_point(|row| row.timestamp_ns() < last_ns));
            }
            (Some(Cursor(last_ns)), Order::OldestFirst) => {
                start = start.max(rows.partition_point(|row| row.timestamp_ns() <= last_ns));
            }
        }
        let found = rows.get(start..end).unwrap_or_default().iter();
        let fits = |row: &&R| fits(row);
        match self.order {
            Order::NewestFirst => self.take(found.rev().filter(fits)),
            Order::OldestFirst => self.take(found.filter(fits)),
        }
    }

    fn take<'a, R: Row + 'a>(&self, mut found: impl Iterator<Item = &'a R>) -> Rows<R::Answer> {
        let page: Vec<&R> = found.by_ref().take(self.limit).collect();
        let last = page.last().map(|row| Cursor(row.timestamp_ns()));
        // Looks one row ahead, so that no cursor leads to nothing.
        let next = found.next().and(last);
        Rows { rows: page.into_iter().map(Row::answer).collect(), next }
    }
}

pub(super) fn check_limit(limit: usize) -> Result<(), QueryError> {
    match limit {
        0 => Err(QueryError::LimitMustNotBeZero),
        1..=PAGE_ROWS_MAX => Ok(()),
        _ => Err(QueryError::LimitTooLarge),
    }
}

/// What a page is made of.
pub(super) trait Row {
    type Answer;

    fn timestamp_ns(&self) -> u64;

    fn answer(&self) -> Self::Answer;
}

impl Row for Entry {
    type Answer = TransferState;

    fn timestamp_ns(&self) -> u64 {
        self.state.timestamp_ns
    }

    fn answer(&self) -> TransferState {
        self.state
    }
}

impl Row for AccountState {
    type Answer = Self;

    fn timestamp_ns(&self) -> u64 {
        self.timestamp_ns
    }

    fn answer(&self) -> Self {
        *self
    }
}

impl Row for BalancesAt {
    type Answer = Self;

    fn timestamp_ns(&self) -> u64 {
        self.timestamp_ns
    }

    fn answer(&self) -> Self {
        *self
    }
}
