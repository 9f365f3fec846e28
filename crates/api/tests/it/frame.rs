//! What holds for every call: the version, how often one may ask, whose address counts.

use api::{Peer, Rate, Rates};
use http::Method;

use crate::world::{Answer, GATEWAY, OPERATOR, World, request};

#[tokio::test]
async fn answers_name_the_version_and_others_are_refused() {
    let world = World::new().await;
    assert_eq!(world.get("/v1/node").await.header("api-version"), "2026-11-01");
    assert_eq!(world.get("/v1/nothing").await.header("api-version"), "2026-11-01");
    assert_eq!(world.get("/healthz").await.header("api-version"), "");
    let asked = async |value: &str| world.get_with("/v1/node", &[("api-version", value)]).await;
    assert_eq!(asked("2026-11-01").await.status, 200);
    for other in ["2026-11-02", "1", "", "2026-11-01, 2026-11-01"] {
        asked(other).await.is_problem(400, "unknown_api_version", Some("Api-Version"));
    }
}

async fn limited(rates: Rates) -> World {
    World::with(tempfile::tempdir().unwrap(), |node| {
        node.admission.rates = rates;
        node.admission.proxies = vec!["127.0.0.1".parse().unwrap()];
    })
    .await
}

async fn from(world: &World, peer: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = request(Method::GET, "/v1/node", headers, "");
    request.extensions_mut().insert(Peer(peer.parse().unwrap()));
    world.send(request).await
}

#[tokio::test]
async fn who_asks_too_often_waits() {
    let rates = Rates { address: Rate { requests: 2, seconds: 10 }, ..Rates::default() };
    let world = limited(rates).await;
    let first = from(&world, "192.0.2.1", &[]).await;
    assert_eq!(first.header("ratelimit-policy"), "\"address\";q=2;w=10");
    assert_eq!(first.header("ratelimit"), "\"address\";r=1;t=5");
    from(&world, "192.0.2.1", &[]).await;
    let third = from(&world, "192.0.2.1", &[]).await;
    third.is_problem(429, "rate_limited", None);
    assert_eq!(
        (third.header("retry-after"), third.json["retry"].as_str()),
        ("5", Some("after_delay"))
    );
    assert_eq!(third.header("ratelimit"), "\"address\";r=0;t=10");
    assert_eq!(from(&world, "192.0.2.2", &[]).await.status, 200, "another address");
    world.clock.advance_ms(5000);
    assert_eq!(from(&world, "192.0.2.1", &[]).await.status, 200);
}

#[tokio::test]
async fn a_wrong_token_does_not_escape_the_limit_and_a_right_one_does() {
    let rates = Rates { address: Rate { requests: 1, seconds: 10 }, ..Rates::default() };
    let world = limited(rates).await;
    let wrong = [("authorization", "Bearer wrong")];
    assert_eq!(from(&world, "192.0.2.1", &wrong).await.status, 200, "the call needs no token");
    from(&world, "192.0.2.1", &wrong).await.is_problem(429, "rate_limited", None);
    for token in [OPERATOR, GATEWAY] {
        let token = format!("Bearer {token}");
        let answer = from(&world, "192.0.2.1", &[("authorization", &token)]).await;
        assert_eq!((answer.status, answer.header("ratelimit")), (200, ""));
    }
}

#[tokio::test]
async fn payers_are_counted_apart_and_unproven_ones_with_their_address() {
    let rates = Rates { payer: Rate { requests: 1, seconds: 10 }, ..Rates::default() };
    let world = limited(rates).await;
    let access = world.access(&world.payer, |_| {});
    let proven = [("authorization", access.as_str())];
    let first = from(&world, "192.0.2.1", &proven).await;
    assert_eq!(first.header("ratelimit-policy"), "\"payer\";q=1;w=10");
    from(&world, "192.0.2.2", &proven).await.is_problem(429, "rate_limited", None);
    let forged = world.access(&world.payer, |access| access.issued_at_ms = 0);
    let answer = from(&world, "192.0.2.3", &[("authorization", &forged)]).await;
    assert!(answer.header("ratelimit-policy").starts_with("\"address\""));
}

#[tokio::test]
async fn the_faucet_is_bounded_for_each_address() {
    let rates = Rates { faucet: Rate { requests: 2, seconds: 60 }, ..Rates::default() };
    let world = limited(rates).await;
    let fill = |peer: &str, number| {
        let body = serde_json::json!({"key": crate::world::key(number).public().to_string()});
        let request = request(Method::POST, "/v1/faucet", &[], &body.to_string());
        let mut request = request;
        request.extensions_mut().insert(Peer(peer.parse().unwrap()));
        world.send(request)
    };
    for number in 20..22 {
        assert_eq!(fill("192.0.2.1", number).await.status, 200);
    }
    fill("192.0.2.1", 22).await.is_problem(429, "rate_limited", None);
    assert_eq!(fill("192.0.2.2", 22).await.status, 200);
}

#[tokio::test]
async fn the_address_is_the_clients_only_behind_a_trusted_proxy() {
    let rates = Rates { address: Rate { requests: 1, seconds: 10 }, ..Rates::default() };
    let world = limited(rates).await;
    let forwarded = |value| [("x-forwarded-for", value)];
    assert_eq!(from(&world, "127.0.0.1", &forwarded("192.0.2.1")).await.status, 200);
    assert_eq!(from(&world, "127.0.0.1", &forwarded("192.0.2.2")).await.status, 200);
    let again = from(&world, "127.0.0.1", &forwarded("8.8.8.8, 192.0.2.2")).await;
    again.is_problem(429, "rate_limited", None);
    let forged = from(&world, "192.0.2.2", &forwarded("192.0.2.77")).await;
    forged.is_problem(429, "rate_limited", None);
}
