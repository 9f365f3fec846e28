//! Damage that one copy of the data cannot survive: bits that flip at rest, syncs that lie, writes
//! that never arrive or arrive elsewhere.
//!
//! The node must notice. It refuses to start, or to read, and names what is broken, or what was hit
//! did not matter and all is there. What was hit and can be made again from the journal is. A disk that lies about its syncs can take the newest batches away without
//! a trace; what is left must then be exactly what the node was at an earlier time. Anything else is
//! a silent error.

use std::path::Path;

use disk::{Disk, Fault, When};
use engine::StartError;
use ledger::{Change, ChangeKind};

use crate::check::{self, Wrong};
use crate::life::Life;
use crate::log;
use crate::node::{Node, Start};
use crate::oracle::{Books, CHANNEL_CODE};
use crate::summary::Summary;
use crate::trace::Trace;

/// How the data is hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Damage {
    /// Bits flip while the node is down, anywhere.
    Flips,
    /// Bits flip while the node is down, in what can be made again from the journal.
    Caches,
    /// The disk does this while the node works, and then the power goes.
    Disk(Fault),
}

/// Lives until the damage is done, and sees what the next start makes of it.
pub fn live(seed: u64, trace: &mut Trace) -> Result<Summary, String> {
    let mut life = Life::new(seed, trace);
    let kinds = [
        Damage::Flips,
        Damage::Caches,
        Damage::Disk(Fault::LyingSync),
        Damage::Disk(Fault::StaleWrite),
        Damage::Disk(Fault::MisdirectedWrite),
    ];
    let damage = *life.random.pick(&kinds).unwrap_or(&Damage::Flips);
    life.trace.event(format!("{damage:?}"));
    // Only this one thing goes wrong, so that what follows is its doing.
    let faults = &mut life.plan.faults;
    (faults.crash, faults.shutdown) = (0, faults.shutdown.min(20));
    life.begin()?;
    for _ in 0..life.plan.turns / 2 {
        life.quiet_turn()?;
    }
    do_damage(&mut life, damage)?;
    life.trace.event("started again".to_owned());
    life.summary.starts += 1;
    let started = Node::start(Start {
        plan: &life.plan,
        disk: &life.disk,
        clock: &life.clock,
        accept_earlier_clock: true,
        log: life.watch.options(),
    });
    match started {
        Err(refusal) => {
            life.trace.event(format!("refused: {refusal}"));
            is_named(&refusal)?;
            life.summary.refused += 1;
        }
        Ok(node) => match see_what_is_left(&mut life, node, damage) {
            // Named when it is met: an index is not read through when a node starts.
            Err(Wrong::Unreadable(why)) if why.contains("/data/index/") => {
                life.trace.event(format!("unreadable: {why}"));
                life.summary.refused += 1;
            }
            left => left?,
        },
    }
    if damage == Damage::Caches {
        rebuild(&mut life)?;
    }
    Ok(life.finish())
}

fn do_damage(life: &mut Life<'_>, damage: Damage) -> Result<(), String> {
    match damage {
        Damage::Flips | Damage::Caches => {
            life.end_by_shutdown()?;
            life.node = None;
            flip(life, damage);
        }
        Damage::Disk(fault) => {
            let when = if life.random.chance(500) {
                When::Nth(life.random.between(1, 40))
            } else {
                When::PerMillion(100_000)
            };
            life.disk.arm(fault, when);
            for _ in 0..life.random.between(1, 10) {
                life.quiet_turn()?;
            }
            life.node = None;
            life.disk = life.disk.crash();
        }
    }
    Ok(())
}

fn flip(life: &mut Life<'_>, damage: Damage) {
    let mut files = life.disk.files();
    let is_hit = |path: &Path| damage == Damage::Flips || is_cache(path);
    files.retain(|(path, bytes)| *bytes > 0 && is_hit(path));
    for _ in 0..life.random.between(1, 3) {
        if let Some((path, _)) = life.random.pick(&files) {
            let offset = life.disk.flip_some_bit(path);
            life.trace.event(format!("a bit of byte {offset:?} of {} flips", path.display()));
        }
    }
}

/// Whether a file holds nothing that the journal and the log's secrets do not hold.
fn is_cache(path: &Path) -> bool {
    !path.starts_with("/data/journal") && !log::is_kept(path)
}

/// Without the caches, the journal gives everything back.
fn rebuild(life: &mut Life<'_>) -> Result<(), String> {
    life.disk.disarm();
    for (path, _) in life.disk.files() {
        if is_cache(&path) {
            life.disk.remove(&path).map_err(|error| error.to_string())?;
        }
    }
    life.start(false)?;
    life.verify()?;
    life.verify_log(true)
}

/// The refusal must say what is broken: the file, or the batch.
fn is_named(refusal: &StartError) -> Result<(), String> {
    let text = refusal.to_string();
    let is_damage = !matches!(refusal, StartError::Thread(_) | StartError::ClockBehind { .. });
    let names = ["/data/", "/guard/", "`log/", "batch"];
    if is_damage && names.iter().any(|name| text.contains(name)) {
        Ok(())
    } else {
        Err(format!("the refusal names no damage: {text}"))
    }
}

fn all_changes(node: &mut Node) -> Result<Vec<Change>, Wrong> {
    let feed = node.look(|state| check::changes(state, 0));
    feed.ok_or("the node stopped while it was read")?
}

/// The feed once time has done what is due: a channel that had ended in the changes that are gone
/// ends again.
fn after_time(node: &mut Node, before: &[Change]) -> Result<Vec<Change>, Wrong> {
    node.turn();
    let feed = all_changes(node)?;
    let is_of_time = |change: &Change| match change.kind {
        ChangeKind::HoldExpired(_) => true,
        ChangeKind::TransferCreated(transfer) => transfer.code == CHANNEL_CODE,
        ChangeKind::AccountCreated(_) => false,
    };
    match feed.strip_prefix(before) {
        Some(new) if new.iter().all(is_of_time) => Ok(feed),
        _ => Err("the node did what nobody asked for".into()),
    }
}

/// All of it must be there, or exactly what was there at an earlier time.
fn see_what_is_left(life: &mut Life<'_>, mut node: Node, damage: Damage) -> Result<(), Wrong> {
    let feed = all_changes(&mut node)?;
    let past = &life.model().books.past;
    let known = past.len().min(feed.len());
    let is_same = feed
        .iter()
        .zip(past)
        .all(|(change, past)| (change.kind, change.timestamp_ns) == (past.kind, past.timestamp_ns));
    // Holds may have run out since.
    let is_new = |change: &Change| !matches!(change.kind, ChangeKind::HoldExpired(_));
    if !is_same || feed.iter().skip(known).any(is_new) {
        return Err("the damage changed the past, and nobody noticed".into());
    }
    if known < past.len() {
        life.trace.event(format!("the last {} changes are gone", past.len() - known));
        if matches!(damage, Damage::Flips | Damage::Caches) {
            return Err("damage at rest took changes away, and nobody noticed".into());
        }
    }
    let books = Books::replay(&after_time(&mut node, &feed)?)?;
    check::books(&mut node, &books, false)?;
    let is_at_rest = matches!(damage, Damage::Flips | Damage::Caches);
    Ok(life.watch.bear_damage(&mut node, &books, is_at_rest)?)
}
