//! Requests that buy nothing: they raise what a channel allows or holds, or close it.
//!
//! The answer is 200 with the channel as it is then, in the receipt and as JSON. Every change may be
//! repeated: totals are absolute, and a closed channel is answered as it ended.
//!
//! Invariant: a gateway agrees to close channels of its own payees only; of others it knows neither
//! the vouchers nor whether something is being served.

use axum::body::Body;
use engine::{ChannelError, ChannelPhase, ChannelView, Closing, OpenChannel, Proof};
use http::Response;
use http::header::{self, HeaderValue};
use instrument::Signed;
use instrument::channel::{Close, TopUp};
use money::{Amount, ChannelId};

use crate::answer::{self, Refusal};
use crate::case::Case;
use crate::deliver::{Paid, Reference};

/// What happens to a channel.
pub(crate) enum Change {
    /// It is opened, its deposit raised, its watermark raised: whatever of it is there, in order.
    Raise {
        /// The channel is opened.
        open: Option<Box<OpenChannel>>,
        /// The deposit is raised.
        top_up: Option<Signed<TopUp>>,
        /// More is accepted.
        proof: Option<Proof>,
    },
    /// It is closed, with the payee's consent.
    Close(Signed<Close>),
}

impl Change {
    fn channel(&self) -> Option<ChannelId> {
        match self {
            Self::Close(close) => Some(close.unverified().channel),
            Self::Raise { open, top_up, proof } => {
                let opened = open.as_ref().map(|open| open.terms.channel());
                let topped = || top_up.as_ref().map(|top_up| top_up.unverified().channel);
                opened.or_else(topped).or_else(|| proof.as_ref().map(Proof::channel))
            }
        }
    }
}

/// Carries out a change and answers it.
pub(crate) async fn carry_out(case: &Case, change: Change) -> Response<Body> {
    let Some(channel) = change.channel() else { return answer::internal() };
    let reference = Reference::Channel(channel);
    let changed = match change {
        Change::Raise { open, top_up, proof } => raise(case, open, top_up, proof).await,
        Change::Close(close) => close_agreed(case, close).await,
    };
    match changed {
        Ok(view) => answered(case, reference, view),
        Err(refusal) => {
            let refusal = refusal.about(reference).with_channel_state(case).await;
            answer::refused(case, &refusal)
        }
    }
}

async fn raise(
    case: &Case,
    open: Option<Box<OpenChannel>>,
    top_up: Option<Signed<TopUp>>,
    proof: Option<Proof>,
) -> Result<ChannelView, Refusal> {
    let node = &case.options.node;
    let mut view = None;
    if let Some(open) = open {
        view = Some(node.open_channel(*open).await.map_err(|error| Refusal::of(&error))?);
    }
    if let Some(top_up) = top_up {
        view = Some(node.top_up(top_up).await.map_err(Refusal::of_channel)?);
    }
    if let Some(proof) = proof {
        view = Some(node.accept(proof).await.map_err(Refusal::of_channel)?);
    }
    view.ok_or_else(|| Refusal::of_channel(ChannelError::Unknown))
}

async fn close_agreed(case: &Case, close: Signed<Close>) -> Result<ChannelView, Refusal> {
    let node = &case.options.node;
    let channel = node.channel(close.unverified().channel).await;
    let channel = channel.map_err(|error| Refusal::of(&error))?;
    let known = channel.ok_or_else(|| Refusal::of_channel(ChannelError::Unknown))?;
    if known.payee != case.offer.payees.pay_to {
        return Err(Refusal::of_channel(ChannelError::WrongPayee));
    }
    node.close_channel(Closing::Agreed(close)).await.map_err(Refusal::of_channel)
}

fn answered(case: &Case, reference: Reference, view: ChannelView) -> Response<Body> {
    let Ok(json) = serde_json::to_vec(&view) else { return answer::internal() };
    let body = if case.is_head() { Body::empty() } else { Body::from(json) };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let is_closed = view.state == ChannelPhase::Closed;
    let left = Amount::new(view.deposit.saturating_sub(view.spent), view.asset);
    let refunded = Some(left).filter(|_| is_closed);
    let paid = Paid { refunded, ..Paid::channel(reference, view, 0) };
    answer::receipt(case, &mut response, &paid);
    response
}
