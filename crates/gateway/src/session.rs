//! Recovery of sessions of MPP: a request that names its channel in `Payment-Session` is told where
//! the channel stands.
//!
//! Invariants: only an open channel that this offer can be paid from is told of, so of all others
//! the answer does not show whether they are known; and nothing is told beyond what the node tells
//! everyone who knows the id. This module takes no payment and changes no channel.

use axum::body::Body;
use engine::{ChannelPhase, ChannelView};
use http::{HeaderMap, HeaderValue, Response};
use http402::mpp::{PAYMENT_SESSION, PAYMENT_SESSION_SNAPSHOT, SessionSnapshot};
use money::ChannelId;

use crate::case::Case;
use crate::channel_state;

/// The channel that a request names; `None` if it names none, or not in due form.
pub(crate) fn named(headers: &HeaderMap) -> Option<ChannelId> {
    headers.get(PAYMENT_SESSION)?.to_str().ok()?.trim().parse().ok()
}

/// Puts where the named channel stands into the challenge of a request that presents no payment.
pub(crate) async fn recall(case: &mut Case, headers: &HeaderMap) {
    let Some(channel) = case.session else { return };
    if !matches!(http402::decode_payment(headers), Ok(None)) {
        return;
    }
    // A node that cannot be asked now leaves the payer with the usual challenge.
    let view = case.options.node.channel(channel).await.unwrap_or_default();
    let Some(view) = view.filter(|view| pays_here(case, view)) else { return };
    if let Some(offer) = &mut case.challenge.channel {
        offer.state = Some(channel_state::of_view(&view));
        case.recalled = Some(Box::new(view));
    }
}

/// Says in headers where the channel that was named stands.
pub(crate) fn tell(case: &Case, response: &mut Response<Body>, view: &ChannelView) {
    if case.session != Some(view.channel) || !pays_here(case, view) {
        return;
    }
    let snapshot = SessionSnapshot {
        state: channel_state::of_view(view),
        settled: view.settled,
        required: view.spent.saturating_add(case.offer.start().units()),
        expires_at_ms: view.expires_at_ms,
    };
    let id = HeaderValue::try_from(view.channel.to_string());
    if let (Ok(id), Ok(snapshot)) = (id, snapshot.encode_header()) {
        response.headers_mut().insert(PAYMENT_SESSION, id);
        response.headers_mut().insert(PAYMENT_SESSION_SNAPSHOT, snapshot);
    }
}

fn pays_here(case: &Case, view: &ChannelView) -> bool {
    view.payee == case.offer.payees.pay_to
        && view.asset == case.offer.price.asset()
        && view.state == ChannelPhase::Open
        && view.expires_at_ms > case.options.node.now_ms()
}
