//! Channels as a payer works with them: open, look, top up, pay, close.
//!
//! Invariant: nothing here needs a secret, because every change carries the payer's signature or a
//! link of its tick chain, and the engine checks it; who knows a channel's id may look at it.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use engine::{ChannelError, ChannelView, Closing, OpenChannel, Proof, Tags};
use gateway::node::wire::channel::ticks;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use instrument::Signed;
use instrument::channel::{ChannelTerms, Close, Tick, TopUp, Voucher};
use money::ChannelId;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::body::{self, json, ok};
use crate::mandates::{statement, wrong_signature};
use crate::node::Shared;
use crate::refused::Refused;
use crate::schema::{self, Refusals};
use crate::segment::Segment;

/// Longest body of ticks: as many as one call can advance a channel by.
const TICKS_BODY_BYTES_MAX: usize = 4096 * Tick::BYTES;

pub(crate) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new()
        .routes(routes!(open))
        .routes(routes!(show))
        .routes(routes!(top_up))
        .routes(routes!(voucher))
        .routes(routes!(tick))
        .routes(routes!(close))
}

/// A channel as it is. Always settled <= spent <= spent + reserved <= accepted <= deposit.
#[derive(ToSchema)]
#[schema(as = Channel)]
#[expect(dead_code, reason = "only its schema is used; the engine's view is what is sent")]
pub(crate) struct ChannelSchema {
    #[schema(value_type = schema::Channel)]
    channel: String,
    #[schema(value_type = schema::Account)]
    payer: String,
    #[schema(value_type = schema::Account)]
    payee: String,
    asset: schema::Asset,
    /// Held in all, the settled part included.
    #[schema(value_type = schema::Units)]
    deposit: String,
    /// What vouchers and ticks allow.
    #[schema(value_type = schema::Units)]
    accepted: String,
    /// What was delivered and charged.
    #[schema(value_type = schema::Units)]
    spent: String,
    /// Set aside for a request under way.
    #[schema(value_type = schema::Units)]
    reserved: String,
    /// What has moved.
    #[schema(value_type = schema::Units)]
    settled: String,
    sequence: u64,
    tick_index: u32,
    voucher: Option<NewestVoucher>,
    #[schema(value_type = schema::Hex32)]
    voucher_key: String,
    state: ChannelState,
    /// Unix milliseconds.
    closes_at_ms: Option<u64>,
    /// Unix milliseconds.
    expires_at_ms: u64,
    close_delay_seconds: u32,
    description: String,
}

/// The newest voucher of a channel.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct NewestVoucher {
    sequence: u64,
    #[schema(value_type = schema::Units)]
    cumulative: String,
    /// 64 bytes in hex digits.
    #[schema(pattern = "^[0-9a-f]{128}$")]
    signature: String,
}

/// Where a channel stands.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "only its schema is used")]
enum ChannelState {
    Open,
    /// The payer has asked to close; the payee can still claim until `closes_at_ms`.
    Closing,
    Closed,
}

/// Terms of a channel and the payer's signature.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct OpenBody {
    /// 248 bytes.
    #[schema(value_type = schema::Base64)]
    terms: String,
    /// 64 bytes.
    #[schema(value_type = schema::Base64)]
    signature: String,
    #[serde(default)]
    description: String,
}

/// Open a channel by the payer's signature
///
/// The same terms again are answered the same.
#[utoipa::path(post, path = "/v1/channels", tag = "channels", request_body = OpenBody,
    responses((status = 201, description = "It is open", body = ChannelSchema), Refusals))]
async fn open(State(shared): State<Arc<Shared>>, body: Body) -> Result<Response, Refused> {
    let fields: OpenBody = body::object(body).await?;
    let signed: Signed<ChannelTerms> = statement((&fields.terms, "terms"), &fields.signature)?;
    let command = OpenChannel {
        terms: signed.verify().map_err(wrong_signature)?,
        split: None,
        description: fields.description,
        origin: None,
        tags: Tags::default(),
    };
    let opened = shared.engine().open_channel(command).await;
    let view = opened.map_err(|error| Refused::of("The channel was not opened", &error))?;
    Ok(json(StatusCode::CREATED, &view))
}

/// A channel as it is
#[utoipa::path(get, path = "/v1/channels/{ch_id}", tag = "channels",
    params(("ch_id" = schema::Channel, Path)),
    responses((status = 200, description = "The channel", body = ChannelSchema), Refusals))]
async fn show(State(shared): State<Arc<Shared>>, path: Segment) -> Result<Response, Refused> {
    let id = channel(&path)?;
    let view = shared.engine().read(move |state| state.channel(id)).await?;
    view.map(|view| ok(&view)).ok_or_else(unknown)
}

/// A top-up and its signature.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TopUpBody {
    /// 56 bytes.
    #[schema(value_type = schema::Base64)]
    top_up: String,
    /// 64 bytes, by the signer of the terms.
    #[schema(value_type = schema::Base64)]
    signature: String,
}

/// Raise a channel's deposit by the payer's signature
#[utoipa::path(post, path = "/v1/channels/{ch_id}/top-up", tag = "channels",
    params(("ch_id" = schema::Channel, Path)), request_body = TopUpBody,
    responses((status = 200, description = "The channel", body = ChannelSchema), Refusals))]
async fn top_up(
    State(shared): State<Arc<Shared>>,
    path: Segment,
    body: Body,
) -> Result<Response, Refused> {
    let id = channel(&path)?;
    let fields: TopUpBody = body::object(body).await?;
    let signed: Signed<TopUp> = statement((&fields.top_up, "top_up"), &fields.signature)?;
    same_channel(id, signed.unverified().channel, "top_up")?;
    answer("The channel was not topped up", shared.engine().top_up(signed).await)
}

/// A voucher and its signature.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct VoucherBody {
    /// 64 bytes.
    #[schema(value_type = schema::Base64)]
    voucher: String,
    /// 64 bytes, by the voucher key.
    #[schema(value_type = schema::Base64)]
    signature: String,
}

/// Pay on a channel by a voucher
#[utoipa::path(post, path = "/v1/channels/{ch_id}/vouchers", tag = "channels",
    params(("ch_id" = schema::Channel, Path)), request_body = VoucherBody,
    responses((status = 200, description = "The channel", body = ChannelSchema), Refusals))]
async fn voucher(
    State(shared): State<Arc<Shared>>,
    path: Segment,
    body: Body,
) -> Result<Response, Refused> {
    let id = channel(&path)?;
    let fields: VoucherBody = body::object(body).await?;
    let signed: Signed<Voucher> = statement((&fields.voucher, "voucher"), &fields.signature)?;
    same_channel(id, signed.unverified().channel, "voucher")?;
    let accepted = shared.engine().accept(Proof::Voucher(signed)).await;
    answer("The voucher was not accepted", accepted)
}

/// Ticks of 23 bytes, one after the other.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TicksBody {
    #[schema(value_type = schema::Base64)]
    ticks: String,
}

/// Pay on a channel by ticks
///
/// The highest of them counts for all.
#[utoipa::path(post, path = "/v1/channels/{ch_id}/ticks", tag = "channels",
    params(("ch_id" = schema::Channel, Path)),
    request_body(content((TicksBody = "application/json"),
        (schema::Bytes = "application/octet-stream"))),
    responses((status = 200, description = "The channel", body = ChannelSchema), Refusals))]
async fn tick(
    State(shared): State<Arc<Shared>>,
    path: Segment,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    let id = channel(&path)?;
    let (bytes, param) = if is_json(&headers) {
        let fields: TicksBody = body::object(body).await?;
        (body::base64(&fields.ticks, "ticks")?, "ticks")
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

/// A closing and its signature.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CloseBody {
    /// 56 bytes.
    #[schema(value_type = schema::Base64)]
    close: String,
    /// 64 bytes, by the voucher key or the signer of the terms.
    #[schema(value_type = schema::Base64)]
    signature: String,
}

/// Close a channel by the payer's signature
///
/// It closes when its delay is over; what was not spent is free again then.
#[utoipa::path(post, path = "/v1/channels/{ch_id}/close", tag = "channels",
    params(("ch_id" = schema::Channel, Path)), request_body = CloseBody,
    responses((status = 200, description = "The channel", body = ChannelSchema), Refusals))]
async fn close(
    State(shared): State<Arc<Shared>>,
    path: Segment,
    body: Body,
) -> Result<Response, Refused> {
    let id = channel(&path)?;
    let fields: CloseBody = body::object(body).await?;
    let signed: Signed<Close> = statement((&fields.close, "close"), &fields.signature)?;
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

fn channel(path: &Segment) -> Result<ChannelId, Refused> {
    path.read("channel_unknown", "ch_id")
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
