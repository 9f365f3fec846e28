//! Nanoseconds per transfer of the ledger alone, over a past that forgets everything: the part of
//! the writer's time that decisions take; and the slowest batch, where tables grow. `two_phase`
//! counts a hold and its post as one. Run it with `cargo run --release -p ledger --example speed`.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a measurement for people")]

use std::convert::Infallible;
use std::ops::Range;

use ledger::{
    AMOUNT_MAX, Account, Balances, Fresh, Kind, Known, Ledger, Limit, Order, Past, ROW_BYTES, Row,
    Seed, Transfer,
};
use money::{AccountId, Asset, TransferId};

const BATCH_EVENTS: usize = 8_190;

/// Counts rows and forgets them.
#[derive(Debug, Default)]
struct Forgets {
    rows: u64,
}

impl Past for Forgets {
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
        self.rows += u64::try_from(fresh.len()).unwrap();
        Ok(())
    }
}

const WORKLOADS: [&str; 5] = ["uniform", "hot_debit", "two_phase", "snapshots", "holds"];

/// Arguments: rounds of one batch each, a workload, a number of accounts; all by default.
fn main() {
    let mut arguments = std::env::args().skip(1);
    let rounds: u32 = arguments.next().map_or(200, |text| text.parse().unwrap());
    let only_workload = arguments.next();
    let only_accounts: Option<u128> = arguments.next().map(|text| text.parse().unwrap());
    let sizes = only_accounts.map_or(vec![10_000, 1_000_000], |accounts| vec![accounts]);
    for accounts in sizes {
        for workload in WORKLOADS {
            if only_workload.as_ref().is_none_or(|only| only == workload) {
                measure(workload, accounts, rounds);
            }
        }
    }
}

/// Time that this thread has had a processor, so that what else runs on the machine counts little.
fn on_processor_ns() -> u128 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split_whitespace().next().unwrap().parse().unwrap()
}

fn measure(workload: &str, accounts: u128, rounds: u32) {
    let mut ledger = Ledger::with_past(Forgets::default(), Seed::new([11, 12]));
    let mut now_ns = 1 << 40;
    let (mut slowest_account_ns, mut slowest_ns) = (0, 0);
    let all: Vec<Account> = (1..=accounts).map(account).collect();
    for batch in all.chunks(BATCH_EVENTS) {
        now_ns += 1 << 20;
        let start_ns = on_processor_ns();
        ledger.create_accounts(batch, now_ns).unwrap();
        slowest_account_ns = slowest_account_ns.max(on_processor_ns() - start_ns);
    }
    let mut random = 7_u64;
    let mut next_id = 1;
    let (mut spent_ns, mut count) = (0, 0);
    let mut kept = Vec::new();
    for round in 0..rounds {
        if workload == "snapshots" && round % 50 == 0 {
            kept = vec![ledger.snapshot()];
        }
        let holds: Vec<Transfer> = (0..BATCH_EVENTS)
            .map(|_| {
                let debit = if workload == "hot_debit" { 1 } else { draw(&mut random, accounts) };
                let mut credit = draw(&mut random, accounts);
                if credit == debit {
                    credit = credit % accounts + 1;
                }
                next_id += 1;
                let is_pending = ["two_phase", "holds"].contains(&workload);
                let kind = if is_pending { Kind::pending(600) } else { Kind::SINGLE };
                transfer(next_id, kind, debit, credit)
            })
            .collect();
        let mut batches = vec![holds];
        if workload == "two_phase" {
            let posts = batches[0].iter().map(|hold| {
                next_id += 1;
                hold.post(TransferId::new(next_id).unwrap(), AMOUNT_MAX)
            });
            let posts = posts.collect();
            batches.push(posts);
        }
        for batch in &batches {
            now_ns += 1 << 20;
            let start_ns = on_processor_ns();
            let statuses = ledger.create_transfers(batch, now_ns).unwrap();
            let batch_ns = on_processor_ns() - start_ns;
            spent_ns += batch_ns;
            slowest_ns = slowest_ns.max(batch_ns);
            assert!(statuses.iter().all(|status| status.code() == "created"));
        }
        count += u128::try_from(BATCH_EVENTS).unwrap();
    }
    drop(kept);
    let slowest_us = [slowest_account_ns, slowest_ns].map(|ns| ns / 1_000);
    println!(
        "{workload} over {accounts} accounts: {} ns each; slowest batch of accounts {} us, of \
         transfers {} us",
        spent_ns / count,
        slowest_us[0],
        slowest_us[1],
    );
}

fn draw(random: &mut u64, below: u128) -> u128 {
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    u128::from(*random) % below + 1
}

fn account(id: u128) -> Account {
    Account {
        id: AccountId::new(id << 20).unwrap(),
        asset: Asset::new("USD", 9).unwrap(),
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

fn transfer(id: u128, kind: Kind, debit: u128, credit: u128) -> Transfer {
    Transfer {
        id: TransferId::new(id).unwrap(),
        kind,
        debit_account: AccountId::new(debit << 20).unwrap(),
        credit_account: AccountId::new(credit << 20).unwrap(),
        asset: Asset::new("USD", 9).unwrap(),
        amount: 5,
        code: 1,
        user_data: id,
        user_data_64: 0,
        user_data_32: 0,
        linked: false,
    }
}
