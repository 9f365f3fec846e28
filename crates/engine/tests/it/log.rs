//! The log of the books: each row a leaf, the same tree however it came about, nothing signed twice
//! in two ways.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use engine::{
    Engine, LogError, LogOptions, ManualClock, Mode, Opened, Options, StartError, Started,
};
use evidence::record::{Opening, RecordKind};
use evidence::statement::Statement;
use tlog::policy::Policy;
use tlog::{KeyName, LogSigner, Receipt, TreeHead, leaf_hash};

use crate::world::{Buy, START_MS, World, furnish, options, payee, payer};

mod checked;
mod crash;
mod lost;
mod restored;

const ORIGIN: &str = "pay.example/log";

fn signer(seed: u8) -> LogSigner {
    LogSigner::from_seed(KeyName::new(ORIGIN).unwrap(), &[seed; 32])
}

fn start(dir: &Path, clock: &ManualClock, seed: u8) -> Result<Started, StartError> {
    Engine::start(options_of(dir, clock, seed))
}

fn options_of(dir: &Path, clock: &ManualClock, seed: u8) -> Options {
    Options { log: Some(LogOptions::new(signer(seed))), ..options(dir, clock) }
}

async fn logged() -> World {
    let dir = tempfile::tempdir().unwrap();
    let clock = ManualClock::new(START_MS * 1_000_000);
    let engine = start(dir.path(), &clock, 1).unwrap().engine;
    furnish(&engine).await;
    World { dir, clock, engine }
}

impl World {
    async fn restart_logged(&mut self) -> TreeHead {
        self.engine.shutdown().await;
        self.engine = start(self.dir.path(), &self.clock, 1).unwrap().engine;
        self.engine.log().unwrap().head()
    }

    fn in_log(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join("log").join(name)
    }
}

fn policy(engine: &Engine) -> Policy {
    let text = format!("log {}\nquorum none\n", engine.log().unwrap().vkey());
    Policy::parse(text.as_bytes()).unwrap()
}

/// Checks a receipt from its bytes alone.
fn verified(engine: &Engine, receipt: &Receipt) -> Opening {
    let receipt = Receipt::parse(receipt.to_string().as_bytes()).unwrap();
    let opening = Opening::decode(receipt.extra().unwrap()).unwrap();
    receipt.verify(&leaf_hash(&opening.entry()), &policy(engine)).unwrap();
    opening
}

async fn head_at(engine: &Engine, leaves: u64) -> TreeHead {
    let log = engine.log().unwrap();
    log.reaches(leaves - 1).await.unwrap();
    log.head()
}

async fn some_history(world: &World) {
    world.charge(&Buy::new(1, 100)).await;
    world.charge(&Buy::new(2, 1000).split()).await;
    let (held, _) = world.proceed(&Buy::new(3, 50).held()).await;
    world.engine.settle(held, Some(20), None, true).await.unwrap();
    let (released, claim) = world.proceed(&Buy::new(4, 50).held().by(2)).await;
    world.engine.release(released, claim, None).await.unwrap();
    world.proceed(&Buy::new(5, 50).held().by(2)).await;
    world.clock.advance_ms(31_000);
    world.charge(&Buy::new(6, 7).by(3)).await;
}

/// Treasury and residue, payees, payers, and their funding; then the history, one hold expired.
const LEAVES: u64 = 2 + 4 + 3 + 3 + 1 + 3 + 2 + 2 + 2 + 1;

#[tokio::test]
async fn every_row_is_a_leaf_that_opens_and_accounts_are_chains() {
    let world = logged().await;
    some_history(&world).await;
    let head = head_at(&world.engine, LEAVES).await;
    assert_eq!(head.size, LEAVES);
    let mut newest = std::collections::BTreeMap::new();
    let mut kinds = BTreeSet::new();
    for leaf in 0..head.size {
        let receipt = world.engine.leaf_receipt(leaf, Opened::BOTH).await.unwrap();
        assert_eq!(receipt.index(), leaf);
        let opening = verified(&world.engine, &receipt);
        kinds.insert(opening.facts().kind as u8);
        for posting in [opening.debit(), opening.credit()] {
            if let evidence::record::Posting::Opened { account, prev, .. } = posting {
                assert_eq!(newest.insert(*account, leaf), *prev, "leaf {leaf}");
            }
        }
    }
    let all = [RecordKind::AccountCreated, RecordKind::TransferCreated, RecordKind::HoldExpired];
    assert_eq!(kinds, all.map(|kind| kind as u8).into());
    let beyond = world.engine.log().unwrap().prove_inclusion(head.size, head.size);
    assert!(matches!(beyond, Err(LogError::NoLeaf(_))));
}

#[tokio::test]
async fn a_payment_has_a_receipt_that_names_the_payee_and_not_the_payer() {
    let world = logged().await;
    let view = world.charge(&Buy::new(1, 100)).await;
    let receipt = world.engine.payment_receipt(view.payment, 0, Opened::PAYEE).await.unwrap();
    let receipt = receipt.unwrap();
    let opening = verified(&world.engine, &receipt);
    assert_eq!(opening.facts().amount, 100);
    assert_eq!(opening.facts().user_data, view.payment.get());
    assert_eq!(opening.credit().account(), Some(payee(1)));
    assert_eq!(opening.debit().account(), None);
    // The checkpoint is of the payment's own batch: nothing came after it.
    assert_eq!(receipt.checkpoint().head().size, receipt.index() + 1);
    let text = receipt.to_string().into_bytes();
    let hidden = payer(1).to_be_bytes();
    assert!(!opening.encode().windows(16).any(|window| window == hidden));
    assert!(!text.windows(16).any(|window| window == hidden));

    let none = world.engine.payment_receipt(view.payment, 1, Opened::PAYEE).await.unwrap();
    assert!(none.is_none(), "one leg only");
    let (held, _) = world.proceed(&Buy::new(2, 50).held()).await;
    assert!(world.engine.payment_receipt(held, 0, Opened::PAYEE).await.unwrap().is_none());
    world.engine.settle(held, Some(20), None, true).await.unwrap();
    let receipt = world.engine.payment_receipt(held, 0, Opened::BOTH).await.unwrap().unwrap();
    let opening = verified(&world.engine, &receipt);
    assert_eq!(opening.facts().amount, 20);
    assert_eq!(opening.debit().account(), Some(payer(1)));
}

#[tokio::test]
async fn every_start_comes_to_the_same_tree() {
    let mut world = logged().await;
    some_history(&world).await;
    let head = head_at(&world.engine, LEAVES).await;
    assert_eq!(world.restart_logged().await, head);
    let caches: [&[&str]; 4] =
        [&["progress"], &["leaves"], &["progress", "leaves", "tiles.1"], &["tiles.1", "tiles.2"]];
    for gone in caches {
        world.engine.shutdown().await;
        for name in gone {
            fs::remove_file(world.in_log(name)).unwrap();
        }
        assert_eq!(world.restart_logged().await, head, "without {gone:?}");
    }
    // A damaged cache is no cache.
    world.engine.shutdown().await;
    let mut bytes = fs::read(world.in_log("progress")).unwrap();
    bytes[20] ^= 1;
    fs::write(world.in_log("progress"), bytes).unwrap();
    assert_eq!(world.restart_logged().await, head);
    verified(&world.engine, &world.engine.leaf_receipt(9, Opened::BOTH).await.unwrap());
}

#[tokio::test]
async fn a_log_that_was_off_makes_up_for_it() {
    let mut world = World::new().await;
    some_history(&world).await;
    assert!(matches!(world.engine.leaf_receipt(0, Opened::BOTH).await, Err(LogError::NoLog)));
    let head = world.restart_logged().await;
    assert_eq!(head.size, LEAVES);
    world.restart().await;
    world.charge(&Buy::new(7, 7)).await;
    let head = world.restart_logged().await;
    assert_eq!(head.size, LEAVES + 1);
    verified(&world.engine, &world.engine.leaf_receipt(LEAVES, Opened::BOTH).await.unwrap());
}

#[tokio::test]
async fn without_its_secrets_or_under_another_key_it_does_not_start() {
    let mut world = logged().await;
    world.engine.shutdown().await;
    let other = start(world.dir.path(), &world.clock, 2).unwrap_err();
    assert!(matches!(other, StartError::Log(LogError::OtherLog { .. })), "{other}");

    let secrets = world.in_log("secrets");
    let kept = fs::read(&secrets).unwrap();
    let mut damaged = kept.clone();
    damaged[20] ^= 1;
    fs::write(&secrets, damaged).unwrap();
    let error = start(world.dir.path(), &world.clock, 1).unwrap_err();
    assert!(
        matches!(error, StartError::Log(LogError::SecretsDamaged { record: 0, .. })),
        "{error}"
    );

    fs::remove_file(&secrets).unwrap();
    let error = start(world.dir.path(), &world.clock, 1).unwrap_err();
    assert!(matches!(error, StartError::Log(LogError::SecretsMissing(_))), "{error}");

    // A record that a crash tore off was never used.
    fs::write(&secrets, [&kept[..], &kept[..30]].concat()).unwrap();
    world.restart_logged().await;
    assert_eq!(fs::read(&secrets).unwrap(), kept);
}

#[tokio::test]
async fn a_journal_that_was_set_back_is_never_signed_again() {
    let mut world = logged().await;
    let before = tempfile::tempdir().unwrap();
    world.engine.shutdown().await;
    copy(&world.dir.path().join("journal"), &before.path().join("journal"));
    let TreeHead { size, .. } = world.restart_logged().await;
    world.charge(&Buy::new(1, 100)).await;
    head_at(&world.engine, size + 1).await;
    let log = world.engine.log().unwrap();
    let (head, note) = log.prepare().unwrap();
    assert!(log.checkpoint().is_none(), "not shown yet");
    log.publish(head, &note, &[]).unwrap();
    assert_eq!(log.checkpoint().unwrap().0, head);
    world.engine.shutdown().await;

    fs::remove_dir_all(world.dir.path().join("journal")).unwrap();
    fs::remove_dir_all(world.dir.path().join("snapshots")).unwrap();
    fs::remove_dir_all(world.dir.path().join("index")).unwrap();
    copy(&before.path().join("journal"), &world.dir.path().join("journal"));
    world.restart_logged().await;
    let log = world.engine.log().unwrap();
    assert!(log.halted().unwrap().contains("set back"));
    assert!(matches!(log.sign(), Err(LogError::Halted(_))));
    assert!(log.checkpoint().is_none());
    // Payments go on; another history of the same length is noticed as well.
    world.charge(&Buy::new(2, 300)).await;
    world.charge(&Buy::new(3, 300)).await;
    world.restart_logged().await;
    assert!(world.engine.log().unwrap().halted().unwrap().contains("another root"));
}

#[tokio::test]
async fn a_journal_that_went_on_otherwise_makes_its_own_tree() {
    let mut world = logged().await;
    let before = tempfile::tempdir().unwrap();
    world.engine.shutdown().await;
    copy(&world.dir.path().join("journal"), &before.path().join("journal"));
    world.restart_logged().await;
    world.charge(&Buy::new(1, 100)).await;
    world.charge(&Buy::new(2, 100)).await;
    world.engine.shutdown().await;
    for folder in ["journal", "snapshots", "index"] {
        fs::remove_dir_all(world.dir.path().join(folder)).unwrap();
    }
    copy(&before.path().join("journal"), &world.dir.path().join("journal"));
    // As many rows and one more, and nobody was there to see it.
    world.restart().await;
    for order in 3..6 {
        world.charge(&Buy::new(order, 7).by(2)).await;
    }
    let head = world.restart_logged().await;
    for leaf in 0..head.size {
        verified(&world.engine, &world.engine.leaf_receipt(leaf, Opened::BOTH).await.unwrap());
    }
}

#[tokio::test]
async fn a_guard_remembers_what_the_data_folder_has_forgotten() {
    let world = logged().await;
    world.engine.shutdown().await;
    let guard = world.dir.path().join("elsewhere");
    let open = || {
        let mut log = LogOptions::new(signer(1));
        log.guard = Some(guard.clone());
        let mut options = options(world.dir.path(), &world.clock);
        options.log = Some(log);
        Engine::start(options)
    };
    let missing = open().unwrap_err();
    assert!(matches!(missing, StartError::Log(LogError::GuardMissing(_))), "{missing}");
    assert!(engine::create_guard(&disk::Local, &guard).unwrap());
    assert!(!engine::create_guard(&disk::Local, &guard).unwrap(), "it stays as it is");
    let engine = open().unwrap().engine;
    let log = engine.log().unwrap();
    let (head, note) = log.prepare().unwrap();
    log.publish(head, &note, &[]).unwrap();
    engine.shutdown().await;
    // The guard knows of a larger tree than the folder.
    let larger = TreeHead { size: head.size + 1, ..head };
    let text = tlog::Checkpoint::new(signer(1).verifier().name(), larger).to_string();
    fs::write(&guard, signer(1).sign(text).unwrap().to_string()).unwrap();
    let engine = open().unwrap().engine;
    let halted = engine.log().unwrap().halted().unwrap();
    assert!(halted.contains("set back") && halted.contains("guard"), "{halted}");
    engine.shutdown().await;
}

#[tokio::test]
async fn forgetting_closes_postings_for_good_and_keeps_the_tree() {
    let mut world = logged().await;
    some_history(&world).await;
    let head = head_at(&world.engine, LEAVES).await;
    let payment = Buy::new(1, 100).id();
    let before = world.engine.payment_receipt(payment, 0, Opened::BOTH).await.unwrap().unwrap();
    let secrets = fs::read(world.in_log("secrets")).unwrap();
    let forgotten = world.engine.forget(payer(1)).await.unwrap();
    // Its creation, its funding, three legs and one, a hold and its post.
    assert_eq!(forgotten, 1 + 1 + 1 + 3 + 2);
    assert_eq!(world.engine.forget(payer(1)).await.unwrap(), 0);
    for restarted in [false, true] {
        if restarted {
            // Everything that could be made anew is.
            world.engine.shutdown().await;
            fs::remove_file(world.in_log("progress")).unwrap();
            fs::remove_file(world.in_log("leaves")).unwrap();
            assert_eq!(world.restart_logged().await, head);
        }
        assert_eq!(world.engine.log().unwrap().head(), head);
        let receipt = world.engine.payment_receipt(payment, 0, Opened::BOTH).await.unwrap();
        let opening = verified(&world.engine, &receipt.unwrap());
        assert_eq!(opening.debit().account(), None, "the payer is forgotten");
        assert_eq!(opening.credit().account(), Some(payee(1)), "the payee's side still opens");
        // A receipt that somebody kept stays good.
        verified(&world.engine, &before);
        let salt = &secrets[..];
        let now = fs::read(world.in_log("secrets")).unwrap();
        let old = salt.chunks(48).find(|record| record[..16] == payer(1).to_be_bytes()).unwrap();
        assert!(!now.windows(16).any(|window| window == &old[16..32]), "the secret is destroyed");
    }
    // The account goes on, and its new leaves open.
    let view = world.charge(&Buy::new(9, 1)).await;
    let receipt = world.engine.payment_receipt(view.payment, 0, Opened::BOTH).await.unwrap();
    assert_eq!(verified(&world.engine, &receipt.unwrap()).debit().account(), Some(payer(1)));
    assert!(world.engine.forget(payee(77)).await.is_err());
}

#[tokio::test]
async fn a_checkpoint_can_be_had_while_payments_come() {
    let world = logged().await;
    let engine = world.engine.clone();
    let signing = tokio::spawn(async move {
        let log = engine.log().unwrap();
        let mut sizes = Vec::new();
        for _ in 0..50 {
            let (head, note) = log.prepare().unwrap();
            log.publish(head, &note, &[]).unwrap();
            sizes.push(head.size);
            tokio::task::yield_now().await;
        }
        sizes
    });
    for order in 1..200 {
        let command = Buy::new(order, 1).mode(Mode::Charge).command();
        world.engine.authorize(command).await.unwrap();
    }
    let sizes = signing.await.unwrap();
    assert!(sizes.is_sorted());
    let (head, _) = world.engine.log().unwrap().covering(0).unwrap();
    let proof = world.engine.log().unwrap().prove_consistency(sizes[0].max(1), head.size).unwrap();
    assert!(!proof.is_empty() || sizes[0] == head.size);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_signs_at_the_same_time_never_halts_the_log() {
    let world = logged().await;
    let is_over = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let signers: Vec<_> = (0..4)
        .map(|_| {
            let (log, is_over) = (world.engine.log().unwrap().clone(), is_over.clone());
            std::thread::spawn(move || {
                while !is_over.load(std::sync::atomic::Ordering::Relaxed) {
                    log.sign().unwrap();
                }
            })
        })
        .collect();
    for order in 1..400 {
        world.engine.authorize(Buy::new(order, 1).mode(Mode::Charge).command()).await.unwrap();
    }
    is_over.store(true, std::sync::atomic::Ordering::Relaxed);
    for signer in signers {
        signer.join().unwrap();
    }
    assert_eq!(world.engine.log().unwrap().halted(), None);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[tokio::test]
async fn an_epoch_is_a_leaf_that_tells_what_is_owed() {
    let mut world = logged().await;
    some_history(&world).await;
    let rows = world.engine.log().unwrap().head().size.max(LEAVES);
    let closed = world.engine.close_epoch().await.unwrap();
    assert_eq!((closed.record.number(), closed.record.size(), closed.leaf), (1, rows, rows));
    let owed = closed.record.asset(crate::world::usd()).unwrap().root.sum;
    // The treasury owes nothing: everything that came in belongs to somebody.
    assert_eq!(owed, u128::from(crate::world::PAYERS) * crate::world::FUNDS);
    world.charge(&Buy::new(10, 1)).await;
    let second = world.engine.close_epoch().await.unwrap();
    assert_eq!((second.record.number(), second.leaf), (2, rows + 2));
    assert_ne!(
        closed.record.asset(crate::world::usd()).unwrap().root.hash,
        second.record.asset(crate::world::usd()).unwrap().root.hash
    );
    let view = world.charge(&Buy::new(11, 1)).await;
    let receipt = world.engine.payment_receipt(view.payment, 0, Opened::BOTH).await.unwrap();
    assert_eq!(receipt.as_ref().unwrap().index(), rows + 3);
    verified(&world.engine, &receipt.unwrap());
    assert!(matches!(
        world.engine.leaf_receipt(rows, Opened::BOTH).await,
        Err(LogError::NoLeaf(_))
    ));
    let head = head_at(&world.engine, rows + 4).await;
    world.engine.shutdown().await;
    for gone in ["progress", "leaves"] {
        fs::remove_file(world.in_log(gone)).unwrap();
    }
    assert_eq!(world.restart_logged().await, head);
    // The journal alone makes the same.
    world.engine.shutdown().await;
    fs::remove_dir_all(world.dir.path().join("snapshots")).unwrap();
    fs::remove_file(world.in_log("progress")).unwrap();
    assert_eq!(world.restart_logged().await, head);
    let third = world.engine.close_epoch().await.unwrap();
    assert_eq!(third.record.number(), 3);
}

#[tokio::test]
async fn a_statement_shows_the_whole_chain_and_where_the_epoch_has_it() {
    let world = logged().await;
    some_history(&world).await;
    world.engine.close_epoch().await.unwrap();
    world.charge(&Buy::new(10, 5)).await;
    let mut lengths = Vec::new();
    for account in [payer(1), payer(2), payer(3), payee(1), payee(4)] {
        let statement = world.engine.statement(account).await.unwrap();
        let statement = Statement::parse(statement.to_json().unwrap().as_bytes()).unwrap();
        let verdict = statement.verify(&policy(&world.engine), None).unwrap();
        assert!(verdict.epoch.is_some());
        let view = world.engine.read(move |state| state.account(account)).await.unwrap().unwrap();
        assert_eq!(verdict.balances.credits_posted, view.credits.units());
        assert_eq!(verdict.balances.debits_posted, view.debits.units());
        lengths.push(verdict.lines.len());

        // Whatever the epoch covers cannot be left out; what came after it is not covered yet.
        let covered = world.engine.log().unwrap().epoch().unwrap().record.size();
        for gone in 0..statement.entries.len() {
            let mut cut = statement.clone();
            let entry = cut.entries.remove(gone);
            let judged = cut.verify(&policy(&world.engine), None);
            assert_eq!(judged.is_ok(), entry.index >= covered, "without entry {gone}");
        }
    }
    assert_eq!(lengths, [9, 6, 3, 11, 1]);
    world.engine.forget(payer(1)).await.unwrap();
    let gone = world.engine.statement(payer(1)).await.unwrap_err();
    assert_eq!((gone.code(), gone.http_status()), ("log_forgotten", 410));
    let none = world.engine.statement(payee(77)).await.unwrap_err();
    assert_eq!((none.code(), none.http_status()), ("account_unknown", 404));
}
