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
    AuthorizeWire, AuthorizedWire, FinishWire, HoldWire, OutcomeWire, RefusedWire, WireError,
};
use http::header::RETRY_AFTER;
use http::{HeaderMap, StatusCode};
use money::parse_base_units;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::authority;
use crate::body::{self, json, ok};
use crate::node::Shared;
use crate::refused::Refused;

/// Largest message of a gateway: an outcome as base64, and its headers.
const GATEWAY_BODY_BYTES_MAX: usize = 2 * OUTCOME_BYTES_MAX + 64 * 1024;

/// `POST /v1/payments/authorize`
pub(crate) async fn authorize(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    let message: AuthorizeWire = read(&shared, &headers, body).await?;
    let command = message.open().map_err(malformed)?;
    Ok(match shared.engine().authorize(command).await {
        Ok(authorized) => ok(&AuthorizedWire::from(authorized)),
        Err(error) => refused(error),
    })
}

/// `POST /v1/payments/hold`
pub(crate) async fn hold(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    let message: HoldWire = read(&shared, &headers, body).await?;
    let HoldWire { payment, claim, seconds } = message;
    Ok(answer(shared.engine().hold(payment, claim, seconds).await))
}

/// `POST /v1/payments/charge`
pub(crate) async fn charge(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    let message: FinishWire = read(&shared, &headers, body).await?;
    let outcome = outcome(message.outcome)?;
    let charged = shared.engine().charge(message.payment, message.claim, outcome).await;
    Ok(answer(charged))
}

/// `POST /v1/payments/settle`
pub(crate) async fn settle(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    let message: FinishWire = read(&shared, &headers, body).await?;
    let units = message.units.as_deref().map(parse_base_units).transpose();
    let units = units.map_err(|why| {
        Refused::bad_request("invalid_amount", why.to_string()).with_param("units")
    })?;
    let outcome = outcome(message.outcome)?;
    let settled =
        shared.engine().settle(message.payment, units, outcome, message.durable_outcome).await;
    Ok(answer(settled))
}

/// `POST /v1/payments/release`
pub(crate) async fn release(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    let message: FinishWire = read(&shared, &headers, body).await?;
    let outcome = outcome(message.outcome)?;
    let released = shared.engine().release(message.payment, message.claim, outcome).await;
    Ok(answer(released))
}

pub(crate) async fn read<T: DeserializeOwned>(
    shared: &Shared,
    headers: &HeaderMap,
    body: Body,
) -> Result<T, Refused> {
    authority::bearer(headers, &shared.node.gateway_token, "gateway")?;
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
