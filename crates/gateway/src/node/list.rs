//! Lists of the node that a gateway apart from it follows: whole, and only when they have changed.
//!
//! Invariant: a list is of one moment. It is read page by page, and begun anew if its tag changes in
//! between.

use http::{HeaderValue, Method, header};
use serde::Deserialize;
use serde_json::Value;

use super::remote::{RemoteError, RemoteNode};

/// Largest page of a list that is read.
const LIST_PAGE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// How often a list that changes while it is read is begun anew.
const LIST_READS_COUNT_MAX: u32 = 5;

/// A list of the node.
#[derive(Debug, Clone)]
pub struct List {
    /// Stays the same as long as the list does.
    pub tag: HeaderValue,
    /// Its entries in order.
    pub entries: Vec<Value>,
}

#[derive(Deserialize)]
struct Page {
    data: Vec<Value>,
    next_cursor: Option<String>,
}

impl RemoteNode {
    /// A list such as `/v1/offers?site=default`; `None` if it is still the one with the tag `known`.
    pub async fn list(
        &self,
        path: &str,
        known: Option<&HeaderValue>,
    ) -> Result<Option<List>, RemoteError> {
        for _ in 0..LIST_READS_COUNT_MAX {
            let Some((page, tag)) = self.page(path, known).await? else { return Ok(None) };
            if let Some(entries) = self.others(path, page, &tag).await? {
                return Ok(Some(List { tag, entries }));
            }
        }
        Err(unread(path, "it changes while it is read"))
    }

    /// The entries of a first page and of all behind it; `None` if the list has changed meanwhile.
    async fn others(
        &self,
        path: &str,
        first: Page,
        tag: &HeaderValue,
    ) -> Result<Option<Vec<Value>>, RemoteError> {
        let (mut entries, mut next) = (first.data, first.next_cursor);
        while let Some(cursor) = next {
            let join = if path.contains('?') { '&' } else { '?' };
            let page = self.page(&format!("{path}{join}cursor={cursor}"), None).await?;
            let Some((mut page, _)) = page.filter(|(_, of)| of == tag) else { return Ok(None) };
            entries.append(&mut page.data);
            next = page.next_cursor;
        }
        Ok(Some(entries))
    }

    /// One page and its list's tag; `None` if the node says that nothing has changed.
    async fn page(
        &self,
        path: &str,
        known: Option<&HeaderValue>,
    ) -> Result<Option<(Page, HeaderValue)>, RemoteError> {
        let asked = known.map(|tag| (header::IF_NONE_MATCH, tag.clone()));
        let join = if path.contains('?') { '&' } else { '?' };
        let path = format!("{path}{join}limit=100");
        let sent = self.exchange(Method::GET, &path, asked, Vec::new(), LIST_PAGE_BYTES_MAX).await;
        let (parts, body) = sent.map_err(|why| unread(&path, &why.to_string()))?;
        match parts.status.as_u16() {
            200 => {}
            304 => return Ok(None),
            status => return Err(unread(&path, &format!("the answer was {status}"))),
        }
        let page = serde_json::from_slice(&body);
        let page = page.map_err(|why| unread(&path, &why.to_string()))?;
        let tag = parts.headers.get(header::ETAG).cloned();
        let tag = tag.ok_or_else(|| unread(&path, "the node tells no tag of it"))?;
        Ok(Some((page, tag)))
    }
}

fn unread(path: &str, why: &str) -> RemoteError {
    RemoteError::List { path: path.to_owned(), why: why.to_owned() }
}
