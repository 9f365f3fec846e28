//! Channels: a hold behind a stream of payments to one payee.
//!
//! The payer signs [`ChannelTerms`] once. After that each payment is a [`Voucher`], one signature
//! over a running total, or a [`Tick`], one link of a hash chain that the terms anchor. What they
//! do to the channel is for its [`Machine`] to say.
//!
//! Invariant: every statement names the channel, whose id is the digest of its terms; so a voucher
//! of another node, payee or asset is a voucher of another channel.

#[cfg(feature = "batch")]
mod batch;
mod chain;
mod close;
mod event;
mod machine;
mod pebbles;
mod sound;
mod stored;
mod terms;
mod tick;
mod top_up;
mod verdict;
mod voucher;

#[cfg(feature = "batch")]
pub use batch::verify_batch;
pub use chain::{TICK_JUMP_STEPS_MAX, TickCursor, TickError, VerifiedAdvance, verify_tick};
pub use close::Close;
pub use event::{Effects, Event, Proven, StepError};
pub use machine::{Machine, Phase};
pub use pebbles::{TICK_COUNT_MAX, TickChain, TickChainError};
pub use sound::{
    CHANNEL_LIFE_MS_MAX, CLOSE_DELAY_SECONDS_MAX, CLOSE_DELAY_SECONDS_MIN, TermsError,
};
pub use stored::MachineParts;
pub use terms::{ChannelTerms, VerifiedTerms};
pub use tick::{TICK_LINK_BYTES, Tick, TickLink};
pub use top_up::TopUp;
pub use verdict::{VerifiedVoucher, VoucherKey, VoucherKeyError};
pub use voucher::{SignedVoucher, Voucher};
