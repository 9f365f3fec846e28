//! What a run came to: counts, and a number that two equal runs share.

/// What a run was made of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    pub requests: u64,
    pub changes: u64,
    /// Payments under mandates, and orders that a budget refused.
    pub delegated: u64,
    pub over_budget: u64,
    pub starts: u64,
    /// Damage that was found, and named, at a start.
    pub refused: u64,
    pub fingerprint: u64,
}

impl Summary {
    /// Adds another run.
    pub fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.changes += other.changes;
        self.delegated += other.delegated;
        self.over_budget += other.over_budget;
        self.starts += other.starts;
        self.refused += other.refused;
    }
}
