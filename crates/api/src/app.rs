//! The application of payees and operators, at `/app` and below, the page of a payment, and the files
//! that the bundled pages load, embedded with their compressed forms. Sources: `web/src/app`.
//!
//! Invariants: every address of the application is the same page, which asks for data only as who
//! signed in; the page and its files hold no data of the node, so anyone may load them.

use axum::Router;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::response::Response;
use axum::routing::get;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, VARY};
use http::{HeaderMap, HeaderValue};

use crate::envelope;
use crate::pages;
use crate::refused::Refused;

struct File {
    media_type: &'static str,
    plain: &'static [u8],
    gzip: &'static [u8],
}

macro_rules! embedded {
    ($($name:literal: $kind:literal;)*) => {
        fn file(name: &str) -> Option<File> {
            match name {
                $( $name => Some(File {
                    media_type: $kind,
                    plain: include_bytes!(concat!("../../../web/dist/app/", $name)),
                    gzip: include_bytes!(concat!("../../../web/dist/app/", $name, ".gz")),
                }), )*
                _ => None,
            }
        }

        #[cfg(test)]
        const NAMES: &[&str] = &[$($name),*];
    };
}

embedded! {
    "app.js": "text/javascript; charset=utf-8";
    "ar.json": "application/json";
    "de.json": "application/json";
    "en.json": "application/json";
    "es.json": "application/json";
    "first.js": "text/javascript; charset=utf-8";
    "ko.json": "application/json";
    "pay.js": "text/javascript; charset=utf-8";
    "styles.css": "text/css; charset=utf-8";
    "wallet.js": "text/javascript; charset=utf-8";
}

/// Routes of the application and its files.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let page = |name| get(async move |headers: HeaderMap| pages::page(&headers, name));
    Router::new()
        .route("/app", page("app"))
        .route("/app/{*place}", page("app"))
        .route("/pay/{pay_id}", page("pay"))
        .route("/app/files/{name}", get(show))
}

async fn show(
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let Some(found) = path.ok().and_then(|Path(name)| file(&name)) else {
        return Err(envelope::not_found().await);
    };
    let gzip = takes_gzip(&headers);
    let bytes = if gzip { found.gzip } else { found.plain };
    let mut response = pages::file(&headers, found.media_type, bytes);
    let headers = response.headers_mut();
    headers.insert(VARY, HeaderValue::from(ACCEPT_ENCODING));
    if gzip {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Ok(response)
}

/// Whether the header names gzip without forbidding it (RFC 9110, section 12.5.3).
fn takes_gzip(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        let forbidden = parts.any(|weight| {
            let value = weight.strip_prefix("q=").unwrap_or("1");
            value.trim_matches(['0', '.']).is_empty()
        });
        named && !forbidden
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What all pages of the application weigh together on the wire.
    const COMPRESSED_BYTES_MAX: usize = 150 * 1000;

    #[test]
    fn everything_together_is_light() {
        let sum: usize = NAMES.iter().filter_map(|name| file(name)).map(|it| it.gzip.len()).sum();
        assert!(sum < COMPRESSED_BYTES_MAX, "{sum} bytes");
        assert!(sum > 10_000, "{sum} bytes are not the application");
    }

    #[test]
    fn gzip_is_sent_to_those_who_take_it() {
        let cases = [
            ("gzip", true),
            ("br, GZIP;q=0.5", true),
            ("deflate, gzip ; q=0", false),
            ("gzip;q=0.000", false),
            ("br", false),
            ("", false),
        ];
        for (line, expected) in cases {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(line));
            assert_eq!(takes_gzip(&headers), expected, "{line}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }
}
