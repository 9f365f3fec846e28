//! Answers that the gateway gives itself: challenges, refusals, problems, and the receipt that goes
//! with a delivery.
//!
//! Invariants: an answer that says `success` belongs to a payment that is durable; a challenge is
//! one price in every dialect at once.

mod receipt;
mod refusal;

use axum::body::Body;
use engine::{Coded, Retry};
use http::header::{self, HeaderValue};
use http::{Response, StatusCode};
use http402::mpp;
use http402::problem::CONTENT_TYPE;
use http402::problem::Retry as RetryRule;
use http402::x402::{self, SettleResponse};
use http402::{Challenge, Dialect, Problem};

pub(crate) use receipt::{keep_private, mark_replayed, mpp_receipt, receipt, replayed};
pub(crate) use refusal::{
    Refusal, busy, method_not_allowed, not_delivered, not_kept, paid_in_part, refused, released,
};

use crate::case::Case;
use crate::code::CodeRefusal;
use crate::crawl;
use crate::page;
use crate::session;

/// 402 in every dialect at once, or the page for a person. A refusal may have another status.
pub(crate) fn challenge(case: &Case, refusal: Option<&Refusal>) -> Response<Body> {
    if let (Some(_), Some(refusal)) = (case.crawler, refusal) {
        return crawl::refused(case, refusal);
    }
    if let Some(unpaid) = case.without_sponsor() {
        return challenge(&unpaid, None);
    }
    if let Some(usual) = refusal.and_then(|refusal| case.without_code(refusal)) {
        return challenge(&usual, refusal);
    }
    let with_state = refusal.and_then(|refusal| with_state(case, refusal));
    let terms = with_state.as_ref().unwrap_or(&case.challenge);
    let code_refused = case.code_refused.map(CodeRefusal::code);
    let why = refusal.map(|refusal| refusal.code).or(code_refused);
    let required = x402::payment_required(terms, why);
    let Ok(header) = required.encode_header() else { return internal() };
    let Ok(lines) = mpp::challenges(terms, &case.mpp_context()) else { return internal() };
    let Some(text) = challenge_problem(case, refusal, &lines) else { return internal() };
    let mut response = problem(&text);
    if case.html {
        let Some(html) = page::paywall(case, refusal) else { return internal() };
        response = response.map(|_| Body::from(html));
        let kind = HeaderValue::from_static("text/html; charset=utf-8");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
    }
    let headers = response.headers_mut();
    headers.insert(x402::PAYMENT_REQUIRED, header);
    headers.insert(header::VARY, HeaderValue::from_static(VARY));
    for line in lines {
        headers.append(header::WWW_AUTHENTICATE, line);
    }
    if let Some(view) = &case.recalled {
        session::tell(case, &mut response, view);
    }
    expose(&mut response);
    if case.html {
        page::secure(case, &mut response);
    }
    crawl::price(case, &mut response);
    if let Some(refusal) = refusal {
        refusal::add(case, &mut response, refusal, None);
    }
    response
}

/// The challenge with where the payer's channel stands.
fn with_state(case: &Case, refusal: &Refusal) -> Option<Challenge> {
    let state = refusal.channel.as_deref()?;
    let mut challenge = case.challenge.clone();
    challenge.channel.as_mut()?.state = Some(state.clone());
    Some(challenge)
}

/// What a challenge depends on, for caches.
const VARY: &str = "accept, accept-payment, authorization, payment-signature, cookie, farthing-amount, \
                    farthing-code";

fn challenge_problem(
    case: &Case,
    refusal: Option<&Refusal>,
    lines: &[HeaderValue],
) -> Option<Problem> {
    let asked = || format!("{} costs {}", case.challenge.resource.url, case.offer.price);
    let (status, code, title, detail) = match (refusal, case.code_refused) {
        (None, None) => (402, "payment_required", "Payment is required", asked()),
        (None, Some(why)) => {
            (402, why.code(), "The code does not count", format!("{why}; {}", asked()))
        }
        (Some(refusal), _) => {
            let title = "The payment was not taken";
            (status(case, refusal), refusal.code, title, refusal.detail.clone())
        }
    };
    let members = x402::v1_members(&case.challenge, code).ok()?;
    let challenge_id = case.challenge_id.as_deref().or_else(|| lines.first().and_then(id_of));
    let lacking = refusal.and_then(|refusal| lacking(case, refusal));
    let problem = Problem::new(status, code, title, detail)
        .with_members(members)
        .with_members(x402::pass_members(&case.challenge).into_iter().collect())
        .with_members(mpp::problem_members(challenge_id, lacking));
    if case.dialect == Dialect::Mpp {
        return Some(problem.with_type(mpp::problem_type(code)));
    }
    Some(problem)
}

/// The id in a line of `WWW-Authenticate`, which it opens with.
fn id_of(line: &HeaderValue) -> Option<&str> {
    let (_, rest) = line.to_str().ok()?.split_once("id=\"")?;
    rest.split('"').next()
}

/// By how much the deposit falls short of this request, if that is what is wrong.
fn lacking(case: &Case, refusal: &Refusal) -> Option<u128> {
    let channel = refusal.channel.as_deref()?;
    let needed = channel.spent.checked_add(case.offer.start().units())?;
    needed.checked_sub(channel.deposit).filter(|units| *units > 0)
}

/// Whatever another payment mends is 402 to programs of x402, which read the new challenge then. MPP
/// tells by 410 that a channel is gone.
fn status(case: &Case, refusal: &Refusal) -> u16 {
    let is_gone = matches!(refusal.status, 404 | 410);
    match (refusal.payable, case.dialect) {
        (true, Dialect::Mpp) if is_gone => 410,
        (true, _) => 402,
        (false, _) => refusal.status,
    }
}

/// Puts the settlement of x402 where its version has it; MPP has receipts only.
fn put_settlement(case: &Case, response: &mut Response<Body>, settlement: &SettleResponse) {
    if case.dialect == Dialect::Mpp {
        return;
    }
    if let Ok(value) = x402::encode_settle_response(settlement) {
        response.headers_mut().insert(case.dialect.response_header(), value);
    }
}

/// Lets pages of other origins read the payment headers if the upstream lets them read the answer.
fn expose(response: &mut Response<Body>) {
    const NAMES: &str = "payment-required, payment-response, x-payment-response, payment-receipt, \
                         payment-proof, payment-session, payment-session-snapshot, www-authenticate";
    let value = HeaderValue::from_static(NAMES);
    response.headers_mut().append(header::ACCESS_CONTROL_EXPOSE_HEADERS, value);
}

fn retry_of(error: &dyn Coded) -> RetryRule {
    match error.retry() {
        Retry::Never => RetryRule::Never,
        Retry::SameKey => RetryRule::SameKey,
        Retry::AfterSeconds(seconds) => RetryRule::AfterSeconds(seconds),
    }
}

/// A refusal of the node as a problem document; `title` names the operation.
pub fn problem_of(title: &'static str, error: &dyn Coded) -> Problem {
    let problem = Problem::new(error.http_status(), error.code(), title, error.to_string());
    problem.with_retry(retry_of(error))
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
