//! What a payer sees and decides: its account, its mandates, its open channels.
//!
//! Invariant: an account is shown to the holder of its key only; a mandate is granted and revoked
//! by the payer's signature alone.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use engine::{MandateView, PayerView, PaymentState, PaymentView};
use http::{HeaderMap, StatusCode};
use http402::Problem;
use instrument::{Mandate, PublicKey, Revocation, Signed, Statement, payer_account};
use serde_json::{Value, json};

use crate::authority;
use crate::body::{Fields, json as answer, ok};
use crate::node::Shared;
use crate::refused::Refused;

/// Payments that a payer is shown.
const PAYER_PAYMENTS_COUNT_MAX: usize = 100;

/// Open channels that a payer is shown.
const PAYER_CHANNELS_COUNT_MAX: usize = 100;

/// `GET /v1/payer`
pub(crate) async fn show(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let key = authority::payer(&headers, shared.engine())?;
    let view = shared.engine().read(move |state| view_of(state, &key)).await?;
    match view {
        Some(view) => Ok(ok(&payer_json(&view))),
        None => Err(Refused::not_found(
            "account_unknown",
            "this key has no account yet; an account opens when money enters",
        )),
    }
}

/// The first asset in which the key has an account.
fn view_of(state: &engine::State, key: &PublicKey) -> Option<PayerView> {
    state.asset_views().iter().find_map(|opened| {
        let account = payer_account(key, opened.asset);
        engine::payer(state, account, PAYER_PAYMENTS_COUNT_MAX)
    })
}

fn payer_json(view: &PayerView) -> Value {
    let asset = view.available.asset();
    json!({
        "account": view.account,
        "asset": asset.code,
        "scale": asset.scale,
        "available": view.available.units().to_string(),
        "posted": view.posted.units().to_string(),
        "held": view.held.units().to_string(),
        "mandates": view.mandates.iter().map(mandate_json).collect::<Vec<_>>(),
        "payments": view.payments.iter().map(payment_json).collect::<Vec<_>>(),
        "channels": view.channels.iter().take(PAYER_CHANNELS_COUNT_MAX).collect::<Vec<_>>(),
    })
}

fn mandate_json(view: &MandateView) -> Value {
    json!({
        "mandate": view.mandate,
        "label": view.label,
        "delegate": view.delegate,
        "per_payment": view.per_payment.units().to_string(),
        "total": view.total.units().to_string(),
        "spent": view.spent.units().to_string(),
        "expires_at_ms": view.expires_at_ms,
        "revoked": view.revoked,
    })
}

fn payment_json(view: &PaymentView) -> Value {
    json!({
        "payment": view.payment,
        "payee": view.payee,
        "amount": amount_of(view).to_string(),
        "state": view.state,
        "description": view.description,
        "at_ms": view.at_ns / 1_000_000,
    })
}

/// What was paid if it is settled, what was authorized if not.
pub(crate) fn amount_of(view: &PaymentView) -> u128 {
    match view.state {
        PaymentState::Settled => view.settled.units(),
        PaymentState::Held | PaymentState::Released => view.authorized.units(),
    }
}

/// `POST /v1/mandates`
pub(crate) async fn grant(
    State(shared): State<Arc<Shared>>,
    body: Body,
) -> Result<Response, Refused> {
    let fields = Fields::read(body, &["mandate", "signature", "label"]).await?;
    let signed: Signed<Mandate> = statement(&fields, "mandate")?;
    let terms = *signed.unverified();
    let mandate = signed.verify_with(&terms.payer_key).map_err(wrong_signature)?;
    let label = fields.optional("label").unwrap_or_default().to_owned();
    shared
        .engine()
        .grant(mandate, label)
        .await
        .map_err(|error| Refused::of("The mandate was not granted", &error))?;
    Ok(answer(StatusCode::CREATED, &json!({"mandate": terms.id})))
}

/// `POST /v1/mandates/revoke`
pub(crate) async fn revoke(
    State(shared): State<Arc<Shared>>,
    body: Body,
) -> Result<Response, Refused> {
    let title = "The mandate was not revoked";
    let fields = Fields::read(body, &["revocation", "signature"]).await?;
    let signed: Signed<Revocation> = statement(&fields, "revocation")?;
    let id = signed.unverified().mandate;
    let key = shared.engine().read(move |state| state.mandate_key(id)).await?;
    let Some(key) = key else {
        return Err(Refused::of(title, &engine::RevokeError::Unknown));
    };
    let revocation = signed.verify_with(&key).map_err(wrong_signature)?;
    shared.engine().revoke(revocation, key).await.map_err(|error| Refused::of(title, &error))?;
    Ok(ok(&json!({"mandate": id, "revoked": true})))
}

/// Reads a statement and the signature beside it.
pub(crate) fn statement<T: Statement>(
    fields: &Fields,
    name: &'static str,
) -> Result<Signed<T>, Refused> {
    let (statement, signature) = (fields.base64(name)?, fields.base64("signature")?);
    Signed::from_parts(&statement, &signature).map_err(|why| {
        let at_signature = matches!(why, instrument::DecodeError::SignatureLength { .. });
        let param = if at_signature { "signature" } else { name };
        Refused::bad_request(why.code(), why.to_string()).with_param(param)
    })
}

pub(crate) fn wrong_signature(why: instrument::SignatureError) -> Refused {
    let title = "The signature does not fit";
    let problem = Problem::new(403, "invalid_signature", title, why.to_string());
    Refused::new(problem.with_param("signature"))
}
