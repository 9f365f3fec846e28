//! The verifier: checks signatures of open channels off the request threads, in batches.
//!
//! A check costs more than everything that the writer does with its result, so it is spread over
//! threads, and vouchers that wait together are checked together, at half the cost. What was checked
//! together is handed on together, so that it wakes the writer once. Invariants: the verdict on a
//! voucher is the same in any company; what is handed in for one channel is handed on in that order;
//! a full queue refuses at once; a thread never waits for a batch to fill.
//!
//! It must not look at the state or decide on anything but signatures. [`Verifier::inline`] does the
//! same on the caller's thread: for simulation, where the same calls must give the same bytes.

use std::num::NonZero;
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use instrument::SignatureError;
use instrument::channel::{SignedVoucher, VerifiedVoucher, VoucherKey, verify_batch};
use money::ChannelId;
use tracing::warn;

use crate::channel::ChannelCommand;
use crate::error::Unavailable;
use crate::handle::Command;
use crate::keys::ChannelKeys;
use crate::queue::Inlet;

/// Vouchers that are checked together.
const BATCH_VOUCHERS_COUNT_MAX: usize = 256;

/// Vouchers that are checked together once more, if there is a bad one in the batch.
const PART_VOUCHERS_COUNT: usize = 32;

/// What the writer is asked to do after a verdict.
pub(crate) type Then = Box<dyn FnOnce(Verdict) -> ChannelCommand + Send>;

/// Something to check.
pub(crate) enum Check {
    /// A voucher, which may be checked together with others.
    Voucher(SignedVoucher, Arc<ChannelKeys>, Then),
    /// Another statement, which checks itself.
    Alone(Box<dyn FnOnce() -> ChannelCommand + Send>),
}

/// Where checks are handed in. Clones share the threads, which end with the last of them.
#[derive(Clone)]
pub(crate) struct Verifier {
    writer: Inlet,
    /// One queue for each thread; none if the caller's thread does the work.
    queues: Arc<[Sender<Check>]>,
}

impl Verifier {
    /// Starts as many threads as asked for, each with a queue of `queue_count_max` checks.
    pub(crate) fn start(
        writer: Inlet,
        threads: NonZero<usize>,
        queue_count_max: usize,
    ) -> std::io::Result<Self> {
        let mut queues = Vec::with_capacity(threads.get());
        for number in 0..threads.get() {
            let (sender, checks) = bounded(queue_count_max);
            let writer = writer.clone();
            std::thread::Builder::new()
                .name(format!("farthing-verify-{number}"))
                .spawn(move || work(&checks, &writer))?;
            queues.push(sender);
        }
        Ok(Self { writer, queues: queues.into() })
    }

    /// Checks at once, on the caller's thread.
    pub(crate) fn inline(writer: Inlet) -> Self {
        Self { writer, queues: Arc::new([]) }
    }

    /// Whether the engine has no threads.
    pub(crate) fn is_inline(&self) -> bool {
        self.queues.is_empty()
    }

    /// Hands a check in. All checks of one channel go to the same thread, which keeps their order.
    pub(crate) fn check(&self, channel: ChannelId, check: Check) -> Result<(), Unavailable> {
        let Some(queue) = self.queue_of(channel) else {
            hand_on(carry_out(std::iter::once(check)), &self.writer);
            return Ok(());
        };
        queue.try_send(check).map_err(|refused| match refused {
            TrySendError::Full(_) => Unavailable::Busy,
            TrySendError::Disconnected(_) => Unavailable::Stopped,
        })
    }

    fn queue_of(&self, channel: ChannelId) -> Option<&Sender<Check>> {
        // A channel's id is a digest, so any of its bits are as good as random.
        let count = u128::try_from(self.queues.len()).unwrap_or(u128::MAX);
        let number = channel.get().checked_rem(count)?;
        self.queues.get(usize::try_from(number).unwrap_or(0))
    }
}

fn work(checks: &Receiver<Check>, writer: &Inlet) {
    while let Ok(first) = checks.recv() {
        let waiting = checks.try_iter().take(BATCH_VOUCHERS_COUNT_MAX - 1);
        hand_on(carry_out(std::iter::once(first).chain(waiting)), writer);
    }
}

/// Hands commands on, or answers them if the writer does not take them.
fn hand_on(commands: Vec<ChannelCommand>, writer: &Inlet) {
    if let Err((why, back)) = writer.send(Command::Channels(commands))
        && let Command::Channels(commands) = *back
    {
        for command in commands {
            command.refuse(why);
        }
    }
}

/// Carries out checks in their order; vouchers that follow each other are checked together.
fn carry_out(checks: impl Iterator<Item = Check>) -> Vec<ChannelCommand> {
    let (mut vouchers, mut thens, mut commands) = (Vec::new(), Vec::new(), Vec::new());
    for check in checks {
        match check {
            Check::Voucher(voucher, keys, then) => match keys.voucher_key() {
                Ok(key) => {
                    vouchers.push((voucher, Arc::clone(key)));
                    thens.push(then);
                }
                Err(wrong) => commands.push(then(Err(wrong))),
            },
            Check::Alone(check) => {
                judge(&mut vouchers, &mut thens, &mut commands);
                commands.push(check());
            }
        }
    }
    judge(&mut vouchers, &mut thens, &mut commands);
    commands
}

fn judge(vouchers: &mut Vec<Signed>, thens: &mut Vec<Then>, commands: &mut Vec<ChannelCommand>) {
    let verdicts = verdicts(vouchers).into_iter();
    commands.extend(verdicts.zip(thens.drain(..)).map(|(verdict, then)| then(verdict)));
    vouchers.clear();
}

type Signed = (SignedVoucher, Arc<VoucherKey>);
type Verdict = Result<VerifiedVoucher, SignatureError>;

/// The verdict on each voucher. One bad one costs a second look at all, and a look at each of those
/// that it is among; so whoever sends bad ones can slow the check down by a factor only.
fn verdicts(vouchers: &[Signed]) -> Vec<Verdict> {
    if let Some(verified) = together(vouchers) {
        return verified;
    }
    let parts = vouchers.chunks(PART_VOUCHERS_COUNT);
    parts.flat_map(|part| together(part).unwrap_or_else(|| one_by_one(part))).collect()
}

/// The verdicts if all are good.
fn together(vouchers: &[Signed]) -> Option<Vec<Verdict>> {
    if vouchers.len() < 2 {
        return Some(one_by_one(vouchers));
    }
    let mut entropy = [0; 32];
    if let Err(error) = getrandom::fill(&mut entropy) {
        warn!(%error, "vouchers are checked one by one: the system gives no random numbers");
        return Some(one_by_one(vouchers));
    }
    let verified = verify_batch(vouchers, &entropy)?;
    Some(verified.into_iter().map(Ok).collect())
}

fn one_by_one(vouchers: &[Signed]) -> Vec<Verdict> {
    vouchers.iter().map(|(voucher, key)| voucher.verify(key)).collect()
}

#[cfg(test)]
mod tests;
