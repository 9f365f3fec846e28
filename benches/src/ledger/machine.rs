//! What the machine itself can do, measured in the same run, and how far a workload is from it.

use std::time::Duration;

use anyhow::{Context, Result};
use benches::disk::{self, Place, SMALL_WRITE_BYTES, scratch};
use benches::memory;
use benches::report::{Report, float};

use super::workloads::Workload;

/// What a transfer takes in the journal.
const ROW_BYTES: usize = 128;
const KIB: usize = 1024;
const SYNC_BYTES: [(usize, &str); 3] =
    [(SMALL_WRITE_BYTES, "4_kib"), (128 * KIB, "128_kib"), (1024 * KIB, "1_mib")];
const COPY_BYTES: usize = 256 * KIB * KIB;

/// The machine's limits.
pub(crate) struct Machine {
    /// Bytes of a write and syncs of such writes in a second, over prewritten zeros.
    syncs: Vec<(usize, f64)>,
    pairs_per_s: f64,
    blake3_gb_per_s: f64,
}

/// What a workload would run into first.
pub(crate) struct Limit {
    pub(crate) name: &'static str,
    pub(crate) transfers_per_s: f64,
}

/// Measures and prints all limits; each for `duration`.
pub(crate) fn measure(report: &Report, duration: Duration, table_bytes: usize) -> Result<Machine> {
    let value = |metric: &str, value, unit| report.value("machine", metric, value, unit);
    let folder = scratch()?;
    let mut syncs = Vec::new();
    for (bytes, name) in SYNC_BYTES {
        let rate = |place| disk::syncs_per_s(folder.path(), bytes, place, duration);
        value(&format!("fdatasync_{name}_growing_per_s"), rate(Place::Growing)?, "1/s")?;
        let prewritten = rate(Place::Prewritten)?;
        value(&format!("fdatasync_{name}_prewritten_per_s"), prewritten, "1/s")?;
        syncs.push((bytes, prewritten));
    }
    let pairs_per_s = memory::pairs_per_s(table_bytes, duration)?;
    value("memory_pairs_per_s", pairs_per_s, "1/s")?;
    let blake3_gb_per_s = memory::blake3_gb_per_s(KIB * KIB, duration);
    value("blake3_gb_per_s", blake3_gb_per_s, "GB/s")?;
    value("memcpy_gb_per_s", memory::copy_gb_per_s(COPY_BYTES, duration), "GB/s")?;
    Ok(Machine { syncs, pairs_per_s, blake3_gb_per_s })
}

impl Machine {
    /// The lowest of the limits for this workload with `in_flight` batches on their way, where each
    /// transfer sends `written_bytes` to the disk.
    pub(crate) fn nearest(
        &self,
        workload: &Workload,
        in_flight: usize,
        written_bytes: f64,
    ) -> Result<Limit> {
        let events_each = f64::from(workload.events_each());
        let on_their_way = workload.batch * in_flight;
        // One sync covers at most everything in flight, and its bytes.
        let sync = |(bytes, per_s): &(usize, f64)| {
            per_s * float((bytes / ROW_BYTES).min(on_their_way) as u64) / events_each
        };
        let bytes_per_s = |(bytes, per_s): &(usize, f64)| per_s * float(*bytes as u64);
        let most = |rates: &mut dyn Iterator<Item = f64>| rates.fold(0.0, f64::max);
        let hashed = self.blake3_gb_per_s * 1e9 / float(ROW_BYTES as u64);
        let limits = [
            ("syncs of the disk", most(&mut self.syncs.iter().map(sync))),
            ("bytes to the disk", most(&mut self.syncs.iter().map(bytes_per_s)) / written_bytes),
            ("random pairs in memory", self.pairs_per_s / events_each),
            ("BLAKE3 on one core", hashed / events_each),
        ];
        let nearest = limits.into_iter().min_by(|left, right| left.1.total_cmp(&right.1));
        let (name, transfers_per_s) = nearest.context("a machine without limits")?;
        Ok(Limit { name, transfers_per_s })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_limit_depends_on_batch_and_bytes() {
        let machine = Machine {
            syncs: vec![(4096, 10_000.0), (1024 * 1024, 1_000.0)],
            pairs_per_s: 6_000_000.0,
            blake3_gb_per_s: 1.0,
        };
        let single = Workload::named("uniform_10k").unwrap();
        let nearest = |batch, in_flight, bytes| {
            let workload = Workload { batch, ..*single };
            machine.nearest(&workload, in_flight, bytes).unwrap()
        };
        let is = |limit: Limit, rate: f64| (limit.transfers_per_s - rate).abs() < 1e-6;
        // One transfer a sync; four a sync; a full small write; then fewer, larger syncs.
        assert!(is(nearest(1, 1, 128.0), 10_000.0));
        assert!(is(nearest(1, 4, 128.0), 40_000.0));
        assert!(is(nearest(100, 1, 128.0), 320_000.0));
        // 8,000 rows a sync of 1 MiB would be 8 million: memory is nearer, or what else is written.
        assert_eq!(nearest(8_000, 1, 128.0).name, "random pairs in memory");
        assert!(is(nearest(8_000, 1, 1_024.0), 1_024_000.0));
        let two_phase = Workload { batch: 8_000, ..*Workload::named("two_phase").unwrap() };
        assert!(is(machine.nearest(&two_phase, 1, 256.0).unwrap(), 3_000_000.0));
    }
}
