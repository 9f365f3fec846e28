//! The delivery steps for gateways apart from the node.
//!
//! Format: `gateway::node::wire`. Invariants: each step needs the gateway token; the order's
//! signature is checked here again, so a gateway cannot pay in a payer's name; a step is carried
//! out by the engine as if the gateway were in this process, and its refusals go back as they are.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use engine::{Coded, OUTCOME_BYTES_MAX, Outcome, Retry};
use gateway::node::wire::{
    AuthorizeWire, AuthorizedWire, CountWire, FinishWire, HoldWire, OutcomeWire, RefusedWire,
    WireError,
};
use http::StatusCode;
use http::header::RETRY_AFTER;
use money::parse_base_units;
use serde::Serialize;
use serde::de::DeserializeOwned;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::authority::Caller;
use crate::body::{self, json, ok};
use crate::node::Shared;
use crate::refused::Refused;
use crate::schema::{GatewayAnswer, GatewayMessage, Refusals};

/// Largest message of a gateway: an outcome as base64, and its headers.
const GATEWAY_BODY_BYTES_MAX: usize = 2 * OUTCOME_BYTES_MAX + 64 * 1024;

pub(crate) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new()
        .routes(routes!(authorize))
        .routes(routes!(hold))
        .routes(routes!(charge))
        .routes(routes!(settle))
        .routes(routes!(release))
        .routes(routes!(count))
}

/// Check an order for a purchase, and claim, hold or charge it
#[utoipa::path(post, path = "/v1/payments/authorize", tag = "gateways", security(("gateway" = [])),
    request_body = GatewayMessage,
    responses((status = 200, description = "Done", body = GatewayAnswer), Refusals))]
async fn authorize(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    body: Body,
) -> Result<Response, Refused> {
    let message: AuthorizeWire = read(&caller, body).await?;
    let command = message.open().map_err(malformed)?;
    Ok(match shared.engine().authorize(command).await {
        Ok(authorized) => ok(&AuthorizedWire::from(authorized)),
        Err(error) => refused(error),
    })
}

/// Turn a claim into a hold
#[utoipa::path(post, path = "/v1/payments/hold", tag = "gateways", security(("gateway" = [])),
    request_body = GatewayMessage,
    responses((status = 200, description = "Done", body = GatewayAnswer), Refusals))]
async fn hold(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    body: Body,
) -> Result<Response, Refused> {
    let message: HoldWire = read(&caller, body).await?;
    let HoldWire { payment, claim, seconds } = message;
    Ok(answer(shared.engine().hold(payment, claim, seconds).await))
}

/// Charge a claim
#[utoipa::path(post, path = "/v1/payments/charge", tag = "gateways", security(("gateway" = [])),
    request_body = GatewayMessage,
    responses((status = 200, description = "Done", body = GatewayAnswer), Refusals))]
async fn charge(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    body: Body,
) -> Result<Response, Refused> {
    let message: FinishWire = read(&caller, body).await?;
    let outcome = outcome(message.outcome)?;
    let charged = shared.engine().charge(message.payment, message.claim, outcome).await;
    Ok(answer(charged))
}

/// Charge a hold
#[utoipa::path(post, path = "/v1/payments/settle", tag = "gateways", security(("gateway" = [])),
    request_body = GatewayMessage,
    responses((status = 200, description = "Done", body = GatewayAnswer), Refusals))]
async fn settle(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    body: Body,
) -> Result<Response, Refused> {
    let message: FinishWire = read(&caller, body).await?;
    let units = message.units.as_deref().map(parse_base_units).transpose();
    let units = units.map_err(|why| {
        Refused::bad_request("invalid_amount", why.to_string()).with_param("units")
    })?;
    let outcome = outcome(message.outcome)?;
    let settled =
        shared.engine().settle(message.payment, units, outcome, message.durable_outcome).await;
    Ok(answer(settled))
}

/// Give a claim or hold up
#[utoipa::path(post, path = "/v1/payments/release", tag = "gateways", security(("gateway" = [])),
    request_body = GatewayMessage,
    responses((status = 200, description = "Done", body = GatewayAnswer), Refusals))]
async fn release(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    body: Body,
) -> Result<Response, Refused> {
    let message: FinishWire = read(&caller, body).await?;
    let outcome = outcome(message.outcome)?;
    let released = shared.engine().release(message.payment, message.claim, outcome).await;
    Ok(answer(released))
}

/// Count a use that goes without a payment
#[utoipa::path(post, path = "/v1/payments/count", tag = "gateways", security(("gateway" = [])),
    request_body = GatewayMessage,
    responses((status = 200, description = "Done", body = GatewayAnswer), Refusals))]
async fn count(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    body: Body,
) -> Result<Response, Refused> {
    let message: CountWire = read(&caller, body).await?;
    let count = message.open().map_err(malformed)?;
    Ok(answer(shared.engine().count(count).await))
}

pub(crate) async fn read<T: DeserializeOwned>(caller: &Caller, body: Body) -> Result<T, Refused> {
    caller.gateway()?;
    let bytes = body::read(body, GATEWAY_BODY_BYTES_MAX).await?;
    serde_json::from_slice(&bytes)
        .map_err(|error| Refused::bad_request("invalid_json", error.to_string()).with_param("body"))
}

pub(crate) fn outcome(wire: Option<OutcomeWire>) -> Result<Option<Outcome>, Refused> {
    let outcome = wire.map(OutcomeWire::open).transpose().map_err(malformed)?;
    check_outcome(outcome.as_ref())?;
    Ok(outcome)
}

/// A gateway must not rely on a copy that the node will not keep.
pub(crate) fn check_outcome(outcome: Option<&Outcome>) -> Result<(), Refused> {
    if outcome.is_some_and(|outcome| outcome.body.len() > OUTCOME_BYTES_MAX) {
        let detail = format!("an answer of more than {OUTCOME_BYTES_MAX} bytes is not kept");
        return Err(Refused::bad_request("outcome_too_large", detail).with_param("outcome.body"));
    }
    Ok(())
}

pub(crate) fn malformed(error: WireError) -> Refused {
    match error {
        WireError::Field(name) => {
            Refused::bad_request("invalid_field", error.to_string()).with_param(name)
        }
        WireError::Signature => {
            Refused::bad_request("invalid_signature", error.to_string()).with_param("signature")
        }
    }
}

pub(crate) fn answer<T: Serialize, E: Coded + Serialize>(result: Result<T, E>) -> Response {
    match result {
        Ok(value) => ok(&value),
        Err(error) => refused(error),
    }
}

/// The engine's refusal itself, which the gateway words for the payer.
pub(crate) fn refused<E: Coded + Serialize>(error: E) -> Response {
    let status = StatusCode::from_u16(error.http_status()).unwrap_or(StatusCode::BAD_REQUEST);
    let retry = error.retry();
    let mut response = json(status, &RefusedWire { refused: error });
    if let Retry::AfterSeconds(seconds) = retry {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}
