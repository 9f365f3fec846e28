//! Channels as callers see them: what can be asked, what is answered, what is refused and why.
//!
//! A channel is a hold in the ledger behind a stream of payments to one payee. Invariant, at every
//! moment: `settled <= spent <= spent + reserved <= accepted <= deposit`. What a payer has signed for
//! is `accepted`; what it owes is `spent`; nobody settles or closes for more than that.
//!
//! This module holds data and the calls; decisions are in `decide`, the fold in `state`.

mod calls;
mod checked;
mod command;
mod hand_in;
mod leases;
mod limits;
mod view;

pub(crate) use calls::ChannelCommand;
pub(crate) use checked::{Checked, CheckedClosing, CheckedProof};
pub use command::{Begun, Closing, OpenChannel, Present, PresentMode, Proof, Spend};
pub(crate) use leases::{Awaiting, Lease, Leases, WaitingCopy};
pub use limits::{AWAIT_MS_MAX, ChannelLimits, LEASE_SECONDS_MAX};
pub(crate) use limits::{CHANNEL_COPIES_COUNT_MAX, CHANNELS_PER_PAYER_COUNT_MAX, RELIEF_COUNT_MAX};
pub(crate) use view::text;
pub use view::{ChannelPhase, ChannelView, VoucherView};
