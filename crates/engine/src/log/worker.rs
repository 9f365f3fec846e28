//! The half of the log that writes: rows in, leaves and hashes out.
//!
//! Invariants: the same rows, epoch records and secrets give the same tree, whenever and in
//! whichever pieces they come; a secret is durable before its first leaf leaves this module. It
//! signs nothing and tells nobody: what it has made may not be durable in the journal yet.

use std::path::PathBuf;
use std::sync::Arc;

use disk::{Disk, During, create_folder};
use evidence::Secret;
use evidence::record::{NO_POSTING, Posting, commitment, posting_hash, posting_salt};
use ledger::{ROW_BYTES, Row, RowKind};
use money::{AccountId, Asset, AssetCode};
use tlog::{Hash, Layer, Tree, TreeHead, leaf_hash};

use super::accounts::{AccountLog, Accounts};
use super::columns::{Columns, LeafRow, facts_bytes};
use super::files::{Files, LEAF_BYTES};
use super::forgotten::Forgotten;
use super::publish::root_at;
use super::secrets::Secrets;
use super::{LogError, LogOptions, NO_LEAF, Part, Random, link, saved};

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
    save_every_leaves: u64,
    /// Leaves that others have seen: their accounts have secrets.
    shown: u64,
}

impl Worker {
    /// Opens the log's folder. `is_known`: the books have had a log before. Gives the worker at the
    /// leaf up to which its files are good, at most `leaves`.
    pub(super) fn open(
        disk: &Arc<dyn Disk>,
        dir: PathBuf,
        log: &LogOptions,
        is_known: bool,
        leaves: u64,
    ) -> Result<Self, LogError> {
        create_folder(&**disk, &dir)?;
        // What is read now stays so, also when the process before could not sync its names.
        disk.sync_folder(&dir).during("sync folder", &dir)?;
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
        if saved.as_ref().is_some_and(|saved| saved.lacks_secrets) {
            return Err(LogError::SecretsDamaged {
                path: dir.join("secrets"),
                record: secrets.count(),
            });
        }
        let is_usable = saved.is_some();
        let tree = saved.map_or_else(Tree::new, |saved| saved.tree);
        let mut worker = Self {
            disk: Arc::clone(disk),
            dir,
            random: Arc::clone(&log.random),
            files: Arc::new(files),
            secrets,
            forgotten,
            accounts,
            assets: Vec::new(),
            saved: tree.size(),
            tree,
            columns: Columns::default(),
            save_every_leaves: log.save_every_leaves,
            shown: 0,
        };
        let size = worker.tree.size();
        // A tree beyond the rows is of a history that the journal has lost; what is signed decides
        // whether that was seen by anyone.
        if !is_usable || size > leaves || !worker.files.reach(size)? {
            worker.begin_anew()?;
        }
        Ok(worker)
    }

    /// Leaves that others have seen: it is an error if their accounts have no secrets.
    pub(super) fn set_shown(&mut self, leaves: u64) {
        self.shown = leaves;
    }

    /// Whether there is anything that an earlier process has made.
    pub(super) fn is_from_files(&self) -> bool {
        self.saved > 0
    }

    /// Whether the files hold the tree at hand, and the row at its end is the one that made that leaf:
    /// the journal may have been put back and gone on since.
    pub(super) fn holds(&self, last: Option<(u64, &Row)>) -> Result<bool, LogError> {
        if root_at(&self.files, self.tree.size())? != self.tree.root() {
            return Ok(false);
        }
        let Some((leaf, row)) = last else { return Ok(true) };
        let kept = self.files.leaves(leaf..leaf + 1)?;
        let Some(kept) = kept.first() else { return Ok(false) };
        // An error says that the secrets are not those of this leaf.
        let postings = self.postings(leaf, row, kept.prev);
        Ok(postings.is_ok_and(|[debit, credit]| {
            let facts = facts_bytes(row, &self.assets);
            commitment(&debit.hash(), &credit.hash(), &facts) == kept.commitment
        }))
    }

    /// Makes everything again from the first row on.
    pub(super) fn begin_anew(&mut self) -> Result<(), LogError> {
        saved::remove(&*self.disk, &self.dir)?;
        self.accounts.rewind();
        self.tree = Tree::new();
        self.saved = 0;
        Ok(())
    }

    /// Both sides of a leaf, opened as far as they are not forgotten.
    pub(super) fn postings(
        &self,
        leaf: u64,
        row: &Row,
        [debit, credit]: [u64; 2],
    ) -> Result<[Posting; 2], LogError> {
        if row.kind() == Some(RowKind::AccountCreated) {
            let created = self.posting((leaf, 0), row.id(), debit)?;
            return Ok([created, Posting::Closed(NO_POSTING)]);
        }
        let debit = self.posting((leaf, 0), row.debit_account(), debit)?;
        Ok([debit, self.posting((leaf, 1), row.credit_account(), credit)?])
    }

    fn posting(
        &self,
        (leaf, side): (u64, u8),
        account: u128,
        prev: u64,
    ) -> Result<Posting, LogError> {
        let unknown = LogError::UnknownAccount { leaf };
        let Ok(id) = AccountId::new(account) else { return Err(unknown) };
        let known = self.accounts.get(account).ok_or(unknown)?;
        if leaf < known.since {
            let hash = self.forgotten.get(leaf, side);
            return hash.map(Posting::Closed).ok_or(LogError::ForgottenLost { leaf });
        }
        let salt = posting_salt(&known.secret, leaf);
        Ok(Posting::Opened { salt, account: id, prev: link(prev) })
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
        let rows = rows.iter().map(|row| Row::from_bytes(*row)).zip(self.tree.size()..);
        for (row, index) in rows {
            if row.kind() != Some(RowKind::AccountCreated) {
                continue;
            }
            if usize::from(row.asset_number()) == self.assets.len() {
                self.assets.push(asset_of(&row)?);
            }
            if self.accounts.get(row.id()).is_none() {
                if index < self.shown {
                    let (path, record) = (self.dir.join("secrets"), self.secrets.count());
                    return Err(LogError::SecretsDamaged { path, record });
                }
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
        self.grow(first, &LeafRow::of_epoch().to_bytes(), &[leaf_hash(entry)])
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
        let is_due = self.tree.size() - self.saved >= self.save_every_leaves;
        if is_due { self.save() } else { Ok(()) }
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
        let newest = link(row.last).filter(|last| *last >= row.since);
        if newest != leaves.first().map(|(leaf, _)| *leaf) {
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
        // Right behind them: leaves that may not be durable yet can come again with other rows.
        let since = newest.map_or(row.since, |newest| newest + 1);
        let fresh = AccountLog { secret: Secret::new(secret), since, ..row };
        self.accounts.insert(account.get(), fresh);
        self.secrets.rewrite(&self.accounts)?;
        Ok(true)
    }
}

/// The asset that the row of an account names.
pub(super) fn asset_of(row: &Row) -> Result<Asset, LogError> {
    let bytes = row.as_bytes();
    let code = bytes[16..].first_chunk::<8>().and_then(|code| AssetCode::from_bytes(*code).ok());
    code.and_then(|code| Asset::new(code.as_str(), bytes[24]).ok())
        .ok_or_else(|| LogError::Rows("the row of an account names no asset".to_owned()))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use disk::Simulated;
    use tlog::{KeyName, LogSigner};

    use super::*;

    fn created(id: u8) -> [u8; ROW_BYTES] {
        let mut row = [0; ROW_BYTES];
        row[15] = id;
        row[16..19].copy_from_slice(b"USD");
        row[118] = 1;
        row
    }

    #[test]
    fn forgetting_leaves_alone_what_may_not_be_durable() {
        let disk: Arc<dyn Disk> = Arc::new(Simulated::new(1));
        let signer = LogSigner::from_seed(KeyName::new("pay.example/log").unwrap(), &[1; 32]);
        let log = LogOptions::new(signer);
        let open = || Worker::open(&disk, Path::new("/log").to_owned(), &log, false, 3).unwrap();
        let mut worker = open();
        worker.append(&[Part::Rows([created(1), created(2), created(3)].concat())]).unwrap();
        let account = AccountId::new(1).unwrap();
        assert!(!worker.forget(account, &[]).unwrap(), "there is a leaf");
        assert!(worker.forget(account, &[(0, 0)]).unwrap());
        // The other leaves are of a batch that a crash may take away, and come again as its own.
        assert_eq!(worker.accounts().get(1).unwrap().since, 1);
        assert!(worker.forget(account, &[]).unwrap(), "nothing new");
        assert_eq!(worker.accounts().get(1).unwrap().since, 1);
        let head = worker.head();
        drop(worker);
        let mut again = open();
        again.append(&[Part::Rows([created(1), created(2), created(3)].concat())]).unwrap();
        assert_eq!(again.head(), head);
    }
}
