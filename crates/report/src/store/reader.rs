//! Reading: connections that cannot write, kept for the next question.
//!
//! Invariant: a question sees one moment of the store. A reader of a file that was made anew never
//! answers from the old one.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use money::AccountId;
use rusqlite::{Connection, OptionalExtension};

use super::{StoreError, Writer, read_only};

/// Connections that are kept; more are opened under load and closed after.
const CONNECTIONS_KEPT_COUNT_MAX: usize = 8;

/// Cheap to clone. Questions take milliseconds and read the disk: not for an async task's own thread.
#[derive(Debug, Clone)]
pub struct Reader(Arc<Pool>);

#[derive(Debug)]
struct Pool {
    path: PathBuf,
    /// Kept connections, and how often the file was made anew.
    kept: Mutex<(Vec<Connection>, u64)>,
}

impl Reader {
    /// Reads what the writer writes.
    pub fn of(writer: &Writer) -> Self {
        let path = writer.path().to_owned();
        Self(Arc::new(Pool { path, kept: Mutex::new((Vec::new(), 0)) }))
    }

    /// The file was made anew.
    pub(crate) fn forget(&self) {
        let mut kept = self.kept();
        kept.0.clear();
        kept.1 += 1;
    }

    /// Runs a question in one read transaction.
    pub(crate) fn ask<T, E: From<StoreError>>(
        &self,
        question: impl FnOnce(&Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        let (connection, age) = {
            let mut kept = self.kept();
            (kept.0.pop(), kept.1)
        };
        let connection = match connection {
            Some(connection) => connection,
            None => read_only(&self.0.path)?,
        };
        connection.execute_batch("BEGIN").map_err(StoreError::from)?;
        let answer = question(&connection);
        let is_whole = connection.execute_batch("COMMIT").is_ok();
        let mut kept = self.kept();
        if is_whole && kept.1 == age && kept.0.len() < CONNECTIONS_KEPT_COUNT_MAX {
            kept.0.push(connection);
        }
        answer
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, (Vec<Connection>, u64)> {
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The number under which an account stands in lists; `None` if it is on none.
pub(crate) fn account_number(
    connection: &Connection,
    id: AccountId,
) -> Result<Option<i64>, StoreError> {
    let mut find = connection.prepare_cached("SELECT number FROM account WHERE id = ?1")?;
    Ok(find.query_row((id.to_be_bytes(),), |row| row.get(0)).optional()?)
}
