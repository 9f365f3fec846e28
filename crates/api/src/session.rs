//! Logging in and out, for the pages: the operator by password, payees by an API key.
//!
//! Invariants: a wrong password or key costs time, and only so many attempts are taken from one
//! address; no page of another origin can log anybody in.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use admission::Subject;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{ORIGIN, SET_COOKIE};
use http::{HeaderMap, StatusCode};
use money::{AccountId, AssetCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::authority::{
    self, Caller, Holder, PASSWORD_BYTES_MAX, PASSWORD_CHARS_MIN, Power, Scope, Session, forbidden,
    set_cookie,
};
use crate::body::{self, json, ok};
use crate::node::Shared;
use crate::refused::Refused;
use crate::schema::{self, Refusals};

/// How long a wrong password or key is kept waiting.
const LOGIN_DELAY_MS: u64 = 500;

pub(crate) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new().routes(routes!(begin, show, end)).routes(routes!(set_password))
}

/// Who wants to log in: the operator by password, or the holder of an API key.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Login {
    /// The operator's password.
    password: Option<String>,
    /// The secret of an API key.
    key: Option<String>,
}

/// Who has logged in.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Session)]
struct Shown {
    /// What to send as `Farthing-CSRF` with each call that changes something.
    csrf: String,
    /// Whether it is the operator.
    operator: bool,
    scopes: BTreeSet<Scope>,
    /// Accounts whose money is seen; null is all.
    #[schema(value_type = Option<Vec<schema::Account>>)]
    accounts: Option<BTreeSet<AccountId>>,
    /// Null is all.
    #[schema(value_type = Option<Vec<schema::AssetCode>>)]
    assets: Option<BTreeSet<AssetCode>>,
    /// Unix milliseconds.
    expires_at_ms: u64,
}

/// Log in
///
/// Sets the cookie of a session. A wrong password or key is kept waiting, and only so many attempts
/// are taken from one address.
#[utoipa::path(post, path = "/v1/session", tag = "session", request_body = Login,
    responses((status = 201, description = "The session", body = Shown), Refusals))]
async fn begin(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    same_origin(&shared, &headers)?;
    let engine = shared.engine();
    let verdict = shared.limiter.take(Subject::Login(caller.address()), engine.clock().now_ns());
    if let Some(problem) = verdict.and_then(|verdict| verdict.refusal()) {
        return Err(Refused::new(problem));
    }
    let (holder, power) = match body::object(body).await? {
        Login { password: Some(password), key: None } => {
            let fits = password.len() <= PASSWORD_BYTES_MAX;
            let found = authority::check_password(engine, password).await.filter(|_| fits);
            let Some(revision) = found else { return Err(wrong().await) };
            (Holder::Operator { password: revision }, Power::all())
        }
        Login { password: None, key: Some(secret) } => {
            let Some(key) = caller.key_of(engine, &secret, "/v1/session") else {
                return Err(wrong().await);
            };
            (Holder::Key(key.id), key.power)
        }
        Login { .. } => {
            let detail = "log in by `password` as the operator, or by the `key` of a payee";
            return Err(Refused::bad_request("missing_field", detail).with_param("password"));
        }
    };
    let (session, secret) = shared.sessions.begin(holder, engine.clock().now_ms())?;
    let mut response = json(StatusCode::CREATED, &Shown::of(&session, power));
    let cookie = set_cookie(Some(&secret), shared.is_secure());
    response.headers_mut().insert(SET_COOKIE, cookie);
    Ok(response)
}

/// A page of another origin could log somebody in under its own key, to see what they do then.
fn same_origin(shared: &Shared, headers: &HeaderMap) -> Result<(), Refused> {
    let own = shared.node.public_url.as_bytes();
    if headers.get_all(ORIGIN).iter().all(|origin| origin.as_bytes().eq_ignore_ascii_case(own)) {
        return Ok(());
    }
    Err(forbidden("other_origin", "only the node's own pages log in"))
}

async fn wrong() -> Refused {
    tokio::time::sleep(Duration::from_millis(LOGIN_DELAY_MS)).await;
    Refused::unauthorized("login_wrong", "Bearer", "the password or key is not right")
}

impl Shown {
    fn of(session: &Session, power: Power) -> Self {
        Self {
            csrf: session.csrf.clone(),
            operator: matches!(session.holder, Holder::Operator { .. }),
            scopes: power.scopes,
            accounts: power.accounts,
            assets: power.assets,
            expires_at_ms: session.expires_at_ms,
        }
    }
}

/// Who has logged in
#[utoipa::path(get, path = "/v1/session", tag = "session", security(("session" = [])),
    responses((status = 200, description = "The session", body = Shown), Refusals))]
async fn show(caller: Caller) -> Result<Response, Refused> {
    let session = caller.session().ok_or_else(nobody)?;
    caller.proven()?;
    Ok(ok(&Shown::of(session, caller.power())))
}

/// Log out
#[utoipa::path(delete, path = "/v1/session", tag = "session", security(("session" = [])),
    responses((status = 204, description = "The session is over"), Refusals))]
async fn end(State(shared): State<Arc<Shared>>, caller: Caller) -> Result<Response, Refused> {
    caller.proven()?;
    let session = caller.session().ok_or_else(nobody)?;
    shared.sessions.end(session);
    let cookie = set_cookie(None, shared.is_secure());
    Ok((StatusCode::NO_CONTENT, [(SET_COOKIE, cookie)]).into_response())
}

fn nobody() -> Refused {
    Refused::unauthorized("session_required", "Bearer", "nobody has logged in here")
}

/// The operator's new password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPassword {
    #[schema(min_length = 10, max_length = 1024)]
    password: String,
}

/// Set the operator's password
///
/// Sessions that began with the one before are over.
#[utoipa::path(put, path = "/v1/session/password", tag = "session",
    security(("bearer" = ["operator"])), request_body = NewPassword,
    responses((status = 204, description = "It counts from now on"), Refusals))]
async fn set_password(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    body: Body,
) -> Result<Response, Refused> {
    caller.operator()?;
    let NewPassword { password } = body::object(body).await?;
    let is_short = password.chars().count() < PASSWORD_CHARS_MIN;
    if is_short || password.len() > PASSWORD_BYTES_MAX {
        let detail = format!(
            "a password has {PASSWORD_CHARS_MIN} characters or more, and {PASSWORD_BYTES_MAX} bytes at \
             most"
        );
        return Err(Refused::bad_request("invalid_field", detail).with_param("password"));
    }
    authority::set_password(shared.engine(), password).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
