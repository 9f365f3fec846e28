//! Status, metrics and readiness: who may see them, and that they follow the node.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use api::{Backlog, Certificate, Monitor, TestClock, Traffic, Watched};
use serde_json::json;

use crate::world::{Answer, OPERATOR, World};

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

async fn get_as(world: &World, path: &str, token: &str) -> Answer {
    world.get_with(path, &[("authorization", &bearer(token))]).await
}

/// As the operator.
async fn put_ahead(world: &World, body: &serde_json::Value) -> Answer {
    world.post_with("/v1/clock", &[("authorization", &bearer(OPERATOR))], body).await
}

fn text(answer: &Answer) -> String {
    String::from_utf8(answer.bytes.clone()).unwrap()
}

#[tokio::test]
async fn only_the_operator_sees_how_the_node_is() {
    let world = World::new().await;
    for path in ["/v1/status", "/metrics", "/v1/clock"] {
        let refused = world.get(path).await;
        refused.is_problem(401, "token_required", None);
        assert_eq!(get_as(&world, path, "another token").await.status, 401, "{path}");
        assert_eq!(get_as(&world, path, OPERATOR).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn the_status_follows_the_books() {
    let world = World::new().await;
    let status = get_as(&world, "/v1/status", OPERATOR).await.json;
    assert_eq!(status["ready"], true);
    assert_eq!(status["alarms"], json!([]));
    assert_eq!(status["payments"], 0);
    assert_eq!(status["assets"][0]["asset"], "USD");
    assert_eq!(status["assets"][0]["liabilities"], crate::world::FUNDED.to_string());
    assert_eq!(status["log"], json!(null));
    assert!(status["writer"]["batches"].as_u64().unwrap() > 0, "{status}");
    world.engine.shutdown().await;
    let status = get_as(&world, "/v1/status", OPERATOR).await.json;
    assert_eq!((&status["ready"], &status["payments"]), (&json!(false), &json!(null)));
    assert_eq!(status["alarms"][0]["code"], "writer_stopped");
    assert_eq!(status["alarms"][0]["severity"], "page");
    let ready = world.get("/readyz").await;
    ready.is_problem(503, "node_stopped", None);
    assert_eq!(world.get("/healthz").await.status, 200, "the process still lives");
}

#[tokio::test]
async fn requests_are_counted_by_route_and_never_by_what_they_say() {
    let world = World::new().await;
    world.get("/v1/node").await;
    world.get("/v1/receipts/nonsense-that-a-caller-chose").await;
    world.get("/no/such/path-that-a-caller-chose").await;
    let page = text(&get_as(&world, "/metrics", OPERATOR).await);
    for line in [
        r#"farthing_http_requests_total{route="/v1/node",status="2xx"} 1"#,
        r#"farthing_http_requests_total{route="/v1/receipts/{pay_id}",status="4xx"} 1"#,
        r#"farthing_http_requests_total{route="none",status="4xx"} 1"#,
        r#"farthing_http_request_seconds_count{route="/v1/node"} 1"#,
        r#"farthing_liabilities{asset="USD"} 1"#,
        "farthing_ready 1",
        r#"farthing_alarm{alarm="writer_stopped",severity="page"} 0"#,
    ] {
        assert!(page.lines().any(|found| found == line), "{line} is missing in\n{page}");
    }
    assert!(!page.contains("caller-chose"), "{page}");
}

/// A clock that remembers how far it was put ahead.
#[derive(Default)]
struct Ahead(AtomicU64);

impl TestClock for Ahead {
    fn shift_ms(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    fn advance(&self, milliseconds: u64) -> std::io::Result<u64> {
        if milliseconds > 1_000_000 {
            return Err(std::io::ErrorKind::InvalidInput.into());
        }
        Ok(self.0.fetch_add(milliseconds, Ordering::SeqCst) + milliseconds)
    }
}

#[tokio::test]
async fn a_sandbox_has_a_clock_that_its_operator_puts_ahead() {
    let clock: Arc<dyn TestClock> = Arc::new(Ahead::default());
    let given = Arc::clone(&clock);
    let folder = tempfile::tempdir().unwrap();
    let world = World::with(folder, |node| node.clock = Some(given)).await;
    let ahead = put_ahead(&world, &json!({"advance_ms": 5_000})).await;
    assert_eq!((ahead.status, &ahead.json["shift_ms"]), (200, &json!(5_000)));
    for wrong in [json!({"advance_ms": 0}), json!({"advance_ms": 1_000_001})] {
        put_ahead(&world, &wrong).await.is_problem(400, "invalid_time", Some("advance_ms"));
    }
    for wrong in [json!({"advance_ms": -1}), json!({}), json!({"advance_ms": 1, "back": true})] {
        assert_eq!(put_ahead(&world, &wrong).await.status, 400);
    }
    let stranger = world.post("/v1/clock", &json!({"advance_ms": 5})).await;
    assert_eq!(stranger.status, 401);
    assert_eq!(clock.shift_ms(), 5_000);
}

#[tokio::test]
async fn real_money_has_no_such_clock_whatever_the_settings_say() {
    let ask = json!({"advance_ms": 5_000});
    put_ahead(&World::new().await, &ask).await.is_problem(404, "not_sandbox", None);
    let clock: Arc<dyn TestClock> = Arc::new(Ahead::default());
    let given = Arc::clone(&clock);
    let folder = tempfile::tempdir().unwrap();
    let world = World::with(folder, |node| node.clock = Some(given)).await;
    let real = money::Asset::new("EUR", 9).unwrap();
    world.engine.open_asset(real, false).await.unwrap();
    put_ahead(&world, &ask).await.is_problem(404, "not_sandbox", None);
    assert_eq!(clock.shift_ms(), 0);
}

#[tokio::test]
async fn the_listener_of_its_own_asks_for_no_token() {
    let world = World::new().await;
    let backlog = Backlog { webhooks_dead: Some(2), ..Backlog::default() };
    let monitor = Monitor::new(Watched {
        engine: world.engine.clone(),
        data: world.folder.path().to_owned(),
        version: "1.2.3",
        log: None,
        clock: None,
        backlog: Arc::new(move || backlog),
        traffic: Traffic::default(),
        certificates: Arc::new(|| {
            let (file, refused) = ("pay.pem".to_owned(), Some("why".to_owned()));
            vec![Certificate { file, expires_at_ms: 4_000, refused }]
        }),
    });
    let page = monitor.metrics().await;
    assert!(page.contains("farthing_build_info{version=\"1.2.3\"} 1\n"), "{page}");
    assert!(page.contains("farthing_webhook_dead_total 2\n"), "{page}");
    let ends = "farthing_certificate_expires_seconds{certificate=\"pay.pem\"} 4\n";
    assert!(page.contains(ends), "{page}");
    assert!(page.contains("farthing_certificate_refused{certificate=\"pay.pem\"} 1\n"), "{page}");
    assert!(page.contains("farthing_alarm{alarm=\"webhooks_dead\",severity=\"ticket\"} 1\n"));
    assert!(!page.contains("farthing_log_") && !page.contains("farthing_report_"), "{page}");
}
