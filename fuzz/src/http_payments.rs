//! Payments as they arrive over HTTP.

use http::{HeaderMap, HeaderName, HeaderValue};
use http402::x402::{PaymentRequired, SettleResponse, decode_facilitator_request, decode_payload};
use http402::{Carrier, Dialect, decode_payment};

/// Lines of `name: value`; lines that are no headers are left out, as an HTTP server does.
pub fn header(bytes: &[u8]) -> bool {
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
    matches!(decode_payment(&headers), Ok(Some(_)))
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
