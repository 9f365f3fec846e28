//! Transfers of the ledger: those on an account, page by page, and one by its id.
//!
//! Invariant: a key that is limited to accounts sees a transfer only if one side is among them.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use ledger::{Cursor, Filter, Kind, PendingState, Sides, TransferState};
use money::{AccountId, AssetCode, TransferId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::authority::{Caller, Reach, Scope};
use crate::body::ok;
use crate::node::Shared;
use crate::page::{Page, PageQuery, cursor};
use crate::query::Query;
use crate::refused::Refused;
use crate::schema::{self, Refusals};
use crate::segment::Segment;

const LIST: &str = "transfers";

pub(crate) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show))
}

/// Which transfers are asked for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Asked {
    /// The account that gives or receives.
    #[param(value_type = schema::Account)]
    account: AccountId,
    /// Rows of the page.
    #[param(minimum = 1, maximum = 100, default = 20, value_type = Option<u64>)]
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A transfer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Transfer)]
struct Shown {
    #[schema(value_type = schema::Transfer)]
    transfer: TransferId,
    kind: ShownKind,
    /// The account that gives.
    #[schema(value_type = schema::Account)]
    debit_account: AccountId,
    /// The account that receives.
    #[schema(value_type = schema::Account)]
    credit_account: AccountId,
    #[schema(value_type = schema::Units)]
    amount: String,
    #[schema(value_type = schema::AssetCode)]
    asset: AssetCode,
    scale: u8,
    /// Why it was made, in the numbering of whoever made it.
    code: u16,
    /// What ties transfers together: a decimal number of up to 128 bits.
    #[schema(value_type = schema::Units)]
    user_data: String,
    /// The pending transfer that a post or void resolves.
    #[schema(value_type = Option<schema::Transfer>)]
    pending: Option<TransferId>,
    /// What has become of a pending transfer; null for other kinds.
    outcome: Option<Outcome>,
    /// Unix milliseconds.
    at_ms: u64,
}

/// What a transfer does.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ShownKind {
    /// Posts the amount at once.
    Single,
    /// Holds the amount.
    Pending,
    /// Posts a pending transfer.
    Post,
    /// Releases a pending transfer.
    Void,
}

/// What has become of a pending transfer.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Pending,
    Posted,
    Voided,
    Expired,
}

/// Transfers on an account, newest first
#[utoipa::path(get, path = "/v1/transfers", tag = "accounts", security(("bearer" = ["read"])),
    params(Asked),
    responses((status = 200, description = "The transfers", body = Page<Shown>), Refusals))]
async fn list(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    asked: Result<Query<Asked>, Refused>,
) -> Result<Response, Refused> {
    let reach = caller.may(Scope::Read)?;
    let Query(Asked { account, limit, cursor: after }) = asked?;
    reach.account(account)?;
    let page = PageQuery { limit, cursor: after };
    let from = page.after_as(LIST)?.map(Cursor::from_u64);
    let page = ledger::Page { cursor: from, ..ledger::Page::newest(page.limit()?) };
    let found = shared.engine().transfers_of(account, Sides::BOTH, Filter::ANY, page).await;
    let found = found.map_err(|error| Refused::of("There is no such list", &error))?;
    let seen = |state: &TransferState| reach.has_asset(state.transfer.asset.code);
    Ok(ok(&Page {
        data: found.rows.iter().filter(|state| seen(state)).map(Shown::from).collect(),
        next_cursor: found.next.map(|next| cursor(LIST, &next.to_u64().to_string())),
    }))
}

/// One transfer
#[utoipa::path(get, path = "/v1/transfers/{tr_id}", tag = "accounts",
    security(("bearer" = ["read"])), params(("tr_id" = schema::Transfer, Path)),
    responses((status = 200, description = "The transfer", body = Shown), Refusals))]
async fn show(
    State(shared): State<Arc<Shared>>,
    path: Segment,
    caller: Caller,
) -> Result<Response, Refused> {
    let reach = caller.may(Scope::Read)?;
    let id: TransferId = path.read("transfer_unknown", "tr_id")?;
    let found = shared.engine().lookup_transfers(vec![id]).await;
    let found = found.map_err(|error| Refused::of("There is no such transfer", &error))?;
    let found = found.into_iter().flatten().find(|state| is_seen(&reach, state));
    found
        .map(|state| ok(&Shown::from(&state)))
        .ok_or_else(|| Refused::not_found("transfer_unknown", "the ledger has no such transfer"))
}

fn is_seen(reach: &Reach, state: &TransferState) -> bool {
    let transfer = &state.transfer;
    reach.has_asset(transfer.asset.code)
        && (reach.has_account(transfer.debit_account) || reach.has_account(transfer.credit_account))
}

impl From<&TransferState> for Shown {
    fn from(state: &TransferState) -> Self {
        let transfer = &state.transfer;
        Self {
            transfer: transfer.id,
            kind: match transfer.kind {
                Kind::Single { .. } => ShownKind::Single,
                Kind::Pending { .. } => ShownKind::Pending,
                Kind::Post { .. } => ShownKind::Post,
                Kind::Void { .. } => ShownKind::Void,
            },
            debit_account: transfer.debit_account,
            credit_account: transfer.credit_account,
            amount: transfer.amount.to_string(),
            asset: transfer.asset.code,
            scale: transfer.asset.scale,
            code: transfer.code,
            user_data: transfer.user_data.to_string(),
            pending: transfer.kind.pending_id(),
            outcome: match state.pending {
                PendingState::None => None,
                PendingState::Pending => Some(Outcome::Pending),
                PendingState::Posted { .. } => Some(Outcome::Posted),
                PendingState::Voided => Some(Outcome::Voided),
                PendingState::Expired { .. } => Some(Outcome::Expired),
            },
            at_ms: state.timestamp_ns / 1_000_000,
        }
    }
}
