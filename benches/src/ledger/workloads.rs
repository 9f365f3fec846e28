//! The workloads as data: what is sent, to how many accounts, in batches of what size.
//!
//! Names are part of the results and do not change.

use super::events::{Ids, Mix, Sides};

/// As many transfers as fit a request of the rival's benchmark, so that batches are the same.
pub(crate) const BATCH: usize = 8_189;

/// What one batch holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Transfers that move money at once.
    Single,
    /// Holds, and in a later batch their posts; a hold and its post count as one transfer.
    TwoPhase,
}

/// One line of the results.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    pub(crate) mix: Mix,
    pub(crate) shape: Shape,
    /// Events of one batch.
    pub(crate) batch: usize,
    /// Numbers of batches that are in flight at once, each a run of its own.
    pub(crate) in_flight: &'static [usize],
    /// Small batches wait for the disk and not for the engine: they get this fraction of the transfers.
    pub(crate) fraction: u64,
}

const UNIFORM: Workload = Workload {
    name: "uniform_10k",
    mix: Mix { accounts: 10_000, sides: Sides::Uniform, ids: Ids::Ascending, history: true },
    shape: Shape::Single,
    batch: BATCH,
    in_flight: &[1, 4],
    fraction: 1,
};

const SMALL: Workload = Workload { in_flight: &[1, 4, 64], ..UNIFORM };

/// Each workload, in the order of running.
pub(crate) const WORKLOADS: &[Workload] = &[
    UNIFORM,
    Workload { name: "uniform_1m", mix: Mix { accounts: 1_000_000, ..UNIFORM.mix }, ..UNIFORM },
    Workload { name: "hot_debit", mix: Mix { sides: Sides::HotDebit, ..UNIFORM.mix }, ..UNIFORM },
    Workload { name: "hot_credit", mix: Mix { sides: Sides::HotCredit, ..UNIFORM.mix }, ..UNIFORM },
    Workload { name: "two_phase", shape: Shape::TwoPhase, ..UNIFORM },
    Workload {
        name: "uniform_random_ids",
        mix: Mix { ids: Ids::Random, ..UNIFORM.mix },
        ..UNIFORM
    },
    Workload { name: "no_history", mix: Mix { history: false, ..UNIFORM.mix }, ..UNIFORM },
    Workload { name: "small_batches_1", batch: 1, fraction: 500, ..SMALL },
    Workload { name: "small_batches_10", batch: 10, fraction: 50, ..SMALL },
    Workload { name: "small_batches_100", batch: 100, fraction: 5, ..SMALL },
];

impl Workload {
    /// The workload of this name.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        WORKLOADS.iter().find(|workload| workload.name == name)
    }

    /// Events that count as one transfer.
    pub(crate) fn events_each(&self) -> u32 {
        match self.shape {
            Shape::Single => 1,
            Shape::TwoPhase => 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_batches_fit_a_call() {
        for workload in WORKLOADS {
            let same = WORKLOADS.iter().filter(|other| other.name == workload.name).count();
            assert_eq!(same, 1, "{}", workload.name);
            assert!((1..=engine::BATCH_EVENTS_COUNT_MAX).contains(&workload.batch));
            assert!(!workload.in_flight.is_empty() && workload.fraction > 0);
        }
        assert!(Workload::named("uniform_10k").is_some());
        assert!(Workload::named("absent").is_none());
    }
}
