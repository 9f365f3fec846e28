//! A metered request that pays from a channel.
//!
//! Invariant: only totals are reported to the node, so repeating a report that may have been lost is
//! harmless.

use std::time::Duration;

use engine::{ChannelError, ChannelPhase, ChannelView, ClaimToken, Spend, Unavailable};
use tokio::time::{Instant, sleep, timeout_at};
use tracing::warn;

use super::funds::{Funds, Over, Standing};
use crate::node::Node;

/// How often a node that is busy or away is asked again, each time after twice the pause.
const TRIES: u32 = 5;
const FIRST_PAUSE_MS: u64 = 50;

/// How much later than asked the node may answer.
const ANSWER_GRACE_MS: u64 = 500;

/// The lease of a request.
pub(super) struct ChannelFunds {
    node: Node,
    lease: ClaimToken,
    /// Spent before this request.
    base: u128,
    /// As last seen.
    view: ChannelView,
    /// Without a report the lease ends after this time.
    time: Duration,
    reported: Instant,
    deadline: Option<Instant>,
}

impl ChannelFunds {
    /// The lease `lease` of `time`, on a channel that was `began` when the request began.
    pub(super) fn new(
        node: Node,
        lease: ClaimToken,
        began: &ChannelView,
        time: Duration,
        deadline: Option<Instant>,
    ) -> Self {
        let (base, view, reported) = (began.spent, began.clone(), Instant::now());
        Self { node, lease, base, view, time, reported, deadline }
    }

    async fn report(&mut self, spent: u128) -> Result<(), ChannelError> {
        let at = Instant::now();
        let spend = Spend {
            channel: self.view.channel,
            lease: self.lease,
            spent,
            end: false,
            outcome: None,
            durable_outcome: false,
        };
        self.view = self.node.spend(spend).await?;
        self.reported = at;
        Ok(())
    }
}

/// Whether asking again can help.
fn may_pass(error: ChannelError) -> bool {
    use Unavailable::{Busy, Unreachable};
    let away = matches!(error, ChannelError::Unavailable(Busy | Unreachable));
    away || error == ChannelError::PayeeExposure
}

impl Funds for ChannelFunds {
    fn allowed(&self) -> u128 {
        self.view.accepted.saturating_sub(self.base)
    }

    async fn spend(&mut self, cost: u128) -> Result<(), Over> {
        let spent = self.base.saturating_add(cost);
        for attempt in 0..TRIES {
            match self.report(spent).await {
                Ok(()) => return Ok(()),
                Err(error) if may_pass(error) => {
                    sleep(Duration::from_millis(FIRST_PAUSE_MS << attempt)).await;
                }
                Err(error) => {
                    warn!(channel = %self.view.channel, %error, "a metered flow ends");
                    return Err(Over);
                }
            }
        }
        warn!(channel = %self.view.channel, "the node stays away, so a metered flow ends");
        Err(Over)
    }

    async fn wait(&mut self, above: u128, wait_ms: u32) -> Result<(), Over> {
        let (channel, above) = (self.view.channel, self.base.saturating_add(above));
        let until = Instant::now() + Duration::from_millis(wait_ms.into());
        loop {
            let now = Instant::now();
            let left = until.saturating_duration_since(now).as_millis();
            let left = u32::try_from(left).unwrap_or(u32::MAX);
            let answer = self.node.await_accepted(channel, self.lease, above, left);
            // The node keeps the time too; one that does not answer must not keep the flow.
            let latest = until + Duration::from_millis(ANSWER_GRACE_MS);
            let Ok(answer) = timeout_at(latest, answer).await else { return Ok(()) };
            match answer {
                Ok(view) => {
                    self.view = view;
                    self.reported = now;
                    let in_vain = self.view.state != ChannelPhase::Open;
                    let enough = self.view.accepted > above;
                    if enough || !in_vain && Instant::now() >= until {
                        return Ok(());
                    }
                    if in_vain {
                        return Err(Over);
                    }
                }
                Err(error) if may_pass(error) && now < until => {}
                Err(error) if may_pass(error) => return Ok(()),
                Err(_) => return Err(Over),
            }
            // The node may answer before the time is over.
            sleep(Duration::from_millis(FIRST_PAUSE_MS)).await;
        }
    }

    fn standing(&self) -> Option<Standing> {
        let ChannelView { channel, accepted, deposit, .. } = self.view;
        Some(Standing { channel, base: self.base, accepted, deposit })
    }

    fn renew_by(&self) -> Option<Instant> {
        // What is reserved ends at its time; only a spend that goes on renews itself.
        self.deadline.is_none().then(|| self.reported + self.time / 2)
    }

    fn deadline(&self) -> Option<Instant> {
        self.deadline
    }
}
