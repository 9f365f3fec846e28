//! What payees do with their money: look at income, state it, pay back, have it paid out.

use report::{EngineEvents, Follower};
use serde_json::{Value, json};

use crate::world::{Answer, OPERATOR, PRICE, START_MS, World};

const IBAN: &str = "DE89370400440532013000";

/// A world whose read model follows its engine.
async fn world() -> (World, Follower) {
    let mut follower = None;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.sqlite");
    let world = World::with(folder, |node| {
        let runtime = tokio::runtime::Handle::current();
        let source = EngineEvents::new(node.engine.clone(), runtime);
        let follows = report::follow(path, node.engine.node(), source).unwrap();
        node.report = Some(follows.handle().clone());
        follower = Some(follows);
    })
    .await;
    (world, follower.unwrap())
}

async fn ask(world: &World, path: &str) -> Answer {
    world.get_with(path, &[("authorization", &format!("Bearer {OPERATOR}"))]).await
}

async fn tell(world: &World, path: &str, key: &str, body: &Value) -> Answer {
    let operator = format!("Bearer {OPERATOR}");
    let headers = [("authorization", operator.as_str()), ("idempotency-key", key)];
    world.post_with(path, &headers, body).await
}

/// Dropped where blocking is allowed.
async fn end(follower: Follower) {
    tokio::task::spawn_blocking(move || drop(follower)).await.unwrap();
}

fn units(row: &Value, name: &str) -> i128 {
    row[name].as_str().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn income_lists_and_refunds_agree() {
    let (world, follower) = world().await;
    for number in 1..=3 {
        world.settled(number).await;
    }
    let payment = world.settled(4).await;
    let body = json!({"payment": payment, "amount": "500", "reason": "half read"});
    let refund = tell(&world, "/v1/refunds", "r1", &body).await;
    assert_eq!(refund.status, 200, "{refund:?}");
    let again = tell(&world, "/v1/refunds", "r1", &body).await;
    assert_eq!((again.header("idempotent-replayed"), &again.json), ("true", &refund.json));
    let other = json!({"payment": payment, "amount": "501", "reason": "half read"});
    let other = tell(&world, "/v1/refunds", "r1", &other).await;
    other.is_problem(422, "idempotency_conflict", Some("Idempotency-Key"));
    let too_much = json!({"payment": payment, "amount": PRICE.to_string()});
    tell(&world, "/v1/refunds", "r2", &too_much).await.is_problem(422, "refund_too_much", None);

    let account = world.payee;
    let price = i128::try_from(PRICE).unwrap();
    for query in [format!("account={account}"), "step=hour".to_owned(), "by=class".to_owned()] {
        let income = ask(&world, &format!("/v1/reports/income?{query}")).await;
        assert_eq!(income.status, 200, "{income:?}");
        let totals = &income.json["totals"];
        assert_eq!((totals["payments"].as_u64(), totals["refunds"].as_u64()), (Some(4), Some(1)));
        assert_eq!(units(totals, "net"), 4 * price - 500);
        let rows = income.json["rows"].as_array().unwrap();
        let gross: i128 = rows.iter().map(|row| units(row, "gross")).sum();
        assert_eq!(gross, 4 * price);
    }
    let listed = ask(&world, &format!("/v1/payments?account={account}&state=settled")).await;
    let data = listed.json["data"].as_array().unwrap();
    assert_eq!(data.len(), 4);
    assert_eq!((data[0]["payment"].as_str(), units(&data[0], "refunded")), (Some(&*payment), 500));
    let one = ask(&world, &format!("/v1/payments/{payment}")).await;
    assert_eq!(units(&one.json, "refunded"), 500);
    let refunds = ask(&world, &format!("/v1/refunds?payment={payment}")).await;
    assert_eq!(refunds.json["data"][0], refund.json);
    let first = ask(&world, "/v1/payments?limit=1").await;
    let cursor = first.json["next_cursor"].as_str().unwrap();
    let second = ask(&world, &format!("/v1/payments?limit=1&cursor={cursor}")).await;
    assert_ne!(first.json["data"], second.json["data"]);
    end(follower).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_questions_name_the_parameter() {
    let (world, follower) = world().await;
    for (query, code, param) in [
        ("time_zone=Mars", "invalid_time_zone", Some("time_zone")),
        ("from_ms=5&to_ms=5", "time_empty", Some("from_ms")),
        ("step=week", "invalid_query", Some("step")),
        ("colour=red", "invalid_query", Some("colour")),
    ] {
        let answer = ask(&world, &format!("/v1/reports/income?{query}")).await;
        answer.is_problem(400, code, param);
    }
    let long = ask(&world, "/v1/reports/income?from_ms=0&step=hour").await;
    long.is_problem(422, "too_many_steps", None);
    let none = ask(&world, "/v1/reports/income?asset=XAU").await;
    none.is_problem(404, "asset_unknown", Some("asset"));
    for path in ["/v1/reports/income", "/v1/payments", "/v1/payouts", "/v1/payouts/export"] {
        world.get(path).await.is_problem(401, "token_required", None);
    }
    end(follower).await;
}

#[tokio::test]
async fn a_statement_is_the_holders_and_sums() {
    let world = World::new().await;
    for number in 1..=3 {
        world.settled(number).await;
    }
    let path = format!("/v1/statements?account={}", world.payee);
    let csv = ask(&world, &path).await;
    assert_eq!(
        (csv.status, csv.header("content-type")),
        (200, "text/csv; charset=utf-8; header=present")
    );
    assert!(csv.header("content-disposition").starts_with("attachment; filename=\"statement-acc_"));
    let text = String::from_utf8(csv.bytes.clone()).unwrap();
    assert_eq!(text.lines().count(), 6);
    assert!(text.lines().last().unwrap().contains("closing_balance"), "{text}");
    let jsonl = ask(&world, &format!("{path}&format=jsonl")).await;
    let last = jsonl.bytes.split(|byte| *byte == b'\n').rev().nth(1).unwrap();
    let last: Value = serde_json::from_slice(last).unwrap();
    assert_eq!(units(&last, "balance"), 3 * i128::try_from(PRICE).unwrap());
    let camt = ask(&world, &format!("{path}&format=camt053")).await;
    assert!(camt.bytes.starts_with(b"<?xml"));
    ask(&world, &format!("{path}&from_ms=5&to_ms=4")).await.is_problem(400, "time_empty", None);
    world.get(&path).await.is_problem(401, "access_required", None);
    let own = format!("/v1/statements?account={}", world.payer_account());
    let proof = world.access(&world.payer, |_| {});
    let headers = [("authorization", proof.as_str())];
    assert_eq!(world.get_with(&own, &headers).await.status, 200);
    world.get_with(&path, &headers).await.is_problem(403, "not_the_holder", None);
}

#[tokio::test]
async fn a_payout_goes_its_way_once() {
    let world = World::new().await;
    let pay = 10_000_000 / PRICE + 1;
    // Enough for a cent and something below it.
    for number in 1..=pay {
        world.settled(number).await;
    }
    let earned = world.balance(world.payee).await;
    let asked = json!({"account": world.payee, "creditor": {"name": "Ann", "iban": IBAN}});
    let made = tell(&world, "/v1/payouts", "p1", &asked).await;
    assert_eq!(made.status, 200, "{made:?}");
    let cent = 10_000_000_u128;
    let amount = earned - earned % cent;
    assert_eq!(made.json["amount"], amount.to_string());
    assert_eq!(world.balance(world.payee).await, earned - amount);
    let again = tell(&world, "/v1/payouts", "p1", &asked).await;
    assert_eq!((again.header("idempotent-replayed"), &again.json), ("true", &made.json));
    let other = json!({"account": world.payee, "creditor": {"name": "Bob", "iban": IBAN}});
    let other = tell(&world, "/v1/payouts", "p1", &other).await;
    other.is_problem(422, "idempotency_conflict", Some("Idempotency-Key"));
    let path = format!("/v1/payouts/{}", made.json["payout"].as_str().unwrap());
    let step = async |name: &str| tell(&world, &format!("{path}/{name}"), "k", &json!({})).await;
    step("paid").await.is_problem(409, "payout_step_not_allowed", None);
    assert_eq!(step("hold").await.json["state"], "held");
    assert_eq!(step("release").await.json["state"], "released");
    let export = "/v1/payouts/export";
    tell(&world, export, "k", &json!({})).await.is_problem(409, "payout_debtor_missing", None);
    set_debtor(&world).await;
    let file = tell(&world, export, "k", &json!({})).await;
    assert_eq!(file.status, 200, "{file:?}");
    let id = made.json["payout"].as_str().unwrap();
    assert!(String::from_utf8(file.bytes.clone()).unwrap().contains(id));
    tell(&world, export, "k", &json!({})).await.is_problem(409, "nothing_to_export", None);
    let fetched = ask(&world, &format!("{export}?exported_at_ms={START_MS}")).await;
    assert_eq!(fetched.bytes, file.bytes);
    assert_eq!(step("paid").await.json["state"], "paid");
    assert_eq!(step("paid").await.json["state"], "paid");
    step("cancel").await.is_problem(409, "payout_step_not_allowed", None);
    assert_eq!(world.balance(world.payee).await, earned - amount);
    assert!(ask(&world, "/v1/books").await.json["balanced"].as_bool().unwrap());
    let small = tell(&world, "/v1/payouts", "p2", &asked).await;
    small.is_problem(422, "payout_too_small", None);
    let listed = ask(&world, "/v1/payouts?state=paid").await;
    assert_eq!(listed.json["data"].as_array().unwrap().len(), 1);
}

async fn set_debtor(world: &World) {
    let operator = format!("Bearer {OPERATOR}");
    let headers = [("authorization", operator.as_str())];
    let body = json!({"name": "Magazine", "iban": IBAN}).to_string();
    let put = crate::world::request(http::Method::PUT, "/v1/payouts/debtor", &headers, &body);
    assert_eq!(world.send(put).await.status, 200);
}

#[tokio::test]
async fn a_cancelled_payout_gives_the_money_back() {
    let world = World::new().await;
    for number in 1..=(30_000_000 / PRICE + 1) {
        world.settled(number).await;
    }
    let earned = world.balance(world.payee).await;
    let ask_for = |amount: &str| json!({"account": world.payee, "amount": amount, "creditor": {"name": "A", "iban": IBAN}});
    let made = tell(&world, "/v1/payouts", "p", &ask_for("10000001")).await;
    assert_eq!((made.status, &made.json["amount"]), (200, &json!("10000000")));
    let path = format!("/v1/payouts/{}/cancel", made.json["payout"].as_str().unwrap());
    assert_eq!(tell(&world, &path, "k", &json!({})).await.json["state"], "cancelled");
    assert_eq!(tell(&world, &path, "k", &json!({})).await.json["state"], "cancelled");
    assert_eq!(world.balance(world.payee).await, earned);
    // A start makes up for what a crash left out, and changes nothing else.
    api::settle_payouts(&world.engine).await.unwrap();
    assert_eq!(world.balance(world.payee).await, earned);
    let much = (earned + 1).to_string();
    let much = tell(&world, "/v1/payouts", "p2", &ask_for(&much)).await;
    much.is_problem(409, "payout_exceeds_balance", None);
    let wrong = json!({"account": world.payee, "creditor": {"name": "A", "iban": "DE00"}});
    let wrong = tell(&world, "/v1/payouts", "p3", &wrong).await;
    wrong.is_problem(400, "invalid_iban", Some("creditor.iban"));
    let payer = json!({"account": world.payer_account(), "creditor": {"name": "A", "iban": IBAN}});
    tell(&world, "/v1/payouts", "p4", &payer).await.is_problem(422, "not_a_payee", None);
}
