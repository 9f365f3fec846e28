//! Channels as a payer works with them: open, look, top up, pay, close.
//!
//! Invariant: nothing here needs a secret, because every change carries the payer's signature or a
//! link of its tick chain, and the engine checks it; who knows a channel's id may look at it.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use engine::{ChannelError, ChannelView, Closing, OpenChannel, Proof, Tags};
use gateway::node::wire::channel::ticks;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use instrument::Signed;
use instrument::channel::{ChannelTerms, Close, Tick, TopUp, Voucher};
use money::ChannelId;

use crate::body::{self, Fields, json, ok};
use crate::node::Shared;
use crate::payer::{statement, wrong_signature};
use crate::refused::Refused;

/// Longest body of ticks: as many as one call can advance a channel by.
const TICKS_BODY_BYTES_MAX: usize = 4096 * Tick::BYTES;

type ChannelPath = Result<Path<String>, PathRejection>;

/// `POST /v1/channels`
pub(crate) async fn open(
    State(shared): State<Arc<Shared>>,
    body: Body,
) -> Result<Response, Refused> {
    let fields = Fields::read(body, &["terms", "signature", "description"]).await?;
    let signed: Signed<ChannelTerms> = statement(&fields, "terms")?;
    let command = OpenChannel {
        terms: signed.verify().map_err(wrong_signature)?,
        split: None,
        description: fields.optional("description").unwrap_or_default().to_owned(),
        origin: None,
        tags: Tags::default(),
    };
    let opened = shared.engine().open_channel(command).await;
    let view = opened.map_err(|error| Refused::of("The channel was not opened", &error))?;
    Ok(json(StatusCode::CREATED, &view))
}

/// `GET /v1/channels/{ch_id}`
pub(crate) async fn show(
    State(shared): State<Arc<Shared>>,
    path: ChannelPath,
) -> Result<Response, Refused> {
    let id = channel(path)?;
    let view = shared.engine().read(move |state| state.channel(id)).await?;
    view.map(|view| ok(&view)).ok_or_else(unknown)
}

/// `POST /v1/channels/{ch_id}/top-up`
pub(crate) async fn top_up(
    State(shared): State<Arc<Shared>>,
    path: ChannelPath,
    body: Body,
) -> Result<Response, Refused> {
    let id = channel(path)?;
    let fields = Fields::read(body, &["top_up", "signature"]).await?;
    let signed: Signed<TopUp> = statement(&fields, "top_up")?;
    same_channel(id, signed.unverified().channel, "top_up")?;
    answer("The channel was not topped up", shared.engine().top_up(signed).await)
}

/// `POST /v1/channels/{ch_id}/vouchers`
pub(crate) async fn voucher(
    State(shared): State<Arc<Shared>>,
    path: ChannelPath,
    body: Body,
) -> Result<Response, Refused> {
    let id = channel(path)?;
    let fields = Fields::read(body, &["voucher", "signature"]).await?;
    let signed: Signed<Voucher> = statement(&fields, "voucher")?;
    same_channel(id, signed.unverified().channel, "voucher")?;
    let accepted = shared.engine().accept(Proof::Voucher(signed)).await;
    answer("The voucher was not accepted", accepted)
}

/// `POST /v1/channels/{ch_id}/ticks`
pub(crate) async fn tick(
    State(shared): State<Arc<Shared>>,
    path: ChannelPath,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    let id = channel(path)?;
    let (bytes, param) = if is_json(&headers) {
        (Fields::read(body, &["ticks"]).await?.base64("ticks")?, "ticks")
    } else {
        (body::read(body, TICKS_BODY_BYTES_MAX).await?.to_vec(), "body")
    };
    let ticks = ticks(&bytes).filter(|ticks| !ticks.is_empty()).ok_or_else(|| {
        let detail = format!(
            "expected ticks of {} bytes each, one after the other: 82 1a, the index, 50, the link",
            Tick::BYTES
        );
        Refused::bad_request("tick_malformed", detail).with_param(param)
    })?;
    answer("The ticks were not accepted", shared.engine().accept_ticks(id, ticks).await)
}

/// `POST /v1/channels/{ch_id}/close`
pub(crate) async fn close(
    State(shared): State<Arc<Shared>>,
    path: ChannelPath,
    body: Body,
) -> Result<Response, Refused> {
    let id = channel(path)?;
    let fields = Fields::read(body, &["close", "signature"]).await?;
    let signed: Signed<Close> = statement(&fields, "close")?;
    same_channel(id, signed.unverified().channel, "close")?;
    let closing = shared.engine().close_channel(Closing::ByPayer(signed)).await;
    answer("The channel was not closed", closing)
}

fn answer(
    title: &'static str,
    result: Result<ChannelView, ChannelError>,
) -> Result<Response, Refused> {
    result.map(|view| ok(&view)).map_err(|error| Refused::of(title, &error))
}

fn unknown() -> Refused {
    Refused::not_found("channel_unknown", "the node knows no such channel")
}

fn channel(path: ChannelPath) -> Result<ChannelId, Refused> {
    let Path(text) = path.map_err(|_| unknown())?;
    text.parse().map_err(|why: money::IdError| {
        Refused::not_found("channel_unknown", why.to_string()).with_param("ch_id")
    })
}

/// The statement must be about the channel of the path, or one of the two is a mistake.
fn same_channel(path: ChannelId, named: ChannelId, field: &'static str) -> Result<(), Refused> {
    if path == named {
        return Ok(());
    }
    let detail = format!("the statement is about {named}, the path about {path}");
    Err(Refused::bad_request("channel_mismatch", detail).with_param(field))
}

fn is_json(headers: &HeaderMap) -> bool {
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = media_type.unwrap_or_default().split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}
