//! The table language: one event a line, its expected status last.
//!
//! ```text
//! case     NAME                                 a new, empty ledger
//! clock    30s | 30s-1ns | max-5ns              the next batch ends with this timestamp
//! account  ID ASSET CODE USER_DATA FLAGS                                STATUS [&]
//! transfer ID DEBIT CREDIT ASSET AMOUNT CODE USER_DATA [FLAGS]          STATUS [&]
//! pending  ID DEBIT CREDIT ASSET AMOUNT CODE USER_DATA TIMEOUT_SECONDS [FLAGS] STATUS [&]
//! post     ID PENDING_ID DEBIT CREDIT ASSET AMOUNT CODE USER_DATA       STATUS [&]
//! void     ID PENDING_ID DEBIT CREDIT ASSET AMOUNT CODE USER_DATA       STATUS [&]
//! assets   COUNT                                so many accounts, each of another asset
//! commit                                        ends the batch
//! expire   LIMIT none | ID ...                  releases holds; these are released
//! expiry   none | 30s | max                     when the next hold ends
//! expect   ACCOUNT DEBITS_PENDING DEBITS_POSTED CREDITS_PENDING CREDITS_POSTED
//! at       ACCOUNT TIME refused CODE | the same four columns
//! available ACCOUNT AMOUNT                      what a customer can still spend
//! closed   ACCOUNT yes | no
//! amount   TRANSFER AMOUNT                      as it is recorded
//! state    TRANSFER none | pending | posted AMOUNT | voided | expired TIME
//! ```
//!
//! `_` stands for the default: accounts 1 and 2, USD, amount 10, code 1, user data 0, no flags, no
//! timeout; in a post or void what the pending transfer has, and all of it. User data is written
//! `128/64/32`, with zeros left out from the end. Flags are joined by `+`: of an account its limit,
//! `history` and `closed`; of a transfer `balancing_debit`, `balancing_credit`, `closing_debit`,
//! `closing_credit`. `&` links the event to the next line. A batch ends before every line that is not an event of its kind.

use std::collections::{BTreeMap, BTreeSet};

use ledger::{
    AMOUNT_MAX, Account, Balances, Kind, Ledger, Limit, PendingState, QueryError, Seed, Sides,
    Transfer,
};
use money::{AccountId, Asset, TransferId};

/// Codes of the statuses that a script has shown, for accounts and for transfers.
#[derive(Default)]
pub struct Shown {
    pub accounts: BTreeSet<String>,
    pub transfers: BTreeSet<String>,
}

struct Script<'a> {
    ledger: Ledger,
    clock_ns: Option<u64>,
    accounts: Vec<(Account, Expected)>,
    transfers: Vec<(Transfer, Expected)>,
    pending: BTreeMap<TransferId, Transfer>,
    shown: &'a mut Shown,
}

struct Expected {
    status: String,
    place: String,
}

/// Runs one file and compares every line.
pub fn run(name: &str, text: &str, shown: &mut Shown) {
    let mut script = Script::new(shown);
    for (number, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        if !words.is_empty() {
            script.line(&words, &format!("{name}:{}: {line}", number + 1));
        }
    }
    script.finish();
}

impl<'a> Script<'a> {
    fn new(shown: &'a mut Shown) -> Self {
        Self {
            ledger: Ledger::new(),
            clock_ns: None,
            accounts: Vec::new(),
            transfers: Vec::new(),
            pending: BTreeMap::new(),
            shown,
        }
    }

    fn line(&mut self, words: &[&str], place: &str) {
        match words {
            ["account", ..] => self.account(words, place),
            ["transfer" | "pending" | "post" | "void", ..] => self.transfer(words, place),
            _ => {
                self.commit();
                self.question(words, place);
            }
        }
    }

    fn account(&mut self, words: &[&str], place: &str) {
        self.commit_transfers();
        let (words, expected, linked) = split_expected(words, place);
        let [_, id, asset, code, user_data, flags] = words else { panic!("columns: {place}") };
        let (user_data, user_data_64, user_data_32) = or(user_data, (0, 0, 0), self::user_data);
        let mut account = Account {
            id: account_id(id),
            asset: or(asset, usd(), self::asset),
            code: or(code, 1, |text| text.parse().unwrap()),
            user_data,
            user_data_64,
            user_data_32,
            limit: Limit::None,
            history: false,
            closed: false,
            linked,
        };
        for flag in flags.split('+') {
            match flag {
                "_" => {}
                "debits_must_not_exceed_credits" => {
                    account.limit = Limit::DebitsMustNotExceedCredits;
                }
                "credits_must_not_exceed_debits" => {
                    account.limit = Limit::CreditsMustNotExceedDebits;
                }
                "history" => account.history = true,
                "closed" => account.closed = true,
                _ => panic!("flags: {place}"),
            }
        }
        self.accounts.push((account, expected));
    }

    fn transfer(&mut self, words: &[&str], place: &str) {
        self.commit_accounts();
        let (words, expected, linked) = split_expected(words, place);
        let id = transfer_id(words[1]);
        let base = Transfer {
            id,
            kind: Kind::SINGLE,
            debit_account: account_id("1"),
            credit_account: account_id("2"),
            asset: usd(),
            amount: 10,
            code: 1,
            user_data: 0,
            user_data_64: 0,
            user_data_32: 0,
            linked: false,
        };
        let (base, columns) = match *words {
            ["transfer", _, ref columns @ ..] => {
                let (columns, flags) = columns.split_at(6);
                let [balancing, closing] = sides(flags, place);
                assert_eq!(closing, Sides::NONE, "{place}");
                (Transfer { kind: Kind::Single { balancing }, ..base }, columns)
            }
            ["pending", _, ref columns @ ..] => {
                let (columns, rest) = columns.split_at(6);
                let (timeout, flags) = rest.split_first().expect(place);
                let timeout_seconds = or(timeout, 0, |text| text.parse().unwrap());
                let [balancing, closing] = sides(flags, place);
                (
                    Transfer {
                        kind: Kind::Pending { timeout_seconds, balancing, closing },
                        ..base
                    },
                    columns,
                )
            }
            ["post", _, pending_id, ref columns @ ..] => {
                (self.hold(pending_id, base).post(id, AMOUNT_MAX), columns)
            }
            ["void", _, pending_id, ref columns @ ..] => {
                (self.hold(pending_id, base).void(id), columns)
            }
            _ => panic!("columns: {place}"),
        };
        let [debit, credit, asset, amount, code, user_data] = columns else {
            panic!("columns: {place}")
        };
        let (user_data, user_data_64, user_data_32) = or(user_data, (0, 0, 0), self::user_data);
        let transfer = Transfer {
            debit_account: or(debit, base.debit_account, account_id),
            credit_account: or(credit, base.credit_account, account_id),
            asset: or(asset, base.asset, self::asset),
            amount: or(amount, base.amount, self::amount),
            code: or(code, base.code, |text| text.parse().unwrap()),
            user_data,
            user_data_64,
            user_data_32,
            linked,
            ..base
        };
        if matches!(transfer.kind, Kind::Pending { .. }) {
            self.pending.entry(id).or_insert(transfer);
        }
        self.transfers.push((transfer, expected));
    }

    fn hold(&self, pending_id: &str, base: Transfer) -> Transfer {
        let id = transfer_id(pending_id);
        self.pending.get(&id).copied().unwrap_or(Transfer { id, ..base })
    }

    fn question(&mut self, words: &[&str], place: &str) {
        match *words {
            ["case", _] => self.finish(),
            ["clock", text] => self.clock_ns = Some(time_ns(text)),
            ["commit"] => {}
            ["assets", count] => self.assets(count.parse().unwrap()),
            ["expire", limit, ref ids @ ..] => {
                let now_ns = self.clock_ns.take().unwrap_or(self.ledger.last_timestamp_ns());
                let released = self.ledger.expire(now_ns, limit.parse().unwrap()).unwrap();
                let ids = ids.iter().filter(|id| **id != "none").map(|id| transfer_id(id));
                assert_eq!(released, ids.collect::<Vec<_>>(), "{place}");
            }
            ["expiry", text] => {
                let expected = (text != "none").then(|| time_ns(text));
                assert_eq!(self.ledger.next_expiry_ns(), expected, "{place}");
            }
            ["expect", id, ref columns @ ..] => {
                let state = self.ledger.account(account_id(id)).expect(place);
                let found = columns_of(&state.balances);
                let expected: Vec<u128> = columns.iter().map(|text| amount(text)).collect();
                assert_eq!(found.as_slice(), expected, "{place}");
            }
            ["at", id, time, ref columns @ ..] => {
                let found = self.ledger.balances_at(account_id(id), time_ns(time));
                let found = match found.map_err(QueryError::from) {
                    Ok(found) => {
                        columns_of(&found.balances).map(|units| units.to_string()).join(" ")
                    }
                    Err(error) => format!("refused {}", error.code()),
                };
                assert_eq!(found, columns.join(" "), "{place}");
            }
            ["available", id, text] => {
                let state = self.ledger.account(account_id(id)).expect(place);
                assert_eq!(state.balances.available(), amount(text), "{place}");
            }
            ["closed", id, text] => {
                let state = self.ledger.account(account_id(id)).expect(place);
                assert_eq!(if state.closed { "yes" } else { "no" }, text, "{place}");
            }
            ["amount", id, text] => {
                let state = self.ledger.transfer(transfer_id(id)).unwrap().expect(place);
                assert_eq!(state.transfer.amount, amount(text), "{place}");
            }
            ["state", id, ref state @ ..] => {
                let expected = match *state {
                    ["none"] => PendingState::None,
                    ["pending"] => PendingState::Pending,
                    ["posted", text] => PendingState::Posted { amount: amount(text) },
                    ["voided"] => PendingState::Voided,
                    ["expired", text] => PendingState::Expired { at_ns: time_ns(text) },
                    _ => panic!("state: {place}"),
                };
                let found = self.ledger.transfer(transfer_id(id)).unwrap().expect(place).pending;
                assert_eq!(found, expected, "{place}");
            }
            _ => panic!("unknown line: {place}"),
        }
    }

    fn assets(&mut self, count: u128) {
        let account = |number| Account {
            id: AccountId::new((1 << 64) + number).unwrap(),
            asset: asset(&format!("A{number}")),
            code: 1,
            user_data: 0,
            user_data_64: 0,
            user_data_32: 0,
            limit: Limit::None,
            history: false,
            closed: false,
            linked: false,
        };
        let events: Vec<Account> = (0..count).map(account).collect();
        let timestamp_ns = self.timestamp_ns(events.len());
        let statuses = self.ledger.create_accounts(&events, timestamp_ns).unwrap();
        assert!(statuses.iter().all(|status| status.code() == "created"));
    }

    fn commit(&mut self) {
        self.commit_accounts();
        self.commit_transfers();
    }

    fn commit_accounts(&mut self) {
        let (events, expected): (Vec<_>, Vec<_>) = self.accounts.drain(..).unzip();
        let timestamp_ns = self.timestamp_ns(events.len());
        let statuses = self.ledger.create_accounts(&events, timestamp_ns).unwrap();
        for (status, expected) in statuses.iter().zip(expected) {
            assert_eq!(status.code(), expected.status, "{}", expected.place);
            self.shown.accounts.insert(expected.status);
        }
        self.ledger.check().unwrap();
    }

    fn commit_transfers(&mut self) {
        let (events, expected): (Vec<_>, Vec<_>) = self.transfers.drain(..).unzip();
        let timestamp_ns = self.timestamp_ns(events.len());
        let statuses = self.ledger.create_transfers(&events, timestamp_ns).unwrap();
        for (status, expected) in statuses.iter().zip(expected) {
            assert_eq!(status.code(), expected.status, "{}", expected.place);
            self.shown.transfers.insert(expected.status);
        }
        self.ledger.check().unwrap();
    }

    fn timestamp_ns(&mut self, count: usize) -> u64 {
        let count = u64::try_from(count).unwrap();
        let next_ns = self.ledger.last_timestamp_ns() + count;
        if count == 0 { next_ns } else { self.clock_ns.take().unwrap_or(next_ns) }
    }

    /// Ends a case: its ledger must survive a round trip through bytes.
    fn finish(&mut self) {
        self.commit();
        let bytes = self.ledger.snapshot().to_bytes();
        let past = self.ledger.past().clone();
        let mut replayed = Ledger::new();
        replayed.replay(past.rows(), past.burned()).unwrap();
        assert!(replayed.snapshot().to_bytes() == bytes, "a replay comes to the same");
        let restored = Ledger::restore(&bytes, past, Seed::new([7, 8])).unwrap();
        assert!(restored.snapshot().to_bytes() == bytes, "a snapshot holds everything");
        self.ledger = Ledger::new();
        self.clock_ns = None;
        self.pending.clear();
    }
}

fn columns_of(balances: &Balances) -> [u128; 4] {
    let Balances { debits_pending, debits_posted, credits_pending, credits_posted } = *balances;
    [debits_pending, debits_posted, credits_pending, credits_posted]
}

fn split_expected<'w, 't>(words: &'w [&'t str], place: &str) -> (&'w [&'t str], Expected, bool) {
    let (words, linked) = match words {
        [words @ .., "&"] => (words, true),
        words => (words, false),
    };
    let (status, words) = words.split_last().unwrap();
    (words, Expected { status: (*status).into(), place: place.into() }, linked)
}

fn or<T>(text: &str, default: T, read: impl Fn(&str) -> T) -> T {
    if text == "_" { default } else { read(text) }
}

fn user_data(text: &str) -> (u128, u64, u32) {
    let mut parts = text.split('/');
    let mut part = || parts.next().unwrap_or("0");
    (amount(part()), part().parse().unwrap(), part().parse().unwrap())
}

/// Balancing and closing sides from the flags column, if there is one.
fn sides(flags: &[&str], place: &str) -> [Sides; 2] {
    let [mut balancing, mut closing] = [Sides::NONE; 2];
    for flag in flags.iter().flat_map(|flags| flags.split('+')) {
        match flag {
            "balancing_debit" => balancing.debit = true,
            "balancing_credit" => balancing.credit = true,
            "closing_debit" => closing.debit = true,
            "closing_credit" => closing.credit = true,
            _ => panic!("flags: {place}"),
        }
    }
    [balancing, closing]
}

fn usd() -> Asset {
    asset("USD")
}

fn asset(text: &str) -> Asset {
    Asset::new(text, 9).unwrap()
}

fn account_id(text: &str) -> AccountId {
    AccountId::new(text.parse().unwrap()).unwrap()
}

fn transfer_id(text: &str) -> TransferId {
    TransferId::new(text.parse().unwrap()).unwrap()
}

fn amount(text: &str) -> u128 {
    match text.strip_prefix("max") {
        Some("") => u128::MAX,
        Some(less) => u128::MAX - less.strip_prefix('-').unwrap().parse::<u128>().unwrap(),
        None => text.parse().unwrap(),
    }
}

fn time_ns(text: &str) -> u64 {
    let (whole, less_ns) = match text.split_once('-') {
        Some((whole, less)) => (whole, less.strip_suffix("ns").unwrap().parse().unwrap()),
        None => (text, 0),
    };
    let whole_ns = match whole.strip_suffix('s') {
        Some(seconds) => seconds.parse::<u64>().unwrap() * 1_000_000_000,
        None if whole == "max" => u64::MAX,
        None => panic!("time: {text}"),
    };
    whole_ns - less_ns
}
