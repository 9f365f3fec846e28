//! The past of the ledger: its rows in an index.

use std::ops::Range;

use index::{Error, Found, Schema};
use ledger::{Balances, Fresh, Known, Order, Past, ROW_BYTES, Row, pair_of};
use money::TransferId;

use super::Rows;

/// The ledger's rows and the balances beside them.
#[derive(Debug)]
pub(crate) struct Changes(pub Rows);

impl Changes {
    pub(crate) const SCHEMA: Schema =
        Schema { row_bytes: ROW_BYTES, pair_bytes: ROW_BYTES, keys, terms };
}

fn keys(row: &[u8], out: &mut Vec<u128>) {
    if let Some(row) = row_of(row) {
        ledger::keys(&row, out);
    }
}

fn terms(row: &[u8], out: &mut Vec<u64>) {
    if let Some(row) = row_of(row) {
        ledger::terms(&row, out);
    }
}

fn row_of(bytes: &[u8]) -> Option<Row> {
    bytes.first_chunk().map(|bytes| Row::from_bytes(*bytes))
}

impl Past for Changes {
    type Error = Error;

    fn find(&self, id: TransferId) -> Result<Option<Known>, Error> {
        Ok(self.0.find(id.get())?.map(|found| match found {
            Found::Row(position) => Known::Created(position),
            Found::Burned => Known::Burned,
        }))
    }

    fn row(&self, position: u64) -> Result<Row, Error> {
        let mut bytes = [0; ROW_BYTES];
        self.0.row(position, &mut bytes)?;
        Ok(Row::from_bytes(bytes))
    }

    fn pair(&self, position: u64) -> Result<Option<[Balances; 2]>, Error> {
        let mut bytes = [0; ROW_BYTES];
        let has_pair = self.0.pair(position, &mut bytes)?;
        Ok(has_pair.then(|| pair_of(&bytes)))
    }

    fn positions(
        &self,
        term: u64,
        within: Range<u64>,
        order: Order,
        limit: usize,
    ) -> Result<Vec<u64>, Error> {
        self.0.positions(term, within, order == Order::NewestFirst, limit)
    }

    fn len(&self) -> u64 {
        self.0.len()
    }

    fn absorb(&mut self, fresh: &Fresh) -> Result<(), Error> {
        let pairs = Some(fresh.pairs()).filter(|pairs| !pairs.is_empty());
        self.0.append(fresh.rows(), pairs)?;
        fresh.burned().iter().try_for_each(|id| self.0.burn(id.get()))
    }
}
