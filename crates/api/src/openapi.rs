//! The `OpenAPI` document: what is for sale, with prices, and the node's own calls in brief.
//!
//! Invariant: each priced operation names the server where it is bought, because sites and the
//! node may have different origins.

use axum::extract::State;
use axum::response::Response;
use http402::openapi::{self, Operation, Service};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::body::ok;
use crate::node::{ListedOffer, Node, Shared};

/// Method, path and one line of each call of the node.
const CALLS: &[(&str, &str, &str)] = &[
    ("get", "/v1/node", "The node, its network, assets and clock"),
    ("post", "/v1/faucet", "Play money for a key, on a sandbox"),
    ("get", "/v1/payer", "A payer's account, mandates and payments"),
    ("post", "/v1/mandates", "Register a mandate by the payer's signature"),
    ("post", "/v1/mandates/revoke", "End a mandate by the payer's signature"),
    ("post", "/v1/channels", "Open a channel by the payer's signature"),
    ("get", "/v1/channels/{ch_id}", "A channel as it is"),
    ("post", "/v1/channels/{ch_id}/top-up", "Raise a channel's deposit by the payer's signature"),
    ("post", "/v1/channels/{ch_id}/vouchers", "Pay on a channel by a voucher"),
    ("post", "/v1/channels/{ch_id}/ticks", "Pay on a channel by ticks"),
    ("post", "/v1/channels/{ch_id}/close", "Close a channel by the payer's signature"),
    ("get", "/v1/receipts/{pay_id}", "A payment's receipt, signed by the node"),
    ("get", "/v1/receipts/{pay_id}/proof", "Proof that a payment is in the log, for any verifier"),
    ("get", "/v1/log", "The verifiable log: its key, size, witnesses and how publishing goes"),
    ("get", "/log/checkpoint", "The log's newest checkpoint, signed and cosigned"),
    ("get", "/log/tile/{path}", "A tile of the log: hashes, or entries"),
    ("get", "/log/policy", "The log's key and witnesses, for verifiers"),
    ("get", "/v1/accounts", "Every account with its balances"),
    ("get", "/v1/accounts/{acc_id}/statement", "An account's whole history with its proofs"),
    ("post", "/v1/accounts/{acc_id}/forget", "Make an account's leaves of the log unreadable"),
    ("post", "/v1/fund", "Let money enter through the treasury; needs Idempotency-Key"),
    ("get", "/v1/books", "Sums of debits and credits for each asset"),
    ("get", "/v1/sandbox/state", "Balances and latest payments of a sandbox"),
    ("post", "/verify", "x402 facilitator: would this payment be taken?"),
    ("post", "/settle", "x402 facilitator: take this payment"),
    ("get", "/supported", "x402 facilitator: what this node takes"),
    ("get", "/discovery/resources", "What is for sale, page by page"),
    ("get", "/discovery/search", "What is for sale, by words"),
    ("get", "/.well-known/x402", "What is for sale, as a list of URLs"),
    ("get", "/healthz", "Whether the process answers"),
    ("get", "/readyz", "Whether the engine answers"),
];

/// `GET /openapi.json`
pub(crate) async fn show(State(shared): State<Arc<Shared>>) -> Response {
    ok(&shared.openapi)
}

/// The whole document of a node.
pub(crate) fn document(node: &Node) -> Value {
    let mut sites: BTreeMap<&str, Vec<Operation>> = BTreeMap::new();
    for offer in &node.offers {
        let site = origin(&offer.url);
        sites.entry(site).or_default().push(operation(offer));
    }
    let mut paths = own_paths();
    for (site, operations) in &sites {
        let sold = openapi::document(&Service::default(), operations);
        add_site(&mut paths, site, &sold["paths"]);
    }
    let mut document = openapi::document(&service(node), &[]);
    document["paths"] = Value::Object(paths);
    document
}

fn service(node: &Node) -> Service {
    Service {
        title: "Farthing node".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        description: "Payments below a cent: what is for sale here, and the node's own calls. \
                      The 402 answer of a request names its exact terms."
            .to_owned(),
        origin: node.public_url.clone(),
        homepage: Some(format!("{}/", node.public_url)),
        ..Service::default()
    }
}

fn operation(offer: &ListedOffer) -> Operation {
    Operation {
        method: offer.method.clone(),
        path: offer.path.clone(),
        description: offer.description.clone(),
        mime_type: offer.mime_type.clone(),
        challenge: offer.challenge.clone(),
    }
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

fn own_paths() -> Map<String, Value> {
    let mut paths = Map::new();
    for (method, path, summary) in CALLS {
        let mut operation = json!({
            "summary": summary,
            "responses": {
                "2XX": {"description": "Done"},
                "4XX": {
                    "description": "Refused",
                    "content": {"application/problem+json": {
                        "schema": {"$ref": "#/components/schemas/Problem"},
                    }},
                },
            },
        });
        if let Some(name) = path.split(['{', '}']).nth(1) {
            operation["parameters"] = json!([{
                "name": name, "in": "path", "required": true, "schema": {"type": "string"},
            }]);
        }
        paths.insert((*path).to_owned(), json!({*method: operation}));
    }
    paths
}
