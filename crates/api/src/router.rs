//! All routes.
//!
//! Invariant: every answer passes the envelope; what other origins' pages may call is listed in one
//! place, [`open`].

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn;
use axum::routing::{get, post};

use crate::node::{Node, Shared};
use crate::{
    about, accounts, catalogue, channel_steps, channels, envelope, facilitator, faucet, log,
    openapi, operator, pages, payer, payments, proof, receipt, sandbox,
};

/// The node's API, ready to be served.
pub fn router(node: Node) -> Router {
    Router::new()
        .merge(open())
        .merge(own())
        .merge(gateways())
        .merge(pages::routes())
        .fallback(envelope::not_found)
        .layer(from_fn(envelope::envelope))
        .with_state(Arc::new(Shared::new(node)))
}

/// What pages of any origin may call.
fn open() -> Router<Arc<Shared>> {
    Router::new()
        .route("/v1/node", get(about::node))
        .route("/v1/receipts/{pay_id}", get(receipt::show))
        .route("/v1/receipts/{pay_id}/proof", get(proof::show))
        .route("/v1/log", get(log::about))
        .route("/log/checkpoint", get(log::checkpoint))
        .route("/log/tile/{*path}", get(log::tile))
        .route("/log/policy", get(log::policy))
        .route("/v1/channels", post(channels::open))
        .route("/v1/channels/{ch_id}", get(channels::show))
        .route("/v1/channels/{ch_id}/top-up", post(channels::top_up))
        .route("/v1/channels/{ch_id}/vouchers", post(channels::voucher))
        .route("/v1/channels/{ch_id}/ticks", post(channels::tick))
        .route("/v1/channels/{ch_id}/close", post(channels::close))
        .route("/verify", post(facilitator::verify).get(pages::verify))
        .route("/settle", post(facilitator::settle))
        .route("/supported", get(facilitator::supported))
        .route("/discovery/resources", get(catalogue::resources))
        .route("/discovery/search", get(catalogue::search))
        .route("/.well-known/x402", get(catalogue::manifest))
        .route("/openapi.json", get(openapi::show))
        .method_not_allowed_fallback(envelope::method_not_allowed)
        .layer(from_fn(envelope::any_origin))
}

/// What only the node's own pages and programs call.
fn own() -> Router<Arc<Shared>> {
    Router::new()
        .route("/v1/faucet", post(faucet::fill))
        .route("/v1/payer", get(payer::show))
        .route("/v1/mandates", post(payer::grant))
        .route("/v1/mandates/revoke", post(payer::revoke))
        .route("/v1/accounts", get(operator::accounts))
        .route("/v1/accounts/{acc_id}/statement", get(accounts::statement))
        .route("/v1/accounts/{acc_id}/forget", post(accounts::forget))
        .route("/v1/fund", post(operator::fund))
        .route("/v1/books", get(operator::books))
        .route("/v1/backup", post(operator::backup))
        .route("/v1/sandbox/state", get(sandbox::state))
        .route("/healthz", get(about::healthy))
        .route("/readyz", get(about::ready))
        .method_not_allowed_fallback(envelope::method_not_allowed)
}

/// What gateways apart from the node call.
fn gateways() -> Router<Arc<Shared>> {
    Router::new()
        .route("/v1/payments/authorize", post(payments::authorize))
        .route("/v1/payments/hold", post(payments::hold))
        .route("/v1/payments/charge", post(payments::charge))
        .route("/v1/payments/settle", post(payments::settle))
        .route("/v1/payments/release", post(payments::release))
        .route("/v1/channels/open", post(channel_steps::open))
        .route("/v1/channels/top-up", post(channel_steps::top_up))
        .route("/v1/channels/present", post(channel_steps::present))
        .route("/v1/channels/accept", post(channel_steps::accept))
        .route("/v1/channels/accept-ticks", post(channel_steps::accept_ticks))
        .route("/v1/channels/claim", post(channel_steps::claim))
        .route("/v1/channels/spend", post(channel_steps::spend))
        .route("/v1/channels/give-up", post(channel_steps::give_up))
        .route("/v1/channels/await", post(channel_steps::await_accepted))
        .route("/v1/channels/settle", post(channel_steps::settle))
        .route("/v1/channels/close", post(channel_steps::close))
        .method_not_allowed_fallback(envelope::method_not_allowed)
}
