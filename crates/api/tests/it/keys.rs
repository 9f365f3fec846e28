//! API keys: made once, shown once, limited in what they may do, gone when deleted.

use api::Peer;
use http::Method;
use serde_json::{Value, json};

use crate::world::{Answer, OPERATOR, START_MS, World, request};

pub async fn by(world: &World, method: Method, path: &str, token: &str, body: &Value) -> Answer {
    let token = format!("Bearer {token}");
    let body = if body.is_null() { String::new() } else { body.to_string() };
    world.send(request(method, path, &[("authorization", &token)], &body)).await
}

pub async fn made(world: &World, key: &Value) -> Answer {
    let answer = by(world, Method::POST, "/v1/keys", OPERATOR, key).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer
}

pub fn secret(made: &Answer) -> &str {
    made.json["secret"].as_str().unwrap()
}

#[tokio::test]
async fn a_key_is_shown_once_and_counts_until_it_is_deleted() {
    let world = World::new().await;
    let made = made(&world, &json!({"name": "reader", "scopes": ["read"]})).await;
    assert_eq!(
        (made.json["name"].as_str(), &made.json["accounts"]),
        (Some("reader"), &Value::Null)
    );
    let path = format!("/v1/keys/{}", made.json["key_id"].as_str().unwrap());
    let shown = by(&world, Method::GET, &path, OPERATOR, &Value::Null).await;
    assert_eq!((shown.status, &shown.json["secret"]), (200, &Value::Null));
    let listed = by(&world, Method::GET, "/v1/keys", OPERATOR, &Value::Null).await;
    assert_eq!(listed.json, json!({"data": [shown.json], "next_cursor": null}));
    assert!(!String::from_utf8_lossy(&listed.bytes).contains("hash"));

    let asked = by(&world, Method::GET, "/v1/accounts", secret(&made), &Value::Null).await;
    assert_eq!((asked.status, asked.header("ratelimit-policy")), (200, "\"key\";q=60000;w=60"));
    let gone = by(&world, Method::DELETE, &path, OPERATOR, &Value::Null).await;
    assert_eq!((gone.status, gone.bytes.len()), (204, 0));
    let asked = by(&world, Method::GET, "/v1/accounts", secret(&made), &Value::Null).await;
    asked.is_problem(401, "token_wrong", None);
    let again = by(&world, Method::DELETE, &path, OPERATOR, &Value::Null).await;
    again.is_problem(404, "key_unknown", None);
}

#[tokio::test]
async fn keys_are_there_after_a_restart_and_listed_in_pages() {
    let world = World::new().await;
    let mut ids = Vec::new();
    let mut first = None;
    for number in 0..5 {
        let key = made(&world, &json!({"name": format!("{number}"), "scopes": ["read"]})).await;
        ids.push(key.json["key_id"].as_str().unwrap().to_owned());
        first.get_or_insert(secret(&key).to_owned());
    }
    ids.sort();
    world.engine.shutdown().await;
    let world = World::with(world.folder, |_| {}).await;
    let asked = by(&world, Method::GET, "/v1/accounts", &first.unwrap(), &Value::Null).await;
    assert_eq!(asked.status, 200);
    let (mut cursor, mut seen) = (String::new(), Vec::new());
    loop {
        let path = format!("/v1/keys?limit=2{cursor}");
        let page = by(&world, Method::GET, &path, OPERATOR, &Value::Null).await.json;
        let rows = page["data"].as_array().unwrap();
        seen.extend(rows.iter().map(|key| key["key_id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen, ids);
}

#[tokio::test]
async fn a_key_does_what_its_scopes_say_and_no_more() {
    let world = World::new().await;
    let reader = made(&world, &json!({"name": "r", "scopes": ["read"]})).await;
    let keeper = made(&world, &json!({"name": "k", "scopes": ["keys:write"]})).await;
    let all = made(&world, &json!({"name": "o", "scopes": ["operator"]})).await;
    let nothing = Value::Null;
    for (method, path, reads, keeps) in [
        (Method::GET, "/v1/accounts", true, false),
        (Method::GET, "/v1/books", true, false),
        (Method::GET, "/v1/settings", true, false),
        (Method::GET, "/v1/keys", false, true),
        (Method::POST, "/v1/backup", false, false),
        (Method::POST, "/v1/fund", false, false),
        (Method::PATCH, "/v1/settings", false, false),
        (Method::PUT, "/v1/session/password", false, false),
    ] {
        for (key, may) in [(&reader, reads), (&keeper, keeps)] {
            let answer = by(&world, method.clone(), path, secret(key), &nothing).await;
            if may {
                assert_eq!(answer.status, 200, "{path} {answer:?}");
            } else {
                answer.is_problem(403, "scope_missing", None);
            }
        }
        let answer = by(&world, method, path, secret(&all), &nothing).await;
        assert!(![401, 403].contains(&answer.status), "{path} {answer:?}");
    }
    let gateway = by(&world, Method::POST, "/v1/payments/hold", secret(&all), &json!({})).await;
    gateway.is_problem(401, "token_wrong", None);
}

#[tokio::test]
async fn a_key_for_one_payee_sees_that_one_alone() {
    let world = World::new().await;
    world.settled(1).await;
    let key =
        made(&world, &json!({"name": "p", "scopes": ["read"], "accounts": [world.payee]})).await;
    let accounts = by(&world, Method::GET, "/v1/accounts", secret(&key), &Value::Null).await;
    let seen = accounts.json["accounts"].as_array().unwrap();
    assert_eq!((seen.len(), &seen[0]["account"]), (1, &json!(world.payee)));
    for path in [format!("/v1/transfers?account={}", world.payer_account()), "/v1/books".to_owned()]
    {
        let answer = by(&world, Method::GET, &path, secret(&key), &Value::Null).await;
        answer.is_problem(403, "account_not_allowed", None);
    }
    let path = format!("/v1/transfers?account={}", world.payee);
    let own = by(&world, Method::GET, &path, secret(&key), &Value::Null).await;
    assert_eq!(own.json["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_key_ends_and_counts_only_at_its_paths_and_addresses() {
    let world = World::new().await;
    let key = made(
        &world,
        &json!({"name": "k", "scopes": ["read"], "routes": ["/v1/accounts"],
            "addresses": ["192.0.2.0/24"], "expires_at_ms": START_MS + 1000}),
    )
    .await;
    let asked = async |path: &str, peer: &str| {
        let token = format!("Bearer {}", secret(&key));
        let mut request = request(Method::GET, path, &[("authorization", &token)], "");
        request.extensions_mut().insert(Peer(peer.parse().unwrap()));
        world.send(request).await
    };
    assert_eq!(asked("/v1/accounts", "192.0.2.7").await.status, 200);
    asked("/v1/accounts", "192.0.3.7").await.is_problem(403, "key_address", None);
    asked("/v1/settings", "192.0.2.7").await.is_problem(403, "key_route", None);
    world.clock.advance_ms(1000);
    asked("/v1/accounts", "192.0.2.7").await.is_problem(401, "key_expired", None);
}

#[tokio::test]
async fn no_key_makes_sees_or_deletes_one_that_can_more() {
    let world = World::new().await;
    let body = json!({"name": "k", "scopes": ["keys:write", "read"], "accounts": [world.payee]});
    let keeper = made(&world, &body).await;
    let all = made(&world, &json!({"name": "o", "scopes": ["operator"]})).await;
    for more in [
        json!({"name": "m", "scopes": ["read"]}),
        json!({"name": "m", "scopes": ["operator"], "accounts": [world.payee]}),
        json!({"name": "m", "scopes": ["read"], "accounts": [world.payee, world.payer_account()]}),
    ] {
        let answer = by(&world, Method::POST, "/v1/keys", secret(&keeper), &more).await;
        answer.is_problem(403, "key_beyond_own", None);
    }
    let less = json!({"name": "m", "scopes": ["read"], "accounts": [world.payee]});
    let less = by(&world, Method::POST, "/v1/keys", secret(&keeper), &less).await;
    assert_eq!(less.status, 201, "{less:?}");
    let listed = by(&world, Method::GET, "/v1/keys", secret(&keeper), &Value::Null).await;
    assert_eq!(listed.json["data"].as_array().unwrap().len(), 2, "its own and the one it made");
    let path = format!("/v1/keys/{}", all.json["key_id"].as_str().unwrap());
    for method in [Method::GET, Method::DELETE] {
        let answer = by(&world, method, &path, secret(&keeper), &Value::Null).await;
        answer.is_problem(404, "key_unknown", None);
    }
}

#[tokio::test]
async fn a_key_that_makes_no_sense_is_not_made() {
    let world = World::new().await;
    let good = json!({"name": "k", "scopes": ["read"]});
    for (field, value, code) in [
        ("name", json!(" "), "invalid_field"),
        ("name", json!("n".repeat(101)), "invalid_field"),
        ("name", json!(7), "invalid_field"),
        ("scopes", json!([]), "invalid_field"),
        ("scopes", json!(["write"]), "invalid_field"),
        ("accounts", json!([]), "invalid_field"),
        ("accounts", json!(["acc_1"]), "invalid_field"),
        ("assets", json!(["usd"]), "invalid_field"),
        ("routes", json!(["v1"]), "invalid_field"),
        ("routes", json!(["/v1/*/x"]), "invalid_field"),
        ("addresses", json!(["192.0.2.0/33"]), "invalid_field"),
        ("expires_at_ms", json!(START_MS), "invalid_field"),
        ("expires_at_ms", json!(-1), "invalid_field"),
        ("colour", json!("red"), "unknown_field"),
    ] {
        let mut key = good.clone();
        key[field] = value;
        let answer = by(&world, Method::POST, "/v1/keys", OPERATOR, &key).await;
        let param = answer.json["param"].as_str().unwrap_or_default().to_owned();
        assert!(param.starts_with(field), "{field}: {param}");
        answer.is_problem(400, code, Some(&param));
    }
    for missing in ["name", "scopes"] {
        let mut key = good.clone();
        key.as_object_mut().unwrap().remove(missing);
        let answer = by(&world, Method::POST, "/v1/keys", OPERATOR, &key).await;
        answer.is_problem(400, "missing_field", Some(missing));
    }
}
