//! Events, rows and snapshots of the ledger.

use std::convert::Infallible;
use std::ops::Range;

use ledger::{
    Account, Balances, Fresh, Known, Ledger, Order, Past, ROW_BYTES, Row, Seed, Transfer,
};
use money::TransferId;

/// One account event at the front.
pub fn account(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    Account::decode(&mut rest).is_ok_and(|account| {
        let mut again = Vec::new();
        account.encode(&mut again);
        assert_eq!([again.as_slice(), rest].concat(), bytes);
        true
    })
}

/// One transfer event at the front.
pub fn transfer(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    Transfer::decode(&mut rest).is_ok_and(|transfer| {
        let mut again = Vec::new();
        transfer.encode(&mut again);
        assert_eq!([again.as_slice(), rest].concat(), bytes);
        true
    })
}

/// Rows to be replayed; what is accepted must balance, and outlive its own snapshot.
pub fn rows(bytes: &[u8]) -> bool {
    let mut ledger = Ledger::new();
    let accepted = ledger.replay(bytes, &[]).is_ok();
    if accepted {
        assert_eq!(ledger.past().rows(), bytes);
        assert_eq!(ledger.check(), Ok(()));
        let resident = ledger.snapshot().to_bytes();
        let restored = Ledger::restore(&resident, ledger.past().clone(), Seed::DEFAULT);
        assert_eq!(restored.expect("a snapshot of its own").snapshot().to_bytes(), resident);
    }
    accepted
}

/// Longest past that a snapshot is read over: longer ones do not exist.
const LONGEST_PAST_ROWS: u64 = 1 << 48;

/// A resident part, over a past that is as long as it says; what is accepted must balance, now and
/// after every hold has been released.
pub fn snapshot(bytes: &[u8]) -> bool {
    let rows = bytes.get(1..9).and_then(|bytes| bytes.try_into().ok()).map(u64::from_be_bytes);
    let past = Counted { rows: rows.unwrap_or_default() };
    if past.rows > LONGEST_PAST_ROWS {
        return false;
    }
    Ledger::restore(bytes, past, Seed::DEFAULT).is_ok_and(|mut ledger| {
        assert_eq!(ledger.snapshot().to_bytes(), bytes);
        assert_eq!(ledger.check(), Ok(()));
        let Ok(_) = ledger.expire(u64::MAX, usize::MAX);
        assert_eq!(ledger.next_expiry_ns(), None);
        for account in ledger.accounts() {
            assert_eq!(ledger.account(account.id), Some(account));
        }
        true
    })
}

/// A past of which only the length is known.
struct Counted {
    rows: u64,
}

impl Past for Counted {
    type Error = Infallible;

    fn find(&self, _: TransferId) -> Result<Option<Known>, Infallible> {
        Ok(None)
    }

    fn row(&self, _: u64) -> Result<Row, Infallible> {
        Ok(Row::from_bytes([0; ROW_BYTES]))
    }

    fn pair(&self, _: u64) -> Result<Option<[Balances; 2]>, Infallible> {
        Ok(None)
    }

    fn positions(&self, _: u64, _: Range<u64>, _: Order, _: usize) -> Result<Vec<u64>, Infallible> {
        Ok(Vec::new())
    }

    fn len(&self) -> u64 {
        self.rows
    }

    fn absorb(&mut self, fresh: &Fresh) -> Result<(), Infallible> {
        self.rows += fresh.len() as u64;
        Ok(())
    }
}
