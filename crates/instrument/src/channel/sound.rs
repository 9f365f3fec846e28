//! What terms must say before a channel can be opened with them, whatever the node and its limits.
//!
//! It must not judge what depends on the node: its id, accounts, balances, mandates.

use super::terms::ChannelTerms;
use super::tick::{TICK_LINK_BYTES, TickLink};
use super::verdict::{VoucherKey, VoucherKeyError};

/// Shortest delay of a closing by the payer alone, seconds.
pub const CLOSE_DELAY_SECONDS_MIN: u32 = 1;

/// Longest delay of a closing by the payer alone: 30 days.
pub const CLOSE_DELAY_SECONDS_MAX: u32 = 30 * 24 * 3600;

/// Longest life of a channel: 366 days.
pub const CHANNEL_LIFE_MS_MAX: u64 = 366 * 24 * 3600 * 1000;

/// Why terms cannot open a channel, in order of precedence. All have the code `channel_terms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TermsError {
    /// Payer and payee are one.
    #[error("the field `payee` is the payer's own account; name the account that is paid")]
    Payee,
    /// Nothing would be held.
    #[error("the field `deposit` is zero; hold at least one base unit")]
    Deposit,
    /// Ticks need a root, a price and a length.
    #[error(
        "the fields `tick_root`, `tick_units` and `tick_count` must all be zero or none of them"
    )]
    Ticks,
    /// The delay is too short or too long.
    #[error(
        "the field `close_delay_seconds` must be from {CLOSE_DELAY_SECONDS_MIN} to \
         {CLOSE_DELAY_SECONDS_MAX}"
    )]
    CloseDelay,
    /// The life is over.
    #[error("the field `expires_at_ms` is in the past; sign terms that expire later")]
    Expired,
    /// The life is too long.
    #[error(
        "the field `expires_at_ms` is more than 366 days ahead; sign terms that expire earlier"
    )]
    Life,
    /// The key may not sign vouchers.
    #[error(transparent)]
    VoucherKey(#[from] VoucherKeyError),
}

impl TermsError {
    /// Stable code for programs.
    pub const fn code(self) -> &'static str {
        "channel_terms"
    }

    /// The field that is to blame.
    pub const fn field(self) -> &'static str {
        match self {
            Self::Payee => "payee",
            Self::Deposit => "deposit",
            Self::Ticks => "tick_count",
            Self::CloseDelay => "close_delay_seconds",
            Self::Expired | Self::Life => "expires_at_ms",
            Self::VoucherKey(_) => "voucher_key",
        }
    }
}

impl ChannelTerms {
    /// Checks all that follows from the terms and the time, Unix milliseconds. Gives the voucher key
    /// with its point, because checking the key is what costs.
    pub fn check(&self, now_ms: u64) -> Result<VoucherKey, TermsError> {
        if self.payee == self.payer {
            return Err(TermsError::Payee);
        }
        if self.deposit.units() == 0 {
            return Err(TermsError::Deposit);
        }
        let zeros = [
            self.tick_root == TickLink([0; TICK_LINK_BYTES]),
            self.tick_units == 0,
            self.tick_count == 0,
        ];
        if zeros != [self.tick_count == 0; 3] {
            return Err(TermsError::Ticks);
        }
        let delays = CLOSE_DELAY_SECONDS_MIN..=CLOSE_DELAY_SECONDS_MAX;
        if !delays.contains(&self.close_delay_seconds) {
            return Err(TermsError::CloseDelay);
        }
        match self.expires_at_ms.checked_sub(now_ms) {
            None | Some(0) => return Err(TermsError::Expired),
            Some(life) if life > CHANNEL_LIFE_MS_MAX => return Err(TermsError::Life),
            Some(_) => {}
        }
        Ok(VoucherKey::new(self.voucher_key)?)
    }
}
