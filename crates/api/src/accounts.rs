//! An account in the log: its whole history for its holder, and the end of it.
//!
//! Invariant: a statement is given to the holder and the operator alone; forgetting is the operator's.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http402::Problem;
use instrument::payer_account;
use money::AccountId;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::authority::{Caller, Scope};
use crate::body::{self, ok};
use crate::log::refused;
use crate::node::Shared;
use crate::operator::Nothing;
use crate::refused::Refused;
use crate::schema::{self, Refusals};
use crate::segment::Segment;

pub(crate) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new().routes(routes!(statement)).routes(routes!(forget))
}

/// An account's whole history with its proofs
///
/// For the holder, who proves the account's key, and for the operator.
#[utoipa::path(get, path = "/v1/accounts/{acc_id}/statement", tag = "accounts",
    security(("payer" = []), ("bearer" = ["read"])),
    params(("acc_id" = schema::Account, Path)),
    responses((status = 200, description = "The statement", body = Object), Refusals))]
async fn statement(
    State(shared): State<Arc<Shared>>,
    path: Segment,
    caller: Caller,
) -> Result<Response, Refused> {
    let account = named(&path)?;
    if caller.shows_token() {
        caller.may(Scope::Read)?.account(account)?;
    } else {
        holds(&shared, &caller, account).await?;
    }
    shared.log()?;
    let statement = shared.engine().statement(account).await;
    Ok(ok(&statement.map_err(|why| refused(&why))?))
}

/// Requires the key of an account.
pub(crate) async fn holds(
    shared: &Shared,
    caller: &Caller,
    account: AccountId,
) -> Result<(), Refused> {
    let key = caller.payer()?;
    let assets = shared.engine().read(engine::State::asset_views).await?;
    if assets.iter().any(|opened| payer_account(&key, opened.asset) == account) {
        return Ok(());
    }
    let detail = "only the holder and the operator may see an account's statement";
    Err(Refused::new(Problem::new(403, "not_the_holder", "The account is not shown", detail)))
}

/// An account that can no longer be opened.
#[derive(Debug, Serialize, ToSchema)]
struct Forgotten {
    #[schema(value_type = schema::Account)]
    account: AccountId,
    /// So many leaves of the log were closed by this call.
    leaves: u64,
}

/// Make an account's leaves of the log unreadable for good
#[utoipa::path(post, path = "/v1/accounts/{acc_id}/forget", tag = "accounts",
    security(("bearer" = ["operator"])), params(("acc_id" = schema::Account, Path)),
    request_body(content = Option<Nothing>),
    responses((status = 200, description = "It is forgotten", body = Forgotten), Refusals))]
async fn forget(
    State(shared): State<Arc<Shared>>,
    path: Segment,
    caller: Caller,
    body: Body,
) -> Result<Response, Refused> {
    caller.operator()?;
    shared.log()?;
    let account = named(&path)?;
    let Nothing {} = body::object_or_nothing(body).await?;
    let leaves = shared.engine().forget(account).await.map_err(|why| refused(&why))?;
    Ok(ok(&Forgotten { account, leaves }))
}

fn named(path: &Segment) -> Result<AccountId, Refused> {
    path.read("account_unknown", "acc_id")
}
