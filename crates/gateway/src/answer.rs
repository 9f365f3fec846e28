//! Answers that the gateway gives itself: challenges, refusals, problems, and the receipt that goes
//! with a delivery.
//!
//! Invariant: an answer that says `success` belongs to a payment that is durable; every refusal of a
//! presented payment names it.

use axum::body::Body;
use engine::{AuthorizeError, Coded, Outcome, PaymentState, PaymentView, Retry};
use http::header::{self, HeaderName, HeaderValue};
use http::{Method, Response, StatusCode};
use http402::Problem;
use http402::problem::CONTENT_TYPE;
use http402::problem::Retry as RetryRule;
use http402::x402::{self, SettleResponse, Settlement};
use money::{NodeId, PaymentId};

use crate::headers::IDEMPOTENT_REPLAYED;
use crate::offer::Offer;
use crate::page;
use crate::paywall::Case;

/// Why a presented payment was not taken.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub code: &'static str,
    pub detail: String,
    pub payment: Option<PaymentId>,
}

impl Refusal {
    pub(crate) fn new(
        code: &'static str,
        detail: impl Into<String>,
        payment: Option<PaymentId>,
    ) -> Self {
        Self { code, detail: detail.into(), payment }
    }
}

/// 402 in every dialect at once, or the page for a person.
pub(crate) fn challenge(case: &Case, refusal: Option<&Refusal>) -> Response<Body> {
    let error = refusal.map(|refusal| refusal.code);
    let required = x402::payment_required(&case.challenge, error);
    let Ok(header) = required.encode_header() else { return internal() };
    let Some(text) = challenge_problem(case, refusal) else { return internal() };
    let mut response = problem(&text);
    if case.html {
        let Some(html) = page::paywall(case, refusal) else { return internal() };
        response = response.map(|_| Body::from(html));
        let kind = HeaderValue::from_static("text/html; charset=utf-8");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
    }
    let headers = response.headers_mut();
    headers.insert(x402::PAYMENT_REQUIRED, header);
    headers.insert(header::VARY, HeaderValue::from_static("accept, payment-signature, cookie"));
    expose(&mut response);
    if case.html {
        page::secure(case, &mut response);
    }
    if let Some(refusal) = refusal {
        refuse(case, &mut response, refusal, false);
    }
    response
}

fn challenge_problem(case: &Case, refusal: Option<&Refusal>) -> Option<Problem> {
    let asked = || format!("{} costs {}", case.challenge.resource.url, case.offer.price);
    let (code, title, detail) = match refusal {
        None => ("payment_required", "Payment is required", asked()),
        Some(refusal) => (refusal.code, "The payment was not taken", refusal.detail.clone()),
    };
    let members = x402::v1_members(&case.challenge, code).ok()?;
    Some(Problem::new(402, code, title, detail).with_members(members))
}

/// Adds the failed settlement to an answer, and clears a cookie that would be sent again.
fn refuse(case: &Case, response: &mut Response<Body>, refusal: &Refusal, pending: bool) {
    let failure = SettleResponse::Failure(x402::Refusal {
        reason: if pending { "settlement_pending".to_owned() } else { refusal.code.to_owned() },
        message: Some(refusal.detail.clone()),
        payer: None,
        pending: refusal.payment.filter(|_| pending),
        network: case.options.facts.node,
    });
    put_settlement(case, response, &failure);
    if let Some(payment) = refusal.payment
        && let Ok(value) = HeaderValue::from_str(&payment.to_string())
    {
        response.headers_mut().insert(crate::headers::FARTHING_PAYMENT, value);
    }
    // A path with parameters would speak as attributes of the cookie.
    if case.cookie && !pending && !path(case).contains(';') {
        let cookie =
            format!("{}=; Path={}; Max-Age=0; SameSite=Strict", x402::COOKIE_NAME, path(case));
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
    }
}

fn path(case: &Case) -> &str {
    let url = case.challenge.resource.url.as_str();
    let path = url.strip_prefix(case.origin.as_str()).unwrap_or("/");
    path.split('?').next().unwrap_or("/")
}

fn put_settlement(case: &Case, response: &mut Response<Body>, settlement: &SettleResponse) {
    let name: HeaderName = if case.v1 { x402::X_PAYMENT_RESPONSE } else { x402::PAYMENT_RESPONSE };
    if let Ok(value) = x402::encode_settle_response(settlement) {
        response.headers_mut().insert(name, value);
    }
}

/// Lets pages of other origins read the payment headers if the upstream lets them read the answer.
fn expose(response: &mut Response<Body>) {
    const NAMES: &str = "payment-required, payment-response, x-payment-response";
    let value = HeaderValue::from_static(NAMES);
    response.headers_mut().append(header::ACCESS_CONTROL_EXPOSE_HEADERS, value);
}

/// The answer to a payment that the node refused.
pub(crate) fn refused(case: &Case, error: AuthorizeError, payment: PaymentId) -> Response<Body> {
    let refusal = Refusal::new(error.code(), error.to_string(), Some(payment));
    if error.http_status() == 402 {
        return challenge(case, Some(&refusal));
    }
    let mut response = problem(&problem_of("The payment was not taken", &error));
    // A node that cannot answer now may have taken the payment, or may take a copy of it.
    let pending = error.http_status() == 503;
    refuse(case, &mut response, &refusal, pending);
    response
}

/// A refusal of the node as a problem document; `title` names the operation.
pub fn problem_of(title: &'static str, error: &dyn Coded) -> Problem {
    let retry = match error.retry() {
        Retry::Never => RetryRule::Never,
        Retry::SameKey => RetryRule::SameKey,
        Retry::AfterSeconds(seconds) => RetryRule::AfterSeconds(seconds),
    };
    let problem = Problem::new(error.http_status(), error.code(), title, error.to_string());
    problem.with_retry(retry)
}

/// Says of an answer that was passed on uncharged that its payment took nothing.
pub(crate) fn not_delivered(v1: bool, view: (NodeId, PaymentId), response: &mut Response<Body>) {
    let (network, payment) = view;
    let failure = SettleResponse::Failure(x402::Refusal {
        reason: "not_delivered".to_owned(),
        message: Some("the resource was not delivered and nothing was charged".to_owned()),
        payer: None,
        pending: None,
        network,
    });
    let name = if v1 { x402::X_PAYMENT_RESPONSE } else { x402::PAYMENT_RESPONSE };
    if let Ok(value) = x402::encode_settle_response(&failure)
        && !response.headers().contains_key(&name)
    {
        response.headers_mut().insert(name, value);
        if let Ok(value) = HeaderValue::from_str(&payment.to_string()) {
            response.headers_mut().insert(crate::headers::FARTHING_PAYMENT, value);
        }
    }
}

/// A payment whose hold was released: nothing was charged, and the request must not run again.
pub(crate) fn released(case: &Case, view: &PaymentView) -> Response<Body> {
    let text = "the request of this payment was not delivered and nothing was charged; its answer \
                is not known any more. Sign a new order to try again";
    challenge(case, Some(&Refusal::new("payment_released", text, Some(view.payment))))
}

/// A payment whose answer broke off, so that only a part was charged.
pub(crate) fn paid_in_part(case: &Case, view: &PaymentView) -> Response<Body> {
    let text = format!(
        "the answer of this payment broke off and {} was charged for the part that arrived; sign a \
         new order to get it again",
        view.settled
    );
    challenge(case, Some(&Refusal::new("payment_in_part", text, Some(view.payment))))
}

/// A payment that is settled but whose answer is not kept.
pub(crate) fn not_kept(case: &Case, view: &PaymentView) -> Response<Body> {
    let title = "The answer is not kept";
    let text = "this payment was settled and the request executed once; its answer was too large to \
                keep or is no longer kept";
    let mut text = Problem::new(409, "outcome_not_kept", title, text);
    text.charged = true;
    let mut response = problem(&text);
    receipt(case, &mut response, view);
    response
}

/// A problem document. It goes along as an extension too, so that it can be given the request's id.
pub(crate) fn problem(problem: &Problem) -> Response<Body> {
    let Ok(json) = problem.to_json() else { return internal() };
    let mut response = Response::new(Body::from(json));
    response.extensions_mut().insert(problem.clone());
    *response.status_mut() =
        StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let RetryRule::AfterSeconds(seconds) = problem.retry {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// As many deliveries are under way as may be.
pub(crate) fn busy() -> Response<Body> {
    let title = "The gateway is busy";
    let text = "too many paid requests are under way; present the same payment again";
    let text = Problem::new(503, "gateway_busy", title, text);
    problem(&text.with_retry(RetryRule::AfterSeconds(1)))
}

/// The path is sold, but not with this method.
pub(crate) fn method_not_allowed(method: &Method, offers: &[&Offer]) -> Response<Body> {
    let title = "The method is not served";
    let text = format!("this path is sold, and {method} is neither priced nor free there");
    let mut response = problem(&Problem::new(405, "method_not_allowed", title, text));
    let known = offers.iter().flat_map(|offer| offer.methods.iter().chain(&offer.free_methods));
    let allowed: Vec<&str> = known.map(Method::as_str).chain(["OPTIONS"]).collect();
    if let Ok(allowed) = HeaderValue::from_str(&allowed.join(", ")) {
        response.headers_mut().insert(header::ALLOW, allowed);
    }
    response
}

/// The headers of an answer whose body is not for free.
pub(crate) fn without_body(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().remove(header::CONTENT_LENGTH);
    response.map(|_| Body::empty())
}

/// The program is at fault; the payment, if there is one, stays as it is.
pub(crate) fn internal() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}

/// Adds the receipt to a delivery and keeps it out of shared caches.
pub(crate) fn receipt(case: &Case, response: &mut Response<Body>, view: &PaymentView) {
    let held = view.state == PaymentState::Held;
    let settlement = SettleResponse::Success(Settlement {
        payer: view.payer,
        payment: view.payment,
        network: case.options.facts.node,
        amount: if held { view.authorized } else { view.settled },
        state: if held { x402::PaymentState::Held } else { x402::PaymentState::Settled },
        receipt: case.receipt_url(view.payment),
    });
    put_settlement(case, response, &settlement);
    keep_private(response);
    expose(response);
}

/// A paid answer belongs to one payer, whatever the upstream says about caching.
fn keep_private(response: &mut Response<Body>) {
    let headers = response.headers_mut();
    let no_store = headers
        .get_all(header::CACHE_CONTROL)
        .iter()
        .any(|value| value.to_str().is_ok_and(|value| value.contains("no-store")));
    let value = if no_store { "private, no-store" } else { "private" };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(value));
    headers.remove(header::EXPIRES);
    headers.remove("surrogate-control");
    headers.remove("cdn-cache-control");
}

/// The first answer again.
pub(crate) fn replayed(outcome: &Outcome) -> Response<Body> {
    let mut response = Response::new(Body::from(outcome.body.clone()));
    *response.status_mut() =
        StatusCode::from_u16(outcome.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in &outcome.headers {
        if let (Ok(name), Ok(value)) =
            (HeaderName::try_from(name.as_str()), HeaderValue::from_str(value))
        {
            response.headers_mut().append(name, value);
        }
    }
    mark_replayed(&mut response);
    response
}

pub(crate) fn mark_replayed(response: &mut Response<Body>) {
    response.headers_mut().insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
}
