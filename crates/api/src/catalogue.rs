//! The catalogue of what is for sale, as x402 software reads it.
//!
//! Invariant: it shows the terms of the offers as they are, made ready once for each change; the 402
//! answer of a concrete request always wins over it. Tools of MCP servers are not in it, for no plain
//! request buys them.

use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use http402::llms::{self, Entry};
use http402::x402::discovery::{DiscoveryList, DiscoveryResource, DiscoverySearch, Manifest};
use http402::x402::network_name;
use serde_json::Value;
use tokio::sync::watch;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::body::ok;
use crate::node::{Node, Shared};
use crate::openapi;
use crate::refused::Refused;
use crate::schema::Refusals;

/// Longest text that a search looks for.
const SEARCH_TEXT_BYTES_MAX: usize = 200;

type Parameters = Result<Query<Vec<(String, String)>>, QueryRejection>;

/// What is for sale, in the words of each who asks.
#[derive(Debug)]
pub(crate) struct Ready {
    /// For x402 software.
    pub entries: Vec<DiscoveryResource>,
    /// The calls of the node and what it sells.
    pub openapi: Value,
}

/// What is for sale at the moment.
pub(crate) struct Catalogue {
    calls: OpenApi,
    now: Mutex<Now>,
}

struct Now {
    offers: watch::Receiver<Vec<Entry>>,
    /// What was made of them; `None` before anybody has asked.
    ready: Option<Arc<Ready>>,
}

impl std::fmt::Debug for Catalogue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Catalogue").finish_non_exhaustive()
    }
}

impl Catalogue {
    /// Follows the offers; `calls` describes the calls of the node.
    pub(crate) fn new(offers: watch::Receiver<Vec<Entry>>, calls: OpenApi) -> Self {
        Self { calls, now: Mutex::new(Now { offers, ready: None }) }
    }

    /// As it is now.
    pub(crate) fn of(&self, node: &Node) -> Arc<Ready> {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody changes them any more if nobody is there who could.
        let has_changed = now.offers.has_changed().unwrap_or(false);
        if let Some(ready) = now.ready.as_ref().filter(|_| !has_changed) {
            return Arc::clone(ready);
        }
        let offers = now.offers.borrow_and_update().clone();
        let ready = Arc::new(Ready {
            entries: entries(node, &offers),
            openapi: openapi::served(node, &offers, &self.calls),
        });
        now.ready = Some(Arc::clone(&ready));
        ready
    }
}

fn entries(node: &Node, offers: &[Entry]) -> Vec<DiscoveryResource> {
    let updated = http402::utc(node.engine.clock().now_ms() / 1000);
    let listed = offers.iter().filter_map(|entry| match &entry.asked {
        llms::Asked::Request(method) => {
            Some(DiscoveryResource::new(&entry.challenge, method, updated.clone()))
        }
        llms::Asked::Tool { .. } => None,
    });
    listed.collect()
}

pub(crate) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new()
        .routes(routes!(resources))
        .routes(routes!(search))
        .routes(routes!(manifest))
}

/// Which entries are asked for. Other parameters are skipped, as catalogues do.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only its schema is used")]
struct Filter {
    /// Kind of resource.
    r#type: Option<String>,
    /// Scheme of x402.
    scheme: Option<String>,
    /// Network of x402.
    network: Option<String>,
    /// Who is paid.
    #[param(rename = "payTo")]
    pay_to: Option<String>,
    /// Entries of the page; what is beyond 100 counts as 100.
    limit: Option<u64>,
}

/// What is for sale, page by page
#[utoipa::path(get, path = "/discovery/resources", tag = "catalogue",
    params(Filter, ("offset" = Option<u64>, Query, description = "Entries to skip")),
    responses((status = 200, description = "A list of x402", body = Object), Refusals))]
async fn resources(
    State(shared): State<Arc<Shared>>,
    parameters: Parameters,
) -> Result<Response, Refused> {
    let asked = Asked::read(parameters)?;
    let found = asked.filter(&shared.for_sale().entries);
    let offset = asked.number("offset")?.unwrap_or(0);
    Ok(ok(&DiscoveryList::page(&found, asked.number("limit")?, offset)))
}

/// What is for sale, by words
#[utoipa::path(get, path = "/discovery/search", tag = "catalogue",
    params(Filter,
        ("query" = Option<String>, Query, max_length = 200, description = "All words must occur"),
        ("cursor" = Option<String>, Query, description = "Of the page before")),
    responses((status = 200, description = "A list of x402", body = Object), Refusals))]
async fn search(
    State(shared): State<Arc<Shared>>,
    parameters: Parameters,
) -> Result<Response, Refused> {
    let asked = Asked::read(parameters)?;
    let text = asked.text("query").unwrap_or_default();
    if text.len() > SEARCH_TEXT_BYTES_MAX {
        let detail = format!("a search has at most {SEARCH_TEXT_BYTES_MAX} bytes");
        return Err(Refused::bad_request("invalid_query", detail).with_param("query"));
    }
    let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
    let mut found = asked.filter(&shared.for_sale().entries);
    found.retain(|entry| {
        let described = describe(entry);
        words.iter().all(|word| described.contains(word))
    });
    let limit = asked.number("limit")?;
    DiscoverySearch::page(&found, limit, asked.text("cursor")).map(|page| ok(&page)).ok_or_else(
        || {
            let detail = "the cursor is not one that a search gave";
            Refused::bad_request("invalid_query", detail).with_param("cursor")
        },
    )
}

/// What is for sale, as a list of URLs
#[utoipa::path(get, path = "/.well-known/x402", tag = "catalogue",
    responses((status = 200, description = "A manifest of x402", body = Object), Refusals))]
async fn manifest(State(shared): State<Arc<Shared>>) -> Response {
    let for_sale = shared.for_sale();
    let urls = for_sale.entries.iter().map(|entry| entry.resource.clone());
    let node = &shared.node;
    let manifest = Manifest::new(node.engine.node(), node.public_url.clone(), urls.collect());
    ok(&manifest)
}

/// All that a search looks at, in lower case.
fn describe(entry: &DiscoveryResource) -> String {
    let parts = [Some(&entry.resource), entry.description.as_ref(), entry.service_name.as_ref()];
    let parts: Vec<String> = parts.into_iter().flatten().map(|part| part.to_lowercase()).collect();
    parts.join("\n")
}

/// Query parameters; those that are not known here are skipped, as catalogues do.
struct Asked(Vec<(String, String)>);

impl Asked {
    fn read(parameters: Parameters) -> Result<Self, Refused> {
        let Query(pairs) =
            parameters.map_err(|why| Refused::bad_request("invalid_query", why.body_text()))?;
        Ok(Self(pairs))
    }

    fn text(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    fn number(&self, name: &'static str) -> Result<Option<usize>, Refused> {
        let parse = |text: &str| {
            let number = text.parse::<u32>().ok().and_then(|number| usize::try_from(number).ok());
            number.ok_or_else(|| {
                Refused::bad_request("invalid_query", "expected a whole number").with_param(name)
            })
        };
        self.text(name).map(parse).transpose()
    }

    /// Entries that meet `type`, `scheme`, `network` and `payTo`.
    fn filter(&self, all: &[DiscoveryResource]) -> Vec<DiscoveryResource> {
        let meets = |name, value: &str| self.text(name).is_none_or(|asked| asked == value);
        let fits = |entry: &DiscoveryResource| {
            meets("type", entry.kind)
                && entry.accepts.iter().any(|terms| {
                    meets("scheme", terms.scheme.name())
                        && meets("network", &network_name(terms.network))
                        && meets("payTo", &terms.pay_to.to_string())
                })
        };
        all.iter().filter(|entry| fits(entry)).cloned().collect()
    }
}
