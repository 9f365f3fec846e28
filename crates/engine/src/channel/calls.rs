//! The calls of the engine that concern channels.

use instrument::Signed;
use instrument::channel::TopUp;
use money::ChannelId;

use super::{
    Begun, ChannelView, Checked, CheckedClosing, CheckedProof, Closing, OpenChannel, Present,
    Proof, Spend,
};
use crate::command::ClaimToken;
use crate::error::{ChannelError, OpenChannelError, Unavailable};
use crate::handle::{Command, Engine, Reply};
use crate::outcome::Outcome;

/// What the writer is asked to do with a channel.
pub(crate) enum ChannelCommand {
    Open(Box<OpenChannel>, Reply<ChannelView, OpenChannelError>),
    TopUp(Checked<TopUp>, Reply<ChannelView, ChannelError>),
    /// The proof stands beside the command, which has it unchecked.
    Present(Box<Present>, CheckedProof, Reply<Begun, ChannelError>),
    Accept(CheckedProof, Reply<ChannelView, ChannelError>),
    Claim(CheckedProof, Reply<ChannelView, ChannelError>),
    Spend(Box<Spend>, Reply<ChannelView, ChannelError>),
    GiveUp(ChannelId, ClaimToken, Option<Outcome>, Reply<ChannelView, ChannelError>),
    /// Lease, the total to rise above, milliseconds to wait.
    Await(ChannelId, ClaimToken, u128, u32, Reply<ChannelView, ChannelError>),
    Settle(ChannelId, Reply<ChannelView, ChannelError>),
    Close(CheckedClosing, Reply<ChannelView, ChannelError>),
}

impl ChannelCommand {
    /// Answers that the writer does not take it. The caller may be gone, which needs no answer.
    pub(crate) fn refuse(self, why: Unavailable) {
        match self {
            Self::Open(_, reply) => drop(reply.send(Err(why.into()))),
            Self::Present(_, _, reply) => drop(reply.send(Err(why.into()))),
            Self::TopUp(_, reply)
            | Self::Accept(_, reply)
            | Self::Claim(_, reply)
            | Self::Spend(_, reply)
            | Self::GiveUp(_, _, _, reply)
            | Self::Await(_, _, _, _, reply)
            | Self::Settle(_, reply)
            | Self::Close(_, reply) => drop(reply.send(Err(why.into()))),
        }
    }
}

impl Engine {
    /// Opens a channel and holds its deposit. Idempotent by terms: a channel that exists is answered
    /// as it is now.
    pub async fn open_channel(
        &self,
        command: OpenChannel,
    ) -> Result<ChannelView, OpenChannelError> {
        self.call(|reply| Command::Channel(ChannelCommand::Open(Box::new(command), reply))).await
    }

    /// Raises the deposit to the total that the payer has signed. Idempotent.
    pub async fn top_up(&self, top_up: Signed<TopUp>) -> Result<ChannelView, ChannelError> {
        self.prove_top_up(top_up).await
    }

    /// Begins a request that is paid from a channel. One request at a time proceeds; a copy of it
    /// waits for its outcome, another one is refused as busy.
    pub async fn present(&self, command: Present) -> Result<Begun, ChannelError> {
        let command = Box::new(command);
        self.prove(command.proof, |proof, reply| ChannelCommand::Present(command, proof, reply))
            .await
    }

    /// Takes a voucher or tick that raises the accepted total; spends nothing and needs no lease.
    pub async fn accept(&self, proof: Proof) -> Result<ChannelView, ChannelError> {
        self.prove(proof, ChannelCommand::Accept).await
    }

    /// Takes all that a voucher or tick allows, for a payee that metered by itself: accepted and
    /// spent become its total.
    pub async fn claim(&self, proof: Proof) -> Result<ChannelView, ChannelError> {
        self.prove(proof, ChannelCommand::Claim).await
    }

    /// Charges what a request has used so far and renews its lease. Answered when it is durable:
    /// deliver after that.
    pub async fn spend(&self, command: Spend) -> Result<ChannelView, ChannelError> {
        self.call(|reply| Command::Channel(ChannelCommand::Spend(Box::new(command), reply))).await
    }

    /// Ends a request of which nothing counts: spent goes back to where the request began. The
    /// outcome of a reserve is journaled, so that a copy gets it instead of a second execution.
    pub async fn give_up(
        &self,
        channel: ChannelId,
        lease: ClaimToken,
        outcome: Option<Outcome>,
    ) -> Result<ChannelView, ChannelError> {
        self.call(|reply| Command::Channel(ChannelCommand::GiveUp(channel, lease, outcome, reply)))
            .await
    }

    /// Waits until more than `above` is accepted, the channel is closing, or `wait_ms` are over (at
    /// most [`super::AWAIT_MS_MAX`]), and answers with the channel as it is then. Renews the lease.
    pub async fn await_accepted(
        &self,
        channel: ChannelId,
        lease: ClaimToken,
        above: u128,
        wait_ms: u32,
    ) -> Result<ChannelView, ChannelError> {
        self.call(|reply| {
            Command::Channel(ChannelCommand::Await(channel, lease, above, wait_ms, reply))
        })
        .await
    }

    /// Moves what is spent to the payees and goes on. While a request is being served its last step
    /// stays unsettled: it may still come back.
    pub async fn settle_channel(&self, channel: ChannelId) -> Result<ChannelView, ChannelError> {
        self.call(|reply| Command::Channel(ChannelCommand::Settle(channel, reply))).await
    }

    /// Closes a channel, or begins to. Idempotent: a closed channel is answered as it ended.
    pub async fn close_channel(&self, closing: Closing) -> Result<ChannelView, ChannelError> {
        self.prove_close(closing).await
    }
}
