//! The live page's numbers.

use engine::{Closing, Proof};
use serde_json::json;

use crate::channels::{DEPOSIT, opened, voucher};
use crate::world::{FUNDED, PRICE, START_MS, World, key};

#[tokio::test]
async fn the_sandbox_shows_balances_payments_and_books() {
    let world = World::with(tempfile::tempdir().unwrap(), |node| {
        let reader = instrument::payer_account(&key(7).public(), crate::world::usd());
        node.labels.insert(reader, "Reader".to_owned());
    })
    .await;
    let payment = world.settled(1).await;
    let stranger = json!({"key": key(9).public().to_string()});
    let stranger = world.post("/v1/faucet", &stranger).await.json["account"].clone();
    let state = world.get("/v1/sandbox/state").await;
    assert_eq!(state.status, 200, "{state:?}");
    let state = state.json;
    assert_eq!((&state["asset"], &state["scale"]), (&json!("USD"), &json!(9)));
    assert_eq!(
        (&state["now_ms"], &state["site"]),
        (&json!(START_MS), &json!("http://127.0.0.1:4020"))
    );
    let accounts = state["accounts"].as_array().unwrap();
    let labels: Vec<&str> = accounts.iter().map(|one| one["label"].as_str().unwrap()).collect();
    assert_eq!(labels[..2], ["Author", "Reader"]);
    let left = (FUNDED - PRICE).to_string();
    let reader = json!({
        "label": "Reader", "account": world.payer_account(), "role": "payer",
        "available": left, "posted": left,
    });
    assert_eq!(accounts[1], reader);
    let nameless = accounts.iter().find(|one| one["account"] == stranger).unwrap();
    assert!(nameless["label"].as_str().unwrap().starts_with("payer "));
    let paid = json!([{
        "payment": payment, "payer_label": "Reader", "payee_label": "Author",
        "amount": PRICE.to_string(), "description": "http://127.0.0.1:4020/articles/1",
        "state": "settled", "at_ms": START_MS,
    }]);
    assert_eq!(state["payments"], paid);
    assert_eq!(state["channels"], json!([]));
    let moved = (FUNDED + crate::world::FAUCET + PRICE).to_string();
    assert_eq!(state["totals"], json!({"debits": moved, "credits": moved, "balanced": true}));
}

#[tokio::test]
async fn the_sandbox_shows_open_channels_as_they_tick() {
    let (world, channel) = opened().await;
    let accepted = world.engine.accept(Proof::Voucher(voucher(channel, 1, 4_000))).await.unwrap();
    assert_eq!(accepted.spent, 0);
    world.engine.claim(Proof::Voucher(voucher(channel, 2, 5_000))).await.unwrap();
    let shown = &world.get("/v1/sandbox/state").await.json["channels"];
    assert_eq!(shown.as_array().unwrap().len(), 1);
    assert_eq!(shown[0]["channel"], json!(channel));
    assert_eq!(shown[0]["payee_label"], "Author");
    let amounts = (&shown[0]["deposit"], &shown[0]["spent"], &shown[0]["state"]);
    assert_eq!(amounts, (&json!(DEPOSIT.to_string()), &json!("5000"), &json!("open")));
    world.engine.close_channel(Closing::ByPayee(channel)).await.unwrap();
    assert_eq!(world.get("/v1/sandbox/state").await.json["channels"], json!([]));
}

#[tokio::test]
async fn a_node_with_real_money_shows_nothing() {
    let world = World::with(tempfile::tempdir().unwrap(), |node| node.sandbox = false).await;
    world.get("/v1/sandbox/state").await.is_problem(404, "not_sandbox", None);
}
