//! Pay-per-crawl: a crawler's signed request is its payment.
//!
//! Everything behind the admission is that of orders: the order is made from the request, its id
//! follows from what was signed, and node and delivery rules see nothing special in it.
//!
//! Invariants: only crawlers of the configuration pay, from the account of the very key that signed;
//! a crawler is never charged a price that it has not signed; no address that a request names is
//! ever fetched.

mod answer;
mod crawlers;
mod fetch;

use engine::{Authorize, Mode, PayerClass, Purchase, Tags, Terms};
use http::{HeaderMap, Method};
use http402::crawler::{CrawlerError, Request, SignedRequest, is_signed, read};
use instrument::{Order, PublicKey, RequestDigest, VerifiedOrder, payer_account};

use crate::admit::Answered;
use crate::case::Case;
use crate::deliver::Source;

pub(crate) use answer::{charged, check_content, keep_price, price, refused};
pub use crawlers::{Crawler, CrawlerKeys, Crawlers};
pub use fetch::{DirectoryUrl, DirectoryUrlError};

/// Admits a crawler's request; `None` if it is not one or pays in another way. HEAD never buys,
/// signed or not.
pub(crate) fn admit(case: &mut Case, headers: &HeaderMap) -> Option<Result<Source, Answered>> {
    if !case.offer.crawl || case.asked != Method::GET {
        return None;
    }
    let signed = match read(&request(case, headers), case.options.node.now_ms()) {
        Ok(None) if is_signed(headers) && !pays_otherwise(headers) => {
            case.html = false;
            return Some(Err(Box::new(answer::no_price(case))));
        }
        Ok(None) => return None,
        Ok(Some(signed)) => Ok(signed),
        Err(error) => Err(error),
    };
    // What stands behind is a program, whatever it says that it accepts.
    case.html = false;
    let source = signed.and_then(|signed| {
        if pays_otherwise(headers) {
            return Err(CrawlerError::ConflictingPayments);
        }
        source(case, signed)
    });
    if let Ok((key, _)) = &source {
        case.crawler = Some(*key);
    }
    Some(source.map(|(_, source)| source).map_err(|error| Box::new(answer::refusal(case, &error))))
}

fn pays_otherwise(headers: &HeaderMap) -> bool {
    !matches!(http402::decode_payment(headers), Ok(None))
}

fn request<'a>(case: &'a Case, headers: &'a HeaderMap) -> Request<'a> {
    let target = case.challenge.resource.url.strip_prefix(&case.origin).unwrap_or("/");
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    Request { method: case.method.as_str(), origin: &case.origin, path, query, headers }
}

fn source(case: &Case, signed: SignedRequest) -> Result<(PublicKey, Source), CrawlerError> {
    let key = case.options.crawlers.key(&signed.permit.keyid, signed.agent.as_deref())?;
    signed.permit.check(&key, case.offer.price)?;
    let order = order(case, &signed, key);
    let order = VerifiedOrder::by_request(order, signed.base.as_bytes(), &signed.signature)
        .map_err(|_| CrawlerError::Mismatch)?;
    let command = Authorize {
        order,
        purchase: Purchase {
            digest: Some(case.purchase),
            origin: Some(case.origin.clone()),
            description: case.offer.description.clone(),
        },
        terms: Terms {
            pay_to: case.offer.payees.pay_to,
            amount: case.offer.price,
            split: case.offer.payees.split.clone(),
            unit_price: None,
            access_seconds: case.offer.access_seconds,
        },
        idempotency: None,
        tags: Tags { class: PayerClass::Crawler, ..case.tags },
        counters: Vec::new(),
        mode: Mode::Claim,
    };
    Ok((key, Source::Request { command: Box::new(command), base: signed.base }))
}

/// The order that a signed request stands for.
fn order(case: &Case, signed: &SignedRequest, key: PublicKey) -> Order {
    Order {
        node: case.options.facts.node,
        id: RequestDigest::of(signed.base.as_bytes()).order_id(),
        payer: payer_account(&key, case.offer.price.asset()),
        signer: key,
        payee: case.offer.payees.pay_to,
        amount: case.offer.price,
        purchase: Some(case.purchase),
        expires_at_ms: signed.permit.expires_at_ms(),
        mandate: None,
    }
}
