//! How much and how long: limits of every channel, and those that a payee is given by the operator.

/// Longest lease or reserve without a sign of life; a longer one ends after this time.
pub const LEASE_SECONDS_MAX: u32 = 24 * 60 * 60;

/// Longest wait for a further voucher in one call; a longer one is answered after this time.
pub const AWAIT_MS_MAX: u32 = 60_000;

/// Open channels of one payer account.
pub(crate) const CHANNELS_PER_PAYER_COUNT_MAX: usize = 4_096;

/// Copies of one request from a channel that may wait for its outcome.
pub(crate) const CHANNEL_COPIES_COUNT_MAX: usize = 64;

/// Channels of one payee that are settled at once to make room below its exposure.
pub(crate) const RELIEF_COUNT_MAX: usize = 16;

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
