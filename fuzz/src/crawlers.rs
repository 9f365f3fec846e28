//! Requests of crawlers, what they sign, and their key directories.

use http::HeaderMap;
use http402::crawler::{DIRECTORY_KEYS_MAX, Permit, Request, directory, is_signed, read};

use crate::http_payments::headers;

const NOW_MS: u64 = 1_800_000_000_000;

/// Lines of `name: value`: the headers of a request.
pub fn request(bytes: &[u8]) -> bool {
    let headers: HeaderMap = headers(bytes);
    let request = Request {
        method: "GET",
        origin: "https://shop.example",
        path: "/a",
        query: Some("b=c"),
        headers: &headers,
    };
    let Ok(Some(found)) = read(&request, NOW_MS) else { return false };
    assert!(is_signed(&headers));
    assert!(found.base.starts_with('"'), "a base cannot be taken for a statement");
    assert_eq!(Permit::of_base(&found.base), Ok(found.permit));
    true
}

/// A signature base, as a gateway apart sends it to its node.
pub fn permit(bytes: &[u8]) -> bool {
    let Ok(base) = std::str::from_utf8(bytes) else { return false };
    Permit::of_base(base).is_ok_and(|permit| {
        assert!(permit.created_s < permit.expires_s);
        true
    })
}

/// A key directory.
pub fn keys(bytes: &[u8]) -> bool {
    directory(bytes, NOW_MS).is_ok_and(|keys| {
        assert!((1..=DIRECTORY_KEYS_MAX).contains(&keys.len()));
        true
    })
}
