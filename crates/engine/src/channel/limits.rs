//! How much and how long: limits of every channel, and those that a payee is given by the operator.

/// Longest life of a channel.
pub const CHANNEL_LIFETIME_DAYS_MAX: u64 = 366;

/// Longest delay between a payer's wish to close and the closing.
pub const CHANNEL_CLOSE_DELAY_SECONDS_MAX: u32 = 30 * 24 * 60 * 60;

/// Longest lease or reserve without a sign of life; a longer one ends after this time.
pub const LEASE_SECONDS_MAX: u32 = 24 * 60 * 60;

/// Longest wait for a further voucher in one call; a longer one is answered after this time.
pub const AWAIT_MS_MAX: u32 = 60_000;

/// What one payee's channels may come to, base units of the payee's asset. Without limits by
/// default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelLimits {
    /// Largest deposit of one channel.
    pub deposit_max: u128,
    /// Spent and not settled in one channel; beyond it the channel is settled in the same batch.
    pub unsettled_max: u128,
    /// Spent and not settled in all channels of the payee; beyond it nothing more is spent until
    /// some of them are settled.
    pub exposure_max: u128,
}

impl Default for ChannelLimits {
    fn default() -> Self {
        Self { deposit_max: u128::MAX, unsettled_max: u128::MAX, exposure_max: u128::MAX }
    }
}
