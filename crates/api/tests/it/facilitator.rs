//! The facilitator as sellers' software meets it: good payments, and every kind of bad one.

use instrument::{KeyPair, Order, PurchaseDigest, SignedOrder, payer_account};
use money::{AccountId, Amount, Asset, NodeId, OrderId};
use serde_json::{Value, json};

use crate::world::{Answer, FUNDED, PRICE, START_MS, World, base64, facilitator_body, key};

/// Requires that both calls refuse for a reason and that nothing moves.
async fn refused(world: &World, body: &Value, reason: &str) {
    let verified = world.post("/verify", body).await;
    assert_eq!(verified.status, 200, "{verified:?}");
    assert_eq!(verified.json["isValid"], false, "{body}");
    assert_eq!(verified.json["invalidReason"], reason, "{verified:?} for {body}");
    let settled = world.post("/settle", body).await;
    assert_eq!(settled.status, 200, "{settled:?}");
    assert_eq!(settled.json["success"], false, "{body}");
    assert_eq!(settled.json["errorReason"], reason, "{settled:?} for {body}");
    assert_eq!(settled.json["transaction"], "", "{settled:?}");
    assert_eq!(settled.json["network"], network(world));
    assert_eq!(world.moved().await, 0, "{body}");
}

fn network(world: &World) -> String {
    format!("farthing:{}", world.engine.node().network_reference())
}

fn is_success(answer: &Answer) -> bool {
    answer.json["success"] == true
}

#[tokio::test]
async fn a_good_payment_verifies_and_settles() {
    let world = World::new().await;
    let order = world.order(1);
    let body = world.pays(order);
    let verified = world.post("/verify", &body).await;
    let payer = world.payer_account().to_string();
    assert_eq!(verified.json, json!({"isValid": true, "payer": payer}));
    let settled = world.post("/settle", &body).await;
    assert_eq!(settled.status, 200);
    let payment = order.payment_id().to_string();
    let expected = json!({
        "success": true,
        "payer": payer,
        "transaction": payment,
        "network": network(&world),
        "amount": PRICE.to_string(),
        "extra": {
            "asset": "USD",
            "scale": 9,
            "state": "settled",
            "receipt": format!("http://127.0.0.1:4021/v1/receipts/{payment}"),
        },
    });
    assert_eq!(settled.json, expected);
    assert_eq!(world.moved().await, PRICE);
    assert_eq!(settled.header("access-control-allow-origin"), "*");
}

#[tokio::test]
async fn version_1_settles_too() {
    let world = World::new().await;
    let signed = SignedOrder::sign(world.order(1), &world.payer);
    let v2 = world.pays(world.order(1));
    let mut terms = v2["paymentRequirements"].clone();
    terms["maxAmountRequired"] = terms["amount"].take();
    terms.as_object_mut().unwrap().remove("amount");
    let body = json!({
        "x402Version": 1,
        "paymentPayload": {
            "x402Version": 1,
            "scheme": "exact",
            "network": network(&world),
            "payload": {
                "order": base64(signed.order_bytes()),
                "signature": base64(signed.signature().0),
            },
        },
        "paymentRequirements": terms,
    });
    assert_eq!(world.post("/verify", &body).await.json["isValid"], true);
    assert!(is_success(&world.post("/settle", &body).await));
    assert_eq!(world.moved().await, PRICE);
}

#[tokio::test]
async fn supported_lists_every_scheme_of_this_network() {
    let world = World::new().await;
    let answer = world.get("/supported").await;
    let kind = |version, scheme| json!({"x402Version": version, "scheme": scheme, "network": network(&world)});
    let second = ["exact", "upto", "batch-settlement"].map(|scheme| kind(2, scheme));
    assert_eq!(answer.json["kinds"].as_array().unwrap()[..3], second);
    assert_eq!(answer.json["kinds"].as_array().unwrap()[3..], [kind(1, "exact")]);
    assert!(answer.json["extensions"].is_array());
    assert!(answer.json["signers"].is_object());
}

/// F1: whatever is malformed is invalid, for a reason, and never an exception.
#[tokio::test]
async fn malformed_payments_are_invalid() {
    let world = World::new().await;
    let good = world.pays(world.order(1));
    let with = |pointer: &str, value: Value| {
        let mut body = good.clone();
        *body.pointer_mut(pointer).unwrap() = value;
        body
    };
    for (body, reason) in [
        (with("/paymentPayload", json!("text")), "invalid_payload"),
        (with("/paymentPayload", json!([])), "invalid_payload"),
        (with("/paymentPayload", Value::Null), "invalid_payload"),
        (with("/paymentPayload/payload", json!({})), "invalid_payload"),
        (with("/paymentPayload/payload/order", json!(7)), "invalid_payload"),
        (with("/paymentPayload/payload/order", json!("AAAA")), "invalid_payload"),
        (with("/paymentPayload/payload/order", json!("%%%%")), "invalid_base64"),
        (with("/paymentPayload/payload/signature", json!("AA==")), "invalid_payload"),
        (with("/paymentPayload/x402Version", json!(3)), "invalid_x402_version"),
        (with("/x402Version", json!(9)), "invalid_x402_version"),
        (with("/paymentRequirements", json!({})), "invalid_payload"),
        (with("/paymentRequirements/scheme", json!("deferred")), "unsupported_scheme"),
        (with("/paymentRequirements/payTo", json!("0xabc")), "invalid_payment_requirements"),
        (with("/paymentRequirements/extra/purchase", json!("AB")), "invalid_payment_requirements"),
    ] {
        refused_structurally(&world, &body.to_string(), Some(reason)).await;
    }
    for text in ["", "null", "[]", "7", "\"x\"", "{", "\u{0}", "{\"a\":", "{}"] {
        refused_structurally(&world, text, None).await;
    }
}

/// F1: an amount has one text.
#[tokio::test]
async fn amounts_in_other_spellings_are_invalid() {
    let world = World::new().await;
    for amount in [
        " 2000000 ",
        "+2000000",
        "2_000_000",
        "02000000",
        "２００００００",
        "2000000\n",
        "2e6",
        "2000000.0",
        "-2000000",
        "",
        "340282366920938463463374607431768211456",
    ] {
        for place in ["/paymentRequirements/amount", "/paymentPayload/accepted/amount"] {
            let mut body = world.pays(world.order(1));
            *body.pointer_mut(place).unwrap() = json!(amount);
            refused(&world, &body, "invalid_payment_requirements").await;
        }
    }
    let mut body = world.pays(world.order(1));
    body["paymentRequirements"]["amount"] = json!(2_000_000);
    refused(&world, &body, "invalid_payload").await;
}

/// An invalid body of any kind gets a JSON object with a verdict and a reason.
async fn refused_structurally(world: &World, body: &str, reason: Option<&str>) {
    for (path, verdict, why) in
        [("/verify", "isValid", "invalidReason"), ("/settle", "success", "errorReason")]
    {
        let request = crate::world::request(http::Method::POST, path, &[], body);
        let answer = world.send(request).await;
        assert_eq!(answer.status, 200, "{answer:?} for {body}");
        assert_eq!(answer.json[verdict], false, "{answer:?} for {body}");
        let found = answer.json[why].as_str().expect(body);
        assert!(!found.is_empty());
        if let Some(reason) = reason {
            assert_eq!(found, reason, "{body}");
        }
    }
    assert_eq!(world.moved().await, 0, "{body}");
}

/// F2: the amount is the price, not less and not more.
#[tokio::test]
async fn another_amount_is_refused() {
    let world = World::new().await;
    for units in [PRICE - 1, PRICE + 1, 0] {
        let mut order = world.order(1);
        order.amount = Amount::new(units, order.amount.asset());
        refused(&world, &world.pays(order), "amount_mismatch").await;
    }
}

/// F3: one payment settles once, also when copies arrive together.
#[tokio::test]
async fn a_payment_settles_once() {
    let world = World::new().await;
    let body = world.pays(world.order(1));
    let copies = tokio::join!(
        world.post("/settle", &body),
        world.post("/settle", &body),
        world.post("/settle", &body),
        world.post("/settle", &body),
        world.post("/settle", &body),
    );
    let copies = [copies.0, copies.1, copies.2, copies.3, copies.4];
    assert_eq!(copies.iter().filter(|answer| is_success(answer)).count(), 1);
    world.clock.advance_ms(10_000);
    let late = world.post("/settle", &body).await;
    let first = world.order(1).payment_id().to_string();
    for copy in copies.iter().filter(|answer| !is_success(answer)).chain([&late]) {
        assert_eq!(copy.status, 200);
        assert_eq!(copy.json["errorReason"], "duplicate_settlement");
        assert_eq!(copy.json["transaction"], first);
    }
    let verified = world.post("/verify", &body).await;
    assert_eq!(verified.json["isValid"], false);
    assert_eq!(verified.json["invalidReason"], "duplicate_settlement");
    assert_eq!(world.moved().await, PRICE);
}

/// F4: an order id is used once, whatever else the order says.
#[tokio::test]
async fn a_used_order_id_is_refused() {
    let world = World::new().await;
    world.settled(1).await;
    let mut order = world.order(1);
    order.expires_at_ms += 1;
    let body = world.pays(order);
    assert_eq!(world.post("/verify", &body).await.json["invalidReason"], "order_id_taken");
    assert_eq!(world.post("/settle", &body).await.json["errorReason"], "order_id_taken");
    assert_eq!(world.moved().await, PRICE);
}

/// F10: a payment for one purchase or payee does not pay for another.
#[tokio::test]
async fn terms_that_are_not_the_orders_are_refused() {
    let world = World::new().await;
    let signed = SignedOrder::sign(world.order(1), &world.payer);
    let mut other = world.challenge();
    other.purchase = Some(PurchaseDigest([0xcd; 32]));
    refused(&world, &facilitator_body(&signed, &other), "purchase_mismatch").await;
    other.purchase = None;
    refused(&world, &facilitator_body(&signed, &other), "purchase_mismatch").await;
    let mut other = world.challenge();
    other.pay_to = AccountId::new(78).unwrap();
    refused(&world, &facilitator_body(&signed, &other), "payee_mismatch").await;
    let mut body = world.pays(world.order(1));
    body["paymentPayload"]["accepted"]["maxTimeoutSeconds"] = json!(299);
    refused(&world, &body, "invalid_payment_requirements").await;
}

/// F10 again, for an order that is known: its copies pay for nothing else either.
#[tokio::test]
async fn a_settled_payment_is_no_payment_for_other_terms() {
    let world = World::new().await;
    world.settled(1).await;
    let signed = SignedOrder::sign(world.order(1), &world.payer);
    let mut other = world.challenge();
    other.pay_to = AccountId::new(78).unwrap();
    let answer = world
        .post_with("/settle", &[("idempotency-key", "any")], &facilitator_body(&signed, &other))
        .await;
    assert_eq!(answer.json["errorReason"], "payee_mismatch");
    assert_eq!(world.moved().await, PRICE);
}

/// F11: asking does not use anything up.
#[tokio::test]
async fn verifying_commits_nothing() {
    let world = World::new().await;
    let body = world.pays(world.order(1));
    for _ in 0..3 {
        assert_eq!(world.post("/verify", &body).await.json["isValid"], true);
    }
    assert_eq!(world.moved().await, 0);
    assert_eq!(world.engine.read(engine::State::payment_count).await.unwrap(), 0);
    assert!(is_success(&world.post("/settle", &body).await));
}

/// F12: networks and assets that this node does not have.
#[tokio::test]
async fn foreign_networks_and_unknown_assets_are_invalid() {
    let world = World::new().await;
    for network in ["eip155:8453", "farthing:", "farthing:abc", "", "solana:x"] {
        let mut body = world.pays(world.order(1));
        body["paymentRequirements"]["network"] = json!(network);
        refused(&world, &body, "invalid_network").await;
    }
    let euro = Asset::new("EUR", 9).unwrap();
    let mut order = world.order(1);
    order.amount = Amount::new(PRICE, euro);
    order.payer = payer_account(&world.payer.public(), euro);
    let mut challenge = world.challenge();
    challenge.amount = order.amount;
    let body = facilitator_body(&SignedOrder::sign(order, &world.payer), &challenge);
    refused(&world, &body, "unknown_asset").await;
}

/// F13: the same number of another asset is another amount.
#[tokio::test]
async fn another_asset_is_refused() {
    let world = World::new().await;
    for asset in [Asset::new("EUR", 9).unwrap(), Asset::new("USD", 8).unwrap()] {
        let mut order = world.order(1);
        order.amount = Amount::new(PRICE, asset);
        refused(&world, &world.pays(order), "asset_mismatch").await;
    }
}

/// F14: an order for another node pays nothing here.
#[tokio::test]
async fn another_node_is_refused() {
    let world = World::new().await;
    let elsewhere = NodeId::new(5).unwrap();
    let mut order = world.order(1);
    order.node = elsewhere;
    refused(&world, &world.pays(order), "invalid_network").await;
    let mut challenge = world.challenge();
    challenge.network = elsewhere;
    let body = facilitator_body(&SignedOrder::sign(order, &world.payer), &challenge);
    refused(&world, &body, "invalid_network").await;
}

/// S5: each kind that is advertised gets a structured answer even to nonsense.
#[tokio::test]
async fn nonsense_for_an_advertised_kind_is_answered() {
    let world = World::new().await;
    let kinds = world.get("/supported").await.json["kinds"].clone();
    for kind in kinds.as_array().unwrap() {
        let body = json!({
            "x402Version": kind["x402Version"],
            "paymentPayload": {
                "x402Version": kind["x402Version"], "scheme": kind["scheme"],
                "network": kind["network"], "payload": {"nonsense": true},
            },
            "paymentRequirements": {"scheme": kind["scheme"], "network": kind["network"]},
        });
        refused_structurally(&world, &body.to_string(), Some("invalid_payload")).await;
    }
}

#[tokio::test]
async fn signatures_are_checked_strictly() {
    let world = World::new().await;
    let forged = SignedOrder::sign(world.order(1), &key(8));
    refused(&world, &facilitator_body(&forged, &world.challenge()), "invalid_signature").await;
    // A key of small order, for which a lax check accepts one signature over anything.
    let mut order = world.order(1);
    let mut point = [0; 32];
    point[0] = 1;
    order.signer = instrument::PublicKey(point);
    let mut signature = [0; 64];
    signature[0] = 1;
    let mut body = world.pays(world.order(1));
    let bytes = SignedOrder::sign(order, &world.payer).order_bytes();
    body["paymentPayload"]["payload"]["order"] = json!(base64(bytes));
    body["paymentPayload"]["payload"]["signature"] = json!(base64(signature));
    refused(&world, &body, "invalid_signature").await;
}

#[tokio::test]
async fn what_a_payer_may_not_do_is_refused() {
    let world = World::new().await;
    let order = world.order(1);
    let cases: [(Order, &KeyPair, &str); 5] = [
        (Order { expires_at_ms: START_MS, ..order }, &world.payer, "order_expired"),
        (
            Order { expires_at_ms: START_MS + 90_000_000, ..order },
            &world.payer,
            "order_expiry_too_far",
        ),
        (Order { signer: key(8).public(), ..order }, &key(8), "signer_is_not_payer"),
        (poor(&order, &key(8)), &key(8), "insufficient_funds"),
        (
            Order { mandate: Some(money::MandateId::new(3).unwrap()), ..order },
            &world.payer,
            "mandate_unknown",
        ),
    ];
    for (order, signer, reason) in cases {
        let body = facilitator_body(&SignedOrder::sign(order, signer), &world.challenge());
        refused(&world, &body, reason).await;
    }
}

/// The same order by a payer without money.
fn poor(order: &Order, signer: &KeyPair) -> Order {
    let public = signer.public();
    Order { payer: payer_account(&public, order.amount.asset()), signer: public, ..*order }
}

/// An order may expire as far ahead as sellers' software gives by default, and the balance bounds
/// how often one pays.
#[tokio::test]
async fn a_payer_pays_until_the_money_is_gone() {
    let world = World::new().await;
    for number in 1..=(FUNDED / PRICE) {
        world.settled(number).await;
    }
    assert_eq!(world.moved().await, FUNDED);
    let broke = world.pays(Order { id: OrderId::new(9999).unwrap(), ..world.order(1) });
    let answer = world.post("/settle", &broke).await;
    assert_eq!(answer.json["errorReason"], "insufficient_funds");
}
