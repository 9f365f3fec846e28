//! `exact` and `upto`: one order, settled once.
//!
//! Invariant: an order settles for terms that are its own. Under `exact` the amount is the order's;
//! under `upto` the order's amount is the offer's maximum, and what is charged is at most that.

use engine::{
    Authorize, AuthorizeError, Authorized, Engine, Idempotency, Mode, PaymentState, PaymentView,
    Purchase, SettleError, Tags,
};
use http402::x402::{self, PaymentRequirements, Scheme, SettleResponse, Settlement};
use instrument::{Order, SignedOrder, VerifiedOrder};
use money::AccountId;

use super::{Invalid, Terms};
use crate::node::Node;

/// How long an order of `upto` is held between being authorized and being settled, which is one
/// call: after that a crash in between gives the money back.
const HOLD_SECONDS: u32 = 60;

pub(super) async fn check(
    engine: &Engine,
    terms: Terms,
    signed: &SignedOrder,
) -> Result<AccountId, Invalid> {
    let payer = signed.unverified().payer;
    let verified = fitting(&terms, signed).map_err(|invalid| invalid.by(payer))?;
    match engine.authorize(authorize(terms, &verified, Mode::Check, None)).await {
        Ok(Authorized::Charged(_) | Authorized::Proceed { .. }) => Ok(payer),
        Ok(Authorized::Replay { payment, .. }) => Err(used(&payment)),
        Err(error) => Err(refused(error).by(payer)),
    }
}

pub(super) async fn take(
    node: &Node,
    key: Option<&str>,
    terms: Terms,
    signed: &SignedOrder,
) -> Result<SettleResponse, Invalid> {
    let engine = &node.engine;
    let payer = signed.unverified().payer;
    let verified = fitting(&terms, signed).map_err(|invalid| invalid.by(payer))?;
    let named = terms.name(key, verified.get().digest())?;
    let charged = terms.requirements.amount.units();
    let mode = match terms.requirements.scheme {
        Scheme::Upto => Mode::Hold { seconds: HOLD_SECONDS },
        Scheme::Exact | Scheme::BatchSettlement => Mode::Charge,
    };
    let view = match engine.authorize(authorize(terms, &verified, mode, named.clone())).await {
        Ok(Authorized::Charged(view)) => view,
        Ok(Authorized::Proceed { payment, .. }) => {
            match engine.settle(payment, Some(charged), None, false).await {
                Ok(view) => view,
                Err(error) => return Err(unsettled(error).by(payer)),
            }
        }
        Ok(Authorized::Replay { payment, .. }) => again(engine, payment, charged, named).await?,
        Err(error) => return Err(refused(error).by(payer)),
    };
    Ok(SettleResponse::Success(Settlement {
        payer: view.payer,
        payment: view.payment,
        network: engine.node(),
        amount: view.settled,
        state: x402::PaymentState::Settled,
        receipt: node.receipt_url(view.payment),
    }))
}

/// The order, if its signature and the terms fit.
fn fitting(terms: &Terms, signed: &SignedOrder) -> Result<VerifiedOrder, Invalid> {
    if let Some(error) = differs(signed.unverified(), &terms.requirements, terms.offered) {
        return Err(refused(error));
    }
    signed.verify().map_err(|why| Invalid::new("invalid_signature", why.to_string()))
}

/// What of the order is not what the payee asks for. The engine compares the same, but only for
/// orders that it has not seen: a known order must not be answered under other terms.
fn differs(
    order: &Order,
    asked: &PaymentRequirements,
    offered: money::Amount,
) -> Option<AuthorizeError> {
    [
        (order.node == asked.network, AuthorizeError::WrongNode),
        (order.purchase == asked.purchase, AuthorizeError::WrongPurchase),
        (order.payee == asked.pay_to, AuthorizeError::WrongPayee),
        (order.amount.asset() == asked.amount.asset(), AuthorizeError::WrongAsset),
        (order.amount == offered, AuthorizeError::WrongAmount),
    ]
    .into_iter()
    .find_map(|(same, error)| (!same).then_some(error))
}

fn authorize(
    terms: Terms,
    order: &VerifiedOrder,
    mode: Mode,
    idempotency: Option<Idempotency>,
) -> Authorize {
    let Terms { requirements, offered, description } = terms;
    Authorize {
        order: *order,
        purchase: Purchase { digest: requirements.purchase, origin: None, description },
        terms: engine::Terms {
            pay_to: requirements.pay_to,
            amount: offered,
            split: None,
            unit_price: None,
            // A copy is answered as one, however late it comes.
            access_seconds: u32::MAX,
        },
        idempotency,
        tags: Tags::default(),
        counters: Vec::new(),
        mode,
    }
}

/// The first answer again, if it was given under the same name; else the order is used. A call that
/// ended between holding and settling is finished here.
async fn again(
    engine: &Engine,
    view: PaymentView,
    charged: u128,
    named: Option<Idempotency>,
) -> Result<PaymentView, Invalid> {
    let Some(named) = named else {
        return Err(used(&view));
    };
    let (payer, id) = (view.payer, view.payment);
    let first = engine
        .read(move |state| state.payment_named(payer, &named))
        .await
        .map_err(|unavailable| Invalid::from(unavailable).by(payer))?;
    match view.state {
        _ if first != Some(id) => Err(used(&view)),
        PaymentState::Settled => Ok(view),
        PaymentState::Released => Err(used(&view)),
        PaymentState::Held => match engine.settle(id, Some(charged), None, false).await {
            Ok(view) => Ok(view),
            // A copy of this call was faster.
            Err(SettleError::NotHeld) => {
                let now = engine.read(move |state| state.payment(id)).await;
                let now = now.map_err(|unavailable| Invalid::from(unavailable).by(payer))?;
                now.filter(|view| view.state == PaymentState::Settled).ok_or_else(|| used(&view))
            }
            Err(error) => Err(unsettled(error).by(payer)),
        },
    }
}

fn refused(error: AuthorizeError) -> Invalid {
    Invalid::of(&error, matches!(error, AuthorizeError::Unavailable(_)))
}

fn unsettled(error: SettleError) -> Invalid {
    Invalid::of(&error, matches!(error, SettleError::Unavailable(_)))
}

/// The order was used before.
fn used(view: &PaymentView) -> Invalid {
    let (reason, message) = match view.state {
        PaymentState::Settled | PaymentState::Held => {
            ("duplicate_settlement", "the order has paid already; a copy pays for nothing")
        }
        PaymentState::Released => {
            ("payment_released", "the order was used and its hold released; sign a new one")
        }
    };
    let invalid = Invalid::new(reason, message).by(view.payer);
    Invalid { payment: Some(Box::new(view.payment)), ..invalid }
}
