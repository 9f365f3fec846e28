//! `kill -9` at any moment under load: every acknowledged payment is there, once, in a state that
//! follows from what was acknowledged, the books balance, and holds are released in time.
//!
//! This proves the order of write, sync and answer, and recovery after it. It proves nothing about
//! power loss: the system keeps the pages of a killed process.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use engine::{Authorized, Engine, ManualClock, Mode, PaymentState, PaymentView};

use crate::world::{Buy, PAYERS, START_MS, fund, furnish, open, payer};

const CHILD: &str = "ENGINE_KILLED_NODE";
const NAME: &str = "kill::every_acknowledged_payment_survives_50_kills";
const KILLS: u64 = 50;

/// Clients that pay at the same time, so that batches hold several payments.
const CLIENTS: u64 = 8;

/// Order ids of one run start here, so that runs do not meet.
const ORDERS_PER_RUN: u128 = 1_000_000;

/// What the parent knows: each payment with the last word that the child said about it.
type Acknowledged = BTreeMap<String, String>;

#[test]
fn every_acknowledged_payment_survives_50_kills() {
    if let Some(dir) = std::env::var_os(CHILD) {
        let run = std::env::var("RUN").unwrap().parse().unwrap();
        pay_until_killed(dir.as_ref(), run);
    }
    let dir = tempfile::tempdir().unwrap();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut acknowledged = Acknowledged::new();
    for run in 0..KILLS {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        kill_after(dir.path(), run, random % 100 + 1, &mut acknowledged);
        assert_kept(dir.path(), run, &acknowledged);
    }
    let words = |word: &str| acknowledged.values().filter(|said| *said == word).count();
    for word in ["held", "settled", "released"] {
        assert!(words(word) > 50, "{word}: {}", words(word));
    }
}

/// Lets a child pay, kills it after some acknowledgements, and notes all that it said.
fn kill_after(dir: &Path, run: u64, acknowledgements: u64, known: &mut Acknowledged) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", NAME, "--nocapture"])
        .env(CHILD, dir)
        .env("RUN", run.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut lines = lines.map(Result::unwrap).filter(|line| line.contains("pay_"));
    let mut note = |line: String| {
        let at = line.find("pay_").unwrap();
        let (payment, word) = line[at..].split_once(' ').unwrap();
        known.insert(payment.to_owned(), word.to_owned());
    };
    for _ in 0..acknowledgements {
        note(lines.next().unwrap());
    }
    child.kill().unwrap();
    // What it said between the last line read and its end counts as well.
    lines.for_each(&mut note);
    child.wait().unwrap();
}

/// The clock of a run: each is a minute after the one before, longer than any hold.
fn clock(run: u64) -> ManualClock {
    ManualClock::new((START_MS + run * 60_000) * 1_000_000)
}

fn assert_kept(dir: &Path, run: u64, acknowledged: &Acknowledged) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let clock = clock(run);
        let engine = open(dir, &clock).engine;
        let payments = engine.read(|state| state.latest_payments(usize::MAX)).await.unwrap();
        let by_id: BTreeMap<String, &PaymentView> =
            payments.iter().map(|view| (view.payment.to_string(), view)).collect();
        assert_eq!(by_id.len(), payments.len(), "a payment is there twice");
        for (payment, word) in acknowledged {
            let view = by_id.get(payment).unwrap_or_else(|| panic!("{payment} {word} is lost"));
            assert!(follows(word, view.state), "{payment}: {word}, then {:?}", view.state);
        }
        let sums = Sums::of(&payments);
        sums.assert_balances(&engine).await;
        // All holds of this and earlier runs are over by then.
        clock.advance_ms(59_000);
        engine.fund(fund(90_000 + u128::from(run), payer(1), 1)).await.unwrap();
        for number in 1..=PAYERS {
            let read = move |state: &engine::State| state.account(payer(number));
            let view = engine.read(read).await.unwrap();
            assert_eq!(view.map_or(0, |view| view.held.units()), 0);
        }
        engine.shutdown().await;
    });
}

/// Whether a payment that was acknowledged so can be in this state after the kill.
fn follows(word: &str, state: PaymentState) -> bool {
    match word {
        "held" => true,
        "settled" => state == PaymentState::Settled,
        "released" => state == PaymentState::Released,
        _ => false,
    }
}

/// What the payments alone say about all payers.
#[derive(Default)]
struct Sums {
    held: u128,
    settled: u128,
}

impl Sums {
    fn of(payments: &[PaymentView]) -> Self {
        payments.iter().fold(Self::default(), |mut sums, view| {
            sums.settled += view.settled.units();
            if view.state == PaymentState::Held {
                sums.held += view.authorized.units();
            }
            sums
        })
    }

    async fn assert_balances(&self, engine: &Engine) {
        let (accounts, books) =
            engine.read(|state| (state.accounts(), engine::books(state))).await.unwrap();
        assert!(books.iter().all(|view| view.balanced), "{books:?}");
        let payers = accounts.iter().filter(|view| view.role == engine::AccountRole::Payer);
        let (held, given) = payers.fold((0, 0), |(held, given), view| {
            (held + view.held.units(), given + view.debits.units())
        });
        assert_eq!((held, given), (self.held, self.settled));
    }
}

fn pay_until_killed(dir: &Path, run: u64) -> ! {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let clock = clock(run);
        let engine = open(dir, &clock).engine;
        furnish(&engine).await;
        for number in 1..=PAYERS {
            let id = 1000 * u128::from(run + 1) + u128::from(number);
            engine.fund(fund(id, payer(number), 1_000_000_000)).await.unwrap();
        }
        for client in 0..CLIENTS {
            let (engine, first) = (engine.clone(), ORDERS_PER_RUN * u128::from(run + 1));
            tokio::spawn(async move {
                for order in
                    (0..).map(|step| first + u128::from(client) + step * u128::from(CLIENTS))
                {
                    pay(&engine, order).await;
                }
            });
        }
        // The parent kills long before.
        tokio::time::sleep(Duration::from_mins(10)).await;
        panic!("nobody killed the child");
    })
}

/// One payment of one of four kinds; what is acknowledged is said.
async fn pay(engine: &Engine, order: u128) {
    let number = u8::try_from(order % u128::from(PAYERS)).unwrap() + 1;
    let mut buy = Buy::new(order, order % 1000 + 1).by(number).split();
    buy.order.expires_at_ms = engine.clock().now_ms() + 60_000;
    let id = buy.id();
    let kind = order / u128::from(CLIENTS) % 4;
    if kind == 0 {
        let charge = buy.mode(Mode::Charge);
        engine.authorize(charge.command()).await.unwrap();
        println!("{id} settled");
        return;
    }
    let Authorized::Proceed { claim, .. } = engine.authorize(buy.held().command()).await.unwrap()
    else {
        panic!("a new order must proceed");
    };
    println!("{id} held");
    match kind {
        // Left to its time.
        1 => {}
        2 => {
            engine.settle(id, None, None, false).await.unwrap();
            println!("{id} settled");
        }
        _ => {
            engine.release(id, claim, None).await.unwrap();
            println!("{id} released");
        }
    }
}
