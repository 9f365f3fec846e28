//! What can happen to a channel, what follows for the ledger, and why it can be refused.

use super::chain::TickError;
use super::tick::Tick;
use super::verdict::VerifiedVoucher;

/// A voucher or tick that was verified, as the machine counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proven {
    /// A voucher whose signature fits the voucher key.
    Voucher {
        /// Its number.
        sequence: u64,
        /// Its total, base units.
        cumulative: u128,
    },
    /// A tick that leads to the newest one; see [`super::TickCursor`].
    Tick(Tick),
}

impl From<&VerifiedVoucher> for Proven {
    fn from(voucher: &VerifiedVoucher) -> Self {
        let voucher = voucher.get();
        Self::Voucher { sequence: voucher.sequence, cumulative: voucher.cumulative }
    }
}

/// One event. Signatures and links are checked before; who may cause an event is for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The payer raises the deposit to this total, base units.
    TopUp {
        /// The whole deposit.
        deposit: u128,
    },
    /// The payer lets the payee take more. Nothing is delivered for it yet.
    Accept(Proven),
    /// A request begins: a proof that was not seen before, and enough of it left to start.
    Begin {
        /// What the request presents.
        proof: Proven,
        /// What must be left to spend, base units.
        start: u128,
    },
    /// The request's money is set aside until a moment, so that it survives a crash.
    Reserve {
        /// Base units.
        units: u128,
        /// Unix milliseconds; from then on it is given back.
        ends_at_ms: u64,
    },
    /// So much has been spent in all since the channel opened. Can go down to where the request
    /// began, for what was not delivered; then all that is left was.
    Spend {
        /// Base units.
        total: u128,
        /// Whether this ends the request.
        end: bool,
    },
    /// The request ends as if it had not begun.
    GiveUp,
    /// The payee takes all that a voucher or tick allows.
    Claim(Proven),
    /// What was spent moves in the ledger.
    Settle,
    /// The payer closes alone: after the delay of the terms.
    AskToClose,
    /// The payee's side closes, with or without the payer's word: at once.
    Agree,
    /// Time has passed.
    Time,
}

/// What an event moves in the ledger, base units. All zero: nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Effects {
    /// From the payer's balance into the channel.
    pub hold: u128,
    /// From the channel to the payee.
    pub pay: u128,
    /// From the channel back to the payer.
    pub give_back: u128,
}

/// Why an event is refused, in order of precedence. The channel is as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StepError {
    /// It is closed, or its time is over.
    #[error("the channel is closed; open a new one")]
    Closed,
    /// The payer has asked to close.
    #[error("the channel is closing and takes no new requests; open a new one")]
    Closing,
    /// A top-up below the deposit.
    #[error(
        "`deposit` is below {deposit}, which is held; it is the whole deposit, not the addition"
    )]
    TopUpLower {
        /// The deposit.
        deposit: u128,
    },
    /// The number of an older voucher.
    #[error("`sequence` is below {newest}, which was seen; sign a voucher with a higher sequence")]
    VoucherStale {
        /// Sequence of the newest voucher.
        newest: u64,
    },
    /// The number of the newest voucher for something else.
    #[error("`sequence` {sequence} was used before; sign a voucher with a higher sequence")]
    VoucherReused {
        /// The sequence.
        sequence: u64,
    },
    /// A new voucher for less than the one before.
    #[error("`cumulative` is below {newest} of the voucher before; totals only grow")]
    VoucherLower {
        /// Total of the newest voucher.
        newest: u128,
    },
    /// More than is held.
    #[error("`cumulative` is above {deposit}, the deposit; top up first or sign a lower total")]
    VoucherAboveDeposit {
        /// The deposit.
        deposit: u128,
    },
    /// A tick that cannot be taken.
    #[error(transparent)]
    Tick(#[from] TickError),
    /// More than is held.
    #[error("tick {index} is worth more than {deposit}, the deposit; top up first")]
    TickAboveDeposit {
        /// The tick's index.
        index: u32,
        /// The deposit.
        deposit: u128,
    },
    /// Another request has money set aside.
    #[error("another request on this channel is being executed; try again when it is over")]
    Busy,
    /// Too little is left.
    #[error("`cumulative` must be at least {needed}, accepted is {accepted}; sign a higher total")]
    Exhausted {
        /// Total that must be accepted.
        needed: u128,
        /// Total that is accepted.
        accepted: u128,
    },
    /// Would give back what was spent before the request or is settled.
    #[error("`spent` is below {start}, which was spent before this request; send that or more")]
    SpendBelowStart {
        /// Lowest total that can be said.
        start: u128,
    },
    /// Would spend more than the payer allows.
    #[error("`spent` is above {accepted}, which is accepted; wait for a voucher or tick")]
    SpendAboveAccepted {
        /// Total that is accepted.
        accepted: u128,
    },
}

impl StepError {
    /// Stable code for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Closed => "channel_closed",
            Self::Closing => "channel_closing",
            Self::TopUpLower { .. } => "top_up_lower",
            Self::VoucherStale { .. } => "voucher_stale",
            Self::VoucherReused { .. } => "voucher_reused",
            Self::VoucherLower { .. } => "voucher_lower",
            Self::VoucherAboveDeposit { .. } => "voucher_above_deposit",
            Self::Tick(error) => error.code(),
            Self::TickAboveDeposit { .. } => "tick_above_deposit",
            Self::Busy => "channel_busy",
            Self::Exhausted { .. } => "channel_exhausted",
            Self::SpendBelowStart { .. } => "spend_below_start",
            Self::SpendAboveAccepted { .. } => "spend_above_accepted",
        }
    }
}
