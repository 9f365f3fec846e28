//! Rows to commitments, many at once: the same step of all rows, then the next step.
//!
//! Invariant: the commitment of a row is that of `evidence`, byte for byte; a test compares them.
//! Hashing in columns lets the processor work on messages that do not wait for one another.

use evidence::Secret;
use evidence::record::{FACTS_BYTES, ROW_ENTRY};
use hashes::sha256_many;
use ledger::{ROW_BYTES, Row, RowKind};
use money::Asset;
use tlog::Hash;

use super::accounts::Accounts;
use super::forgotten::Forgotten;
use super::{LogError, NO_LEAF};

/// What stands in front of each message; the formats are `evidence`'s.
const SALT_TAG: &[u8] = b"farthing/salt/1";
const POSTING_TAG: &[u8] = b"farthing/side/1";
const LEAF_TAG: &[u8] = b"farthing/leaf/1";
const TAG_BYTES: usize = SALT_TAG.len();
const SALT_BYTES: usize = 16;
const SALT_MESSAGE_BYTES: usize = TAG_BYTES + SALT_BYTES + 8;
const ACCOUNT_AT: usize = TAG_BYTES + SALT_BYTES;
const PREV_AT: usize = ACCOUNT_AT + 16;
const POSTING_MESSAGE_BYTES: usize = PREV_AT + 8;
const FACTS_AT: usize = TAG_BYTES + 2 * 32;
const LEAF_MESSAGE_BYTES: usize = FACTS_AT + FACTS_BYTES;
const ENTRY_MESSAGE_BYTES: usize = 34;

/// So many accounts are near the processor anyway: to look them up twice would only cost.
const ACCOUNTS_IN_CACHE: usize = 20_000;

/// Rows that are hashed together: their messages fit the cache.
const COLUMN_ROWS: usize = 256;

/// What the log keeps of a row: its commitment, and the leaf before it of each side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LeafRow {
    pub commitment: Hash,
    pub prev: [u64; 2],
}

/// A posting whose hash is not computed: there is none, or its salt is forgotten.
struct Given {
    at: usize,
    hash: Hash,
}

/// The messages of one column, kept between calls for their memory.
#[derive(Debug, Default)]
pub(super) struct Columns {
    salts: Vec<u8>,
    postings: Vec<u8>,
    leaves: Vec<u8>,
    entries: Vec<u8>,
    hashes: Vec<[u8; 32]>,
}

impl Columns {
    /// Commits to rows that stand one after the other from leaf `first` on, and moves the accounts'
    /// newest leaves. `made` gets each leaf's row and hash in order.
    pub(super) fn commit(
        &mut self,
        rows: &[[u8; ROW_BYTES]],
        first: u64,
        assets: &[Asset],
        accounts: &mut Accounts,
        forgotten: &Forgotten,
        mut made: impl FnMut(LeafRow, Hash) -> Result<(), LogError>,
    ) -> Result<(), LogError> {
        let mut index = first;
        for rows in rows.chunks(COLUMN_ROWS) {
            self.salts.clear();
            self.postings.clear();
            if accounts.len() > ACCOUNTS_IN_CACHE {
                accounts.touch(rows.iter().flat_map(|row| {
                    let row = Row::from_bytes(*row);
                    [row.debit_account(), row.credit_account()]
                }));
            }
            let mut given = Vec::new();
            let mut prevs = Vec::with_capacity(rows.len());
            for (row, index) in rows.iter().zip(index..) {
                let row = Row::from_bytes(*row);
                prevs.push(self.postings_of(&row, index, accounts, forgotten, &mut given)?);
            }
            self.hash_postings(&given);
            self.hash_leaves(rows, assets);
            self.entries.clear();
            for commitment in &self.hashes {
                let mut entry = [0x00; ENTRY_MESSAGE_BYTES];
                entry[1] = ROW_ENTRY;
                entry[2..].copy_from_slice(commitment);
                self.entries.extend_from_slice(&entry);
            }
            let mut leaf_hashes = vec![[0; 32]; rows.len()];
            sha256_many(&self.entries, ENTRY_MESSAGE_BYTES, &mut leaf_hashes);
            for ((commitment, prev), leaf) in self.hashes.iter().zip(prevs).zip(&leaf_hashes) {
                made(LeafRow { commitment: Hash(*commitment), prev }, Hash(*leaf))?;
            }
            index += rows.len() as u64;
        }
        Ok(())
    }

    /// Queues both postings of a row, and tells the leaves before it.
    fn postings_of(
        &mut self,
        row: &Row,
        index: u64,
        accounts: &mut Accounts,
        forgotten: &Forgotten,
        given: &mut Vec<Given>,
    ) -> Result<[u64; 2], LogError> {
        if row.kind() == Some(RowKind::AccountCreated) {
            let prev = self.posting(row.id(), index, 0, accounts, forgotten, given)?;
            let at = self.postings.len() / POSTING_MESSAGE_BYTES;
            given.push(Given { at, hash: Hash([0; 32]) });
            self.push_messages(&Secret::new([0; SALT_BYTES]), index, 0, NO_LEAF);
            return Ok([prev, NO_LEAF]);
        }
        let debit = self.posting(row.debit_account(), index, 0, accounts, forgotten, given)?;
        let credit = self.posting(row.credit_account(), index, 1, accounts, forgotten, given)?;
        Ok([debit, credit])
    }

    fn posting(
        &mut self,
        id: u128,
        index: u64,
        side: u8,
        accounts: &mut Accounts,
        forgotten: &Forgotten,
        given: &mut Vec<Given>,
    ) -> Result<u64, LogError> {
        let account = accounts.get_mut(id).ok_or(LogError::UnknownAccount { leaf: index })?;
        let prev = std::mem::replace(&mut account.last, index);
        if index < account.since {
            let at = self.postings.len() / POSTING_MESSAGE_BYTES;
            let hash = forgotten.get(index, side).ok_or(LogError::ForgottenLost { leaf: index })?;
            given.push(Given { at, hash });
        }
        let secret = account.secret;
        self.push_messages(&secret, index, id, prev);
        Ok(prev)
    }

    fn push_messages(&mut self, secret: &Secret, index: u64, account: u128, prev: u64) {
        let mut salt = [0; SALT_MESSAGE_BYTES];
        salt[..TAG_BYTES].copy_from_slice(SALT_TAG);
        salt[TAG_BYTES..TAG_BYTES + SALT_BYTES].copy_from_slice(secret.as_bytes());
        salt[TAG_BYTES + SALT_BYTES..].copy_from_slice(&index.to_be_bytes());
        self.salts.extend_from_slice(&salt);
        let mut posting = [0; POSTING_MESSAGE_BYTES];
        posting[..TAG_BYTES].copy_from_slice(POSTING_TAG);
        posting[ACCOUNT_AT..PREV_AT].copy_from_slice(&account.to_be_bytes());
        posting[PREV_AT..].copy_from_slice(&prev.to_be_bytes());
        self.postings.extend_from_slice(&posting);
    }

    /// Salts, then postings; the hashes are those of the postings, two a row.
    fn hash_postings(&mut self, given: &[Given]) {
        let count = self.salts.len() / SALT_MESSAGE_BYTES;
        self.hashes.resize(count, [0; 32]);
        sha256_many(&self.salts, SALT_MESSAGE_BYTES, &mut self.hashes);
        for (message, salt) in
            self.postings.chunks_exact_mut(POSTING_MESSAGE_BYTES).zip(&self.hashes)
        {
            message[TAG_BYTES..TAG_BYTES + SALT_BYTES].copy_from_slice(&salt[..SALT_BYTES]);
        }
        sha256_many(&self.postings, POSTING_MESSAGE_BYTES, &mut self.hashes);
        for Given { at, hash } in given {
            self.hashes[*at] = hash.0;
        }
    }

    /// The commitments of the rows, out of the hashes of their postings.
    fn hash_leaves(&mut self, rows: &[[u8; ROW_BYTES]], assets: &[Asset]) {
        self.leaves.clear();
        for (row, postings) in rows.iter().zip(self.hashes.chunks_exact(2)) {
            let mut leaf = [0; LEAF_MESSAGE_BYTES];
            leaf[..TAG_BYTES].copy_from_slice(LEAF_TAG);
            leaf[TAG_BYTES..FACTS_AT].copy_from_slice(postings.as_flattened());
            leaf[FACTS_AT..].copy_from_slice(&facts_bytes(&Row::from_bytes(*row), assets));
            self.leaves.extend_from_slice(&leaf);
        }
        self.hashes.resize(rows.len(), [0; 32]);
        sha256_many(&self.leaves, LEAF_MESSAGE_BYTES, &mut self.hashes);
    }
}

/// What a leaf says of a row besides its postings: the row's own bytes in another order.
pub(crate) fn facts_bytes(row: &Row, assets: &[Asset]) -> [u8; FACTS_BYTES] {
    let bytes = row.as_bytes();
    let (code, scale) = assets
        .get(usize::from(row.asset_number()))
        .map_or(([0; 8], 0), |asset| (asset.code.to_bytes(), asset.scale));
    let parts: [&[u8]; 13] = [
        &bytes[118..119],
        &[scale],
        &bytes[116..118],
        &bytes[114..116],
        &bytes[108..112],
        &bytes[104..108],
        &code,
        &bytes[120..128],
        &bytes[96..104],
        &bytes[0..16],
        &bytes[64..80],
        &bytes[48..64],
        &bytes[80..96],
    ];
    let mut facts = [0; FACTS_BYTES];
    let mut at = 0;
    for part in parts {
        facts[at..at + part.len()].copy_from_slice(part);
        at += part.len();
    }
    facts
}
