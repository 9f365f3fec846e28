//! Where a request carries its payment: two headers and one cookie.
//!
//! Invariant: a request carries one payment. The same payment may stand in several places, which
//! happens with clients that speak both versions; different ones are refused, never chosen from.

use http::header::COOKIE;
use http::{HeaderMap, HeaderName};

use super::{HEADER_BYTES_MAX, PAYMENT_SIGNATURE, X_PAYMENT, decode_payload};
use crate::error::{DecodeError, Part, Place};
use crate::json;
use crate::presented::{Carrier, Dialect, Presented};

/// Cookie of the node's own pages, with the same content as the header of version 2.
pub const COOKIE_NAME: &str = "farthing-payment";

/// Reads the payment that a request presents in x402; `None` if there is none.
///
/// Version 2 goes before version 1. The cookie, which browsers send unasked, counts only if no header
/// carries a payment.
pub fn decode_payment(headers: &HeaderMap) -> Result<Option<Presented>, DecodeError> {
    let places = [
        (single_header(headers, &PAYMENT_SIGNATURE, Part::PaymentSignature)?, Dialect::X402V2),
        (single_header(headers, &X_PAYMENT, Part::XPayment)?, Dialect::X402V1),
    ];
    let mut first: Option<Presented> = None;
    for (found, dialect) in places {
        let Some((text, part)) = found else { continue };
        let presented = decode_text(text, dialect, Carrier::Header, part)?;
        match &first {
            None => first = Some(presented),
            Some(earlier) if earlier.instrument == presented.instrument => {}
            Some(_) => {
                return Err(DecodeError::Ambiguous { place: Place::of(part) });
            }
        }
    }
    match (first, first_cookie(headers)) {
        (None, Some(text)) => {
            decode_text(text, Dialect::X402V2, Carrier::Cookie, Part::Cookie).map(Some)
        }
        (first, _) => Ok(first),
    }
}

fn decode_text(
    text: &[u8],
    dialect: Dialect,
    carrier: Carrier,
    part: Part,
) -> Result<Presented, DecodeError> {
    let place = Place::of(part);
    if text.len() > HEADER_BYTES_MAX {
        return Err(DecodeError::TooLarge { place, limit_bytes: HEADER_BYTES_MAX });
    }
    decode_payload(&json::from_base64(text, place)?, dialect, carrier)
}

type Found<'h> = Option<(&'h [u8], Part)>;

fn single_header<'h>(
    headers: &'h HeaderMap,
    name: &HeaderName,
    part: Part,
) -> Result<Found<'h>, DecodeError> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(DecodeError::Repeated { place: Place::of(part) });
    }
    Ok(first.map(|value| (value.as_bytes(), part)))
}

/// The cookie of the longest path: browsers send that one first (RFC 6265, 5.4), and others of the
/// same name belong to pages above. Cookies of one request may be spread over several headers.
fn first_cookie(headers: &HeaderMap) -> Option<&[u8]> {
    let lines = headers.get_all(COOKIE).iter();
    let mut pairs = lines.flat_map(|line| line.as_bytes().split(|&byte| byte == b';'));
    pairs
        .find_map(|pair| pair.trim_ascii().strip_prefix(COOKIE_NAME.as_bytes())?.strip_prefix(b"="))
}
