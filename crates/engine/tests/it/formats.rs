//! A data folder that an earlier program left behind, killed while it ran: opened, read, used.
//!
//! `fixtures/snapshot-1` has a journal of three segments and a snapshot of layout 1, from when the
//! engine kept all of history in memory. `fixtures/snapshot-2` has one of layout 2, from before there
//! were channels. `seen.json` is what that program answered to every read.

use std::fs;
use std::path::Path;

use engine::{
    AccountView, AssetView, Authorized, BooksView, Engine, EventKind, MandateView, ManualClock,
    Mode, Options, PaymentState, PaymentView, State, books, fsck,
};
use money::{Amount, MandateId};
use serde::Deserialize;

use crate::batches::assert_sound;
use crate::channels::parts::Channel;
use crate::facts::events;
use crate::world::{Buy, FUNDS, Granted, START_MS, World, node, options, payer, units};

/// When the program was killed, counted from where its clock began.
const KILLED_AFTER_MS: u64 = 31_000;

/// The batch of the snapshot, and the last one.
const SNAPSHOT: u64 = 57;
const LAST: u64 = 79;

#[derive(Debug, PartialEq, Deserialize)]
struct Seen {
    accounts: Vec<AccountView>,
    assets: Vec<AssetView>,
    payments: Vec<PaymentView>,
    mandates: Vec<SeenMandate>,
    books: Vec<BooksView>,
}

/// What the older program told of a mandate.
#[derive(Debug, PartialEq, Deserialize)]
struct SeenMandate {
    mandate: MandateId,
    label: String,
    delegate: String,
    per_payment: Amount,
    total: Amount,
    spent: Amount,
    expires_at_ms: u64,
    revoked: bool,
}

impl SeenMandate {
    fn of(view: MandateView) -> Self {
        Self {
            mandate: view.mandate,
            label: view.label,
            delegate: view.delegate,
            per_payment: view.per_payment,
            total: view.total,
            spent: view.spent,
            expires_at_ms: view.expires_at_ms,
            revoked: view.revoked,
        }
    }
}

fn seen(state: &State) -> Seen {
    let accounts = state.accounts();
    let owner = |view: &AccountView| engine::payer(state, view.account, usize::MAX).unwrap();
    Seen {
        mandates: accounts
            .iter()
            .flat_map(|view| owner(view).mandates)
            .map(SeenMandate::of)
            .collect(),
        accounts,
        assets: state.asset_views(),
        payments: state.latest_payments(usize::MAX),
        books: books(state),
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::write(target, fs::read(&path).unwrap()).unwrap();
        }
    }
}

fn fixture() -> std::path::PathBuf {
    fixture_of("snapshot-1")
}

fn fixture_of(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// The folder on a disk of its own, opened by this program, and how many batches were folded.
fn opened() -> (World, u64) {
    let dir = tempfile::tempdir().unwrap();
    copy(&fixture().join("data"), dir.path());
    let clock = ManualClock::new((START_MS + KILLED_AFTER_MS) * 1_000_000);
    let started = Engine::start(small_chunks(dir.path(), &clock)).unwrap();
    (World { dir, clock, engine: started.engine }, started.replayed_batches)
}

/// So few rows a chunk that the old history fills several.
fn small_chunks(dir: &Path, clock: &ManualClock) -> Options {
    let mut options = options(dir, clock);
    options.index.chunk_rows = 32;
    options
}

async fn told(world: &World) -> Seen {
    world.engine.read(seen).await.unwrap()
}

#[tokio::test]
async fn everything_in_an_older_folder_is_found() {
    let before: Seen =
        serde_json::from_slice(&fs::read(fixture().join("seen.json")).unwrap()).unwrap();
    assert_eq!((before.accounts.len(), before.payments.len()), (13, 59));
    assert_eq!((before.mandates.len(), before.assets.len()), (3, 2));
    for state in [PaymentState::Held, PaymentState::Settled, PaymentState::Released] {
        assert!(before.payments.iter().any(|payment| payment.state == state), "{state:?}");
    }
    let (world, replayed) = opened();
    assert_eq!(told(&world).await, before);
    // Each payment also by its id, not only in the list.
    for payment in before.payments {
        assert_eq!(world.payment(payment.payment).await.unwrap(), payment);
    }
    // Its snapshot would have spared most of them.
    assert_eq!(replayed, LAST);
}

#[tokio::test]
async fn the_older_snapshot_is_passed_over_by_name() {
    let dir = tempfile::tempdir().unwrap();
    copy(&fixture().join("data"), dir.path());
    let report = fsck(dir.path(), Some(node()), &mut |_| {}).unwrap();
    assert!(report.sound, "{:?}", report.findings);
    assert_eq!((report.last_batch, report.folded_batch), (LAST, LAST));
    assert_eq!((report.payments, report.mandates), (59, 3));
    assert!(report.books.iter().all(|sums| sums.balanced));
    let [finding] = &report.findings[..] else { panic!("{:?}", report.findings) };
    assert_eq!((finding.code, finding.batch), ("snapshot_unusable", Some(SNAPSHOT)));
    let name = format!("{SNAPSHOT:020}.snapshot");
    assert!(finding.file.as_ref().unwrap().ends_with(name), "{finding:?}");
    assert!(finding.what.contains("version"), "{finding:?}");
}

#[tokio::test]
async fn an_older_folder_goes_on() {
    let (mut world, _) = opened();
    // What was presented to the old program is answered, not charged again.
    let before = told(&world).await;
    for (order, amount, body) in [(1, 300, None), (4, 500, Some("kept in the journal"))] {
        match world.engine.authorize(Buy::new(order, amount).command()).await.unwrap() {
            Authorized::Replay { payment, outcome } => {
                assert_eq!(
                    (payment.state, payment.settled),
                    (PaymentState::Settled, units(amount))
                );
                let body = body.map(|body| crate::world::outcome(body).body);
                assert_eq!(outcome.map(|outcome| outcome.body), body);
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(told(&world).await, before);
    // What it held is settled, and its mandates are spent on.
    let held = Buy::new(43, 90).by(2).mode(Mode::Hold { seconds: 3600 });
    world.engine.settle(held.id(), Some(80), None, false).await.unwrap();
    assert_eq!(world.state_of(held.id()).await, PaymentState::Settled);
    world.charge(&Buy::new(60, 50).under(&Granted::new(1, 1, 50, 1000))).await;
    for order in 61..161 {
        world.charge(&Buy::new(order, 2).by(3)).await;
    }
    world.assert_balanced().await;
    let before = told(&world).await;

    world.engine.shutdown().await;
    let report = fsck(world.dir.path(), Some(node()), &mut |_| {}).unwrap();
    assert!(report.sound, "{:?}", report.findings);
    assert_eq!(report.snapshots_equal, vec![report.last_batch]);
    let started = Engine::start(small_chunks(world.dir.path(), &world.clock)).unwrap();
    world.engine = started.engine;
    assert_eq!(started.replayed_batches, 0);
    assert_eq!(told(&world).await, before);

    // An hour later the other hold of the old program has not run out; two hours later it has.
    let late = Buy::new(42, 600).under(&Granted::new(3, 3, 700, 9000)).id();
    world.clock.advance_ms(3_600_000);
    assert_eq!(world.state_of(late).await, PaymentState::Held);
    world.clock.advance_ms(3_600_001);
    assert_eq!(world.held(payer(3)).await, 0);
    assert_eq!(world.state_of(late).await, PaymentState::Released);
    let paid = 29 * 7 + 100 * 2;
    assert_eq!(world.available(payer(3)).await, FUNDS - paid);
}

/// The snapshot before there were channels is used, not passed over: only the batches behind it are
/// folded; a check finds it equal to what the journal folds to; and channels can be opened on it.
#[tokio::test]
async fn a_folder_from_before_there_were_channels_goes_on_from_its_snapshot() {
    const SNAPSHOT: u64 = 36;
    const LAST: u64 = 41;
    let dir = tempfile::tempdir().unwrap();
    copy(&fixture_of("snapshot-2").join("data"), dir.path());
    let report = fsck(dir.path(), Some(node()), &mut |_| {}).unwrap();
    assert!(report.sound && report.findings.is_empty(), "{:?}", report.findings);
    assert_eq!((report.last_batch, report.snapshots_equal), (LAST, vec![SNAPSHOT]));

    let clock = ManualClock::new(START_MS * 1_000_000);
    let started = Engine::start(options(dir.path(), &clock)).unwrap();
    assert_eq!(started.replayed_batches, LAST - SNAPSHOT);
    let mut world = World { dir, clock, engine: started.engine };
    let before = fs::read(fixture_of("snapshot-2").join("seen.json")).unwrap();
    let before: Seen = serde_json::from_slice(&before).unwrap();
    assert_eq!((before.payments.len(), before.mandates.len()), (26, 1));
    assert_eq!(told(&world).await, before);

    let channel = Channel::new(1).opened(&world).await;
    channel.buy(&world, 1, 300, 100).await;
    assert_sound(&mut world).await;
    assert_eq!(channel.seen(&world).await.spent, 100);
}

/// What an earlier program left has no events; they begin with the first entry of this one, and stay
/// where they are when the index of old and new is built again.
#[tokio::test]
async fn events_of_an_older_folder_begin_with_this_program() {
    let dir = tempfile::tempdir().unwrap();
    copy(&fixture_of("snapshot-2").join("data"), dir.path());
    let clock = ManualClock::new(START_MS * 1_000_000);
    let engine = Engine::start(options(dir.path(), &clock)).unwrap().engine;
    let mut world = World { dir, clock, engine };
    let records = *world.engine.events_end().borrow();
    assert!(records > 26, "{records}");
    assert_eq!(events(&world.engine, 10).await, []);
    world.charge(&Buy::new(900, 5).by(2)).await;
    let before = events(&world.engine, 10).await;
    let [event] = &before[..] else { panic!("{before:?}") };
    assert_eq!(event.position, records);
    assert!(matches!(&event.kind, EventKind::PaymentSettled(paid) if paid.amount == units(5)));

    world.engine.shutdown().await;
    for folder in ["index", "snapshots"] {
        fs::remove_dir_all(world.dir.path().join(folder)).unwrap();
    }
    world.engine = Engine::start(options(world.dir.path(), &world.clock)).unwrap().engine;
    assert_eq!(events(&world.engine, 10).await, before);
    world.engine.shutdown().await;
    let report = fsck(world.dir.path(), Some(node()), &mut |_| {}).unwrap();
    assert!(report.sound, "{:?}", report.findings);
}
