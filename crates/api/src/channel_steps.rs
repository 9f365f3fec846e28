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
use http::HeaderMap;

use crate::body::ok;
use crate::node::Shared;
use crate::payments::{answer, check_outcome, malformed, outcome, read, refused};
use crate::refused::Refused;

/// `POST /v1/channels/open`
pub(crate) async fn open(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    let message: OpenWire = read(&shared, &headers, body).await?;
    let command = message.open().map_err(malformed)?;
    Ok(answer(shared.engine().open_channel(command).await))
}

/// `POST /v1/channels/top-up`
pub(crate) async fn top_up(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    let message: SignedWire = read(&shared, &headers, body).await?;
    let signed = message.open().map_err(malformed)?;
    Ok(answer(shared.engine().top_up(signed).await))
}

/// `POST /v1/channels/present`
pub(crate) async fn present(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    let message: PresentWire = read(&shared, &headers, body).await?;
    let command = message.open().map_err(malformed)?;
    Ok(match shared.engine().present(command).await {
        Ok(begun) => ok(&BegunWire::from(begun)),
        Err(error) => refused(error),
    })
}

/// `POST /v1/channels/accept`
pub(crate) async fn accept(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    let message: ProofWire = read(&shared, &headers, body).await?;
    let proof = message.open().map_err(malformed)?;
    Ok(answer(shared.engine().accept(proof).await))
}

/// `POST /v1/channels/accept-ticks`
pub(crate) async fn accept_ticks(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    let message: TicksWire = read(&shared, &headers, body).await?;
    let ticks = message.open().map_err(malformed)?;
    Ok(answer(shared.engine().accept_ticks(message.channel, ticks).await))
}

/// `POST /v1/channels/claim`
pub(crate) async fn claim(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    let message: ProofWire = read(&shared, &headers, body).await?;
    let proof = message.open().map_err(malformed)?;
    Ok(answer(shared.engine().claim(proof).await))
}

/// `POST /v1/channels/spend`
pub(crate) async fn spend(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    let message: SpendWire = read(&shared, &headers, body).await?;
    let command = message.open().map_err(malformed)?;
    check_outcome(command.outcome.as_ref())?;
    Ok(answer(shared.engine().spend(command).await))
}

/// `POST /v1/channels/give-up`
pub(crate) async fn give_up(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    let GiveUpWire { channel, lease, outcome: kept } = read(&shared, &headers, body).await?;
    let kept = outcome(kept)?;
    Ok(answer(shared.engine().give_up(channel, lease, kept).await))
}

/// `POST /v1/channels/await`
pub(crate) async fn await_accepted(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    let message: AwaitWire = read(&shared, &headers, body).await?;
    let above = message.above().map_err(malformed)?;
    let AwaitWire { channel, lease, wait_ms, .. } = message;
    Ok(answer(shared.engine().await_accepted(channel, lease, above, wait_ms).await))
}

/// `POST /v1/channels/settle`
pub(crate) async fn settle(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    let ChannelWire { channel } = read(&shared, &headers, body).await?;
    Ok(answer(shared.engine().settle_channel(channel).await))
}

/// `POST /v1/channels/close`
pub(crate) async fn close(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    let message: ClosingWire = read(&shared, &headers, body).await?;
    let closing = message.open().map_err(malformed)?;
    Ok(answer(shared.engine().close_channel(closing).await))
}
