//! What one seed draws before its run begins: the sizes, the mix of requests, the rates of faults.
//!
//! Each seed draws its own, some of them zero, so that the runs differ in kind and not only in order:
//! a fault that only shows where another one is absent has its seeds too.

use crate::random::Random;

/// Rates are per mille.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Turns of the writer in the whole run.
    pub turns: u64,
    /// Most requests of one turn.
    pub requests: u64,
    /// Most events of one batch, now and then.
    pub events: u64,
    pub accounts: u64,
    pub mix: Mix,
    pub time: Time,
    pub faults: Faults,
    pub sizes: Sizes,
    /// Requests that may wait for the writer.
    pub queue: usize,
}

/// How the log is kept, and what happens to it.
#[derive(Debug, Clone)]
pub struct LogPlan {
    pub is_on: bool,
    /// A start without it, which a later one makes up for.
    pub off: u64,
    pub save_every_leaves: u64,
    pub has_guard: bool,
    pub publish: u64,
    pub receipts: u64,
    pub epochs: u64,
    pub forget: u64,
    /// Something goes wrong in its own files, for each turn.
    pub faults: u64,
}

/// What requests are about, as weights, and what their events are like.
#[derive(Debug, Clone)]
pub struct Mix {
    pub new_accounts: u64,
    pub transfers: u64,
    pub payments: u64,
    pub channels: u64,
    /// A request that was sent before is sent again.
    pub again: u64,
    pub linked: u64,
    pub pending: u64,
    pub resolving: u64,
    pub balancing: u64,
    pub closing: u64,
    /// An old event again, alone or with one part changed.
    pub repeated: u64,
    /// Something is wrong: an account or hold that does not exist, a code of zero, another asset.
    pub wrong: u64,
    pub random_ids: u64,
    pub timeouts: u64,
    /// Amounts near the end of 128 bits.
    pub wide: u64,
    pub mandates: u64,
}

/// How the clock moves between turns.
#[derive(Debug, Clone)]
pub struct Time {
    pub forward: u64,
    pub forward_ms: u64,
    /// Goes forward by days.
    pub leap: u64,
    pub back: u64,
    pub back_ms: u64,
}

/// What goes wrong, for each turn.
#[derive(Debug, Clone)]
pub struct Faults {
    /// Power is lost between two turns.
    pub crash: u64,
    /// Power is lost at one of the next writes to the disk.
    pub crash_at_write: u64,
    /// The node is told to stop and is started again.
    pub shutdown: u64,
    /// A sync fails.
    pub sync_error: u64,
    /// A write fails.
    pub write_error: u64,
    /// The disk is full.
    pub full: u64,
    /// Reads give less than was asked for.
    pub short_reads: u64,
    /// Somebody starts another node on the same folder.
    pub intruder: u64,
    /// A snapshot is asked for.
    pub snapshot: u64,
    /// Questions are asked.
    pub questions: u64,
}

/// How small the pieces of the store are.
#[derive(Debug, Clone)]
pub struct Sizes {
    pub batch_bytes: u32,
    pub segment_bytes: u64,
    pub preallocate_bytes: u64,
    pub mark_every_batches: u32,
    /// Journal between two snapshots.
    pub snapshot_every_bytes: u64,
    /// Rows of one chunk of the index.
    pub chunk_rows: usize,
    /// Runs that are merged into one.
    pub fan_out: usize,
    /// Memory for blocks of the index.
    pub cache_bytes: usize,
    /// Blocks of one file of the index.
    pub file_blocks: u32,
}

impl Plan {
    /// The plan of a seed.
    pub fn draw(random: &mut Random) -> Self {
        let turns = random.between(20, 120);
        let mut plan = Self {
            turns,
            requests: random.between(1, 12),
            events: *random.pick(&[1, 4, 16, 60, 200]).unwrap_or(&16),
            accounts: random.between(3, 40),
            mix: Mix::draw(random),
            time: Time {
                forward: rate(random, 600),
                forward_ms: *random.pick(&[1, 1_000, 20_000, 200_000]).unwrap_or(&1),
                leap: 0,
                back: rate(random, 100),
                back_ms: *random.pick(&[1, 1_000, 100_000, 700_000]).unwrap_or(&1),
            },
            faults: Faults::draw(random),
            sizes: Sizes::draw(random),
            queue: *random.pick(&[2, 8, 1024, 1024]).unwrap_or(&1024),
        };
        // Days matter to mandates alone.
        if plan.mix.mandates > 0 {
            plan.time.leap = rate(random, 60);
            // Without orders a budget has nothing to decide.
            plan.mix.payments = plan.mix.payments.max(plan.mix.mandates);
        }
        plan
    }
}

/// Nothing in a third of the seeds, else anything up to the most.
fn rate(random: &mut Random, most: u64) -> u64 {
    if random.chance(333) { 0 } else { random.between(1, most) }
}

impl Mix {
    fn draw(random: &mut Random) -> Self {
        Self {
            new_accounts: random.between(1, 100),
            transfers: random.between(1, 1000),
            payments: rate(random, 1000),
            channels: rate(random, 1000),
            again: rate(random, 300),
            linked: rate(random, 300),
            pending: rate(random, 600),
            resolving: rate(random, 600),
            balancing: rate(random, 200),
            closing: rate(random, 30),
            repeated: rate(random, 200),
            wrong: rate(random, 150),
            random_ids: rate(random, 1000),
            timeouts: rate(random, 1000),
            wide: rate(random, 300),
            mandates: rate(random, 600),
        }
    }
}

impl Faults {
    fn draw(random: &mut Random) -> Self {
        Self {
            crash: rate(random, 60),
            crash_at_write: rate(random, 120),
            shutdown: rate(random, 40),
            sync_error: rate(random, 30),
            write_error: rate(random, 30),
            full: rate(random, 20),
            short_reads: rate(random, 500),
            intruder: rate(random, 30),
            snapshot: rate(random, 300),
            questions: rate(random, 300),
        }
    }
}

impl LogPlan {
    pub fn draw(random: &mut Random) -> Self {
        Self {
            is_on: random.chance(850),
            off: rate(random, 200),
            save_every_leaves: *random.pick(&[1, 10, 200, 1 << 20]).unwrap_or(&1),
            has_guard: random.chance(500),
            publish: rate(random, 1000),
            receipts: rate(random, 500),
            epochs: rate(random, 150),
            forget: rate(random, 100),
            faults: rate(random, 60),
        }
    }
}

impl Sizes {
    fn draw(random: &mut Random) -> Self {
        let batch_bytes = *random.pick(&[65_536_u32, 262_144]).unwrap_or(&65_536);
        let segment_bytes = u64::from(batch_bytes) + random.between(1_024, 65_536);
        Self {
            batch_bytes,
            segment_bytes,
            preallocate_bytes: random.between(512, 32_768),
            snapshot_every_bytes: *random
                .pick(&[4_096, 65_536, 1 << 20, 1 << 40])
                .unwrap_or(&65_536),
            chunk_rows: *random.pick(&[4, 16, 64, 256, 1_024]).unwrap_or(&64),
            fan_out: *random.pick(&[2, 3, 4]).unwrap_or(&2),
            cache_bytes: *random.pick(&[16_384, 1 << 20]).unwrap_or(&16_384),
            file_blocks: *random.pick(&[4, 64, 4_096]).unwrap_or(&64),
            mark_every_batches: *random.pick(&[1_u32, 1, 2, 7]).unwrap_or(&1),
        }
    }
}
