//! The half of the log that writes: rows in, leaves and hashes out.
//!
//! Invariants: the same rows, epoch records and secrets give the same tree, whenever and in
//! whichever pieces they come; a secret is durable before its first leaf leaves this module. It
//! signs nothing and tells nobody: what it has made may not be durable in the journal yet.

use std::path::PathBuf;
use std::sync::Arc;

use disk::{Disk, create_folder};
use evidence::Secret;
use evidence::record::{posting_hash, posting_salt};
use ledger::{ROW_BYTES, Row, RowKind};
use money::{AccountId, Asset, AssetCode};
use tlog::{Hash, Layer, Tree, TreeHead, leaf_hash};

use super::accounts::{AccountLog, Accounts};
use super::columns::{Columns, LeafRow};
use super::files::{Files, LEAF_BYTES};
use super::forgotten::Forgotten;
use super::secrets::Secrets;
use super::{LogError, NO_LEAF, Part, Random, link, saved};

/// Leaves between two saves of how far the log has come: what a start makes again at most.
const SAVE_EVERY_LEAVES: u64 = 1 << 20;

/// Everything that the log consists of but its signatures.
pub(super) struct Worker {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    random: Random,
    pub(super) files: Arc<Files>,
    secrets: Secrets,
    forgotten: Forgotten,
    accounts: Accounts,
    assets: Vec<Asset>,
    tree: Tree,
    columns: Columns,
    saved: u64,
}

impl Worker {
    /// Opens the log's folder. `is_known`: the books have had a log before. Gives the worker at the
    /// leaf up to which its files are good, at most `leaves`.
    pub(super) fn open(
        disk: &Arc<dyn Disk>,
        dir: PathBuf,
        random: Random,
        is_known: bool,
        leaves: u64,
    ) -> Result<Self, LogError> {
        create_folder(&**disk, &dir)?;
        disk::remove_unfinished(&**disk, &dir)?;
        let exists = Secrets::exist(&**disk, &dir)?;
        if is_known && !exists {
            return Err(LogError::SecretsMissing(dir.join("secrets")));
        }
        let (secrets, mut accounts) = if exists {
            Secrets::open(disk, &dir)?
        } else {
            (Secrets::create(disk, &dir)?, Accounts::default())
        };
        let forgotten = Forgotten::open(disk, &dir)?;
        let files = Files::open(&**disk, &dir)?;
        let saved = saved::load(&**disk, &dir, &mut accounts)?;
        // A tree beyond the rows is of a history that the journal has lost; what is signed decides
        // whether that was seen by anyone.
        let saved = match saved {
            Some(tree) if tree.size() <= leaves && files.reach(tree.size())? => tree,
            _ => {
                accounts.rewind();
                Tree::new()
            }
        };
        Ok(Self {
            disk: Arc::clone(disk),
            dir,
            random,
            files: Arc::new(files),
            secrets,
            forgotten,
            accounts,
            assets: Vec::new(),
            saved: saved.size(),
            tree: saved,
            columns: Columns::default(),
        })
    }

    /// The assets of the accounts up to here, by their number: rows name assets by it.
    pub(super) fn set_assets(&mut self, assets: Vec<Asset>) {
        self.assets = assets;
    }

    pub(super) fn assets(&self) -> &[Asset] {
        &self.assets
    }

    pub(super) fn head(&self) -> TreeHead {
        TreeHead { size: self.tree.size(), root: self.tree.root() }
    }

    pub(super) fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    pub(super) fn forgotten(&self) -> &Forgotten {
        &self.forgotten
    }

    /// Adds what follows in the order of the journal.
    pub(super) fn append(&mut self, parts: &[Part]) -> Result<(), LogError> {
        for part in parts {
            match part {
                Part::Rows(bytes) => {
                    let (rows, _) = bytes.as_chunks::<ROW_BYTES>();
                    self.meet(rows)?;
                    self.append_rows(rows)?;
                }
                Part::Epoch(entry) => self.append_epoch(entry)?,
            }
        }
        Ok(())
    }

    /// Draws secrets for accounts that have none, and learns new assets.
    fn meet(&mut self, rows: &[[u8; ROW_BYTES]]) -> Result<(), LogError> {
        let mut new = Vec::new();
        for row in rows.iter().map(|row| Row::from_bytes(*row)) {
            if row.kind() != Some(RowKind::AccountCreated) {
                continue;
            }
            if usize::from(row.asset_number()) == self.assets.len() {
                self.assets.push(asset_of(&row)?);
            }
            if self.accounts.get(row.id()).is_none() {
                let mut secret = [0; 16];
                (self.random)(&mut secret).map_err(|()| LogError::Random)?;
                let account = AccountLog::new(Secret::new(secret), 0);
                self.accounts.insert(row.id(), account);
                new.push((row.id(), account));
            }
        }
        if new.is_empty() { Ok(()) } else { self.secrets.add(&new) }
    }

    fn append_rows(&mut self, rows: &[[u8; ROW_BYTES]]) -> Result<(), LogError> {
        if rows.is_empty() {
            return Ok(());
        }
        let first = self.tree.size();
        let mut leaves = Vec::with_capacity(rows.len() * LEAF_BYTES);
        let mut hashes = Vec::with_capacity(rows.len());
        let Self { columns, accounts, forgotten, assets, .. } = self;
        columns.commit(rows, first, assets, accounts, forgotten, |leaf, hash| {
            leaves.extend(leaf.to_bytes());
            hashes.push(hash);
            Ok(())
        })?;
        self.grow(first, &leaves, &hashes)
    }

    fn append_epoch(&mut self, entry: &Arc<[u8]>) -> Result<(), LogError> {
        let first = self.tree.size();
        self.files.add_epoch(first, Arc::clone(entry));
        let row = LeafRow { commitment: Hash([0; 32]), prev: [NO_LEAF; 2] };
        self.grow(first, &row.to_bytes(), &[leaf_hash(entry)])
    }

    /// Writes leaves and the hashes of the tiles that they fill.
    fn grow(&mut self, first: u64, leaves: &[u8], hashes: &[Hash]) -> Result<(), LogError> {
        self.files.write_leaves(first, leaves)?;
        let mut upper: Vec<(u8, u64, Vec<Hash>)> = Vec::new();
        let stored = &mut |node: tlog::Node, hash| {
            let Some((Layer::Hashes(level @ 1..), _, _)) = node.stored() else { return };
            match upper.iter_mut().find(|(known, ..)| *known == level) {
                Some((_, _, hashes)) => hashes.push(hash),
                None => upper.push((level, node.index(), vec![hash])),
            }
        };
        let grown = self.tree.append_many(hashes, stored);
        grown.map_err(|full| LogError::Stopped(full.to_string()))?;
        for (level, first, hashes) in upper {
            self.files.write_hashes(level, first, &hashes)?;
        }
        Ok(())
    }

    /// Saves how far the log has come, if that was long ago. Only what the journal holds durably may
    /// have been appended.
    pub(super) fn save_if_due(&mut self) -> Result<(), LogError> {
        if self.tree.size() - self.saved >= SAVE_EVERY_LEAVES { self.save() } else { Ok(()) }
    }

    /// Saves how far the log has come. As [`Worker::save_if_due`].
    pub(super) fn save(&mut self) -> Result<(), LogError> {
        self.files.sync()?;
        saved::save(&*self.disk, &self.dir, &self.tree, &self.accounts)?;
        self.saved = self.tree.size();
        Ok(())
    }

    /// Destroys what opens an account's postings in these leaves, its newest first and all of them
    /// since the secret was drawn. Their hashes stay, so that the tree and the other sides' receipts
    /// do. False: the account has a newer leaf by now.
    pub(super) fn forget(
        &mut self,
        account: AccountId,
        leaves: &[(u64, u8)],
    ) -> Result<bool, LogError> {
        let Some(row) = self.accounts.get(account.get()).copied() else {
            return Err(LogError::UnknownAccount { leaf: self.tree.size() });
        };
        if leaves.first().is_some_and(|(leaf, _)| *leaf != row.last) {
            return Ok(false);
        }
        let mut postings = Vec::new();
        for (leaf, side) in leaves.iter().copied() {
            let kept = self.files.leaves(leaf..leaf + 1)?;
            let prev = kept.first().map_or(NO_LEAF, |kept| kept.prev[usize::from(side.min(1))]);
            let salt = posting_salt(&row.secret, leaf);
            postings.push(((leaf, side), posting_hash(&salt, account, link(prev))));
        }
        self.forgotten.add(&postings)?;
        let mut secret = [0; 16];
        (self.random)(&mut secret).map_err(|()| LogError::Random)?;
        let fresh = AccountLog { secret: Secret::new(secret), since: self.tree.size(), ..row };
        self.accounts.insert(account.get(), fresh);
        self.secrets.rewrite(&self.accounts)?;
        Ok(true)
    }
}

fn asset_of(row: &Row) -> Result<Asset, LogError> {
    let bytes = row.as_bytes();
    let code = bytes[16..].first_chunk::<8>().and_then(|code| AssetCode::from_bytes(*code).ok());
    code.and_then(|code| Asset::new(code.as_str(), bytes[24]).ok())
        .ok_or_else(|| LogError::Rows("the row of an account names no asset".to_owned()))
}
