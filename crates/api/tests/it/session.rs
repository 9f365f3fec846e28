//! Logging in: by password and by key, with a second secret for what changes something.

use http::Method;
use serde_json::{Value, json};

use crate::keys::{by, made, secret};
use crate::world::{Answer, OPERATOR, World, request};

const PASSWORD: &str = "correct horse battery";

async fn with_password() -> World {
    let world = World::new().await;
    set_password(&world, PASSWORD).await;
    world
}

async fn set_password(world: &World, password: &str) {
    let body = json!({"password": password});
    let set = by(world, Method::PUT, "/v1/session/password", OPERATOR, &body).await;
    assert_eq!(set.status, 204, "{set:?}");
}

async fn log_in(world: &World, body: &Value) -> Answer {
    world.post("/v1/session", body).await
}

/// The cookie that an answer sets, as a browser sends it back.
fn cookie(answer: &Answer) -> String {
    answer.header("set-cookie").split(';').next().unwrap().to_owned()
}

async fn ask(world: &World, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
    world.send(request(method, path, headers, "{}")).await
}

#[tokio::test]
async fn the_operator_logs_in_by_password_and_out_again() {
    let world = with_password().await;
    let begun = log_in(&world, &json!({"password": PASSWORD})).await;
    assert_eq!((begun.status, &begun.json["operator"]), (201, &json!(true)), "{begun:?}");
    let set = begun.header("set-cookie");
    for part in ["farthing-session=", "; HttpOnly", "; SameSite=Strict", "; Path=/"] {
        assert!(set.contains(part), "{set}");
    }
    let cookie = cookie(&begun);
    let own = [("cookie", cookie.as_str())];
    let shown = ask(&world, Method::GET, "/v1/session", &own).await;
    assert_eq!((shown.status, &shown.json), (200, &begun.json));
    assert_eq!(ask(&world, Method::GET, "/v1/accounts", &own).await.status, 200);

    let csrf = begun.json["csrf"].as_str().unwrap();
    ask(&world, Method::POST, "/v1/backup", &own).await.is_problem(403, "csrf_required", None);
    let wrong = [own[0], ("farthing-csrf", "wrong")];
    ask(&world, Method::POST, "/v1/backup", &wrong).await.is_problem(403, "csrf_required", None);
    let both = [own[0], ("farthing-csrf", csrf)];
    assert_eq!(ask(&world, Method::POST, "/v1/backup", &both).await.status, 200);

    let out = ask(&world, Method::DELETE, "/v1/session", &both).await;
    assert_eq!((out.status, out.header("set-cookie").contains("Max-Age=0")), (204, true));
    ask(&world, Method::GET, "/v1/accounts", &own).await.is_problem(401, "token_required", None);
    ask(&world, Method::GET, "/v1/session", &own).await.is_problem(401, "session_required", None);
}

#[tokio::test]
async fn a_payee_logs_in_by_a_key_and_sees_what_the_key_sees() {
    let world = World::new().await;
    let body = json!({"name": "p", "scopes": ["read"], "accounts": [world.payee]});
    let key = made(&world, &body).await;
    let begun = log_in(&world, &json!({"key": secret(&key)})).await;
    assert_eq!(begun.json["operator"], false);
    assert_eq!(begun.json["accounts"], json!([world.payee]));
    let cookie = cookie(&begun);
    let own = [("cookie", cookie.as_str())];
    let accounts = ask(&world, Method::GET, "/v1/accounts", &own).await;
    assert_eq!(accounts.json["accounts"].as_array().unwrap().len(), 1);
    ask(&world, Method::GET, "/v1/keys", &own).await.is_problem(403, "scope_missing", None);
    let path = format!("/v1/keys/{}", key.json["key_id"].as_str().unwrap());
    by(&world, Method::DELETE, &path, OPERATOR, &Value::Null).await;
    ask(&world, Method::GET, "/v1/accounts", &own).await.is_problem(401, "session_over", None);
}

#[tokio::test]
async fn a_session_ends_with_its_time_and_its_password() {
    let world = with_password().await;
    let begun = cookie(&log_in(&world, &json!({"password": PASSWORD})).await);
    let own = [("cookie", begun.as_str())];
    set_password(&world, "another password").await;
    ask(&world, Method::GET, "/v1/accounts", &own).await.is_problem(401, "token_required", None);
    log_in(&world, &json!({"password": PASSWORD})).await.is_problem(401, "login_wrong", None);
    let begun = cookie(&log_in(&world, &json!({"password": "another password"})).await);
    let own = [("cookie", begun.as_str())];
    world.clock.advance_ms(12 * 3_600_000 - 1);
    assert_eq!(ask(&world, Method::GET, "/v1/accounts", &own).await.status, 200);
    world.clock.advance_ms(1);
    ask(&world, Method::GET, "/v1/accounts", &own).await.is_problem(401, "token_required", None);
}

#[tokio::test]
async fn guessing_is_slow_and_soon_over() {
    let world = with_password().await;
    for number in 0..10 {
        let guess = json!({"password": format!("guess number {number}")});
        log_in(&world, &guess).await.is_problem(401, "login_wrong", None);
    }
    let late = log_in(&world, &json!({"password": PASSWORD})).await;
    late.is_problem(429, "rate_limited", None);
    world.clock.advance_ms(6000);
    assert_eq!(log_in(&world, &json!({"password": PASSWORD})).await.status, 201);
}

#[tokio::test]
async fn what_is_no_login_is_refused() {
    let world = World::new().await;
    let none = log_in(&world, &json!({"password": "nobody has set one"})).await;
    none.is_problem(401, "login_wrong", None);
    log_in(&world, &json!({"key": "fk_x"})).await.is_problem(401, "login_wrong", None);
    log_in(&world, &json!({})).await.is_problem(400, "missing_field", Some("password"));
    let both = log_in(&world, &json!({"key": "a", "password": "b"})).await;
    both.is_problem(400, "missing_field", Some("password"));
    let elsewhere = [("origin", "https://evil.example")];
    let answer = world.post_with("/v1/session", &elsewhere, &json!({"key": "fk_x"})).await;
    answer.is_problem(403, "other_origin", None);
    let short = json!({"password": "short"});
    let short = by(&world, Method::PUT, "/v1/session/password", OPERATOR, &short).await;
    short.is_problem(400, "invalid_field", Some("password"));
    let unknown = [("cookie", "farthing-session=AAAA")];
    let answer = ask(&world, Method::GET, "/v1/session", &unknown).await;
    answer.is_problem(401, "session_required", None);
}

#[tokio::test]
async fn over_tls_the_cookie_is_for_this_host_alone() {
    let https = |node: &mut api::Node| node.public_url = "https://pay.example".to_owned();
    let world = World::with(tempfile::tempdir().unwrap(), https).await;
    set_password(&world, PASSWORD).await;
    let begun = log_in(&world, &json!({"password": PASSWORD})).await;
    let set = begun.header("set-cookie");
    assert!(set.starts_with("__Host-farthing-session=") && set.ends_with("; Secure"), "{set}");
}

/// Also with the second secret, should another site have come by it.
#[tokio::test]
async fn another_site_cannot_use_a_session() {
    let world = with_password().await;
    let begun = log_in(&world, &json!({"password": PASSWORD})).await;
    let (cookie, csrf) = (cookie(&begun), begun.json["csrf"].as_str().unwrap());
    let from = |site| {
        let own = [("cookie", cookie.as_str()), ("farthing-csrf", csrf), ("sec-fetch-site", site)];
        let world = &world;
        async move { ask(world, Method::POST, "/v1/backup", &own).await }
    };
    for site in ["cross-site", "same-site", "", "none, cross-site"] {
        from(site).await.is_problem(403, "other_origin", None);
    }
    for site in ["same-origin", "none"] {
        assert_eq!(from(site).await.status, 200, "{site}");
    }
}

#[tokio::test]
async fn settings_change_one_by_one() {
    let world = World::new().await;
    let change =
        async |body: Value| by(&world, Method::PATCH, "/v1/settings", OPERATOR, &body).await;
    let named = change(json!({"name": "A node", "contact": "help@pay.example"})).await;
    assert_eq!(named.json, json!({"name": "A node", "contact": "help@pay.example"}));
    assert_eq!(change(json!({"contact": null})).await.json["name"], "A node");
    let shown = by(&world, Method::GET, "/v1/settings", OPERATOR, &Value::Null).await;
    assert_eq!(shown.json, json!({"name": "A node", "contact": null}));
    change(json!({"name": "n".repeat(201)})).await.is_problem(400, "invalid_field", Some("name"));
    change(json!({"colour": "red"})).await.is_problem(400, "unknown_field", Some("colour"));
}
