//! The operator's view: books, the point for a backup.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use engine::BooksView;
use money::AssetCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::authority::{Caller, Scope};
use crate::body::{self, ok};
use crate::node::Shared;
use crate::refused::Refused;
use crate::schema::{self, Refusals};

pub(crate) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new().routes(routes!(books)).routes(routes!(backup))
}

/// Sums of all books.
#[derive(Debug, Serialize, ToSchema)]
struct Books {
    /// Whether those of every asset balance.
    balanced: bool,
    books: Vec<BooksOfAsset>,
}

/// Sums of one asset's books.
#[derive(Debug, Serialize, ToSchema)]
struct BooksOfAsset {
    #[schema(value_type = schema::AssetCode)]
    asset: AssetCode,
    scale: u8,
    #[schema(value_type = schema::Units)]
    debits: String,
    #[schema(value_type = schema::Units)]
    credits: String,
    #[schema(value_type = schema::Units)]
    held: String,
    balanced: bool,
}

/// Sums of debits and credits for each asset
#[utoipa::path(get, path = "/v1/books", tag = "accounts", security(("bearer" = ["operator"])),
    responses((status = 200, description = "The books", body = Books), Refusals))]
async fn books(State(shared): State<Arc<Shared>>, caller: Caller) -> Result<Response, Refused> {
    caller.may(Scope::Read)?.all()?;
    let books = shared.engine().read(engine::books).await?;
    let balanced = books.iter().all(|sums| sums.balanced);
    Ok(ok(&Books { balanced, books: books.into_iter().map(BooksOfAsset::from).collect() }))
}

impl From<BooksView> for BooksOfAsset {
    fn from(view: BooksView) -> Self {
        Self {
            asset: view.asset.code,
            scale: view.asset.scale,
            debits: view.debits.units().to_string(),
            credits: view.credits.units().to_string(),
            held: view.held.units().to_string(),
            balanced: view.balanced,
        }
    }
}

/// Up to where the data folder can be copied.
#[derive(Debug, Serialize, ToSchema)]
struct BackupPoint {
    node: String,
    /// The last durable batch.
    last_batch: u64,
    /// Chain hash up to it.
    #[schema(value_type = schema::Hex32)]
    head: String,
}

/// A request without members.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

/// Name a durable batch up to which the data folder can be copied
///
/// The copy itself is made by who asked, from the files: what is durable up to there is never written
/// again. So no caller can make the node write anywhere.
#[utoipa::path(post, path = "/v1/backup", tag = "node", security(("bearer" = ["operator"])),
    request_body = Nothing,
    responses((status = 200, description = "The point", body = BackupPoint), Refusals))]
async fn backup(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    body: Body,
) -> Result<Response, Refused> {
    caller.operator()?;
    let Nothing {} = body::object(body).await?;
    let point = shared.engine().backup_point().await?;
    Ok(ok(&point))
}
