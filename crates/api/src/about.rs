//! The node about itself: who it is, what it carries, whether it works.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use engine::Unavailable;
use http402::Problem;
use http402::problem::Retry;
use http402::x402::network_name;
use money::{AssetCode, NodeId};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::body::ok;
use crate::node::Shared;
use crate::refused::Refused;
use crate::schema::{self, Refusals};

pub(crate) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new().routes(routes!(node))
}

pub(crate) fn health_routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new().routes(routes!(healthy)).routes(routes!(ready))
}

/// Who a node is.
#[derive(Debug, Serialize, ToSchema)]
struct NodeFacts {
    /// Its id, which payers sign into every payment.
    #[schema(value_type = String)]
    node: NodeId,
    /// What x402 calls it.
    #[schema(pattern = "^farthing:[0-9a-hjkmnp-tv-z]{26}$")]
    network: String,
    /// The key that signs receipts.
    #[schema(value_type = schema::Hex32)]
    public_key: String,
    /// The key of its sites. Who grants a mandate to it can pay for their visitors.
    #[schema(value_type = schema::Hex32)]
    sponsored_key: String,
    /// Whether it gives play money away.
    sandbox: bool,
    assets: Vec<AssetFacts>,
    /// Its clock, Unix milliseconds.
    now_ms: u64,
}

/// An asset that a node carries.
#[derive(Debug, Serialize, ToSchema)]
struct AssetFacts {
    #[schema(value_type = schema::AssetCode)]
    asset: AssetCode,
    /// One base unit is 10^-scale of the asset.
    scale: u8,
    /// Whether it is play money.
    sandbox: bool,
}

/// Who the node is
///
/// Its network, key, assets and clock.
#[utoipa::path(get, path = "/v1/node", tag = "node",
    responses((status = 200, description = "The node", body = NodeFacts), Refusals))]
async fn node(State(shared): State<Arc<Shared>>) -> Result<Response, Refused> {
    let engine = shared.engine();
    let assets = engine.read(engine::State::asset_views).await?;
    let facts = |view: &engine::AssetView| AssetFacts {
        asset: view.asset.code,
        scale: view.asset.scale,
        sandbox: view.sandbox,
    };
    Ok(ok(&NodeFacts {
        node: engine.node(),
        network: network_name(engine.node()),
        public_key: shared.node.key.public().to_string(),
        sponsored_key: shared.node.sponsored_key.to_string(),
        sandbox: shared.node.sandbox,
        assets: assets.iter().map(facts).collect(),
        now_ms: engine.clock().now_ms(),
    }))
}

/// Whether the node works.
#[derive(Debug, Serialize, ToSchema)]
struct Health {
    status: Status,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = HealthStatus)]
enum Status {
    /// The process answers.
    Ok,
    /// The engine answers.
    Ready,
}

/// Whether the process answers
#[utoipa::path(get, path = "/healthz", tag = "node",
    responses((status = 200, description = "It does", body = Health), Refusals))]
async fn healthy() -> Response {
    ok(&Health { status: Status::Ok })
}

/// Whether the node takes payments
#[utoipa::path(get, path = "/readyz", tag = "node",
    responses((status = 200, description = "It does", body = Health), Refusals))]
async fn ready(State(shared): State<Arc<Shared>>) -> Result<Response, Refused> {
    if shared.node.monitor.is_ready().await {
        return Ok(ok(&Health { status: Status::Ready }));
    }
    if shared.engine().figures().has_stopped {
        return Err(Unavailable::Stopped.into());
    }
    let detail = "the clock is behind the journal, or the writer does not answer";
    let problem = Problem::new(503, "node_not_ready", "The node takes no payments", detail);
    Err(Refused::new(problem.with_retry(Retry::AfterSeconds(5))))
}
