//! What pays for a delivery, whichever instrument it is.
//!
//! The delivery rules see three steps: [`Source::begin`] asks the node whether the request may go
//! on, a [`Turn`] is the right to go on, and a [`Paid`] is what came of it. Which calls of the node
//! stand behind them is decided here and in `turn`, and nowhere else.

use std::time::Duration;

use engine::{Authorize, AuthorizeError, Authorized, ChannelError, ChannelView, OpenChannel};
use engine::{Begun as Presented, Outcome, PaymentState, PaymentView, Present, Proof};
use instrument::channel::TopUp;
use instrument::{PublicKey, Signed};
use money::{AccountId, Amount, ChannelId, PaymentId};
use tokio::time::Instant;

use super::turn::Turn;
use crate::answer::Refusal;
use crate::case::Case;
use crate::pass;

/// Longest wait of a copy for the first presentation of its payment.
const COPY_WAIT_MS_MAX: u64 = 60_000;
const COPY_WAIT: Duration = Duration::from_millis(COPY_WAIT_MS_MAX);

/// An admitted payment, before the node is asked.
pub(crate) enum Source {
    /// One signed order.
    Order(Box<Authorize>),
    /// A signed request, of which the order was made.
    Request {
        /// With the order.
        command: Box<Authorize>,
        /// The request's signature base, for a node that is apart.
        base: String,
    },
    /// A voucher or tick of a channel.
    Channel(Box<FromChannel>),
}

impl Source {
    /// Whose signature was checked at this gateway. Vouchers are checked by the node, so they are not
    /// counted here: anyone could send some in another payer's name.
    pub fn signer(&self) -> Option<PublicKey> {
        match self {
            Self::Order(command) | Self::Request { command, .. } => {
                Some(command.order.get().signer)
            }
            Self::Channel(_) => None,
        }
    }
}

/// A payment from a channel, with what must happen to the channel first. Repeating any of it is
/// harmless, so a copy carries all of it again.
pub(crate) struct FromChannel {
    /// The channel is opened by this request.
    pub open: Option<Box<OpenChannel>>,
    /// The deposit is raised by this request.
    pub top_up: Option<Signed<TopUp>>,
    /// What pays.
    pub present: Present,
}

/// The node's answer to an admitted payment.
pub(crate) enum Begun {
    /// The caller alone may go on.
    Proceed(Turn),
    /// The payment was made before.
    Known(Box<Known>),
}

/// Names a payment for both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reference {
    /// That of one order.
    Payment(PaymentId),
    /// That of one voucher: its sequence.
    Voucher(ChannelId, u64),
    /// That of one tick: its index.
    Tick(ChannelId, u32),
    /// A channel, where no request is paid.
    Channel(ChannelId),
}

impl Reference {
    /// The channel, if one pays.
    pub(crate) fn channel(self) -> Option<ChannelId> {
        match self {
            Self::Payment(_) => None,
            Self::Voucher(channel, _) | Self::Tick(channel, _) | Self::Channel(channel) => {
                Some(channel)
            }
        }
    }

    pub(crate) fn of_proof(proof: &Proof) -> Self {
        match proof {
            Proof::Voucher(voucher) => {
                let voucher = voucher.unverified();
                Self::Voucher(voucher.channel, voucher.sequence)
            }
            Proof::Tick { channel, tick } => Self::Tick(*channel, tick.index),
        }
    }
}

impl std::fmt::Display for Reference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Payment(payment) => payment.fmt(f),
            Self::Voucher(channel, sequence) => write!(f, "{channel}/{sequence}"),
            Self::Tick(channel, index) => write!(f, "{channel}/tick/{index}"),
            Self::Channel(channel) => channel.fmt(f),
        }
    }
}

/// What a payer has paid for a request.
#[derive(Debug, Clone)]
pub(crate) struct Paid {
    /// Names it.
    pub reference: Reference,
    /// The payer account.
    pub payer: AccountId,
    /// What this request cost; while it is held, what it may cost.
    pub amount: Amount,
    /// The delivery is not over.
    pub held: bool,
    /// Units that were delivered, if they were counted.
    pub units: Option<u64>,
    /// Where the channel stands after it, if one pays.
    pub channel: Option<ChannelView>,
    /// What went back to the payer because the channel was closed.
    pub refunded: Option<Amount>,
}

/// What became of a payment that was made before.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    /// What was paid.
    pub paid: Paid,
    /// How it ended.
    pub fate: Fate,
    /// A safe method is fetched again if its answer is not kept: the node has looked whether the
    /// payment's access time is over.
    pub open: bool,
    /// The first answer, if it is kept.
    pub outcome: Option<Outcome>,
}

/// How a payment ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// All of it was charged.
    Whole,
    /// The answer broke off, and a part was charged.
    InPart,
    /// Nothing was charged.
    Nothing,
}

impl Source {
    /// Its name.
    pub(crate) fn reference(&self) -> Reference {
        match self {
            Self::Order(command) | Self::Request { command, .. } => {
                Reference::Payment(command.order.payment_id())
            }
            Self::Channel(from) => Reference::of_proof(&from.present.proof),
        }
    }

    /// Asks the node whether the request may go on; a copy waits for the first presentation.
    pub(crate) async fn begin(self, case: &Case) -> Result<Begun, Refusal> {
        let reference = self.reference();
        let begun = match self {
            Self::Order(command) => authorize_in_time(case, *command, None).await,
            Self::Request { command, base } => authorize_in_time(case, *command, Some(base)).await,
            Self::Channel(from) => tokio::time::timeout(COPY_WAIT, present(case, *from))
                .await
                .unwrap_or_else(|_| Err(Refusal::of_channel(ChannelError::TooManyCopies))),
        };
        match begun {
            Ok(begun) => Ok(begun),
            Err(refusal) => Err(refusal.about(reference).with_channel_state(case).await),
        }
    }
}

async fn authorize_in_time(
    case: &Case,
    command: Authorize,
    base: Option<String>,
) -> Result<Begun, Refusal> {
    tokio::time::timeout(COPY_WAIT, authorize(case, command, base))
        .await
        .unwrap_or_else(|_| Err(Refusal::of(&AuthorizeError::TooManyCopies)))
}

async fn authorize(
    case: &Case,
    command: Authorize,
    base: Option<String>,
) -> Result<Begun, Refusal> {
    let payer = command.order.get().payer;
    let [first_use, later_use] = [true, false].map(|first| pass::use_of(case, &command, first));
    let since = Instant::now();
    let authorized = case.options.node.authorize(command, base).await;
    match authorized.map_err(|error| case.refusal_of(error))? {
        Authorized::Charged(view) => Ok(Begun::Known(Box::new(known_order(&view, None)))),
        Authorized::Replay { payment, outcome } => {
            // What a pass opened first says nothing about what it opens now.
            let outcome = outcome.filter(|_| case.pass.is_none());
            let known = known_order(&payment, outcome);
            if let Some(used) = later_use.filter(|_| known.fate != Fate::Nothing) {
                pass::count(case, used).await?;
            }
            // Another delivery by the unit costs again.
            let open = case.offer.meter.is_none();
            Ok(Begun::Known(Box::new(Known { open, ..known })))
        }
        Authorized::Proceed { payment, claim } => {
            if let Some(used) = first_use
                && let Err(refusal) = pass::count(case, used).await
            {
                // It would run out by itself, and its copies wait for it until then.
                let _ = case.options.node.release(payment, claim, None).await;
                return Err(refusal);
            }
            Ok(Begun::Proceed(Turn::order(case, payment, payer, claim, since)))
        }
    }
}

fn known_order(view: &PaymentView, outcome: Option<Outcome>) -> Known {
    let fate = match view.state {
        PaymentState::Settled if view.settled.units() < view.authorized.units() => Fate::InPart,
        PaymentState::Settled => Fate::Whole,
        _ => Fate::Nothing,
    };
    Known { paid: Paid::order(view), fate, open: true, outcome }
}

async fn present(case: &Case, from: FromChannel) -> Result<Begun, Refusal> {
    let node = &case.options.node;
    let FromChannel { open, top_up, present } = from;
    if let Some(open) = open {
        node.open_channel(*open).await.map_err(|error| Refusal::of(&error))?;
    }
    if let Some(top_up) = top_up {
        node.top_up(top_up).await.map_err(Refusal::of_channel)?;
    }
    let (reference, start) = (Reference::of_proof(&present.proof), present.start);
    let lease = Duration::from_secs(present.lease_seconds.into());
    let since = Instant::now();
    match node.present(present).await.map_err(Refusal::of_channel)? {
        Presented::Proceed { lease: token, channel } => {
            Ok(Begun::Proceed(Turn::channel(reference, channel, token, since, lease)))
        }
        Presented::Replay { channel, charged, outcome } => {
            let fate = match charged.units() {
                0 => Fate::Nothing,
                units if units < start.units() => Fate::InPart,
                _ => Fate::Whole,
            };
            let paid = Paid::channel(reference, channel, charged.units());
            Ok(Begun::Known(Box::new(Known { paid, fate, open: false, outcome })))
        }
    }
}

impl Paid {
    pub(super) fn order(view: &PaymentView) -> Self {
        let held = view.state == PaymentState::Held;
        Self {
            reference: Reference::Payment(view.payment),
            payer: view.payer,
            amount: if held { view.authorized } else { view.settled },
            held,
            units: None,
            channel: None,
            refunded: None,
        }
    }

    /// A charge of `units` base units to a channel that stands as `view` after it.
    pub(crate) fn channel(reference: Reference, view: ChannelView, units: u128) -> Self {
        Self {
            reference,
            payer: view.payer,
            amount: Amount::new(units, view.asset),
            held: false,
            units: None,
            channel: Some(view),
            refunded: None,
        }
    }
}
