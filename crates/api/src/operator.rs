//! The operator's calls: accounts, books, the point for a backup, and money that enters.
//!
//! Invariants: each needs the operator's token; the same idempotency key lets money enter once.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use engine::{AccountView, BooksView, Fund};
use http::{HeaderMap, HeaderName, HeaderValue};
use http402::Problem;
use instrument::payer_account;
use money::{AccountId, Amount, Asset, AssetCode, TransferId, parse_base_units};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::authority;
use crate::body::{Fields, ok};
use crate::faucet::{available, key_field};
use crate::node::Shared;
use crate::refused::Refused;

/// Longest reference to an outside event.
const FUND_REFERENCE_BYTES_MAX: usize = 200;

const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// `GET /v1/accounts`
pub(crate) async fn accounts(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    authority::bearer(&headers, &shared.node.operator_token, "operator")?;
    let accounts = shared.engine().read(engine::State::accounts).await?;
    let accounts: Vec<Value> = accounts.iter().map(account_json).collect();
    Ok(ok(&json!({"accounts": accounts})))
}

fn account_json(view: &AccountView) -> Value {
    json!({
        "account": view.account,
        "asset": view.asset.code,
        "scale": view.asset.scale,
        "role": view.role,
        "label": view.label,
        "available": view.available.units().to_string(),
        "posted": view.posted.units().to_string(),
        "held": view.held.units().to_string(),
        "debits": view.debits.units().to_string(),
        "credits": view.credits.units().to_string(),
    })
}

/// `GET /v1/books`
pub(crate) async fn books(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    authority::bearer(&headers, &shared.node.operator_token, "operator")?;
    let books = shared.engine().read(engine::books).await?;
    let balanced = books.iter().all(|sums| sums.balanced);
    let books: Vec<Value> = books.iter().map(books_json).collect();
    Ok(ok(&json!({"balanced": balanced, "books": books})))
}

fn books_json(view: &BooksView) -> Value {
    json!({
        "asset": view.asset.code,
        "scale": view.asset.scale,
        "debits": view.debits.units().to_string(),
        "credits": view.credits.units().to_string(),
        "held": view.held.units().to_string(),
        "balanced": view.balanced,
    })
}

/// `POST /v1/backup`
///
/// Names a durable batch. The copy itself is made by who asked, from the files: what is durable up
/// to there is never written again. So no caller can make the node write anywhere.
pub(crate) async fn backup(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    authority::bearer(&headers, &shared.node.operator_token, "operator")?;
    Fields::read(body, &[]).await?;
    let point = shared.engine().backup_point().await?;
    Ok(ok(&point))
}

/// `POST /v1/fund`
pub(crate) async fn fund(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    let title = "No money entered";
    authority::bearer(&headers, &shared.node.operator_token, "operator")?;
    let key = gateway::idempotency_key(&headers);
    let Some(key) = key.map_err(|error| Refused::new(error.into()))? else {
        let detail = "send `Idempotency-Key` with a text of your own; the same key again is safe";
        let code = "idempotency_key_required";
        return Err(Refused::bad_request(code, detail).with_param("Idempotency-Key"));
    };
    let known = ["key", "account", "amount", "asset", "reference"];
    let fields = Fields::read(body, &known).await?;
    let asset = asset_field(&shared, &fields).await?;
    let account = account_field(&fields, asset)?;
    let amount = amount_field(&fields, asset)?;
    let reference = reference_field(&fields)?;
    let id = fund_id(key);
    let engine = shared.engine();
    let (known, exists) =
        engine.read(move |state| (state.is_funded(id), state.account(account).is_some())).await?;
    // An account id has no check digits: money for a mistyped one would be out of everyone's reach.
    if !exists && fields.optional("account").is_some() {
        let detail = "no such account; name a payer without account by its `key`";
        return Err(Refused::not_found("account_unknown", detail).with_param("account"));
    }
    let fund = Fund { id, account, amount, reference, sandbox_only: false };
    engine.fund(fund).await.map_err(|error| Refused::of(title, &error))?;
    let balance = engine.read(move |state| available(state, account)).await?;
    let mut response = ok(&json!({
        "transfer": id,
        "account": account,
        "amount": amount.units().to_string(),
        "asset": asset.code,
        "scale": asset.scale,
        "balance": balance.to_string(),
    }));
    if known {
        let yes = HeaderValue::from_static("true");
        response.headers_mut().insert(IDEMPOTENT_REPLAYED, yes);
    }
    Ok(response)
}

/// Same key, same transfer.
fn fund_id(key: &str) -> TransferId {
    let digest = Sha256::new().chain_update(b"farthing/fund/1").chain_update(key).finalize();
    TransferId::from_digest(&digest.into())
}

async fn asset_field(shared: &Shared, fields: &Fields) -> Result<Asset, Refused> {
    let text = fields.required("asset")?;
    let code = AssetCode::new(text).map_err(|why| {
        Refused::bad_request("invalid_asset", why.to_string()).with_param("asset")
    })?;
    let views = shared.engine().read(engine::State::asset_views).await?;
    let found = views.iter().find(|view| view.asset.code == code);
    found.map(|view| view.asset).ok_or_else(|| {
        Refused::of("No money entered", &engine::FundError::UnknownAsset).with_param("asset")
    })
}

fn account_field(fields: &Fields, asset: Asset) -> Result<AccountId, Refused> {
    match (fields.optional("account"), fields.optional("key")) {
        (Some(text), None) => text.parse().map_err(|why: money::IdError| {
            Refused::bad_request("invalid_account", why.to_string()).with_param("account")
        }),
        (None, Some(text)) => Ok(payer_account(&key_field(text)?, asset)),
        (None, None) => {
            let detail = "name the receiver: `account`, or the `key` of a payer";
            Err(Refused::bad_request("missing_field", detail).with_param("account"))
        }
        (Some(_), Some(_)) => {
            let detail = "name the receiver once: `account` or `key`, not both";
            Err(Refused::bad_request("ambiguous_account", detail).with_param("key"))
        }
    }
}

fn amount_field(fields: &Fields, asset: Asset) -> Result<Amount, Refused> {
    let units = parse_base_units(fields.required("amount")?).map_err(|why| {
        Refused::bad_request("invalid_amount", why.to_string()).with_param("amount")
    })?;
    Ok(Amount::new(units, asset))
}

fn reference_field(fields: &Fields) -> Result<String, Refused> {
    let text = fields.required("reference")?;
    if text.is_empty() || text.len() > FUND_REFERENCE_BYTES_MAX {
        let title = "No money entered";
        let detail = format!("a reference has 1 to {FUND_REFERENCE_BYTES_MAX} bytes");
        let problem = Problem::new(422, "invalid_reference", title, detail);
        return Err(Refused::new(problem.with_param("reference")));
    }
    Ok(text.to_owned())
}
