//! The calls about channels for gateways apart from the node.
//!
//! Format: `gateway::node::wire::channel`. Invariants: each call needs the gateway token; signatures
//! are checked here or by the engine, so a gateway cannot sign in a payer's name; refusals go back
//! as they are.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use gateway::node::wire::channel::{
    AwaitWire, BegunWire, ChannelWire, ClosingWire, GiveUpWire, OpenWire, PresentWire, ProofWire,
    SignedWire, SpendWire, TicksWire,
};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::authority::Caller;
use crate::body::ok;
use crate::node::Shared;
use crate::payments::{answer, check_outcome, malformed, outcome, read, refused};
use crate::refused::Refused;
use crate::schema::{GatewayAnswer, GatewayMessage, Refusals};

pub(crate) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new()
        .routes(routes!(open))
        .routes(routes!(top_up))
        .routes(routes!(present))
        .routes(routes!(accept))
        .routes(routes!(accept_ticks))
        .routes(routes!(claim))
        .routes(routes!(spend))
        .routes(routes!(give_up))
        .routes(routes!(await_accepted))
        .routes(routes!(settle))
        .routes(routes!(close))
}

/// Open a channel
#[utoipa::path(post, path = "/v1/channels/open", tag = "gateways", security(("gateway" = [])),
    request_body = GatewayMessage,
    responses((status = 200, description = "Done", body = GatewayAnswer), Refusals))]
async fn open(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    body: Body,
) -> Result<Response, Refused> {
    let message: OpenWire = read(&caller, body).await?;
    let command = message.open().map_err(malformed)?;
    Ok(answer(shared.engine().open_channel(command).await))
}

/// Raise a channel's deposit
#[utoipa::path(post, path = "/v1/channels/top-up", tag = "gateways", security(("gateway" = [])),
    request_body = GatewayMessage,
    responses((status = 200, description = "Done", body = GatewayAnswer), Refusals))]
async fn top_up(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    body: Body,
) -> Result<Response, Refused> {
    let message: SignedWire = read(&caller, body).await?;
    let signed = message.open().map_err(malformed)?;
    Ok(answer(shared.engine().top_up(signed).await))
}

/// Present a voucher or tick for a request
#[utoipa::path(post, path = "/v1/channels/present", tag = "gateways", security(("gateway" = [])),
    request_body = GatewayMessage,
    responses((status = 200, description = "Done", body = GatewayAnswer), Refusals))]
async fn present(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    body: Body,
) -> Result<Response, Refused> {
    let message: PresentWire = read(&caller, body).await?;
    let command = message.open().map_err(malformed)?;
    Ok(match shared.engine().present(command).await {
        Ok(begun) => ok(&BegunWire::from(begun)),
        Err(error) => refused(error),
    })
}

/// Accept a voucher
#[utoipa::path(post, path = "/v1/channels/accept", tag = "gateways", security(("gateway" = [])),
    request_body = GatewayMessage,
    responses((status = 200, description = "Done", body = GatewayAnswer), Refusals))]
async fn accept(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    body: Body,
) -> Result<Response, Refused> {
    let message: ProofWire = read(&caller, body).await?;
    let proof = message.open().map_err(malformed)?;
    Ok(answer(shared.engine().accept(proof).await))
}

/// Accept ticks
#[utoipa::path(post, path = "/v1/channels/accept-ticks", tag = "gateways", security(("gateway" = [])),
    request_body = GatewayMessage,
    responses((status = 200, description = "Done", body = GatewayAnswer), Refusals))]
async fn accept_ticks(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    body: Body,
) -> Result<Response, Refused> {
    let message: TicksWire = read(&caller, body).await?;
    let ticks = message.open().map_err(malformed)?;
    Ok(answer(shared.engine().accept_ticks(message.channel, ticks).await))
}

/// Claim a proof that came late
#[utoipa::path(post, path = "/v1/channels/claim", tag = "gateways", security(("gateway" = [])),
    request_body = GatewayMessage,
    responses((status = 200, description = "Done", body = GatewayAnswer), Refusals))]
async fn claim(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    body: Body,
) -> Result<Response, Refused> {
    let message: ProofWire = read(&caller, body).await?;
    let proof = message.open().map_err(malformed)?;
    Ok(answer(shared.engine().claim(proof).await))
}

/// Spend on a lease
#[utoipa::path(post, path = "/v1/channels/spend", tag = "gateways", security(("gateway" = [])),
    request_body = GatewayMessage,
    responses((status = 200, description = "Done", body = GatewayAnswer), Refusals))]
async fn spend(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    body: Body,
) -> Result<Response, Refused> {
    let message: SpendWire = read(&caller, body).await?;
    let command = message.open().map_err(malformed)?;
    check_outcome(command.outcome.as_ref())?;
    Ok(answer(shared.engine().spend(command).await))
}

/// Give a lease up
#[utoipa::path(post, path = "/v1/channels/give-up", tag = "gateways", security(("gateway" = [])),
    request_body = GatewayMessage,
    responses((status = 200, description = "Done", body = GatewayAnswer), Refusals))]
async fn give_up(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    body: Body,
) -> Result<Response, Refused> {
    let GiveUpWire { channel, lease, outcome: kept } = read(&caller, body).await?;
    let kept = outcome(kept)?;
    Ok(answer(shared.engine().give_up(channel, lease, kept).await))
}

/// Wait until more is accepted
#[utoipa::path(post, path = "/v1/channels/await", tag = "gateways", security(("gateway" = [])),
    request_body = GatewayMessage,
    responses((status = 200, description = "Done", body = GatewayAnswer), Refusals))]
async fn await_accepted(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    body: Body,
) -> Result<Response, Refused> {
    let message: AwaitWire = read(&caller, body).await?;
    let above = message.above().map_err(malformed)?;
    let AwaitWire { channel, lease, wait_ms, .. } = message;
    Ok(answer(shared.engine().await_accepted(channel, lease, above, wait_ms).await))
}

/// Settle a channel
#[utoipa::path(post, path = "/v1/channels/settle", tag = "gateways", security(("gateway" = [])),
    request_body = GatewayMessage,
    responses((status = 200, description = "Done", body = GatewayAnswer), Refusals))]
async fn settle(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    body: Body,
) -> Result<Response, Refused> {
    let ChannelWire { channel } = read(&caller, body).await?;
    Ok(answer(shared.engine().settle_channel(channel).await))
}

/// Close a channel with the payee's agreement
#[utoipa::path(post, path = "/v1/channels/close", tag = "gateways", security(("gateway" = [])),
    request_body = GatewayMessage,
    responses((status = 200, description = "Done", body = GatewayAnswer), Refusals))]
async fn close(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    body: Body,
) -> Result<Response, Refused> {
    let message: ClosingWire = read(&caller, body).await?;
    let closing = message.open().map_err(malformed)?;
    Ok(answer(shared.engine().close_channel(closing).await))
}
