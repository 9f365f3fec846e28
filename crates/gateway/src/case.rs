//! One priced request, and the challenge that words its price.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use engine::{ChannelView, Tags};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, header};
use http402::mpp::{self, AcceptPayment, ChallengeContext};
use http402::{Challenge, Dialect, Resource};
use instrument::{BodyDigest, PublicKey, PurchaseDigest, PurchaseHasher};
use money::ChannelId;

use crate::code::{Applied, CodeRefusal};
use crate::offer::Offer;
use crate::pass::Pass;
use crate::paywall::{Origin, PaywallOptions};
use crate::proof::ProofWish;
use crate::session;
use crate::sponsor::Sponsored;
use crate::tags;
use crate::tools::InMessage;

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
    /// The request itself, which is something else than what is bought if that is a pass.
    pub asked_for: PurchaseDigest,
    /// The pass that is bought or used.
    pub pass: Option<Pass>,
    /// Digest of the request's body, if it has one.
    pub body: Option<BodyDigest>,
    pub origin: String,
    /// What the offer is asked for: GET for a HEAD.
    pub method: Method,
    /// The method as it was sent.
    pub asked: Method,
    pub range: String,
    pub trailers: Trailers,
    pub html: bool,
    pub cookie: bool,
    /// Which methods and intents of MPP the payer takes.
    pub accept: AcceptPayment,
    /// `Authorization` is in use for something else than a payment.
    pub authorization_taken: bool,
    /// Id of the challenge that a payment in MPP answers.
    pub challenge_id: Option<String>,
    /// The channel that the request names in `Payment-Session`.
    pub session: Option<ChannelId>,
    /// The same as the node has it, if the request pays nothing and could be paid from it.
    pub recalled: Option<Box<ChannelView>>,
    /// In which dialect the payment came.
    pub dialect: Dialect,
    /// Key of the crawler whose signed request pays.
    pub crawler: Option<PublicKey>,
    /// Whether the answer is to carry the payment's proof.
    pub proof: ProofWish,
    /// What the payment is counted by.
    pub tags: Tags,
    /// The discount code that sets the price.
    pub code: Option<Applied>,
    /// Why the code that was named does not.
    pub code_refused: Option<CodeRefusal>,
    /// Who pays instead of the visitor.
    pub sponsored: Option<Sponsored>,
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
        let tags = tags::of(&parts.headers, &offer, options.country_header.as_ref());
        Self {
            options: Arc::clone(options),
            offer,
            challenge,
            purchase,
            asked_for: purchase,
            pass: None,
            body: Some(body).filter(|body| *body != instrument::empty_body_digest()),
            origin,
            asked: parts.method.clone(),
            trailers: Trailers::of(&parts.headers),
            range: text(header::RANGE).unwrap_or_default().to_owned(),
            html: accepts_html && method == Method::GET,
            method,
            cookie: false,
            crawler: None,
            accept: AcceptPayment::from_headers(&parts.headers),
            authorization_taken: authorization_taken(parts),
            challenge_id: None,
            session: session::named(&parts.headers),
            recalled: None,
            dialect: Dialect::X402V2,
            proof: ProofWish::of(&parts.headers),
            tags,
            code: None,
            code_refused: None,
            sponsored: None,
            request_failed: Arc::default(),
        }
    }

    /// As it is, for a pass of its offer: what is bought is the pass, and by an order alone.
    pub(crate) fn with_pass(mut self, pass: Option<Pass>) -> Self {
        if let Some(pass) = pass {
            self.purchase = pass.purchase(&self.origin, self.offer.id);
            self.challenge.purchase = Some(self.purchase);
            self.challenge.channel = None;
            self.pass = Some(pass);
        }
        self
    }

    /// Whether it is a HEAD, which never buys.
    pub(crate) fn is_head(&self) -> bool {
        self.asked == Method::HEAD
    }

    /// Path of the request, without its query.
    pub(crate) fn path(&self) -> &str {
        let url = self.challenge.resource.url.as_str();
        let path = url.strip_prefix(self.origin.as_str()).unwrap_or("/");
        path.split('?').next().unwrap_or("/")
    }

    /// What the challenges of MPP depend on besides the offer.
    pub(crate) fn mpp_context(&self) -> ChallengeContext<'_> {
        let order_ms = u64::from(self.offer.order_seconds) * 1000;
        ChallengeContext {
            realm: realm(&self.origin),
            secret: &self.options.challenge_secret,
            expires_at_ms: self.options.node.now_ms().saturating_add(order_ms),
            method: &self.asked,
            body_digest: self.body,
            accept: &self.accept,
            authorization_taken: self.authorization_taken,
        }
    }

    /// Where the signed receipt of a payment is found.
    pub(crate) fn receipt_url(&self, payment: money::PaymentId) -> String {
        format!("{}/v1/receipts/{payment}", self.options.facts.url)
    }
}

/// Host of an origin, without scheme and port.
fn realm(origin: &str) -> &str {
    let host = origin.split_once("://").map_or(origin, |(_, host)| host);
    let end = host.find(']').map_or_else(|| host.find(':'), |end| Some(end + 1));
    end.map_or(host, |end| &host[..end])
}

fn authorization_taken(parts: &Parts) -> bool {
    if parts.extensions.get::<InMessage>().is_some() {
        return false;
    }
    let is_payment = |line: &HeaderValue| {
        let scheme = line.as_bytes().get(..mpp::SCHEME.len() + 1).unwrap_or_default();
        scheme.eq_ignore_ascii_case(b"payment ")
    };
    parts.headers.get_all(header::AUTHORIZATION).iter().any(|line| !is_payment(line))
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
        passes: offer.passes.iter().map(Pass::offered).collect(),
    }
}
