//! Payments as they arrive over HTTP.

use http::{HeaderMap, HeaderName, HeaderValue};
use http402::x402::{decode_facilitator_request, decode_payload};
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
        assert_eq!(second.order, first.order);
    }
    second.is_ok() || first.is_ok()
}

/// Bodies of `/verify` and `/settle`.
pub fn facilitator(bytes: &[u8]) -> bool {
    decode_facilitator_request(bytes).is_ok()
}
