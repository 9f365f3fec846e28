//! What a channel's machine refuses, in the words of the engine.

use instrument::channel::{StepError, TickError};

use super::ChannelError;

impl From<StepError> for ChannelError {
    fn from(why: StepError) -> Self {
        match why {
            StepError::Closed => Self::Closed,
            StepError::Closing => Self::Closing,
            StepError::TopUpLower { .. } => Self::TopUpLower,
            StepError::VoucherStale { .. } => Self::VoucherStale,
            StepError::VoucherReused { .. } => Self::VoucherReused,
            StepError::VoucherLower { .. } => Self::VoucherLower,
            StepError::VoucherAboveDeposit { .. } => Self::VoucherAboveDeposit,
            StepError::TickAboveDeposit { .. } => Self::TickAboveDeposit,
            StepError::Tick(TickError::BeyondEnd { .. }) => Self::TickBeyondEnd,
            StepError::Tick(TickError::Stale { .. }) => Self::TickStale,
            StepError::Tick(TickError::Jump { .. }) => Self::TickJump,
            StepError::Tick(TickError::Invalid { .. }) => Self::TickInvalid,
            StepError::Busy => Self::Busy,
            StepError::Exhausted { .. } => Self::Exhausted,
            StepError::SpendBelowStart { .. } => Self::SpendBelowStart,
            StepError::SpendAboveAccepted { .. } => Self::SpendAboveAccepted,
        }
    }
}
