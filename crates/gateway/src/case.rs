//! One priced request, and the challenge that words its price.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use http::request::Parts;
use http::{HeaderMap, Method, header};
use http402::{Challenge, Dialect, Resource};
use instrument::{BodyDigest, PurchaseDigest, PurchaseHasher};

use crate::offer::Offer;
use crate::paywall::{Origin, PaywallOptions};

/// Whether the payer says that it reads trailers (RFC 9110, 10.1.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trailers {
    Read,
    Ignored,
}

impl Trailers {
    fn of(headers: &HeaderMap) -> Self {
        let lines = headers.get_all(header::TE).iter().filter_map(|value| value.to_str().ok());
        let mut items = lines.flat_map(|line| line.split(','));
        if items.any(|item| item.trim().eq_ignore_ascii_case("trailers")) {
            Self::Read
        } else {
            Self::Ignored
        }
    }
}

/// One priced request.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub options: Arc<PaywallOptions>,
    pub offer: Offer,
    pub challenge: Challenge,
    /// What is bought; the challenge names it too.
    pub purchase: PurchaseDigest,
    pub origin: String,
    /// What the offer is asked for: GET for a HEAD.
    pub method: Method,
    /// The request is a HEAD: it never buys.
    pub head: bool,
    pub range: String,
    pub trailers: Trailers,
    pub html: bool,
    pub cookie: bool,
    /// In which dialect the payment came.
    pub dialect: Dialect,
    /// The payer's own request body has failed, see [`crate::body::Digested`].
    pub request_failed: Arc<AtomicBool>,
}

impl Case {
    pub(crate) fn new(
        options: &Arc<PaywallOptions>,
        offer: Offer,
        parts: &Parts,
        origin: String,
        body: BodyDigest,
    ) -> Self {
        let is_head = parts.method == Method::HEAD;
        let method = if is_head { Method::GET } else { parts.method.clone() };
        let purchase = purchase(&method, parts, &origin, body);
        let path = parts.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        let challenge = challenge(options, &offer, format!("{origin}{path}"), Some(purchase));
        let text = |name| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let accepts_html = text(header::ACCEPT).is_some_and(|accept| accept.contains("text/html"));
        Self {
            options: Arc::clone(options),
            offer,
            challenge,
            purchase,
            origin,
            head: is_head,
            trailers: Trailers::of(&parts.headers),
            range: text(header::RANGE).unwrap_or_default().to_owned(),
            html: accepts_html && method == Method::GET,
            method,
            cookie: false,
            dialect: Dialect::X402V2,
            request_failed: Arc::default(),
        }
    }

    /// Path of the request, without its query.
    pub(crate) fn path(&self) -> &str {
        let url = self.challenge.resource.url.as_str();
        let path = url.strip_prefix(self.origin.as_str()).unwrap_or("/");
        path.split('?').next().unwrap_or("/")
    }

    /// Where the signed receipt of a payment is found.
    pub(crate) fn receipt_url(&self, payment: money::PaymentId) -> String {
        format!("{}/v1/receipts/{payment}", self.options.facts.url)
    }
}

/// The origin at which a request is bought.
pub(crate) fn origin(origin: &Origin, headers: &HeaderMap) -> String {
    match origin {
        Origin::Fixed(origin) => origin.clone(),
        Origin::Host => {
            let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
            format!("http://{}", host.unwrap_or("localhost"))
        }
    }
}

fn purchase(method: &Method, parts: &Parts, origin: &str, body: BodyDigest) -> PurchaseDigest {
    let query = parts.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    PurchaseHasher { method: method.as_str(), origin, path: parts.uri.path(), query: &query, body }
        .digest()
}

/// The challenge of an offer at `url`.
pub(crate) fn challenge(
    options: &PaywallOptions,
    offer: &Offer,
    url: String,
    purchase: Option<PurchaseDigest>,
) -> Challenge {
    Challenge {
        network: options.facts.node,
        amount: offer.price_max().unwrap_or(offer.price),
        pay_to: offer.payees.pay_to,
        purchase,
        max_timeout_seconds: offer.order_seconds,
        resource: Resource {
            url,
            description: Some(offer.description.clone()),
            mime_type: offer.mime_type.clone(),
            service_name: options.service_name.clone(),
        },
        identifier: offer.identifier,
        listed: offer.methods.first().filter(|_| offer.listed).cloned(),
        splits: offer.payees.split_text.clone(),
        metered: offer.metered(),
        channel: Some(offer.channel_offer()),
    }
}
