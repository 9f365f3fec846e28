//! What is for sale, in the words of each catalogue.

use http::Method;
use http402::llms::{Asked, LLMS_BYTES_MAX};
use serde_json::json;
use tokio::sync::watch;

use crate::world::{PRICE, World, offer};

async fn shop() -> World {
    World::with(tempfile::tempdir().unwrap(), |node| {
        let payee = money::AccountId::new(77).unwrap();
        let list = |method, path: &str, text: &str| offer(&node.engine, payee, method, path, text);
        let mut tool = list(Method::POST, "/mcp/tools/lookup", "A word\nexplained");
        let server = "http://127.0.0.1:4020/mcp".to_owned();
        tool.asked = Asked::Tool { server, name: "lookup".to_owned() };
        let mut offers = vec![
            list(Method::GET, "/articles/{id}", "An article about Rust"),
            list(Method::POST, "/api/render", "One rendered picture"),
            list(Method::GET, "/podcast", "A podcast about money"),
            tool,
        ];
        "https://other.example/podcast".clone_into(&mut offers[2].challenge.resource.url);
        node.offers = watch::channel(offers).1;
    })
    .await
}

#[tokio::test]
async fn resources_come_page_by_page() {
    let world = shop().await;
    let all = world.get("/discovery/resources").await;
    assert_eq!(all.json["pagination"], json!({"limit": 20, "offset": 0, "total": 3}));
    let first = &all.json["items"][0];
    assert_eq!(first["resource"], "http://127.0.0.1:4020/articles/{id}");
    assert_eq!(first["type"], "http");
    assert_eq!(first["description"], "An article about Rust");
    assert_eq!(first["accepts"][0]["amount"], PRICE.to_string());
    assert_eq!(first["accepts"][0]["extra"], json!({"scale": 9}), "no purchase in a catalogue");
    assert_eq!(first["lastUpdated"], "2026-11-23T02:40:00Z");
    let page = world.get("/discovery/resources?limit=1&offset=1&unknown=1").await;
    assert_eq!(page.json["items"].as_array().unwrap().len(), 1);
    assert_eq!(page.json["items"][0]["resource"], "http://127.0.0.1:4020/api/render");
    let beyond = world.get("/discovery/resources?offset=99").await;
    assert_eq!(beyond.json["items"], json!([]));
    for bad in ["limit=x", "offset=-1", "limit=1e9", "offset=99999999999999999999999"] {
        let answer = world.get(&format!("/discovery/resources?{bad}")).await;
        answer.is_problem(400, "invalid_query", bad.split('=').next());
    }
}

#[tokio::test]
async fn resources_are_filtered() {
    let world = shop().await;
    let network = format!("farthing:{}", world.engine.node().network_reference());
    for (query, count) in [
        (format!("network={network}"), 3),
        ("network=eip155:1".to_owned(), 0),
        ("scheme=exact&type=http".to_owned(), 3),
        ("scheme=upto".to_owned(), 0),
        ("type=mcp".to_owned(), 0),
        (format!("payTo={}", world.payee), 3),
        ("payTo=acc_x".to_owned(), 0),
    ] {
        let answer = world.get(&format!("/discovery/resources?{query}")).await;
        assert_eq!(answer.json["pagination"]["total"], count, "{query}");
    }
}

#[tokio::test]
async fn a_search_needs_every_word() {
    let world = shop().await;
    for (query, found) in [
        ("", 3),
        ("ABOUT", 2),
        ("about%20money", 1),
        ("render", 1),
        ("about+nothing", 0),
        ("magazine", 3),
    ] {
        let answer = world.get(&format!("/discovery/search?query={query}")).await;
        assert_eq!(answer.json["resources"].as_array().unwrap().len(), found, "{query}");
    }
    let first = world.get("/discovery/search?limit=2").await;
    assert_eq!(first.json["partialResults"], true);
    let cursor = first.json["pagination"]["cursor"].as_str().unwrap();
    let rest = world.get(&format!("/discovery/search?limit=2&cursor={cursor}")).await;
    assert_eq!(rest.json["resources"].as_array().unwrap().len(), 1);
    assert_eq!(rest.json["pagination"]["cursor"], json!(null));
    world.get("/discovery/search?cursor=x").await.is_problem(400, "invalid_query", Some("cursor"));
    let long = format!("/discovery/search?query={}", "x".repeat(201));
    world.get(&long).await.is_problem(400, "invalid_query", Some("query"));
}

#[tokio::test]
async fn the_manifest_lists_urls() {
    let world = shop().await;
    let answer = world.get("/.well-known/x402").await;
    assert_eq!(answer.json["facilitator"], "http://127.0.0.1:4021");
    assert_eq!(answer.json["resources"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn the_openapi_document_prices_operations_at_their_server() {
    let world = shop().await;
    let answer = world.get("/openapi.json").await;
    let document = &answer.json;
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["servers"], json!([{"url": "http://127.0.0.1:4021"}]));
    let article = &document["paths"]["/articles/{id}"]["get"];
    let price = &article["x-payment-info"]["offers"][0];
    assert_eq!((&price["amount"], &price["currency"]), (&json!("2000000"), &json!("usd")));
    assert_eq!(article["servers"], json!([{"url": "http://127.0.0.1:4020"}]));
    assert_eq!(article["parameters"][0]["name"], "id");
    let podcast = &document["paths"]["/podcast"]["get"];
    assert_eq!(podcast["servers"], json!([{"url": "https://other.example"}]));
    assert!(document["paths"]["/settle"]["post"]["summary"].is_string());
}

#[tokio::test]
async fn language_models_read_what_is_for_sale_and_how_to_repeat() {
    let world = shop().await;
    let answer = world.get("/llms.txt").await;
    assert_eq!(answer.headers["content-type"], "text/plain; charset=utf-8");
    let text = std::str::from_utf8(&answer.bytes).unwrap();
    for line in [
        "- `GET http://127.0.0.1:4020/articles/{id}`: 0.002 USD. An article about Rust",
        "- `POST http://127.0.0.1:4020/api/render`: 0.002 USD. One rendered picture",
        "- `lookup` of the MCP server http://127.0.0.1:4020/mcp: 0.002 USD. A word explained",
        "- [OpenAPI document of the node, with prices](http://127.0.0.1:4021/openapi.json)",
    ] {
        assert!(text.lines().any(|told| told == line), "{line} is not in:\n{text}");
    }
    assert!(text.contains("Never sign a second payment"));
    let many = World::with(tempfile::tempdir().unwrap(), |node| {
        let payee = money::AccountId::new(77).unwrap();
        let one = offer(&node.engine, payee, Method::GET, "/a", &"long ".repeat(100));
        node.offers = watch::channel(vec![one; 5000]).1;
    });
    let answer = many.await.get("/llms.txt").await;
    let text = std::str::from_utf8(&answer.bytes).unwrap();
    assert!(text.len() < LLMS_BYTES_MAX + 4096, "{} bytes", text.len());
    assert!(text.contains(" more\n"), "{}", &text[text.len() - 500..]);
}

/// Every call that the document names exists, so the list cannot go stale unseen.
#[tokio::test]
async fn every_documented_call_exists() {
    let world = World::new().await;
    let document = world.get("/openapi.json").await.json;
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.len() > 10);
    for (path, item) in paths {
        for method in item.as_object().unwrap().keys() {
            let method: Method = method.to_uppercase().parse().unwrap();
            let request = crate::world::request(method.clone(), path, &[], "");
            let answer = world.send(request).await;
            assert_ne!(answer.status, 405, "{method} {path}");
            assert_ne!(answer.json["code"], "not_found", "{method} {path}");
        }
    }
}
