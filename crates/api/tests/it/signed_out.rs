//! What a stranger gets of each route of the document: what is open is listed here, and of the rest
//! nothing but a refusal.

use http::Method;
use serde_json::{Value, json};

use crate::world::{GATEWAY, OPERATOR, World, request};

/// Routes that ask for no proof. A new one is a decision, made by adding it here.
const OPEN: [&str; 30] = [
    "GET /.well-known/x402",
    "GET /discovery/resources",
    "GET /discovery/search",
    "GET /healthz",
    "GET /log/checkpoint",
    "GET /log/policy",
    "GET /log/tile/{path}",
    "GET /openapi.json",
    "GET /readyz",
    "GET /supported",
    "GET /v1/channels/{ch_id}",
    "GET /v1/log",
    "GET /v1/node",
    "GET /v1/receipts/{pay_id}",
    "GET /v1/receipts/{pay_id}/proof",
    "GET /v1/sandbox/state",
    "GET /verify",
    "POST /settle",
    "POST /v1/channels",
    "POST /v1/channels/{ch_id}/close",
    "POST /v1/channels/{ch_id}/ticks",
    "POST /v1/channels/{ch_id}/top-up",
    "POST /v1/channels/{ch_id}/vouchers",
    "POST /v1/faucet",
    "POST /v1/mandates",
    "POST /v1/mandates/revoke",
    "POST /v1/mandates/{mandate_id}/pause",
    "POST /v1/mandates/{mandate_id}/resume",
    "POST /v1/session",
    "POST /verify",
];

/// Whether a route of the document may be called without proof.
fn is_open(call: &Value) -> bool {
    let ways = call["security"].as_array();
    ways.is_none_or(|ways| ways.iter().any(|way| way == &json!({})))
}

/// Names of each kind that stand in a path.
fn filled(path: &str, world: &World) -> String {
    let number = "0000000000000000000000002d";
    path.replace("{acc_id}", &world.payer_account().to_string())
        .replace("{path}", "0/000")
        .replace("{ch_id}", &format!("ch_{number}"))
        .replace("{dlv_id}", &format!("dlv_{number}"))
        .replace("{key_id}", &format!("key_{number}"))
        .replace("{mandate_id}", &format!("man_{number}"))
        .replace("{offer_id}", &format!("off_{number}"))
        .replace("{payout_id}", &format!("payout_{number}"))
        .replace("{pay_id}", &format!("pay_{number}"))
        .replace("{ref_id}", &format!("ref_{number}"))
        .replace("{tr_id}", &format!("tr_{number}"))
        .replace("{we_id}", &format!("we_{number}"))
}

#[tokio::test]
async fn signed_out_nothing_private_is_told() {
    let real = |node: &mut api::Node| node.sandbox = false;
    let world = World::with(tempfile::tempdir().unwrap(), real).await;
    let paid = world.settled(1).await;
    let private = [
        OPERATOR.to_owned(),
        GATEWAY.to_owned(),
        world.payer.public().to_string(),
        paid,
        format!("{}", world.balance(world.payer_account()).await),
    ];
    let document: Value = serde_json::from_str(&api::openapi_json().unwrap()).unwrap();
    let mut open: Vec<String> = Vec::new();
    for (path, calls) in document["paths"].as_object().unwrap() {
        for (method, call) in calls.as_object().unwrap() {
            let name = format!("{} {path}", method.to_uppercase());
            let method: Method = method.to_uppercase().parse().unwrap();
            let asked = filled(path, &world);
            let answer = world.send(request(method, &asked, &[], "{}")).await;
            let text = String::from_utf8_lossy(&answer.bytes);
            for secret in &private {
                assert!(!text.contains(secret), "{name} tells {secret}: {text}");
            }
            if is_open(call) {
                open.push(name);
                continue;
            }
            assert_eq!(answer.status, 401, "{name}: {text}");
            assert_eq!(answer.header("content-type"), "application/problem+json", "{name}");
            assert!(!text.contains(&world.payer_account().to_string()), "{name}: {text}");
        }
    }
    open.sort();
    assert_eq!(open, OPEN);
}

/// What is asked for is looked up among the files that the program brings, never on the disk.
#[tokio::test]
async fn no_path_leads_out_of_the_pages_files() {
    let world = World::new().await;
    let ways_up = ["../", "..%2f", "%2e%2e/", "%2e%2e%2f", "..%5c", "....//", "%c0%ae%c0%ae/"];
    for folder in ["/.well-known/farthing/", "/app/files/", "/log/tile/", "/docs/", "/"] {
        for up in ways_up {
            for file in ["Cargo.toml", "node.key", "etc/passwd"] {
                let path = format!("{folder}{}{file}", up.repeat(4));
                let Ok(_) = path.parse::<http::Uri>() else { continue };
                let answer = world.get(&path).await;
                let text = String::from_utf8_lossy(&answer.bytes);
                // The app shows its own page for every place below it.
                let is_app = path.starts_with("/app/") && text.starts_with("<!doctype html>");
                let is_refused = matches!(answer.status, 400 | 404);
                assert!(is_refused || is_app, "{path}: {} {text}", answer.status);
                for content in ["[package]", "root:", "workspace"] {
                    assert!(!text.contains(content), "{path}");
                }
            }
        }
    }
}

/// Bodies are taken as they are: what is small on the way stays small.
#[tokio::test]
async fn an_encoded_body_is_not_unpacked() {
    let world = World::new().await;
    // The beginning of any gzip stream.
    let packed = "\u{1f}\u{8b}\u{8}\0\0\0\0\0";
    for coding in ["gzip", "deflate", "br", "zstd", "gzip, gzip"] {
        let headers = [("content-encoding", coding)];
        let answer = world.send(request(Method::POST, "/v1/faucet", &headers, packed)).await;
        answer.is_problem(400, "invalid_json", Some("body"));
    }
}
