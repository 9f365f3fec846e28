//! The node about itself.

use crate::world::{START_MS, World};

#[tokio::test]
async fn a_node_says_who_it_is() {
    let world = World::new().await;
    let answer = world.get("/v1/node").await;
    assert_eq!(answer.status, 200);
    let node = world.engine.node();
    assert_eq!(answer.json["node"], node.to_string());
    assert_eq!(answer.json["network"], format!("farthing:{}", node.network_reference()));
    assert_eq!(answer.json["public_key"], world.node_key.public().to_string());
    let usd = serde_json::json!([{"asset": "USD", "scale": 9, "sandbox": true}]);
    assert_eq!(answer.json["assets"], usd);
    assert_eq!(answer.json["now_ms"], START_MS);
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert_eq!(answer.header("cache-control"), "no-store");
}

#[tokio::test]
async fn health_is_the_process_and_readiness_the_engine() {
    let world = World::new().await;
    assert_eq!(world.get("/healthz").await.status, 200);
    assert_eq!(world.get("/readyz").await.status, 200);
    world.engine.shutdown().await;
    assert_eq!(world.get("/healthz").await.status, 200);
    let answer = world.get("/readyz").await;
    answer.is_problem(503, "node_stopped", None);
    assert_eq!(answer.header("retry-after"), "30");
    assert_eq!(answer.json["retry"], "after_delay");
}

#[tokio::test]
async fn two_requests_have_two_ids() {
    let world = World::new().await;
    let (first, second) = (world.get("/healthz").await, world.get("/healthz").await);
    assert_ne!(first.header("request-id"), second.header("request-id"));
}
