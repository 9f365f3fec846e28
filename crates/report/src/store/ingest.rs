//! Writing: facts in order, a batch at a time.
//!
//! Invariants: a batch is in the file whole or not at all, with its mark; a fact below the mark is
//! passed over, so a batch that is given twice counts once.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::time::Duration;

use engine::Tags;
use money::{AccountId, Asset, PaymentId};
use rusqlite::Connection;

use super::cells::{Added, Cells, country_number};
use super::units::to_bytes;
use super::{BUSY_MS_MAX, Mark, StoreError};
use crate::fact::{Fact, Income, Payment, Refund};
use crate::query::ListedState;

/// Accounts whose numbers are remembered; beyond it all are forgotten and looked up again.
const ACCOUNTS_KNOWN_COUNT_MAX: usize = 1_000_000;

/// The account under which the sums of the whole node stand.
const NODE: i64 = 0;

/// The one who writes the store.
#[derive(Debug)]
pub struct Writer {
    connection: Connection,
    path: PathBuf,
    mark: Mark,
    accounts: HashMap<u128, i64>,
    assets: HashMap<(u64, u8), i64>,
    /// The table of that name: most payments were never held, and need not be looked up.
    held: HashMap<u128, i64>,
    cells: Cells,
    /// Rows of `entry` to come, by account and payment: written in the table's order, so that each of
    /// its pages is visited once a batch.
    entries: BTreeMap<(i64, i64), Option<Vec<u8>>>,
}

impl Writer {
    pub(super) fn with(connection: Connection, path: &Path) -> Result<Self, StoreError> {
        connection.busy_timeout(Duration::from_millis(BUSY_MS_MAX))?;
        connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -65536;
             PRAGMA wal_autocheckpoint = 16384; PRAGMA temp_store = MEMORY;",
        )?;
        connection.set_prepared_statement_cache_capacity(32);
        super::keep_plans(&connection)?;
        let mark = connection.query_row("SELECT next, last, last_ns FROM mark", [], |row| {
            let number = |column| row.get(column).map(i64::cast_unsigned);
            Ok(Mark { next: number(0)?, last: (number(1)?, number(2)?) })
        })?;
        Ok(Self {
            held: held(&connection)?,
            connection,
            path: path.to_owned(),
            mark,
            accounts: HashMap::new(),
            assets: HashMap::new(),
            cells: Cells::default(),
            entries: BTreeMap::new(),
        })
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Position of the first event that is not in the store.
    pub fn next(&self) -> u64 {
        self.mark.next
    }

    /// Position and time, Unix nanoseconds, of the last event that is in the store; zeros if there
    /// is none.
    pub fn last(&self) -> (u64, u64) {
        self.mark.last
    }

    /// Takes facts, each with its position and time in Unix nanoseconds, up to position `next`.
    pub fn ingest(
        &mut self,
        facts: impl IntoIterator<Item = (u64, u64, Fact)>,
        next: u64,
    ) -> Result<(), StoreError> {
        self.connection.execute_batch("BEGIN IMMEDIATE")?;
        let taken = self.take(facts, next);
        match taken {
            Ok(mark) => {
                self.connection.execute_batch("COMMIT")?;
                self.mark = mark;
                Ok(())
            }
            Err(error) => {
                // What was learned in the transaction is gone with it.
                self.accounts.clear();
                self.assets.clear();
                self.entries.clear();
                self.connection.execute_batch("ROLLBACK")?;
                self.held = held(&self.connection)?;
                Err(error)
            }
        }
    }

    fn take(
        &mut self,
        facts: impl IntoIterator<Item = (u64, u64, Fact)>,
        next: u64,
    ) -> Result<Mark, StoreError> {
        let mut last = self.mark.last;
        self.cells = Cells::behind(last.1);
        for (position, at_ns, fact) in facts {
            if position >= self.mark.next {
                self.put(position, at_ns, &fact)?;
                last = (position, at_ns);
            }
        }
        std::mem::take(&mut self.cells).write(&self.connection)?;
        self.write_entries()?;
        let mark = Mark { next: next.max(self.mark.next), last };
        let row = [mark.next, last.0, last.1].map(u64::cast_signed);
        self.run("UPDATE mark SET next = ?1, last = ?2, last_ns = ?3", row)?;
        Ok(mark)
    }

    fn put(&mut self, position: u64, at_ns: u64, fact: &Fact) -> Result<(), StoreError> {
        let seq = position.cast_signed();
        match fact {
            Fact::Held(payment) => {
                self.list(seq, at_ns, payment, ListedState::Held)?;
                self.held.insert(payment.id.get(), seq);
                let held = (payment.id.to_be_bytes(), seq);
                self.run("INSERT INTO held VALUES (?1, ?2)", held)
            }
            Fact::Settled(payment) => {
                match self.end_of_hold(payment.id)? {
                    Some(held) => self.settle(held, at_ns, payment)?,
                    None => self.list(seq, at_ns, payment, ListedState::Settled)?,
                }
                self.add(&payment.legs, payment.amount.units(), payment, at_ns)
            }
            Fact::Released(payment) => match self.end_of_hold(*payment)? {
                Some(held) => self.release(held, at_ns),
                None => Ok(()),
            },
            Fact::Refunded(refund) => self.refund(seq, at_ns, refund),
            Fact::ChannelSettled(income) => {
                let Income { legs, amount, tags } = income;
                let asset = self.asset(amount.asset())?;
                self.sum(legs, amount.units(), asset, *tags, at_ns, false)
            }
            Fact::OfferNamed { tag, id, title } => {
                let named = (tag.cast_signed(), id, title);
                self.run("INSERT OR REPLACE INTO offer VALUES (?1, ?2, ?3)", named)
            }
            Fact::Other => Ok(()),
        }
    }

    fn list(
        &mut self,
        seq: i64,
        at_ns: u64,
        payment: &Payment,
        state: ListedState,
    ) -> Result<(), StoreError> {
        let payer = self.account(payment.payer)?;
        let payee = self.account(payment.payee)?;
        let asset = self.asset(payment.amount.asset())?;
        let Tags { offer, class, .. } = payment.tags;
        let offer = offer.0.cast_signed();
        let is_settled = state == ListedState::Settled;
        let amount = to_bytes(payment.amount.units());
        let settled = is_settled.then(|| amount.clone());
        let country = country_number(&payment.tags);
        let mandate = payment.mandate.map(money::MandateId::to_be_bytes);
        let mut insert = self.connection.prepare_cached(
            "INSERT INTO payment VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15)",
        )?;
        insert.execute((
            seq,
            payment.id.to_be_bytes(),
            payer,
            payee,
            asset,
            amount,
            settled,
            state as u8,
            offer,
            country,
            class as u8,
            at_ns.cast_signed(),
            is_settled.then(|| at_ns.cast_signed()),
            mandate,
            &payment.description,
        ))?;
        drop(insert);
        self.entries.entry((payer, seq)).or_default();
        self.share_out(seq, payment)?;
        if offer != 0 {
            self.run("INSERT INTO of_offer VALUES (?1, ?2)", (offer, seq))?;
        }
        if is_settled { Ok(()) } else { self.list_unsettled(seq, state) }
    }

    /// Lists a payment with everyone who gets a part of it.
    fn share_out(&mut self, seq: i64, payment: &Payment) -> Result<(), StoreError> {
        for (account, units) in &payment.legs {
            let account = self.account(*account)?;
            let share = (*units != payment.amount.units()).then(|| to_bytes(*units));
            self.entries.insert((account, seq), share);
        }
        Ok(())
    }

    fn write_entries(&mut self) -> Result<(), StoreError> {
        let sql = "INSERT OR REPLACE INTO entry VALUES (?1, ?2, ?3)";
        let mut insert = self.connection.prepare_cached(sql)?;
        for ((account, seq), share) in std::mem::take(&mut self.entries) {
            insert.execute((account, seq, share))?;
        }
        Ok(())
    }

    /// Lists a held or released payment with the node and with each of its accounts.
    fn list_unsettled(&self, seq: i64, state: ListedState) -> Result<(), StoreError> {
        self.run(
            "INSERT OR IGNORE INTO unsettled SELECT 0, ?2, ?1
             UNION ALL SELECT payee, ?2, seq FROM payment WHERE seq = ?1
             UNION ALL SELECT payer, ?2, seq FROM payment WHERE seq = ?1",
            (seq, state as u8),
        )
    }

    fn unlist_held(&self, seq: i64) -> Result<(), StoreError> {
        self.run(
            "DELETE FROM unsettled WHERE state = 0 AND seq = ?1 AND account IN (
                SELECT 0 UNION ALL SELECT payee FROM payment WHERE seq = ?1
                UNION ALL SELECT payer FROM payment WHERE seq = ?1)",
            (seq,),
        )
    }

    /// Where the held payment is; from now on it is not held.
    fn end_of_hold(&mut self, id: PaymentId) -> Result<Option<i64>, StoreError> {
        let held = self.held.remove(&id.get());
        if held.is_some() {
            self.run("DELETE FROM held WHERE id = ?1", (id.to_be_bytes(),))?;
        }
        Ok(held)
    }

    fn settle(&mut self, seq: i64, at_ns: u64, payment: &Payment) -> Result<(), StoreError> {
        self.unlist_held(seq)?;
        let settled = to_bytes(payment.amount.units());
        self.run(
            "UPDATE payment SET state = ?2, settled = ?3, ended_ns = ?4 WHERE seq = ?1",
            (seq, ListedState::Settled as u8, settled, at_ns.cast_signed()),
        )?;
        self.share_out(seq, payment)
    }

    fn release(&self, seq: i64, at_ns: u64) -> Result<(), StoreError> {
        self.unlist_held(seq)?;
        self.run(
            "UPDATE payment SET state = ?2, ended_ns = ?3 WHERE seq = ?1",
            (seq, ListedState::Released as u8, at_ns.cast_signed()),
        )?;
        self.list_unsettled(seq, ListedState::Released)
    }

    fn refund(&mut self, seq: i64, at_ns: u64, refund: &Refund) -> Result<(), StoreError> {
        let asset = self.asset(refund.amount.asset())?;
        let units = refund.amount.units();
        self.run(
            "INSERT INTO refund VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            (
                seq,
                refund.id.to_be_bytes(),
                refund.payment.to_be_bytes(),
                to_bytes(units),
                asset,
                at_ns.cast_signed(),
                &refund.reason,
            ),
        )?;
        self.sum(&refund.legs, units, asset, refund.tags, at_ns, true)
    }

    fn add(
        &mut self,
        legs: &[(AccountId, u128)],
        units: u128,
        payment: &Payment,
        at_ns: u64,
    ) -> Result<(), StoreError> {
        let asset = self.asset(payment.amount.asset())?;
        self.sum(legs, units, asset, payment.tags, at_ns, false)
    }

    fn sum(
        &mut self,
        legs: &[(AccountId, u128)],
        units: u128,
        asset: i64,
        tags: Tags,
        at_ns: u64,
        is_refund: bool,
    ) -> Result<(), StoreError> {
        let added = Added { account: NODE, asset, units, tags, at_ns, is_refund };
        self.cells.add(&added);
        for (account, units) in legs {
            let account = self.account(*account)?;
            self.cells.add(&Added { account, units: *units, ..added });
        }
        Ok(())
    }

    fn account(&mut self, id: AccountId) -> Result<i64, StoreError> {
        if let Some(number) = self.accounts.get(&id.get()) {
            return Ok(*number);
        }
        let known = super::account_number(&self.connection, id)?;
        let number = known.map_or_else(|| self.number_account(id), Ok)?;
        if self.accounts.len() >= ACCOUNTS_KNOWN_COUNT_MAX {
            self.accounts.clear();
        }
        self.accounts.insert(id.get(), number);
        Ok(number)
    }

    fn number_account(&self, id: AccountId) -> Result<i64, StoreError> {
        self.run("INSERT INTO account (id) VALUES (?1)", (id.to_be_bytes(),))?;
        Ok(self.connection.last_insert_rowid())
    }

    fn asset(&mut self, asset: Asset) -> Result<i64, StoreError> {
        let key = (u64::from_be_bytes(asset.code.to_bytes()), asset.scale);
        if let Some(number) = self.assets.get(&key) {
            return Ok(*number);
        }
        let row = (asset.code.as_str(), asset.scale);
        self.run("INSERT OR IGNORE INTO asset (code, scale) VALUES (?1, ?2)", row)?;
        let find = "SELECT number FROM asset WHERE code = ?1 AND scale = ?2";
        let number = self.connection.query_row(find, row, |row| row.get(0))?;
        self.assets.insert(key, number);
        Ok(number)
    }

    fn run(&self, sql: &str, values: impl rusqlite::Params) -> Result<(), StoreError> {
        self.connection.prepare_cached(sql)?.execute(values)?;
        Ok(())
    }
}

/// Where each held payment is: as many as there are open holds.
fn held(connection: &Connection) -> Result<HashMap<u128, i64>, StoreError> {
    let mut find = connection.prepare("SELECT id, seq FROM held")?;
    let mut rows = find.query([])?;
    let mut held = HashMap::new();
    while let Some(row) = rows.next()? {
        held.insert(u128::from_be_bytes(row.get(0)?), row.get(1)?);
    }
    Ok(held)
}
