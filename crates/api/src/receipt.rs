//! Receipts: what the node attests about a payment, to anyone who knows its id.
//!
//! Invariants: only a settled payment has a signed receipt; neither the receipt nor the answer
//! around it names the payer or what was bought.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use engine::{PaymentState, PaymentView, ReleaseReason};
use http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, StatusCode};
use instrument::hex::{Hex, parse_32};
use instrument::{Receipt, Signed, Statement};
use money::{AccountId, AssetCode, NodeId, PaymentId};
use serde::Serialize;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::body::ok;
use crate::node::{Node, Shared};
use crate::refused::Refused;
use crate::schema::{self, Refusals};
use crate::segment::Segment;

/// A settled payment never changes again.
const SETTLED_CACHE: HeaderValue = HeaderValue::from_static("private, max-age=86400");
const OPEN_CACHE: HeaderValue = HeaderValue::from_static("private, no-cache");

pub(crate) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new().routes(routes!(show))
}

/// What became of a payment. It names no payer and not what was bought.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Receipt)]
struct Attested {
    #[schema(value_type = schema::Payment)]
    payment: PaymentId,
    #[schema(value_type = String)]
    node: NodeId,
    #[schema(value_type = schema::PaymentState)]
    state: PaymentState,
    #[schema(value_type = schema::Account)]
    payee: AccountId,
    #[schema(value_type = schema::Units)]
    authorized: String,
    /// What was paid; 0 unless it is settled.
    #[schema(value_type = schema::Units)]
    amount: String,
    #[schema(value_type = schema::AssetCode)]
    asset: AssetCode,
    scale: u8,
    /// SHA-256 of the order that the payer signed.
    #[schema(value_type = schema::Hex32)]
    order_digest: String,
    /// Unix milliseconds.
    at_ms: u64,
    /// Why it was released.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::ReleaseReason>, nullable = false)]
    reason: Option<ReleaseReason>,
    #[serde(flatten)]
    signed: Option<SignedReceipt>,
}

/// The receipt of a settled payment, signed by the node.
#[derive(Debug, Serialize, ToSchema)]
struct SignedReceipt {
    /// Unix nanoseconds.
    #[schema(value_type = schema::Units)]
    settled_at_ns: String,
    /// 144 bytes.
    #[schema(value_type = schema::Base64)]
    receipt: String,
    /// 64 bytes.
    #[schema(value_type = schema::Base64)]
    signature: String,
    #[schema(value_type = schema::Hex32)]
    public_key: String,
    /// Where its proof is, if the node keeps a log.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    proof: Option<String>,
}

/// A payment's receipt, signed by the node
///
/// For whoever knows the payment's id. It has an `ETag`.
#[utoipa::path(get, path = "/v1/receipts/{pay_id}", tag = "receipts",
    params(("pay_id" = schema::Payment, Path)),
    responses((status = 200, description = "The receipt", body = Attested),
        (status = 304, description = "It is as the ETag of `If-None-Match` says"), Refusals))]
async fn show(
    State(shared): State<Arc<Shared>>,
    path: Segment,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let view = view(&shared, &path).await?;
    let content = attested(&shared.node, &view);
    let bytes = serde_json::to_vec(&content).unwrap_or_default();
    let tag = format!("\"{}\"", Hex(&Sha256::digest(bytes)[..16]));
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
pub(crate) async fn view(shared: &Shared, path: &Segment) -> Result<PaymentView, Refused> {
    let id: PaymentId = path.read("payment_unknown", "pay_id")?;
    let view = shared.engine().read(move |state| state.payment(id)).await?;
    view.ok_or_else(|| Refused::not_found("payment_unknown", "the node knows no such payment"))
}

fn attested(node: &Node, view: &PaymentView) -> Attested {
    let asset = view.authorized.asset();
    let signed = sign(node, view).map(|signed| SignedReceipt {
        settled_at_ns: view.at_ns.to_string(),
        receipt: STANDARD.encode(signed.unverified().to_bytes()),
        signature: STANDARD.encode(signed.signature().0),
        public_key: node.key.public().to_string(),
        proof: node.engine.log().map(|_| format!("{}/proof", node.receipt_url(view.payment))),
    });
    Attested {
        payment: view.payment,
        node: node.engine.node(),
        state: view.state,
        payee: view.payee,
        authorized: view.authorized.units().to_string(),
        amount: view.settled.units().to_string(),
        asset: asset.code,
        scale: asset.scale,
        order_digest: view.order_digest.clone(),
        at_ms: view.at_ns / 1_000_000,
        reason: view.reason,
        signed,
    }
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
