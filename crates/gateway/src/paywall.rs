//! The paywall: the one path of a payment, from request to delivery.
//!
//! Order: path check, route, body digest, decode, terms, signature, then the node authorizes and
//! `deliver` carries out the delivery rules. A refusal before the node is asked costs no state.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use axum::body::Body;
use engine::{Authorize, Mode, Purchase, Terms};
use http::request::Parts;
use http::{HeaderMap, Method, Request, Response, header};
use http402::x402;
use http402::{Challenge, DecodeError, Presented, Problem, Resource};
use instrument::{PurchaseDigest, PurchaseHasher, SignedOrder, VerifiedOrder};
use money::AccountId;
use tokio::sync::Semaphore;

use crate::answer::{self, Refusal};
use crate::body;
use crate::deliver;
use crate::forward::UpstreamError;
use crate::headers;
use crate::idempotency;
use crate::node::{Node, NodeFacts};
use crate::offer::Offer;
use crate::page;
use crate::request_id;
use crate::routes::Routes;

/// How payers see this gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A fixed `scheme://host[:port]`.
    Fixed(String),
    /// `http://` and the request's `Host`: for tests and local use.
    Host,
}

/// What a paywall is made of.
#[derive(Debug, Clone)]
pub struct PaywallOptions {
    /// Takes the payments.
    pub node: Node,
    /// Who that is.
    pub facts: NodeFacts,
    /// How payers see this gateway.
    pub origin: Origin,
    /// What has a price.
    pub routes: Routes,
    /// Name of the service for payers' software: printable ASCII, 32 characters at most.
    pub service_name: Option<String>,
}

/// Prices requests and takes payment; see the module.
#[derive(Debug, Clone)]
pub struct Paywall {
    pub(crate) options: Arc<PaywallOptions>,
    /// Places for deliveries: one goes on when its payer hangs up, so connections do not bound them.
    deliveries: Arc<Semaphore>,
}

/// Paid requests that may be under way at once.
pub(crate) const DELIVERIES_COUNT_MAX: usize = 1024;

/// One priced request.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub options: Arc<PaywallOptions>,
    pub offer: Offer,
    pub challenge: Challenge,
    pub origin: String,
    pub method: Method,
    pub range: String,
    pub html: bool,
    pub cookie: bool,
    pub v1: bool,
    /// The payer's own request body has failed, see [`body::Digested`].
    pub request_failed: Arc<AtomicBool>,
    /// Known once an order is admitted; the payee stands in for it until then.
    pub payer: AccountId,
}

impl Paywall {
    /// A paywall.
    pub fn new(options: PaywallOptions) -> Self {
        let deliveries = Arc::new(Semaphore::new(DELIVERIES_COUNT_MAX));
        Self { options: Arc::new(options), deliveries }
    }

    /// What has a price here.
    pub fn routes(&self) -> &Routes {
        &self.options.routes
    }

    /// The challenge of an offer for catalogues: for its pattern, bound to no purchase.
    pub fn listing(&self, offer: &Offer, origin: &str) -> Challenge {
        let url = format!("{origin}{}", offer.path.as_str());
        challenge(&self.options, offer, url, None)
    }

    /// Answers a request, with `inner` as the service behind.
    pub async fn handle<S>(&self, request: Request<Body>, inner: S) -> Response<Body>
    where
        S: tower::Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
        S::Error: Into<UpstreamError> + Send,
        S::Future: Send,
    {
        request_id::name(self.answer(request, inner).await)
    }

    async fn answer<S>(&self, request: Request<Body>, inner: S) -> Response<Body>
    where
        S: tower::Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
        S::Error: Into<UpstreamError> + Send,
        S::Future: Send,
    {
        let (mut parts, body) = request.into_parts();
        if let Some(answer) = page::asset_answer(&parts) {
            return answer;
        }
        if parts.method == Method::CONNECT {
            let title = "The method is not served";
            let text = "this is not a proxy for other hosts";
            return answer::problem(&Problem::new(405, "method_not_allowed", title, text));
        }
        let offer = match self.options.routes.find(&parts.method, parts.uri.path()) {
            Ok(Some(offer)) => offer.clone(),
            Ok(None) => return self.unpriced(Request::from_parts(parts, body), inner).await,
            Err(error) => {
                let title = "The path cannot be routed";
                let problem = Problem::new(400, "ambiguous_path", title, error.to_string());
                return answer::problem(&problem.with_param("path"));
            }
        };
        let origin = origin(&self.options.origin, &parts.headers);
        if parts.method == Method::HEAD {
            // HEAD asks for the price: it shows the challenge of GET and is never charged.
            parts.method = Method::GET;
            let digest = purchase(&parts, &origin, instrument::empty_body_digest());
            let case = Case::new(&self.options, offer, &parts, origin, digest);
            return answer::challenge(&case, None).map(|_| Body::empty());
        }
        let digested = match body::digest(&parts.headers, body).await {
            Ok(digested) => digested,
            Err(error) => {
                let title = "The request body cannot be priced";
                let status = error.http_status();
                let problem = Problem::new(status, error.code(), title, error.to_string());
                return answer::problem(&problem.with_param("body"));
            }
        };
        let digest = purchase(&parts, &origin, digested.digest);
        let case = Case::new(&self.options, offer, &parts, origin, digest);
        let (mut case, command) = match admit(case, &parts.headers, digest) {
            Ok(admitted) => admitted,
            Err(refused) => return *refused,
        };
        headers::to_upstream(&mut parts.headers);
        case.request_failed = digested.failed;
        let request = Request::from_parts(parts, digested.body);
        // A payer that hangs up must not leave a payment half-way: the task goes on without it.
        let Ok(permit) = Arc::clone(&self.deliveries).try_acquire_owned() else {
            return answer::busy();
        };
        let delivery = Box::pin(deliver::deliver(case, command, request, inner));
        let delivery = tokio::spawn(async move {
            let response = delivery.await;
            drop(permit);
            response
        });
        delivery.await.unwrap_or_else(|_| answer::internal())
    }
}

impl Paywall {
    /// A request that no offer prices. At a path that is sold with another method only what the offer
    /// calls free passes, and of OPTIONS, which browsers need, the headers.
    async fn unpriced<S>(&self, request: Request<Body>, inner: S) -> Response<Body>
    where
        S: tower::Service<Request<Body>, Response = Response<Body>>,
        S::Error: Into<UpstreamError>,
    {
        let (mut parts, body) = request.into_parts();
        let offers = self.options.routes.at(parts.uri.path());
        let is_options = parts.method == Method::OPTIONS;
        let is_free = offers.iter().all(|offer| offer.free_methods.contains(&parts.method));
        if !is_free && !is_options {
            return answer::method_not_allowed(&parts.method, &offers);
        }
        let headers_only = is_options && !offers.is_empty();
        headers::to_upstream(&mut parts.headers);
        let response = deliver::pass_through(Request::from_parts(parts, body), inner).await;
        if headers_only { answer::without_body(response) } else { response }
    }
}

/// Reads and checks what is presented, as far as that needs no node.
fn admit(
    mut case: Case,
    headers: &HeaderMap,
    digest: PurchaseDigest,
) -> Result<(Case, Authorize), Box<Response<Body>>> {
    let presented = match http402::decode_payment(headers) {
        Ok(Some(presented)) => presented,
        Ok(None) => return Err(Box::new(answer::challenge(&case, None))),
        Err(error) => return Err(Box::new(malformed(&mut case, headers, &error))),
    };
    case.cookie = presented.carrier == http402::Carrier::Cookie;
    // No dialect reads anything else yet.
    let Some(signed) = presented.instrument.order() else {
        return Err(Box::new(answer::internal()));
    };
    if case.cookie && signed.unverified().purchase != Some(digest) {
        // Browsers send a page's cookie to the pages below it: that is no attempt to pay here.
        return Err(Box::new(answer::challenge(&case, None)));
    }
    case.v1 = presented.dialect == http402::Dialect::X402V1;
    let order = match check(&case, &presented, signed) {
        Ok(order) => order,
        Err(refusal) => return Err(Box::new(answer::challenge(&case, Some(&refusal)))),
    };
    case.payer = order.get().payer;
    if let Err(error) = x402::extensions::check_identifier(&case.challenge, &presented) {
        return Err(Box::new(answer::problem(&Problem::from(&error))));
    }
    let idempotency = idempotency::name(&case, headers, &presented, digest)
        .map_err(|error| Box::new(answer::problem(&Problem::from(error))))?;
    let safe = case.method == Method::GET;
    let command = Authorize {
        order,
        purchase: Purchase {
            digest: Some(digest),
            origin: Some(case.origin.clone()),
            description: case.offer.description.clone(),
        },
        terms: Terms {
            pay_to: case.offer.payees.pay_to,
            amount: case.offer.price,
            split: case.offer.payees.split.clone(),
            access_seconds: case.offer.access_seconds,
        },
        idempotency,
        mode: if safe { Mode::Claim } else { Mode::Hold { seconds: case.offer.hold_seconds } },
    };
    Ok((case, command))
}

fn malformed(case: &mut Case, headers: &HeaderMap, error: &DecodeError) -> Response<Body> {
    // A page that sent a broken cookie would send it again: clear it.
    case.cookie = headers
        .get_all(header::COOKIE)
        .iter()
        .any(|line| line.to_str().is_ok_and(|line| line.contains(x402::COOKIE_NAME)));
    if case.cookie && case.html {
        let refusal = Refusal::new(error.code(), error.to_string(), None);
        return answer::challenge(case, Some(&refusal));
    }
    answer::problem(&Problem::from(error))
}

/// Terms first, because they cost nothing, then the signature.
fn check(
    case: &Case,
    presented: &Presented,
    signed: &SignedOrder,
) -> Result<VerifiedOrder, Refusal> {
    let refuse =
        |code, detail: String| Refusal::new(code, detail, Some(signed.unverified().payment_id()));
    if presented.network != case.options.facts.node {
        let text = "the payment names another network than the offer";
        return Err(refuse("invalid_network", text.to_owned()));
    }
    if let Some(accepted) = &presented.accepted {
        x402::check_echo(accepted, &case.challenge)
            .map_err(|error| refuse(error.code(), error.to_string()))?;
    }
    signed.verify().map_err(|error| refuse("invalid_signature", error.to_string()))
}

fn origin(origin: &Origin, headers: &HeaderMap) -> String {
    match origin {
        Origin::Fixed(origin) => origin.clone(),
        Origin::Host => {
            let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
            format!("http://{}", host.unwrap_or("localhost"))
        }
    }
}

fn purchase(parts: &Parts, origin: &str, body: instrument::BodyDigest) -> PurchaseDigest {
    let query = parts.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    PurchaseHasher {
        method: parts.method.as_str(),
        origin,
        path: parts.uri.path(),
        query: &query,
        body,
    }
    .digest()
}

fn challenge(
    options: &PaywallOptions,
    offer: &Offer,
    url: String,
    purchase: Option<PurchaseDigest>,
) -> Challenge {
    Challenge {
        network: options.facts.node,
        amount: offer.price,
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
        metered: None,
        channel: None,
    }
}

impl Case {
    fn new(
        options: &Arc<PaywallOptions>,
        offer: Offer,
        parts: &Parts,
        origin: String,
        digest: PurchaseDigest,
    ) -> Self {
        let path = parts.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        let challenge = challenge(options, &offer, format!("{origin}{path}"), Some(digest));
        let text = |name| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let accepts_html = text(header::ACCEPT).is_some_and(|accept| accept.contains("text/html"));
        let payer = offer.payees.pay_to;
        Self {
            options: Arc::clone(options),
            offer,
            challenge,
            origin,
            method: parts.method.clone(),
            range: text(header::RANGE).unwrap_or_default().to_owned(),
            html: accepts_html && parts.method == Method::GET,
            cookie: false,
            v1: false,
            request_failed: Arc::default(),
            payer,
        }
    }

    /// Where the signed receipt of a payment is found.
    pub(crate) fn receipt_url(&self, payment: money::PaymentId) -> String {
        format!("{}/v1/receipts/{payment}", self.options.facts.url)
    }
}
