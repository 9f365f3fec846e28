//! The schemes of x402 that a node takes.

use core::fmt;

/// How a payment relates to its price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scheme {
    /// One order for one purchase, of exactly the price.
    Exact,
    /// One order for one purchase; the price is its maximum, what is charged is known after the
    /// work.
    Upto,
    /// Vouchers of a channel, settled together later.
    BatchSettlement,
}

impl Scheme {
    /// Every scheme, in the order in which a challenge offers them.
    pub const ALL: [Self; 3] = [Self::Exact, Self::Upto, Self::BatchSettlement];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Upto => "upto",
            Self::BatchSettlement => "batch-settlement",
        }
    }

    /// Reads the name on the wire; `None` if it is another scheme.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scheme| scheme.name() == name)
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
