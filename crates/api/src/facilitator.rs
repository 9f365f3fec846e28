//! The x402 facilitator: `/verify`, `/settle` and `/supported`, for payees who sell with any x402
//! software and let this node take the payments.
//!
//! Invariants: every answer says `isValid` or `success` in JSON, for bad payments with status 200
//! and a stable reason; `/verify` changes nothing; an order settles at most once, and only for
//! terms that are exactly the order's own. A repeated `/settle` succeeds again only under the
//! `Idempotency-Key` of the one that took the payment; otherwise every seller would serve copies
//! of one payment. A settlement is final when it is answered: there is no pending state.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use engine::{
    Authorize, AuthorizeError, Authorized, Coded, Engine, Idempotency, Mode, PaymentState,
    PaymentView, Purchase, Retry, Terms,
};
use http::header::RETRY_AFTER;
use http::{HeaderMap, StatusCode};
use http402::x402::{
    FACILITATOR_BODY_BYTES_MAX, FacilitatorRequest, PaymentRequirements, Refusal, SettleResponse,
    Settlement, SupportedResponse, VerifyResponse, check_accepted, decode_facilitator_request,
};
use http402::{DecodeError, Instrument};
use instrument::{Order, VerifiedOrder};
use money::{AccountId, PaymentId};
use sha2::{Digest, Sha256};

use crate::body::{self, json};
use crate::node::{Node, Shared};

/// `GET /supported`
pub(crate) async fn supported(State(shared): State<Arc<Shared>>) -> Response {
    body::ok(&SupportedResponse::of_node(shared.engine().node()))
}

/// `POST /verify`
pub(crate) async fn verify(State(shared): State<Arc<Shared>>, body: Body) -> Response {
    match check(shared.engine(), body).await {
        Ok(payer) => body::ok(&VerifyResponse::Valid { payer }),
        Err(invalid) => {
            let status = invalid.status;
            let answer = VerifyResponse::Invalid {
                reason: invalid.reason.to_owned(),
                message: Some(invalid.message.into()),
                payer: invalid.payer,
            };
            with_retry(json(status, &answer), invalid.retry)
        }
    }
}

/// `POST /settle`
pub(crate) async fn settle(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    match take(&shared.node, &headers, body).await {
        Ok(settlement) => body::ok(&SettleResponse::Success(settlement)),
        Err(invalid) => {
            let status = invalid.status;
            let answer = SettleResponse::Failure(Refusal {
                reason: invalid.reason.to_owned(),
                message: Some(invalid.message.into()),
                payer: invalid.payer,
                pending: invalid.payment,
                network: shared.engine().node(),
            });
            with_retry(json(status, &answer), invalid.retry)
        }
    }
}

fn with_retry(mut response: Response, retry: Retry) -> Response {
    if let Retry::AfterSeconds(seconds) = retry {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response.into_response()
}

/// Why a payment is not taken, in the words of both answers.
#[derive(Debug)]
struct Invalid {
    status: StatusCode,
    reason: &'static str,
    message: Box<str>,
    payer: Option<AccountId>,
    /// The payment that was made with this order before.
    payment: Option<PaymentId>,
    retry: Retry,
}

impl Invalid {
    fn new(reason: &'static str, message: impl Into<Box<str>>) -> Self {
        Self {
            status: StatusCode::OK,
            reason,
            message: message.into(),
            payer: None,
            payment: None,
            retry: Retry::Never,
        }
    }

    fn of(error: AuthorizeError, order: &Order) -> Self {
        // A payment that cannot be decided now is no bad payment: sellers ask again.
        let status = match error {
            AuthorizeError::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::OK,
        };
        Self {
            status,
            payer: Some(order.payer),
            retry: error.retry(),
            ..Self::new(error.code(), error.to_string())
        }
    }

    /// The order was used before.
    fn used(view: &PaymentView) -> Self {
        let (reason, message) = match view.state {
            PaymentState::Settled | PaymentState::Held => {
                ("duplicate_settlement", "the order has paid already; a copy pays for nothing")
            }
            PaymentState::Released => {
                ("payment_released", "the order was used and its hold released; sign a new one")
            }
        };
        Self { payer: Some(view.payer), payment: Some(view.payment), ..Self::new(reason, message) }
    }
}

impl From<body::BodyFault> for Invalid {
    fn from(fault: body::BodyFault) -> Self {
        let status = StatusCode::from_u16(fault.status()).unwrap_or(StatusCode::BAD_REQUEST);
        Self { status, ..Self::new(fault.code(), fault.to_string()) }
    }
}

impl From<&DecodeError> for Invalid {
    fn from(error: &DecodeError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

/// A payment whose signature, network and terms fit.
struct Fitting {
    order: VerifiedOrder,
    requirements: PaymentRequirements,
    description: String,
}

async fn read(engine: &Engine, body: Body) -> Result<Fitting, Invalid> {
    let bytes = body::read(body, FACILITATOR_BODY_BYTES_MAX).await?;
    let request = decode_facilitator_request(&bytes).map_err(|error| Invalid::from(&error))?;
    let FacilitatorRequest { payment, requirements } = request;
    let Instrument::Order { order: signed, up_to: false } = &payment.instrument else {
        return Err(Invalid::new(
            "unsupported_scheme",
            "this facilitator settles orders of exactly the price",
        ));
    };
    let order = *signed.unverified();
    let refuse = |error| Err(Invalid::of(error, &order));
    if requirements.network != engine.node() || payment.network != engine.node() {
        return refuse(AuthorizeError::WrongNode);
    }
    if let Some(accepted) = &payment.accepted {
        check_accepted(accepted, &requirements).map_err(|mismatch| Invalid {
            payer: Some(order.payer),
            ..Invalid::new(mismatch.code(), mismatch.to_string())
        })?;
    }
    if let Some(error) = differs(&order, &requirements) {
        return refuse(error);
    }
    let verified = signed.verify().map_err(|why| Invalid {
        payer: Some(order.payer),
        ..Invalid::new("invalid_signature", why.to_string())
    })?;
    Ok(Fitting {
        order: verified,
        requirements,
        description: payment.resource_url.unwrap_or_default(),
    })
}

/// What of the order is not what the payee asks for. The engine compares the same, but only for
/// orders that it has not seen: a known order must not be answered under other terms.
fn differs(order: &Order, asked: &PaymentRequirements) -> Option<AuthorizeError> {
    [
        (order.node == asked.network, AuthorizeError::WrongNode),
        (order.purchase == asked.purchase, AuthorizeError::WrongPurchase),
        (order.payee == asked.pay_to, AuthorizeError::WrongPayee),
        (order.amount.asset() == asked.amount.asset(), AuthorizeError::WrongAsset),
        (order.amount == asked.amount, AuthorizeError::WrongAmount),
    ]
    .into_iter()
    .find_map(|(same, error)| (!same).then_some(error))
}

impl Fitting {
    fn authorize(self, mode: Mode, idempotency: Option<Idempotency>) -> Authorize {
        let description = if self.description.is_empty() {
            "a purchase through the facilitator".to_owned()
        } else {
            self.description
        };
        Authorize {
            order: self.order,
            purchase: Purchase { digest: self.requirements.purchase, origin: None, description },
            terms: Terms {
                pay_to: self.requirements.pay_to,
                amount: self.requirements.amount,
                split: None,
                // A copy is answered as one, however late it comes.
                access_seconds: u32::MAX,
            },
            idempotency,
            mode,
        }
    }
}

async fn check(engine: &Engine, body: Body) -> Result<AccountId, Invalid> {
    let fitting = read(engine, body).await?;
    let order = *fitting.order.get();
    match engine.authorize(fitting.authorize(Mode::Check, None)).await {
        Ok(Authorized::Charged(_) | Authorized::Proceed { .. }) => Ok(order.payer),
        Ok(Authorized::Replay { payment, .. }) => Err(Invalid::used(&payment)),
        Err(error) => Err(Invalid::of(error, &order)),
    }
}

async fn take(node: &Node, headers: &HeaderMap, body: Body) -> Result<Settlement, Invalid> {
    let engine = &node.engine;
    let fitting = read(engine, body).await?;
    let order = *fitting.order.get();
    let named = name(headers, &fitting)?;
    let charge = fitting.authorize(Mode::Charge, named.clone());
    let view = match engine.authorize(charge).await {
        Ok(Authorized::Charged(view)) => view,
        Ok(Authorized::Replay { payment, .. }) => again(engine, payment, named).await?,
        // A charge never asks the caller to go on.
        Ok(Authorized::Proceed { .. }) => {
            return Err(Invalid::of(engine::Unavailable::Stopped.into(), &order));
        }
        Err(error) => return Err(Invalid::of(error, &order)),
    };
    Ok(Settlement {
        payer: view.payer,
        payment: view.payment,
        network: engine.node(),
        amount: view.settled,
        state: http402::x402::PaymentState::Settled,
        receipt: node.receipt_url(view.payment),
    })
}

/// The first answer again, if it was given under the same name; else the order is used.
async fn again(
    engine: &Engine,
    view: PaymentView,
    named: Option<Idempotency>,
) -> Result<PaymentView, Invalid> {
    let Some(named) = named else {
        return Err(Invalid::used(&view));
    };
    let payer = view.payer;
    let first = engine.read(move |state| state.payment_named(payer, &named)).await;
    match first {
        Ok(Some(payment)) if payment == view.payment && view.state == PaymentState::Settled => {
            Ok(view)
        }
        Ok(_) => Err(Invalid::used(&view)),
        Err(unavailable) => Err(Invalid {
            status: StatusCode::SERVICE_UNAVAILABLE,
            retry: unavailable.retry(),
            payer: Some(payer),
            ..Invalid::new(unavailable.code(), unavailable.to_string())
        }),
    }
}

/// The caller's name for this settlement: payees do not share names, and a name stands for one
/// order under one set of terms.
fn name(headers: &HeaderMap, fitting: &Fitting) -> Result<Option<Idempotency>, Invalid> {
    let key = gateway::idempotency_key(headers)
        .map_err(|error| Invalid::new(error.code(), error.to_string()))?;
    let Some(key) = key else { return Ok(None) };
    let terms = serde_json::to_vec(&fitting.requirements)
        .map_err(|_| Invalid::new("invalid_payment_requirements", "the terms cannot be kept"))?;
    let key = Sha256::new()
        .chain_update(b"farthing/facilitator/1")
        .chain_update(fitting.requirements.pay_to.to_be_bytes())
        .chain_update(key)
        .finalize();
    let fingerprint =
        Sha256::new().chain_update(fitting.order.get().digest()).chain_update(terms).finalize();
    Ok(Some(Idempotency { key: key.into(), fingerprint: fingerprint.into() }))
}
