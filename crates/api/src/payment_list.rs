//! Payments as payees and operators look at them: lists from the read model, one from the engine.
//!
//! Invariant: a key that is limited to accounts sees payments of which one of them gets a part.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use engine::{PayerClass, PaymentState, PaymentView};
use money::{AccountId, AssetCode, MandateId, OfferId, PaymentId};
use report::{Listed, ListedState, PaymentsQuery};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::authority::{Caller, Scope};
use crate::body::ok;
use crate::node::Shared;
use crate::page::{Page, PageQuery, cursor};
use crate::query::Query;
use crate::refused::Refused;
use crate::reports::offer_named;
use crate::schema::{self, Refusals};
use crate::segment::Segment;

const LIST: &str = "payments";

pub(crate) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show))
}

/// Which payments are asked for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Asked {
    /// The account that pays or gets a part; a key that is limited to accounts has to name one.
    #[param(value_type = Option<schema::Account>)]
    account: Option<AccountId>,
    /// Of this offer.
    #[param(value_type = Option<schema::Offer>)]
    offer: Option<OfferId>,
    /// In this state.
    #[param(value_type = Option<schema::PaymentState>, inline)]
    state: Option<PaymentState>,
    /// Authorized at this time or later, Unix milliseconds.
    from_ms: Option<u64>,
    /// Authorized before this time, Unix milliseconds.
    to_ms: Option<u64>,
    /// Rows of the page.
    #[param(minimum = 1, maximum = 100, default = 20, value_type = Option<u64>)]
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A payment.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Payment)]
struct Shown {
    #[schema(value_type = schema::Payment)]
    payment: PaymentId,
    #[schema(value_type = schema::Account)]
    payer: AccountId,
    /// Who is paid; of a split, whom the order names.
    #[schema(value_type = schema::Account)]
    payee: AccountId,
    /// What was authorized.
    #[schema(value_type = schema::Units)]
    amount: String,
    /// What was paid; zero while held or when released.
    #[schema(value_type = schema::Units)]
    settled: String,
    /// What the account that was asked about gets of it, if that is a part; else null.
    #[schema(value_type = Option<schema::Units>)]
    share: Option<String>,
    /// What was paid back.
    #[schema(value_type = schema::Units)]
    refunded: String,
    #[schema(value_type = schema::AssetCode)]
    asset: AssetCode,
    scale: u8,
    #[schema(value_type = schema::PaymentState)]
    state: PaymentState,
    /// Id of the offer, or the 16 digits of its tag if the id was never heard; null without offer.
    offer: Option<String>,
    /// Title of the offer, if it was ever heard.
    title: Option<String>,
    /// The payer's country: two letters; null if it is not known.
    country: Option<String>,
    /// Kind of payer.
    #[schema(value_type = schema::PayerClass)]
    class: PayerClass,
    #[schema(value_type = Option<schema::Mandate>)]
    mandate: Option<MandateId>,
    description: String,
    /// When it was authorized, Unix milliseconds; of one that was settled, asked for alone, when that
    /// was.
    at_ms: u64,
    /// When it was settled or released, Unix milliseconds; null if it is held.
    ended_at_ms: Option<u64>,
    receipt_url: String,
}

/// Payments, newest first
///
/// A page can be shorter than its limit and still have a next one: a filter that fits few payments
/// looks at some thousand of them at a time.
#[utoipa::path(get, path = "/v1/payments", tag = "payments", security(("bearer" = ["read"])),
    params(Asked),
    responses((status = 200, description = "The payments", body = Page<Shown>), Refusals))]
async fn list(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    asked: Result<Query<Asked>, Refused>,
) -> Result<Response, Refused> {
    let reach = caller.may(Scope::Read)?;
    let Query(asked) = asked?;
    match asked.account {
        Some(account) => reach.account(account)?,
        None => reach.all()?,
    }
    let page = PageQuery { limit: asked.limit, cursor: asked.cursor };
    let query = PaymentsQuery {
        account: asked.account,
        offer: asked.offer.map(|offer| engine::OfferTag::of(offer).0),
        state: asked.state.map(|state| match state {
            PaymentState::Held => ListedState::Held,
            PaymentState::Settled => ListedState::Settled,
            PaymentState::Released => ListedState::Released,
        }),
        from_ms: asked.from_ms,
        to_ms: asked.to_ms,
        before: page.after_as(LIST)?,
        limit: page.limit()?,
    };
    let found = shared.ask_report(move |reader| reader.payments(&query)).await?;
    let seen = |listed: &&Listed| reach.has_asset(listed.amount.asset().code);
    Ok(ok(&Page {
        data: found.payments.iter().filter(seen).map(|each| listed(&shared, each)).collect(),
        next_cursor: found.next.map(|next| cursor(LIST, &next.to_string())),
    }))
}

fn listed(shared: &Shared, listed: &Listed) -> Shown {
    let asset = listed.amount.asset();
    let (offer, title) = offer_named(&shared.node, listed.offer, listed.offer_named.clone());
    Shown {
        payment: listed.payment,
        payer: listed.payer,
        payee: listed.payee,
        amount: listed.amount.units().to_string(),
        settled: listed.settled.units().to_string(),
        share: listed.share.map(|units| units.to_string()),
        refunded: listed.refunded.to_string(),
        asset: asset.code,
        scale: asset.scale,
        state: match listed.state {
            ListedState::Held => PaymentState::Held,
            ListedState::Settled => PaymentState::Settled,
            ListedState::Released => PaymentState::Released,
        },
        offer,
        title,
        country: listed.country.clone(),
        class: listed.class,
        mandate: listed.mandate,
        description: listed.description.clone(),
        at_ms: listed.at_ns / 1_000_000,
        ended_at_ms: listed.ended_ns.map(|ns| ns / 1_000_000),
        receipt_url: shared.node.receipt_url(listed.payment),
    }
}

/// One payment
#[utoipa::path(get, path = "/v1/payments/{pay_id}", tag = "payments",
    security(("bearer" = ["read"])), params(("pay_id" = schema::Payment, Path)),
    responses((status = 200, description = "The payment", body = Shown), Refusals))]
async fn show(
    State(shared): State<Arc<Shared>>,
    path: Segment,
    caller: Caller,
) -> Result<Response, Refused> {
    let reach = caller.may(Scope::Read)?;
    let id: PaymentId = path.read("payment_unknown", "pay_id")?;
    let view = shared.engine().read(move |state| state.payment(id)).await?;
    let unknown = || Refused::not_found("payment_unknown", "there is no such payment");
    let view = view.ok_or_else(unknown)?;
    reach.account(view.payee)?;
    reach.asset(view.authorized.asset().code)?;
    Ok(ok(&one(&shared, view)))
}

fn one(shared: &Shared, view: PaymentView) -> Shown {
    let asset = view.authorized.asset();
    let at_ms = view.at_ns / 1_000_000;
    let is_over = view.state == PaymentState::Settled;
    let (offer, title) = offer_named(&shared.node, view.tags.offer.0, None);
    Shown {
        payment: view.payment,
        payer: view.payer,
        payee: view.payee,
        amount: view.authorized.units().to_string(),
        settled: view.settled.units().to_string(),
        share: None,
        refunded: view.refunded.to_string(),
        asset: asset.code,
        scale: asset.scale,
        state: view.state,
        offer,
        title,
        country: view.tags.country.map(String::from),
        class: view.tags.class,
        mandate: None,
        description: view.description,
        at_ms,
        ended_at_ms: is_over.then_some(at_ms),
        receipt_url: shared.node.receipt_url(view.payment),
    }
}
