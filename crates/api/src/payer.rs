//! What a payer sees and decides: its account, its mandates, its open channels.
//!
//! Invariant: an account is shown to the holder of its key only; a mandate is granted and revoked
//! by the payer's signature alone.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use engine::{MandateView, PayerView, PaymentState, PaymentView};
use http::StatusCode;
use http402::Problem;
use instrument::{Mandate, PublicKey, Revocation, Signed, Statement, payer_account};
use money::{AccountId, AssetCode, MandateId, PaymentId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::authority::Caller;
use crate::body::{self, json as answer, ok};
use crate::channels::ChannelSchema;
use crate::node::Shared;
use crate::refused::Refused;
use crate::schema::{self, Refusals};

/// Payments that a payer is shown.
const PAYER_PAYMENTS_COUNT_MAX: usize = 100;

/// Open channels that a payer is shown.
const PAYER_CHANNELS_COUNT_MAX: usize = 100;

pub(crate) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new().routes(routes!(show)).routes(routes!(grant)).routes(routes!(revoke))
}

/// What a payer has, and what it decided.
#[derive(Debug, Serialize, ToSchema)]
struct Payer {
    #[schema(value_type = schema::Account)]
    account: AccountId,
    #[schema(value_type = schema::AssetCode)]
    asset: AssetCode,
    scale: u8,
    /// What can be spent.
    #[schema(value_type = schema::Units)]
    available: String,
    /// The balance, holds included.
    #[schema(value_type = schema::Units)]
    posted: String,
    /// Held for payments under way.
    #[schema(value_type = schema::Units)]
    held: String,
    /// Newest first.
    mandates: Vec<GrantedMandate>,
    /// The latest, newest first.
    payments: Vec<PayerPayment>,
    /// The latest that are open, newest first.
    #[schema(value_type = Vec<ChannelSchema>)]
    channels: Vec<engine::ChannelView>,
}

/// A mandate and what was spent under it.
#[derive(Debug, Serialize, ToSchema)]
struct GrantedMandate {
    #[schema(value_type = schema::Mandate)]
    mandate: MandateId,
    label: String,
    /// The key that may pay.
    #[schema(value_type = schema::Hex32)]
    delegate: String,
    /// Most for one payment.
    #[schema(value_type = schema::Units)]
    per_payment: String,
    /// Most in total.
    #[schema(value_type = schema::Units)]
    total: String,
    /// Held and paid under it.
    #[schema(value_type = schema::Units)]
    spent: String,
    /// Unix milliseconds.
    expires_at_ms: u64,
    revoked: bool,
}

/// A payment as its payer sees it.
#[derive(Debug, Serialize, ToSchema)]
struct PayerPayment {
    #[schema(value_type = schema::Payment)]
    payment: PaymentId,
    #[schema(value_type = schema::Account)]
    payee: AccountId,
    /// What was paid if it is settled, else what was authorized.
    #[schema(value_type = schema::Units)]
    amount: String,
    #[schema(value_type = schema::PaymentState)]
    state: PaymentState,
    description: String,
    /// Unix milliseconds.
    at_ms: u64,
}

/// What a payer has
///
/// Balance, mandates, payments and open channels, in the first asset in which the key has an account.
#[utoipa::path(get, path = "/v1/payer", tag = "payers", security(("payer" = [])),
    responses((status = 200, description = "The payer", body = Payer), Refusals))]
async fn show(State(shared): State<Arc<Shared>>, caller: Caller) -> Result<Response, Refused> {
    let key = caller.payer()?;
    let view = shared.engine().read(move |state| view_of(state, &key)).await?;
    match view {
        Some(view) => Ok(ok(&payer_answer(view))),
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

fn payer_answer(view: PayerView) -> Payer {
    let asset = view.available.asset();
    let mut channels = view.channels;
    channels.truncate(PAYER_CHANNELS_COUNT_MAX);
    Payer {
        account: view.account,
        asset: asset.code,
        scale: asset.scale,
        available: view.available.units().to_string(),
        posted: view.posted.units().to_string(),
        held: view.held.units().to_string(),
        mandates: view.mandates.into_iter().map(GrantedMandate::from).collect(),
        payments: view.payments.into_iter().map(PayerPayment::from).collect(),
        channels,
    }
}

impl From<MandateView> for GrantedMandate {
    fn from(view: MandateView) -> Self {
        Self {
            mandate: view.mandate,
            label: view.label,
            delegate: view.delegate,
            per_payment: view.per_payment.units().to_string(),
            total: view.total.units().to_string(),
            spent: view.spent.units().to_string(),
            expires_at_ms: view.expires_at_ms,
            revoked: view.revoked,
        }
    }
}

impl From<PaymentView> for PayerPayment {
    fn from(view: PaymentView) -> Self {
        Self {
            payment: view.payment,
            payee: view.payee,
            amount: amount_of(&view).to_string(),
            state: view.state,
            description: view.description,
            at_ms: view.at_ns / 1_000_000,
        }
    }
}

/// What was paid if it is settled, what was authorized if not.
pub(crate) fn amount_of(view: &PaymentView) -> u128 {
    match view.state {
        PaymentState::Settled => view.settled.units(),
        PaymentState::Held | PaymentState::Released => view.authorized.units(),
    }
}

/// A mandate and the payer's signature.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Grant {
    /// The mandate's bytes.
    #[schema(value_type = schema::Base64)]
    mandate: String,
    /// 64 bytes.
    #[schema(value_type = schema::Base64)]
    signature: String,
    /// What the payer calls it.
    #[serde(default)]
    label: String,
}

/// A mandate that is registered.
#[derive(Debug, Serialize, ToSchema)]
struct Granted {
    #[schema(value_type = schema::Mandate)]
    mandate: MandateId,
}

/// Register a mandate by the payer's signature
///
/// The same mandate again is answered the same.
#[utoipa::path(post, path = "/v1/mandates", tag = "payers", request_body = Grant,
    responses((status = 201, description = "The mandate counts", body = Granted), Refusals))]
async fn grant(State(shared): State<Arc<Shared>>, body: Body) -> Result<Response, Refused> {
    let asked: Grant = body::object(body).await?;
    let signed: Signed<Mandate> = statement((&asked.mandate, "mandate"), &asked.signature)?;
    let terms = *signed.unverified();
    let mandate = signed.verify_with(&terms.payer_key).map_err(wrong_signature)?;
    shared
        .engine()
        .grant(mandate, asked.label)
        .await
        .map_err(|error| Refused::of("The mandate was not granted", &error))?;
    Ok(answer(StatusCode::CREATED, &Granted { mandate: terms.id }))
}

/// A revocation and the payer's signature.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Revoke {
    /// The revocation's bytes.
    #[schema(value_type = schema::Base64)]
    revocation: String,
    /// 64 bytes.
    #[schema(value_type = schema::Base64)]
    signature: String,
}

/// A mandate that has ended.
#[derive(Debug, Serialize, ToSchema)]
struct Revoked {
    #[schema(value_type = schema::Mandate)]
    mandate: MandateId,
    revoked: bool,
}

/// End a mandate by the payer's signature
#[utoipa::path(post, path = "/v1/mandates/revoke", tag = "payers", request_body = Revoke,
    responses((status = 200, description = "The mandate has ended", body = Revoked), Refusals))]
async fn revoke(State(shared): State<Arc<Shared>>, body: Body) -> Result<Response, Refused> {
    let title = "The mandate was not revoked";
    let asked: Revoke = body::object(body).await?;
    let signed: Signed<Revocation> =
        statement((&asked.revocation, "revocation"), &asked.signature)?;
    let id = signed.unverified().mandate;
    let key = shared.engine().read(move |state| state.mandate_key(id)).await?;
    let Some(key) = key else {
        return Err(Refused::of(title, &engine::RevokeError::Unknown));
    };
    let revocation = signed.verify_with(&key).map_err(wrong_signature)?;
    shared.engine().revoke(revocation, key).await.map_err(|error| Refused::of(title, &error))?;
    Ok(ok(&Revoked { mandate: id, revoked: true }))
}

/// Reads a statement, which stands in the field named, and the signature beside it.
pub(crate) fn statement<T: Statement>(
    (text, name): (&str, &'static str),
    signature: &str,
) -> Result<Signed<T>, Refused> {
    let statement = body::base64(text, name)?;
    let signature = body::base64(signature, "signature")?;
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
