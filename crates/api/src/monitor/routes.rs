//! What is told of the node: `GET /v1/status`, `GET /metrics`, and the same page on a listener of its
//! own, which asks for no token.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::CONTENT_TYPE;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::metrics::{self, gateway_metrics};
use super::status::Status;
use super::{Certificate, Monitor, Traffic};
use crate::authority::{Caller, Scope};
use crate::body::ok;
use crate::node::Shared;
use crate::refused::Refused;
use crate::schema::Refusals;

pub(crate) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new().routes(routes!(status)).routes(routes!(show))
}

/// How the node is
///
/// Throughput, latency, holds, exposure, journal, log, witnesses and alarms, for a console. For keys
/// without a limit of accounts.
#[utoipa::path(get, path = "/v1/status", tag = "operator", security(("key" = ["read"])),
    responses((status = 200, description = "The node", body = Status), Refusals))]
async fn status(State(shared): State<Arc<Shared>>, caller: Caller) -> Result<Response, Refused> {
    caller.may(Scope::Read)?.all()?;
    Ok(ok(&shared.node.monitor.status().await))
}

/// Metrics for Prometheus
#[utoipa::path(get, path = "/metrics", tag = "operator", security(("key" = ["read"])),
    responses((status = 200, description = "In the text format of Prometheus", body = String,
        content_type = "text/plain"), Refusals))]
async fn show(State(shared): State<Arc<Shared>>, caller: Caller) -> Result<Response, Refused> {
    caller.may(Scope::Read)?.all()?;
    Ok(page(shared.node.monitor.metrics().await))
}

fn page(text: String) -> Response {
    ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response()
}

/// `/metrics` of a node, for a listener that only its operator's Prometheus reaches.
pub fn metrics_router(monitor: Monitor) -> Router {
    let show = |State(monitor): State<Monitor>| async move { page(monitor.metrics().await) };
    Router::new().route("/metrics", get(show)).with_state(monitor)
}

/// `/metrics` of gateways apart from their node.
pub fn gateway_metrics_router(
    traffic: Traffic,
    certificates: impl Fn() -> Vec<Certificate> + Clone + Send + Sync + 'static,
    version: &'static str,
) -> Router {
    let show = move |State(traffic): State<Traffic>| async move {
        page(gateway_metrics(&traffic, &certificates(), version))
    };
    Router::new().route("/metrics", get(show)).with_state(traffic)
}
