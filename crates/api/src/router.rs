//! All routes.
//!
//! A resource is a module with `pub(crate) fn routes() -> OpenApiRouter<Arc<Shared>>`; [`keys`] is the
//! one to copy. What belongs to a new one:
//!
//! - Each handler has `#[utoipa::path(...)]`: method, path, `tag`, `responses` with the type of the
//!   answer and [`Refusals`](crate::schema::Refusals), `security` with the scope that it asks for. Its
//!   doc comment becomes summary and description.
//! - It takes `State<Arc<Shared>>`, [`Caller`](crate::authority::Caller), paths as
//!   [`Segment`](crate::segment::Segment) and queries as [`Query`](crate::query::Query), and asks the caller
//!   first: `caller.may(Scope::Read)?` gives a `Reach`, which says whose money it is for. Bodies come
//!   after that, by [`body::object`](crate::body::object).
//! - Types of requests derive `Deserialize` with `deny_unknown_fields`, types of answers `Serialize`,
//!   both `ToSchema`; ids and amounts name a type of [`schema`](crate::schema). Lists answer a
//!   [`Page`](crate::page::Page).
//! - What moves money takes [`Idempotent`](crate::idempotency::Idempotent).
//! - `routes()` stands below, in the group of who calls it. `docs/reference/openapi.json` is written
//!   anew by `cargo test -p api`, see `tests/it/openapi.rs`.
//!
//! Invariant: every answer passes the envelope; what other origins' pages may call is listed in one
//! place, [`open`].

use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::authority::admit;
use crate::node::{Node, Shared};
use crate::{
    about, account_list, accounts, catalogue, channel_steps, channels, clock, codes, deliveries,
    docs, envelope, events, facilitator, faucet, fund, keys, llms, log, mandates, monitor, offers,
    openapi, operator, pages, payer, payment_list, payments, payouts, proof, receipt, refunds,
    reports, sandbox, session, settings, sponsors, statements, transfers, webhook_endpoints,
};

/// The node's API, ready to be served.
pub fn router(node: Node) -> Router {
    let (routes, calls) = routes();
    let shared = Arc::new(Shared::new(node, calls));
    routes
        .layer(from_fn_with_state(Arc::clone(&shared), admit))
        .layer(from_fn_with_state(Arc::clone(&shared), envelope::envelope))
        .layer(from_fn_with_state(Arc::clone(&shared), monitor::observe))
        .with_state(shared)
}

/// The calls of every node as an OpenAPI 3.1 document in JSON, without what one node sells.
pub fn openapi_json() -> Result<String, serde_json::Error> {
    let (_, calls) = routes();
    Ok(serde_json::to_string_pretty(&calls)? + "\n")
}

fn routes() -> (Router<Arc<Shared>>, OpenApi) {
    let mut calls = openapi::calls();
    let mut take = |group: OpenApiRouter<Arc<Shared>>| {
        let (routes, of_group) = group.split_for_parts();
        calls.merge(of_group);
        routes.method_not_allowed_fallback(envelope::method_not_allowed)
    };
    let open = take(open()).layer(from_fn(envelope::any_origin));
    let routes = Router::new()
        .merge(open)
        .merge(take(own()))
        .merge(take(gateways()))
        .merge(pages::routes())
        .fallback(envelope::not_found);
    openapi::name_operations(&mut calls);
    (routes, calls)
}

/// What pages of any origin may call.
fn open() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new()
        .merge(about::routes())
        .merge(receipt::routes())
        .merge(proof::routes())
        .merge(log::routes())
        .merge(channels::routes())
        .merge(facilitator::routes())
        .merge(catalogue::routes())
        .merge(openapi::routes())
        .merge(docs::routes())
        .merge(llms::routes())
}

/// What only the node's own pages and programs call.
fn own() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new()
        .merge(session::routes())
        .merge(keys::routes())
        .merge(settings::routes())
        .merge(faucet::routes())
        .merge(payer::routes())
        .merge(mandates::routes())
        .merge(operator::routes())
        .merge(fund::routes())
        .merge(account_list::routes())
        .merge(accounts::routes())
        .merge(transfers::routes())
        .merge(offers::routes())
        .merge(codes::routes())
        .merge(sponsors::routes())
        .merge(events::routes())
        .merge(webhook_endpoints::routes())
        .merge(deliveries::routes())
        .merge(payment_list::routes())
        .merge(refunds::routes())
        .merge(payouts::routes())
        .merge(reports::routes())
        .merge(statements::routes())
        .merge(sandbox::routes())
        .merge(about::health_routes())
        .merge(monitor::routes())
        .merge(clock::routes())
}

/// What gateways apart from the node call.
fn gateways() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new().merge(payments::routes()).merge(channel_steps::routes())
}
