//! Payments as they arrive over HTTP.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue};
use http402::mpp::{OfferedList, credential_header, decode_payment as decode_credential};
use http402::x402::{PaymentRequired, SettleResponse, decode_facilitator_request, decode_payload};
use http402::{Carrier, Dialect, Instrument, decode_payment};
use instrument::channel::{Tick, TickLink};
use money::ChannelId;

/// Headers of a request with a payment.
pub fn header(bytes: &[u8]) -> bool {
    matches!(decode_payment(&headers(bytes)), Ok(Some(_)))
}

/// Lines of `name: value`; lines that are no headers are left out, as an HTTP server does.
pub fn headers(bytes: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            continue;
        };
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name), HeaderValue::from_bytes(value))
        {
            headers.append(name, value);
        }
    }
    headers
}

/// The JSON inside a header, in both versions; what both accept is the same order.
pub fn payload(bytes: &[u8]) -> bool {
    let second = decode_payload(bytes, Dialect::X402V2, Carrier::Header);
    let first = decode_payload(bytes, Dialect::X402V1, Carrier::Header);
    if let (Ok(second), Ok(first)) = (&second, &first) {
        assert_eq!(second.instrument, first.instrument);
    }
    second.is_ok() || first.is_ok()
}

/// Bodies of `/verify` and `/settle`.
pub fn facilitator(bytes: &[u8]) -> bool {
    decode_facilitator_request(bytes).is_ok()
}

/// The header in which a payee asks for payment, as a payer reads it.
pub fn required(bytes: &[u8]) -> bool {
    let Ok(value) = HeaderValue::from_bytes(bytes) else { return false };
    PaymentRequired::decode_header(&value).is_ok_and(|required| {
        // Terms of other networks are counted, not kept; written again, they are gone.
        let own = PaymentRequired { foreign: 0, ..required };
        if let Ok(again) = own.encode_header() {
            assert_eq!(PaymentRequired::decode_header(&again), Ok(own));
        }
        true
    })
}

/// The header that says how a payment ended, as a payer reads it.
pub fn settlement(bytes: &[u8]) -> bool {
    HeaderValue::from_bytes(bytes).is_ok_and(|value| SettleResponse::decode_header(&value).is_ok())
}

/// The JSON of a credential of the scheme `Payment`.
pub fn credential(bytes: &[u8]) -> bool {
    let text = format!("Payment {}", URL_SAFE_NO_PAD.encode(bytes));
    let Ok(value) = HeaderValue::try_from(text) else { return false };
    let headers: HeaderMap = [(AUTHORIZATION, value)].into_iter().collect();
    decode_credential(&headers).is_ok()
}

/// A line of `WWW-Authenticate`, as a payer reads it; what it would pay with echoes it exactly.
pub fn offered(bytes: &[u8]) -> bool {
    let Ok(line) = HeaderValue::from_bytes(bytes) else { return false };
    let headers: HeaderMap = [(WWW_AUTHENTICATE, line)].into_iter().collect();
    let Ok(list) = OfferedList::from_headers(&headers) else { return false };
    for offered in &list.offered {
        let tick = Tick { index: 1, link: TickLink([1; 16]) };
        let instrument = Instrument::Tick { channel: ChannelId::from_digest(&[1; 32]), tick };
        let Ok(header) = credential_header(offered, &instrument) else { continue };
        let headers: HeaderMap = [header].into_iter().collect();
        if let Ok(presented) = decode_credential(&headers) {
            assert_eq!(presented.and_then(|it| it.mpp).as_ref(), Some(&offered.echo));
        }
    }
    !list.offered.is_empty()
}
