//! Openings: what a commitment is made of, the `extra` of a receipt.
//!
//! Version `01`, mask 1 (bit 0: the debit side is opened, bit 1: the credit side), facts 102, then
//! the debit side and the credit side: opened, it is salt 16, account 16, index of the leaf before
//! 8 (2^64-1 for none); closed, it is the posting 32.

use money::AccountId;
use tlog::Hash;

use super::facts::{FACTS_BYTES, Facts, FactsError, RecordKind};
use super::posting::{NO_LEAF, NO_POSTING, Posting};
use super::{ROW_ENTRY_BYTES, commitment, entry};

/// Shortest opening: both sides closed.
pub const OPENING_BYTES_MIN: usize = 2 + FACTS_BYTES + 2 * CLOSED_BYTES;
/// Longest opening: both sides opened.
pub const OPENING_BYTES_MAX: usize = 2 + FACTS_BYTES + 2 * OPENED_BYTES;

const VERSION: u8 = 1;
const DEBIT_OPENED: u8 = 1;
const CREDIT_OPENED: u8 = 2;
const OPENED_BYTES: usize = 40;
const CLOSED_BYTES: usize = 32;

/// What a leaf commits to, with each side opened or closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opening {
    facts: Facts,
    debit: Posting,
    credit: Posting,
}

/// Why bytes are no opening. The first that applies is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpeningError {
    /// No version that this program reads.
    #[error("version {0} of openings is unknown here")]
    Version(u8),
    /// A bit of the mask has no meaning.
    #[error("the mask of the opening has reserved bits")]
    Mask,
    /// Too short or too long for its mask.
    #[error("the opening should have {expected} bytes and has {found}")]
    Length {
        /// How many bytes it should have.
        expected: usize,
        /// How many it has.
        found: usize,
    },
    /// The facts are those of no row.
    #[error(transparent)]
    Facts(#[from] FactsError),
    /// The id of an opened account is reserved.
    #[error("the opening names an account with a reserved id")]
    Account,
    /// An account's creation has a credit side, is not by that account or not its first leaf, or
    /// another row lacks a side.
    #[error("the sides of the opening do not fit its kind of row")]
    Sides,
}

impl OpeningError {
    /// Stable code for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Version(_) => "opening_version",
            Self::Mask => "opening_mask",
            Self::Length { .. } => "opening_length",
            Self::Facts(error) => error.code(),
            Self::Account => "opening_account",
            Self::Sides => "opening_sides",
        }
    }
}

impl Opening {
    /// Puts an opening together.
    pub fn new(facts: Facts, debit: Posting, credit: Posting) -> Result<Self, OpeningError> {
        facts.check()?;
        let opening = Self { facts, debit, credit };
        if opening.sides_fit() { Ok(opening) } else { Err(OpeningError::Sides) }
    }

    /// The facts.
    pub const fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The side that gives; of an account's creation, the account.
    pub const fn debit(&self) -> &Posting {
        &self.debit
    }

    /// The side that receives.
    pub const fn credit(&self) -> &Posting {
        &self.credit
    }

    /// The same with sides closed for which `false` is given.
    #[must_use]
    pub fn showing(&self, debit: bool, credit: bool) -> Self {
        let shown = |side: &Posting, is_shown| if is_shown { *side } else { side.closed() };
        Self { debit: shown(&self.debit, debit), credit: shown(&self.credit, credit), ..*self }
    }

    /// The commitment that this opens.
    pub fn commitment(&self) -> Hash {
        commitment(&self.debit.hash(), &self.credit.hash(), &self.facts.to_bytes())
    }

    /// The entry of the log that this opens.
    pub fn entry(&self) -> [u8; ROW_ENTRY_BYTES] {
        entry(&self.commitment())
    }

    /// The bytes.
    pub fn encode(&self) -> Vec<u8> {
        let bit = |side: &Posting, bit| if side.account().is_some() { bit } else { 0 };
        let mask = bit(&self.debit, DEBIT_OPENED) | bit(&self.credit, CREDIT_OPENED);
        let mut out = Vec::with_capacity(OPENING_BYTES_MAX);
        out.extend([VERSION, mask]);
        out.extend(self.facts.to_bytes());
        push(&mut out, &self.debit);
        push(&mut out, &self.credit);
        out
    }

    /// Reads bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, OpeningError> {
        let found = bytes.len();
        let too_short = OpeningError::Length { expected: OPENING_BYTES_MIN, found };
        let ([version, mask], rest) = bytes.split_first_chunk().ok_or(too_short)?;
        if *version != VERSION {
            return Err(OpeningError::Version(*version));
        }
        if mask & !(DEBIT_OPENED | CREDIT_OPENED) != 0 {
            return Err(OpeningError::Mask);
        }
        let length = |bit| if mask & bit == 0 { CLOSED_BYTES } else { OPENED_BYTES };
        let expected = 2 + FACTS_BYTES + length(DEBIT_OPENED) + length(CREDIT_OPENED);
        let wrong = OpeningError::Length { expected, found };
        if found != expected {
            return Err(wrong);
        }
        let (facts, sides) = rest.split_first_chunk().ok_or(wrong)?;
        let (debit, credit) = sides.split_at_checked(length(DEBIT_OPENED)).ok_or(wrong)?;
        let facts = Facts::from_bytes(facts)?;
        let debit = side(debit).ok_or(OpeningError::Account)?;
        let credit = side(credit).ok_or(OpeningError::Account)?;
        Self::new(facts, debit, credit)
    }

    fn sides_fit(&self) -> bool {
        if self.facts.kind != RecordKind::AccountCreated {
            let lacks = |side: &Posting| *side == Posting::Closed(NO_POSTING);
            return !lacks(&self.debit) && !lacks(&self.credit);
        }
        let is_first = match self.debit {
            Posting::Opened { account, prev, .. } => {
                account.get() == self.facts.id && prev.is_none()
            }
            Posting::Closed(hash) => hash != NO_POSTING,
        };
        is_first && self.credit == Posting::Closed(NO_POSTING)
    }
}

fn push(out: &mut Vec<u8>, side: &Posting) {
    match side {
        Posting::Opened { salt, account, prev } => {
            out.extend(salt);
            out.extend(account.to_be_bytes());
            out.extend(prev.unwrap_or(NO_LEAF).to_be_bytes());
        }
        Posting::Closed(hash) => out.extend(hash.0),
    }
}

/// Reads a side, whose length says whether it is opened; `None` if its account is reserved.
fn side(bytes: &[u8]) -> Option<Posting> {
    if let Ok(hash) = <[u8; CLOSED_BYTES]>::try_from(bytes) {
        return Some(Posting::Closed(Hash(hash)));
    }
    let (salt, rest) = bytes.split_first_chunk()?;
    let (account, rest) = rest.split_first_chunk()?;
    let prev = u64::from_be_bytes(rest.try_into().ok()?);
    let account = AccountId::from_be_bytes(*account).ok()?;
    Some(Posting::Opened { salt: *salt, account, prev: Some(prev).filter(|prev| *prev != NO_LEAF) })
}
