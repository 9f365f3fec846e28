//! The outbox on the disk: `webhook.sqlite`.
//!
//! Invariants: the advance of a cursor and the deliveries that it passed are one transaction; a
//! transaction that is over is on the disk (WAL with synchronous FULL); a message stands once for each
//! endpoint. One thread writes. What was delivered is kept for a while to look at, bounded.

mod read;

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use money::{EndpointId, NodeId};
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

pub use self::read::{Delivery, DeliveryPage, Reader, State, StoreError};

pub(crate) use self::read::delivery_number;

use self::read::{number, unsigned};

const SCHEMA: &str = include_str!("schema.sql");
const FILE_MODE: u32 = 0o600;
const SCHEMA_VERSION: &str = "1";
/// Longest wait for another who reads.
const BUSY_MS: u64 = 5_000;
/// Deliveries that are kept after their end, to look at and to send again.
pub const KEPT_COUNT_MAX: u32 = 100_000;

const DELIVERED: i64 = 1;
const DEAD: i64 = 2;

/// The one connection that writes.
pub(crate) struct Store(Connection);

/// A delivery to be put into the outbox.
#[derive(Debug)]
pub(crate) struct NewDelivery<'a> {
    pub(crate) endpoint: EndpointId,
    pub(crate) message: &'a str,
    pub(crate) name: &'a str,
    pub(crate) position: Option<u64>,
    pub(crate) body: &'a [u8],
}

/// A delivery that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) number: i64,
    pub(crate) message: String,
    pub(crate) body: Vec<u8>,
    pub(crate) since_ms: u64,
    pub(crate) failures: u32,
}

/// What an attempt came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Attempt {
    pub(crate) at_ms: u64,
    pub(crate) status: Option<u16>,
    pub(crate) error: Option<String>,
}

/// Where an endpoint is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// Position of the next event to look at.
    pub(crate) next: u64,
    /// The document's `from` that `next` took into account.
    pub(crate) begun_from: u64,
    pub(crate) failing_since_ms: Option<u64>,
}

impl Store {
    /// Opens the outbox of a node, or makes it.
    pub(crate) fn open(path: &Path, node: NodeId) -> Result<Self, StoreError> {
        // Bodies say who paid whom; the files beside it get the same mode.
        OpenOptions::new().create(true).append(true).mode(FILE_MODE).open(path)?;
        let connection = Connection::open(path)?;
        connection.busy_timeout(Duration::from_millis(BUSY_MS))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.set_prepared_statement_cache_capacity(32);
        let mut store = Self(connection);
        store.prepare(node)?;
        Ok(store)
    }

    fn prepare(&mut self, node: NodeId) -> Result<(), StoreError> {
        let transaction = self.0.transaction()?;
        let is_new = !transaction.table_exists(None, "meta")?;
        if is_new {
            transaction.execute_batch(SCHEMA)?;
            let insert = "INSERT INTO meta (name, value) VALUES (?1, ?2)";
            transaction.execute(insert, ["schema", SCHEMA_VERSION])?;
            transaction.execute(insert, ["node", &node.to_string()])?;
        }
        let meta = |name| {
            let query = "SELECT value FROM meta WHERE name = ?1";
            transaction.query_row(query, [name], |row| row.get::<_, String>(0))
        };
        if meta("schema")? != SCHEMA_VERSION {
            return Err(StoreError::Version);
        }
        if meta("node")? != node.to_string() {
            return Err(StoreError::OtherNode);
        }
        transaction.commit()?;
        Ok(())
    }

    /// Begins a transaction; it is undone unless it is committed.
    pub(crate) fn begin(&mut self) -> Result<Writing<'_>, StoreError> {
        Ok(Writing(self.0.transaction()?))
    }

    /// Deliveries of an endpoint that are neither taken nor dead.
    pub(crate) fn pending_count(&self, endpoint: EndpointId) -> Result<u64, StoreError> {
        let query = "SELECT count(*) FROM delivery WHERE endpoint = ?1 AND state = 0";
        let mut query = self.0.prepare_cached(query)?;
        Ok(query.query_row([endpoint.to_string()], |row| unsigned(row, 0))?)
    }

    /// Numbers of deliveries that are due, the longest due first.
    pub(crate) fn due_numbers(
        &self,
        endpoint: EndpointId,
        now_ms: u64,
        count_max: usize,
    ) -> Result<Vec<i64>, StoreError> {
        let mut query = self.0.prepare_cached(
            "SELECT number FROM delivery WHERE endpoint = ?1 AND state = 0 AND due_at_ms <= ?2
             ORDER BY due_at_ms, number LIMIT ?3",
        )?;
        let count = i64::try_from(count_max).unwrap_or(i64::MAX);
        let rows = query
            .query_map(params![endpoint.to_string(), number(now_ms), count], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The next time after `now_ms` at which a delivery is due.
    pub(crate) fn next_due_ms(
        &self,
        endpoint: EndpointId,
        now_ms: u64,
    ) -> Result<Option<u64>, StoreError> {
        let mut query = self.0.prepare_cached(
            "SELECT due_at_ms FROM delivery WHERE endpoint = ?1 AND state = 0 AND due_at_ms > ?2
             ORDER BY due_at_ms LIMIT 1",
        )?;
        let due =
            query.query_row(params![endpoint.to_string(), number(now_ms)], |row| unsigned(row, 0));
        Ok(due.optional()?)
    }

    /// A delivery that is to be sent.
    pub(crate) fn due(&self, number: i64) -> Result<Due, StoreError> {
        let mut query = self.0.prepare_cached(
            "SELECT number, message, body, since_ms, failures FROM delivery WHERE number = ?1",
        )?;
        Ok(query.query_row([number], |row| {
            Ok(Due {
                number: row.get(0)?,
                message: row.get(1)?,
                body: row.get(2)?,
                since_ms: unsigned(row, 3)?,
                failures: row.get(4)?,
            })
        })?)
    }
}

/// A transaction.
pub(crate) struct Writing<'a>(Transaction<'a>);

impl Writing<'_> {
    /// Makes everything durable.
    pub(crate) fn commit(self) -> Result<(), StoreError> {
        Ok(self.0.commit()?)
    }

    /// Where an endpoint is; `None` if it is new here.
    pub(crate) fn cursor(&self, endpoint: EndpointId) -> Result<Option<Cursor>, StoreError> {
        let query = "SELECT next, begun_from, failing_since_ms FROM cursor WHERE endpoint = ?1";
        let mut query = self.0.prepare_cached(query)?;
        let found = query.query_row([endpoint.to_string()], |row| {
            let failing: Option<i64> = row.get(2)?;
            let failing_since_ms = failing.and_then(|at| u64::try_from(at).ok());
            Ok(Cursor { next: unsigned(row, 0)?, begun_from: unsigned(row, 1)?, failing_since_ms })
        });
        Ok(found.optional()?)
    }

    /// Puts an endpoint's cursor down.
    pub(crate) fn place_cursor(
        &self,
        endpoint: EndpointId,
        next: u64,
        begun_from: u64,
    ) -> Result<(), StoreError> {
        let mut statement = self.0.prepare_cached(
            "INSERT INTO cursor (endpoint, next, begun_from) VALUES (?1, ?2, ?3)
             ON CONFLICT (endpoint) DO UPDATE SET next = excluded.next, begun_from = excluded.begun_from",
        )?;
        statement.execute(params![endpoint.to_string(), number(next), number(begun_from)])?;
        Ok(())
    }

    /// Moves an endpoint's cursor.
    pub(crate) fn move_cursor(&self, endpoint: EndpointId, next: u64) -> Result<(), StoreError> {
        let mut statement =
            self.0.prepare_cached("UPDATE cursor SET next = ?2 WHERE endpoint = ?1")?;
        statement.execute(params![endpoint.to_string(), number(next)])?;
        Ok(())
    }

    /// Notes since when an endpoint fails; `None`: it does not.
    pub(crate) fn set_failing(
        &self,
        endpoint: EndpointId,
        since_ms: Option<u64>,
    ) -> Result<(), StoreError> {
        let mut statement =
            self.0.prepare_cached("UPDATE cursor SET failing_since_ms = ?2 WHERE endpoint = ?1")?;
        statement.execute(params![endpoint.to_string(), since_ms.map(number)])?;
        Ok(())
    }

    /// Puts a delivery in. One that is over begins anew; one that is pending stays as it is. Whether
    /// there is one more pending now.
    pub(crate) fn put(&self, new: &NewDelivery<'_>, now_ms: u64) -> Result<bool, StoreError> {
        let mut statement = self.0.prepare_cached(
            "INSERT INTO delivery (endpoint, message, type, position, body, since_ms, due_at_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)
             ON CONFLICT (endpoint, message) DO UPDATE SET state = 0, failures = 0, body = excluded.body,
               since_ms = excluded.since_ms, due_at_ms = excluded.due_at_ms
             WHERE state <> 0",
        )?;
        let changed = statement.execute(params![
            new.endpoint.to_string(),
            new.message,
            new.name,
            new.position.map(number),
            new.body,
            number(now_ms),
        ])?;
        Ok(changed == 1)
    }

    /// A delivery was taken. Whether one less is pending.
    pub(crate) fn delivered(&self, number: i64, attempt: &Attempt) -> Result<bool, StoreError> {
        self.over(number, attempt, DELIVERED)
    }

    /// A delivery is given up. Whether one less is pending.
    pub(crate) fn dead(&self, number: i64, attempt: &Attempt) -> Result<bool, StoreError> {
        self.over(number, attempt, DEAD)
    }

    fn over(&self, id: i64, attempt: &Attempt, state: i64) -> Result<bool, StoreError> {
        let mut statement = self.0.prepare_cached(
            "UPDATE delivery SET state = ?2, last_at_ms = ?3, status = ?4, error = ?5,
               failures = failures + (?2 = 2)
             WHERE number = ?1 AND state = 0",
        )?;
        let Attempt { at_ms, status, error } = attempt;
        Ok(statement.execute(params![id, state, number(*at_ms), status, error])? == 1)
    }

    /// A delivery failed and is tried again.
    pub(crate) fn again(
        &self,
        id: i64,
        attempt: &Attempt,
        due_at_ms: u64,
    ) -> Result<(), StoreError> {
        let mut statement = self.0.prepare_cached(
            "UPDATE delivery SET failures = failures + 1, due_at_ms = ?2, last_at_ms = ?3,
               status = ?4, error = ?5
             WHERE number = ?1 AND state = 0",
        )?;
        let Attempt { at_ms, status, error } = attempt;
        statement.execute(params![id, number(due_at_ms), number(*at_ms), status, error])?;
        Ok(())
    }

    /// Makes a delivery due now, as if it had never been tried. `None`: there is none; otherwise whose
    /// it is, and whether one more is pending.
    pub(crate) fn redeliver(
        &self,
        id: i64,
        now_ms: u64,
    ) -> Result<Option<(EndpointId, bool)>, StoreError> {
        let query = "SELECT endpoint, state FROM delivery WHERE number = ?1";
        let found = self
            .0
            .query_row(query, [id], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)));
        let Some((endpoint, state)) = found.optional()? else { return Ok(None) };
        let Ok(endpoint) = endpoint.parse() else { return Ok(None) };
        self.0.execute(
            "UPDATE delivery SET state = 0, failures = 0, since_ms = ?2, due_at_ms = ?2
             WHERE number = ?1",
            params![id, number(now_ms)],
        )?;
        Ok(Some((endpoint, state != 0)))
    }

    /// Forgets what belongs to endpoints other than these.
    pub(crate) fn keep_only(&self, endpoints: &[EndpointId]) -> Result<(), StoreError> {
        let query = "SELECT endpoint FROM cursor";
        let mut query = self.0.prepare_cached(query)?;
        let known: Vec<String> =
            query.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        let kept: Vec<String> = endpoints.iter().map(ToString::to_string).collect();
        for gone in known.iter().filter(|known| !kept.contains(known)) {
            self.0.execute("DELETE FROM delivery WHERE endpoint = ?1", [gone])?;
            self.0.execute("DELETE FROM cursor WHERE endpoint = ?1", [gone])?;
        }
        Ok(())
    }

    /// Drops the oldest deliveries that are over, above [`KEPT_COUNT_MAX`].
    pub(crate) fn prune(&self, kept_count: u32) -> Result<usize, StoreError> {
        let mut statement = self.0.prepare_cached(
            "DELETE FROM delivery WHERE state <> 0 AND number <= (
               SELECT number FROM delivery WHERE state <> 0 ORDER BY number DESC LIMIT 1 OFFSET ?1)",
        )?;
        Ok(statement.execute([kept_count])?)
    }
}

#[cfg(test)]
mod tests;
