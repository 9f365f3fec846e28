//! Questions about the ledger against lists kept by hand: over several chunks of the index, before
//! and after a restart, and over an index that cannot be read.

use std::fs;
use std::path::Path;

use engine::{AskError, Coded, Engine, ManualClock, Unavailable};
use ledger::{
    Account, AccountState, Change, ChangeKind, Cursor, Filter, Kind, Limit, PAGE_ROWS_MAX, Page,
    PendingState, QueryError, Rows, Sides, Transfer, TransferState,
};
use money::Asset;

use crate::batches::{account, alone, create, feed, make, statuses, tr, transfer};
use crate::world::{Buy, START_MS, furnish, options, payer, usd};

const ACCOUNTS: u128 = 5;
const BATCHES: u128 = 12;
const EVENTS: u128 = 250;

fn open(dir: &Path, clock: &ManualClock) -> Engine {
    let mut options = options(dir, clock);
    options.index.chunk_rows = 256;
    options.index.fan_out = 3;
    options.index.cache_bytes = 64 * 1024;
    Engine::start(options).unwrap().engine
}

fn accounts() -> Vec<Account> {
    let one = |number: u128| Account {
        user_data_64: u64::from(!number.is_multiple_of(2)),
        history: number == 1,
        ..account(alone(number), usd(), Limit::None)
    };
    (1..=ACCOUNTS).map(one).collect()
}

/// Event `number` of all: from account to account in turn, and every seventh is a hold.
fn event(number: u128) -> Transfer {
    let (from, to) = (number % ACCOUNTS + 1, (number + 1 + number / 7 % 3) % ACCOUNTS + 1);
    Transfer {
        kind: if number.is_multiple_of(7) { Kind::pending(3600) } else { Kind::SINGLE },
        code: 10 + (number % 3) as u16,
        user_data: number / 100,
        ..transfer(number + 1, alone(from), alone(to), number + 1)
    }
}

/// A few thousand transfers with a payment between any two batches.
async fn fill(engine: &Engine) -> Vec<Transfer> {
    furnish(engine).await;
    create(engine, accounts()).await;
    let mut events = Vec::new();
    for batch in 0..BATCHES {
        let new: Vec<_> = (batch * EVENTS..(batch + 1) * EVENTS).map(event).collect();
        make(engine, &new).await;
        let buy = Buy::new(batch + 1, 3).mode(engine::Mode::Charge);
        engine.authorize(buy.command()).await.unwrap();
        events.extend(new);
    }
    events
}

/// All pages of a question, which must fit together.
async fn pages<R, F>(first: Page, ask: impl Fn(Page) -> F) -> Vec<R>
where
    F: Future<Output = Result<Rows<R>, AskError>>,
{
    let (mut all, mut page) = (Vec::new(), first);
    loop {
        let Rows { rows, next } = ask(page).await.unwrap();
        assert!(!rows.is_empty() && rows.len() <= page.limit);
        all.extend(rows);
        // A cursor survives a text form.
        page.cursor = next.map(|cursor| Cursor::from_u64(cursor.to_u64()));
        if page.cursor.is_none() {
            return all;
        }
    }
}

fn of(rows: &[TransferState]) -> Vec<Transfer> {
    rows.iter().map(|row| row.transfer).collect()
}

fn reversed(mut transfers: Vec<Transfer>) -> Vec<Transfer> {
    transfers.reverse();
    transfers
}

async fn compare(engine: &Engine, events: &[Transfer]) {
    let that = |fits: &dyn Fn(&Transfer) -> bool| -> Vec<Transfer> {
        events.iter().filter(|event| fits(event)).copied().collect()
    };
    for number in 1..=ACCOUNTS {
        let id = alone(number);
        for (sides, order) in [
            (Sides::BOTH, Page::newest(37)),
            (Sides::DEBIT, Page::oldest(101)),
            (Sides::CREDIT, Page::newest(8192)),
        ] {
            let mut expected = that(&|event| {
                sides.debit && event.debit_account == id
                    || sides.credit && event.credit_account == id
            });
            if order.order == ledger::Order::NewestFirst {
                expected.reverse();
            }
            let ask = |page| engine.transfers_of(id, sides, Filter::ANY, page);
            assert_eq!(of(&pages(order, ask).await), expected);
        }
    }
    let by_code = Filter { code: Some(11), ..Filter::ANY };
    let found = pages(Page::oldest(500), |page| engine.transfers_by(by_code, page)).await;
    assert_eq!(of(&found), that(&|event| event.code == 11));
    let by_both = Filter { user_data: Some(17), ..by_code };
    let found = pages(Page::newest(7), |page| engine.transfers_by(by_both, page)).await;
    let expected = that(&|event| event.code == 11 && event.user_data == 17);
    assert_eq!(of(&found), reversed(expected));
    let ids: Vec<_> = events.iter().map(|event| event.id).chain([tr(999_999)]).collect();
    let found = engine.lookup_transfers(ids).await.unwrap();
    let (none, found) = found.split_last().unwrap();
    assert_eq!(*none, None);
    let found: Vec<TransferState> = found.iter().copied().map(Option::unwrap).collect();
    assert_eq!(of(&found), events);
    assert!(found.iter().all(|row| {
        let is_hold = row.transfer.kind != Kind::SINGLE;
        row.pending == if is_hold { PendingState::Pending } else { PendingState::None }
    }));
}

async fn compare_accounts(engine: &Engine, events: &[Transfer]) {
    let odd = Filter { user_data_64: Some(1), ..Filter::ANY };
    let found = pages(Page::oldest(2), |page| engine.accounts_by(odd, page)).await;
    let expected: Vec<_> = accounts().into_iter().filter(|one| one.user_data_64 == 1).collect();
    assert_eq!(found.iter().map(|row| row.account).collect::<Vec<_>>(), expected);
    let code = Filter { code: Some(7), ..Filter::ANY };
    let found = pages(Page::newest(2), |page| engine.accounts_by(code, page)).await;
    assert_eq!(found.len() as u128, ACCOUNTS);

    let ids = vec![alone(1), alone(77), payer(1)];
    let found = engine.lookup_accounts(ids).await.unwrap();
    let [Some(first), None, Some(_)] = found[..] else { panic!("{found:?}") };
    compare_history(engine, events, &first).await;
}

/// Each balance of account 1 follows from the events up to its time.
async fn compare_history(engine: &Engine, events: &[Transfer], account: &AccountState) {
    let id = alone(1);
    let history = pages(Page::oldest(64), |page| engine.history_of(id, page)).await;
    let mut on =
        events.iter().filter(|event| event.debit_account == id || event.credit_account == id);
    let mut sums = ledger::Balances::default();
    let mut before = account.timestamp_ns;
    for entry in &history {
        assert_eq!(engine.balances_at(id, entry.timestamp_ns - 1).await.unwrap().balances, sums);
        let event = on.next().unwrap();
        let is_hold = event.kind != Kind::SINGLE;
        let column = match (event.debit_account == id, is_hold) {
            (true, true) => &mut sums.debits_pending,
            (true, false) => &mut sums.debits_posted,
            (false, true) => &mut sums.credits_pending,
            (false, false) => &mut sums.credits_posted,
        };
        *column += event.amount;
        assert_eq!(entry.balances, sums);
        assert!(entry.timestamp_ns > before);
        before = entry.timestamp_ns;
    }
    assert_eq!((on.next(), account.balances), (None, sums));
    assert_eq!(engine.balances_at(id, u64::MAX).await.unwrap().balances, sums);
}

async fn compare_feed(engine: &Engine, events: &[Transfer]) -> Vec<Change> {
    let all = feed(engine).await;
    assert!(all.iter().zip(0..).all(|(change, position)| change.position == position));
    let made: Vec<_> = all
        .iter()
        .filter_map(|change| match change.kind {
            ChangeKind::TransferCreated(made) if made.code >= 10 => Some(made),
            _ => None,
        })
        .collect();
    assert_eq!(made, events);
    for (position, limit) in [(0, 1), (255, 3), (1000, 1), (all.len() as u64 - 5, 8192)] {
        let page = engine.changes(position, limit).await.unwrap();
        let from = usize::try_from(position).unwrap();
        let to = (from + limit).min(all.len());
        assert_eq!((page.changes.as_slice(), page.next), (&all[from..to], to as u64));
    }
    all
}

#[tokio::test]
async fn answers_agree_with_lists_kept_by_hand_over_chunks_and_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let clock = ManualClock::new(START_MS * 1_000_000);
    let engine = open(dir.path(), &clock);
    let events = fill(&engine).await;
    compare(&engine, &events).await;
    compare_accounts(&engine, &events).await;
    let all = compare_feed(&engine, &events).await;
    engine.shutdown().await;

    let engine = open(dir.path(), &clock);
    compare(&engine, &events).await;
    compare_accounts(&engine, &events).await;
    assert_eq!(compare_feed(&engine, &events).await, all);
    // The feed goes on where a reader left it.
    let more = [event(0).post(tr(900_000), 1), transfer(900_001, alone(1), alone(2), 1)];
    make(&engine, &more).await;
    let page = engine.changes(all.len() as u64, 9).await.unwrap();
    assert_eq!(page.changes.len(), 2);
    let found = engine.lookup_transfers(vec![tr(1)]).await.unwrap()[0].unwrap();
    assert_eq!(found.pending, PendingState::Posted { amount: 1 });
}

#[tokio::test]
async fn a_question_without_an_answer_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path(), &ManualClock::new(START_MS * 1_000_000));
    furnish(&engine).await;
    create(&engine, accounts()).await;
    let (any, page) = (Filter::ANY, Page::newest(1));
    let none = Page { limit: 0, ..page };
    let great = Page { limit: PAGE_ROWS_MAX + 1, ..page };
    let ended = Page { since_ns: 2, until_ns: 1, ..page };
    let refused = |why: QueryError| AskError::Refused(why);
    let found = engine.transfers_by(any, none).await;
    assert_eq!(found, Err(refused(QueryError::LimitMustNotBeZero)));
    let found = engine.accounts_by(any, great).await;
    assert_eq!(found, Err(refused(QueryError::LimitTooLarge)));
    let found = engine.transfers_by(any, ended).await;
    assert_eq!(found, Err(refused(QueryError::TimeEndsBeforeItBegins)));
    let found = engine.transfers_of(alone(1), Sides::NONE, any, page).await;
    assert_eq!(found, Err(refused(QueryError::SidesMustNotBeEmpty)));
    let found = engine.transfers_of(alone(9), Sides::BOTH, any, page).await;
    assert_eq!(found, Err(refused(QueryError::AccountNotFound)));
    let found = engine.history_of(alone(2), page).await;
    assert_eq!(found, Err(refused(QueryError::AccountHasNoHistory)));
    let found = engine.balances_at(alone(1), 1).await;
    assert_eq!(found, Err(refused(QueryError::AccountNotFound)));
    let found = engine.changes(1_000_000, 1).await;
    assert_eq!(found, Err(refused(QueryError::PositionNotReached)));
    let many = engine.lookup_transfers(vec![tr(1); PAGE_ROWS_MAX + 1]).await;
    assert_eq!(many, Err(refused(QueryError::LimitTooLarge)));
    let many = engine.lookup_accounts(vec![alone(1); PAGE_ROWS_MAX + 1]).await.unwrap_err();
    assert_eq!((many.code(), many.http_status()), ("limit_too_large", 422));
    let found = engine.transfers_of(alone(9), Sides::BOTH, any, page).await.unwrap_err();
    assert_eq!((found.code(), found.http_status()), ("account_not_found", 404));
    // Nothing fits, which is an answer.
    let other = Filter { asset: Some(Asset::new("XAU", 3).unwrap()), ..any };
    assert_eq!(engine.transfers_by(other, page).await, Ok(Rows { rows: vec![], next: None }));
    // Refusals and burned ids are no changes.
    let failed = transfer(1, alone(99), alone(1), 1);
    statuses(&engine, &[failed]).await;
    assert_eq!(engine.lookup_transfers(vec![tr(1)]).await, Ok(vec![None]));
}

fn spoil(dir: &Path) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            spoil(&path);
        } else {
            // In place: the node has the file open.
            let length = usize::try_from(fs::metadata(&path).unwrap().len()).unwrap();
            let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
            std::os::unix::fs::FileExt::write_all_at(&file, &vec![0x55; length], 0).unwrap();
        }
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_never_an_empty_page() {
    type Question = fn(&engine::State) -> Result<usize, AskError>;
    let questions: [Question; 5] = [
        |state| {
            state
                .transfers_by(&Filter { code: Some(11), ..Filter::ANY }, &Page::oldest(9))
                .map(|found| found.rows.len())
        },
        |state| {
            state
                .transfers_of(alone(1), Sides::BOTH, &Filter::ANY, &Page::oldest(9))
                .map(|found| found.rows.len())
        },
        |state| state.lookup_transfers(&[tr(1)]).map(|found| found.iter().flatten().count()),
        |state| state.changes(0, 9).map(|found| found.changes.len()),
        |state| state.lookup_accounts(&[alone(1)]).map(|found| found.iter().flatten().count()),
    ];
    for question in questions {
        let dir = tempfile::tempdir().unwrap();
        let clock = ManualClock::new(START_MS * 1_000_000);
        let engine = open(dir.path(), &clock);
        fill(&engine).await;
        engine.shutdown().await;
        let engine = open(dir.path(), &clock);
        spoil(&dir.path().join("index/changes"));
        let stopped = AskError::Unavailable(Unavailable::Stopped);
        // Where the question is asked the error is known, and nothing leaves the node after it.
        let (told, hears) = std::sync::mpsc::channel();
        let ask = move |state: &engine::State| {
            let found = question(state);
            told.send(found).unwrap();
            found
        };
        assert_eq!(engine.read(ask).await, Err(Unavailable::Stopped));
        assert_eq!(hears.recv(), Ok(Err(stopped)));
        assert_eq!(engine.changes(0, 1).await, Err(stopped));
        assert_eq!(engine.read(engine::State::payment_count).await, Err(Unavailable::Stopped));
    }
}
