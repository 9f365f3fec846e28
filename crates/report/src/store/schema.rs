//! Tables. Version 1.
//!
//! | table | what a row is |
//! | --- | --- |
//! | `mark` | whose file this is and how far the events are in it |
//! | `account`, `asset` | number of an id, so that lists hold small numbers |
//! | `payment` | a payment; its key is the position of its first event, so newest is highest |
//! | `entry` | that a payment is on an account's list; `share` if the account got a part |
//! | `unsettled` | that a payment of an account is held (0) or released (2); account 0 is the node |
//! | `of_offer` | that a payment is an offer's |
//! | `held` | where a held payment is, until it ends |
//! | `refund` | money that went back |
//! | `cell` | sums of an account (0: the node), asset, dimension, value and span of time |
//! | `offer` | names of offers, of deleted ones too |

use money::NodeId;
use rusqlite::{Connection, OptionalExtension};

use super::StoreError;

/// Another number means that the file is built again.
const SCHEMA_VERSION: i64 = 1;

const TABLES: &str = "
PRAGMA journal_mode = WAL;
BEGIN;
CREATE TABLE mark (
    one INTEGER PRIMARY KEY CHECK (one = 1), version INTEGER NOT NULL, node BLOB NOT NULL,
    next INTEGER NOT NULL, last INTEGER NOT NULL, last_ns INTEGER NOT NULL
) STRICT;
CREATE TABLE account (number INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE) STRICT;
CREATE TABLE asset (
    number INTEGER PRIMARY KEY, code TEXT NOT NULL, scale INTEGER NOT NULL, UNIQUE (code, scale)
) STRICT;
CREATE TABLE payment (
    seq INTEGER PRIMARY KEY, id BLOB NOT NULL, payer INTEGER NOT NULL, payee INTEGER NOT NULL,
    asset INTEGER NOT NULL, amount BLOB NOT NULL, settled BLOB, state INTEGER NOT NULL,
    offer INTEGER NOT NULL, country INTEGER NOT NULL, class INTEGER NOT NULL,
    at_ns INTEGER NOT NULL, ended_ns INTEGER, mandate BLOB, description TEXT NOT NULL
) STRICT;
CREATE TABLE entry (
    account INTEGER NOT NULL, seq INTEGER NOT NULL, share BLOB, PRIMARY KEY (account, seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE unsettled (
    account INTEGER NOT NULL, state INTEGER NOT NULL, seq INTEGER NOT NULL,
    PRIMARY KEY (account, state, seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE of_offer (
    offer INTEGER NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (offer, seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE held (id BLOB PRIMARY KEY, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE refund (
    seq INTEGER PRIMARY KEY, id BLOB NOT NULL, payment BLOB NOT NULL, units BLOB NOT NULL,
    asset INTEGER NOT NULL, at_ns INTEGER NOT NULL, reason TEXT NOT NULL
) STRICT;
CREATE INDEX refund_payment ON refund (payment);
CREATE TABLE cell (
    account INTEGER NOT NULL, asset INTEGER NOT NULL, dimension INTEGER NOT NULL,
    span INTEGER NOT NULL, start INTEGER NOT NULL, value INTEGER NOT NULL,
    payments INTEGER NOT NULL, gross BLOB NOT NULL, refunds INTEGER NOT NULL,
    refunded BLOB NOT NULL,
    PRIMARY KEY (account, asset, dimension, span, start, value)
) STRICT, WITHOUT ROWID;
CREATE TABLE offer (
    tag INTEGER PRIMARY KEY, id TEXT NOT NULL, title TEXT NOT NULL
) STRICT;
COMMIT;
";

pub(super) fn create(connection: &Connection, node: NodeId) -> Result<(), StoreError> {
    connection.execute_batch(TABLES)?;
    connection.execute(
        "INSERT INTO mark VALUES (1, ?1, ?2, 0, 0, 0)",
        (SCHEMA_VERSION, node.to_be_bytes()),
    )?;
    Ok(())
}

/// The file is of this version and node.
pub(super) fn fits(connection: &Connection, node: NodeId) -> Result<bool, StoreError> {
    let found: Option<(i64, Vec<u8>)> = connection
        .query_row("SELECT version, node FROM mark", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    Ok(found.is_some_and(|(version, of)| version == SCHEMA_VERSION && of == node.to_be_bytes()))
}
