//! Statements of an account: what it had, what came and went, what it has.
//!
//! Every entry is a posted transfer of the ledger; holds are not, until they are posted. The opening
//! balance is the ledger's balance minus what was posted since, so a statement whose entries are not
//! all there does not sum and ends in an error instead of a closing balance.
//!
//! Invariants: opening + credits - debits = closing = the balance in the ledger at that moment, to
//! the base unit; a statement of a million entries takes no more memory than one of a thousand.

mod camt;
mod csv;
mod jsonl;
mod lines;
mod source;

use money::{AccountId, Asset, NodeId};

pub use lines::{Line, LineKind, PAYOUT_CODE};
pub use source::{Statement, StatementError};

use crate::money_text::Signed;

/// Form of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatementFormat {
    /// Comma-separated values (RFC 4180).
    Csv,
    /// One JSON object a line.
    Jsonl,
    /// ISO 20022 camt.053.001.08.
    Camt053,
}

impl StatementFormat {
    /// `csv`, `jsonl` or `camt053`.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "csv" => Some(Self::Csv),
            "jsonl" => Some(Self::Jsonl),
            "camt053" => Some(Self::Camt053),
            _ => None,
        }
    }

    /// Media type of a statement in this form.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Jsonl => "application/jsonl",
            Self::Camt053 => "application/xml",
        }
    }

    /// Ending of a file in this form.
    pub const fn ending(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Jsonl => "jsonl",
            Self::Camt053 => "xml",
        }
    }
}

/// What a statement says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The node whose books these are.
    pub node: NodeId,
    /// The account.
    pub account: AccountId,
    /// Its asset.
    pub asset: Asset,
    /// Its name for people; may be empty.
    pub label: String,
    /// Begin, Unix milliseconds.
    pub from_ms: u64,
    /// End, Unix milliseconds; not part of it.
    pub to_ms: u64,
    /// When the statement was made, Unix milliseconds.
    pub made_at_ms: u64,
    /// Balance before the first entry, base units.
    pub opening: Signed,
    /// Balance after the last entry, base units.
    pub closing: Signed,
}

/// Sums of the entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sums {
    /// Entries.
    pub entries: u64,
    /// Base units received.
    pub credits: u128,
    /// Base units given.
    pub debits: u128,
}

impl Sums {
    /// Counts an entry; `false` if the sum does not fit.
    fn add(&mut self, line: &Line) -> bool {
        self.entries += 1;
        let side = if line.is_credit { &mut self.credits } else { &mut self.debits };
        match side.checked_add(line.units) {
            Some(sum) => *side = sum,
            None => return false,
        }
        true
    }

    /// Credits minus debits.
    fn net(&self) -> Option<Signed> {
        difference(self.credits, self.debits)
    }
}

/// Credits minus debits, if it fits.
fn difference(credits: u128, debits: u128) -> Option<Signed> {
    let units = Signed::try_from(credits.abs_diff(debits)).ok()?;
    Some(if credits >= debits { units } else { -units })
}

/// Writes a statement from its entries, oldest first.
#[derive(Debug)]
struct Writer {
    head: Head,
    sums: Sums,
    balance: Signed,
    format: Formatter,
}

#[derive(Debug)]
enum Formatter {
    Csv,
    Jsonl,
    Camt053(camt::Batches),
}

impl Writer {
    fn new(head: Head, format: StatementFormat) -> Self {
        let format = match format {
            StatementFormat::Csv => Formatter::Csv,
            StatementFormat::Jsonl => Formatter::Jsonl,
            StatementFormat::Camt053 => Formatter::Camt053(camt::Batches::default()),
        };
        Self { sums: Sums::default(), balance: head.opening, head, format }
    }

    fn begin(&self) -> String {
        match self.format {
            Formatter::Csv => csv::begin(&self.head),
            Formatter::Jsonl => jsonl::begin(&self.head),
            Formatter::Camt053(_) => String::new(),
        }
    }

    fn line(&mut self, line: &Line, out: &mut String) -> Result<(), StatementError> {
        let units = Signed::try_from(line.units).map_err(|_| StatementError::TooLarge)?;
        let change = if line.is_credit { units } else { -units };
        let balance = self.balance.checked_add(change).ok_or(StatementError::TooLarge)?;
        if !self.sums.add(line) {
            return Err(StatementError::TooLarge);
        }
        self.balance = balance;
        match &mut self.format {
            Formatter::Csv => csv::line(&self.head, line, self.balance, out),
            Formatter::Jsonl => jsonl::line(&self.head, line, self.balance, out),
            Formatter::Camt053(batches) => batches.add(line)?,
        }
        Ok(())
    }

    fn end(&self) -> Result<String, StatementError> {
        if self.balance != self.head.closing {
            return Err(StatementError::DoesNotSum);
        }
        match &self.format {
            Formatter::Csv => Ok(csv::end(&self.head)),
            Formatter::Jsonl => Ok(jsonl::end(&self.head, &self.sums)),
            Formatter::Camt053(batches) => camt::document(&self.head, &self.sums, batches),
        }
    }
}
