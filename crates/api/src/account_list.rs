//! Accounts as their holders and the operator see them: the list, one, and a new one.
//!
//! Invariants: a key that is limited to accounts sees those alone, and opens none; the same
//! idempotency key opens one account.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use engine::{AccountRole, AccountSpec, AccountView};
use http::{HeaderMap, StatusCode};
use instrument::payer_account;
use money::{AccountId, AssetCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::authority::{Caller, Scope};
use crate::body::{self, json, ok};
use crate::faucet::key_field;
use crate::fund::asset_field;
use crate::idempotency::{self, Idempotent};
use crate::node::Shared;
use crate::page::{Page, PageQuery};
use crate::query::Query;
use crate::refused::Refused;
use crate::schema::{self, Refusals};
use crate::segment::Segment;

const LIST: &str = "accounts";
/// Longest name of an account.
const ACCOUNT_LABEL_BYTES_MAX: usize = 120;
/// Ids of payees' accounts are derived under this name.
const ACCOUNT_TAG: &str = "farthing/account/1";
const TITLE: &str = "The account was not opened";

pub(crate) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new().routes(routes!(list, open)).routes(routes!(show))
}

/// An account with its balances.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = AccountBalances)]
struct Balances {
    #[schema(value_type = schema::Account)]
    account: AccountId,
    #[schema(value_type = schema::AssetCode)]
    asset: AssetCode,
    scale: u8,
    #[schema(value_type = schema::AccountRole)]
    role: AccountRole,
    /// Name for people.
    label: String,
    /// What can be spent; 0 for the treasury.
    #[schema(value_type = schema::Units)]
    available: String,
    /// The balance, holds included.
    #[schema(value_type = schema::Units)]
    posted: String,
    /// Held for payments under way.
    #[schema(value_type = schema::Units)]
    held: String,
    /// All that was given.
    #[schema(value_type = schema::Units)]
    debits: String,
    /// All that was received.
    #[schema(value_type = schema::Units)]
    credits: String,
}

/// Which accounts are asked for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Asked {
    /// Of holders of this role alone.
    #[param(value_type = Option<schema::AccountRole>)]
    role: Option<AccountRole>,
    /// Rows of the page.
    #[param(minimum = 1, maximum = 100, default = 20, value_type = Option<u64>)]
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    #[param(max_length = 200)]
    cursor: Option<String>,
}

/// Accounts, in the order in which they were opened.
#[derive(Debug, Serialize, ToSchema)]
struct Accounts {
    data: Vec<Balances>,
    /// Where the next page begins, for the parameter `cursor`; null on the last one.
    next_cursor: Option<String>,
    /// All of them at once, if neither `limit` nor `cursor` is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    #[serde(rename = "accounts")]
    whole: Option<Vec<Balances>>,
}

/// An account to be opened.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewAccount)]
struct Wanted {
    #[schema(value_type = schema::AssetCode)]
    asset: String,
    /// Name for people.
    #[schema(max_length = 120)]
    label: String,
    /// The public key of a payer, whose account it is then. Without it the account is a payee's.
    #[schema(value_type = Option<schema::Hex32>)]
    key: Option<String>,
}

/// Accounts with their balances
#[utoipa::path(get, path = "/v1/accounts", tag = "accounts", security(("bearer" = ["read"])),
    params(Asked), responses((status = 200, description = "The accounts", body = Accounts), Refusals))]
async fn list(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    asked: Result<Query<Asked>, Refused>,
) -> Result<Response, Refused> {
    let reach = caller.may(Scope::Read)?;
    let Query(Asked { role, limit, cursor }) = asked?;
    let is_whole = limit.is_none() && cursor.is_none();
    let page = PageQuery { limit, cursor };
    let (limit, after) = (page.limit()?, page.after_as::<AccountId>(LIST)?);
    let mut views = shared.engine().read(engine::State::accounts).await?;
    views.retain(|view| {
        let seen = reach.has_account(view.account) && reach.has_asset(view.asset.code);
        seen && role.is_none_or(|role| role == view.role)
    });
    let begin = match after {
        None => 0,
        Some(last) => views.iter().position(|view| view.account == last).map_or(0, |at| at + 1),
    };
    let rows = views.iter().skip(begin).take(limit + 1).cloned().map(Balances::from).collect();
    let page = Page::of(rows, limit, LIST, |row: &Balances| row.account.to_string());
    let whole = is_whole.then(|| views.into_iter().map(Balances::from).collect());
    Ok(ok(&Accounts { data: page.data, next_cursor: page.next_cursor, whole }))
}

/// One account with its balances
#[utoipa::path(get, path = "/v1/accounts/{acc_id}", tag = "accounts",
    security(("bearer" = ["read"])), params(("acc_id" = schema::Account, Path)),
    responses((status = 200, description = "The account", body = Balances), Refusals))]
async fn show(
    State(shared): State<Arc<Shared>>,
    path: Segment,
    caller: Caller,
) -> Result<Response, Refused> {
    let reach = caller.may(Scope::Read)?;
    let account = path.read("account_unknown", "acc_id")?;
    reach.account(account)?;
    let view = shared.engine().read(move |state| state.account(account)).await?;
    let Some(view) = view.filter(|view| reach.has_asset(view.asset.code)) else {
        return Err(Refused::not_found("account_unknown", "there is no such account"));
    };
    Ok(ok(&Balances::from(view)))
}

/// Open an account
///
/// A payee's, or that of a payer's key. A payer needs none: one opens when money enters.
#[utoipa::path(post, path = "/v1/accounts", tag = "accounts",
    security(("bearer" = ["money:write"])), params(idempotency::Header), request_body = Wanted,
    responses((status = 201, description = "It is open", body = Balances), Refusals))]
async fn open(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    let reach = caller.may(Scope::MoneyWrite)?;
    let call = Idempotent::begin(&shared, &caller, ACCOUNT_TAG, &headers)?;
    let wanted: Wanted = body::object(body).await?;
    let asset = asset_field(&shared, &wanted.asset).await?;
    reach.all()?;
    if wanted.label.len() > ACCOUNT_LABEL_BYTES_MAX {
        let detail = format!("a name has at most {ACCOUNT_LABEL_BYTES_MAX} bytes");
        return Err(Refused::bad_request("invalid_field", detail).with_param("label"));
    }
    let (id, role) = match &wanted.key {
        Some(key) => (payer_account(&key_field(key)?, asset), AccountRole::Payer),
        None => (AccountId::from_digest(call.digest()), AccountRole::Payee),
    };
    let engine = shared.engine();
    let is_known = engine.read(move |state| state.account(id).is_some()).await?;
    let spec = AccountSpec { id, asset, role, label: wanted.label.clone() };
    engine.open_account(spec).await.map_err(|error| Refused::of(TITLE, &error))?;
    let view = engine.read(move |state| state.account(id)).await?;
    // A payer's account is named by its key alone, so it may have been opened by another call.
    let Some(view) = view.filter(|view| role == AccountRole::Payer || view.label == wanted.label)
    else {
        return Err(Idempotent::conflict());
    };
    Ok(idempotency::mark(json(StatusCode::CREATED, &Balances::from(view)), is_known))
}

impl From<AccountView> for Balances {
    fn from(view: AccountView) -> Self {
        Self {
            account: view.account,
            asset: view.asset.code,
            scale: view.asset.scale,
            role: view.role,
            label: view.label,
            available: view.available.units().to_string(),
            posted: view.posted.units().to_string(),
            held: view.held.units().to_string(),
            debits: view.debits.units().to_string(),
            credits: view.credits.units().to_string(),
        }
    }
}
