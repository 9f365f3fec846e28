//! The operator's calls.

use http::Method;
use serde_json::{Value, json};

use crate::world::{Answer, FUNDED, OPERATOR, PRICE, World, key, request, usd};

async fn ask(world: &World, path: &str) -> Answer {
    let operator = format!("Bearer {OPERATOR}");
    world.get_with(path, &[("authorization", &operator)]).await
}

async fn fund(world: &World, idempotency_key: &str, body: &Value) -> Answer {
    let operator = format!("Bearer {OPERATOR}");
    let headers = [("authorization", operator.as_str()), ("idempotency-key", idempotency_key)];
    world.post_with("/v1/fund", &headers, body).await
}

fn entering(key: &instrument::KeyPair) -> Value {
    json!({"key": key.public().to_string(), "amount": "500", "asset": "USD", "reference": "bank 7"})
}

#[tokio::test]
async fn only_the_operators_token_opens() {
    let world = World::new().await;
    let other = format!("Bearer {}", crate::world::GATEWAY);
    let basic = format!("Basic {OPERATOR}");
    let longer = format!("Bearer {OPERATOR}x");
    for (method, path) in [
        (Method::GET, "/v1/accounts"),
        (Method::GET, "/v1/books"),
        (Method::POST, "/v1/fund"),
        (Method::POST, "/v1/backup"),
    ] {
        for (headers, code) in [
            (vec![], "token_required"),
            (vec![basic.as_str()], "token_required"),
            (vec!["Bearer"], "token_required"),
            (vec!["Bearer "], "token_wrong"),
            (vec![other.as_str()], "token_wrong"),
            (vec![longer.as_str()], "token_wrong"),
            (vec![other.as_str(), other.as_str()], "token_required"),
        ] {
            let headers: Vec<_> = headers.iter().map(|value| ("authorization", *value)).collect();
            let answer = world.send(request(method.clone(), path, &headers, "")).await;
            answer.is_problem(401, code, None);
            assert_eq!(answer.header("www-authenticate"), "Bearer");
        }
    }
}

#[tokio::test]
async fn accounts_come_in_pages_and_one_by_one() {
    let world = World::new().await;
    let all = ask(&world, "/v1/accounts").await.json["accounts"].clone();
    let (mut cursor, mut seen) = (String::new(), Vec::new());
    loop {
        let page = ask(&world, &format!("/v1/accounts?limit=1{cursor}")).await.json;
        assert!(page.get("accounts").is_none(), "{page}");
        seen.extend(page["data"].as_array().unwrap().clone());
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(json!(seen), all);
    let payees = ask(&world, "/v1/accounts?role=payee").await.json;
    assert_eq!(payees["data"][0]["account"], json!(world.payee));
    assert!(payees["accounts"].as_array().unwrap().iter().all(|one| one["role"] == "payee"));
    ask(&world, "/v1/accounts?role=x").await.is_problem(400, "invalid_query", Some("role"));
    let one = ask(&world, &format!("/v1/accounts/{}", world.payee)).await;
    assert_eq!((one.status, &one.json), (200, &payees["data"][0]));
    let nobody = format!("/v1/accounts/{}", money::AccountId::new(5).unwrap());
    ask(&world, &nobody).await.is_problem(404, "account_unknown", None);
}

#[tokio::test]
async fn an_account_opens_once() {
    let world = World::new().await;
    let operator = format!("Bearer {OPERATOR}");
    let open = async |idempotency_key: &str, body: Value| {
        let headers = [("authorization", operator.as_str()), ("idempotency-key", idempotency_key)];
        world.post_with("/v1/accounts", &headers, &body).await
    };
    let made = open("a", json!({"asset": "USD", "label": "Editor"})).await;
    assert_eq!((made.status, made.json["role"].as_str()), (201, Some("payee")), "{made:?}");
    let again = open("a", json!({"asset": "USD", "label": "Editor"})).await;
    assert_eq!((&again.json, again.header("idempotent-replayed")), (&made.json, "true"));
    let other = open("a", json!({"asset": "USD", "label": "Author"})).await;
    other.is_problem(422, "idempotency_conflict", Some("Idempotency-Key"));
    let key = key(31).public().to_string();
    let payer = open("b", json!({"asset": "USD", "label": "", "key": key})).await;
    assert_eq!(payer.json["role"], "payer");
    let unknown = open("c", json!({"asset": "GBP", "label": "x"})).await;
    unknown.is_problem(422, "unknown_asset", Some("asset"));
    let long = open("d", json!({"asset": "USD", "label": "x".repeat(121)})).await;
    long.is_problem(400, "invalid_field", Some("label"));
    let body = json!({"asset": "USD", "label": "x"});
    let headers = [("authorization", operator.as_str())];
    let keyless = world.post_with("/v1/accounts", &headers, &body).await;
    keyless.is_problem(400, "idempotency_key_required", Some("Idempotency-Key"));
}

#[tokio::test]
async fn accounts_and_books_add_up() {
    let world = World::new().await;
    world.settled(1).await;
    let answer = ask(&world, "/v1/accounts").await;
    let accounts = answer.json["accounts"].as_array().unwrap();
    let find = |id: String| accounts.iter().find(|account| account["account"] == id).unwrap();
    let payer = find(world.payer_account().to_string());
    assert_eq!(payer["available"], (FUNDED - PRICE).to_string());
    assert_eq!(payer["role"], "payer");
    let payee = find(world.payee.to_string());
    assert_eq!((&payee["available"], &payee["label"]), (&json!("2000000"), &json!("Author")));
    let sum = |name: &str| -> u128 {
        accounts
            .iter()
            .map(|account| account[name].as_str().unwrap().parse::<u128>().unwrap())
            .sum()
    };
    assert_eq!(sum("debits"), sum("credits"));
    let books = ask(&world, "/v1/books").await.json;
    assert_eq!(books["balanced"], true);
    let usd = &books["books"][0];
    assert_eq!(usd["debits"], sum("debits").to_string());
    assert_eq!((&usd["debits"], &usd["asset"]), (&usd["credits"], &json!("USD")));
}

#[tokio::test]
async fn a_backup_point_is_the_last_durable_batch() {
    let world = World::new().await;
    let operator = format!("Bearer {OPERATOR}");
    let headers = [("authorization", operator.as_str())];
    let first = world.post_with("/v1/backup", &headers, &json!({})).await;
    let point = world.engine.backup_point().await.unwrap();
    assert_eq!((first.status, &first.json), (200, &serde_json::to_value(point).unwrap()));
    assert_eq!(first.json["head"].as_str().unwrap().len(), 64);
    world.settled(1).await;
    let second = world.post_with("/v1/backup", &headers, &json!({})).await;
    assert!(second.json["last_batch"].as_u64() > first.json["last_batch"].as_u64());
    let unknown = world.post_with("/v1/backup", &headers, &json!({"to": "elsewhere"})).await;
    unknown.is_problem(400, "unknown_field", Some("to"));
}

#[tokio::test]
async fn money_enters_once_for_each_key() {
    let world = World::new().await;
    let newcomer = key(9);
    let body = entering(&newcomer);
    let first = fund(&world, "one", &body).await;
    assert_eq!(first.status, 200, "{first:?}");
    let account = instrument::payer_account(&newcomer.public(), usd());
    assert_eq!(first.json["account"], account.to_string());
    assert_eq!(first.json["balance"], "500");
    assert_eq!(first.header("idempotent-replayed"), "");
    let again = fund(&world, "one", &body).await;
    assert_eq!(again.json, first.json);
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(world.balance(account).await, 500);
    let other = fund(&world, "two", &body).await;
    assert_eq!((&other.json["balance"], other.header("idempotent-replayed")), (&json!("1000"), ""));
    for (field, value) in [("amount", json!("501")), ("reference", json!("bank 8"))] {
        let mut changed = body.clone();
        changed[field] = value;
        fund(&world, "one", &changed).await.is_problem(
            422,
            "idempotency_conflict",
            Some("Idempotency-Key"),
        );
    }
    assert_eq!(world.balance(account).await, 1000);
}

#[tokio::test]
async fn repeats_are_known_after_a_restart() {
    let world = World::new().await;
    let body = entering(&world.payer);
    fund(&world, "one", &body).await;
    world.engine.shutdown().await;
    let world = World::with(world.folder, |_| {}).await;
    let again = fund(&world, "one", &body).await;
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(world.balance(world.payer_account()).await, FUNDED + 500);
}

#[tokio::test]
async fn a_key_is_required_and_bounded() {
    let world = World::new().await;
    let operator = format!("Bearer {OPERATOR}");
    let body = entering(&world.payer);
    let answer = world.post_with("/v1/fund", &[("authorization", &operator)], &body).await;
    answer.is_problem(400, "idempotency_key_required", Some("Idempotency-Key"));
    for bad in [&"k".repeat(256), ""] {
        let answer = fund(&world, bad, &body).await;
        answer.is_problem(400, "invalid_idempotency_key", Some("Idempotency-Key"));
    }
    assert_eq!(world.balance(world.payer_account()).await, FUNDED);
}

#[tokio::test]
async fn wrong_fields_let_no_money_enter() {
    let world = World::new().await;
    let good = entering(&world.payer);
    let treasury = engine::system_account("treasury", usd());
    let cases = [
        (json!({"amount": "-5"}), 400, "invalid_amount", Some("amount")),
        (json!({"amount": "1.5"}), 400, "invalid_amount", Some("amount")),
        (json!({"amount": "1e3"}), 400, "invalid_amount", Some("amount")),
        (json!({"amount": "007"}), 400, "invalid_amount", Some("amount")),
        (json!({"amount": 5}), 400, "invalid_field", Some("amount")),
        (json!({"amount": "0"}), 422, "amount_zero", None),
        (json!({"amount": u128::MAX.to_string()}), 422, "amount_too_large", None),
        (json!({"asset": "usd"}), 400, "invalid_asset", Some("asset")),
        (json!({"asset": "EUR"}), 422, "unknown_asset", Some("asset")),
        (json!({"reference": ""}), 422, "invalid_reference", Some("reference")),
        (json!({"reference": "x".repeat(201)}), 422, "invalid_reference", Some("reference")),
        (json!({"key": "AB"}), 400, "invalid_key", Some("key")),
        (json!({"account": "acc_1"}), 400, "ambiguous_account", Some("key")),
        (json!({"account": "acc_1", "key": null}), 400, "invalid_account", Some("account")),
        (
            json!({"account": money::AccountId::new(5).unwrap(), "key": null}),
            404,
            "account_unknown",
            Some("account"),
        ),
        (json!({"key": null}), 400, "missing_field", Some("account")),
        (json!({"amount": null}), 400, "missing_field", Some("amount")),
        (json!({"asset": null}), 400, "missing_field", Some("asset")),
        (json!({"reference": null}), 400, "missing_field", Some("reference")),
    ];
    for (change, status, code, param) in cases {
        let mut body = good.clone();
        for (name, value) in change.as_object().unwrap() {
            // Null stands for a field that is left out.
            if value.is_null() {
                body.as_object_mut().unwrap().remove(name);
            } else {
                body[name] = value.clone();
            }
        }
        fund(&world, "key", &body).await.is_problem(status, code, param);
    }
    let issued = world.engine.read(move |state| state.account(treasury)).await.unwrap().unwrap();
    assert_eq!(issued.debits.units(), FUNDED);
}

#[tokio::test]
async fn a_payee_is_funded_by_its_account() {
    let world = World::new().await;
    let body = json!({"account": world.payee, "amount": "9", "asset": "USD", "reference": "r"});
    assert_eq!(fund(&world, "k", &body).await.json["balance"], "9");
}
