//! Everything in the log, compared with the books.

use engine::{Log, Opened};
use evidence::record::{Opening, Posting};
use money::AccountId;
use tlog::{Layer, Receipt, Tile, decode_entries};

use super::steps::{Refused, Step, check_epoch};
use super::{Gone, Watch, tree};
use crate::node::Node;
use crate::oracle::Happened;
use tree::Hash;

impl Watch {
    /// What a start has found of the epochs: how many are in the log, and when the last was closed.
    pub fn started(&mut self, epochs: u64) -> Result<Option<u64>, String> {
        if let Some(unknown) = self.unknown.take()
            && epochs == self.epochs.len() as u64 + 1
        {
            self.epochs.push(unknown);
        }
        self.is_hit = false;
        if epochs != self.epochs.len() as u64 {
            return Err(format!("{epochs} epochs are there, right is {}", self.epochs.len()));
        }
        Ok(self.epochs.last().map(|epoch| epoch.at_ns))
    }
}

impl Step<'_> {
    /// What is new, and all heads; with `all` also what was seen before, and every tile.
    pub fn verify(&mut self, node: &mut Node, all: bool) -> Result<(), String> {
        let Some(log) = node.log().cloned() else { return Ok(()) };
        if let Some(why) = log.halted() {
            return Err(format!("the log has halted: {why}"));
        }
        let head = log.head();
        let size = (self.books.past.len() + self.watch.epochs.len()) as u64;
        if log.sign().is_err_and(|error| self.bear(&error).is_ok()) {
            return Ok(());
        }
        if head.size != size {
            return Err(format!("the log has {} leaves, right is {size}", head.size));
        }
        if !self.publish(&log)? {
            return Ok(());
        }
        let mut seen = Vec::new();
        if all {
            seen = self.watch.begin_anew();
        }
        if !self.read_on(node, size)? {
            return Ok(());
        }
        let both = self.watch.entries.iter().zip(&seen);
        if let Some(leaf) = both.into_iter().position(|(now, before)| now != before) {
            return Err(format!("leaf {leaf} is not what it was"));
        }
        if all {
            self.watch.tiles(&log, size)?;
        }
        self.watch.compare_heads(&log)
    }

    /// Reads leaves that were not looked at yet. Says whether it came to the end.
    fn read_on(&mut self, node: &mut Node, size: u64) -> Result<bool, String> {
        for leaf in self.watch.entries.len() as u64..size {
            let Some(row) = self.watch.row_of(leaf) else {
                self.watch.read_epoch(node, leaf)?;
                continue;
            };
            let asked =
                node.run(|engine| async move { engine.leaf_receipt(leaf, Opened::BOTH).await });
            let receipt = match asked {
                None => return Ok(false),
                Some(Err(error)) => return self.bear(&error).map(|()| false),
                Some(Ok(receipt)) => receipt,
            };
            let happened = &self.books.past[row];
            let entry = self.watch.look_at(leaf, &receipt, happened, None)?;
            self.watch.keep(entry);
            let (debit, credit) = tree::sides(happened);
            for account in [Some(debit), credit].into_iter().flatten() {
                self.watch.last.insert(account, leaf);
            }
        }
        Ok(true)
    }
}

impl Watch {
    /// Forgets what was read, and gives it for a comparison.
    fn begin_anew(&mut self) -> Vec<Vec<u8>> {
        self.leaves.clear();
        self.last.clear();
        self.compared = 0;
        std::mem::take(&mut self.entries)
    }

    fn keep(&mut self, entry: Vec<u8>) {
        self.leaves.push(tree::leaf(&entry));
        self.entries.push(entry);
    }

    /// The entry of an epoch stands in a bundle.
    fn read_epoch(&mut self, node: &Node, leaf: u64) -> Result<(), String> {
        let log = node.log().ok_or("the log is gone")?;
        let index = leaf / tlog::TILE_WIDTH;
        let tile = Tile::of_tree(Layer::Entries, index, log.head().size).ok_or("no bundle")?;
        let bytes = log.tile(tile).map_err(|error| error.to_string())?;
        let bytes = bytes.ok_or("a bundle is not published")?;
        let entries = decode_entries(&bytes, tile.width()).map_err(|error| error.to_string())?;
        let at = usize::try_from(leaf % tlog::TILE_WIDTH).unwrap_or(0);
        let entry = entries[at].to_vec();
        let position = self
            .epochs
            .iter()
            .zip(0..)
            .position(|(epoch, before)| (epoch.rows + before) as u64 == leaf);
        let position = position.ok_or("no epoch there")?;
        let epoch = self.epochs[position].clone();
        if epoch.entry.as_ref().is_some_and(|known| *known != entry) {
            return Err(format!("leaf {leaf} is not the epoch that was told"));
        }
        check_epoch(&entry, position, &epoch)?;
        self.epochs[position].entry = Some(entry.clone());
        self.keep(entry);
        Ok(())
    }

    /// Checks a receipt from its bytes, and gives the entry. `opened`: what was asked for; without
    /// it all, and the chains are looked at as well.
    pub(super) fn look_at(
        &mut self,
        leaf: u64,
        receipt: &Receipt,
        happened: &Happened,
        opened: Option<Opened>,
    ) -> Result<Vec<u8>, String> {
        let receipt = Receipt::parse(receipt.to_string().as_bytes());
        let receipt = receipt.map_err(|why| format!("leaf {leaf}: {why}"))?;
        let opening = Opening::decode(receipt.extra().unwrap_or_default());
        let opening = opening.map_err(|why| format!("leaf {leaf}: {why}"))?;
        let facts = tree::facts(happened);
        if receipt.index() != leaf || opening.facts().to_bytes()[..] != facts {
            return Err(format!("leaf {leaf} says {:?}, right is {happened:?}", opening.facts()));
        }
        let (debit, credit) = tree::sides(happened);
        let is_asked = [opened.is_none_or(|it| it.debit), opened.is_none_or(|it| it.credit)];
        let chains = opened.is_none();
        let debit = self.side(leaf, opening.debit(), Some(debit), is_asked[0], chains)?;
        let credit = self.side(leaf, opening.credit(), credit, is_asked[1], chains)?;
        let entry = tree::entry(&debit, &credit, &facts);
        let policy = self.policy.as_ref().ok_or("no policy")?;
        let checked = receipt.verify(&tlog::Hash(tree::leaf(&entry)), policy);
        checked.map_err(|why| format!("the receipt of leaf {leaf}: {why}"))?;
        let known = usize::try_from(leaf).ok().and_then(|leaf| self.entries.get(leaf));
        if known.is_some_and(|known| *known != entry) {
            return Err(format!("leaf {leaf} is not what it was"));
        }
        self.signed(receipt.checkpoint().head(), false)?;
        Ok(entry)
    }

    /// One side of a leaf: whose it must be, and whether it may be open.
    fn side(
        &mut self,
        leaf: u64,
        posting: &Posting,
        account: Option<AccountId>,
        is_asked: bool,
        chains: bool,
    ) -> Result<Hash, String> {
        let wrong = |why: &str| Err(format!("leaf {leaf}: {why}: {posting:?}, {account:?}"));
        let Some(account) = account else {
            let is_none = *posting == Posting::Closed(tlog::Hash([0; 32]));
            return if is_none { Ok([0; 32]) } else { wrong("a side that is not there") };
        };
        let gone = self.forgotten.entry(account).or_default();
        let is_gone = gone.until.is_some_and(|until| leaf <= until);
        let may_be_gone = gone.perhaps.is_some_and(|perhaps| leaf <= perhaps);
        match *posting {
            Posting::Closed(hash) => {
                if !is_asked || is_gone {
                    return Ok(hash.0);
                }
                if !may_be_gone {
                    return wrong("closed");
                }
                *gone = Gone { until: gone.perhaps, perhaps: None };
                Ok(hash.0)
            }
            Posting::Opened { salt, account: named, prev } => {
                if may_be_gone {
                    gone.perhaps = None;
                }
                if !is_asked || is_gone || named != account {
                    return wrong("opened, which it must not be");
                }
                if chains && prev != self.last.get(&account).copied() {
                    return wrong("the chain has a gap");
                }
                Ok(tree::posting(&salt, named, prev))
            }
        }
    }

    /// Heads against the naive tree, those that were not compared yet; and against the log's.
    fn compare_heads(&mut self, log: &Log) -> Result<(), String> {
        for (size, (root, _)) in self.heads.range(self.compared..) {
            let leaves = usize::try_from(*size).ok().and_then(|size| self.leaves.get(..size));
            let right = tree::root(leaves.ok_or("more was signed than there is")?);
            if right != *root {
                return Err(format!("a head of {size} leaves has another root"));
            }
        }
        self.compared = self.leaves.len() as u64 + 1;
        let sizes: Vec<u64> = self.heads.keys().copied().collect();
        for size in sizes {
            self.continues(log, size).map_err(|wrong| match wrong {
                Refused::Log(error) => error.to_string(),
                Refused::Wrong(why) => why,
            })?;
        }
        Ok(())
    }

    /// Every tile of the published tree.
    fn tiles(&self, log: &Log, size: u64) -> Result<(), String> {
        for tile in Tile::all(size) {
            let bytes = log.tile(tile).map_err(|error| error.to_string())?;
            let bytes = bytes.ok_or("a tile is not published")?;
            let wide = tlog::TILE_WIDTH;
            let is_right = match tile.layer() {
                Layer::Entries => {
                    let first = usize::try_from(tile.index() * wide).unwrap_or(0);
                    let entries = decode_entries(&bytes, tile.width());
                    let entries = entries.map_err(|error| error.to_string())?;
                    let right = &self.entries[first..first + tile.width()];
                    entries.iter().zip(right).all(|(found, right)| *found == &right[..])
                }
                Layer::Hashes(level) => {
                    let each = usize::try_from(wide.pow(u32::from(level))).unwrap_or(1);
                    let first = usize::try_from(tile.index() * wide).unwrap_or(0) * each;
                    let right = self.leaves[first..first + each * tile.width()].chunks(each);
                    right.map(tree::root).collect::<Vec<_>>().concat() == bytes
                }
            };
            if !is_right {
                return Err(format!("{tile:?} is not what the leaves make"));
            }
        }
        Ok(())
    }
}
