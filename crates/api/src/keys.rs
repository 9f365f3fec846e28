//! API keys: made, listed, deleted. The pattern of a resource; see [`router`](crate::router).
//!
//! Invariants: a secret is shown once, by the call that makes it; nobody makes, sees or deletes a key
//! that can do more than its own.

use std::collections::BTreeSet;
use std::sync::Arc;

use admission::AddressRange;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use engine::{Document, DocumentKind, Expected, Put};
use http::StatusCode;
use money::{AccountId, AssetCode, KeyId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::authority::{Caller, KeyDocument, Power, SECRET_PREFIX, Scope, forbidden};
use crate::body::{self, json, ok};
use crate::node::Shared;
use crate::page::{Page, PageQuery};
use crate::query::Query;
use crate::refused::Refused;
use crate::schema::{self, Refusals};
use crate::segment::Segment;

const LIST: &str = "keys";
const SECRET_BYTES: usize = 32;
const KEY_NAME_BYTES_MAX: usize = 100;
/// Accounts, assets, routes or address ranges that one key names.
const KEY_LIMITS_COUNT_MAX: usize = 100;
const KEY_ROUTE_BYTES_MAX: usize = 100;

pub(crate) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(show, delete))
}

/// A key to be made. What is left out or null limits nothing.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewKey {
    /// What its owner calls it.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// What it may do.
    #[schema(min_items = 1)]
    scopes: BTreeSet<Scope>,
    /// Accounts of payees whose money it sees and touches.
    #[schema(value_type = Option<Vec<schema::Account>>, max_items = 100)]
    accounts: Option<BTreeSet<AccountId>>,
    #[schema(value_type = Option<Vec<schema::AssetCode>>, max_items = 100)]
    assets: Option<BTreeSet<AssetCode>>,
    /// Paths that it may call; `*` at the end stands for anything.
    #[schema(max_items = 100, example = json!(["/v1/refunds", "/v1/payments*"]))]
    routes: Option<BTreeSet<String>>,
    /// Addresses from which it may be used, as ranges.
    #[schema(max_items = 100, example = json!(["192.0.2.0/24"]))]
    addresses: Option<BTreeSet<String>>,
    /// When it ends, Unix milliseconds.
    expires_at_ms: Option<u64>,
}

/// A key, without its secret.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ApiKey)]
struct Shown {
    #[schema(value_type = schema::Key)]
    key_id: KeyId,
    name: String,
    scopes: BTreeSet<Scope>,
    #[schema(value_type = Option<Vec<schema::Account>>)]
    accounts: Option<BTreeSet<AccountId>>,
    #[schema(value_type = Option<Vec<schema::AssetCode>>)]
    assets: Option<BTreeSet<AssetCode>>,
    routes: Option<BTreeSet<String>>,
    addresses: Option<BTreeSet<String>>,
    /// Unix milliseconds.
    expires_at_ms: Option<u64>,
    /// Unix milliseconds.
    created_at_ms: u64,
}

/// A key that was made, with its secret.
#[derive(Debug, Serialize, ToSchema)]
struct MadeKey {
    #[serde(flatten)]
    key: Shown,
    /// What to send as `Authorization: Bearer`. It is shown this once and kept nowhere.
    #[schema(pattern = "^fk_[A-Za-z0-9_-]{43}$")]
    secret: String,
}

/// API keys
///
/// Those that can do no more than the caller, in the order of their ids.
#[utoipa::path(get, path = "/v1/keys", tag = "keys", security(("bearer" = ["keys:write"])),
    params(PageQuery),
    responses((status = 200, description = "The keys", body = Page<Shown>), Refusals))]
async fn list(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    asked: Result<Query<PageQuery>, Refused>,
) -> Result<Response, Refused> {
    let power = power_of(&caller)?;
    let Query(asked) = asked?;
    let (limit, after) = (asked.limit()?, asked.after(LIST)?);
    let documents = shared.engine().documents(DocumentKind::Key);
    let behind = |id: &str| after.as_deref().is_none_or(|after| id > after);
    let keys = documents
        .iter()
        .filter(|document| behind(&document.id))
        .filter_map(|document| key_of(document).filter(|(_, of)| power.covers(of)))
        .map(|(key, _)| key)
        .take(limit + 1);
    Ok(ok(&Page::of(keys.collect(), limit, LIST, |key: &Shown| key.key_id.to_string())))
}

/// Make an API key
///
/// The answer is the only one that holds its secret. No key can make one that can do more.
#[utoipa::path(post, path = "/v1/keys", tag = "keys", security(("bearer" = ["keys:write"])),
    request_body = NewKey,
    responses((status = 201, description = "The key", body = MadeKey), Refusals))]
async fn create(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    body: Body,
) -> Result<Response, Refused> {
    let own = power_of(&caller)?;
    let asked: NewKey = body::object(body).await?;
    let engine = shared.engine();
    let now_ms = engine.clock().now_ms();
    let (name, power) = checked(asked, now_ms)?;
    if !own.covers(&power) {
        return Err(beyond());
    }
    let secret = new_secret()?;
    let (key_id, document) = KeyDocument::new(&secret, name, power, now_ms);
    let put = Put {
        kind: DocumentKind::Key,
        id: key_id.to_string(),
        body: serde_json::to_vec(&document).ok(),
        expected: Expected::Absent,
    };
    engine.put(put).await.map_err(|error| Refused::of("The key was not made", &error))?;
    Ok(json(StatusCode::CREATED, &MadeKey { key: shown(key_id, document), secret }))
}

/// One API key
#[utoipa::path(get, path = "/v1/keys/{key_id}", tag = "keys",
    security(("bearer" = ["keys:write"])), params(("key_id" = schema::Key, Path)),
    responses((status = 200, description = "The key", body = Shown), Refusals))]
async fn show(
    State(shared): State<Arc<Shared>>,
    path: Segment,
    caller: Caller,
) -> Result<Response, Refused> {
    let key = find(&shared, &caller, &path)?;
    Ok(ok(&key))
}

/// Delete an API key
///
/// It counts no longer from this moment, and the sessions that began with it are over.
#[utoipa::path(delete, path = "/v1/keys/{key_id}", tag = "keys",
    security(("bearer" = ["keys:write"])), params(("key_id" = schema::Key, Path)),
    responses((status = 204, description = "It is gone"), Refusals))]
async fn delete(
    State(shared): State<Arc<Shared>>,
    path: Segment,
    caller: Caller,
) -> Result<Response, Refused> {
    let key = find(&shared, &caller, &path)?;
    let put = Put {
        kind: DocumentKind::Key,
        id: key.key_id.to_string(),
        body: None,
        expected: Expected::Any,
    };
    let deleted = shared.engine().put(put).await;
    deleted.map_err(|error| Refused::of("The key was not deleted", &error))?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// What the keys may do that a caller may make and see.
fn power_of(caller: &Caller) -> Result<Power, Refused> {
    caller.may(Scope::KeysWrite)?;
    Ok(caller.power())
}

fn find(shared: &Shared, caller: &Caller, path: &Segment) -> Result<Shown, Refused> {
    let own = power_of(caller)?;
    let id: KeyId = path.read("key_unknown", "key_id")?;
    let document = shared.engine().document(DocumentKind::Key, &id.to_string());
    let found = document.and_then(|document| key_of(&document));
    let seen = found.filter(|(_, power)| own.covers(power));
    let unknown = || Refused::not_found("key_unknown", "the node knows no such key");
    seen.map(|(key, _)| key).ok_or_else(unknown)
}

fn key_of(document: &Document) -> Option<(Shown, Power)> {
    let id = document.id.parse().ok()?;
    let key = KeyDocument::read(document)?;
    let power = key.power.clone();
    Some((shown(id, key), power))
}

fn shown(key_id: KeyId, key: KeyDocument) -> Shown {
    let KeyDocument { name, power, created_at_ms, .. } = key;
    let Power { scopes, accounts, assets, routes, addresses, expires_at_ms } = power;
    Shown {
        key_id,
        name,
        scopes,
        accounts,
        assets,
        routes,
        addresses,
        expires_at_ms,
        created_at_ms,
    }
}

fn beyond() -> Refused {
    forbidden("key_beyond_own", "the key would be able to do more than the one that makes it")
}

/// `fk_` and 32 random bytes.
fn new_secret() -> Result<String, Refused> {
    let mut bytes = [0; SECRET_BYTES];
    getrandom::fill(&mut bytes).map_err(|_| Refused::no_randomness())?;
    Ok(format!("{SECRET_PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes)))
}

/// Name and power, if the request makes sense.
fn checked(asked: NewKey, now_ms: u64) -> Result<(String, Power), Refused> {
    let refuse = |param: &str, detail: String| {
        Err(Refused::bad_request("invalid_field", detail).with_param(param))
    };
    let NewKey { name, scopes, accounts, assets, routes, addresses, expires_at_ms } = asked;
    if name.trim().is_empty() || name.len() > KEY_NAME_BYTES_MAX {
        return refuse("name", format!("a name has 1 to {KEY_NAME_BYTES_MAX} bytes"));
    }
    if scopes.is_empty() {
        return refuse("scopes", "a key without a scope could do nothing".to_owned());
    }
    for (param, count) in [
        ("accounts", accounts.as_ref().map(BTreeSet::len)),
        ("assets", assets.as_ref().map(BTreeSet::len)),
        ("routes", routes.as_ref().map(BTreeSet::len)),
        ("addresses", addresses.as_ref().map(BTreeSet::len)),
    ] {
        if count.is_some_and(|count| !(1..=KEY_LIMITS_COUNT_MAX).contains(&count)) {
            let detail = format!("name 1 to {KEY_LIMITS_COUNT_MAX}, or null for no limit");
            return refuse(param, detail);
        }
    }
    let is_route = |route: &String| {
        route.starts_with('/')
            && route.len() <= KEY_ROUTE_BYTES_MAX
            && route.bytes().all(|byte| byte.is_ascii_graphic())
            && !route.trim_end_matches('*').contains('*')
    };
    if let Some(wrong) = routes.iter().flatten().find(|route| !is_route(route)) {
        let detail = format!("`{wrong}` is not a path such as `/v1/refunds` or `/v1/payments*`");
        return refuse("routes", detail);
    }
    for range in addresses.iter().flatten() {
        if let Err(why) = range.parse::<AddressRange>() {
            return refuse("addresses", format!("`{range}`: {why}"));
        }
    }
    if expires_at_ms.is_some_and(|end| end <= now_ms) {
        return refuse("expires_at_ms", "the time is over already".to_owned());
    }
    Ok((name, Power { scopes, accounts, assets, routes, addresses, expires_at_ms }))
}
