//! Who visits a site: counted by address and by payer, and named to the upstream.
//!
//! Invariants: what a client says of its own address never reaches the upstream, what a trusted proxy
//! says is continued; a payer is counted only once its signature holds, so nobody uses up the quota of
//! somebody else. Without a [`Peer`] beside the request, as in a service with a layer of its own,
//! nothing is counted by address and nothing rewritten.

use std::net::IpAddr;

use admission::{Admission, Limiter, Peer, Subject, Verdict};
use axum::body::Body;
use engine::{Clock as _, SystemClock};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use instrument::PublicKey;

use crate::answer;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// What only a proxy may say of a client. The host is named by [`Forward`](crate::Forward).
const OF_PROXIES: [HeaderName; 7] = [
    FORWARDED_FOR,
    FORWARDED_PROTO,
    HeaderName::from_static("forwarded"),
    HeaderName::from_static("x-forwarded-port"),
    HeaderName::from_static("x-real-ip"),
    HeaderName::from_static("x-client-ip"),
    HeaderName::from_static("true-client-ip"),
];

/// The address that a request comes from, beside it once it has entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClientAddress(pub(crate) IpAddr);

/// Counts the visitors of one site.
#[derive(Debug)]
pub(crate) struct Gate {
    admission: Admission,
    limiter: Limiter,
}

impl Gate {
    pub(crate) fn new(admission: Admission) -> Self {
        Self { limiter: Limiter::new(admission.rates), admission }
    }

    /// Counts a request by its address and says in its headers where it comes from; the refusal if it
    /// is one too many. `scheme` is how payers reach this site.
    pub(crate) fn enter(
        &self,
        request: &mut Request<Body>,
        scheme: &'static str,
    ) -> Option<Response<Body>> {
        let peer = request.extensions().get::<Peer>().copied()?;
        let is_proxy = self.admission.is_proxy(peer.0);
        let address = self.admission.client(Some(peer), request.headers());
        request.extensions_mut().insert(ClientAddress(address));
        name(request.headers_mut(), peer.0, is_proxy, scheme);
        // Of this machine asks who looks after it, or a proxy that was not named: one quota for all
        // behind it would be none.
        if address.is_loopback() {
            return None;
        }
        refusal(self.limiter.take(Subject::Address(address), SystemClock.now_ns()))
    }

    /// Counts a payment by the key that has signed it.
    pub(crate) fn pay(&self, signer: &PublicKey) -> Option<Response<Body>> {
        refusal(self.limiter.take(Subject::Payer(signer.0), SystemClock.now_ns()))
    }
}

fn refusal(verdict: Option<Verdict>) -> Option<Response<Body>> {
    let verdict = verdict?;
    let mut response = answer::problem(&verdict.refusal()?);
    verdict.write(response.headers_mut());
    Some(response)
}

/// Tells the upstream where a request comes from.
fn name(headers: &mut HeaderMap, peer: IpAddr, is_proxy: bool, scheme: &'static str) {
    let mut chain = peer.to_canonical().to_string();
    if is_proxy {
        let before = headers.get_all(FORWARDED_FOR).iter().filter_map(|line| line.to_str().ok());
        let before: Vec<&str> = before.collect();
        if !before.is_empty() {
            chain = format!("{}, {chain}", before.join(", "));
        }
    } else {
        for name in &OF_PROXIES {
            headers.remove(name);
        }
    }
    if let Ok(chain) = HeaderValue::try_from(chain) {
        headers.insert(FORWARDED_FOR, chain);
    }
    headers.entry(FORWARDED_PROTO).or_insert(HeaderValue::from_static(scheme));
}
