//! The node about itself: who it is, what it carries, whether it works.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http402::x402::network_name;
use serde_json::{Value, json};

use crate::body::ok;
use crate::node::Shared;
use crate::refused::Refused;

/// `GET /v1/node`
pub(crate) async fn node(State(shared): State<Arc<Shared>>) -> Result<Response, Refused> {
    let engine = shared.engine();
    let assets = engine.read(engine::State::asset_views).await?;
    let assets: Vec<Value> = assets
        .iter()
        .map(|view| {
            json!({"asset": view.asset.code, "scale": view.asset.scale, "sandbox": view.sandbox})
        })
        .collect();
    Ok(ok(&json!({
        "node": engine.node(),
        "network": network_name(engine.node()),
        "public_key": shared.node.key.public().to_string(),
        "sandbox": shared.node.sandbox,
        "assets": assets,
        "now_ms": engine.clock().now_ms(),
    })))
}

/// `GET /healthz`: the process answers.
pub(crate) async fn healthy() -> Response {
    ok(&json!({"status": "ok"}))
}

/// `GET /readyz`: the engine answers.
pub(crate) async fn ready(State(shared): State<Arc<Shared>>) -> Result<Response, Refused> {
    shared.engine().read(|_| ()).await?;
    Ok(ok(&json!({"status": "ready"})))
}
