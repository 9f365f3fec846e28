//! The verifiable log over HTTP: checkpoint, tiles, policy, and how it fares.
//!
//! Format: C2SP tlog-tiles, `docs/reference/http-api.md`. Invariants: nothing is shown beyond the
//! published checkpoint; what is cached for long never changes. Anyone may read it, from any page.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use engine::{ClosedEpoch, Log, LogError};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Uri};
use http402::{Problem, problem};
use serde::Serialize;
use serde_json::{Value, json};
use tlog::policy::Policy;
use tlog::{Tile, TreeHead};
use tokio::sync::watch;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::body::ok;
use crate::node::Shared;
use crate::refused::Refused;
use crate::schema::{self, Refusals};

/// Where the log is served, below the node's origin.
const PREFIX: &str = "/log";

/// The newest checkpoint is good for a moment.
const CHECKPOINT_CACHE: HeaderValue = HeaderValue::from_static("public, max-age=1");
const HALTED_CACHE: HeaderValue = HeaderValue::from_static("no-cache");
/// A tile never changes.
const TILE_CACHE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const POLICY_CACHE: HeaderValue = HeaderValue::from_static("public, max-age=60");

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const BYTES: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// What is told of the log besides what the engine knows of it.
#[derive(Debug, Clone)]
pub struct NodeLog {
    /// What verifiers need: the log's key, its witnesses and their quorum.
    pub policy: Arc<Policy>,
    /// How publishing goes, as the publisher last told.
    pub report: watch::Receiver<LogReport>,
}

/// How publishing goes, since the node started.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct LogReport {
    /// When the newest checkpoint was published, Unix milliseconds.
    pub published_at_ms: Option<u64>,
    /// Checkpoints that were published.
    pub checkpoints: u64,
    /// Of them, without enough witnesses.
    pub without_quorum: u64,
    /// Attempts at a checkpoint or an epoch that failed.
    pub failures: u64,
    /// Why the last attempt at a checkpoint failed; `None` if it did not.
    pub failure: Option<LogFailure>,
    /// Why the last attempt at an epoch failed; `None` if it did not.
    pub epoch_failure: Option<LogFailure>,
    /// What the witnesses did in the last round, in the policy's order.
    pub witnesses: Vec<WitnessReport>,
}

/// Why an attempt failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogFailure {
    /// Stable code.
    pub code: &'static str,
    /// In words.
    pub detail: String,
}

/// A witness in the last round.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WitnessReport {
    /// Its name in the policy.
    pub name: String,
    /// Stable code: `cosigned`, or what went wrong.
    pub state: &'static str,
    /// In words.
    pub detail: String,
    /// Leaves of the newest checkpoint that it cosigned since the start.
    pub cosigned_size: Option<u64>,
    /// When it says it did, Unix seconds.
    pub cosigned_at_s: Option<u64>,
    /// What it said against the log and has not taken back.
    pub alarm: Option<&'static str>,
}

/// Where a node serves its log.
pub fn log_url(public_url: &str) -> String {
    format!("{}{PREFIX}", public_url.trim_end_matches('/'))
}

impl Shared {
    /// The log, if the node keeps one.
    pub(crate) fn log(&self) -> Result<&Log, Refused> {
        self.engine().log().ok_or_else(|| refused(&LogError::NoLog))
    }
}

/// A problem of the log.
pub(crate) fn refused(error: &LogError) -> Refused {
    let status = error.http_status();
    let title = match status {
        404 => "Not found",
        400..500 => "This is not shown",
        _ => "The log cannot answer",
    };
    let detail = if matches!(error, LogError::Disk(_) | LogError::Rows(_)) {
        // The words name files of the node.
        tracing::error!(%error, "the log cannot answer");
        "the node could not read its log".to_owned()
    } else {
        error.to_string()
    };
    Refused::new(Problem::new(status, error.code(), title, detail))
}

pub(crate) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new()
        .routes(routes!(about))
        .routes(routes!(checkpoint))
        // The document's templates have no wildcards; the route does.
        .route("/log/tile/{*path}", get(tile))
        .routes(routes!(policy))
}

/// The log's newest checkpoint, signed and cosigned
#[utoipa::path(get, path = "/log/checkpoint", tag = "log",
    responses((status = 200, description = "A signed note of C2SP", body = String,
        content_type = "text/plain"), Refusals))]
async fn checkpoint(State(shared): State<Arc<Shared>>) -> Result<Response, Refused> {
    let log = shared.log()?;
    let halted = log.halted();
    let Some((_, note)) = log.checkpoint() else {
        return Err(match halted {
            Some(why) => refused(&LogError::Halted(why)),
            None => unpublished(),
        });
    };
    let cache = if halted.is_some() { HALTED_CACHE } else { CHECKPOINT_CACHE };
    Ok(text(note.to_string(), cache))
}

fn unpublished() -> Refused {
    let detail = "the log has published no checkpoint yet";
    let title = "The log cannot answer";
    let mut problem = Problem::new(503, "log_unpublished", title, detail);
    problem.retry = problem::Retry::AfterSeconds(1);
    Refused::new(problem)
}

/// A tile of the log: hashes, or entries
///
/// In the paths of C2SP tlog-tiles, which have slashes. The path is read as it was sent: a tile has one
/// path, without escapes.
#[utoipa::path(get, path = "/log/tile/{path}", tag = "log",
    params(("path" = String, Path, example = "0/000")),
    responses((status = 200, description = "The tile", body = schema::Bytes,
        content_type = "application/octet-stream"), Refusals))]
pub(crate) async fn tile(State(shared): State<Arc<Shared>>, uri: Uri) -> Result<Response, Refused> {
    let log = shared.log()?;
    let path = uri.path().strip_prefix(PREFIX).and_then(|path| path.strip_prefix('/'));
    let tile: Tile = path.unwrap_or_default().parse().map_err(|why: tlog::TileError| {
        Refused::bad_request(why.code(), why.to_string()).with_param("path")
    })?;
    match log.tile(tile) {
        Ok(Some(bytes)) => {
            let headers = [(CONTENT_TYPE, BYTES), (CACHE_CONTROL, TILE_CACHE)];
            Ok((headers, bytes).into_response())
        }
        Ok(None) => {
            let detail = format!("the published checkpoint does not reach as far as {tile}");
            Err(Refused::not_found("log_tile_unknown", detail))
        }
        Err(why) => Err(refused(&why)),
    }
}

/// The log's key and witnesses, for verifiers
#[utoipa::path(get, path = "/log/policy", tag = "log",
    responses((status = 200, description = "A policy of C2SP", body = String,
        content_type = "text/plain"), Refusals))]
async fn policy(State(shared): State<Arc<Shared>>) -> Result<Response, Refused> {
    shared.log()?;
    let known = shared.node.log.as_ref().ok_or_else(|| refused(&LogError::NoLog))?;
    Ok(text(String::from_utf8_lossy(&known.policy.to_bytes()).into_owned(), POLICY_CACHE))
}

fn text(text: String, cache: HeaderValue) -> Response {
    ([(CONTENT_TYPE, TEXT), (CACHE_CONTROL, cache)], text).into_response()
}

/// The log: its key, size, witnesses and how publishing goes
#[utoipa::path(get, path = "/v1/log", tag = "log",
    responses((status = 200, description = "The log", body = Object), Refusals))]
async fn about(State(shared): State<Arc<Shared>>) -> Result<Response, Refused> {
    let log = shared.log()?;
    let mut content = head_json(log.head());
    content["origin"] = log.origin().into();
    content["vkey"] = log.vkey().into();
    content["url"] = log_url(&shared.node.public_url).into();
    content["halted"] = log.halted().into();
    content["epoch"] = log.epoch().map(|epoch| epoch_json(&epoch)).into();
    content["published"] = log.checkpoint().map(|(head, _)| head_json(head)).into();
    if let Some(known) = &shared.node.log {
        let report = known.report.borrow().clone();
        let published = log.checkpoint();
        let judged = published.map(|(_, note)| known.policy.judge(&note).is_ok());
        content["quorum_met"] = judged.into();
        content["publishing"] = json!(report);
    }
    Ok(ok(&content))
}

fn epoch_json(epoch: &ClosedEpoch) -> Value {
    let record = &epoch.record;
    let assets = record.assets().iter().map(|of| {
        json!({
            "asset": of.asset.code,
            "scale": of.asset.scale,
            "liabilities": of.root.sum.to_string(),
            "root": STANDARD.encode(of.root.hash.0),
        })
    });
    json!({
        "number": record.number(),
        "leaf": epoch.leaf,
        "size": record.size(),
        "at_ms": record.time_ms(),
        "assets": assets.collect::<Vec<_>>(),
    })
}

fn head_json(head: TreeHead) -> Value {
    json!({"size": head.size, "root": STANDARD.encode(head.root.0)})
}
