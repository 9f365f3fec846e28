//! A replay: rows that were decided before become part of the ledger again.
//!
//! Invariants: the rules that decided decide again, and what they make of a row must be that very
//! row, byte for byte; holds expire in the order in which they are due. Only the past is not asked,
//! so whether an id was used before is taken on trust, except for ids of accounts and open holds.
//! Rows may be hostile: a fault is an error and never a panic. After an error part of the rows is
//! folded, so the ledger must not be used any more.

use money::TransferId;

use crate::batch::BLOCK_EVENTS;
use crate::books::Ledger;
use crate::codec::DecodeError;
use crate::event::Kind;
use crate::past::Past;
use crate::places::Sought;
use crate::row::{ROW_BYTES, Row, RowKind};
use crate::status::{CreateAccountStatus, CreateTransferStatus};

/// Why rows are not what this ledger could have made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError<E> {
    /// The bytes are not whole rows.
    #[error("the bytes are not whole rows of {ROW_BYTES}")]
    NotWholeRows,
    /// A row does not follow from those before it.
    #[error("the row at position {position}: {fault}")]
    Row {
        /// Where the row would stand.
        position: u64,
        /// What is wrong with it.
        fault: Fault,
    },
    /// The past did not take the rows.
    #[error("the past did not take the rows")]
    Past(E),
}

/// What is wrong with a row, in order of precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The bytes are not a row.
    #[error("malformed: {0}")]
    Malformed(#[from] DecodeError),
    /// It is not after the row before it; a release may share its time with what came before.
    #[error("it is not after the row before it")]
    OutOfOrder,
    /// It names an asset by a number that none or another one has.
    #[error("it names its asset by a wrong number")]
    WrongAssetNumber,
    /// There is an account with this id.
    #[error("there is an account with its id")]
    AccountExists,
    /// The rules refuse the account.
    #[error("the account is refused: {0:?}")]
    AccountRefused(CreateAccountStatus),
    /// There is an open hold with this id.
    #[error("there is an open hold with its id")]
    HoldExists,
    /// It resolves a hold that is not open.
    #[error("it resolves a hold that is not open")]
    HoldNotOpen,
    /// It releases a hold that is not the next to end, or has not ended yet.
    #[error("it releases a hold that is not due")]
    HoldNotDue,
    /// The rules refuse the transfer.
    #[error("the transfer is refused: {0:?}")]
    TransferRefused(CreateTransferStatus),
    /// The rules make another row of it: of another amount, or with other user data.
    #[error("the rules make another row of it")]
    Altered,
}

impl Fault {
    /// Stable name for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::OutOfOrder => "out_of_order",
            Self::WrongAssetNumber => "wrong_asset_number",
            Self::AccountExists => "account_exists",
            Self::AccountRefused(_) => "account_refused",
            Self::HoldExists => "hold_exists",
            Self::HoldNotOpen => "hold_not_open",
            Self::HoldNotDue => "hold_not_due",
            Self::TransferRefused(_) => "transfer_refused",
            Self::Altered => "altered",
        }
    }
}

impl<P: Past> Ledger<P> {
    /// Folds rows and burned ids that a ledger [made](Ledger::fresh) from the same rows before them.
    pub fn replay(
        &mut self,
        rows: &[u8],
        burned: &[TransferId],
    ) -> Result<(), ReplayError<P::Error>> {
        let (rows, rest) = rows.as_chunks::<ROW_BYTES>();
        if !rest.is_empty() {
            return Err(ReplayError::NotWholeRows);
        }
        self.begin(0);
        self.is_replay = true;
        for block in rows.chunks(BLOCK_EVENTS) {
            let block = block.iter().map(|bytes| Row::from_bytes(*bytes));
            self.look_up(block.clone().map(|row| Sought {
                accounts: [row.debit_account(), row.credit_account()],
                hold: row.pending_id(),
            }));
            for (place, row) in block.enumerate() {
                let position = self.resident.rows;
                self.fold(&row, place).map_err(|fault| ReplayError::Row { position, fault })?;
            }
        }
        self.is_replay = false;
        self.last_seen_ns = self.last_seen_ns.max(self.resident.last_timestamp_ns);
        self.call.fresh.burned.extend(burned);
        self.finish().map_err(ReplayError::Past)
    }

    fn fold(&mut self, row: &Row, place: usize) -> Result<(), Fault> {
        row.check()?;
        let kind = row.kind().ok_or(DecodeError::UnknownRowKind(0))?;
        let last_ns = self.resident.last_timestamp_ns;
        let is_after = match kind {
            RowKind::HoldExpired => row.timestamp_ns() >= last_ns,
            _ => row.timestamp_ns() > last_ns,
        };
        if !is_after {
            return Err(Fault::OutOfOrder);
        }
        match kind {
            RowKind::AccountCreated => self.fold_account(row),
            RowKind::TransferCreated => self.fold_transfer(row, place),
            RowKind::HoldExpired => self.fold_expiry(row),
        }
    }

    fn fold_account(&mut self, row: &Row) -> Result<(), Fault> {
        let account = row.account()?;
        if self.find_account(account.id).is_some() {
            return Err(Fault::AccountExists);
        }
        self.admit_account(&account).map_err(Fault::AccountRefused)?;
        if self.account_row(&account, row.timestamp_ns()) != *row {
            return Err(Fault::WrongAssetNumber);
        }
        self.push_account(&account, row);
        Ok(())
    }

    fn fold_transfer(&mut self, row: &Row, place: usize) -> Result<(), Fault> {
        let book = self.resident.books.get(usize::from(row.asset_number()));
        let transfer = row.transfer(book.ok_or(Fault::WrongAssetNumber)?.asset)?;
        let timestamp_ns = row.timestamp_ns();
        let admitted = match transfer.kind {
            Kind::Single { .. } | Kind::Pending { .. } => {
                if self.holds.find(&self.resident.holds, transfer.id).is_some() {
                    return Err(Fault::HoldExists);
                }
                self.admit_movement(&transfer, self.places.at(place), timestamp_ns)
            }
            Kind::Post { pending_id } | Kind::Void { pending_id } => {
                let index = self.hold_index(self.places.at(place)[0], pending_id);
                self.admit_open(&transfer, index.ok_or(Fault::HoldNotOpen)?, timestamp_ns)
            }
        };
        let entry = admitted.map_err(Fault::TransferRefused)?;
        if entry.row() != *row {
            return Err(Fault::Altered);
        }
        self.commit(&entry, row, false);
        Ok(())
    }

    fn fold_expiry(&mut self, row: &Row) -> Result<(), Fault> {
        self.holds.settle(&mut self.resident.holds);
        let due = self.holds.next_expiry().filter(|&(end_ns, index)| {
            self.resident.holds.get(index).id.get() == row.id() && end_ns <= row.timestamp_ns()
        });
        let (_, index) = due.ok_or(Fault::HoldNotDue)?;
        if self.expiry_row(index, row.timestamp_ns()) != *row {
            return Err(Fault::Altered);
        }
        self.release(index, row);
        Ok(())
    }
}
