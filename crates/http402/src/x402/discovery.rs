//! What is for sale, as catalogues read it: `/discovery/resources`, `/discovery/search` and
//! `/.well-known/x402`.
//!
//! Invariant: an entry shows the same terms as the 402 answer, except for the purchase digest,
//! which only a concrete request has.

use http::Method;
use serde::Serialize;
use serde_json::{Map, Value};

use super::requirements::{PaymentRequirements, accepts};
use super::{extensions, network_name};
use crate::challenge::{Challenge, unfit_service_name};

/// Entries of one page if the caller does not say.
pub const PAGE_ENTRIES_DEFAULT: usize = 20;
/// Most entries of one page.
pub const PAGE_ENTRIES_MAX: usize = 100;

/// One offer in a catalogue.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DiscoveryResource {
    /// URL, with the placeholders of its route if it has any.
    pub resource: String,
    /// Always `http`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Protocol version of the terms.
    #[serde(rename = "x402Version")]
    pub version: u8,
    /// Terms.
    pub accepts: Vec<PaymentRequirements>,
    /// When the offer last changed, ISO 8601 in UTC.
    pub last_updated: String,
    /// One line for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Media type of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mime_type: Option<String>,
    /// Name of the service; left out as in [`Resource`](crate::Resource).
    #[serde(skip_serializing_if = "unfit_service_name")]
    pub service_name: Option<String>,
    /// Extensions by name.
    pub extensions: Map<String, Value>,
}

impl DiscoveryResource {
    /// The entry of an offer that is bought with `method`. `last_updated` is ISO 8601 in UTC.
    pub fn new(challenge: &Challenge, method: &Method, last_updated: String) -> Self {
        let mut terms = accepts(challenge);
        for entry in &mut terms {
            entry.purchase = None;
        }
        let resource = challenge.resource.clone();
        let entry = (extensions::BAZAAR.to_owned(), extensions::bazaar(method.as_str()));
        Self {
            resource: resource.url,
            kind: "http",
            version: 2,
            accepts: terms,
            last_updated,
            description: resource.description,
            mime_type: resource.mime_type,
            service_name: resource.service_name,
            extensions: Map::from_iter([entry]),
        }
    }
}

/// Which entries of a list a page holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Pagination {
    /// Most entries of this page.
    pub limit: usize,
    /// Entries before this page.
    pub offset: usize,
    /// Entries of the whole list.
    pub total: usize,
}

/// Answer of `GET /discovery/resources`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DiscoveryList {
    /// Protocol version of this answer.
    #[serde(rename = "x402Version")]
    pub version: u8,
    /// The page.
    pub items: Vec<DiscoveryResource>,
    /// Where in the list it is.
    pub pagination: Pagination,
}

impl DiscoveryList {
    /// Cuts a page out of the whole list. `limit` is kept within 1 to [`PAGE_ENTRIES_MAX`].
    pub fn page(all: &[DiscoveryResource], limit: Option<usize>, offset: usize) -> Self {
        let limit = limit.unwrap_or(PAGE_ENTRIES_DEFAULT).clamp(1, PAGE_ENTRIES_MAX);
        Self {
            version: 2,
            items: all.iter().skip(offset).take(limit).cloned().collect(),
            pagination: Pagination { limit, offset, total: all.len() },
        }
    }
}

/// Which entries of a search an answer holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SearchPagination {
    /// Most entries of this answer.
    pub limit: usize,
    /// Opaque text that continues the search; `None` at its end.
    pub cursor: Option<String>,
}

/// Answer of `GET /discovery/search`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DiscoverySearch {
    /// Protocol version of this answer.
    #[serde(rename = "x402Version")]
    pub version: u8,
    /// What was found.
    pub resources: Vec<DiscoveryResource>,
    /// Whether there is more than this answer holds.
    pub partial_results: bool,
    /// Where in the search it is.
    pub pagination: SearchPagination,
}

impl DiscoverySearch {
    /// Cuts an answer out of everything that was found. `cursor` is that of the answer before;
    /// `None` comes back if it is not one.
    pub fn page(
        found: &[DiscoveryResource],
        limit: Option<usize>,
        cursor: Option<&str>,
    ) -> Option<Self> {
        let offset = cursor.map_or(Ok(0), str::parse::<usize>).ok()?;
        let page = DiscoveryList::page(found, limit, offset);
        let next = offset.saturating_add(page.items.len());
        let more = next < found.len();
        Some(Self {
            version: 2,
            resources: page.items,
            partial_results: more,
            pagination: SearchPagination {
                limit: page.pagination.limit,
                cursor: more.then(|| next.to_string()),
            },
        })
    }
}

/// Answer of `GET /.well-known/x402`, a convention of catalogues.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// Version of the convention.
    pub version: u8,
    /// Protocol version of the offers.
    #[serde(rename = "x402Version")]
    pub protocol_version: u8,
    /// Network on which the offers are paid.
    pub network: String,
    /// Origin of the facilitator.
    pub facilitator: String,
    /// URLs of what is for sale.
    pub resources: Vec<String>,
}

impl Manifest {
    /// The manifest of a node that is reached at `facilitator`.
    pub fn new(node: money::NodeId, facilitator: String, resources: Vec<String>) -> Self {
        let network = network_name(node);
        Self { version: 1, protocol_version: 2, network, facilitator, resources }
    }
}
