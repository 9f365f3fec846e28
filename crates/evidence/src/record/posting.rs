//! Postings: that an account takes part in a leaf, and in which leaf it did before.

use money::AccountId;
use tlog::Hash;

use crate::Secret;
use crate::digest::{Message, half, sha256};

const SALT_TAG: &[u8] = b"farthing/salt/1";
const SALT_MESSAGE_BYTES: usize = 15 + 16 + 8;
const SIDE_TAG: &[u8] = b"farthing/side/1";
/// One block of SHA-256 takes at most 55 bytes: this is as long as it can be for one.
const SIDE_MESSAGE_BYTES: usize = 15 + 16 + 16 + 8;

/// In the place of an index: there is no leaf before.
pub(super) const NO_LEAF: u64 = u64::MAX;

/// The credit posting of the creation of an account, which has one side only.
pub const NO_POSTING: Hash = Hash([0; 32]);

/// What hides a posting. It differs for each leaf, so that openings of one say nothing of others.
pub type Salt = [u8; 16];

/// One side of a leaf, as an opening shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Posting {
    /// The account is named.
    Opened {
        /// The salt of this posting.
        salt: Salt,
        /// The account.
        account: AccountId,
        /// Index of the leaf before this one in which the account takes part; `None` if this is its
        /// first, the creation.
        prev: Option<u64>,
    },
    /// Only the hash is shown; [`NO_POSTING`] if there is no such side.
    Closed(Hash),
}

impl Posting {
    /// What the commitment is made of.
    pub fn hash(&self) -> Hash {
        match self {
            Self::Opened { salt, account, prev } => posting_hash(salt, *account, *prev),
            Self::Closed(hash) => *hash,
        }
    }

    /// The account, if it is named.
    pub const fn account(&self) -> Option<AccountId> {
        match self {
            Self::Opened { account, .. } => Some(*account),
            Self::Closed(_) => None,
        }
    }

    /// The same side with nothing but its hash shown.
    #[must_use]
    pub fn closed(&self) -> Self {
        Self::Closed(self.hash())
    }
}

/// The salt of an account's posting in the leaf at this index.
pub fn posting_salt(secret: &Secret, index: u64) -> Salt {
    let message = Message::<SALT_MESSAGE_BYTES>::new().with(SALT_TAG);
    half(&sha256(&message.with(secret.as_bytes()).with(&index.to_be_bytes()).bytes()))
}

/// The posting of an account whose leaf before this one is `prev`.
pub fn posting_hash(salt: &Salt, account: AccountId, prev: Option<u64>) -> Hash {
    let message = Message::<SIDE_MESSAGE_BYTES>::new().with(SIDE_TAG).with(salt);
    let prev = prev.unwrap_or(NO_LEAF).to_be_bytes();
    sha256(&message.with(&account.to_be_bytes()).with(&prev).bytes())
}
