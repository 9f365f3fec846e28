//! The page that explains error codes, to which every problem's `doc_url` leads.
//!
//! It is `docs/reference/errors.md` of this very version, so a code that a node sends is on its page.
//! Invariant: the page runs and loads nothing.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};

use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use utoipa_axum::router::OpenApiRouter;

use crate::node::Shared;

const ERRORS: &str = include_str!("../../../docs/reference/errors.md");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
const CACHE: HeaderValue = HeaderValue::from_static("public, max-age=3600");
const POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; base-uri 'none'; frame-ancestors 'none'");

static PAGE: LazyLock<String> = LazyLock::new(|| page(ERRORS));

pub(crate) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new().route("/docs/errors", get(errors))
}

/// `GET /docs/errors`
async fn errors() -> Response {
    let headers = [(CONTENT_TYPE, HTML), (CACHE_CONTROL, CACHE), (CONTENT_SECURITY_POLICY, POLICY)];
    (headers, PAGE.as_str()).into_response()
}

/// The part of Markdown that the page uses: headings, tables, paragraphs, code.
fn page(markdown: &str) -> String {
    let mut html = String::from(
        "<!doctype html><html lang=en><meta charset=utf-8><title>Errors</title>\
         <meta name=viewport content=\"width=device-width\"><main>",
    );
    let mut anchors = HashSet::new();
    for block in markdown.split("\n\n") {
        let block = block.trim();
        let level = block.bytes().take_while(|&byte| byte == b'#').count();
        if block.starts_with('|') {
            html += &table(block, &mut anchors);
        } else if level > 0 {
            let text = inline(block[level..].trim(), None);
            // Writing into a text cannot fail.
            let _ = write!(html, "<h{level}>{text}</h{level}>");
        } else {
            let _ = write!(html, "<p>{}</p>", inline(block, None));
        }
    }
    html + "</main></html>"
}

fn table(block: &str, anchors: &mut HashSet<String>) -> String {
    let mut html = String::from("<table>");
    for (number, line) in block.lines().enumerate().filter(|(number, _)| *number != 1) {
        let tag = if number == 0 { "th" } else { "td" };
        html += "<tr>";
        for (column, cell) in line.trim().trim_matches('|').split(" | ").enumerate() {
            let named = (number > 0 && column == 0).then_some(&mut *anchors);
            let _ = write!(html, "<{tag}>{}</{tag}>", inline(cell.trim(), named));
        }
        html += "</tr>";
    }
    html + "</table>"
}

/// Text with code in it; the code gets an anchor of its own name where `anchors` is given.
fn inline(text: &str, mut anchors: Option<&mut HashSet<String>>) -> String {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
    let mut html = String::new();
    for (number, part) in escaped.split('`').enumerate() {
        let anchor = anchors.as_mut().is_some_and(|known| known.insert(part.to_owned()));
        let _ = match (number % 2, anchor) {
            (0, _) => write!(html, "{part}"),
            (_, true) => write!(html, "<code id=\"{part}\">{part}</code>"),
            (_, false) => write!(html, "<code>{part}</code>"),
        };
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_one_anchor() {
        let page = page(
            "# E\n\n| code | meaning |\n| --- | --- |\n| `a_b`, `c` | <x> `a_b` |\n| `c` | y |",
        );
        assert_eq!(page.matches("id=\"a_b\"").count(), 1);
        assert_eq!(page.matches("id=\"c\"").count(), 1);
        assert!(page.contains("<td>&lt;x> <code>a_b</code></td>"), "{page}");
        for code in ["not_found", "rate_limited", "idempotency_conflict", "token_wrong"] {
            assert!(PAGE.contains(&format!("id=\"{code}\"")), "{code}");
        }
    }
}
