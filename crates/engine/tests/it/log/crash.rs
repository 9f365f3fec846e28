//! Power lost at every change of the disk, and a process killed at any moment: what was published
//! stays the beginning of the log.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::pin::pin;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use disk::{Fault, Simulated, When};
use engine::{Engine, Inline, LogError, LogOptions, ManualClock, Mode, Opened, Options, Turned};
use tlog::{Hash, TreeHead, verify_consistency};

use super::{signer, start, verified};
use crate::world::{Buy, START_MS, fund, node, payee, payee_spec, payer, usd};

/// An engine on a simulated disk, turned by hand.
struct Hand {
    engine: Engine,
    inline: Inline,
}

impl Hand {
    fn start(disk: &Simulated) -> Result<Self, engine::StartError> {
        let mut options = Options::new(Path::new("/data"), node());
        options.clock = Arc::new(ManualClock::new(START_MS * 1_000_000));
        options.disk = Arc::new(disk.clone());
        let mut log = LogOptions::new(signer(1));
        log.save_every_leaves = 3;
        options.log = Some(log);
        let (engine, inline) = Engine::start_inline(options)?;
        Ok(Self { engine, inline })
    }

    /// `None` if the writer has ended before.
    fn run<T>(&mut self, asked: impl Future<Output = T>) -> Option<T> {
        let mut asked = pin!(asked);
        loop {
            if let Poll::Ready(answer) =
                asked.as_mut().poll(&mut Context::from_waker(Waker::noop()))
            {
                return Some(answer);
            }
            if self.inline.turn() == Turned::Ended {
                return None;
            }
        }
    }

    /// A short life, as far as the disk allows. Published heads go to `known`.
    fn live(&mut self, known: &mut Vec<TreeHead>) -> Option<()> {
        let engine = self.engine.clone();
        self.run(engine.open_asset(usd(), true))?.ok()?;
        self.run(engine.open_account(payee_spec(1)))?.ok()?;
        self.run(engine.fund(fund(1, payer(1), 1000)))?.ok()?;
        self.publish(known)?;
        for order in 1..4 {
            let charge = Buy::new(order, 10).mode(Mode::Charge).command();
            self.run(engine.authorize(charge))?.ok()?;
        }
        self.publish(known)?;
        self.run(engine.close_epoch())?.ok()?;
        self.run(engine.forget(payer(1)))?.ok()?;
        self.run(engine.fund(fund(2, payer(2), 1000)))?.ok()?;
        self.publish(known)?;
        self.run(engine.fund(fund(3, payer(1), 1000)))?.ok()?;
        self.publish(known)
    }

    fn publish(&self, known: &mut Vec<TreeHead>) -> Option<()> {
        let log = self.engine.log().unwrap();
        let (head, note) = log.prepare().ok()?;
        log.publish(head, &note, &[]).ok()?;
        known.push(head);
        Some(())
    }

    fn assert_continues(&mut self, known: &[TreeHead], what: &str) {
        let engine = self.engine.clone();
        let log = engine.log().unwrap();
        assert_eq!(log.halted(), None, "{what}");
        log.sign().unwrap();
        let head = log.head();
        for old in known {
            continues(log, *old, what);
        }
        for leaf in 0..head.size {
            match self.run(engine.leaf_receipt(leaf, Opened::BOTH)).unwrap() {
                Ok(receipt) => drop(verified(&engine, &receipt)),
                Err(LogError::NoLeaf(_)) => {}
                Err(error) => panic!("{what}: leaf {leaf}: {error}"),
            }
        }
    }
}

fn continues(log: &engine::Log, old: TreeHead, what: &str) {
    let head = log.head();
    assert!(old.size <= head.size, "{what}: {old:?}, then {head:?}");
    let proof = log.prove_consistency(old.size, head.size).unwrap();
    verify_consistency(old.size, head.size, &proof, &old.root, &head.root)
        .unwrap_or_else(|why| panic!("{what}: {why}"));
}

#[test]
fn power_lost_at_any_change_of_the_disk_contradicts_nothing() {
    let whole = Simulated::new(0);
    let mut known = Vec::new();
    Hand::start(&whole).unwrap().live(&mut known).unwrap();
    assert_eq!(known.len(), 4);
    let changes = whole.changes();
    assert!(changes > 50, "{changes}");
    for nth in 1..=changes {
        let what = format!("at change {nth} of {changes}");
        let disk = Simulated::new(nth);
        disk.arm(Fault::PowerLoss, When::Nth(nth));
        let mut known = Vec::new();
        if let Ok(mut hand) = Hand::start(&disk) {
            hand.live(&mut known);
        }
        let disk = disk.crash();
        let mut hand = Hand::start(&disk).unwrap_or_else(|error| panic!("{what}: {error}"));
        hand.assert_continues(&known, &what);
        // And it goes on from there, through another loss of everything that is not durable.
        hand.live(&mut known).unwrap_or_else(|| panic!("{what}: it does not go on"));
        drop(hand);
        Hand::start(&disk.crash()).unwrap().assert_continues(&known, &what);
    }
}

#[test]
fn a_failed_write_or_sync_of_its_files_stops_the_log_and_nothing_else() {
    for fault in [Fault::WriteError, Fault::SyncError, Fault::ReadError] {
        let mut stopped = 0;
        for nth in 1..=60 {
            let what = format!("{fault:?} {nth}");
            let disk = Simulated::new(nth);
            let mut hand = Hand::start(&disk).unwrap();
            disk.arm_within("/data/log/", fault, When::Nth(nth));
            let mut known = Vec::new();
            hand.live(&mut known);
            let engine = hand.engine.clone();
            hand.run(engine.fund(fund(9, payer(1), 1))).unwrap().unwrap();
            // If it still signs, then nothing that a start would not make again.
            let _ = hand.publish(&mut known);
            let is_stopped = engine.log().unwrap().sign().is_err();
            stopped += u32::from(is_stopped);
            drop(hand);
            // The next process reads what the system has in memory, and then the power goes.
            let mut next = disk.restart();
            for funding in [10, 11] {
                let mut hand = Hand::start(&next).unwrap_or_else(|why| panic!("{what}: {why}"));
                hand.assert_continues(&known, &what);
                let engine = hand.engine.clone();
                hand.run(engine.fund(fund(funding, payer(9), 1))).unwrap().unwrap();
                hand.publish(&mut known).unwrap();
                drop(hand);
                next = next.crash();
            }
        }
        assert!(stopped > 2 || fault == Fault::ReadError, "{fault:?} stopped {stopped}");
    }
}

const CHILD: &str = "ENGINE_KILLED_LOG";
const NAME: &str = "log::crash::a_killed_process_contradicts_nothing";
const KILLS: u128 = 12;

#[test]
fn a_killed_process_contradicts_nothing() {
    if let Some(dir) = std::env::var_os(CHILD) {
        let run: u128 = std::env::var("RUN").unwrap().parse().unwrap();
        publish_until_killed(dir.as_ref(), run);
    }
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let mut known: Vec<TreeHead> = Vec::new();
    for run in 1..=KILLS {
        kill_after(dir.path(), run, &mut known);
        runtime.block_on(async {
            let clock = ManualClock::new(START_MS * 1_000_000);
            let engine = start(dir.path(), &clock, 1).unwrap().engine;
            let log = engine.log().unwrap();
            assert_eq!(log.halted(), None);
            for old in &known {
                continues(log, *old, &format!("run {run}"));
            }
            let last = log.head().size - 1;
            let receipt = engine.leaf_receipt(last, Opened::BOTH).await;
            if !matches!(receipt, Err(LogError::NoLeaf(_))) {
                verified(&engine, &receipt.unwrap());
            }
            engine.shutdown().await;
        });
    }
    assert!(known.len() > 50, "{}", known.len());
}

fn kill_after(dir: &Path, run: u128, known: &mut Vec<TreeHead>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", NAME, "--nocapture"])
        .env(CHILD, dir)
        .env("RUN", run.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut heads = lines.filter_map(|line| {
        let (_, head) = line.split_once("head ")?;
        let mut words = head.split(' ');
        let size = words.next()?.parse().ok()?;
        let mut half = || words.next()?.parse::<u128>().ok().map(u128::to_be_bytes);
        let root = [half()?, half()?].concat();
        Some(TreeHead { size, root: Hash(root.try_into().ok()?) })
    });
    let wanted = usize::try_from(run * 7 % 23 + 1).unwrap();
    known.extend(heads.by_ref().take(wanted));
    child.kill().unwrap();
    known.extend(heads);
    child.wait().unwrap();
}

fn publish_until_killed(dir: &Path, run: u128) -> ! {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let clock = ManualClock::new(START_MS * 1_000_000);
        let engine = start(dir, &clock, 1).unwrap().engine;
        engine.open_asset(usd(), true).await.unwrap();
        let paying = engine.clone();
        tokio::spawn(async move {
            for number in 0_u128.. {
                let account = payee(run * 1_000_000 + number);
                paying.fund(fund(run << 64 | (number + 1), account, 1)).await.unwrap();
            }
        });
        let log = engine.log().unwrap();
        for round in 0_u32.. {
            let (head, note) = log.prepare().unwrap();
            log.publish(head, &note, &[]).unwrap();
            if head.size > 0 {
                let [left, right] = head.root.0.as_chunks::<16>().0 else { unreachable!() };
                let [left, right] = [left, right].map(|half| u128::from_be_bytes(*half));
                println!("head {} {left} {right}", head.size);
            }
            if round % 9 == 8 {
                engine.close_epoch().await.unwrap();
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        unreachable!("nobody killed the child")
    })
}
