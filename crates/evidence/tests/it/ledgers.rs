//! A ledger that keeps its sums beside its books, so that epochs and statements can be made of it
//! and what verification computes has something to be compared with.

use std::collections::BTreeMap;
use std::rc::Rc;

use evidence::epoch::{
    AccountState, Balances, EpochAsset, EpochRecord, EpochTree, blind, keys, label,
};
use evidence::record::{Facts, RecordKind};
use evidence::statement::{Statement, StatementEntry, StatementEpoch};
use money::{AccountId, Asset};
use proptest::prelude::*;
use tlog::{Checkpoint, Note};

use crate::books::{BEGIN_NS, Books, secret};

/// A hold that nothing has resolved yet.
#[derive(Clone, Copy)]
pub struct Held {
    pub id: u128,
    pub debit: AccountId,
    pub credit: AccountId,
    asset: Asset,
    amount: u128,
}

/// An epoch with all that statements need of it.
#[derive(Clone)]
pub struct Epoch {
    pub index: u64,
    pub record: EpochRecord,
    trees: Rc<Vec<(Asset, EpochTree)>>,
    states: BTreeMap<AccountId, AccountState>,
}

#[derive(Clone, Default)]
pub struct Ledger {
    pub books: Books,
    pub sums: BTreeMap<AccountId, (Asset, Balances)>,
    pub holds: Vec<Held>,
    pub epochs: Vec<Epoch>,
}

impl Ledger {
    pub fn create(&mut self, number: u128, asset: Asset) -> AccountId {
        let account = self.books.create(number, asset);
        self.sums.insert(account, (asset, Balances::default()));
        account
    }

    pub fn sums(&mut self, account: AccountId) -> &mut Balances {
        &mut self.sums.get_mut(&account).unwrap().1
    }

    pub fn transfer(&mut self, debit: AccountId, credit: AccountId, amount: u128) {
        let asset = self.sums[&debit].0;
        self.books.push(self.books.facts(asset, amount), debit, Some(credit));
        self.sums(debit).debits_posted += amount;
        self.sums(credit).credits_posted += amount;
    }

    pub fn hold(&mut self, debit: AccountId, credit: AccountId, amount: u128) {
        let asset = self.sums[&debit].0;
        let facts = Facts { flags: 2, timeout_seconds: 60, ..self.books.facts(asset, amount) };
        self.books.push(facts, debit, Some(credit));
        self.holds.push(Held { id: facts.id, debit, credit, asset, amount });
        self.sums(debit).debits_pending += amount;
        self.sums(credit).credits_pending += amount;
    }

    fn release(&mut self, at: usize) -> Held {
        let held = self.holds.remove(at);
        self.sums(held.debit).debits_pending -= held.amount;
        self.sums(held.credit).credits_pending -= held.amount;
        held
    }

    pub fn post(&mut self, at: usize, amount: u128) {
        let Held { id, debit, credit, asset, .. } = self.release(at);
        let facts = Facts { flags: 4, pending_id: id, ..self.books.facts(asset, amount) };
        self.books.push(facts, debit, Some(credit));
        self.sums(debit).debits_posted += amount;
        self.sums(credit).credits_posted += amount;
    }

    pub fn void(&mut self, at: usize) {
        let Held { id, debit, credit, asset, amount } = self.release(at);
        let facts = Facts { flags: 8, pending_id: id, ..self.books.facts(asset, amount) };
        self.books.push(facts, debit, Some(credit));
    }

    pub fn expire(&mut self, at: usize) {
        let Held { id, debit, credit, asset, amount } = self.release(at);
        let facts = Facts { id, flags: 2, timeout_seconds: 60, ..self.books.facts(asset, amount) };
        let facts = Facts { kind: RecordKind::HoldExpired, ..facts };
        self.books.push(facts, debit, Some(credit));
    }

    /// States what is owed now.
    pub fn close_epoch(&mut self) {
        let epoch = self.state_epoch();
        self.log_epoch(epoch);
    }

    /// Puts the record of an epoch, which may have been stated some rows ago, into the log.
    pub fn log_epoch(&mut self, epoch: Epoch) {
        let index = self.books.push_entry(epoch.record.encode());
        self.epochs.push(Epoch { index, ..epoch });
    }

    /// What is owed now. Its record is in no log yet.
    pub fn state_epoch(&self) -> Epoch {
        let number = self.epochs.len() as u64 + 1;
        let size = self.books.size();
        let state = |(account, (_, balances)): (&AccountId, &(Asset, Balances))| {
            let head = self.books.heads.get(account).copied();
            let state = AccountState {
                secret: secret(*account),
                account: *account,
                balances: *balances,
                head,
            };
            (*account, state)
        };
        let states: BTreeMap<_, _> = self.sums.iter().map(state).collect();
        let mut assets: Vec<Asset> = Vec::new();
        for (asset, _) in self.sums.values() {
            if !assets.contains(asset) {
                assets.push(*asset);
            }
        }
        let tree = |asset: &Asset| {
            let of_asset = states.values().filter(|state| self.sums[&state.account].0 == *asset);
            (*asset, EpochTree::build(number, of_asset.copied()).unwrap())
        };
        let trees = Rc::new(assets.iter().map(tree).collect::<Vec<_>>());
        let roots =
            trees.iter().map(|(asset, tree)| EpochAsset { asset: *asset, root: tree.root() });
        let time_ms = BEGIN_NS / 1_000_000 + size * 1000;
        let record = EpochRecord::new(number, size, time_ms, roots.collect()).unwrap();
        Epoch { index: u64::MAX, record, trees, states }
    }

    /// The statement of an account, with the newest epoch that counts it.
    pub fn statement(&self, account: AccountId) -> Statement {
        let note = self.books.note(self.books.size());
        let epoch = self.epochs.last().filter(|epoch| epoch.states.contains_key(&account));
        let epoch = epoch.map(|epoch| self.place(epoch, account, &note));
        let mut indexes = Vec::new();
        let mut next = self.books.heads.get(&account).copied();
        while let Some(index) = next {
            indexes.push(index);
            next = self.prev(index, account);
        }
        let entries = indexes.iter().rev().map(|index| self.entry(*index, account, &note));
        Statement::new(account, self.sums[&account].0, &note, epoch, entries.collect())
    }

    fn prev(&self, index: u64, account: AccountId) -> Option<u64> {
        let opening = self.books.opening(index);
        [opening.debit(), opening.credit()].into_iter().find_map(|posting| match posting {
            evidence::record::Posting::Opened { account: own, prev, .. } if *own == account => {
                *prev
            }
            _ => None,
        })
    }

    pub fn entry(&self, index: u64, account: AccountId, note: &Note) -> StatementEntry {
        let size = Checkpoint::parse(note.text()).unwrap().head().size;
        let opening = self.books.opening(index);
        let is_debit = opening.debit().account() == Some(account);
        StatementEntry {
            index,
            opening: opening.showing(is_debit, !is_debit).encode(),
            proof: self.books.inclusion(index, size),
        }
    }

    pub fn place(&self, epoch: &Epoch, account: AccountId, note: &Note) -> StatementEpoch {
        let size = Checkpoint::parse(note.text()).unwrap().head().size;
        let number = epoch.record.number();
        let state = epoch.states[&account];
        let label = label(&state.secret, account);
        let (_, tree) =
            epoch.trees.iter().find(|(asset, _)| *asset == self.sums[&account].0).unwrap();
        StatementEpoch {
            index: epoch.index,
            entry: epoch.record.encode(),
            proof: self.books.inclusion(epoch.index, size),
            label,
            value_salt: blind(&state.secret, number).value_salt,
            debits_posted: state.balances.debits_posted,
            credits_posted: state.balances.credits_posted,
            debits_pending: state.balances.debits_pending,
            credits_pending: state.balances.credits_pending,
            head: state.head,
            shares: keys(&label, number).map(|key| tree.prove(key).unwrap()),
        }
    }
}

/// What happens next in a random ledger; numbers are taken modulo what there is.
#[derive(Debug, Clone)]
pub enum Step {
    Create,
    Transfer(usize, usize, u128),
    Hold(usize, usize, u128),
    Post(usize, u128),
    Void(usize),
    Expire(usize),
    Epoch,
}

pub fn steps() -> impl Strategy<Value = Vec<Step>> {
    let units = prop_oneof![0..1000_u128, Just(u128::MAX / 1_000_000)];
    let any = any::<usize>;
    let step = prop_oneof![
        1 => Just(Step::Create),
        5 => (any(), any(), units.clone()).prop_map(|(a, b, units)| Step::Transfer(a, b, units)),
        4 => (any(), any(), units.clone()).prop_map(|(a, b, units)| Step::Hold(a, b, units)),
        2 => (any(), units).prop_map(|(at, units)| Step::Post(at, units)),
        1 => any().prop_map(Step::Void),
        1 => any().prop_map(Step::Expire),
        1 => Just(Step::Epoch),
    ];
    prop::collection::vec(step, 0..60)
}

/// The ledger after these steps. Two accounts of each of two assets are there from the beginning.
pub fn ledger_of(steps: &[Step]) -> Ledger {
    let assets = [Asset::new("USD", 9).unwrap(), Asset::new("JPY", 0).unwrap()];
    let mut ledger = Ledger::default();
    let mut accounts: [Vec<AccountId>; 2] = [vec![], vec![]];
    let mut number = 0;
    let mut create = |ledger: &mut Ledger, accounts: &mut [Vec<AccountId>; 2]| {
        let of = number % 2;
        number += 1;
        accounts[of].push(ledger.create(number as u128 + 10, assets[of]));
    };
    (0..4).for_each(|_| create(&mut ledger, &mut accounts));
    let pair = |accounts: &[Vec<AccountId>; 2], a: usize, b: usize| {
        let of_asset = &accounts[a % 2];
        let first = a / 2 % of_asset.len();
        let second = (first + 1 + b % (of_asset.len() - 1)) % of_asset.len();
        (of_asset[first], of_asset[second])
    };
    for step in steps {
        let open = ledger.holds.len();
        match *step {
            Step::Create => create(&mut ledger, &mut accounts),
            Step::Transfer(a, b, units) => {
                let (debit, credit) = pair(&accounts, a, b);
                ledger.transfer(debit, credit, units);
            }
            Step::Hold(a, b, units) => {
                let (debit, credit) = pair(&accounts, a, b);
                ledger.hold(debit, credit, units);
            }
            Step::Post(at, units) if open > 0 => {
                let held = ledger.holds[at % open].amount;
                ledger.post(at % open, units.min(held));
            }
            Step::Void(at) if open > 0 => ledger.void(at % open),
            Step::Expire(at) if open > 0 => ledger.expire(at % open),
            Step::Epoch => ledger.close_epoch(),
            Step::Post(..) | Step::Void(_) | Step::Expire(_) => {}
        }
    }
    ledger
}
