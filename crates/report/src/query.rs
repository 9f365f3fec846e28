//! Questions: income by time and by kind, lists of payments.
//!
//! Invariant: what a question may cost is bounded by what it asks for, never by how long the history
//! is; a list that would have to look further answers a short page with a cursor.

mod income;
mod payments;

use money::{AccountId, Asset};
use rusqlite::{Connection, OptionalExtension};

pub use income::STEPS_COUNT_MAX;
pub use income::{Dimension, Edges, IncomeBucket, IncomeQuery, IncomeRow, IncomeValue, Totals};
pub use payments::{Listed, ListedState, PaymentsPage, PaymentsQuery, RefundRow};

use crate::store::{StoreError, account_number};

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The time ends before it begins, or there are no steps in it.
    #[error("the time must end after it begins")]
    TimeEmpty,
    /// More steps than a chart can show.
    #[error("at most {max} steps; choose a longer step or a shorter time")]
    TooManySteps {
        /// Most steps.
        max: usize,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl QueryError {
    /// Stable name for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TimeEmpty => "time_empty",
            Self::TooManySteps { .. } => "too_many_steps",
            Self::Store(_) => "report_unavailable",
        }
    }
}

impl From<rusqlite::Error> for QueryError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

/// Number of an account in the store: 0 for the whole node, `None` if it is on no list yet.
fn number_of(
    connection: &Connection,
    account: Option<AccountId>,
) -> Result<Option<i64>, StoreError> {
    account.map_or(Ok(Some(0)), |id| account_number(connection, id))
}

fn asset_number(connection: &Connection, asset: Asset) -> Result<Option<i64>, StoreError> {
    let mut find =
        connection.prepare_cached("SELECT number FROM asset WHERE code = ?1 AND scale = ?2")?;
    Ok(find.query_row((asset.code.as_str(), asset.scale), |row| row.get(0)).optional()?)
}
