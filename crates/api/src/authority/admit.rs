//! Before a handler runs: who asks, from where, and whether too often.
//!
//! Invariant: no signature is checked for an address that has asked too often.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::key::{self, Asked};
use super::session::{self, Holder};
use super::{BEARER, Caller, FARTHING, Who, statement};
use crate::address::{self, Peer};
use crate::node::Shared;
use crate::rate::{Subject, Verdict};

/// The layer that finds out who asks and counts the request.
pub(crate) async fn admit(
    State(shared): State<Arc<Shared>>,
    mut request: Request,
    next: Next,
) -> Response {
    let peer = request.extensions().get::<Peer>().copied();
    let address = address::of_client(peer, request.headers(), &shared.node.admission.proxies);
    let (caller, verdict) = identify(&shared, &request, address);
    let refusal = verdict.and_then(|verdict| verdict.refusal());
    let mut response = if let Some(refused) = refusal {
        refused.into_response()
    } else {
        request.extensions_mut().insert(caller);
        next.run(request).await
    };
    if let Some(verdict) = verdict {
        verdict.write(response.headers_mut());
    }
    response
}

/// Who asks, and what is left of its quota if it has one.
fn identify(shared: &Shared, request: &Request, address: IpAddr) -> (Caller, Option<Verdict>) {
    let headers = request.headers();
    let clock = shared.engine().clock();
    let take = |subject| shared.limiter.take(subject, clock.now_ns());
    let asked = Asked { path: request.uri().path(), address, now_ms: clock.now_ms() };
    let caller = |who| Caller { who, address, session: None };
    if let Some(shown) = credentials(headers, BEARER) {
        let who = bearer(shared, shown, asked);
        let verdict = match &who {
            Who::Key(key) => take(Subject::Key(key.id.get())),
            Who::Unproven(_) => take(Subject::Address(address)),
            _ => None,
        };
        return (caller(who), verdict);
    }
    let verdict = take(Subject::Address(address));
    if verdict.is_some_and(|verdict| verdict.is_refused()) {
        return (caller(Who::Anyone), verdict);
    }
    if let Some(shown) = credentials(headers, FARTHING) {
        return match statement::check(shown, shared.engine()) {
            Ok(key) => (caller(Who::Payer(key)), take(Subject::Payer(key.0))),
            Err(fault) => (caller(Who::Unproven(fault)), verdict),
        };
    }
    let session = (!headers.contains_key(AUTHORIZATION))
        .then(|| session::of_request(&shared.sessions, shared.engine(), request.method(), headers))
        .flatten();
    match session {
        None => (caller(Who::Anyone), verdict),
        Some(Err(fault)) => (caller(Who::Unproven(fault)), verdict),
        Some(Ok(session)) => {
            let who = holder(shared, session.holder, asked);
            (Caller { who, address, session: Some(Arc::new(session)) }, verdict)
        }
    }
}

fn bearer(shared: &Shared, shown: &str, asked: Asked<'_>) -> Who {
    if shared.node.operator_token.is(shown) {
        Who::Operator
    } else if shared.node.gateway_token.is(shown) {
        Who::Gateway
    } else {
        key::find(shared.engine(), shown, asked)
            .map_or_else(Who::Unproven, |key| Who::Key(Arc::new(key)))
    }
}

/// Who has logged in, if it still may.
fn holder(shared: &Shared, holder: Holder, asked: Asked<'_>) -> Who {
    match holder {
        Holder::Operator { .. } => Who::Operator,
        Holder::Key(id) => key::of_session(shared.engine(), id, asked)
            .map_or_else(Who::Unproven, |key| Who::Key(Arc::new(key))),
    }
}

/// What follows the scheme, which is compared without regard to case; `None` unless there is
/// exactly one such header.
fn credentials<'h>(headers: &'h HeaderMap, scheme: &str) -> Option<&'h str> {
    let mut all = headers.get_all(AUTHORIZATION).iter();
    let only = all.next().filter(|_| all.next().is_none())?;
    let (found, rest) = only.to_str().ok()?.split_once(' ')?;
    found.eq_ignore_ascii_case(scheme).then_some(rest.trim())
}
