//! Pasts that are not as helpful as the one in memory: one whose terms all collide, one that fails.

use std::convert::Infallible;
use std::ops::Range;

use ledger::{
    Asked, Balances, Filter, Fresh, Kind, Known, Ledger, Limit, Memory, Order, Page, Past,
    QueryError, ReplayError, Row, Seed, Sides,
};
use money::TransferId;

use crate::sample::{account, account_id, sample, transfer, transfer_id};

/// Finds every row under every term.
#[derive(Debug, Clone, Default)]
pub struct Vague(Memory);

impl Past for Vague {
    type Error = Infallible;

    fn find(&self, id: TransferId) -> Result<Option<Known>, Infallible> {
        self.0.find(id)
    }

    fn row(&self, position: u64) -> Result<Row, Infallible> {
        self.0.row(position)
    }

    fn pair(&self, position: u64) -> Result<Option<[Balances; 2]>, Infallible> {
        self.0.pair(position)
    }

    fn positions(
        &self,
        _: u64,
        within: Range<u64>,
        order: Order,
        limit: usize,
    ) -> Result<Vec<u64>, Infallible> {
        Ok(match order {
            Order::NewestFirst => within.rev().take(limit).collect(),
            Order::OldestFirst => within.take(limit).collect(),
        })
    }

    fn len(&self) -> u64 {
        self.0.len()
    }

    fn absorb(&mut self, fresh: &Fresh) -> Result<(), Infallible> {
        self.0.absorb(fresh)
    }
}

/// Cannot be read, or cannot be written either.
#[derive(Debug, Clone)]
struct Failing {
    rows: u64,
    takes_rows: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Unreadable;

impl Past for Failing {
    type Error = Unreadable;

    fn find(&self, _: TransferId) -> Result<Option<Known>, Unreadable> {
        Err(Unreadable)
    }

    fn row(&self, _: u64) -> Result<Row, Unreadable> {
        Err(Unreadable)
    }

    fn pair(&self, _: u64) -> Result<Option<[Balances; 2]>, Unreadable> {
        Err(Unreadable)
    }

    fn positions(&self, _: u64, _: Range<u64>, _: Order, _: usize) -> Result<Vec<u64>, Unreadable> {
        Err(Unreadable)
    }

    fn len(&self) -> u64 {
        self.rows
    }

    fn absorb(&mut self, fresh: &Fresh) -> Result<(), Unreadable> {
        self.rows += u64::try_from(fresh.len()).unwrap();
        if self.takes_rows { Ok(()) } else { Err(Unreadable) }
    }
}

#[test]
fn an_error_of_the_past_comes_out() {
    let mut ledger = Ledger::with_past(Failing { rows: 0, takes_rows: true }, Seed::DEFAULT);
    let rows = sample().0.past().rows().to_vec();
    ledger.replay(&rows, &[]).unwrap();
    let now_ns = ledger.last_timestamp_ns() + 1;
    // What is resident is answered all the same, and wins over the past.
    assert_eq!(ledger.account(account_id(2)).unwrap().balances.available(), 107);
    assert_eq!(ledger.check(), Ok(()));
    let (page, any) = (Page::newest(1), Filter::ANY);
    let refused = ledger.transfers_of(account_id(99), Sides::BOTH, &any, &page);
    assert_eq!(refused, Err(Asked::Refused(QueryError::AccountNotFound)));
    let past = Asked::Past(Unreadable);
    assert_eq!(ledger.transfers_of(account_id(1), Sides::BOTH, &any, &page), Err(past));
    assert_eq!(ledger.transfers_by(&any, &page), Err(past));
    assert_eq!(ledger.accounts_by(&any, &page), Err(past));
    assert_eq!(ledger.history_of(account_id(3), &page), Err(past));
    assert_eq!(ledger.balances_at(account_id(3), 99), Err(past));
    assert_eq!(ledger.changes(0, 1), Err(past));
    assert_eq!(ledger.transfer(transfer_id(1)), Err(Unreadable));
    assert_eq!(ledger.account_state(account_id(1)), Err(Unreadable));
    assert_eq!(ledger.create_accounts(&[account(1, Limit::None)], now_ns), Err(Unreadable));
    let event = transfer(77, Kind::SINGLE, 1);
    assert_eq!(ledger.create_transfers(&[event], now_ns + 1), Err(Unreadable));
    let mut ledger = Ledger::with_past(Failing { rows: 0, takes_rows: false }, Seed::DEFAULT);
    assert_eq!(ledger.replay(&rows, &[]), Err(ReplayError::Past(Unreadable)));
    let mut ledger = Ledger::with_past(Failing { rows: 0, takes_rows: false }, Seed::DEFAULT);
    assert_eq!(ledger.create_accounts(&[account(1, Limit::None)], 1), Err(Unreadable));
}
