//! How statements of payers reach the writer: through the verifier, or, for ticks, after a walk along
//! the chain on the caller's thread.
//!
//! Invariant: what callers hand in for one channel reaches the writer in that order, vouchers among
//! themselves and ticks among themselves.

use instrument::channel::{Close, StepError, Tick, TickError, TopUp, VerifiedAdvance};
use instrument::{SignatureError, Signed, Verified};
use money::ChannelId;
use tokio::sync::oneshot;

use super::checked::{Checked, CheckedClosing, CheckedProof};
use super::{ChannelCommand, ChannelView, Closing, Proof};
use crate::error::{ChannelError, Unavailable};
use crate::handle::{Command, Engine, Reply};
use crate::keys::ChannelKeys;
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
        let channel = proof.channel();
        match (self.keys.get(channel), proof) {
            (None, _) => send(command(CheckedProof::Unchecked(proof), reply), &self.queue),
            (Some(keys), Proof::Voucher(voucher)) => {
                let then = move |verdict: Result<_, SignatureError>| {
                    let wrong = CheckedProof::Refused(proof, ChannelError::VoucherSignature);
                    command(verdict.map_or(wrong, CheckedProof::Voucher), reply)
                };
                self.verifier.check(channel, Check::Voucher(voucher, keys, Box::new(then)))?;
            }
            (Some(keys), Proof::Tick { tick, .. }) => keys.follow(&[tick], |advance, refused| {
                let checked = followed(channel, advance, refused);
                let checked = checked.unwrap_or(CheckedProof::Unchecked(proof));
                send(command(checked, reply), &self.queue);
            }),
        }
        wait(answer).await
    }

    /// Takes ticks of one channel, up to the highest of them. If one does not fit, it is refused by
    /// its name and those before it count. All of them lead at most
    /// [`instrument::channel::TICK_JUMP_STEPS_MAX`] steps on.
    pub async fn accept_ticks(
        &self,
        channel: ChannelId,
        ticks: Vec<Tick>,
    ) -> Result<ChannelView, ChannelError> {
        let highest = ticks.iter().max_by_key(|tick| tick.index);
        let highest = *highest.ok_or(ChannelError::TickInvalid)?;
        let (reply, answer) = oneshot::channel();
        let mut refusal = None;
        if let Some(keys) = self.keys.get(channel) {
            keys.follow(&ticks, |advance, refused| {
                // Those before the bad one count.
                refusal = refused.filter(|_| advance.is_some());
                if let Some(proof) = followed(channel, advance, refused) {
                    send(ChannelCommand::Accept(proof, reply), &self.queue);
                }
            });
        } else {
            let proof = Proof::Tick { channel, tick: highest };
            send(ChannelCommand::Accept(CheckedProof::Unchecked(proof), reply), &self.queue);
        }
        let view = wait(answer).await?;
        refusal.map_or(Ok(view), |(_, why)| Err(StepError::from(why).into()))
    }

    /// Checks a top-up and hands it on.
    pub(super) async fn prove_top_up(&self, top_up: Signed<TopUp>) -> Answer<ChannelView> {
        let channel = top_up.unverified().channel;
        self.prove_statement(channel, top_up, ChannelKeys::top_up, ChannelCommand::TopUp).await
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
        let command = move |close, reply| ChannelCommand::Close(word(close), reply);
        self.prove_statement(close.unverified().channel, close, ChannelKeys::close, command).await
    }

    /// Checks a statement in its turn among the channel's vouchers, and hands it on.
    async fn prove_statement<T: Copy + Send + 'static>(
        &self,
        channel: ChannelId,
        signed: Signed<T>,
        check: fn(&ChannelKeys, Signed<T>) -> Result<Verified<T>, SignatureError>,
        command: impl FnOnce(Checked<T>, Reply<ChannelView, ChannelError>) -> ChannelCommand
        + Send
        + 'static,
    ) -> Answer<ChannelView> {
        let (reply, answer) = oneshot::channel();
        let Some(keys) = self.keys.get(channel) else {
            send(command(Checked::Unchecked(signed), reply), &self.queue);
            return wait(answer).await;
        };
        let check = move || {
            let checked = check(&keys, signed).map_or(Checked::Refused(signed), Checked::Verified);
            command(checked, reply)
        };
        self.verifier.check(channel, Check::Alone(Box::new(check)))?;
        wait(answer).await
    }
}

/// What is handed on of ticks that were followed: the good ones, or the first bad one.
fn followed(
    channel: ChannelId,
    advance: Option<VerifiedAdvance>,
    refused: Option<(Tick, TickError)>,
) -> Option<CheckedProof> {
    let good = advance.map(|advance| CheckedProof::Tick(channel, advance));
    good.or_else(|| {
        let (tick, why) = refused?;
        let proof = Proof::Tick { channel, tick };
        Some(CheckedProof::Refused(proof, StepError::from(why).into()))
    })
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
