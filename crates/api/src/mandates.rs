//! Mandates: granted and passed on, shown with what is left of them, paused, resumed and revoked.
//!
//! Invariant: nothing happens to a mandate but by the signature of its granter, or of one above; it is
//! shown to those keys and to its delegate alone.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use engine::{GrantError, MandateView, PauseError, RevokeError};
use http::StatusCode;
use http402::Problem;
use instrument::{
    MANDATE_DEPTH_MAX, Mandate, Pause, PublicKey, Revocation, Signed, Statement, TreeMandate,
    Verified,
};
use money::{AccountId, AssetCode, MandateId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::authority::Caller;
use crate::body::{self, json as answer, ok};
use crate::node::Shared;
use crate::refused::Refused;
use crate::schema::{self, Refusals};
use crate::segment::Segment;

pub(crate) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new()
        .routes(routes!(grant))
        .routes(routes!(show))
        .routes(routes!(pause))
        .routes(routes!(resume))
        .routes(routes!(revoke))
}

/// A mandate, and what was spent under it and all below it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = GrantedMandate)]
pub(crate) struct Shown {
    #[schema(value_type = schema::Mandate)]
    mandate: MandateId,
    /// The mandate that it is taken from; null for a root.
    #[schema(value_type = Option<schema::Mandate>)]
    parent: Option<MandateId>,
    /// The account that pays.
    #[schema(value_type = schema::Account)]
    payer: AccountId,
    label: String,
    /// The key that granted it.
    #[schema(value_type = schema::Hex32)]
    granter: String,
    /// The key that may pay.
    #[schema(value_type = schema::Hex32)]
    delegate: String,
    #[schema(value_type = schema::AssetCode)]
    asset: AssetCode,
    scale: u8,
    /// Most for one payment.
    #[schema(value_type = schema::Units)]
    per_payment: String,
    /// Most for a UTC day; null without a limit.
    #[schema(value_type = Option<schema::Units>)]
    per_day: Option<String>,
    /// Most for a UTC month; null without a limit.
    #[schema(value_type = Option<schema::Units>)]
    per_month: Option<String>,
    /// Most in total.
    #[schema(value_type = schema::Units)]
    total: String,
    /// Most for what is paid by the unit; null without a limit.
    unit_price: Option<UnitPrice>,
    /// Who may be paid; anybody if empty.
    #[schema(value_type = Vec<schema::Account>)]
    payees: Vec<AccountId>,
    /// SHA-256 of the origin where it may be used; null for anywhere.
    #[schema(value_type = Option<schema::Hex32>)]
    audience: Option<String>,
    /// How often it can be passed on.
    depth: u8,
    /// Held and paid.
    #[schema(value_type = schema::Units)]
    spent: String,
    /// The part of that from this UTC day.
    #[schema(value_type = schema::Units)]
    spent_today: String,
    /// The part of that from this UTC month.
    #[schema(value_type = schema::Units)]
    spent_this_month: String,
    /// What can be spent now by its own limits and those of every mandate above it.
    #[schema(value_type = schema::Units)]
    remaining: String,
    /// Unix milliseconds.
    expires_at_ms: u64,
    /// Stopped for now, here or above.
    paused: bool,
    /// Ended, here or above.
    revoked: bool,
}

/// A price by the unit.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MandateUnitPrice)]
struct UnitPrice {
    #[schema(value_type = schema::Units)]
    price: String,
    /// For so many units.
    per: u64,
}

impl From<MandateView> for Shown {
    fn from(view: MandateView) -> Self {
        let units = |amount: money::Amount| amount.units().to_string();
        let asset = view.total.asset();
        Self {
            mandate: view.mandate,
            parent: view.parent,
            payer: view.payer,
            label: view.label,
            granter: view.granter,
            delegate: view.delegate,
            asset: asset.code,
            scale: asset.scale,
            per_payment: units(view.per_payment),
            per_day: view.per_day.map(units),
            per_month: view.per_month.map(units),
            total: units(view.total),
            unit_price: view
                .unit_price
                .map(|(price, per)| UnitPrice { price: units(price), per: per.get() }),
            payees: view.payees,
            audience: view.audience,
            depth: view.depth,
            spent: units(view.spent),
            spent_today: units(view.spent_today),
            spent_this_month: units(view.spent_this_month),
            remaining: units(view.remaining),
            expires_at_ms: view.expires_at_ms,
            paused: view.paused,
            revoked: view.revoked,
        }
    }
}

/// A mandate that stands alone with its signature, or a chain of mandates.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Grant {
    /// The 224 bytes of a mandate that cannot be passed on.
    #[schema(value_type = Option<schema::Base64>)]
    mandate: Option<String>,
    /// The payer's signature of `mandate`, 64 bytes.
    #[schema(value_type = Option<schema::Base64>)]
    signature: Option<String>,
    /// Instead of these two: mandates that can be passed on, root first, each below the one before
    /// it; eight at most.
    chain: Option<Vec<Link>>,
    /// What the payer calls it.
    #[serde(default)]
    label: String,
}

/// One mandate of a chain.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MandateLink)]
struct Link {
    /// Its 376 bytes.
    #[schema(value_type = schema::Base64)]
    mandate: String,
    /// Its granter's signature, 64 bytes.
    #[schema(value_type = schema::Base64)]
    signature: String,
}

/// A mandate that is registered.
#[derive(Debug, Serialize, ToSchema)]
struct Granted {
    /// The last one of a chain.
    #[schema(value_type = schema::Mandate)]
    mandate: MandateId,
}

/// Register a mandate, or a chain of them, by the granters' signatures
///
/// All of a chain is registered or nothing. The same again is answered the same.
#[utoipa::path(post, path = "/v1/mandates", tag = "payers", request_body = Grant,
    responses((status = 201, description = "The mandate counts", body = Granted), Refusals))]
async fn grant(State(shared): State<Arc<Shared>>, body: Body) -> Result<Response, Refused> {
    let asked: Grant = body::object(body).await?;
    let refused = |error: GrantError| Refused::of("The mandate was not granted", &error);
    let mandate = match (asked.mandate, asked.signature, asked.chain) {
        (Some(mandate), Some(signature), None) => {
            let signed: Signed<Mandate> = statement((&mandate, "mandate"), &signature)?;
            let terms = *signed.unverified();
            let verified = signed.verify_with(&terms.payer_key).map_err(wrong_signature)?;
            shared.engine().grant(verified, asked.label).await.map_err(refused)?;
            terms.id
        }
        (None, None, Some(chain)) => {
            let chain = open_chain(&chain)?;
            let Some(last) = chain.last().map(|last| last.get().id()) else {
                return Err(not_a_chain());
            };
            shared.engine().grant_chain(chain, asked.label).await.map_err(refused)?;
            last
        }
        (None, _, None) => return Err(missing("mandate")),
        (_, None, None) => return Err(missing("signature")),
        _ => return Err(not_a_chain()),
    };
    Ok(answer(StatusCode::CREATED, &Granted { mandate }))
}

fn missing(field: &'static str) -> Refused {
    let detail = format!("the field `{field}` is missing");
    Refused::bad_request("missing_field", detail).with_param(field)
}

fn not_a_chain() -> Refused {
    let detail = "give `mandate` and `signature`, or instead of them a `chain` of 1 to 8 mandates";
    Refused::bad_request("invalid_field", detail).with_param("chain")
}

fn open_chain(chain: &[Link]) -> Result<Vec<Verified<TreeMandate>>, Refused> {
    // Each costs the check of a signature.
    if chain.is_empty() || chain.len() > usize::from(MANDATE_DEPTH_MAX) + 1 {
        return Err(not_a_chain());
    }
    let open = |link: &Link| {
        let signed: Signed<TreeMandate> = statement((&link.mandate, "chain"), &link.signature)?;
        let granter = signed.unverified().granter;
        signed.verify_with(&granter).map_err(wrong_signature)
    };
    chain.iter().map(open).collect()
}

/// A mandate and what is left of it
///
/// For its delegate, and for the keys that granted it or one above it.
#[utoipa::path(get, path = "/v1/mandates/{mandate_id}", tag = "payers", security(("payer" = [])),
    params(("mandate_id" = schema::Mandate, Path, description = "The mandate")),
    responses((status = 200, description = "The mandate", body = Shown), Refusals))]
async fn show(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    segment: Segment,
) -> Result<Response, Refused> {
    let key = caller.payer()?;
    let id: MandateId = segment.read("mandate_unknown", "mandate_id")?;
    let now_ns = shared.engine().clock().now_ns();
    let found = shared.engine().read(move |state| {
        let view = state.mandate(id, now_ns)?;
        let may_see = view.delegate == key.to_string() || state.is_granter(id, &key);
        may_see.then_some(view)
    });
    match found.await? {
        Some(view) => Ok(ok(&Shown::from(view))),
        None => Err(Refused::not_found("mandate_unknown", "this key knows no such mandate")),
    }
}

/// A pause and the granter's signature.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AskedPause {
    /// The 72 bytes of the pause.
    #[schema(value_type = schema::Base64)]
    pause: String,
    /// 64 bytes.
    #[schema(value_type = schema::Base64)]
    signature: String,
    /// The key that signed it; the payer's if absent.
    #[schema(value_type = Option<schema::Hex32>)]
    key: Option<String>,
}

/// A mandate that was paused or resumed.
#[derive(Debug, Serialize, ToSchema)]
struct Paused {
    #[schema(value_type = schema::Mandate)]
    mandate: MandateId,
    /// Whether this key has it paused now; another granter above it may have, too.
    paused: bool,
}

/// Stop a mandate and all below it for now
#[utoipa::path(post, path = "/v1/mandates/{mandate_id}/pause", tag = "payers",
    params(("mandate_id" = schema::Mandate, Path, description = "The mandate")),
    request_body = AskedPause,
    responses((status = 200, description = "The mandate is paused", body = Paused), Refusals))]
async fn pause(
    State(shared): State<Arc<Shared>>,
    segment: Segment,
    body: Body,
) -> Result<Response, Refused> {
    switch(&shared, &segment, body, true).await
}

/// Let a mandate that this key has paused go on
#[utoipa::path(post, path = "/v1/mandates/{mandate_id}/resume", tag = "payers",
    params(("mandate_id" = schema::Mandate, Path, description = "The mandate")),
    request_body = AskedPause,
    responses((status = 200, description = "This key has it paused no more", body = Paused), Refusals))]
async fn resume(
    State(shared): State<Arc<Shared>>,
    segment: Segment,
    body: Body,
) -> Result<Response, Refused> {
    switch(&shared, &segment, body, false).await
}

async fn switch(
    shared: &Shared,
    segment: &Segment,
    body: Body,
    paused: bool,
) -> Result<Response, Refused> {
    let title = "The mandate was neither paused nor resumed";
    let id: MandateId = segment.read("mandate_unknown", "mandate_id")?;
    let asked: AskedPause = body::object(body).await?;
    let signed: Signed<Pause> = statement((&asked.pause, "pause"), &asked.signature)?;
    let Pause { mandate, paused: says, .. } = *signed.unverified();
    if (mandate, says) != (id, paused) {
        let detail = "the statement is about another mandate, or says the opposite";
        return Err(Refused::bad_request("invalid_field", detail).with_param("pause"));
    }
    let key = granter(shared, id, asked.key.as_deref()).await?;
    let key = key.ok_or_else(|| Refused::of(title, &PauseError::Unknown))?;
    let verified = signed.verify_with(&key).map_err(wrong_signature)?;
    shared.engine().pause(verified, key).await.map_err(|error| Refused::of(title, &error))?;
    Ok(ok(&Paused { mandate: id, paused }))
}

/// A revocation and the granter's signature.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Revoke {
    /// The revocation's bytes.
    #[schema(value_type = schema::Base64)]
    revocation: String,
    /// 64 bytes.
    #[schema(value_type = schema::Base64)]
    signature: String,
    /// The key that signed it; the payer's if absent.
    #[schema(value_type = Option<schema::Hex32>)]
    key: Option<String>,
}

/// A mandate that has ended.
#[derive(Debug, Serialize, ToSchema)]
struct Revoked {
    #[schema(value_type = schema::Mandate)]
    mandate: MandateId,
    revoked: bool,
}

/// End a mandate and all below it by the signature of a granter
#[utoipa::path(post, path = "/v1/mandates/revoke", tag = "payers", request_body = Revoke,
    responses((status = 200, description = "The mandate has ended", body = Revoked), Refusals))]
async fn revoke(State(shared): State<Arc<Shared>>, body: Body) -> Result<Response, Refused> {
    let title = "The mandate was not revoked";
    let asked: Revoke = body::object(body).await?;
    let signed: Signed<Revocation> =
        statement((&asked.revocation, "revocation"), &asked.signature)?;
    let id = signed.unverified().mandate;
    let key = granter(&shared, id, asked.key.as_deref()).await?;
    let key = key.ok_or_else(|| Refused::of(title, &RevokeError::Unknown))?;
    let revocation = signed.verify_with(&key).map_err(wrong_signature)?;
    shared.engine().revoke(revocation, key).await.map_err(|error| Refused::of(title, &error))?;
    Ok(ok(&Revoked { mandate: id, revoked: true }))
}

/// The key that is named, if it granted the mandate or one above it; the payer's if none is named.
async fn granter(
    shared: &Shared,
    id: MandateId,
    named: Option<&str>,
) -> Result<Option<PublicKey>, Refused> {
    let named: Option<PublicKey> = match named {
        None => None,
        Some(text) => Some(PublicKey::from_hex(text).ok_or_else(|| {
            Refused::bad_request("invalid_key", "a key has 64 lowercase hex digits")
                .with_param("key")
        })?),
    };
    let found = shared.engine().read(move |state| match named {
        None => state.mandate_key(id),
        Some(key) => state.is_granter(id, &key).then_some(key),
    });
    Ok(found.await?)
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
