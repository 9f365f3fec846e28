//! What the node's catalogue lists.

use http::HeaderMap;
use money::{Amount, AssetCode};
use serde::Deserialize;
use serde_json::Value;

use super::{NodeClient, amount};
use crate::error::Error;

/// One entry of the catalogue.
#[derive(Debug, Clone)]
pub struct Listing {
    /// URL, with the placeholders of its route if it has any.
    pub url: String,
    /// Method of the request.
    pub method: Option<String>,
    /// Price of one request, or of the first unit; `None` if the entry has no terms that this wallet's
    /// kind reads.
    pub price: Option<Amount>,
    /// One line for people.
    pub description: Option<String>,
    /// Name of the service.
    pub service_name: Option<String>,
    /// Media type of the answer.
    pub mime_type: Option<String>,
}

/// One page of a search.
#[derive(Debug, Clone)]
pub struct Listings {
    /// What was found.
    pub listings: Vec<Listing>,
    /// Continues the search; `None` at its end.
    pub cursor: Option<String>,
}

#[derive(Deserialize)]
struct Answer {
    resources: Vec<Entry>,
    pagination: Pagination,
}

#[derive(Deserialize)]
struct Pagination {
    cursor: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    resource: String,
    #[serde(default)]
    accepts: Vec<Terms>,
    description: Option<String>,
    mime_type: Option<String>,
    service_name: Option<String>,
    #[serde(default)]
    extensions: Value,
}

/// Of the terms, what the price is made of.
#[derive(Deserialize)]
struct Terms {
    amount: String,
    asset: AssetCode,
    extra: Extra,
}

#[derive(Deserialize)]
struct Extra {
    scale: u8,
}

impl NodeClient {
    /// Searches the catalogue: all words of `query` must occur.
    pub async fn search(&self, query: &str, cursor: Option<&str>) -> Result<Listings, Error> {
        let mut path = format!("/discovery/search?query={}", escaped(query));
        if let Some(cursor) = cursor {
            path.push_str("&cursor=");
            path.push_str(&escaped(cursor));
        }
        let found: Answer = self.get(&path, HeaderMap::new()).await?;
        let listings = found.resources.into_iter().map(listing).collect();
        Ok(Listings { listings, cursor: found.pagination.cursor })
    }
}

fn listing(entry: Entry) -> Listing {
    let price = entry
        .accepts
        .first()
        .and_then(|terms| amount(&terms.amount, terms.asset, terms.extra.scale).ok());
    let method = entry.extensions.pointer("/bazaar/info/input/method");
    Listing {
        url: entry.resource,
        method: method.and_then(Value::as_str).map(str::to_owned),
        price,
        description: entry.description,
        service_name: entry.service_name,
        mime_type: entry.mime_type,
    }
}

/// Percent-encodes a value of a query.
fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let piece = |byte| {
        if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    text.bytes().map(piece).collect()
}
