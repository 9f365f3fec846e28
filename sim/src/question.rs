//! Questions about the past, put to a ledger page by page.
//!
//! A question is asked to its end, or for [`PAGES_MAX`] pages; the pages must be full except for the
//! last one, so that the answer is one list that can be compared with the naive one.

use std::fmt::Debug;

use ledger::{
    AccountState, Asked, BalancesAt, Change, Cursor, Filter, Ledger, Order, Page, Past, QueryError,
    Rows, Sides, TransferState,
};
use money::AccountId;

/// Pages after which a question ends.
pub const PAGES_MAX: usize = 24;

/// One question.
#[derive(Debug, Clone, Copy)]
pub enum Question {
    TransfersOf { account: AccountId, sides: Sides, filter: Filter, span: Span },
    TransfersBy { filter: Filter, span: Span },
    AccountsBy { filter: Filter, span: Span },
    HistoryOf { account: AccountId, span: Span },
    BalancesAt { account: AccountId, timestamp_ns: u64 },
    Changes { position: u64, limit: usize },
}

/// Which rows are asked for, and in pages of how many.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    pub since_ns: u64,
    pub until_ns: u64,
    pub order: Order,
    pub limit: usize,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    Transfers(Vec<TransferState>),
    Accounts(Vec<AccountState>),
    History(Vec<BalancesAt>),
    Balances(BalancesAt),
    Changes(Vec<Change>),
    Refused(QueryError),
    /// The past could not be read.
    Unreadable(String),
    /// The pages themselves are wrong.
    Irregular(&'static str),
}

/// Asks a ledger.
pub fn ask<P: Past<Error: Debug>>(ledger: &Ledger<P>, question: &Question) -> Found {
    match *question {
        Question::TransfersOf { account, sides, filter, span } => {
            let page = |page: &Page| ledger.transfers_of(account, sides, &filter, page);
            walk(span, page).map_or_else(|refused| refused, Found::Transfers)
        }
        Question::TransfersBy { filter, span } => {
            let page = |page: &Page| ledger.transfers_by(&filter, page);
            walk(span, page).map_or_else(|refused| refused, Found::Transfers)
        }
        Question::AccountsBy { filter, span } => {
            let page = |page: &Page| ledger.accounts_by(&filter, page);
            walk(span, page).map_or_else(|refused| refused, Found::Accounts)
        }
        Question::HistoryOf { account, span } => {
            let page = |page: &Page| ledger.history_of(account, page);
            walk(span, page).map_or_else(|refused| refused, Found::History)
        }
        Question::BalancesAt { account, timestamp_ns } => {
            let found = ledger.balances_at(account, timestamp_ns);
            found.map_or_else(refused, Found::Balances)
        }
        Question::Changes { position, limit } => {
            follow(position, limit, |position| ledger.changes(position, limit))
        }
    }
}

fn refused<E: Debug>(asked: Asked<E>) -> Found {
    match asked {
        Asked::Refused(refused) => Found::Refused(refused),
        Asked::Past(error) => Found::Unreadable(format!("{error:?}")),
    }
}

fn walk<R, E: Debug>(
    span: Span,
    ask: impl Fn(&Page) -> Result<Rows<R>, Asked<E>>,
) -> Result<Vec<R>, Found> {
    let Span { since_ns, until_ns, order, limit } = span;
    let mut all = Vec::new();
    let mut cursor: Option<Cursor> = None;
    for _ in 0..PAGES_MAX {
        let rows = ask(&Page { since_ns, until_ns, order, limit, cursor });
        let Rows { rows, next } = rows.map_err(refused)?;
        let count = rows.len();
        all.extend(rows);
        match next {
            Some(_) if count != limit => return Err(Found::Irregular("a page is not full")),
            None if count == 0 && cursor.is_some() => {
                return Err(Found::Irregular("a cursor leads to nothing"));
            }
            None => break,
            Some(next) => cursor = Some(next),
        }
    }
    Ok(all)
}

fn follow<E: Debug>(
    mut position: u64,
    limit: usize,
    ask: impl Fn(u64) -> Result<ledger::Changes, Asked<E>>,
) -> Found {
    let mut all = Vec::new();
    for _ in 0..PAGES_MAX {
        let changes = match ask(position) {
            Ok(changes) => changes,
            Err(asked) => return refused(asked),
        };
        let count = changes.changes.len();
        if changes.next != position + count as u64 {
            return Found::Irregular("the next position does not follow the changes");
        }
        position = changes.next;
        all.extend(changes.changes);
        if count < limit {
            break;
        }
    }
    Found::Changes(all)
}
