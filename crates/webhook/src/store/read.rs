//! Looking into the outbox, beside the thread that writes.

use std::path::Path;
use std::time::Duration;

use money::{DeliveryId, EndpointId};
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Row, params};
use serde::Serialize;

use super::BUSY_MS;

/// The outbox cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database said no.
    #[error("webhook.sqlite: {0}")]
    Database(#[from] rusqlite::Error),
    /// The file cannot be made.
    #[error("webhook.sqlite: {0}")]
    File(#[from] std::io::Error),
    /// It was written by a later program.
    #[error("webhook.sqlite was written by another version of this program")]
    Version,
    /// It is another node's.
    #[error("webhook.sqlite is the outbox of another node; remove it to begin a new one")]
    OtherNode,
}

/// How far a delivery is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It is tried, or waits to be tried again.
    Pending,
    /// The receiver has taken it.
    Delivered,
    /// It was given up.
    Dead,
}

/// The sending of one event to one endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Delivery {
    /// Its id.
    pub delivery: DeliveryId,
    /// Where it goes.
    pub endpoint: String,
    /// Id of the event.
    pub event: String,
    /// Name of the event.
    #[serde(rename = "type")]
    pub name: String,
    /// The event's place; `None` for a test.
    pub position: Option<u64>,
    /// How far it is.
    pub state: State,
    /// Failed attempts.
    pub failures: u32,
    /// When it was due first, Unix milliseconds.
    pub since_ms: u64,
    /// When it is tried next; `None` once it is over.
    pub next_attempt_at_ms: Option<u64>,
    /// The last attempt.
    pub last_attempt_at_ms: Option<u64>,
    /// HTTP status of its answer.
    pub status: Option<u16>,
    /// Why there was none.
    pub error: Option<String>,
}

/// Deliveries, the newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryPage {
    /// A part of them.
    pub deliveries: Vec<Delivery>,
    /// Where the next part begins; `None` at the end.
    pub next: Option<DeliveryId>,
}

/// Reads without holding anybody up.
#[derive(Debug)]
pub struct Reader(Connection);

const COLUMNS: &str = "number, endpoint, message, type, position, state, failures, since_ms, \
                       due_at_ms, last_at_ms, status, error";

impl Reader {
    /// Opens an outbox that exists.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(Duration::from_millis(BUSY_MS))?;
        Ok(Self(connection))
    }

    /// Deliveries of an endpoint, the newest first, in one state or in any.
    pub fn page(
        &self,
        endpoint: EndpointId,
        state: Option<State>,
        before: Option<DeliveryId>,
        count_max: usize,
    ) -> Result<DeliveryPage, StoreError> {
        let query = format!(
            "SELECT {COLUMNS} FROM delivery WHERE endpoint = ?1 AND number < ?2
               AND (?3 IS NULL OR state = ?3) ORDER BY number DESC LIMIT ?4"
        );
        let before = before.and_then(delivery_number).unwrap_or(i64::MAX);
        let state = state.map(|state| state as i64);
        let count = i64::try_from(count_max).unwrap_or(i64::MAX).saturating_add(1);
        let mut query = self.0.prepare_cached(&query)?;
        let rows =
            query.query_map(params![endpoint.to_string(), before, state, count], delivery)?;
        let mut deliveries: Vec<Delivery> = rows.collect::<Result<_, _>>()?;
        let more = deliveries.len() > count_max;
        deliveries.truncate(count_max);
        let next = deliveries.last().filter(|_| more).map(|last| last.delivery);
        Ok(DeliveryPage { deliveries, next })
    }

    /// One delivery.
    pub fn delivery(&self, id: DeliveryId) -> Result<Option<Delivery>, StoreError> {
        let Some(number) = delivery_number(id) else { return Ok(None) };
        let query = format!("SELECT {COLUMNS} FROM delivery WHERE number = ?1");
        Ok(self.0.prepare_cached(&query)?.query_row([number], delivery).optional()?)
    }

    /// How many deliveries are in a state, over all endpoints.
    pub fn count(&self, state: State) -> Result<u64, StoreError> {
        let query = "SELECT count(*) FROM delivery WHERE state = ?1";
        let mut query = self.0.prepare_cached(query)?;
        Ok(query.query_row([state as i64], |row| unsigned(row, 0))?)
    }
}

fn delivery(row: &Row<'_>) -> rusqlite::Result<Delivery> {
    let state = match row.get::<_, i64>(5)? {
        0 => State::Pending,
        1 => State::Delivered,
        _ => State::Dead,
    };
    let optional = |index| -> rusqlite::Result<Option<u64>> {
        let value: Option<i64> = row.get(index)?;
        Ok(value.and_then(|value| u64::try_from(value).ok()))
    };
    let due_at_ms = optional(8)?.filter(|_| state == State::Pending);
    Ok(Delivery {
        delivery: delivery_id(row.get(0)?),
        endpoint: row.get(1)?,
        event: row.get(2)?,
        name: row.get(3)?,
        position: optional(4)?,
        state,
        failures: row.get(6)?,
        since_ms: unsigned(row, 7)?,
        next_attempt_at_ms: due_at_ms,
        last_attempt_at_ms: optional(9)?,
        status: row.get(10)?,
        error: row.get(11)?,
    })
}

/// A delivery's id is its number in the outbox.
fn delivery_id(number: i64) -> DeliveryId {
    let number = u128::try_from(number).unwrap_or_default().max(1);
    match DeliveryId::new(number) {
        Ok(id) => id,
        Err(error) => unreachable!("64 bits above zero are an id: {error}"),
    }
}

pub(crate) fn delivery_number(id: DeliveryId) -> Option<i64> {
    i64::try_from(id.get()).ok()
}

/// Positions and times as the database has them: far below its largest number.
pub(super) fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

pub(super) fn unsigned(row: &Row<'_>, index: usize) -> rusqlite::Result<u64> {
    Ok(u64::try_from(row.get::<_, i64>(index)?).unwrap_or_default())
}
