//! Questions: pages, cursors, filters, the past, the feed; and their answers against the model's.

use std::convert::Infallible;

use ledger::{
    Account, Balances, BalancesAt, Change, ChangeKind, Cursor, Filter, Kind, Ledger, Limit, Order,
    PAGE_ROWS_MAX, Page, Past, QueryError, Rows, Seed, Sides, Transfer, TransferState,
};
use money::{AccountId, Asset, TransferId};

use crate::model::{self, Model};

const SECOND_NS: u64 = 1_000_000_000;

/// Every question that the model can answer, page by page.
pub fn compare<P: Past<Error = Infallible>>(ledger: &Ledger<P>, model: &Model) {
    compare_feed(ledger, model);
    let filters = [
        Filter::ANY,
        Filter { code: Some(2), ..Filter::ANY },
        Filter { user_data: Some(0), user_data_64: Some(1), ..Filter::ANY },
        Filter { user_data_32: Some(2), asset: Some(asset("EUR")), ..Filter::ANY },
    ];
    for filter in &filters {
        let found = all(2, |page| ledger.transfers_by(filter, page).unwrap());
        assert_eq!(transfer_ids(&found), sought(model, filter, |_| true));
        let found = all(3, |page| ledger.accounts_by(filter, page).unwrap());
        let mut expected: Vec<AccountId> = model
            .accounts
            .iter()
            .filter(|event| fits(filter, event.asset, event.code, data_of_account(event)))
            .map(|event| event.id)
            .collect();
        expected.reverse();
        assert_eq!(found.iter().map(|state| state.account.id).collect::<Vec<_>>(), expected);
    }
    for account in &model.accounts {
        for sides in [Sides::DEBIT, Sides::CREDIT, Sides::BOTH] {
            let found =
                all(2, |page| ledger.transfers_of(account.id, sides, &filters[1], page).unwrap());
            let is_on = |event: &Transfer| {
                sides.debit && event.debit_account == account.id
                    || sides.credit && event.credit_account == account.id
            };
            assert_eq!(transfer_ids(&found), sought(model, &filters[1], is_on));
        }
        compare_history(ledger, model, account);
    }
}

fn compare_feed<P: Past<Error = Infallible>>(ledger: &Ledger<P>, model: &Model) {
    let mut found: Vec<Change> = Vec::new();
    let mut next = 0;
    loop {
        let page = ledger.changes(next, 3).unwrap();
        if page.changes.is_empty() {
            assert_eq!(page.next, next);
            break;
        }
        next = page.next;
        found.extend(page.changes);
    }
    let kinds: Vec<ChangeKind> = found.iter().map(|change| change.kind).collect();
    assert_eq!(kinds, model.feed);
    assert!(found.iter().map(|change| change.position).eq(0..next));
    assert!(found.is_sorted_by_key(|change| change.timestamp_ns));
    assert_eq!(ledger.changes(next + 1, 3), Err(QueryError::PositionNotReached.into()));
}

fn compare_history<P: Past<Error = Infallible>>(
    ledger: &Ledger<P>,
    model: &Model,
    account: &Account,
) {
    let mut kept: Vec<BalancesAt> = model
        .history
        .iter()
        .filter(|(id, ..)| *id == account.id)
        .map(
            |&(
                _,
                timestamp_ns,
                [debits_pending, debits_posted, credits_pending, credits_posted],
            )| {
                let balances =
                    Balances { debits_pending, debits_posted, credits_pending, credits_posted };
                BalancesAt { timestamp_ns, balances }
            },
        )
        .collect();
    if !account.history {
        let refused = Err(QueryError::AccountHasNoHistory.into());
        assert_eq!(ledger.balances_at(account.id, u64::MAX), refused);
        assert!(kept.is_empty());
        return;
    }
    for moment in &kept {
        assert_eq!(ledger.balances_at(account.id, moment.timestamp_ns), Ok(*moment));
    }
    kept.reverse();
    assert_eq!(all(2, |page| ledger.history_of(account.id, page).unwrap()), kept);
}

/// Follows the cursors, newest first, and checks that the other order finds the same.
fn all<R: Clone + PartialEq + std::fmt::Debug>(
    limit: usize,
    ask: impl Fn(&Page) -> Rows<R>,
) -> Vec<R> {
    let follow = |mut page: Page| {
        let mut found = Vec::new();
        loop {
            let answer = ask(&page);
            assert!(answer.rows.len() == limit || answer.next.is_none(), "no page is short");
            found.extend(answer.rows);
            page.cursor = Some(match answer.next {
                Some(next) => next,
                None => return found,
            });
        }
    };
    let newest = follow(Page::newest(limit));
    let mut oldest = follow(Page::oldest(limit));
    oldest.reverse();
    assert_eq!(newest, oldest);
    newest
}

fn transfer_ids(found: &[TransferState]) -> Vec<TransferId> {
    found.iter().map(|state| state.transfer.id).collect()
}

fn sought(model: &Model, filter: &Filter, is_on: impl Fn(&Transfer) -> bool) -> Vec<TransferId> {
    let fits = |past: &&model::Past| {
        let event = &past.event;
        let data = (event.user_data, event.user_data_64, event.user_data_32);
        is_on(event) && fits(filter, event.asset, event.code, data)
    };
    model.transfers.iter().filter(fits).map(|past| past.event.id).rev().collect()
}

fn data_of_account(event: &Account) -> (u128, u64, u32) {
    (event.user_data, event.user_data_64, event.user_data_32)
}

fn fits(filter: &Filter, asset: Asset, code: u16, data: (u128, u64, u32)) -> bool {
    filter.asset.unwrap_or(asset) == asset
        && filter.code.unwrap_or(code) == code
        && filter.user_data.unwrap_or(data.0) == data.0
        && filter.user_data_64.unwrap_or(data.1) == data.1
        && filter.user_data_32.unwrap_or(data.2) == data.2
}

fn asset(code: &str) -> Asset {
    Asset::new(code, 9).unwrap()
}

fn account_id(value: u128) -> AccountId {
    AccountId::new(value).unwrap()
}

fn account(id: u128) -> Account {
    Account {
        id: account_id(id),
        asset: asset("USD"),
        code: 1,
        user_data: 0,
        user_data_64: 0,
        user_data_32: 0,
        limit: Limit::None,
        history: false,
        closed: false,
        linked: false,
    }
}

fn transfer(id: u128, kind: Kind) -> Transfer {
    Transfer {
        id: TransferId::new(id).unwrap(),
        kind,
        debit_account: account_id(1),
        credit_account: account_id(2),
        asset: asset("USD"),
        amount: id,
        code: 1,
        user_data: 0,
        user_data_64: 0,
        user_data_32: 0,
        linked: false,
    }
}

/// Accounts 1 to 3, of which 2 keeps its history, and transfers 1 to 5 at 11 s to 15 s. The third
/// goes back.
fn sample() -> Ledger {
    let mut ledger = Ledger::new();
    let kept = Account { history: true, ..account(2) };
    ledger.create_accounts(&[account(1), kept, account(3)], SECOND_NS).unwrap();
    for id in 1..=5 {
        let mut event = transfer(id.into(), Kind::SINGLE);
        if id == 3 {
            (event.debit_account, event.credit_account) = (account_id(2), account_id(1));
        }
        ledger.create_transfers(&[event], (10 + id) * SECOND_NS).unwrap();
    }
    ledger
}

fn ids(rows: &Rows<TransferState>) -> Vec<u128> {
    rows.rows.iter().map(|state| state.transfer.id.get()).collect()
}

fn ask(ledger: &Ledger, sides: Sides, page: &Page) -> Rows<TransferState> {
    ledger.transfers_of(account_id(1), sides, &Filter::ANY, page).unwrap()
}

#[test]
fn newest_come_first_and_the_cursor_leads_on() {
    let mut ledger = sample();
    let first = ask(&ledger, Sides::DEBIT, &Page::newest(2));
    assert_eq!(ids(&first), [5, 4]);
    // What is created meanwhile does not move the pages that follow.
    ledger.create_transfers(&[transfer(6, Kind::SINGLE)], 16 * SECOND_NS).unwrap();
    let second = ask(&ledger, Sides::DEBIT, &Page { cursor: first.next, ..Page::newest(2) });
    assert_eq!(ids(&second), [2, 1]);
    assert_eq!(second.next, None, "the page is full and nothing is behind it");
    assert_eq!(ids(&ask(&ledger, Sides::DEBIT, &Page::newest(1))), [6]);
    assert_eq!(ids(&ask(&ledger, Sides::CREDIT, &Page::newest(9))), [3]);
    assert_eq!(ids(&ask(&ledger, Sides::BOTH, &Page::oldest(9))), [1, 2, 3, 4, 5, 6]);
    let none = ledger.transfers_of(account_id(3), Sides::BOTH, &Filter::ANY, &Page::newest(9));
    assert_eq!(none, Ok(Rows { rows: Vec::new(), next: None }));
}

#[test]
fn times_are_inclusive_and_hold_with_a_cursor() {
    let ledger = sample();
    let times = |since_s: u64, until_s: u64, page: Page| Page {
        since_ns: since_s * SECOND_NS,
        until_ns: until_s * SECOND_NS,
        ..page
    };
    let ask = |page: &Page| ask(&ledger, Sides::BOTH, page);
    assert_eq!(ids(&ask(&times(12, 14, Page::newest(9)))), [4, 3, 2]);
    let first = ask(&times(12, 14, Page::newest(2)));
    let rest = Page { cursor: first.next, ..times(12, 14, Page::newest(2)) };
    assert_eq!((ids(&first), ids(&ask(&rest))), (vec![4, 3], vec![2]));
    let first = ask(&times(12, 14, Page::oldest(2)));
    let rest = Page { cursor: first.next, ..times(12, 14, Page::oldest(2)) };
    assert_eq!((ids(&first), ids(&ask(&rest))), (vec![2, 3], vec![4]));
    assert_eq!(ids(&ask(&times(13, 13, Page::newest(9)))), [3]);
    let mut after = times(11, 15, Page::newest(9));
    after.since_ns += 1;
    after.until_ns -= 1;
    assert_eq!(ids(&ask(&after)), [4, 3, 2]);
    assert_eq!(ids(&ask(&times(16, 99, Page::oldest(9)))), [0_u128; 0]);
    // A foreign cursor finds less and never more.
    for order in [Order::NewestFirst, Order::OldestFirst] {
        for value in [0, 13 * SECOND_NS + 1, u64::MAX] {
            let cursor = Some(Cursor::from_u64(value));
            let page = Page { order, cursor, ..times(12, 14, Page::newest(9)) };
            assert!(ids(&ask(&page)).iter().all(|id| [2, 3, 4].contains(id)));
        }
    }
    let cursor = Cursor::from_u64(13 * SECOND_NS);
    assert_eq!(cursor.to_u64(), 13 * SECOND_NS);
    assert_eq!(ids(&ask(&Page { cursor: Some(cursor), ..Page::newest(9) })), [2, 1]);
}

#[test]
fn each_field_can_be_sought_also_zero() {
    let mut ledger = Ledger::new();
    let other = Account { code: 7, user_data: 1, user_data_64: 2, user_data_32: 3, ..account(9) };
    ledger.create_accounts(&[account(1), account(2), other], SECOND_NS).unwrap();
    let plain = transfer(1, Kind::SINGLE);
    let events = [
        plain,
        Transfer { code: 7, ..transfer(2, Kind::SINGLE) },
        Transfer { user_data: 1, ..transfer(3, Kind::SINGLE) },
        Transfer { user_data_64: 2, ..transfer(4, Kind::SINGLE) },
        Transfer { user_data_32: 3, ..transfer(5, Kind::SINGLE) },
    ];
    ledger.create_transfers(&events, 2 * SECOND_NS).unwrap();
    let found = |filter: Filter| ids(&ledger.transfers_by(&filter, &Page::oldest(9)).unwrap());
    let any = Filter::ANY;
    assert_eq!(found(any), [1, 2, 3, 4, 5]);
    assert_eq!(found(Filter { code: Some(7), ..any }), [2]);
    assert_eq!(found(Filter { user_data: Some(1), ..any }), [3]);
    assert_eq!(found(Filter { user_data: Some(0), ..any }), [1, 2, 4, 5]);
    assert_eq!(found(Filter { user_data_64: Some(2), ..any }), [4]);
    assert_eq!(found(Filter { user_data_64: Some(0), ..any }), [1, 2, 3, 5]);
    assert_eq!(found(Filter { user_data_32: Some(3), ..any }), [5]);
    assert_eq!(found(Filter { user_data_32: Some(0), ..any }), [1, 2, 3, 4]);
    assert_eq!(found(Filter { user_data: Some(1), code: Some(7), ..any }), [0_u128; 0]);
    assert_eq!(found(Filter { asset: Some(asset("EUR")), ..any }), [0_u128; 0]);
    let accounts = |filter: Filter| {
        let found = ledger.accounts_by(&filter, &Page::oldest(9)).unwrap();
        found.rows.iter().map(|state| state.account.id.get()).collect::<Vec<_>>()
    };
    assert_eq!(accounts(Filter { code: Some(7), ..any }), [9]);
    assert_eq!(accounts(Filter { user_data: Some(0), ..any }), [1, 2]);
    assert_eq!(accounts(Filter { user_data_64: Some(2), ..any }), [9]);
    assert_eq!(accounts(Filter { user_data_32: Some(4), ..any }), [0_u128; 0]);
}

#[test]
fn what_cannot_be_answered_is_an_error() {
    let ledger = sample();
    let ask = |id, sides, page| ledger.transfers_of(account_id(id), sides, &Filter::ANY, &page);
    let errors = [
        // Each has the faults of those behind it, too.
        (
            ask(99, Sides::NONE, Page { since_ns: 2, until_ns: 1, ..Page::newest(0) }),
            "limit_must_not_be_zero",
        ),
        (
            ask(
                99,
                Sides::NONE,
                Page { since_ns: 2, until_ns: 1, ..Page::newest(PAGE_ROWS_MAX + 1) },
            ),
            "limit_too_large",
        ),
        (
            ask(99, Sides::NONE, Page { since_ns: 2, until_ns: 1, ..Page::newest(1) }),
            "time_ends_before_it_begins",
        ),
        (ask(99, Sides::NONE, Page::newest(PAGE_ROWS_MAX)), "sides_must_not_be_empty"),
        (ask(99, Sides::BOTH, Page::newest(1)), "account_not_found"),
    ];
    for (answer, code) in errors {
        assert_eq!(QueryError::from(answer.unwrap_err()).code(), code);
    }
    let empty = Page::newest(0);
    assert_eq!(
        ledger.transfers_by(&Filter::ANY, &empty),
        Err(QueryError::LimitMustNotBeZero.into())
    );
    assert_eq!(
        ledger.accounts_by(&Filter::ANY, &empty),
        Err(QueryError::LimitMustNotBeZero.into())
    );
    assert_eq!(
        ledger.history_of(account_id(1), &empty),
        Err(QueryError::LimitMustNotBeZero.into())
    );
    let history =
        |id| ledger.history_of(account_id(id), &Page::newest(1)).map(|found| found.rows.len());
    assert_eq!(history(1), Err(QueryError::AccountHasNoHistory.into()));
    assert_eq!(history(99), Err(QueryError::AccountNotFound.into()));
    assert_eq!(history(2), Ok(1));
    assert_eq!(QueryError::AccountHasNoHistory.code(), "account_has_no_history");
    assert_eq!(ledger.changes(99, 0), Err(QueryError::LimitMustNotBeZero.into()));
    assert_eq!(ledger.changes(0, PAGE_ROWS_MAX + 1), Err(QueryError::LimitTooLarge.into()));
    assert_eq!(ledger.changes(9, 1), Err(QueryError::PositionNotReached.into()));
    assert_eq!(
        QueryError::from(ledger.changes(u64::MAX, 1).unwrap_err()).code(),
        "position_not_reached"
    );
}

#[test]
fn balances_at_a_time_name_the_transfer() {
    let ledger = sample();
    let at = |time_s: u64| {
        let found = ledger.balances_at(account_id(2), time_s * SECOND_NS).unwrap();
        (
            found.timestamp_ns / SECOND_NS,
            found.balances.debits_posted,
            found.balances.credits_posted,
        )
    };
    assert_eq!([at(2), at(12), at(13), at(99)], [(0, 0, 0), (12, 0, 3), (13, 3, 3), (15, 3, 12)]);
    let found = ledger.balances_at(account_id(2), 2 * SECOND_NS).unwrap();
    assert_eq!(found.timestamp_ns, SECOND_NS - 1, "no transfer yet: the account's own time");
}

#[test]
fn the_feed_tells_what_happened_and_when() {
    let mut ledger = Ledger::new();
    ledger.create_accounts(&[account(1), account(2)], SECOND_NS).unwrap();
    let hold = |id, seconds| transfer(id, Kind::pending(seconds));
    ledger.create_transfers(&[hold(1, 6), hold(2, 5), hold(3, 0)], 2 * SECOND_NS).unwrap();
    let post = hold(3, 0).post(TransferId::new(4).unwrap(), 1);
    ledger.create_transfers(&[post, transfer(4, Kind::SINGLE)], 3 * SECOND_NS).unwrap();
    // Two calls of one time, as a caller does that goes on until nothing is due.
    assert_eq!(ledger.expire(9 * SECOND_NS, 1).unwrap().len(), 1);
    assert_eq!(ledger.expire(9 * SECOND_NS, 1).unwrap().len(), 1);
    let expected = [
        (SECOND_NS - 1, ChangeKind::AccountCreated(account(1))),
        (SECOND_NS, ChangeKind::AccountCreated(account(2))),
        (2 * SECOND_NS - 2, ChangeKind::TransferCreated(hold(1, 6))),
        (2 * SECOND_NS - 1, ChangeKind::TransferCreated(hold(2, 5))),
        (2 * SECOND_NS, ChangeKind::TransferCreated(hold(3, 0))),
        (3 * SECOND_NS - 1, ChangeKind::TransferCreated(post)),
        (9 * SECOND_NS, ChangeKind::HoldExpired(hold(2, 5))),
        (9 * SECOND_NS, ChangeKind::HoldExpired(hold(1, 6))),
    ];
    let feed = |ledger: &Ledger| {
        let found = ledger.changes(0, 99).unwrap();
        assert_eq!(found.next, 8);
        found.changes.iter().map(|change| (change.timestamp_ns, change.kind)).collect::<Vec<_>>()
    };
    assert_eq!(feed(&ledger), expected);
    let bytes = ledger.snapshot().to_bytes();
    let mut restored = Ledger::restore(&bytes, ledger.past().clone(), Seed::DEFAULT).unwrap();
    assert_eq!(feed(&restored), expected, "a restored ledger tells the same");
    // Asked again from where it ended, the feed tells only what is new.
    assert_eq!(restored.changes(8, 9).unwrap().changes, []);
    restored.create_transfers(&[transfer(5, Kind::SINGLE)], 10 * SECOND_NS).unwrap();
    let news = restored.changes(8, 9).unwrap();
    assert_eq!((news.changes.len(), news.changes[0].position, news.next), (1, 8, 9));
}
