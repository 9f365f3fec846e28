//! Answers in crawlers' words: the price, what was charged, why a payment was not taken.
//!
//! Invariants: `crawler-charged` stands on answers whose payment is durable only; an answer with
//! `crawler-error` charged nothing.

use axum::body::Body;
use http::{HeaderName, HeaderValue, Method, Response};
use http402::Problem;
use http402::crawler::{
    CRAWLER_CHARGED, CRAWLER_ERROR, CRAWLER_PRICE, CrawlerError, ErrorName, price_value,
};
use money::Amount;

use crate::answer::{self, Refusal};
use crate::case::Case;
use crate::deliver::Paid;
use crate::headers::FARTHING_PAYMENT;

/// The header `crawler-price` of a service's answer: what the service says that it costs.
#[derive(Debug, Clone)]
struct ContentPrice(HeaderValue);

/// Names the price to crawlers.
pub(crate) fn price(case: &Case, response: &mut Response<Body>) {
    if case.offer.crawl && case.method == Method::GET {
        put(response, CRAWLER_PRICE, case.offer.price);
    }
}

/// Says what a crawler was charged.
pub(crate) fn charged(case: &Case, response: &mut Response<Body>, paid: &Paid) {
    if case.crawler.is_some() {
        put(response, CRAWLER_CHARGED, paid.amount);
    }
}

fn put(response: &mut Response<Body>, name: HeaderName, amount: Amount) {
    if let Some(value) = price_value(amount) {
        response.headers_mut().insert(name, value);
    }
}

fn put_error(response: &mut Response<Body>, name: ErrorName) {
    let value = HeaderValue::from_static(name.as_str());
    response.headers_mut().insert(CRAWLER_ERROR, value);
}

/// The answer to a crawler that signs and names no price.
pub(super) fn no_price(case: &Case) -> Response<Body> {
    let mut response = answer::challenge(case, None);
    put_error(&mut response, ErrorName::MissingCrawlerPrice);
    response
}

/// The answer to a request that was not admitted.
pub(super) fn refusal(case: &Case, error: &CrawlerError) -> Response<Body> {
    let mut response = if error.http_status() == 402 {
        answer::challenge(case, Some(&Refusal::new(error.code(), error.to_string())))
    } else {
        let mut response = answer::problem(&Problem::from(error));
        price(case, &mut response);
        response
    };
    put_error(&mut response, error.name());
    response
}

/// The answer to a crawler whose payment the node did not take.
pub(crate) fn refused(case: &Case, refusal: &Refusal) -> Response<Body> {
    let (name, detail) = match refusal.code {
        "order_expired" => {
            (ErrorName::InvalidSignature, "the signature has expired; sign the request again")
        }
        "order_expiry_too_far" => {
            (ErrorName::InvalidSignature, "the signature expires more than a day ahead")
        }
        "order_id_taken" => (
            ErrorName::PaymentFailed,
            "this signed request has paid for another path or price; sign each request, and let \
             the signature cover `@path` or have a nonce",
        ),
        "payment_already_used" => (
            ErrorName::PaymentFailed,
            "this signed request was used and its access time is over; sign the request again",
        ),
        _ => (ErrorName::PaymentFailed, refusal.detail.as_str()),
    };
    // A node that cannot answer now has not refused: the same request can be sent again.
    let status = if refusal.status == 503 { 503 } else { name.http_status() };
    let title = "The crawler's payment was not taken";
    let problem = Problem::new(status, refusal.code, title, detail).with_retry(refusal.retry);
    let mut response = answer::problem(&problem);
    price(case, &mut response);
    put_error(&mut response, name);
    let named = refusal.reference.and_then(|named| HeaderValue::from_str(&named.to_string()).ok());
    if let Some(named) = named {
        response.headers_mut().insert(FARTHING_PAYMENT, named);
    }
    response
}

/// Keeps what the service says that its answer costs; the header itself is the gateway's alone.
pub(crate) fn keep_price(response: &mut Response<Body>) {
    if let Some(asked) = response.headers_mut().remove(CRAWLER_PRICE) {
        response.extensions_mut().insert(ContentPrice(asked));
    }
}

/// Stops an answer for which the service asks another price than the offer: the crawler would be
/// charged what the service did not mean.
pub(crate) fn check_content(case: &Case, response: Response<Body>) -> Response<Body> {
    let Some(ContentPrice(asked)) = response.extensions().get::<ContentPrice>() else {
        return response;
    };
    if case.crawler.is_none() || price_value(case.offer.price).as_ref() == Some(asked) {
        return response;
    }
    let name = ErrorName::InvalidContentPrice;
    let title = "The resource could not be delivered";
    let text = "the service names another price than the offer; nothing was charged";
    let problem = Problem::new(name.http_status(), "content_price_mismatch", title, text);
    let mut response = answer::problem(&problem);
    price(case, &mut response);
    put_error(&mut response, name);
    response
}
