//! Deliveries of webhooks: what became of them, and sending one again.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use money::DeliveryId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use webhook::{Delivery, StoreError};

use crate::authority::{Caller, Reach, Scope};
use crate::body::{object_or_nothing, ok};
use crate::node::Shared;
use crate::page::{Page, PageQuery, cursor};
use crate::query::Query;
use crate::refused::Refused;
use crate::schema::{self, Refusals};
use crate::segment::Segment;
use crate::webhook_endpoints::{delivery_id, endpoint_id, find, unavailable};

const LIST: &str = "deliveries";

pub(crate) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show)).routes(routes!(redeliver))
}

/// Which deliveries are asked for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Asked {
    /// Only those in this state.
    #[param(inline)]
    state: Option<Stage>,
    /// Rows of the page.
    #[param(minimum = 1, maximum = 100, default = 20, value_type = Option<u64>)]
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// How far a delivery is.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = WebhookDeliveryState)]
enum Stage {
    /// It is tried, or waits to be tried again.
    Pending,
    /// The receiver has taken it.
    Delivered,
    /// It was given up.
    Dead,
}

/// The sending of one event to one endpoint.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WebhookDelivery)]
struct Shown {
    #[schema(value_type = schema::Delivery)]
    delivery: DeliveryId,
    #[schema(value_type = schema::Endpoint)]
    webhook_endpoint: String,
    /// Its `webhook-id`.
    #[schema(value_type = schema::Event)]
    event: String,
    /// Name of the event.
    r#type: String,
    /// The event's place; null for a test.
    position: Option<u64>,
    state: Stage,
    /// Failed attempts.
    failures: u32,
    /// When it was due first, Unix milliseconds.
    since_ms: u64,
    /// Null once it is over.
    next_attempt_at_ms: Option<u64>,
    last_attempt_at_ms: Option<u64>,
    /// HTTP status of the last answer.
    status: Option<u16>,
    /// Why there was none.
    error: Option<String>,
}

/// Deliveries of an endpoint, newest first
#[utoipa::path(get, path = "/v1/webhook-endpoints/{we_id}/deliveries", tag = "webhooks",
    security(("bearer" = ["read"])), params(("we_id" = schema::Endpoint, Path), Asked),
    responses((status = 200, description = "The deliveries", body = Page<Shown>), Refusals))]
async fn list(
    State(shared): State<Arc<Shared>>,
    path: Segment,
    caller: Caller,
    asked: Result<Query<Asked>, Refused>,
) -> Result<Response, Refused> {
    let reach = caller.may(Scope::Read)?;
    let Query(Asked { state, limit, cursor: after }) = asked?;
    let page = PageQuery { limit, cursor: after };
    let (limit, before) = (page.limit()?, page.after_as::<DeliveryId>(LIST)?);
    let known = find(&shared, &reach, endpoint_id(&path)?).await?;
    let webhooks = shared.webhooks()?.clone();
    let state = state.map(webhook::State::from);
    let read = move || webhooks.deliveries(known.id, state, before, limit);
    let page = read_disk(read).await?;
    Ok(ok(&Page {
        data: page.deliveries.into_iter().map(Shown::from).collect(),
        next_cursor: page.next.map(|next| cursor(LIST, &next.to_string())),
    }))
}

/// One delivery
#[utoipa::path(get, path = "/v1/deliveries/{dlv_id}", tag = "webhooks",
    security(("bearer" = ["read"])), params(("dlv_id" = schema::Delivery, Path)),
    responses((status = 200, description = "The delivery", body = Shown), Refusals))]
async fn show(
    State(shared): State<Arc<Shared>>,
    path: Segment,
    caller: Caller,
) -> Result<Response, Refused> {
    let reach = caller.may(Scope::Read)?;
    Ok(ok(&Shown::from(found(&shared, &reach, delivery_id(&path)?).await?)))
}

/// Sends a delivery again, whatever became of it, with the same id
#[utoipa::path(post, path = "/v1/deliveries/{dlv_id}/redeliver", tag = "webhooks",
    security(("bearer" = ["webhooks:write"])), params(("dlv_id" = schema::Delivery, Path)),
    responses((status = 200, description = "It is on its way", body = Shown), Refusals))]
async fn redeliver(
    State(shared): State<Arc<Shared>>,
    path: Segment,
    caller: Caller,
    body: Body,
) -> Result<Response, Refused> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct NoMembers {}

    let reach = caller.may(Scope::WebhooksWrite)?;
    let NoMembers {} = object_or_nothing(body).await?;
    let id = delivery_id(&path)?;
    found(&shared, &reach, id).await?;
    if !shared.webhooks()?.redeliver(id).await.map_err(|_| unavailable())? {
        return Err(unknown());
    }
    Ok(ok(&Shown::from(found(&shared, &reach, id).await?)))
}

async fn found(shared: &Shared, reach: &Reach, id: DeliveryId) -> Result<Delivery, Refused> {
    let webhooks = shared.webhooks()?.clone();
    let delivery = read_disk(move || webhooks.delivery(id)).await?.ok_or_else(unknown)?;
    let endpoint = delivery.endpoint.parse().map_err(|_| unknown())?;
    find(shared, reach, endpoint).await.map_err(|_| unknown())?;
    Ok(delivery)
}

fn unknown() -> Refused {
    let detail = "the outbox has no such delivery; of those that are over it keeps the newest";
    Refused::not_found("delivery_unknown", detail).with_param("dlv_id")
}

async fn read_disk<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Refused> {
    let read = tokio::task::spawn_blocking(read).await.map_err(|_| unavailable())?;
    read.map_err(|error| {
        tracing::error!(%error, "deliveries could not be read");
        unavailable()
    })
}

impl From<Stage> for webhook::State {
    fn from(state: Stage) -> Self {
        match state {
            Stage::Pending => Self::Pending,
            Stage::Delivered => Self::Delivered,
            Stage::Dead => Self::Dead,
        }
    }
}

impl From<webhook::State> for Stage {
    fn from(state: webhook::State) -> Self {
        match state {
            webhook::State::Pending => Self::Pending,
            webhook::State::Delivered => Self::Delivered,
            webhook::State::Dead => Self::Dead,
        }
    }
}

impl From<Delivery> for Shown {
    fn from(delivery: Delivery) -> Self {
        Self {
            delivery: delivery.delivery,
            webhook_endpoint: delivery.endpoint,
            event: delivery.event,
            r#type: delivery.name,
            position: delivery.position,
            state: delivery.state.into(),
            failures: delivery.failures,
            since_ms: delivery.since_ms,
            next_attempt_at_ms: delivery.next_attempt_at_ms,
            last_attempt_at_ms: delivery.last_attempt_at_ms,
            status: delivery.status,
            error: delivery.error,
        }
    }
}
