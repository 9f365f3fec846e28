//! The faucet: play money for any key, on nodes that are a sandbox.
//!
//! Invariants: gives only assets that are play money, which the engine checks again; one key gets
//! one filling a second, however often it asks, and none above a limit; one address gets so many an hour.

use std::sync::Arc;

use admission::Subject;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use engine::Fund;
use http402::{Problem, problem::Retry};
use instrument::{PublicKey, payer_account};
use money::{AccountId, Amount, Asset, AssetCode, TransferId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::authority::Caller;
use crate::body::{self, ok};
use crate::node::Shared;
use crate::refused::Refused;
use crate::schema::{self, Refusals};

/// Fillings that an account may hold at once.
pub(crate) const FAUCET_FILLINGS_COUNT_MAX: u128 = 10;

pub(crate) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new().routes(routes!(fill))
}

/// Who wants play money.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Filling {
    /// Public key of the payer.
    #[schema(value_type = schema::Hex32)]
    key: String,
}

/// What an account holds then.
#[derive(Debug, Serialize, ToSchema)]
struct Filled {
    #[schema(value_type = schema::Account)]
    account: AccountId,
    #[schema(value_type = schema::Units)]
    balance: String,
    #[schema(value_type = schema::AssetCode)]
    asset: AssetCode,
    scale: u8,
}

/// Play money for a key, on a sandbox
///
/// All calls of one key within one second count as one. An account is not filled above ten fillings.
#[utoipa::path(post, path = "/v1/faucet", tag = "payers", request_body = Filling,
    responses((status = 200, description = "The account", body = Filled), Refusals))]
async fn fill(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    body: Body,
) -> Result<Response, Refused> {
    if !shared.node.sandbox {
        return Err(Refused::not_found("not_sandbox", "this node gives no play money"));
    }
    let asked: Filling = body::object(body).await?;
    let key = key_field(&asked.key)?;
    let engine = shared.engine();
    // Each new key is an account for good, and keys cost nothing.
    let subject = Subject::Faucet(caller.address());
    let verdict = shared.limiter.take(subject, engine.clock().now_ns());
    if let Some(problem) = verdict.and_then(|verdict| verdict.refusal()) {
        return Err(Refused::new(problem));
    }
    let assets = engine.read(engine::State::asset_views).await?;
    let Some(asset) = assets.iter().find(|view| view.sandbox) else {
        return Err(Refused::not_found("not_sandbox", "this node carries no play money"));
    };
    let asset = asset.asset;
    let account = payer_account(&key, asset);
    let amount = Amount::new(shared.node.faucet_units, asset);
    let id = filling_id(account, engine.clock().now_ms() / 1000);
    let (known, before) =
        engine.read(move |state| (state.is_funded(id), available(state, account))).await?;
    let limit = amount.units().saturating_mul(FAUCET_FILLINGS_COUNT_MAX);
    if !known && before.saturating_add(amount.units()) > limit {
        return Err(full(Amount::new(limit, asset)));
    }
    let filling = Fund { id, account, amount, reference: "faucet".to_owned(), sandbox_only: true };
    let title = "The account was not filled";
    engine.fund(filling).await.map_err(|error| Refused::of(title, &error))?;
    let balance = engine.read(move |state| available(state, account)).await?;
    Ok(ok(&answer(account, asset, balance)))
}

fn answer(account: AccountId, asset: Asset, balance: u128) -> Filled {
    Filled { account, balance: balance.to_string(), asset: asset.code, scale: asset.scale }
}

fn full(limit: Amount) -> Refused {
    let detail =
        format!("the account would hold more than {limit} of play money; spend some first");
    let problem = Problem::new(429, "faucet_limit", "The account is full", detail);
    Refused::new(problem.with_retry(Retry::Never))
}

/// Reads the field `key`.
pub(crate) fn key_field(text: &str) -> Result<PublicKey, Refused> {
    PublicKey::from_hex(text).ok_or_else(|| {
        Refused::bad_request("invalid_key", "a key is 64 lowercase hex digits").with_param("key")
    })
}

/// What an account can spend; nothing if it does not exist.
pub(crate) fn available(state: &engine::State, account: AccountId) -> u128 {
    state.account(account).map_or(0, |view| view.available.units())
}

/// The same for every call of one key in one second.
fn filling_id(account: AccountId, second: u64) -> TransferId {
    let digest = Sha256::new()
        .chain_update(b"farthing/faucet/1")
        .chain_update(account.to_be_bytes())
        .chain_update(second.to_be_bytes())
        .finalize();
    TransferId::from_digest(&digest.into())
}
