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

use super::{BEARER, Caller, FARTHING, Fault, Who, statement};
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
    let (who, verdict) = identify(&shared, request.headers(), address);
    let refusal = verdict.and_then(|verdict| verdict.refusal());
    let mut response = if let Some(refused) = refusal {
        refused.into_response()
    } else {
        request.extensions_mut().insert(Caller { who });
        next.run(request).await
    };
    if let Some(verdict) = verdict {
        verdict.write(response.headers_mut());
    }
    response
}

/// Who asks, and what is left of its quota if it has one.
fn identify(shared: &Shared, headers: &HeaderMap, address: IpAddr) -> (Who, Option<Verdict>) {
    let now_ns = shared.engine().clock().now_ns();
    let take = |subject| shared.limiter.take(subject, now_ns);
    if let Some(shown) = credentials(headers, BEARER) {
        return match bearer(shared, shown) {
            who @ Who::Unproven(_) => (who, take(Subject::Address(address))),
            who => (who, None),
        };
    }
    let verdict = take(Subject::Address(address));
    let Some(shown) = credentials(headers, FARTHING) else {
        return (Who::Anyone, verdict);
    };
    if verdict.is_some_and(|verdict| verdict.is_refused()) {
        return (Who::Anyone, verdict);
    }
    match statement::check(shown, shared.engine()) {
        Ok(key) => (Who::Payer(key), take(Subject::Payer(key.0))),
        Err(fault) => (Who::Unproven(fault), verdict),
    }
}

fn bearer(shared: &Shared, shown: &str) -> Who {
    if shared.node.operator_token.is(shown) {
        Who::Operator
    } else if shared.node.gateway_token.is(shown) {
        Who::Gateway
    } else {
        let detail = "the token is none of this node, or no longer";
        Who::Unproven(Fault::unproven("token_wrong", BEARER, detail))
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
