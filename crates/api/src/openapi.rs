//! The `OpenAPI` document: the calls of the node as the resources describe them, and what is for sale,
//! with prices.
//!
//! Invariant: each priced operation names the server where it is bought, because sites and the
//! node may have different origins.

use axum::extract::State;
use axum::response::Response;
use http402::llms::{Asked, Entry};
use http402::openapi::{self, Operation, Service};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::body::ok;
use crate::log;
use crate::node::{Node, Shared};
use crate::schema::{self, Refusals};

pub(crate) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new().routes(routes!(show))
}

/// What belongs to no resource.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Farthing node",
        version = "2026-11-01",
        description = "Payments below a cent. The version is that of the header `Api-Version`; \
                       additions do not change it.",
        license(name = "Apache-2.0 OR MIT", identifier = "Apache-2.0 OR MIT"),
    ),
    // Its route has a wildcard, which templates of the document do not know.
    paths(log::tile),
    components(schemas(schema::Problem)),
    modifiers(&Secrets),
)]
struct Frame;

/// The ways to say who asks.
struct Secrets;

impl Modify for Secrets {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let bearer = |text: &str| {
            let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer);
            SecurityScheme::Http(scheme.description(Some(text)).build())
        };
        let statement = "`Farthing` and a signed access statement: 144 bytes in base64url";
        let statement = ApiKeyValue::with_description("Authorization", statement);
        let components = openapi.components.get_or_insert_default();
        for (name, scheme) in [
            ("bearer", bearer("The operator's token, or an API key of this scope")),
            ("gateway", bearer("The token of gateways apart from the node")),
            ("payer", SecurityScheme::ApiKey(ApiKey::Header(statement))),
            (
                "session",
                SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::with_description(
                    "__Host-farthing-session",
                    "Of POST /v1/session; calls that change something need `Farthing-CSRF` beside it",
                ))),
            ),
        ] {
            components.add_security_scheme(name, scheme);
        }
    }
}

/// The document of calls, to which each resource adds its own.
pub(crate) fn calls() -> utoipa::openapi::OpenApi {
    Frame::openapi()
}

/// Names each operation by its method and path, as names of functions repeat and those of operations
/// must not: `post_v1_payouts_payout_id_hold`.
pub(crate) fn name_operations(calls: &mut utoipa::openapi::OpenApi) {
    for (path, item) in &mut calls.paths.paths {
        let words = path.split(|letter: char| !letter.is_ascii_alphanumeric());
        let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
        let place = words.join("_");
        for (method, operation) in [
            ("get", &mut item.get),
            ("put", &mut item.put),
            ("post", &mut item.post),
            ("patch", &mut item.patch),
            ("delete", &mut item.delete),
        ] {
            if let Some(operation) = operation {
                operation.operation_id = Some(format!("{method}_{place}"));
            }
        }
    }
}

/// This document, with what is for sale here and its prices
#[utoipa::path(get, path = "/openapi.json", tag = "catalogue",
    responses((status = 200, description = "An OpenAPI document", body = Object), Refusals))]
async fn show(State(shared): State<Arc<Shared>>) -> Response {
    ok(&shared.for_sale().openapi)
}

/// The calls of a node and what it sells.
pub(crate) fn served(node: &Node, offers: &[Entry], calls: &utoipa::openapi::OpenApi) -> Value {
    let mut document = serde_json::to_value(calls).unwrap_or_default();
    let frame = openapi::document(&service(node), &[]);
    document["servers"] = frame["servers"].clone();
    document["x-service-info"] = frame["x-service-info"].clone();
    if let Some(paths) = document["paths"].as_object_mut() {
        add_sold(paths, offers);
    }
    document
}

fn add_sold(paths: &mut Map<String, Value>, entries: &[Entry]) {
    let mut sites: BTreeMap<&str, Vec<Operation>> = BTreeMap::new();
    for entry in entries {
        let site = origin(&entry.challenge.resource.url);
        sites.entry(site).or_default().extend(operation(entry));
    }
    for (site, operations) in &sites {
        let sold = openapi::document(&Service::default(), operations);
        add_site(paths, site, &sold["paths"]);
    }
}

fn service(node: &Node) -> Service {
    Service {
        origin: node.public_url.clone(),
        homepage: Some(format!("{}/", node.public_url)),
        llms: Some(format!("{}/llms.txt", node.public_url)),
        ..Service::default()
    }
}

/// `None` for a tool, which has no operation of its own.
fn operation(entry: &Entry) -> Option<Operation> {
    let Asked::Request(method) = &entry.asked else { return None };
    let resource = &entry.challenge.resource;
    Some(Operation {
        method: method.clone(),
        path: resource.url[origin(&resource.url).len()..].to_owned(),
        description: resource.description.clone().unwrap_or_default(),
        mime_type: resource.mime_type.clone(),
        challenge: entry.challenge.clone(),
    })
}

/// `scheme://host[:port]` of a URL.
fn origin(url: &str) -> &str {
    let host = url.find("://").map_or(0, |at| at + "://".len());
    let end = url[host..].find('/').map_or(url.len(), |at| host + at);
    &url[..end]
}

/// Adds a site's operations; of two with the same method and path the first stays.
fn add_site(paths: &mut Map<String, Value>, site: &str, sold: &Value) {
    let sold = sold.as_object().into_iter().flatten();
    for (path, operations) in sold {
        let item = paths.entry(path.clone()).or_insert_with(|| json!({}));
        let Some(item) = item.as_object_mut() else {
            continue;
        };
        for (method, operation) in operations.as_object().into_iter().flatten() {
            let mut operation = operation.clone();
            operation["servers"] = json!([{"url": site}]);
            item.entry(method.clone()).or_insert(operation);
        }
    }
}
