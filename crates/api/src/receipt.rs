//! Receipts: what the node attests about a payment, to anyone who knows its id.
//!
//! Invariants: only a settled payment has a signed receipt; neither the receipt nor the answer
//! around it names the payer or what was bought.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use engine::{PaymentState, PaymentView};
use http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, StatusCode};
use instrument::hex::{Hex, parse_32};
use instrument::{Receipt, Signed, Statement};
use money::PaymentId;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::body::ok;
use crate::node::{Node, Shared};
use crate::refused::Refused;

/// A settled payment never changes again.
const SETTLED_CACHE: HeaderValue = HeaderValue::from_static("private, max-age=86400");
const OPEN_CACHE: HeaderValue = HeaderValue::from_static("private, no-cache");

/// `GET /v1/receipts/{pay_id}`
pub(crate) async fn show(
    State(shared): State<Arc<Shared>>,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let view = view(&shared, path).await?;
    let content = receipt_json(&shared.node, &view);
    let digest = Sha256::digest(content.to_string().as_bytes());
    let tag = format!("\"{}\"", Hex(&digest[..16]));
    let known =
        headers.get_all(IF_NONE_MATCH).iter().any(|value| value.as_bytes() == tag.as_bytes());
    let mut response = if known { StatusCode::NOT_MODIFIED.into_response() } else { ok(&content) };
    let settled = view.state == PaymentState::Settled;
    let cache = if settled { SETTLED_CACHE } else { OPEN_CACHE };
    response.headers_mut().insert(CACHE_CONTROL, cache);
    if let Ok(tag) = HeaderValue::try_from(tag) {
        response.headers_mut().insert(ETAG, tag);
    }
    Ok(response)
}

/// The payment that a path names.
pub(crate) async fn view(
    shared: &Shared,
    path: Result<Path<String>, PathRejection>,
) -> Result<PaymentView, Refused> {
    let unknown = || Refused::not_found("payment_unknown", "the node knows no such payment");
    let Path(text) = path.map_err(|_| unknown())?;
    let id: PaymentId = text.parse().map_err(|why: money::IdError| {
        Refused::not_found("payment_unknown", why.to_string()).with_param("pay_id")
    })?;
    let view = shared.engine().read(move |state| state.payment(id)).await?;
    view.ok_or_else(unknown)
}

fn receipt_json(node: &Node, view: &PaymentView) -> Value {
    let asset = view.authorized.asset();
    let mut content = json!({
        "payment": view.payment,
        "node": node.engine.node(),
        "state": view.state,
        "payee": view.payee,
        "authorized": view.authorized.units().to_string(),
        "amount": view.settled.units().to_string(),
        "asset": asset.code,
        "scale": asset.scale,
        "order_digest": view.order_digest,
        "at_ms": view.at_ns / 1_000_000,
    });
    if let Some(reason) = view.reason {
        content["reason"] = json!(reason);
    }
    if let Some(signed) = sign(node, view) {
        let (statement, signature) = (signed.unverified().to_bytes(), signed.signature().0);
        content["settled_at_ns"] = view.at_ns.to_string().into();
        content["receipt"] = STANDARD.encode(statement).into();
        content["signature"] = STANDARD.encode(signature).into();
        content["public_key"] = node.key.public().to_string().into();
        if node.engine.log().is_some() {
            content["proof"] = format!("{}/proof", node.receipt_url(view.payment)).into();
        }
    }
    content
}

/// The signed receipt; `None` unless the payment is settled.
fn sign(node: &Node, view: &PaymentView) -> Option<Signed<Receipt>> {
    if view.state != PaymentState::Settled {
        return None;
    }
    let receipt = Receipt {
        node: node.engine.node(),
        payment: view.payment,
        order_digest: parse_32(&view.order_digest)?,
        payee: view.payee,
        amount: view.settled,
        settled_at_ns: view.at_ns,
    };
    Some(Signed::sign(receipt, &node.key))
}
