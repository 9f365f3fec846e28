//! Requests of every wrong kind: each gets a problem, none a server error.

use http::Method;
use serde_json::json;

use crate::world::{OPERATOR, World, request};

#[tokio::test]
async fn unknown_paths_and_methods_are_problems() {
    let world = World::new().await;
    for path in ["/nothing", "/v1/", "/v1/node/x", "/wallet/", "/v1/receipts/", "/%00", "/a%2fb"] {
        world.get(path).await.is_problem(404, "not_found", None);
    }
    for (method, path, allow) in [
        (Method::DELETE, "/v1/node", "GET,HEAD"),
        (Method::GET, "/settle", "POST"),
        (Method::POST, "/wallet", "GET,HEAD"),
        (Method::PUT, "/v1/fund", "POST"),
        (Method::GET, "/v1/payments/charge", "POST"),
        (Method::OPTIONS, "/v1/fund", "POST"),
    ] {
        let answer = world.send(request(method.clone(), path, &[], "")).await;
        answer.is_problem(405, "method_not_allowed", None);
        assert_eq!(answer.header("allow"), allow, "{method} {path}");
    }
}

#[tokio::test]
async fn fields_are_refused_by_name() {
    let world = World::new().await;
    for (body, code, param) in [
        ("", "invalid_json", "body"),
        ("[]", "invalid_json", "body"),
        ("{\"key\":\"a\"", "invalid_json", "body"),
        ("{\"key\":\"a\"} x", "invalid_json", "body"),
        ("\"key\"", "invalid_json", "body"),
        ("{}", "missing_field", "key"),
        ("{\"key\":7}", "invalid_field", "key"),
        ("{\"key\":null}", "invalid_field", "key"),
        ("{\"key\":{\"a\":[]}}", "invalid_field", "key"),
        ("{\"key\":\"a\",\"key\":\"a\"}", "repeated_field", "key"),
        ("{\"key\":\"a\",\"keys\":\"a\"}", "unknown_field", "keys"),
        ("{\"key\":\"a\"}", "invalid_key", "key"),
    ] {
        let answer = world.send(request(Method::POST, "/v1/faucet", &[], body)).await;
        answer.is_problem(400, code, Some(param));
    }
    let deep = format!("{{\"key\":{}{}}}", "[".repeat(2000), "]".repeat(2000));
    let answer = world.send(request(Method::POST, "/v1/faucet", &[], &deep)).await;
    answer.is_problem(400, "invalid_field", Some("key"));
}

#[tokio::test]
async fn bodies_are_bounded() {
    let world = World::new().await;
    let large = json!({"key": "a".repeat(9000)});
    for path in ["/v1/faucet", "/v1/mandates", "/v1/mandates/revoke"] {
        world.post(path, &large).await.is_problem(413, "body_too_large", Some("body"));
    }
    let operator = format!("Bearer {OPERATOR}");
    let headers = [("authorization", operator.as_str()), ("idempotency-key", "k")];
    let answer = world.post_with("/v1/fund", &headers, &large).await;
    answer.is_problem(413, "body_too_large", Some("body"));
}

/// A body that does not come to its end gives up after a while, by the paused clock of the test.
#[tokio::test(start_paused = true)]
async fn a_body_that_never_ends_times_out() {
    let world = World::new().await;
    let endless = axum::body::Body::from_stream(futures_util::stream::pending::<
        Result<bytes::Bytes, std::io::Error>,
    >());
    let request = http::Request::post("/v1/faucet").body(endless).unwrap();
    world.send(request).await.is_problem(408, "body_too_slow", Some("body"));
}

#[tokio::test]
async fn a_body_that_breaks_off_is_the_clients_fault() {
    let world = World::new().await;
    let broken = axum::body::Body::from_stream(futures_util::stream::iter([
        Ok(bytes::Bytes::from_static(b"{\"key\":")),
        Err(std::io::Error::other("gone")),
    ]));
    let request = http::Request::post("/v1/faucet").body(broken).unwrap();
    world.send(request).await.is_problem(400, "body_broken", Some("body"));
}

#[tokio::test]
async fn any_origin_may_ask_what_is_open_and_nothing_else() {
    let world = World::new().await;
    let origin = ("origin", "https://magazine.example");
    for (method, path) in [
        ("GET", "/v1/node"),
        ("GET", "/v1/receipts/pay_x"),
        ("POST", "/verify"),
        ("POST", "/settle"),
        ("GET", "/supported"),
        ("GET", "/discovery/resources"),
        ("GET", "/openapi.json"),
    ] {
        let asks = [origin, ("access-control-request-method", method)];
        let answer = world.send(request(Method::OPTIONS, path, &asks, "")).await;
        assert_eq!(answer.status, 204, "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), "*", "{path}");
        assert!(answer.header("access-control-allow-methods").contains(method));
        let method: Method = method.parse().unwrap();
        let answer = world.send(request(method, path, &[origin], "")).await;
        assert_eq!(answer.header("access-control-allow-origin"), "*", "{path}");
    }
    for path in ["/v1/payer", "/v1/accounts", "/v1/books", "/v1/fund", "/v1/faucet", "/wallet"] {
        for method in [Method::GET, Method::POST, Method::OPTIONS] {
            let answer = world.send(request(method, path, &[origin], "")).await;
            assert_eq!(answer.header("access-control-allow-origin"), "", "{path}");
        }
    }
}
