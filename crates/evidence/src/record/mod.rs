//! Rows of the ledger as leaves of the log: facts, postings, commitment, opening.
//!
//! | value | bytes | made of |
//! | --- | --- | --- |
//! | salt | 16 | first 16 of H(`farthing/salt/1`, secret 16, leaf index 8) |
//! | posting | 32 | H(`farthing/side/1`, salt 16, account 16, index of the account's leaf before 8) |
//! | commitment | 32 | H(`farthing/leaf/1`, debit posting 32, credit posting 32, facts 102) |
//! | entry | 33 | `01`, commitment 32 |
//!
//! H is SHA-256, numbers are big-endian, tags are their ASCII bytes. A commitment is opened by the
//! facts and, for each side, either what its posting is made of or the posting's hash alone: so a
//! receipt names one account and keeps the other closed. Salts hide the facts from everyone else.
//!
//! Invariant: an opening that was read is written back byte for byte. It must not know where in the
//! log a leaf is: that is what proofs are for.

mod facts;
mod opening;
mod posting;

pub use facts::{Action, FACTS_BYTES, Facts, FactsError, PAYMENT_CODE, RecordKind};
pub use opening::{OPENING_BYTES_MAX, OPENING_BYTES_MIN, Opening, OpeningError};
pub use posting::{NO_POSTING, Posting, Salt, posting_hash, posting_salt};

use tlog::Hash;

use crate::digest::{Message, sha256};

/// First byte of the entry of a row.
pub const ROW_ENTRY: u8 = 0x01;
/// Bytes of the entry of a row.
pub const ROW_ENTRY_BYTES: usize = 33;

const LEAF_TAG: &[u8] = b"farthing/leaf/1";
const LEAF_MESSAGE_BYTES: usize = 15 + 32 + 32 + FACTS_BYTES;

/// What the entry of a row says: a hash of both postings and the facts.
pub fn commitment(debit: &Hash, credit: &Hash, facts: &[u8; FACTS_BYTES]) -> Hash {
    let message = Message::<LEAF_MESSAGE_BYTES>::new().with(LEAF_TAG);
    sha256(&message.with(&debit.0).with(&credit.0).with(facts).bytes())
}

/// The entry of a row: the bytes that the log's leaf hash is taken of.
pub fn entry(commitment: &Hash) -> [u8; ROW_ENTRY_BYTES] {
    Message::new().with(&[ROW_ENTRY]).with(&commitment.0).bytes()
}
