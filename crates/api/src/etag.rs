//! Tags of lists: who has a list already is told so in a few bytes.
//!
//! Invariant: a tag is of a whole list and not of a page of it, so that a list whose first page has not
//! changed has not changed at all.

use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH, VARY};
use http::{HeaderMap, HeaderValue, StatusCode};
use instrument::hex::Hex;
use sha2::{Digest, Sha256};

/// A tag in the making.
#[derive(Default)]
pub(crate) struct ListTag(Sha256);

impl ListTag {
    /// Takes an entry in; entries that are the same have the same `name` and `revision`.
    pub(crate) fn add(&mut self, name: impl AsRef<[u8]>, revision: u64) {
        let name = name.as_ref();
        self.0.update((name.len() as u64).to_be_bytes());
        self.0.update(name);
        self.0.update(revision.to_be_bytes());
    }

    /// `answer` with the tag, or 304 to who knows it.
    pub(crate) fn answer(self, asked: &HeaderMap, answer: impl FnOnce() -> Response) -> Response {
        let digest: [u8; 32] = self.0.finalize().into();
        let tag = format!("\"{}\"", Hex(digest.first_chunk::<16>().unwrap_or(&[0; 16])));
        let is_known = asked.get_all(IF_NONE_MATCH).iter().any(|known| names(known, &tag));
        let mut answer = if is_known { StatusCode::NOT_MODIFIED.into_response() } else { answer() };
        let headers = answer.headers_mut();
        if let Ok(tag) = HeaderValue::from_str(&tag) {
            headers.insert(ETAG, tag);
        }
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
        headers.append(VARY, HeaderValue::from_static("authorization, cookie"));
        answer
    }
}

/// Whether an `If-None-Match` names a tag; weakly, as RFC 9110 says for it.
fn names(known: &HeaderValue, tag: &str) -> bool {
    let known = known.to_str().unwrap_or_default().split(',').map(str::trim);
    known.map(|known| known.strip_prefix("W/").unwrap_or(known)).any(|known| known == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(entries: &[(&str, u64)], asked: Option<&str>) -> Response {
        let mut tag = ListTag::default();
        for (name, revision) in entries {
            tag.add(name, *revision);
        }
        let asked = asked.map(|asked| (IF_NONE_MATCH, asked.parse().unwrap()));
        tag.answer(&asked.into_iter().collect(), || StatusCode::OK.into_response())
    }

    #[test]
    fn a_list_is_told_again_when_it_has_changed() {
        let entries = [("a", 1), ("b", 1)];
        let first = answer(&entries, None);
        let tag = first.headers()[ETAG].to_str().unwrap();
        let (weak, several) = (format!("W/{tag}"), format!("\"x\", {tag}"));
        for known in [tag, &weak, &several] {
            assert_eq!(answer(&entries, Some(known)).status(), 304, "{known}");
        }
        for changed in [&[("a", 1)][..], &[("a", 1), ("b", 2)], &[("ab", 1), ("", 1)], &[]] {
            assert_eq!(answer(changed, Some(tag)).status(), 200, "{changed:?}");
        }
        for unknown in ["", "x", "\"x\""] {
            assert_eq!(answer(&entries, Some(unknown)).status(), 200, "{unknown}");
        }
    }
}
