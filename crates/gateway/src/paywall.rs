//! The paywall: the one path of a payment, from request to delivery.
//!
//! Order: path check, route, body digest, admission, then the node begins the payment and `deliver`
//! carries out the delivery rules. A refusal before the node is asked costs no state.

use std::sync::Arc;

use admission::{Admission, Rates};
use axum::body::Body;
use http::request::Parts;
use http::{HeaderName, Method, Request, Response};
use http402::mpp::ChallengeSecret;
use http402::{Challenge, Problem, openapi};
use instrument::BodyDigest;
use serde_json::{Map, Value};
use tokio::sync::Semaphore;

use crate::admit::{Admitted, admit};
use crate::answer;
use crate::body::{self, BodyError};
use crate::case::{self, Case};
use crate::change;
use crate::code;
use crate::crawl::Crawlers;
use crate::deliver::{self, Source};
use crate::document;
use crate::forward::UpstreamError;
use crate::free::{self, Courtesies};
use crate::headers;
use crate::node::{Node, NodeFacts};
use crate::offer::Offer;
use crate::outcome;
use crate::page;
use crate::price::{self, Priced};
use crate::request_id;
use crate::routes::Routes;
use crate::session;
use crate::shelf::Shelf;
use crate::sponsor::{self, SiteKey};
use crate::tools::{self, ToolService};
use crate::visitor::Gate;

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
    pub shelf: Shelf,
    /// Name of the service for payers' software: printable ASCII, 32 characters at most.
    pub service_name: Option<String>,
    /// Crawlers that may pay with a signed request.
    pub crawlers: Crawlers,
    /// Binds challenges to their terms; the same at every gateway of the node.
    pub challenge_secret: ChallengeSecret,
    /// Signs what sponsors pay; the same at every gateway of the node.
    pub site_key: SiteKey,
    /// Header in which the operator's proxy says from which country a request comes; the proxy must
    /// drop what payers send under this name.
    pub country_header: Option<HeaderName>,
}

/// Prices requests and takes payment; see the module.
#[derive(Debug, Clone)]
pub struct Paywall {
    pub(crate) options: Arc<PaywallOptions>,
    /// Places for deliveries: one goes on when its payer hangs up, so connections do not bound them.
    deliveries: Arc<Semaphore>,
    /// Free uses by address.
    courtesies: Arc<Courtesies>,
    gate: Arc<Gate>,
}

/// Paid requests that may be under way at once.
pub(crate) const DELIVERIES_COUNT_MAX: usize = 1024;

impl Paywall {
    /// A paywall.
    pub fn new(options: PaywallOptions) -> Self {
        let deliveries = Arc::new(Semaphore::new(DELIVERIES_COUNT_MAX));
        let gate = Arc::new(Gate::new(Admission { rates: Rates::UNLIMITED, proxies: Vec::new() }));
        Self { options: Arc::new(options), deliveries, courtesies: Arc::default(), gate }
    }

    /// With limits on who asks. Addresses are counted if the server puts a
    /// [`Peer`](admission::Peer) beside each request.
    #[must_use]
    pub fn guarded(self, admission: Admission) -> Self {
        Self { gate: Arc::new(Gate::new(admission)), ..self }
    }

    /// Where offers come and go.
    pub fn shelf(&self) -> &Shelf {
        &self.options.shelf
    }

    /// What has a price here.
    pub fn routes(&self) -> Arc<Routes> {
        self.options.shelf.routes()
    }

    /// Name of the service for people.
    pub(crate) fn service_name(&self) -> Option<&str> {
        self.options.service_name.as_deref()
    }

    /// The challenge of an offer for catalogues: for its pattern, bound to no purchase.
    pub fn listing(&self, offer: &Offer, origin: &str) -> Challenge {
        let url = format!("{origin}{}", offer.path.as_str());
        case::challenge(&self.options, offer, url, None)
    }

    /// What the tools of the MCP server cost that a request asks, by their names.
    fn tool_prices(&self, request: &Request<Body>) -> Map<String, Value> {
        let origin = case::origin(&self.options.origin, request.headers());
        let routes = self.routes();
        let mut prices = Map::new();
        for (tool, offer) in routes.tools_at(request.uri().path()) {
            let price = || openapi::payment_info(&self.listing(offer, &origin), &offer.description);
            prices.entry(tool.name.as_str()).or_insert_with(price);
        }
        prices
    }

    /// Answers a request, with `inner` as the service behind.
    pub async fn handle<S>(&self, mut request: Request<Body>, inner: S) -> Response<Body>
    where
        S: tower::Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
        S::Error: Into<UpstreamError> + Send,
        S::Future: Send,
    {
        if let Some(refused) = self.gate.enter(&mut request, self.scheme()) {
            return request_id::name(refused);
        }
        let answered = match tools::read(&self.routes(), request).await {
            tools::Read::Other(request) => self.answer(request, inner).await,
            tools::Read::Listing(request, listing) => {
                let prices = self.tool_prices(&request);
                tools::add_listing(listing, prices, self.answer(request, inner).await)
            }
            tools::Read::Call(request, call) => {
                let (id, wording) = (call.id.clone(), call.wording);
                let answered = self.answer(request, ToolService::new(inner, call)).await;
                tools::answer(&id, wording, answered).await
            }
            tools::Read::Refused(response) => response,
        };
        request_id::name(answered)
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
        if let Some(answer) = self.change(&parts).await {
            return answer;
        }
        let Priced { offer, pass } = match self.priced(&parts) {
            Ok(Some(priced)) => priced,
            Ok(None) => return self.unpriced(Request::from_parts(parts, body), inner).await,
            Err(problem) => return answer::problem(&problem),
        };
        if offer.price.units() == 0 && offer.meter.is_none() {
            // The payer chose to give nothing, and may.
            headers::to_upstream(&mut parts.headers);
            return deliver::pass_through(Request::from_parts(parts, body), inner).await;
        }
        let origin = case::origin(&self.options.origin, &parts.headers);
        if parts.method == Method::HEAD {
            return self.head(&parts, Priced { offer, pass }, origin).await;
        }
        let digested = match body::digest(&parts.headers, body).await {
            Ok(digested) => digested,
            Err(error) => return unpriceable(error),
        };
        let priced = Priced { offer, pass };
        let mut case = self.case(&parts, priced, origin, digested.digest);
        session::recall(&mut case, &parts.headers).await;
        if let Some(left) = free::count(&case, &self.courtesies, &parts).await {
            headers::to_upstream(&mut parts.headers);
            let request = Request::from_parts(parts, digested.body);
            return free::mark(deliver::pass_through(request, inner).await, left);
        }
        let source = match sponsor::source(&mut case, &self.courtesies, &parts).await {
            Some(source) => source,
            None => match admit(&mut case, &parts.headers) {
                Ok(Admitted::Delivery(source)) => source,
                Ok(Admitted::Change(change)) => return change::carry_out(&case, *change).await,
                Err(answered) => return *answered,
            },
        };
        let signer = source.signer().filter(|_| case.sponsored.is_none());
        if let Some(refused) = signer.and_then(|signer| self.gate.pay(&signer)) {
            return refused;
        }
        headers::to_upstream(&mut parts.headers);
        case.request_failed = digested.failed;
        self.deliver(case, source, Request::from_parts(parts, digested.body), inner).await
    }

    /// Delivers what an admitted payment is for.
    async fn deliver<S>(
        &self,
        case: Case,
        source: Source,
        request: Request<Body>,
        inner: S,
    ) -> Response<Body>
    where
        S: tower::Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
        S::Error: Into<UpstreamError> + Send,
        S::Future: Send,
    {
        // A payer that hangs up must not leave a payment half-way: the task goes on without it.
        let Ok(permit) = Arc::clone(&self.deliveries).try_acquire_owned() else {
            return answer::busy();
        };
        let (sponsored, courtesies) = (case.sponsored.clone(), Arc::clone(&self.courtesies));
        let delivery = Box::pin(deliver::deliver(case, source, request, inner));
        let delivery = tokio::spawn(async move {
            let response = delivery.await;
            if let Some(sponsored) = sponsored {
                sponsor::give_back(&courtesies, &sponsored, &response);
            }
            drop(permit);
            response
        });
        outcome::presented(delivery.await.unwrap_or_else(|_| answer::internal()))
    }
}

impl Paywall {
    /// How payers reach this site.
    fn scheme(&self) -> &'static str {
        match &self.options.origin {
            Origin::Fixed(origin) if origin.starts_with("https:") => "https",
            _ => "http",
        }
    }

    /// The offer that covers a request, at its price; `None` if it needs no payment.
    fn priced(&self, parts: &Parts) -> Result<Option<Priced>, Box<Problem>> {
        let routes = self.routes();
        match routes.find(&parts.method, parts.uri.path()) {
            Ok(Some(offer)) => price::of_request(&self.options, offer, parts).map(Some),
            Ok(None) => Ok(None),
            Err(error) => {
                let title = "The path cannot be routed";
                let problem = Problem::new(400, "ambiguous_path", title, error.to_string());
                Err(Box::new(problem.with_param("path")))
            }
        }
    }

    /// A priced request, at the price of its pass or discount code if it names one.
    fn case(&self, parts: &Parts, priced: Priced, origin: String, body: BodyDigest) -> Case {
        let case = Case::new(&self.options, priced.offer, parts, origin, body);
        let mut case = case.with_pass(priced.pass);
        code::apply(&mut case, parts);
        case
    }

    /// HEAD asks for the price, as GET without payment; it is never charged.
    async fn head(&self, parts: &Parts, priced: Priced, origin: String) -> Response<Body> {
        let empty = instrument::empty_body_digest();
        let mut case = self.case(parts, priced, origin, empty);
        session::recall(&mut case, &parts.headers).await;
        let answer = match admit(&mut case, &parts.headers) {
            Ok(_) => answer::internal(),
            Err(answered) => *answered,
        };
        answer.map(|_| Body::empty())
    }

    /// HEAD with something of a channel changes it, at the terms of any offer of the path: the
    /// request that is being served may be another than GET. `None` for all other requests.
    async fn change(&self, parts: &Parts) -> Option<Response<Body>> {
        if parts.method != Method::HEAD {
            return None;
        }
        let presented = http402::decode_payment(&parts.headers).ok()??;
        let routes = self.routes();
        let offers = routes.at(parts.uri.path());
        let (first, others) = offers.split_first()?;
        if presented.instrument.order().is_some() {
            return None;
        }
        let empty = instrument::empty_body_digest();
        let origin = case::origin(&self.options.origin, &parts.headers);
        let case =
            |offer: &Offer| Case::new(&self.options, offer.clone(), parts, origin.clone(), empty);
        let mut asked = case(first);
        let mut admitted = admit(&mut asked, &parts.headers);
        for offer in others {
            if admitted.is_ok() {
                break;
            }
            let mut other = case(offer);
            if let Ok(change) = admit(&mut other, &parts.headers) {
                (asked, admitted) = (other, Ok(change));
            }
        }
        let answer = match admitted {
            Ok(Admitted::Change(change)) => change::carry_out(&asked, *change).await,
            Ok(Admitted::Delivery(_)) => answer::internal(),
            Err(answered) => *answered,
        };
        Some(answer.map(|_| Body::empty()))
    }

    /// A request that no offer prices. At a path that is sold with another method only what the offer
    /// calls free passes, and of OPTIONS, which browsers need, the headers.
    async fn unpriced<S>(&self, request: Request<Body>, inner: S) -> Response<Body>
    where
        S: tower::Service<Request<Body>, Response = Response<Body>>,
        S::Error: Into<UpstreamError>,
    {
        let (mut parts, body) = request.into_parts();
        let routes = self.routes();
        let offers = routes.at(parts.uri.path());
        let is_options = parts.method == Method::OPTIONS;
        let is_free = offers.iter().all(|offer| offer.free_methods.contains(&parts.method));
        if !is_free && !is_options {
            return answer::method_not_allowed(&parts.method, &offers);
        }
        let headers_only = is_options && !offers.is_empty();
        let document = document::asked_for(&parts).map(|asked| {
            let origin = case::origin(&self.options.origin, &parts.headers);
            (asked, origin, parts.method == Method::HEAD)
        });
        headers::to_upstream(&mut parts.headers);
        let response = deliver::pass_through(Request::from_parts(parts, body), inner).await;
        if let Some((asked, origin, head)) = document {
            return document::or_document(self, asked, &origin, head, response);
        }
        if headers_only { answer::without_body(response) } else { response }
    }
}

fn unpriceable(error: BodyError) -> Response<Body> {
    let title = "The request body cannot be priced";
    let problem = Problem::new(error.http_status(), error.code(), title, error.to_string());
    answer::problem(&problem.with_param("body"))
}
