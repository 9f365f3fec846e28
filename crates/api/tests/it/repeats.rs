//! Repeated settlements: the same name gets the first answer, everything else pays for nothing.

use http402::x402::FACILITATOR_BODY_BYTES_MAX;
use instrument::SignedOrder;
use serde_json::json;

use crate::world::{PRICE, World, facilitator_body};

const KEY: (&str, &str) = ("idempotency-key", "pay_once");

/// F7: a repeat under the same name reaches the first result, and is credited once.
#[tokio::test]
async fn the_same_name_gets_the_first_answer_again() {
    let world = World::new().await;
    let body = world.pays(world.order(1));
    let first = world.post_with("/settle", &[KEY], &body).await;
    assert_eq!(first.json["success"], true);
    world.clock.advance_ms(3_600_000);
    let again = world.post_with("/settle", &[KEY], &body).await;
    assert_eq!(again.json, first.json);
    assert_eq!(world.moved().await, PRICE);
}

#[tokio::test]
async fn copies_under_one_name_all_get_the_answer() {
    let world = World::new().await;
    let body = world.pays(world.order(1));
    let copies = tokio::join!(
        world.post_with("/settle", &[KEY], &body),
        world.post_with("/settle", &[KEY], &body),
        world.post_with("/settle", &[KEY], &body),
    );
    for copy in [&copies.0, &copies.1, &copies.2] {
        assert_eq!(copy.json["success"], true, "{copy:?}");
        assert_eq!(copy.json, copies.0.json);
    }
    assert_eq!(world.moved().await, PRICE);
}

#[tokio::test]
async fn another_name_or_none_is_a_duplicate() {
    let world = World::new().await;
    let body = world.pays(world.order(1));
    world.post_with("/settle", &[KEY], &body).await;
    for headers in [&[][..], &[("idempotency-key", "another")]] {
        let answer = world.post_with("/settle", headers, &body).await;
        assert_eq!(answer.json["errorReason"], "duplicate_settlement", "{headers:?}");
        assert_eq!(answer.json["transaction"], world.order(1).payment_id().to_string());
    }
}

#[tokio::test]
async fn a_name_given_later_does_not_take_over_a_payment() {
    let world = World::new().await;
    world.settled(1).await;
    let answer = world.post_with("/settle", &[KEY], &world.pays(world.order(1))).await;
    assert_eq!(answer.json["errorReason"], "duplicate_settlement");
}

#[tokio::test]
async fn a_name_stands_for_one_order_and_its_terms() {
    let world = World::new().await;
    world.post_with("/settle", &[KEY], &world.pays(world.order(1))).await;
    let other = world.post_with("/settle", &[KEY], &world.pays(world.order(2))).await;
    assert_eq!(other.json["errorReason"], "idempotency_conflict");
    let mut challenge = world.challenge();
    challenge.max_timeout_seconds = 60;
    let signed = SignedOrder::sign(world.order(1), &world.payer);
    let body = facilitator_body(&signed, &challenge);
    let other = world.post_with("/settle", &[KEY], &body).await;
    assert_eq!(other.json["success"], false);
    assert_eq!(world.moved().await, PRICE);
}

#[tokio::test]
async fn names_survive_a_restart() {
    let world = World::new().await;
    let body = world.pays(world.order(1));
    let first = world.post_with("/settle", &[KEY], &body).await;
    world.engine.shutdown().await;
    let world = World::with(world.folder, |_| {}).await;
    assert_eq!(world.post_with("/settle", &[KEY], &body).await.json, first.json);
    let copy = world.post("/settle", &body).await;
    assert_eq!(copy.json["errorReason"], "duplicate_settlement");
    assert_eq!(world.moved().await, PRICE);
}

#[tokio::test]
async fn names_are_bounded() {
    let world = World::new().await;
    let body = world.pays(world.order(1));
    let long = "k".repeat(256);
    for headers in [
        vec![("idempotency-key", long.as_str())],
        vec![("idempotency-key", "")],
        vec![("idempotency-key", "naïve")],
        vec![KEY, ("idempotency-key", "second")],
    ] {
        let answer = world.post_with("/settle", &headers, &body).await;
        assert_eq!(answer.json["errorReason"], "invalid_idempotency_key", "{headers:?}");
    }
    assert_eq!(world.moved().await, 0);
}

/// F5, F8: there is no pending answer; a node that cannot decide says so and takes nothing.
#[tokio::test]
async fn a_node_that_stopped_neither_succeeds_nor_pends() {
    let world = World::new().await;
    let body = world.pays(world.order(1));
    world.engine.shutdown().await;
    let settled = world.post_with("/settle", &[KEY], &body).await;
    assert_eq!(settled.status, 503);
    assert_eq!(settled.json["success"], false);
    assert_eq!(settled.json["errorReason"], "node_stopped");
    assert_eq!(settled.header("retry-after"), "30");
    let verified = world.post("/verify", &body).await;
    assert_eq!((verified.status, &verified.json["isValid"]), (503, &json!(false)));
    let world = World::with(world.folder, |_| {}).await;
    assert_eq!(world.moved().await, 0);
    let settled = world.post_with("/settle", &[KEY], &body).await;
    assert_eq!(settled.json["success"], true);
    assert_eq!(world.moved().await, PRICE);
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused_with_a_verdict() {
    let world = World::new().await;
    let mut body = world.pays(world.order(1));
    body["padding"] = json!("x".repeat(FACILITATOR_BODY_BYTES_MAX));
    let verified = world.post("/verify", &body).await;
    assert_eq!((verified.status, &verified.json["isValid"]), (413, &json!(false)));
    assert_eq!(verified.json["invalidReason"], "body_too_large");
    let settled = world.post("/settle", &body).await;
    assert_eq!((settled.status, &settled.json["success"]), (413, &json!(false)));
}
