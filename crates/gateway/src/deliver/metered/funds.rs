//! What a metered request pays from.
//!
//! Invariant: what [`Funds::spend`] has answered is durable, so that it can be delivered. Amounts
//! here are base units of this request alone; what a channel has spent before is added where the
//! node is asked.

use std::future::Future;

use money::ChannelId;
use tokio::time::Instant;

/// Nothing more can be spent: the channel is closing, the lease is lost, or the node stays away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Over;

/// Where the channel of a request stands, for a payer that is asked for a voucher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    pub channel: ChannelId,
    /// Spent before this request.
    pub base: u128,
    pub accepted: u128,
    pub deposit: u128,
}

/// What a metered request pays from.
pub(super) trait Funds: Send {
    /// Most base units that the request may cost at present.
    fn allowed(&self) -> u128;

    /// Makes durable that the request has cost so much. Repeating it is harmless.
    fn spend(&mut self, cost: u128) -> impl Future<Output = Result<(), Over>> + Send;

    /// Waits until more than `above` is allowed, for `wait_ms` at most. Nothing is lost if the wait
    /// is given up. An error means that waiting is in vain.
    fn wait(&mut self, above: u128, wait_ms: u32) -> impl Future<Output = Result<(), Over>> + Send;

    /// The channel, if there is one: then vouchers can raise what is allowed.
    fn standing(&self) -> Option<Standing>;

    /// When the right to spend has to be renewed by a [`Funds::spend`].
    fn renew_by(&self) -> Option<Instant>;

    /// When delivery must be over.
    fn deadline(&self) -> Option<Instant>;
}
