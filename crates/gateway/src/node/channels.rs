//! The calls about channels, as a gateway makes them: in the same process, or over HTTP.
//!
//! Each call is the engine's of the same name. Every one may be repeated: totals are absolute and
//! statements signed, so a copy changes nothing.

use engine::{
    Begun, ChannelError, ChannelView, ClaimToken, Closing, OpenChannel, OpenChannelError, Outcome,
    Present, Proof, Spend, Unavailable,
};
use http::Method;
use instrument::Signed;
use instrument::channel::{Tick, TopUp};
use money::ChannelId;

use super::wire::channel::{
    AwaitWire, BegunWire, ChannelWire, ClosingWire, GiveUpWire, OpenWire, PresentWire, ProofWire,
    SignedWire, SpendWire, TicksWire,
};
use super::{Node, RemoteNode};

impl Node {
    /// See [`engine::Engine::open_channel`].
    pub async fn open_channel(
        &self,
        command: OpenChannel,
    ) -> Result<ChannelView, OpenChannelError> {
        match self {
            Self::Local(engine) => engine.open_channel(command).await,
            Self::Remote(node) => node.ask("channels/open", &OpenWire::new(&command)).await,
        }
    }

    /// See [`engine::Engine::top_up`].
    pub async fn top_up(&self, top_up: Signed<TopUp>) -> Result<ChannelView, ChannelError> {
        match self {
            Self::Local(engine) => engine.top_up(top_up).await,
            Self::Remote(node) => node.ask("channels/top-up", &SignedWire::new(&top_up)).await,
        }
    }

    /// See [`engine::Engine::present`].
    pub async fn present(&self, command: Present) -> Result<Begun, ChannelError> {
        match self {
            Self::Local(engine) => engine.present(command).await,
            Self::Remote(node) => {
                let message = PresentWire::new(&command);
                let begun: BegunWire =
                    node.ask::<_, ChannelError>("channels/present", &message).await?;
                begun.open().map_err(|_| Unavailable::Unreachable.into())
            }
        }
    }

    /// See [`engine::Engine::accept`].
    pub async fn accept(&self, proof: Proof) -> Result<ChannelView, ChannelError> {
        match self {
            Self::Local(engine) => engine.accept(proof).await,
            Self::Remote(node) => node.ask("channels/accept", &ProofWire::from(&proof)).await,
        }
    }

    /// See [`engine::Engine::accept_ticks`].
    pub async fn accept_ticks(
        &self,
        channel: ChannelId,
        ticks: Vec<Tick>,
    ) -> Result<ChannelView, ChannelError> {
        match self {
            Self::Local(engine) => engine.accept_ticks(channel, ticks).await,
            Self::Remote(node) => {
                node.ask("channels/accept-ticks", &TicksWire::new(channel, &ticks)).await
            }
        }
    }

    /// See [`engine::Engine::claim`].
    pub async fn claim(&self, proof: Proof) -> Result<ChannelView, ChannelError> {
        match self {
            Self::Local(engine) => engine.claim(proof).await,
            Self::Remote(node) => node.ask("channels/claim", &ProofWire::from(&proof)).await,
        }
    }

    /// See [`engine::Engine::spend`].
    pub async fn spend(&self, command: Spend) -> Result<ChannelView, ChannelError> {
        match self {
            Self::Local(engine) => engine.spend(command).await,
            Self::Remote(node) => node.ask("channels/spend", &SpendWire::from(command)).await,
        }
    }

    /// See [`engine::Engine::give_up`].
    pub async fn give_up(
        &self,
        channel: ChannelId,
        lease: ClaimToken,
        outcome: Option<Outcome>,
    ) -> Result<ChannelView, ChannelError> {
        match self {
            Self::Local(engine) => engine.give_up(channel, lease, outcome).await,
            Self::Remote(node) => {
                let outcome = outcome.map(Into::into);
                node.ask("channels/give-up", &GiveUpWire { channel, lease, outcome }).await
            }
        }
    }

    /// See [`engine::Engine::await_accepted`]. Over HTTP the wait is cut so that the node's answer
    /// comes before this gateway gives the node up.
    pub async fn await_accepted(
        &self,
        channel: ChannelId,
        lease: ClaimToken,
        above: u128,
        wait_ms: u32,
    ) -> Result<ChannelView, ChannelError> {
        match self {
            Self::Local(engine) => engine.await_accepted(channel, lease, above, wait_ms).await,
            Self::Remote(node) => {
                let wait_ms = wait_ms.min(node.patience_ms());
                node.ask("channels/await", &AwaitWire::new(channel, lease, above, wait_ms)).await
            }
        }
    }

    /// See [`engine::Engine::settle_channel`].
    pub async fn settle_channel(&self, channel: ChannelId) -> Result<ChannelView, ChannelError> {
        match self {
            Self::Local(engine) => engine.settle_channel(channel).await,
            Self::Remote(node) => node.ask("channels/settle", &ChannelWire { channel }).await,
        }
    }

    /// See [`engine::Engine::close_channel`].
    pub async fn close_channel(&self, closing: Closing) -> Result<ChannelView, ChannelError> {
        match self {
            Self::Local(engine) => engine.close_channel(closing).await,
            Self::Remote(node) => node.ask("channels/close", &ClosingWire::from(&closing)).await,
        }
    }

    /// A channel as it is, open or closed; `None` if the node does not know it.
    pub async fn channel(&self, channel: ChannelId) -> Result<Option<ChannelView>, Unavailable> {
        match self {
            Self::Local(engine) => engine.read(move |state| state.channel(channel)).await,
            Self::Remote(node) => node.channel(channel).await,
        }
    }
}

impl RemoteNode {
    async fn channel(&self, channel: ChannelId) -> Result<Option<ChannelView>, Unavailable> {
        let path = format!("/v1/channels/{channel}");
        let (status, body) = self.send(Method::GET, &path, Vec::new()).await?;
        match status {
            200 => serde_json::from_slice(&body).map(Some).map_err(|_| Unavailable::Unreachable),
            404 => Ok(None),
            _ => Err(Unavailable::Unreachable),
        }
    }
}
