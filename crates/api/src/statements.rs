//! Statements of accounts: CSV, JSONL, camt.053.
//!
//! Invariants: a statement is given to the account's holder and to who may read the account; it is
//! written as it is read, so its length does not matter; one that does not sum to the ledger breaks
//! off and is never a whole answer.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use futures_util::stream::try_unfold;
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use money::AccountId;
use report::{Statement, StatementFormat};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::accounts;
use crate::authority::{Caller, Scope};
use crate::node::Shared;
use crate::query::Query;
use crate::refused::Refused;
use crate::schema::{self, Refusals};

const TITLE: &str = "There is no such statement";

pub(crate) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new().routes(routes!(show))
}

/// Which statement is asked for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Asked {
    /// Whose.
    #[param(value_type = schema::Account)]
    account: AccountId,
    /// Begin, Unix milliseconds; the account's beginning by default.
    from_ms: Option<u64>,
    /// End, Unix milliseconds, not part of it; now by default.
    to_ms: Option<u64>,
    /// CSV by default.
    #[param(inline)]
    format: Option<Format>,
}

/// Form of a statement.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Format {
    Csv,
    Jsonl,
    Camt053,
}

/// What an account had, got and gave in a time
///
/// For the holder, who proves the account's key, and for who may read the account. The columns
/// `credit`, `debit` and `amount` hold entries alone, so they sum to the difference of the
/// balances.
#[utoipa::path(get, path = "/v1/statements", tag = "reports",
    security(("payer" = []), ("bearer" = ["read"])), params(Asked),
    responses(
        (status = 200, description = "The statement", content(
            (String = "text/csv"), (String = "application/jsonl"), (String = "application/xml"))),
        Refusals))]
async fn show(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    asked: Result<Query<Asked>, Refused>,
) -> Result<Response, Refused> {
    let by_token = caller.shows_token();
    let reach = if by_token { Some(caller.may(Scope::Read)?) } else { None };
    let key = if by_token { None } else { Some(caller.payer()?) };
    let Query(Asked { account, from_ms, to_ms, format }) = asked?;
    if let Some(reach) = &reach {
        reach.account(account)?;
    }
    if key.is_some() {
        accounts::holds(&shared, &caller, account).await?;
    }
    let format = match format.unwrap_or(Format::Csv) {
        Format::Csv => StatementFormat::Csv,
        Format::Jsonl => StatementFormat::Jsonl,
        Format::Camt053 => StatementFormat::Camt053,
    };
    let period = (from_ms.unwrap_or(0), to_ms.unwrap_or(u64::MAX));
    let statement = Statement::of(shared.engine(), account, period, format).await;
    let mut statement = statement.map_err(|why| Refused::of(TITLE, &why))?;
    if let Some(reach) = &reach {
        reach.asset(statement.head().asset.code)?;
    }
    let name = format!("statement-{account}.{}", format.ending());
    let headers = [
        (CONTENT_TYPE, format.media_type().to_owned()),
        (CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
        (CACHE_CONTROL, "no-store".to_owned()),
    ];
    // What fails at once is a problem, not an answer that breaks off.
    let first = statement.next().await.map_err(|why| Refused::of(TITLE, &why))?;
    let rest = try_unfold((first, statement), |(first, mut statement)| async move {
        let piece = match first {
            Some(piece) => Some(piece),
            None => statement.next().await.inspect_err(|error| {
                tracing::error!(%error, "a statement broke off");
            })?,
        };
        Ok::<_, report::StatementError>(piece.map(|piece| (piece, (None, statement))))
    });
    Ok((headers, Body::from_stream(rest)).into_response())
}
