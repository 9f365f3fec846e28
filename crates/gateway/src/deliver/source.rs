//! What pays for a delivery, whichever instrument it is.
//!
//! The delivery rules see three steps: [`Source::begin`] asks the node whether the request may go
//! on, a [`Turn`] is the right to go on, and a [`Paid`] is what came of it. Which calls of the node
//! stand behind them is decided here and nowhere else.
//!
//! Invariant: a turn ends exactly once, by a charge, a settlement or a release; if the gateway dies
//! it ends by itself and the payer is not charged.

use std::time::Duration;

use engine::{Authorize, AuthorizeError, Authorized, ClaimToken, Outcome};
use engine::{PaymentState, PaymentView, SettleError, Unavailable};
use money::{AccountId, Amount, PaymentId};
use tokio::time::Instant;
use tracing::warn;

use crate::answer::Refusal;
use crate::case::Case;

/// Longest wait of a copy for the first presentation of its payment.
const COPY_WAIT_MS_MAX: u64 = 60_000;

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
}

/// The node's answer to an admitted payment.
pub(crate) enum Begun {
    /// The caller alone may go on.
    Proceed(Turn),
    /// The payment was made before.
    Known(Box<Known>),
}

/// A payment that the caller alone may go on with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Turn {
    kind: Kind,
    claim: ClaimToken,
    /// Before the claim or hold was made: a hold runs out no earlier than its time after this.
    since: Instant,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Order { payment: PaymentId, payer: AccountId },
}

/// Names a payment for both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reference {
    /// That of one order.
    Payment(PaymentId),
}

impl std::fmt::Display for Reference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Payment(payment) => payment.fmt(f),
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
}

/// What became of a payment that was made before.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    /// What was paid.
    pub paid: Paid,
    /// How it ended.
    pub fate: Fate,
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
    /// Its name, as far as it has one before the node is asked.
    pub(crate) fn reference(&self) -> Reference {
        match self {
            Self::Order(command) | Self::Request { command, .. } => {
                Reference::Payment(command.order.payment_id())
            }
        }
    }

    /// Asks the node whether the request may go on; a copy waits for the first presentation.
    pub(crate) async fn begin(self, case: &Case) -> Result<Begun, Refusal> {
        let reference = self.reference();
        let wait = Duration::from_millis(COPY_WAIT_MS_MAX);
        let begun = match self {
            Self::Order(command) => {
                tokio::time::timeout(wait, authorize(case, *command, None)).await
            }
            Self::Request { command, base } => {
                tokio::time::timeout(wait, authorize(case, *command, Some(base))).await
            }
        };
        begun
            .unwrap_or_else(|_| Err(Refusal::of(&AuthorizeError::TooManyCopies)))
            .map_err(|refusal| refusal.about(reference))
    }
}

async fn authorize(
    case: &Case,
    command: Authorize,
    base: Option<String>,
) -> Result<Begun, Refusal> {
    let payer = command.order.get().payer;
    let since = Instant::now();
    let authorized = case.options.node.authorize(command, base).await;
    match authorized.map_err(|error| Refusal::of(&error))? {
        Authorized::Charged(view) => Ok(Begun::Known(Box::new(known(&view, None)))),
        Authorized::Replay { payment, outcome } => {
            Ok(Begun::Known(Box::new(known(&payment, outcome))))
        }
        Authorized::Proceed { payment, claim } => {
            Ok(Begun::Proceed(Turn { kind: Kind::Order { payment, payer }, claim, since }))
        }
    }
}

fn known(view: &PaymentView, outcome: Option<Outcome>) -> Known {
    let fate = match view.state {
        PaymentState::Settled if view.settled.units() < view.authorized.units() => Fate::InPart,
        PaymentState::Settled => Fate::Whole,
        _ => Fate::Nothing,
    };
    Known { paid: Paid::order(view), fate, outcome }
}

impl Paid {
    fn order(view: &PaymentView) -> Self {
        let held = view.state == PaymentState::Held;
        Self {
            reference: Reference::Payment(view.payment),
            payer: view.payer,
            amount: if held { view.authorized } else { view.settled },
            held,
        }
    }
}

/// Why a settlement did not come about.
enum Unsettled {
    /// The node did not answer, or not yet.
    Away,
    /// The hold or lease is over.
    Over,
    /// All else, in words.
    Refused(String),
}

impl Turn {
    /// The payment's name.
    pub(crate) fn reference(self) -> Reference {
        match self.kind {
            Kind::Order { payment, .. } => Reference::Payment(payment),
        }
    }

    /// When the hold runs out at the earliest.
    pub(crate) fn held_until(self, case: &Case) -> Instant {
        self.since + Duration::from_secs(case.offer.hold_seconds.into())
    }

    /// Charges the price in one commit; the outcome is kept for copies.
    pub(crate) async fn charge(self, case: &Case, outcome: Outcome) -> Result<Paid, Refusal> {
        let node = &case.options.node;
        match self.kind {
            Kind::Order { payment, .. } => {
                let charged = node.charge(payment, self.claim, Some(outcome)).await;
                charged.map(|view| Paid::order(&view)).map_err(|error| Refusal::of(&error))
            }
        }
        .map_err(|refusal| refusal.about(self.reference()))
    }

    /// Holds the price durably for the offer's time, for an answer that is too large to wait for.
    pub(crate) async fn hold(self, case: &Case) -> Result<Self, Refusal> {
        let turn = Self { since: Instant::now(), ..self };
        let seconds = case.offer.hold_seconds;
        match self.kind {
            Kind::Order { payment, .. } => {
                let held = case.options.node.hold(payment, self.claim, seconds).await;
                held.map_err(|error| Refusal::of(&error))
            }
        }
        .map_err(|refusal| refusal.about(self.reference()))?;
        Ok(turn)
    }

    /// Settles, insisting for a while: the answer is on its way, so the money must follow. If the
    /// node stays away the hold runs out and the payer is not charged.
    pub(crate) async fn settle(
        self,
        case: &Case,
        units: Option<u128>,
        outcome: Option<Outcome>,
        durable: bool,
    ) -> Option<Paid> {
        const TRIES: u32 = 5;
        let mut unsure = false;
        for attempt in 0..TRIES {
            match self.settle_once(case, units, outcome.clone(), durable).await {
                Ok(paid) => return Some(paid),
                Err(Unsettled::Away) => {
                    unsure = true;
                    tokio::time::sleep(Duration::from_millis(50 << attempt)).await;
                }
                // Nobody else settles this hold and it has not run out: an earlier try got through.
                Err(Unsettled::Over) if unsure && Instant::now() < self.held_until(case) => {
                    return Some(self.expected(case, units));
                }
                Err(Unsettled::Over) => {
                    warn!(payment = %self.reference(), "the hold of a delivered payment is over");
                    return None;
                }
                Err(Unsettled::Refused(error)) => {
                    warn!(payment = %self.reference(), %error, "a delivered payment could not be settled");
                    return None;
                }
            }
        }
        warn!(payment = %self.reference(), "a delivered payment could not be settled in time");
        None
    }

    async fn settle_once(
        self,
        case: &Case,
        units: Option<u128>,
        outcome: Option<Outcome>,
        durable: bool,
    ) -> Result<Paid, Unsettled> {
        let node = &case.options.node;
        match self.kind {
            Kind::Order { payment, .. } => {
                match node.settle(payment, units, outcome, durable).await {
                    Ok(view) => Ok(Paid::order(&view)),
                    Err(SettleError::Unavailable(Unavailable::Busy | Unavailable::Unreachable)) => {
                        Err(Unsettled::Away)
                    }
                    Err(SettleError::NotHeld) => Err(Unsettled::Over),
                    Err(error) => Err(Unsettled::Refused(error.to_string())),
                }
            }
        }
    }

    /// What is paid once it is settled, for `units` or all of it; known without asking.
    pub(crate) fn expected(self, case: &Case, units: Option<u128>) -> Paid {
        let price = case.offer.price;
        let Kind::Order { payer, .. } = self.kind;
        let amount = units.map_or(price, |units| Amount::new(units, price.asset()));
        Paid { reference: self.reference(), payer, amount, held: false }
    }

    /// Gives up a claim, so that a copy that waits need not wait for its end, or a hold, with what is
    /// to be answered to copies.
    pub(crate) async fn release(self, case: &Case, outcome: Option<Outcome>) {
        let released = match self.kind {
            Kind::Order { payment, .. } => {
                let released = case.options.node.release(payment, self.claim, outcome).await;
                released.map_err(|error| error.to_string())
            }
        };
        if let Err(error) = released {
            let payment = self.reference();
            warn!(%payment, %error, "a payment could not be released; it will run out");
        }
    }
}
