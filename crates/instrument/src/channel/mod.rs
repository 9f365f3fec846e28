//! Channels: a hold behind a stream of payments to one payee.
//!
//! The payer signs [`ChannelTerms`] once. After that each payment is a [`Voucher`], one signature
//! over a running total, or a [`Tick`], one link of a hash chain that the terms anchor.
//!
//! Invariant: every statement names the channel, whose id is the digest of its terms; so a voucher
//! of another node, payee or asset is a voucher of another channel.

mod close;
mod terms;
mod tick;
mod top_up;
mod voucher;

pub use close::Close;
pub use terms::{ChannelTerms, VerifiedTerms};
pub use tick::{TICK_LINK_BYTES, Tick, TickLink};
pub use top_up::TopUp;
pub use voucher::{SignedVoucher, Voucher};
