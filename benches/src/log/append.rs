//! Leaves and nodes of the tree on one thread, without an engine and without files: what hashing
//! alone allows.

use std::hint::black_box;
use std::time::Instant;

use anyhow::{Result, ensure};
use benches::random::Random;
use benches::report::{Report, float};
use evidence::record::ROW_ENTRY_BYTES;
use tlog::{Hash, Tree, leaf_hash, leaf_hashes};

use super::APPEND;
use crate::ledger::workloads::BATCH;

/// How much is measured.
pub(super) struct Plan {
    /// The fastest counts; each is so short that most are not disturbed.
    pub(super) rounds: usize,
    pub(super) leaves: usize,
}

type Entry = [u8; ROW_ENTRY_BYTES];

/// Prints both rates.
pub(super) fn measure(report: &Report, plan: &Plan) -> Result<()> {
    let entries = entries(plan.leaves);
    let (many, root) = fastest(plan.rounds, &entries, many)?;
    let (one_by_one, other) = fastest(plan.rounds, &entries, one_by_one)?;
    ensure!(root == other, "the same leaves gave two trees");
    report.value(APPEND, "leaves_per_s", many, "1/s")?;
    report.value(APPEND, "leaves_per_s_one_by_one", one_by_one, "1/s")?;
    report.value(APPEND, "ns_per_leaf", 1e9 / many, "ns")
}

/// Leaves a second of the fastest round, and the root.
fn fastest(
    rounds: usize,
    entries: &[Entry],
    append: impl Fn(&mut Tree, &[Entry]) -> Result<()>,
) -> Result<(f64, Hash)> {
    let mut most = 0.0_f64;
    let mut root = tlog::empty_root();
    for _ in 0..rounds {
        let mut tree = Tree::new();
        let started = Instant::now();
        for batch in entries.chunks(BATCH) {
            append(&mut tree, black_box(batch))?;
        }
        most = most.max(float(entries.len() as u64) / started.elapsed().as_secs_f64());
        root = tree.root();
    }
    Ok((most, root))
}

fn many(tree: &mut Tree, entries: &[Entry]) -> Result<()> {
    let finished = |node, hash| _ = black_box((node, hash));
    Ok(tree.append_many(&leaf_hashes(entries), finished)?)
}

fn one_by_one(tree: &mut Tree, entries: &[Entry]) -> Result<()> {
    for entry in entries {
        tree.append_hash(leaf_hash(entry), |node, hash| _ = black_box((node, hash)))?;
    }
    Ok(())
}

fn entries(count: usize) -> Vec<Entry> {
    let mut random = Random::new(5);
    (0..count)
        .map(|_| {
            let commitment = [random.draw_wide(), random.draw_wide()].map(u128::to_be_bytes);
            let mut entry = [evidence::record::ROW_ENTRY; ROW_ENTRY_BYTES];
            entry[1..].copy_from_slice(commitment.as_flattened());
            entry
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_grow_the_same_tree() {
        let entries = entries(BATCH + 11);
        let (per_s, root) = fastest(1, &entries, many).unwrap();
        assert!(per_s > 1.0);
        assert_eq!(fastest(1, &entries, one_by_one).unwrap().1, root);
        assert_ne!(root, tlog::empty_root());
    }
}
