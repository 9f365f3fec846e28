//! The right of one request to go on with its payment.
//!
//! Invariant: a turn ends once, by a charge, a settlement or a release. If the gateway dies it ends
//! by itself: an order is not charged then; a channel has at most paid for this one request.

use std::sync::Arc;
use std::time::Duration;

use engine::{ChannelError, ChannelView, ClaimToken, Outcome, SettleError, Spend, Unavailable};
use money::{AccountId, Amount, PaymentId};
use tokio::time::Instant;
use tracing::warn;

use super::{Paid, Reference};
use crate::answer::Refusal;
use crate::case::Case;

/// A payment that the caller alone may go on with.
#[derive(Debug, Clone)]
pub(crate) struct Turn {
    kind: Kind,
    claim: ClaimToken,
    /// Before the claim, hold or lease was made: a hold runs out no earlier than its time after this.
    since: Instant,
    /// How long a hold or lease lasts.
    time: Duration,
}

#[derive(Debug, Clone)]
enum Kind {
    Order {
        payment: PaymentId,
        payer: AccountId,
    },
    /// With the channel as it was when the request began.
    Channel(Reference, Arc<ChannelView>),
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
    pub(super) fn order(
        case: &Case,
        payment: PaymentId,
        payer: AccountId,
        claim: ClaimToken,
        since: Instant,
    ) -> Self {
        let time = Duration::from_secs(case.offer.hold_seconds.into());
        Self { kind: Kind::Order { payment, payer }, claim, since, time }
    }

    pub(super) fn channel(
        reference: Reference,
        view: ChannelView,
        lease: ClaimToken,
        since: Instant,
        time: Duration,
    ) -> Self {
        Self { kind: Kind::Channel(reference, Arc::new(view)), claim: lease, since, time }
    }

    /// The payment's name.
    pub(crate) fn reference(&self) -> Reference {
        match self.kind {
            Kind::Order { payment, .. } => Reference::Payment(payment),
            Kind::Channel(reference, _) => reference,
        }
    }

    /// The channel as it was when the request began, and the lease on it; `None` if an order pays.
    pub(crate) fn lease(&self) -> Option<(&ChannelView, ClaimToken)> {
        match &self.kind {
            Kind::Order { .. } => None,
            Kind::Channel(_, view) => Some((view, self.claim)),
        }
    }

    /// How long a hold or lease lasts.
    pub(crate) fn time(&self) -> Duration {
        self.time
    }

    /// When the hold or lease runs out at the earliest.
    pub(crate) fn held_until(&self) -> Instant {
        self.since + self.time
    }

    /// Charges the price in one commit; the outcome is kept for copies.
    pub(crate) async fn charge(&self, case: &Case, outcome: Outcome) -> Result<Paid, Refusal> {
        let charged = match &self.kind {
            Kind::Order { payment, .. } => {
                let charged = case.options.node.charge(*payment, self.claim, Some(outcome)).await;
                charged.map(|view| Paid::order(&view)).map_err(|error| case.refusal_of(error))
            }
            Kind::Channel(reference, view) => {
                let units = case.offer.price.units();
                let spend = Spend { outcome: Some(outcome), ..self.spend(view, units, true) };
                let charged = case.options.node.spend(spend).await;
                charged
                    .map(|view| Paid::channel(*reference, view, units))
                    .map_err(Refusal::of_channel)
            }
        };
        charged.map_err(|refusal| refusal.about(self.reference()))
    }

    /// Makes sure of the price before an answer that is too large to wait for: an order's is held
    /// durably for the offer's time, a channel's is spent and comes back if it is not delivered.
    pub(crate) async fn hold(&self, case: &Case) -> Result<Self, Refusal> {
        let turn = Self { since: Instant::now(), ..self.clone() };
        let seconds = case.offer.hold_seconds;
        let held = match &self.kind {
            Kind::Order { payment, .. } => {
                let held = case.options.node.hold(*payment, self.claim, seconds).await;
                held.map_err(|error| case.refusal_of(error))
            }
            Kind::Channel(_, view) => {
                let spend = self.spend(view, case.offer.price.units(), false);
                let held = case.options.node.spend(spend).await;
                held.map(drop).map_err(Refusal::of_channel)
            }
        };
        held.map_err(|refusal| refusal.about(self.reference()))?;
        Ok(turn)
    }

    /// Settles, insisting for a while: the answer is on its way, so the money must follow. If the
    /// node stays away the hold runs out and the payer is not charged.
    pub(crate) async fn settle(
        &self,
        case: &Case,
        units: Option<u128>,
        outcome: Option<Outcome>,
        durable: bool,
    ) -> Option<Paid> {
        const TRIES: u32 = 5;
        let mut unsure = false;
        let payment = self.reference();
        for attempt in 0..TRIES {
            match self.settle_once(case, units, outcome.clone(), durable).await {
                Ok(paid) => return Some(paid),
                Err(Unsettled::Away) => {
                    unsure = true;
                    tokio::time::sleep(Duration::from_millis(50 << attempt)).await;
                }
                // Nobody else settles this hold and it has not run out: an earlier try got through.
                Err(Unsettled::Over) if unsure && Instant::now() < self.held_until() => {
                    return Some(self.expected(case, units));
                }
                Err(Unsettled::Over) => {
                    warn!(%payment, "the hold of a delivered payment is over");
                    return None;
                }
                Err(Unsettled::Refused(error)) => {
                    warn!(%payment, %error, "a delivered payment could not be settled");
                    return None;
                }
            }
        }
        warn!(%payment, "a delivered payment could not be settled in time");
        None
    }

    async fn settle_once(
        &self,
        case: &Case,
        units: Option<u128>,
        outcome: Option<Outcome>,
        durable: bool,
    ) -> Result<Paid, Unsettled> {
        let node = &case.options.node;
        match &self.kind {
            Kind::Order { payment, .. } => {
                match node.settle(*payment, units, outcome, durable).await {
                    Ok(view) => Ok(Paid::order(&view)),
                    Err(SettleError::Unavailable(Unavailable::Busy | Unavailable::Unreachable)) => {
                        Err(Unsettled::Away)
                    }
                    Err(SettleError::NotHeld) => Err(Unsettled::Over),
                    Err(error) => Err(Unsettled::Refused(error.to_string())),
                }
            }
            Kind::Channel(reference, view) => {
                let units = units.unwrap_or(case.offer.price.units());
                let spend = self.spend(view, units, true);
                match node.spend(Spend { outcome, durable_outcome: durable, ..spend }).await {
                    Ok(view) => Ok(Paid::channel(*reference, view, units)),
                    Err(
                        ChannelError::Unavailable(Unavailable::Busy | Unavailable::Unreachable)
                        | ChannelError::PayeeExposure,
                    ) => Err(Unsettled::Away),
                    Err(ChannelError::LeaseLost) => Err(Unsettled::Over),
                    Err(error) => Err(Unsettled::Refused(error.to_string())),
                }
            }
        }
    }

    /// A total of `units` above what was spent when the request began.
    fn spend(&self, began: &ChannelView, units: u128, end: bool) -> Spend {
        Spend {
            channel: began.channel,
            lease: self.claim,
            spent: began.spent.saturating_add(units),
            end,
            outcome: None,
            durable_outcome: false,
        }
    }

    /// What is paid once it is settled, for `units` or all of it; known without asking.
    pub(crate) fn expected(&self, case: &Case, units: Option<u128>) -> Paid {
        let price = case.offer.price;
        let units = units.unwrap_or(price.units());
        match &self.kind {
            Kind::Order { payer, .. } => Paid {
                reference: self.reference(),
                payer: *payer,
                amount: Amount::new(units, price.asset()),
                held: false,
                units: None,
                channel: None,
                refunded: None,
            },
            Kind::Channel(reference, view) => {
                let spent = view.spent.saturating_add(units);
                let view = ChannelView { spent, reserved: 0, ..ChannelView::clone(view) };
                Paid::channel(*reference, view, units)
            }
        }
    }

    /// Gives up a claim or lease, so that a copy that waits need not wait for its end, or a hold,
    /// with what is to be answered to copies.
    pub(crate) async fn release(&self, case: &Case, outcome: Option<Outcome>) {
        let node = &case.options.node;
        let released = match &self.kind {
            Kind::Order { payment, .. } => {
                let released = node.release(*payment, self.claim, outcome).await;
                released.map_err(|error| error.to_string())
            }
            Kind::Channel(_, view) => {
                let released = node.give_up(view.channel, self.claim, outcome).await;
                released.map(drop).map_err(|error| error.to_string())
            }
        };
        if let Err(error) = released {
            let payment = self.reference();
            warn!(%payment, %error, "a payment could not be released; it will run out");
        }
    }
}
