//! Refunds: a settled payment goes back to its payer, all of it or a part.
//!
//! Invariants: the same idempotency key pays back once; a key that is limited to accounts pays back from
//! those alone.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use engine::{PaymentView, Refund, RefundError, RefundView};
use http::HeaderMap;
use money::{AccountId, AssetCode, PaymentId, RefundId, parse_base_units};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::authority::{Caller, Reach, Scope};
use crate::body::{self, ok};
use crate::idempotency::{self, Idempotent};
use crate::node::Shared;
use crate::page::Page;
use crate::query::Query;
use crate::refused::Refused;
use crate::schema::{self, Refusals};
use crate::segment::Segment;

const TITLE: &str = "Nothing was paid back";
/// Ids of refunds are derived under this name.
const REFUND_TAG: &str = "farthing/api-refund/1";

pub(crate) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new().routes(routes!(list, refund)).routes(routes!(show))
}

/// What is to be paid back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewRefund)]
struct Asked {
    #[schema(value_type = schema::Payment)]
    payment: PaymentId,
    /// Base units; all that is left by default.
    #[schema(value_type = Option<schema::Units>)]
    amount: Option<String>,
    /// The payee who alone pays it back; by default all of a split, each its part.
    #[schema(value_type = Option<schema::Account>)]
    from: Option<AccountId>,
    /// Why; at most 120 bytes.
    #[serde(default)]
    #[schema(max_length = 120)]
    reason: String,
}

/// A refund.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Refund)]
struct Shown {
    #[schema(value_type = schema::Refund)]
    refund: RefundId,
    #[schema(value_type = schema::Payment)]
    payment: PaymentId,
    /// Who got the money back.
    #[schema(value_type = schema::Account)]
    payer: AccountId,
    /// The payee who alone paid it back; null if all did.
    #[schema(value_type = Option<schema::Account>)]
    from: Option<AccountId>,
    #[schema(value_type = schema::Units)]
    amount: String,
    /// All that was paid back of the payment up to this refund.
    #[schema(value_type = schema::Units)]
    refunded: String,
    #[schema(value_type = schema::AssetCode)]
    asset: AssetCode,
    scale: u8,
    reason: String,
    /// Unix milliseconds.
    at_ms: u64,
}

impl From<&RefundView> for Shown {
    fn from(view: &RefundView) -> Self {
        let asset = view.amount.asset();
        Self {
            refund: view.refund,
            payment: view.payment,
            payer: view.payer,
            from: view.from,
            amount: view.amount.units().to_string(),
            refunded: view.refunded.units().to_string(),
            asset: asset.code,
            scale: asset.scale,
            reason: view.reason.clone(),
            at_ms: view.at_ns / 1_000_000,
        }
    }
}

/// Pay a settled payment back, all of it or a part
#[utoipa::path(post, path = "/v1/refunds", tag = "payments",
    security(("bearer" = ["refunds:write"])), params(idempotency::Header),
    request_body(content = Asked),
    responses((status = 200, description = "It is paid back", body = Shown), Refusals))]
async fn refund(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    let reach = caller.may(Scope::RefundsWrite)?;
    let call = Idempotent::begin(&shared, &caller, REFUND_TAG, &headers)?;
    let Asked { payment, amount, from, reason } = body::object(body).await?;
    let units = amount.as_deref().map(parse_base_units).transpose().map_err(|why| {
        Refused::bad_request("invalid_amount", why.to_string()).with_param("amount")
    })?;
    let view = payment_in_reach(&shared, &reach, payment).await?;
    // A limited key takes from its own accounts and not from others of a split.
    let from = from.or_else(|| (!reach.is_all()).then_some(view.payee));
    if let Some(from) = from {
        reach.account(from)?;
    }
    let id = RefundId::from_digest(call.digest());
    let engine = shared.engine();
    let known = engine.refund_view(id).await?.is_some();
    let asked = Refund { id, payment, from, units, reason };
    let view = engine.refund(asked).await.map_err(|error| match error {
        RefundError::IdTaken => Idempotent::conflict(),
        error => Refused::of(TITLE, &error),
    })?;
    Ok(idempotency::mark(ok(&Shown::from(&view)), known))
}

/// Which refunds are asked for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Of {
    /// The payment that was paid back.
    #[param(value_type = schema::Payment)]
    payment: PaymentId,
}

/// Refunds of a payment, oldest first
#[utoipa::path(get, path = "/v1/refunds", tag = "payments", security(("bearer" = ["read"])),
    params(Of),
    responses((status = 200, description = "The refunds", body = Page<Shown>), Refusals))]
async fn list(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    asked: Result<Query<Of>, Refused>,
) -> Result<Response, Refused> {
    let reach = caller.may(Scope::Read)?;
    let Query(Of { payment }) = asked?;
    payment_in_reach(&shared, &reach, payment).await?;
    let refunds = shared.engine().refunds_of(payment).await?;
    let data: Vec<Shown> = refunds.iter().map(Shown::from).collect();
    Ok(ok(&Page { data, next_cursor: None }))
}

/// One refund
#[utoipa::path(get, path = "/v1/refunds/{ref_id}", tag = "payments",
    security(("bearer" = ["read"])), params(("ref_id" = schema::Refund, Path)),
    responses((status = 200, description = "The refund", body = Shown), Refusals))]
async fn show(
    State(shared): State<Arc<Shared>>,
    path: Segment,
    caller: Caller,
) -> Result<Response, Refused> {
    let reach = caller.may(Scope::Read)?;
    let id: RefundId = path.read("refund_unknown", "ref_id")?;
    let unknown = || Refused::not_found("refund_unknown", "there is no such refund");
    let view = shared.engine().refund_view(id).await?.ok_or_else(unknown)?;
    payment_in_reach(&shared, &reach, view.payment).await?;
    Ok(ok(&Shown::from(&view)))
}

/// A payment of which the caller may see and pay back.
async fn payment_in_reach(
    shared: &Shared,
    reach: &Reach,
    payment: PaymentId,
) -> Result<PaymentView, Refused> {
    let view = shared.engine().read(move |state| state.payment(payment)).await?;
    let unknown = || Refused::not_found("payment_unknown", "there is no such payment");
    let view = view.ok_or_else(unknown)?;
    reach.account(view.payee)?;
    reach.asset(view.settled.asset().code)?;
    Ok(view)
}
