//! Admission: reads what a request presents and checks it as far as that needs no node.
//!
//! Each instrument has its own small admission; all of them end in a [`Source`], for which the
//! delivery rules do the rest. A refusal here costs no state.

mod order;

use axum::body::Body;
use http::{HeaderMap, Response, header};
use http402::x402;
use http402::{Carrier, DecodeError, Instrument, Presented, Problem};

use crate::answer::{self, Refusal};
use crate::case::Case;
use crate::crawl;
use crate::deliver::Source;

/// Why a request does not go on: the answer is ready.
pub(crate) type Answered = Box<Response<Body>>;

/// Finds out what pays for a request.
pub(crate) fn admit(case: &mut Case, headers: &HeaderMap) -> Result<Source, Answered> {
    if let Some(admitted) = crawl::admit(case, headers) {
        return admitted;
    }
    let presented = match http402::decode_payment(headers) {
        Ok(Some(presented)) => presented,
        Ok(None) => return Err(Box::new(answer::challenge(case, None))),
        Err(error) => return Err(Box::new(malformed(case, headers, &error))),
    };
    case.cookie = presented.carrier == Carrier::Cookie;
    if case.cookie && is_for_another_page(case, &presented) {
        return Err(Box::new(answer::challenge(case, None)));
    }
    case.dialect = presented.dialect;
    match &presented.instrument {
        Instrument::Order { order, .. } => order::admit(case, headers, &presented, order),
        // No dialect reads anything else yet.
        _ => Err(Box::new(answer::internal())),
    }
}

/// Browsers send a page's cookie to the pages below it: that is no attempt to pay there.
fn is_for_another_page(case: &Case, presented: &Presented) -> bool {
    let order = presented.instrument.order();
    order.is_none_or(|order| order.unverified().purchase != Some(case.purchase))
}

fn malformed(case: &mut Case, headers: &HeaderMap, error: &DecodeError) -> Response<Body> {
    // A page that sent a broken cookie would send it again: clear it.
    case.cookie = headers
        .get_all(header::COOKIE)
        .iter()
        .any(|line| line.to_str().is_ok_and(|line| line.contains(x402::COOKIE_NAME)));
    if case.cookie && case.html {
        let refusal = Refusal::new(error.code(), error.to_string());
        return answer::challenge(case, Some(&refusal));
    }
    answer::problem(&Problem::from(error))
}
