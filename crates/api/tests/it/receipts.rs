//! Receipts: signed for what is settled, honest about what is not.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use engine::{Authorize, Authorized, Mode, Purchase, Terms};
use instrument::{Receipt, Signed, SignedOrder, Statement, VerifiedOrder};
use money::PaymentId;
use serde_json::json;

use crate::world::{PRICE, START_MS, World};

#[tokio::test]
async fn a_settled_payment_has_a_receipt_that_verifies() {
    let world = World::new().await;
    let payment = world.settled(1).await;
    let answer = world.get(&format!("/v1/receipts/{payment}")).await;
    assert_eq!(answer.status, 200);
    let bytes = |name: &str| STANDARD.decode(answer.json[name].as_str().unwrap()).unwrap();
    let signed = Signed::<Receipt>::from_parts(&bytes("receipt"), &bytes("signature")).unwrap();
    let receipt = *signed.verify_with(&world.node_key.public()).unwrap().get();
    let order = world.order(1);
    assert_eq!(receipt.node, world.engine.node());
    assert_eq!(receipt.payment, order.payment_id());
    assert_eq!(receipt.order_digest, order.digest());
    assert_eq!((receipt.payee, receipt.amount), (order.payee, order.amount));
    assert_eq!(receipt.settled_at_ns / 1_000_000, START_MS);
    assert_eq!(answer.json["settled_at_ns"], receipt.settled_at_ns.to_string());
    assert_eq!(answer.json["public_key"], world.node_key.public().to_string());
    assert_eq!(answer.json["state"], "settled");
    assert_eq!(answer.json["amount"], PRICE.to_string());
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    let payer = world.payer_account().to_string();
    assert!(!String::from_utf8(answer.bytes).unwrap().contains(&payer), "names no payer");
    assert_eq!(receipt.to_bytes().len(), 144);
}

#[tokio::test]
async fn receipts_are_cached_privately_and_revalidated() {
    let world = World::new().await;
    let path = format!("/v1/receipts/{}", world.settled(1).await);
    let answer = world.get(&path).await;
    assert_eq!(answer.header("cache-control"), "private, max-age=86400");
    let tag = answer.header("etag").to_owned();
    let again = world.get_with(&path, &[("if-none-match", &tag)]).await;
    assert_eq!((again.status, again.bytes.len()), (304, 0));
    assert_eq!(again.header("etag"), tag);
    assert_eq!(world.get_with(&path, &[("if-none-match", "\"x\"")]).await.status, 200);
}

#[tokio::test]
async fn a_hold_is_shown_as_what_it_is() {
    let world = World::new().await;
    let (payment, claim) = hold(&world, &verified(&world)).await;
    let path = format!("/v1/receipts/{payment}");
    let held = world.get(&path).await;
    assert_eq!(held.json["state"], "held");
    assert_eq!((&held.json["amount"], &held.json["authorized"]), (&json!("0"), &json!("2000000")));
    assert_eq!(held.header("cache-control"), "private, no-cache");
    world.engine.release(payment, claim, None).await.unwrap();
    let released = world.get(&path).await;
    assert_eq!(released.json["state"], "released");
    assert_eq!(released.json["reason"], "not_delivered");
    assert_ne!(held.header("etag"), released.header("etag"));
    for answer in [held, released] {
        for absent in ["receipt", "signature", "public_key", "settled_at_ns"] {
            assert_eq!(answer.json.get(absent), None, "{absent}");
        }
    }
}

/// An order that a gateway used pays for nothing at the facilitator.
#[tokio::test]
async fn an_order_under_way_elsewhere_does_not_settle() {
    let world = World::new().await;
    let (payment, claim) = hold(&world, &verified(&world)).await;
    let body = world.pays(world.order(1));
    let answer = world.post("/settle", &body).await;
    assert_eq!(answer.json["errorReason"], "duplicate_settlement");
    world.engine.release(payment, claim, None).await.unwrap();
    let answer = world.post("/settle", &body).await;
    assert_eq!(answer.json["errorReason"], "payment_released");
    assert_eq!(world.post("/verify", &body).await.json["isValid"], false);
    assert_eq!(world.moved().await, 0);
}

#[tokio::test]
async fn unknown_payments_are_not_found() {
    let world = World::new().await;
    let unknown = PaymentId::new(5).unwrap().to_string();
    world.get(&format!("/v1/receipts/{unknown}")).await.is_problem(404, "payment_unknown", None);
    for text in ["pay_x", "acc_00000000000000000000000005", "%FF", "1"] {
        let answer = world.get(&format!("/v1/receipts/{text}")).await;
        assert_eq!(
            (answer.status, &answer.json["code"]),
            (404, &json!("payment_unknown")),
            "{text}"
        );
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("access-control-allow-origin"), "*");
    }
}

fn verified(world: &World) -> VerifiedOrder {
    signed(world, 1)
}

pub fn signed(world: &World, number: u128) -> VerifiedOrder {
    SignedOrder::sign(world.order(number), &world.payer).verify().unwrap()
}

pub async fn hold(world: &World, order: &VerifiedOrder) -> (PaymentId, engine::ClaimToken) {
    let held = world.engine.authorize(Authorize {
        order: *order,
        purchase: Purchase {
            digest: order.get().purchase,
            origin: None,
            description: String::new(),
        },
        terms: Terms {
            pay_to: order.get().payee,
            amount: order.get().amount,
            split: None,
            unit_price: None,
            access_seconds: 60,
        },
        idempotency: None,
        tags: engine::Tags::default(),
        counters: Vec::new(),
        mode: Mode::Hold { seconds: 60 },
    });
    match held.await.unwrap() {
        Authorized::Proceed { payment, claim } => (payment, claim),
        other => panic!("expected a hold, found {other:?}"),
    }
}
