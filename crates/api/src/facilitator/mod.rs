//! The x402 facilitator: `/verify`, `/settle` and `/supported`, for payees who sell with any x402
//! software and let this node take the payments. One family of schemes is one module: `order` has
//! `exact` and `upto`, `channel` has `batch-settlement`.
//!
//! Invariants: every answer says `isValid` or `success` in JSON, for bad payments with status 200
//! and a stable reason; `/verify` changes nothing; a payment settles at most once, only to the payee
//! that the payer signed for, and never for more than was signed. A repeated `/settle` succeeds
//! again only under the `Idempotency-Key` of the one that took the payment; otherwise every seller
//! would serve copies of one payment. A settlement is final when it is answered: there is no pending
//! state.

mod channel;
mod order;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use engine::{Coded, Engine, Idempotency, Retry, Unavailable};
use http::header::RETRY_AFTER;
use http::{HeaderMap, StatusCode};
use http402::x402::{
    FACILITATOR_BODY_BYTES_MAX, FacilitatorRequest, Mismatch, PaymentRequirements, Refusal, Scheme,
    SettleResponse, SupportedResponse, VerifyResponse, check_accepted, decode_facilitator_request,
    state_members,
};
use http402::{ChannelState, DecodeError, Instrument};
use instrument::SignedOrder;
use money::{AccountId, Amount, PaymentId};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::authority::Caller;
use crate::node::{Node, Shared};
use crate::schema::Refusals;
use crate::{body, pages};

pub(crate) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new()
        .routes(routes!(verify))
        .route("/verify", get(pages::verify))
        .routes(routes!(settle))
        .routes(routes!(supported))
}

/// x402 facilitator: what this node takes
#[utoipa::path(get, path = "/supported", tag = "facilitator",
    responses((status = 200, description = "Kinds of x402", body = Object), Refusals))]
async fn supported(State(shared): State<Arc<Shared>>) -> Response {
    body::ok(&SupportedResponse::of_node(shared.engine().node()))
}

/// x402 facilitator: would this payment be taken?
#[utoipa::path(post, path = "/verify", tag = "facilitator", request_body = Object,
    responses((status = 200, description = "A verdict of x402", body = Object),
        (status = "4XX", description = "The same for a body that cannot be read", body = Object),
        Refusals))]
async fn verify(State(shared): State<Arc<Shared>>, body: Body) -> Response {
    match check(shared.engine(), body).await {
        Ok(payer) => body::ok(&VerifyResponse::Valid { payer }),
        Err(invalid) => {
            let answer = VerifyResponse::Invalid {
                reason: invalid.reason.to_owned(),
                message: Some(invalid.message.clone().into()),
                payer: invalid.payer,
            };
            refuse(&invalid, &answer)
        }
    }
}

/// x402 facilitator: take this payment
#[utoipa::path(post, path = "/settle", tag = "facilitator", request_body = Object,
    security((), ("gateway" = [])),
    responses((status = 200, description = "A settlement of x402", body = Object),
        (status = "4XX", description = "The same for a body that cannot be read", body = Object),
        Refusals))]
async fn settle(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Response {
    match take(&shared.node, &caller, &headers, body).await {
        Ok(settled) => body::ok(&settled),
        Err(invalid) => {
            let answer = SettleResponse::Failure(Refusal {
                reason: invalid.reason.to_owned(),
                message: Some(invalid.message.clone().into()),
                payer: invalid.payer,
                pending: invalid.payment.as_deref().copied(),
                network: shared.engine().node(),
            });
            refuse(&invalid, &answer)
        }
    }
}

/// The refusal, with where the channel stands if one was presented: sellers hand it on, so that a
/// payer that has lost count can go on.
fn refuse(invalid: &Invalid, answer: &impl Serialize) -> Response {
    let mut answer = serde_json::to_value(answer).unwrap_or_default();
    if let Some(state) = &invalid.channel {
        let members = Value::Object(state_members(state));
        // Some server software passes only one of the two on.
        answer["extensions"] = json!({ (Scheme::BatchSettlement.name()): members.clone() });
        answer["extra"] = members;
    }
    let mut response = body::json(invalid.status, &answer);
    if let Retry::AfterSeconds(seconds) = invalid.retry {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}

async fn check(engine: &Engine, body: Body) -> Result<AccountId, Invalid> {
    let asked = read(engine, body).await?;
    match asked.instrument {
        Presented::Order(order) => order::check(engine, asked.terms, &order).await,
        Presented::Channel(instrument) => channel::check(engine, asked.terms, &instrument).await,
    }
}

async fn take(
    node: &Node,
    caller: &Caller,
    headers: &HeaderMap,
    body: Body,
) -> Result<SettleResponse, Invalid> {
    let asked = read(&node.engine, body).await?;
    let key = gateway::idempotency_key(headers)
        .map_err(|error| Invalid::new(error.code(), error.to_string()))?;
    match asked.instrument {
        Presented::Order(order) => order::take(node, key, asked.terms, &order).await,
        Presented::Channel(instrument) => {
            channel::take(node, caller, key, asked.terms, instrument).await
        }
    }
}

/// What a seller asks to verify or settle.
struct Asked {
    terms: Terms,
    instrument: Presented,
}

/// What pays, sorted by who decides about it.
enum Presented {
    Order(SignedOrder),
    Channel(Instrument),
}

/// The terms, echoed by the payer where its version does.
struct Terms {
    /// What the seller asks for. The amount is what is charged: below that of the offer if the
    /// scheme allows it.
    requirements: PaymentRequirements,
    /// The amount that the offer named, which is the most that is charged.
    offered: Amount,
    description: String,
}

async fn read(engine: &Engine, body: Body) -> Result<Asked, Invalid> {
    let bytes = body::read(body, FACILITATOR_BODY_BYTES_MAX).await?;
    let request = decode_facilitator_request(&bytes).map_err(|error| Invalid::from(&error))?;
    let FacilitatorRequest { payment, requirements } = request;
    let payer = payer(&payment.instrument);
    if requirements.network != engine.node() || payment.network != engine.node() {
        let text = "the payment or the terms are for another node";
        return Err(Invalid { payer, ..Invalid::new("invalid_network", text) });
    }
    let offered = payment.accepted.as_ref().map_or(requirements.amount, |terms| terms.amount);
    if let Some(accepted) = &payment.accepted {
        check_terms(accepted, &requirements).map_err(|mismatch| Invalid {
            payer,
            ..Invalid::new(mismatch.code(), mismatch.to_string())
        })?;
    }
    if requirements.amount.units() > offered.units() {
        let text = "field `amount`: it is above what the payer accepted as the most";
        return Err(Invalid { payer, ..Invalid::new("amount_above_maximum", text) });
    }
    let instrument = match payment.instrument {
        Instrument::Order { order, .. } => Presented::Order(order),
        instrument => Presented::Channel(instrument),
    };
    let description = payment.resource_url.filter(|url| !url.is_empty());
    let description =
        description.unwrap_or_else(|| "a purchase through the facilitator".to_owned());
    Ok(Asked { terms: Terms { requirements, offered, description }, instrument })
}

/// Who pays, as far as the payment alone tells.
fn payer(instrument: &Instrument) -> Option<AccountId> {
    match instrument {
        Instrument::Order { order, .. } => Some(order.unverified().payer),
        Instrument::Open { terms, .. } => Some(terms.unverified().payer),
        _ => None,
    }
}

/// Schemes other than `exact` charge what was used, so their amount is compared elsewhere.
fn check_terms(
    accepted: &PaymentRequirements,
    asked: &PaymentRequirements,
) -> Result<(), Mismatch> {
    if asked.scheme != Scheme::Exact && asked.amount.asset() == accepted.amount.asset() {
        let offer = PaymentRequirements { amount: accepted.amount, ..asked.clone() };
        return check_accepted(accepted, &offer);
    }
    check_accepted(accepted, asked)
}

impl Terms {
    /// The caller's name for this settlement: payees do not share names, and a name stands for one
    /// payment under one set of terms.
    fn name(&self, key: Option<&str>, digest: [u8; 32]) -> Result<Option<Idempotency>, Invalid> {
        let Some(key) = key else { return Ok(None) };
        let terms = serde_json::to_vec(&self.requirements).map_err(|_| {
            Invalid::new("invalid_payment_requirements", "the terms cannot be kept")
        })?;
        let key = Sha256::new()
            .chain_update(b"farthing/facilitator/1")
            .chain_update(self.requirements.pay_to.to_be_bytes())
            .chain_update(key)
            .finalize();
        let fingerprint = Sha256::new().chain_update(digest).chain_update(terms).finalize();
        Ok(Some(Idempotency { key: key.into(), fingerprint: fingerprint.into() }))
    }
}

/// Why a payment is not taken, in the words of both answers.
#[derive(Debug)]
struct Invalid {
    status: StatusCode,
    reason: &'static str,
    message: Box<str>,
    payer: Option<AccountId>,
    /// The payment that was made with this order before.
    payment: Option<Box<PaymentId>>,
    /// The channel that was presented.
    channel: Option<Box<ChannelState>>,
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
            channel: None,
            retry: Retry::Never,
        }
    }

    /// A refusal of the engine. What cannot be decided now is no bad payment: sellers ask again.
    fn of(error: &impl Coded, is_unavailable: bool) -> Self {
        let status = if is_unavailable { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
        Self { status, retry: error.retry(), ..Self::new(error.code(), error.to_string()) }
    }

    fn by(self, payer: AccountId) -> Self {
        Self { payer: Some(payer), ..self }
    }
}

impl From<Unavailable> for Invalid {
    fn from(unavailable: Unavailable) -> Self {
        Self::of(&unavailable, true)
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
