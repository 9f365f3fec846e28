//! Endpoints of webhooks, their deliveries, and events as list and stream.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::post;
use engine::SystemClock;
use http::{HeaderMap, Method};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tower::ServiceExt as _;
use webhook::{EngineSource, Options, Seal, Secret};

use crate::world::{Answer, OPERATOR, World, request};

type Got = Arc<Mutex<Vec<(HeaderMap, Vec<u8>)>>>;

/// A node that sends webhooks.
async fn world(allow_private: bool) -> World {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(webhook::FILE);
    World::with(folder, |node| {
        let options = Options {
            path,
            node: node.engine.node(),
            seal: Seal::new(&[5; 32]),
            clock: Arc::new(SystemClock),
            in_flight_count: 1,
            allow_private,
        };
        let source = EngineSource::new(node.engine.clone());
        node.webhooks = Some(webhook::start(source, node.engine.events_end(), options).unwrap());
    })
    .await
}

async fn receiver() -> (String, Got) {
    let (got, listener) = (Got::default(), TcpListener::bind("127.0.0.1:0").await.unwrap());
    let url = format!("http://{}/hooks", listener.local_addr().unwrap());
    let own = Arc::clone(&got);
    let take = move |headers: HeaderMap, body: bytes::Bytes| {
        own.lock().unwrap().push((headers, body.to_vec()));
        async {}
    };
    let app = Router::new().route("/hooks", post(take));
    tokio::spawn(async move { axum::serve(listener, app).await });
    (url, got)
}

async fn ask(world: &World, method: Method, path: &str, body: &Value) -> Answer {
    let operator = format!("Bearer {OPERATOR}");
    let body = if method == Method::GET { String::new() } else { body.to_string() };
    world.send(request(method, path, &[("authorization", &operator)], &body)).await
}

async fn get(world: &World, path: &str) -> Answer {
    ask(world, Method::GET, path, &json!({})).await
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < end, "in vain: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

fn text(answer: &Value, name: &str) -> String {
    answer[name].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_is_told_to_an_endpoint_and_its_delivery_shown() {
    let (world, (url, got)) = (world(true).await, receiver().await);
    let wanted = json!({"url": url, "events": ["payment.settled"]});
    let made = ask(&world, Method::POST, "/v1/webhook-endpoints", &wanted).await;
    assert_eq!(made.status, 201, "{made:?}");
    let id = text(&made.json, "webhook_endpoint");
    let path = format!("/v1/webhook-endpoints/{id}");
    let secret = Secret::parse(&text(&made.json, "secret")).unwrap();
    let payment = world.settled(1).await;
    until("it arrives", || got.lock().unwrap().len() == 1).await;
    let (headers, body) = got.lock().unwrap()[0].clone();
    let header = |name| headers[name].to_str().unwrap();
    let at_s = header("webhook-timestamp").parse().unwrap();
    assert_eq!(header("webhook-signature"), secret.sign(header("webhook-id"), at_s, &body));
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["type"], "payment.settled");
    assert_eq!(body["data"]["payment"], json!(payment));
    assert_eq!(body["data"]["amount"], crate::world::PRICE.to_string());

    let listed = get(&world, "/v1/events?type=payment.settled").await;
    assert_eq!(listed.json["data"], json!([body]));

    let shown = get(&world, &path).await;
    assert_eq!(shown.json.get("secret"), None, "{shown:?}");
    let deliveries = || async { get(&world, &format!("{path}/deliveries")).await.json };
    let mut delivery = deliveries().await["data"][0].clone();
    while delivery["state"] == "pending" {
        delivery = deliveries().await["data"][0].clone();
    }
    assert_eq!((&delivery["state"], &delivery["status"]), (&json!("delivered"), &json!(200)));
    assert_eq!(delivery["event"], body["id"]);
    let again = format!("/v1/deliveries/{}/redeliver", text(&delivery, "delivery"));
    assert_eq!(ask(&world, Method::POST, &again, &json!({})).await.status, 200);
    until("it arrives again", || got.lock().unwrap().len() == 2).await;
    assert_eq!(got.lock().unwrap()[1].0["webhook-id"], headers["webhook-id"]);
    let replayed =
        ask(&world, Method::POST, &format!("{path}/replay"), &json!({"since_ms": 0})).await;
    assert_eq!(replayed.json["position"], 0, "{replayed:?}");
    until("and again", || got.lock().unwrap().len() == 3).await;
    let pinged = ask(&world, Method::POST, &format!("{path}/ping"), &json!({})).await;
    assert_eq!(pinged.json["sent"], true);
    until("a test", || got.lock().unwrap().len() == 4).await;

    let off = ask(&world, Method::PATCH, &path, &json!({"active": false})).await;
    assert_eq!((&off.json["active"], &off.json["url"]), (&json!(false), &json!(url)));
    let gone = ask(&world, Method::DELETE, &path, &json!({})).await;
    assert_eq!(gone.json["deleted"], true, "{gone:?}");
    get(&world, &path).await.is_problem(404, "webhook_endpoint_unknown", Some("we_id"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_secret_and_a_key_pair_are_shown_as_far_as_receivers_need_them() {
    let world = world(true).await;
    let wanted = json!({"url": "http://127.0.0.1:1/", "events": ["*"], "signature": "ed25519"});
    let made = ask(&world, Method::POST, "/v1/webhook-endpoints", &wanted).await;
    assert!(text(&made.json, "public_key").starts_with("whpk_"));
    assert_eq!(made.json["secret"], Value::Null);
    let path =
        format!("/v1/webhook-endpoints/{}/rotate-secret", text(&made.json, "webhook_endpoint"));
    let changed = ask(&world, Method::POST, &path, &json!({})).await;
    assert_ne!(changed.json["public_key"], made.json["public_key"]);
    let listed = get(&world, "/v1/webhook-endpoints").await;
    assert_eq!(listed.json["data"][0]["public_key"], changed.json["public_key"]);
    assert_eq!(listed.json["data"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_an_endpoint_is_refused_by_name() {
    let world = world(false).await;
    let post = |body: Value| {
        let world = &world;
        async move { ask(world, Method::POST, "/v1/webhook-endpoints", &body).await }
    };
    let url = "https://shop.example/hooks";
    let refused = post(json!({"url": "http://shop.example/", "events": ["*"]})).await;
    refused.is_problem(400, "invalid_url", Some("url"));
    let refused = post(json!({"url": "https://169.254.169.254/", "events": ["*"]})).await;
    refused.is_problem(400, "private_address", Some("url"));
    let refused = post(json!({"url": url, "events": ["payment.lost"]})).await;
    refused.is_problem(400, "unknown_event", Some("events"));
    let nobody =
        json!({"url": url, "events": ["*"], "accounts": ["acc_0000000000000000000000zzzz"]});
    post(nobody).await.is_problem(400, "invalid_account", Some("accounts"));
    post(json!({"url": url})).await.is_problem(400, "missing_field", Some("events"));
    let nobody = request(Method::GET, "/v1/webhook-endpoints", &[], "");
    world.send(nobody).await.is_problem(401, "token_required", None);
    get(&world, "/v1/events?type=x").await.is_problem(400, "unknown_event", Some("type"));
    let made_up = ask(&world, Method::POST, "/v1/sandbox/events", &json!({"type": "x"})).await;
    made_up.is_problem(400, "unknown_event", Some("type"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stream_goes_on_behind_the_last_event_that_was_seen() {
    let world = world(true).await;
    world.settled(1).await;
    let stream = |last: Option<String>, query: &'static str| {
        let operator = format!("Bearer {OPERATOR}");
        let last = last.unwrap_or_default();
        let mut headers = vec![("authorization", operator.as_str())];
        if !last.is_empty() {
            headers.push(("last-event-id", &last));
        }
        let request = request(Method::GET, &format!("/v1/events/stream{query}"), &headers, "");
        world.app.clone().oneshot(request)
    };
    let mut all = stream(None, "?from=0&type=payment.settled").await.unwrap().into_body();
    let first = frame(&mut all).await;
    assert!(first.contains("event: payment.settled\n"), "{first}");
    let id = first.lines().find_map(|line| line.strip_prefix("id: ")).unwrap().to_owned();
    let mut rest = stream(Some(id), "?type=payment.settled").await.unwrap().into_body();
    let second = world.settled(2).await;
    let next = frame(&mut rest).await;
    assert!(next.contains(&second), "{next}");
    let wanted = json!({"type": "payment.settled"});
    let made_up = ask(&world, Method::POST, "/v1/sandbox/events", &wanted).await;
    assert_eq!(made_up.json["webhook_endpoints"], 0);
    assert!(frame(&mut rest).await.contains("\"test\":true"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payers_stream_tells_what_changed_and_nothing_twice() {
    let world = world(true).await;
    let stream = |access: String| {
        let headers = [("authorization", access.as_str())];
        world.app.clone().oneshot(request(Method::GET, "/v1/payer/stream", &headers, ""))
    };
    let strangers = stream(world.access(&crate::world::key(20), |_| {})).await.unwrap();
    assert_eq!(strangers.status(), 404);
    let mut told = stream(world.access(&world.payer, |_| {})).await.unwrap().into_body();
    let payer = |frame: String| -> Value {
        let data = frame.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
        serde_json::from_str(data).unwrap()
    };
    let before = payer(frame(&mut told).await);
    assert_eq!(before["payments"], json!([]));
    // An event that changes nothing for this payer tells nothing.
    let wanted = json!({"name": "k", "scopes": ["read"]});
    ask(&world, Method::POST, "/v1/keys", &wanted).await;
    let paid = world.settled(1).await;
    let mut after = payer(frame(&mut told).await);
    while after["payments"][0]["state"] != "settled" {
        after = payer(frame(&mut told).await);
    }
    assert_eq!(after["payments"][0]["payment"], paid);
    assert_ne!(after["available"], before["available"]);
}

async fn frame(body: &mut axum::body::Body) -> String {
    let frame = tokio::time::timeout(Duration::from_secs(30), body.frame()).await;
    let frame = frame.unwrap().unwrap().unwrap();
    String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap()
}
