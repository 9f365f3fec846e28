//! The clock of a sandbox, which its operator can put ahead: `GET` and `POST /v1/clock`.
//!
//! Invariant: no node that carries real money has such a clock, by its settings and by its books.

use std::io;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http402::Problem;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::authority::{Caller, Scope};
use crate::body::{self, ok};
use crate::node::Shared;
use crate::refused::Refused;
use crate::schema::Refusals;

/// A clock that can be put ahead of the machine's, never back.
pub trait TestClock: Send + Sync {
    /// By how much it is ahead.
    fn shift_ms(&self) -> u64;

    /// Puts it ahead by so much more, durably; answers by how much it is ahead then.
    /// [`io::ErrorKind::InvalidInput`] if that is too far.
    fn advance(&self, milliseconds: u64) -> io::Result<u64>;
}

pub(crate) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new().routes(routes!(show, advance))
}

/// A node's clock.
#[derive(Debug, Serialize, ToSchema)]
struct ClockState {
    /// Unix milliseconds.
    now_ms: u64,
    /// By how much it is ahead of the machine's.
    shift_ms: u64,
    /// Whether it can be put ahead.
    sandbox: bool,
}

/// How far.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Advance {
    /// By so many milliseconds; 100 years in all at most.
    #[schema(minimum = 1)]
    advance_ms: u64,
}

/// What time it is for the node
#[utoipa::path(get, path = "/v1/clock", tag = "operator",
    security(("key" = ["read"])),
    responses((status = 200, description = "The clock", body = ClockState), Refusals))]
async fn show(State(shared): State<Arc<Shared>>, caller: Caller) -> Result<Response, Refused> {
    caller.may(Scope::Read)?;
    Ok(ok(&state(&shared)))
}

/// Put the clock of a sandbox ahead
///
/// What expires by then, expires: orders, holds, mandates, channels. The clock cannot be put back. A
/// node that carries an asset of real money has no such clock.
#[utoipa::path(post, path = "/v1/clock", tag = "operator", request_body = Advance,
    security(("key" = ["operator"])),
    responses((status = 200, description = "The clock", body = ClockState), Refusals))]
async fn advance(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    body: Body,
) -> Result<Response, Refused> {
    caller.may(Scope::Operator)?;
    let asked: Advance = body::object(body).await?;
    if asked.advance_ms == 0 {
        let detail = "name how far to put the clock ahead, in milliseconds";
        return Err(Refused::bad_request("invalid_time", detail).with_param("advance_ms"));
    }
    let assets = shared.engine().read(engine::State::asset_views).await?;
    let is_sandbox = !assets.is_empty() && assets.iter().all(|asset| asset.sandbox);
    let Some(clock) = shared.node.clock.clone().filter(|_| is_sandbox) else {
        let detail = "this node carries real money, and its clock is the machine's";
        return Err(Refused::not_found("not_sandbox", detail));
    };
    let advanced = tokio::task::spawn_blocking(move || clock.advance(asked.advance_ms)).await;
    match advanced {
        Ok(Ok(_)) => Ok(ok(&state(&shared))),
        Ok(Err(error)) if error.kind() == io::ErrorKind::InvalidInput => {
            let detail = "the clock would be more than 100 years ahead";
            Err(Refused::bad_request("invalid_time", detail).with_param("advance_ms"))
        }
        Ok(Err(error)) => {
            tracing::error!(%error, "the clock's file cannot be written");
            Err(failed())
        }
        Err(_) => Err(failed()),
    }
}

fn state(shared: &Shared) -> ClockState {
    let clock = shared.node.clock.as_ref();
    ClockState {
        now_ms: shared.engine().clock().now_ms(),
        shift_ms: clock.map_or(0, |clock| clock.shift_ms()),
        sandbox: clock.is_some(),
    }
}

fn failed() -> Refused {
    let detail = "the node could not write down how far its clock is ahead; nothing has changed";
    Refused::new(Problem::new(500, "clock_not_written", "The clock stays as it is", detail))
}
