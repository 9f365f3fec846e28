//! An account in the log: its whole history for its holder, and the end of it.
//!
//! Invariant: a statement is given to the holder and the operator alone; forgetting is the operator's.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use http::HeaderMap;
use http402::Problem;
use instrument::payer_account;
use money::AccountId;
use serde_json::json;

use crate::authority;
use crate::body::{self, Fields, REQUEST_BODY_BYTES_MAX, ok};
use crate::log::refused;
use crate::node::Shared;
use crate::refused::Refused;

/// `GET /v1/accounts/{acc_id}/statement`
pub(crate) async fn statement(
    State(shared): State<Arc<Shared>>,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    shared.log()?;
    let account = named(path)?;
    if authority::has_scheme(&headers, "Bearer") {
        authority::bearer(&headers, &shared.node.operator_token, "operator")?;
    } else {
        holds(&shared, &headers, account).await?;
    }
    let statement = shared.engine().statement(account).await;
    Ok(ok(&statement.map_err(|why| refused(&why))?))
}

/// Requires the key of an account.
async fn holds(shared: &Shared, headers: &HeaderMap, account: AccountId) -> Result<(), Refused> {
    let key = authority::payer(headers, shared.engine())?;
    let assets = shared.engine().read(engine::State::asset_views).await?;
    if assets.iter().any(|opened| payer_account(&key, opened.asset) == account) {
        return Ok(());
    }
    let detail = "only the holder and the operator may see an account's statement";
    Err(Refused::new(Problem::new(403, "not_the_holder", "The account is not shown", detail)))
}

/// `POST /v1/accounts/{acc_id}/forget`
pub(crate) async fn forget(
    State(shared): State<Arc<Shared>>,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    authority::bearer(&headers, &shared.node.operator_token, "operator")?;
    shared.log()?;
    let account = named(path)?;
    let bytes = body::read(body, REQUEST_BODY_BYTES_MAX).await?;
    if !bytes.is_empty() {
        Fields::read(Body::from(bytes), &[]).await?;
    }
    let leaves = shared.engine().forget(account).await.map_err(|why| refused(&why))?;
    Ok(ok(&json!({"account": account, "leaves": leaves})))
}

fn named(path: Result<Path<String>, PathRejection>) -> Result<AccountId, Refused> {
    let unknown =
        |detail: String| Refused::not_found("account_unknown", detail).with_param("acc_id");
    let Path(text) = path.map_err(|_| unknown("the path names no account".to_owned()))?;
    text.parse().map_err(|why: money::IdError| unknown(why.to_string()))
}
