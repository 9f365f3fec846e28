//! Each request of the node's API: counted, and told to the log if it wants to know.
//!
//! Invariant: of a request only its method, the pattern of its route, its status and its id are told:
//! no path, no query, no header, no body, so no secret and nothing that a caller chose.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;

use crate::envelope::REQUEST_ID;
use crate::node::Shared;

/// Stands for the route of a path that the node does not have.
const NO_ROUTE: &str = "none";

/// The layer around all others.
pub(crate) async fn observe(
    State(shared): State<Arc<Shared>>,
    route: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    let began = Instant::now();
    let method = request.method().clone();
    let response = next.run(request).await;
    let took = began.elapsed();
    let status = response.status().as_u16();
    let route = route.as_ref().map_or(NO_ROUTE, MatchedPath::as_str);
    shared.node.monitor.traffic().route(route).note(status, took);
    let id = response.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok());
    tracing::info!(
        target: "request",
        id = id.unwrap_or_default(),
        method = method.as_str(),
        route,
        status,
        duration_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
    );
    response
}
