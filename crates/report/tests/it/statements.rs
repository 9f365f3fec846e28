//! Statements lead from the opening to the closing balance, and the closing balance is the ledger's.

use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use engine::{AccountRole, AccountSpec, Engine, Fund, ManualClock, Options, system_account};
use ledger::{Kind, Sides, Transfer};
use money::{AccountId, Amount, TransferId};
use report::{PAYOUT_CODE, Statement, StatementError, StatementFormat};

use crate::world::{Numbers, START_MS, account, node, usd};

const HOUR_MS: u64 = 3_600_000;

/// Waits on this thread: the engine answers from its own.
pub fn wait<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(done) = future.as_mut().poll(&mut context) {
            return done;
        }
        std::thread::yield_now();
    }
}

struct Books {
    engine: Engine,
    clock: ManualClock,
    _folder: tempfile::TempDir,
}

fn books() -> Books {
    let folder = tempfile::tempdir().unwrap();
    let clock = ManualClock::new(START_MS * 1_000_000);
    let mut options = Options::new(folder.path(), node());
    options.clock = Arc::new(clock.clone());
    let engine = Engine::start(options).unwrap().engine;
    wait(engine.open_asset(usd(), true)).unwrap();
    for (id, label) in [(1, "=Writer, \"A\""), (2, "Editor"), (3, "Reader"), (4, "Quiet")] {
        let (id, label) = (account(id), label.to_owned());
        let spec = AccountSpec { id, asset: usd(), role: AccountRole::Payee, label };
        wait(engine.open_account(spec)).unwrap();
    }
    Books { engine, clock, _folder: folder }
}

/// What a naive reader writes down: time, account, change of its posted balance.
type Change = (u64, AccountId, i128);

/// Random transfers of all kinds between three accounts and the treasury.
fn live(books: &Books, numbers: &mut Numbers, count: u64) -> Vec<Change> {
    let engine = &books.engine;
    let treasury = system_account("treasury", usd());
    let mut changes = Vec::new();
    let mut holds: Vec<Transfer> = Vec::new();
    for step in 0..count {
        books.clock.advance_ms(1 + numbers.below(3 * HOUR_MS));
        let id = |part: u128| TransferId::new((u128::from(step) << 8) + part + 1).unwrap();
        let ms = || engine.clock().now_ms();
        if numbers.below(6) == 0 {
            let (to, units) = (account(1 + u128::from(numbers.below(3))), 5_000_000_000);
            let amount = Amount::new(units, usd());
            let reference = "bank".to_owned();
            let fund = Fund { id: id(0), account: to, amount, reference, sandbox_only: false };
            wait(engine.fund(fund)).unwrap();
            changes.push((ms(), to, i128::try_from(units).unwrap()));
            changes.push((ms(), treasury, -i128::try_from(units).unwrap()));
            continue;
        }
        let from = 1 + u128::from(numbers.below(3));
        let transfer = Transfer {
            id: id(0),
            kind: if numbers.below(3) == 0 { Kind::pending(0) } else { Kind::SINGLE },
            debit_account: account(from),
            credit_account: account(1 + from % 3),
            asset: usd(),
            amount: u128::from(numbers.below(2_000_000_000)),
            code: [2, 3, 4, 77][numbers.index(4)],
            user_data: u128::from(step) + 1,
            user_data_64: 0,
            user_data_32: 0,
            linked: false,
        };
        let batch = match numbers.below(5) {
            // A split.
            0 => vec![
                Transfer { linked: true, ..transfer },
                Transfer { id: id(1), credit_account: account(1 + (from + 1) % 3), ..transfer },
            ],
            // A payout.
            1 => vec![Transfer { credit_account: treasury, code: PAYOUT_CODE, ..transfer }],
            2 if !holds.is_empty() => {
                let hold = holds.swap_remove(numbers.index(holds.len()));
                vec![hold.post(id(2), hold.amount / 2)]
            }
            3 if !holds.is_empty() => {
                vec![holds.swap_remove(numbers.index(holds.len())).void(id(3))]
            }
            _ => vec![transfer],
        };
        let made = wait(engine.create_transfers(batch.clone())).unwrap();
        if made.iter().any(|status| status.code() != "created") {
            continue;
        }
        for transfer in batch {
            match transfer.kind {
                Kind::Pending { .. } => holds.push(Transfer { linked: false, ..transfer }),
                Kind::Void { .. } => {}
                Kind::Single { .. } | Kind::Post { .. } => {
                    let units = i128::try_from(transfer.amount).unwrap();
                    changes.push((ms(), transfer.debit_account, -units));
                    changes.push((ms(), transfer.credit_account, units));
                }
            }
        }
    }
    assert_eq!(Sides::BOTH, Sides { debit: true, credit: true });
    changes
}

fn statement(books: &Books, who: AccountId, period: (u64, u64), format: StatementFormat) -> String {
    let mut statement = wait(Statement::of(&books.engine, who, period, format)).unwrap();
    let mut text = String::new();
    while let Some(piece) = wait(statement.next()).unwrap() {
        text.push_str(&piece);
    }
    text
}

/// Base units of a decimal with nine decimals.
fn units(decimal: &str) -> i128 {
    if decimal.is_empty() {
        return 0;
    }
    assert_eq!(decimal.split_once('.').unwrap().1.len(), 9, "{decimal}");
    decimal.replace('.', "").parse().unwrap()
}

fn check_csv(text: &str, opening: i128, closing: i128, count: usize) {
    let rows: Vec<Vec<&str>> =
        text.trim_end().split("\r\n").map(|row| row.split(',').collect()).collect();
    let column = |name: &str| rows[0].iter().position(|header| *header == name).unwrap();
    assert!(rows.iter().all(|row| row.len() == rows[0].len()));
    let sum = |name| rows[1..].iter().map(|row| units(row[column(name)])).sum::<i128>();
    let balance = |row: &[&str]| units(row[column("balance")]);
    let (first, last) = (&rows[1], rows.last().unwrap());
    assert_eq!((first[1], balance(first)), ("opening_balance", opening));
    assert_eq!((last[1], balance(last)), ("closing_balance", closing));
    assert_eq!(rows.len(), count + 3);
    assert_eq!(sum("amount"), closing - opening);
    assert_eq!(sum("credit") - sum("debit"), closing - opening);
    for pair in rows[1..rows.len() - 1].windows(2) {
        assert_eq!(balance(&pair[0]) + units(pair[1][column("amount")]), balance(&pair[1]));
    }
}

fn check_jsonl(text: &str, opening: i128, closing: i128, count: usize) {
    let rows: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let number = |row: &serde_json::Value, name: &str| -> i128 {
        row[name].as_str().unwrap().parse().unwrap()
    };
    assert_eq!(rows.len(), count + 2);
    assert_eq!(number(&rows[0], "balance"), opening);
    let sum: i128 = rows[1..=count].iter().map(|row| number(row, "amount")).sum();
    let end = rows.last().unwrap();
    assert_eq!(end["type"], "closing");
    assert_eq!(number(end, "balance"), closing);
    assert_eq!(opening + sum, closing);
    assert_eq!(number(end, "credits") - number(end, "debits"), sum);
}

/// Texts of all elements of a name, in order.
fn texts<'a>(xml: &'a str, name: &str) -> Vec<&'a str> {
    let ends = format!("</{name}>");
    xml.split(&ends)
        .filter_map(|before| before.rsplit_once(&format!("<{name}")))
        .map(|(_, open)| open.split_once('>').unwrap().1)
        .collect()
}

/// Cents of the amounts, signed by the indicators that follow them.
fn cents(xml: &str) -> Vec<i128> {
    let amounts = texts(xml, "Amt").into_iter().zip(texts(xml, "CdtDbtInd"));
    amounts
        .map(|(amount, side)| {
            let cents: i128 = amount.replace('.', "").parse().unwrap();
            if side == "CRDT" { cents } else { -cents }
        })
        .collect()
}

fn check_camt(text: &str, opening: i128, closing: i128, count: usize) {
    let cent = 10_000_000;
    let (balances, rest) = text.split_once("<TxsSummry>").unwrap();
    let (_, entries) = rest.split_once("</TxsSummry>").unwrap();
    let balances = cents(balances);
    assert_eq!(balances, [opening.div_euclid(cent), closing.div_euclid(cent)]);
    let amounts: i128 = entries.split("<Ntry>").skip(1).map(|entry| cents(entry)[0]).sum();
    assert_eq!(balances[0] + amounts, balances[1]);
    let transfers: usize =
        texts(entries, "NbOfTxs").iter().map(|number| number.parse::<usize>().unwrap()).sum();
    assert_eq!(transfers, count);
}

fn check_account(books: &Books, changes: &[Change], who: AccountId, period: (u64, u64)) {
    let sum = |fits: &dyn Fn(u64) -> bool| -> (i128, usize) {
        let mine = changes.iter().filter(|(at, of, _)| *of == who && fits(*at));
        mine.fold((0, 0), |(sum, count), (_, _, units)| (sum + units, count + 1))
    };
    let (opening, _) = sum(&|at| at < period.0);
    let (net, count) = sum(&|at| (period.0..period.1).contains(&at));
    let closing = opening + net;
    let text = statement(books, who, period, StatementFormat::Csv);
    check_csv(&text, opening, closing, count);
    let text = statement(books, who, period, StatementFormat::Jsonl);
    check_jsonl(&text, opening, closing, count);
    let text = statement(books, who, period, StatementFormat::Camt053);
    check_camt(&text, opening, closing, count);
}

#[test]
fn statements_of_any_period_sum_to_the_ledger() {
    for seed in 0..3 {
        let books = books();
        let mut numbers = Numbers(seed);
        let changes = live(&books, &mut numbers, 700);
        assert!(changes.len() > 500);
        let end = books.engine.clock().now_ms() + 1;
        let mut whos: Vec<AccountId> = (1..=4).map(account).collect();
        whos.push(system_account("treasury", usd()));
        for who in whos {
            check_account(&books, &changes, who, (0, u64::MAX));
            for _ in 0..4 {
                let from = START_MS + numbers.below(end - START_MS);
                let to = from + 1 + numbers.below(end - from);
                check_account(&books, &changes, who, (from, to));
            }
            let all = changes.iter().filter(|(_, of, _)| *of == who).map(|change| change.2);
            let view = wait(books.engine.read(move |state| state.lookup_accounts(&[who])));
            let balances = view.unwrap().unwrap()[0].unwrap().balances;
            let credits = i128::try_from(balances.credits_posted).unwrap();
            assert_eq!(credits - i128::try_from(balances.debits_posted).unwrap(), all.sum());
        }
    }
}

#[test]
fn what_cannot_be_stated_is_refused() {
    let books = books();
    let ask = |who, period, format| {
        wait(Statement::of(&books.engine, who, period, format)).map(|_| ()).unwrap_err()
    };
    let csv = StatementFormat::Csv;
    assert_eq!(ask(account(1), (5, 5), csv), StatementError::TimeEmpty);
    assert_eq!(ask(account(99), (0, 5), csv), StatementError::AccountUnknown);
    let play = money::Asset::new("PLAY", 9).unwrap();
    wait(books.engine.open_asset(play, true)).unwrap();
    let treasury = system_account("treasury", play);
    let refused = ask(treasury, (0, 5), StatementFormat::Camt053);
    assert_eq!(refused, StatementError::NoCurrency);
    assert_eq!(StatementFormat::from_name("pdf"), None);
}
