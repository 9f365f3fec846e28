//! How statements of payers reach the writer: through the verifier, or, for ticks, after a walk along
//! the chain on the caller's thread.
//!
//! Invariant: what callers hand in for one channel reaches the writer in that order, vouchers among
//! themselves and ticks among themselves; a refusal for a wrong signature costs the writer nothing.

use instrument::channel::{Close, StepError, Tick, TopUp};
use instrument::{SignatureError, Signed};
use money::ChannelId;
use tokio::sync::oneshot;

use super::checked::{Checked, CheckedClosing, CheckedProof};
use super::{ChannelCommand, ChannelView, Closing, Proof};
use crate::error::{ChannelError, Unavailable};
use crate::handle::{Command, Engine, Reply};
use crate::queue::Inlet;
use crate::verifier::Check;

type Answer<T> = Result<T, ChannelError>;

impl Engine {
    /// Checks a proof, hands `command` on with what was found, and waits for the answer.
    pub(super) async fn prove<T: Send + 'static>(
        &self,
        proof: Proof,
        command: impl FnOnce(CheckedProof, Reply<T, ChannelError>) -> ChannelCommand + Send + 'static,
    ) -> Answer<T> {
        let (reply, answer) = oneshot::channel();
        match proof {
            Proof::Voucher(voucher) => {
                let channel = proof.channel();
                let Some(keys) = self.keys.get(channel) else {
                    send(command(CheckedProof::Unchecked(proof), reply), &self.queue);
                    return wait(answer).await;
                };
                let then = move |verdict: Result<_, SignatureError>, writer: &Inlet| match verdict {
                    Ok(voucher) => send(command(CheckedProof::Voucher(voucher), reply), writer),
                    Err(_) => refuse(reply, ChannelError::VoucherSignature),
                };
                self.verifier.check(channel, Check::Voucher(voucher, keys, Box::new(then)))?;
                wait(answer).await
            }
            Proof::Tick { channel, tick } => {
                let command = move |proof| command(proof, reply);
                self.follow(channel, &[tick], command)?;
                wait(answer).await
            }
        }
    }

    /// Takes ticks of one channel, up to the highest of them. If one does not fit, it is refused by
    /// its name and those before it count. All of them lead at most
    /// [`instrument::channel::TICK_JUMP_STEPS_MAX`] steps on.
    pub async fn accept_ticks(
        &self,
        channel: ChannelId,
        ticks: Vec<Tick>,
    ) -> Result<ChannelView, ChannelError> {
        if ticks.is_empty() {
            return Err(ChannelError::TickInvalid);
        }
        let (reply, answer) = oneshot::channel();
        let followed = self.follow(channel, &ticks, |proof| ChannelCommand::Accept(proof, reply));
        match followed {
            Ok(()) => wait(answer).await,
            // Those before it count, and are durable when the refusal is known.
            Err(refused) => match answer.await {
                Ok(Err(earlier)) => Err(earlier),
                Ok(Ok(_)) | Err(_) => Err(refused),
            },
        }
    }

    /// Follows ticks and hands a command on for those that are good; why the next one is not.
    fn follow(
        &self,
        channel: ChannelId,
        ticks: &[Tick],
        command: impl FnOnce(CheckedProof) -> ChannelCommand,
    ) -> Result<(), ChannelError> {
        let Some(keys) = self.keys.get(channel) else {
            let highest = ticks.iter().max_by_key(|tick| tick.index);
            let tick = *highest.ok_or(ChannelError::TickInvalid)?;
            send(command(CheckedProof::Unchecked(Proof::Tick { channel, tick })), &self.queue);
            return Ok(());
        };
        keys.follow(ticks, |advance, refused| {
            if let Some(advance) = advance {
                send(command(CheckedProof::Tick(channel, advance)), &self.queue);
            }
            refused.map_or(Ok(()), |why| Err(StepError::from(why).into()))
        })
    }

    /// Checks a top-up and hands it on.
    pub(super) async fn prove_top_up(&self, top_up: Signed<TopUp>) -> Answer<ChannelView> {
        let channel = top_up.unverified().channel;
        let (reply, answer) = oneshot::channel();
        let Some(keys) = self.keys.get(channel) else {
            send(ChannelCommand::TopUp(Checked::Unchecked(top_up), reply), &self.queue);
            return wait(answer).await;
        };
        let check = move |writer: &Inlet| match keys.top_up(top_up) {
            Ok(top_up) => send(ChannelCommand::TopUp(Checked::Verified(top_up), reply), writer),
            Err(_) => refuse(reply, ChannelError::TopUpSignature),
        };
        self.verifier.check(channel, Check::Alone(Box::new(check)))?;
        wait(answer).await
    }

    /// Checks a wish to close and hands it on.
    pub(super) async fn prove_close(&self, closing: Closing) -> Answer<ChannelView> {
        let (close, word): (_, fn(Checked<Close>) -> CheckedClosing) = match closing {
            Closing::Agreed(close) => (close, CheckedClosing::Agreed),
            Closing::ByPayer(close) => (close, CheckedClosing::ByPayer),
            Closing::ByPayee(channel) => {
                let word = CheckedClosing::ByPayee(channel);
                return self
                    .call(|reply| Command::Channel(ChannelCommand::Close(word, reply)))
                    .await;
            }
        };
        let channel = close.unverified().channel;
        let (reply, answer) = oneshot::channel();
        let Some(keys) = self.keys.get(channel) else {
            send(ChannelCommand::Close(word(Checked::Unchecked(close)), reply), &self.queue);
            return wait(answer).await;
        };
        let check = move |writer: &Inlet| match keys.close(close) {
            Ok(close) => send(ChannelCommand::Close(word(Checked::Verified(close)), reply), writer),
            Err(_) => refuse(reply, ChannelError::CloseSignature),
        };
        self.verifier.check(channel, Check::Alone(Box::new(check)))?;
        wait(answer).await
    }
}

async fn wait<T>(answer: oneshot::Receiver<Answer<T>>) -> Answer<T> {
    answer.await.unwrap_or_else(|_| Err(Unavailable::Stopped.into()))
}

/// Hands a command on, or answers it if the writer does not take it.
fn send(command: ChannelCommand, writer: &Inlet) {
    if let Err((why, back)) = writer.send(Command::Channel(command))
        && let Command::Channel(command) = *back
    {
        command.refuse(why);
    }
}

/// The caller may be gone, which needs no answer.
fn refuse<T>(reply: Reply<T, ChannelError>, why: ChannelError) {
    drop(reply.send(Err(why)));
}
