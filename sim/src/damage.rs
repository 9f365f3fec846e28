//! Damage that one copy of the data cannot survive: bits that flip at rest, syncs that lie, writes
//! that never arrive or arrive elsewhere.
//!
//! The node must notice. It refuses to start and names what is broken, or what was hit did not
//! matter and all is there. A disk that lies about its syncs can take the newest batches away without
//! a trace; what is left must then be exactly what the node was at an earlier time. Anything else is
//! a silent error.

use disk::{Fault, When};
use engine::StartError;

use crate::check;
use crate::life::{Life, Summary};
use crate::node::{Node, Start};
use crate::oracle::Books;
use crate::trace::Trace;

/// How the data is hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Damage {
    /// Bits flip while the node is down.
    Flips,
    /// The disk does this while the node works, and then the power goes.
    Disk(Fault),
}

/// Lives until the damage is done, and sees what the next start makes of it.
pub fn live(seed: u64, trace: &mut Trace) -> Result<Summary, String> {
    let mut life = Life::new(seed, trace);
    let kinds = [
        Damage::Flips,
        Damage::Flips,
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
    });
    match started {
        Err(refusal) => {
            life.trace.event(format!("refused: {refusal}"));
            is_named(&refusal)?;
            life.summary.refused += 1;
        }
        Ok(node) => see_what_is_left(&mut life, node, damage)?,
    }
    Ok(life.finish())
}

fn do_damage(life: &mut Life<'_>, damage: Damage) -> Result<(), String> {
    match damage {
        Damage::Flips => {
            life.end_by_shutdown()?;
            life.node = None;
            flip(life);
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

fn flip(life: &mut Life<'_>) {
    let files = life.disk.files();
    let files: Vec<_> = files.into_iter().filter(|(_, bytes)| *bytes > 0).collect();
    for _ in 0..life.random.between(1, 3) {
        if let Some((path, _)) = life.random.pick(&files) {
            let offset = life.disk.flip_some_bit(path);
            life.trace.event(format!("a bit of byte {offset:?} of {} flips", path.display()));
        }
    }
}

/// The refusal must say what is broken: the file, or the batch.
fn is_named(refusal: &StartError) -> Result<(), String> {
    let text = refusal.to_string();
    let is_damage = !matches!(refusal, StartError::Thread(_) | StartError::ClockBehind { .. });
    if is_damage && (text.contains("/data/") || text.contains("batch")) {
        Ok(())
    } else {
        Err(format!("the refusal names no damage: {text}"))
    }
}

/// All of it must be there, or exactly what was there at an earlier time.
fn see_what_is_left(life: &mut Life<'_>, mut node: Node, damage: Damage) -> Result<(), String> {
    let feed = node.look(|state| check::changes(state, 0));
    let feed = feed.ok_or("the node stopped while it was read")??;
    let past = &life.model().books.past;
    let known = past.len().min(feed.len());
    let is_same = feed
        .iter()
        .zip(past)
        .all(|(change, past)| (change.kind, change.timestamp_ns) == (past.kind, past.timestamp_ns));
    // Holds may have run out since.
    let is_new =
        |change: &ledger::Change| !matches!(change.kind, ledger::ChangeKind::HoldExpired(_));
    if !is_same || feed.iter().skip(known).any(is_new) {
        return Err("the damage changed the past, and nobody noticed".to_owned());
    }
    if known < past.len() {
        life.trace.event(format!("the last {} changes are gone", past.len() - known));
        if damage == Damage::Flips {
            return Err("damage at rest took changes away, and nobody noticed".to_owned());
        }
    }
    check::books(&mut node, &Books::replay(&feed)?, false)
}
