//! Events: the list, the stream, and made-up ones of a sandbox.
//!
//! Bodies are those of webhooks. Invariant: a key that is limited to accounts hears what concerns
//! them, and never who paid.

mod stream;

pub(crate) use stream::EVENT_STREAMS_COUNT_MAX;

use std::collections::VecDeque;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use money::{AccountId, AssetCode, EventId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use webhook::{API_VERSION, Audience, Notice, event_name, notice_of};

use crate::authority::{Caller, Reach, Scope};
use crate::body::{object, ok};
use crate::node::Shared;
use crate::page::{Page, PageQuery, cursor};
use crate::query::Query;
use crate::refused::Refused;
use crate::schema::{self, Refusals};
use crate::webhook_endpoints::unavailable;

const LIST: &str = "events";
/// Positions that a look reads.
const LOOK_COUNT: usize = 500;
/// Most positions that a request reads: of rare events a page may be short and have a next one.
pub(crate) const EVENTS_LOOKED_AT_COUNT_MAX: usize = 20_000;

pub(crate) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(stream::open))
        .routes(routes!(trigger))
}

/// Which events are asked for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Asked {
    /// Position of the first one; by default the first of all.
    from: Option<u64>,
    /// Names of events, with commas between.
    r#type: Option<String>,
    /// Rows of the page.
    #[param(minimum = 1, maximum = 100, default = 20, value_type = Option<u64>)]
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// An event, as webhooks carry it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Event)]
struct Shown {
    #[schema(value_type = schema::Event)]
    id: EventId,
    /// Its name.
    r#type: &'static str,
    /// The version in whose shapes it is written.
    api_version: &'static str,
    created_at_ms: u64,
    /// Its place among the events.
    position: Option<u64>,
    /// What happened; the members depend on the type.
    #[schema(value_type = Object)]
    data: Map<String, Value>,
}

/// A made-up event to be sent.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewTestEvent)]
struct Wanted {
    /// Name of the event.
    r#type: String,
}

/// What was sent.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TestEvent)]
struct Triggered {
    #[schema(value_type = schema::Event)]
    id: EventId,
    r#type: &'static str,
    /// Endpoints that get it.
    webhook_endpoints: usize,
}

/// What a caller hears of.
struct Hears {
    /// `None`: everything.
    names: Option<Vec<&'static str>>,
    accounts: Option<Vec<AccountId>>,
    reach: Reach,
}

impl Hears {
    fn new(reach: Reach, names: Option<&str>) -> Result<Self, Refused> {
        let known = |name: &str| {
            event_name(name).ok_or_else(|| {
                let detail = format!("there is no event `{name}`");
                Refused::bad_request("unknown_event", detail).with_param("type")
            })
        };
        let names = names.map(|names| names.split(',').map(known).collect()).transpose()?;
        let accounts = reach.accounts().map(|accounts| accounts.iter().copied().collect());
        Ok(Self { names, accounts, reach })
    }

    fn audience(&self) -> Audience<'_> {
        self.accounts.as_deref().map_or(Audience::Operator, Audience::Payees)
    }

    fn hears(&self, notice: &Notice) -> bool {
        let named = self.names.as_ref().is_none_or(|names| names.contains(&notice.name));
        named && notice.concerns(self.audience()) && self.has_asset(notice)
    }

    /// Who is limited to assets hears of nothing that has none.
    fn has_asset(&self, notice: &Notice) -> bool {
        let asset = notice.data.get("asset").and_then(Value::as_str);
        let asset = asset.and_then(|code| AssetCode::new(code).ok());
        match asset {
            Some(code) => self.reach.has_asset(code),
            None => !self.reach.is_limited_to_assets(),
        }
    }
}

/// Looks at positions from one on; what is heard of, and where to go on.
async fn look(
    shared: &Shared,
    hears: &Hears,
    from: u64,
) -> Result<(VecDeque<Notice>, u64), Refused> {
    let page = shared.engine().events(from, LOOK_COUNT).await?;
    let notices = page.events.iter().filter_map(|event| notice_of(shared.engine(), event));
    Ok((notices.filter(|notice| hears.hears(notice)).collect(), page.next))
}

/// Events, oldest first
#[utoipa::path(get, path = "/v1/events", tag = "events", security(("bearer" = ["read"])),
    params(Asked), responses((status = 200, description = "The events", body = Page<Shown>), Refusals))]
async fn list(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    asked: Result<Query<Asked>, Refused>,
) -> Result<Response, Refused> {
    let reach = caller.may(Scope::Read)?;
    let Query(Asked { from, r#type, limit, cursor: after }) = asked?;
    let page = PageQuery { limit, cursor: after };
    let limit = page.limit()?;
    let hears = Hears::new(reach, r#type.as_deref())?;
    let begin = page.after_as(LIST)?.or(from).unwrap_or(0);
    let (mut data, mut at) = (Vec::new(), begin);
    let mut is_last = false;
    while data.len() < limit && at - begin < EVENTS_LOOKED_AT_COUNT_MAX as u64 {
        let (notices, next) = look(&shared, &hears, at).await?;
        is_last = next <= at;
        if is_last {
            break;
        }
        at = next;
        for notice in notices {
            if data.len() == limit {
                at = notice.position.unwrap_or(at);
                break;
            }
            data.push(Shown::of(&notice, &hears));
        }
    }
    let next_cursor = (!is_last).then(|| cursor(LIST, &at.to_string()));
    Ok(ok(&Page { data, next_cursor }))
}

/// Lets a sandbox send a made-up event to all who want it
#[utoipa::path(post, path = "/v1/sandbox/events", tag = "events",
    security(("bearer" = ["operator"])), request_body = Wanted,
    responses((status = 200, description = "It is on its way", body = Triggered), Refusals))]
async fn trigger(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    body: Body,
) -> Result<Response, Refused> {
    caller.operator()?;
    let wanted: Wanted = object(body).await?;
    if !shared.node.sandbox {
        return Err(Refused::not_found("not_sandbox", "only a sandbox sends made-up events"));
    }
    let now_ms = shared.engine().clock().now_ms();
    let notice = webhook::sample(&wanted.r#type, shared.engine().node(), now_ms);
    let Some(notice) = notice.map_err(|_| unavailable())? else {
        let detail = format!("there is no event `{}`", wanted.r#type);
        return Err(Refused::bad_request("unknown_event", detail).with_param("type"));
    };
    let (id, name) = (notice.id, notice.name);
    let sent = shared.webhooks()?.test(notice, None).await.map_err(|_| unavailable())?;
    Ok(ok(&Triggered { id, r#type: name, webhook_endpoints: sent }))
}

impl Shown {
    fn of(notice: &Notice, hears: &Hears) -> Self {
        Self {
            id: notice.id,
            r#type: notice.name,
            api_version: API_VERSION,
            created_at_ms: notice.at_ms,
            position: notice.position,
            data: notice.told(hears.audience()).into_owned(),
        }
    }
}
