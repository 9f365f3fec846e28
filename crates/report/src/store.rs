//! The store: one `SQLite` file, one writer, any number of readers.
//!
//! Invariants: the file belongs to one node and one version of the schema, and is thrown away when
//! it does not; a batch of facts and the mark of how far they go are one transaction.

mod cells;
mod ingest;
mod reader;
mod schema;
mod units;

use std::path::{Path, PathBuf};
use std::time::Duration;

use money::NodeId;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

pub(crate) use cells::{DAY_QUARTERS, QUARTER_MS, Span};
pub use ingest::Writer;
pub use reader::Reader;
pub(crate) use reader::account_number;
pub(crate) use units::from_bytes;

/// How long a statement waits for a lock of the file; readers and the writer do not lock each other
/// out in WAL mode, so only another program can make it wait.
const BUSY_MS_MAX: u64 = 5_000;

/// Why the store cannot be used. It can always be deleted and built again.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// `SQLite` refused.
    #[error("the read model cannot be used: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The file cannot be removed or made.
    #[error("the read model {path} cannot be made: {cause}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: std::io::Error,
    },
    /// A value that only this program writes is not one.
    #[error("the read model holds a value that is none: {0}")]
    Damaged(&'static str),
}

/// Where a store stands: facts below `next` are in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    pub next: u64,
    /// Position and time of the last event that is in it: history of another past shows here.
    pub last: (u64, u64),
}

impl Writer {
    /// Opens the store of a node, or makes an empty one where there is none that fits.
    pub fn open(path: &Path, node: NodeId) -> Result<Self, StoreError> {
        if path.exists() {
            match Self::open_existing(path, node) {
                Ok(Some(writer)) => return Ok(writer),
                Ok(None) => tracing::info!("the read model is of another version or node"),
                Err(error) => tracing::warn!(%error, "the read model is made anew"),
            }
        }
        Self::create(path, node)
    }

    /// An empty store; what is there is removed.
    pub fn create(path: &Path, node: NodeId) -> Result<Self, StoreError> {
        for suffix in ["", "-wal", "-shm"] {
            let mut name = path.as_os_str().to_owned();
            name.push(suffix);
            match std::fs::remove_file(&name) {
                Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => {
                    return Err(StoreError::File { path: path.to_owned(), cause });
                }
                _ => {}
            }
        }
        let connection = Connection::open(path)?;
        schema::create(&connection, node)?;
        Self::with(connection, path)
    }

    fn open_existing(path: &Path, node: NodeId) -> Result<Option<Self>, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        if !schema::fits(&connection, node)? {
            return Ok(None);
        }
        Self::with(connection, path).map(Some)
    }
}

/// A connection that cannot write.
fn read_only(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::from_millis(BUSY_MS_MAX))?;
    connection.execute_batch("PRAGMA query_only = 1; PRAGMA cache_size = -16384;")?;
    keep_plans(&connection)?;
    Ok(connection)
}

/// Without this, `SQLite` may compile a kept statement anew for each value that is bound to it, which
/// takes longer than most of our statements run.
fn keep_plans(connection: &Connection) -> Result<(), StoreError> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}
