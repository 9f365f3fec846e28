//! Priced tools of an MCP server: one purchase for a call, in the words of x402 and of MPP.

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gateway::{Node, Offer, PathPattern, Routes, Tool, ToolName};
use http::{HeaderValue, Method, Response};
use http402::x402::PaymentRequired;
use serde_json::{Value, json};

use crate::books::Books;
use crate::client::{Wanted, send};
use crate::shop::{self, JOB, offer, paywall_at};
use crate::upstream::Upstream;

const CREDENTIAL: &str = "org.paymentauth/credential";

struct Site {
    books: Books,
    upstream: Upstream,
    at: std::net::SocketAddr,
}

async fn site() -> Site {
    let (books, upstream) = (Books::open().await, Upstream::default());
    let behind = upstream.serve().await;
    upstream.on("/mcp", |seen| async move {
        let message: Value = serde_json::from_slice(&seen.body.unwrap()).unwrap();
        assert!(!seen.headers.contains_key("payment-authorization"));
        assert!(message["params"]["_meta"].get(CREDENTIAL).is_none(), "{message}");
        let failed = message["params"]["arguments"]["word"] == "dodo";
        let text = json!({"content": [{"type": "text", "text": "a bird"}], "isError": failed});
        let answer = json!({"jsonrpc": "2.0", "id": message["id"], "result": text});
        Response::builder()
            .header("content-type", "application/json")
            .body(Body::from(answer.to_string()))
            .unwrap()
    });
    let tool = Tool { endpoint: "/mcp".to_owned(), name: ToolName::new("lookup").unwrap() };
    let path = PathPattern::parse(&tool.path()).unwrap();
    let priced = Offer { path, tool: Some(tool), ..offer("/x", &[Method::POST], JOB) };
    let node = Node::Local(books.engine.clone());
    let paywall = paywall_at(node, &books, Routes::new(vec![priced]).unwrap(), None);
    let at = shop::serve(paywall, behind).await;
    Site { books, upstream, at }
}

impl Site {
    async fn call(&self, id: u64, word: &str, meta: Value) -> Value {
        self.call_with(id, word, meta, &[]).await
    }

    async fn call_with(&self, id: u64, word: &str, meta: Value, headers: &[(&str, &str)]) -> Value {
        let params = json!({"name": "lookup", "arguments": {"word": word}, "_meta": meta});
        let call = json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params});
        let mut wanted = Wanted::post("/mcp", call.to_string());
        for (name, value) in headers {
            wanted = wanted.with(name, value);
        }
        let got = send(self.at, &wanted).await;
        assert_eq!((got.status, got.header("content-type")), (200, "application/json"));
        let answer: Value = serde_json::from_slice(&got.body).unwrap();
        assert_eq!(answer["id"], id);
        answer
    }

    /// A credential that pays for the word, as a client of MPP makes it of a result.
    async fn credential(&self, word: &str) -> Value {
        let asked = self.call(0, word, json!({})).await["result"].take();
        let required = STANDARD.encode(asked["structuredContent"].to_string());
        let required = PaymentRequired::decode_header(&HeaderValue::try_from(required).unwrap());
        let (_, payment) = self.books.payer.pay(&required.unwrap()).header();
        let payment: Value = serde_json::from_slice(&STANDARD.decode(payment).unwrap()).unwrap();
        let challenges = &asked["_meta"]["org.paymentauth/payment-required"]["challenges"];
        json!({"challenge": challenges[0], "payload": payment["payload"]})
    }
}

#[tokio::test]
async fn a_credential_pays_one_execution_however_often_it_comes() {
    let site = site().await;
    let credential = site.credential("wren").await;
    let calls = (1..6).map(|id| site.call(id, "wren", json!({CREDENTIAL: credential})));
    for mut answer in futures_util::future::join_all(calls).await {
        let result = answer["result"].take();
        assert_eq!(result["content"][0]["text"], "a bird", "{result}");
        let receipt = &result["_meta"]["org.paymentauth/receipt"];
        assert_eq!(
            (&receipt["status"], &receipt["method"]),
            (&json!("success"), &json!("farthing"))
        );
        assert_eq!(receipt["challengeId"], credential["challenge"]["id"]);
        assert!(receipt["reference"].as_str().unwrap().starts_with("pay_"));
    }
    assert_eq!(site.upstream.count(), 1);
    site.books.assert_paid(JOB).await;
    let other = site.call(9, "robin", json!({CREDENTIAL: credential})).await;
    assert_eq!(other["error"]["code"], -32_043, "{other}");
    assert_eq!(other["error"]["data"]["failure"]["reason"], "challenge_digest");
    assert_eq!(other["error"]["data"]["challenges"][0]["intent"], "charge");
    site.books.assert_paid(JOB).await;
}

#[tokio::test]
async fn a_tool_that_fails_costs_nothing() {
    let site = site().await;
    let credential = site.credential("dodo").await;
    let answer = site.call(1, "dodo", json!({CREDENTIAL: credential})).await;
    assert_eq!(answer["result"]["isError"], true, "{answer}");
    assert_eq!(answer["result"].get("_meta"), None);
    site.books.assert_paid(0).await;
}

#[tokio::test]
async fn who_speaks_mpp_is_asked_by_an_error() {
    let site = site().await;
    let accepts = ("accept-payment", "farthing/charge");
    let own = ("authorization", "Bearer of-the-server");
    let asked = site.call_with(1, "wren", json!({}), &[accepts, own]).await;
    assert_eq!(asked["error"]["code"], -32_042, "{asked}");
    let data = &asked["error"]["data"];
    assert_eq!(
        (&data["httpStatus"], data["challenges"].as_array().unwrap().len()),
        (&json!(402), 1)
    );
    assert_eq!(data["challenges"][0]["request"]["amount"], JOB.to_string());
    assert_eq!(data["challenges"][0].get("header"), None, "the payment stands in the message");
    assert_eq!(data["x402"]["x402Version"], 2);
    for broken in [json!("text"), json!({}), json!({"challenge": data["challenges"][0]})] {
        let refused = site.call(2, "wren", json!({CREDENTIAL: broken})).await;
        assert_eq!(refused["error"]["code"], -32_602, "{refused}");
    }
    assert_eq!(site.upstream.count(), 0);
}
