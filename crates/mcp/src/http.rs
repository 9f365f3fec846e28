//! The tools over streamable HTTP, without sessions.
//!
//! Invariants: each request shows the bearer token; a request whose `Host` is not allowed, or that
//! comes from a web page of any origin, is refused, so no page can reach a local server by a name
//! that it controls.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, StatusCode};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::agent::Agent;
use crate::server::Tools;

/// How the tools are served.
#[derive(Debug, Clone)]
pub struct HttpOptions {
    /// What callers must show as `Authorization: Bearer`.
    pub token: String,
    /// Hosts that requests may name, as `name` or `name:port`; loopback names if empty.
    pub hosts: Vec<String>,
}

/// The tools at `/mcp`.
pub fn router(agent: Agent, options: HttpOptions) -> Router {
    let tools = Tools::new(Arc::new(agent));
    let mut config = StreamableHttpServerConfig::default();
    config.legacy_session_mode = false;
    config.json_response = true;
    if !options.hosts.is_empty() {
        config.allowed_hosts = options.hosts;
    }
    let config = config.enforce_origin_validation();
    let sessions = Arc::new(LocalSessionManager::default());
    let service = StreamableHttpService::new(move || Ok(tools.clone()), sessions, config);
    let token: [u8; 32] = Sha256::digest(options.token.as_bytes()).into();
    Router::new().nest_service("/mcp", service).layer(from_fn_with_state(token, authorize))
}

async fn authorize(State(token): State<[u8; 32]>, request: Request, next: Next) -> Response {
    let shown = bearer(request.headers()).map(|shown| Sha256::digest(shown.as_bytes()));
    if shown.is_some_and(|shown| bool::from(shown[..].ct_eq(&token))) {
        return next.run(request).await;
    }
    let text = "send `Authorization: Bearer` with the token that `farthing mcp` was started with";
    (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, "Bearer")], text).into_response()
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}
