//! Endpoints of webhooks: where events are posted, to whom they belong, their secrets.
//!
//! Invariants: a secret is shown once, in the answer that makes it; a key that is limited to accounts
//! sees and makes only endpoints that are limited to some of them, and those are never told who paid.

mod shapes;
mod store;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use http402::Problem;
use money::{DeliveryId, EndpointId};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use webhook::{API_VERSION, Endpoint, PING, Scheme, Secret};

use crate::authority::{Caller, Scope};
use crate::body::{json, object, object_or_nothing, ok};
use crate::node::Shared;
use crate::page::{Page, PageQuery};
use crate::query::Query;
use crate::refused::Refused;
use crate::schema::{self, Refusals};
use crate::segment::Segment;

pub(crate) use self::store::find;

use self::shapes::{Changes, Nothing, Pinged, Replay, Replayed, Shown, Wanted, WithSecret};
use self::store::{delete, new_id, put, reachable, within};

const LIST: &str = "webhook-endpoints";
/// Most endpoints of a node: each looks at every event.
pub(crate) const WEBHOOK_ENDPOINTS_COUNT_MAX: usize = 100;

pub(crate) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, change, remove))
        .routes(routes!(rotate))
        .routes(routes!(replay))
        .routes(routes!(ping))
}

/// Endpoints of webhooks, in the order of their ids
#[utoipa::path(get, path = "/v1/webhook-endpoints", tag = "webhooks",
    security(("bearer" = ["read"])), params(PageQuery),
    responses((status = 200, description = "The endpoints", body = Page<Shown>), Refusals))]
async fn list(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    page: Result<Query<PageQuery>, Refused>,
) -> Result<Response, Refused> {
    let reach = caller.may(Scope::Read)?;
    let Query(page) = page?;
    let (limit, after) = (page.limit()?, page.after(LIST)?.unwrap_or_default());
    let mut rows = Vec::new();
    for known in reachable(&shared, &reach).await? {
        if known.id.to_string() > after && rows.len() <= limit {
            rows.push(Shown::of(&shared, &known)?);
        }
    }
    Ok(ok(&Page::of(rows, limit, LIST, |row| row.webhook_endpoint.to_string())))
}

/// Makes an endpoint; the answer alone shows its secret
#[utoipa::path(post, path = "/v1/webhook-endpoints", tag = "webhooks",
    security(("bearer" = ["webhooks:write"])), request_body = Wanted,
    responses((status = 201, description = "The endpoint", body = WithSecret), Refusals))]
async fn create(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    body: Body,
) -> Result<Response, Refused> {
    let reach = caller.may(Scope::WebhooksWrite)?;
    let wanted: Wanted = object(body).await?;
    let webhooks = shared.webhooks()?;
    let id = new_id()?;
    let scheme: Scheme = wanted.signature.into();
    let secret = Secret::generate(scheme).map_err(|_| store::no_randomness())?;
    let sealed = webhooks.seal().seal(&id.to_string(), &secret.text());
    let endpoint = Endpoint {
        url: wanted.url,
        events: wanted.events,
        accounts: wanted.accounts,
        description: wanted.description,
        active: wanted.active,
        disabled: None,
        signature: scheme,
        secret: sealed.map_err(|_| store::no_randomness())?,
        replaced: None,
        api_version: API_VERSION.to_owned(),
        created_at_ms: webhooks.now_ms(),
        from: *shared.engine().events_end().borrow(),
    };
    checked(&shared, &endpoint)?;
    within(&shared, &reach, &endpoint).await?;
    if store::count(&shared) >= WEBHOOK_ENDPOINTS_COUNT_MAX {
        let detail = format!("a node has at most {WEBHOOK_ENDPOINTS_COUNT_MAX}; delete one");
        let title = "There are too many endpoints";
        return Err(Refused::new(Problem::new(422, "too_many_webhook_endpoints", title, detail)));
    }
    let known = put(&shared, id, endpoint, None).await?;
    let endpoint = Shown::of(&shared, &known)?;
    Ok(json(StatusCode::CREATED, &WithSecret { endpoint, secret: shared_text(&secret) }))
}

/// One endpoint
#[utoipa::path(get, path = "/v1/webhook-endpoints/{we_id}", tag = "webhooks",
    security(("bearer" = ["read"])), params(("we_id" = schema::Endpoint, Path)),
    responses((status = 200, description = "The endpoint", body = Shown), Refusals))]
async fn show(
    State(shared): State<Arc<Shared>>,
    path: Segment,
    caller: Caller,
) -> Result<Response, Refused> {
    let reach = caller.may(Scope::Read)?;
    let known = find(&shared, &reach, endpoint_id(&path)?).await?;
    Ok(ok(&Shown::of(&shared, &known)?))
}

/// Changes an endpoint; switched on again, it is told of what happens from then on
#[utoipa::path(patch, path = "/v1/webhook-endpoints/{we_id}", tag = "webhooks",
    security(("bearer" = ["webhooks:write"])), params(("we_id" = schema::Endpoint, Path)),
    request_body = Changes,
    responses((status = 200, description = "The endpoint", body = Shown), Refusals))]
async fn change(
    State(shared): State<Arc<Shared>>,
    path: Segment,
    caller: Caller,
    body: Body,
) -> Result<Response, Refused> {
    let reach = caller.may(Scope::WebhooksWrite)?;
    let changes: Changes = object(body).await?;
    let known = find(&shared, &reach, endpoint_id(&path)?).await?;
    let mut endpoint = known.endpoint;
    let was_active = endpoint.active;
    endpoint.url = changes.url.unwrap_or(endpoint.url);
    endpoint.events = changes.events.unwrap_or(endpoint.events);
    endpoint.description = changes.description.unwrap_or(endpoint.description);
    endpoint.active = changes.active.unwrap_or(endpoint.active);
    if endpoint.active {
        endpoint.disabled = None;
    }
    if endpoint.active && !was_active {
        endpoint.from = *shared.engine().events_end().borrow();
    }
    checked(&shared, &endpoint)?;
    let known = put(&shared, known.id, endpoint, Some(known.revision)).await?;
    Ok(ok(&Shown::of(&shared, &known)?))
}

/// Deletes an endpoint and what it was still to be sent
#[utoipa::path(delete, path = "/v1/webhook-endpoints/{we_id}", tag = "webhooks",
    security(("bearer" = ["webhooks:write"])), params(("we_id" = schema::Endpoint, Path)),
    responses((status = 200, description = "It is gone", body = Nothing), Refusals))]
async fn remove(
    State(shared): State<Arc<Shared>>,
    path: Segment,
    caller: Caller,
) -> Result<Response, Refused> {
    let reach = caller.may(Scope::WebhooksWrite)?;
    let known = find(&shared, &reach, endpoint_id(&path)?).await?;
    delete(&shared, &known).await?;
    Ok(ok(&Nothing { webhook_endpoint: known.id, deleted: true }))
}

/// Makes a new secret; the one before signs beside it for a day
#[utoipa::path(post, path = "/v1/webhook-endpoints/{we_id}/rotate-secret", tag = "webhooks",
    security(("bearer" = ["webhooks:write"])), params(("we_id" = schema::Endpoint, Path)),
    responses((status = 200, description = "The endpoint", body = WithSecret), Refusals))]
async fn rotate(
    State(shared): State<Arc<Shared>>,
    path: Segment,
    caller: Caller,
) -> Result<Response, Refused> {
    let reach = caller.may(Scope::WebhooksWrite)?;
    let mut known = find(&shared, &reach, endpoint_id(&path)?).await?;
    let webhooks = shared.webhooks()?;
    let secret = known.endpoint.rotate(known.id, webhooks.seal(), webhooks.now_ms());
    let secret = secret.map_err(|_| store::no_randomness())?;
    let known = put(&shared, known.id, known.endpoint, Some(known.revision)).await?;
    let endpoint = Shown::of(&shared, &known)?;
    Ok(ok(&WithSecret { endpoint, secret: shared_text(&secret) }))
}

/// Sends an endpoint everything since a time again, with the same ids
#[utoipa::path(post, path = "/v1/webhook-endpoints/{we_id}/replay", tag = "webhooks",
    security(("bearer" = ["webhooks:write"])), params(("we_id" = schema::Endpoint, Path)),
    request_body = Replay,
    responses((status = 200, description = "Where it begins", body = Replayed), Refusals))]
async fn replay(
    State(shared): State<Arc<Shared>>,
    path: Segment,
    caller: Caller,
    body: Body,
) -> Result<Response, Refused> {
    let reach = caller.may(Scope::WebhooksWrite)?;
    let Replay { since_ms } = object(body).await?;
    let known = find(&shared, &reach, endpoint_id(&path)?).await?;
    let replayed = shared.webhooks()?.replay(known.id, since_ms).await;
    let position = replayed.map_err(|_| unavailable())?.ok_or_else(unavailable)?;
    Ok(ok(&Replayed { webhook_endpoint: known.id, position }))
}

/// Sends an endpoint a test
#[utoipa::path(post, path = "/v1/webhook-endpoints/{we_id}/ping", tag = "webhooks",
    security(("bearer" = ["webhooks:write"])), params(("we_id" = schema::Endpoint, Path)),
    responses((status = 200, description = "It is on its way", body = Pinged), Refusals))]
async fn ping(
    State(shared): State<Arc<Shared>>,
    path: Segment,
    caller: Caller,
    body: Body,
) -> Result<Response, Refused> {
    let reach = caller.may(Scope::WebhooksWrite)?;
    let shapes::NoMembers {} = object_or_nothing(body).await?;
    let known = find(&shared, &reach, endpoint_id(&path)?).await?;
    let webhooks = shared.webhooks()?;
    let notice = webhook::sample(PING, shared.engine().node(), shared.engine().clock().now_ms());
    let notice = notice.map_err(|_| store::no_randomness())?.ok_or_else(unavailable)?;
    let event = notice.id;
    let sent = webhooks.test(notice, Some(known.id)).await.map_err(|_| unavailable())?;
    Ok(ok(&Pinged { event, sent: sent > 0 }))
}

pub(crate) fn endpoint_id(path: &Segment) -> Result<EndpointId, Refused> {
    path.read("webhook_endpoint_unknown", "we_id")
}

pub(crate) fn delivery_id(path: &Segment) -> Result<DeliveryId, Refused> {
    path.read("delivery_unknown", "dlv_id")
}

fn checked(shared: &Shared, endpoint: &Endpoint) -> Result<(), Refused> {
    let allow_private = shared.webhooks()?.allows_private();
    endpoint.check(allow_private).map_err(|error| {
        Refused::bad_request(error.code(), error.to_string()).with_param(error.param())
    })
}

/// What the receiver needs and only now learns; of a key pair it is the public key that it needs.
fn shared_text(secret: &Secret) -> Option<String> {
    (secret.scheme() == Scheme::Hmac).then(|| secret.text())
}

/// The outbox does not answer.
pub(crate) fn unavailable() -> Refused {
    let title = "Webhooks cannot be reached now";
    let detail = webhook::Unavailable.to_string();
    let mut problem = Problem::new(503, "webhooks_unavailable", title, detail);
    problem.retry = http402::problem::Retry::AfterSeconds(1);
    Refused::new(problem)
}
