//! `upto` at the facilitator: what is charged is known after the work, and never above the maximum.

use http402::x402::{Payment, PaymentRequirements, Scheme, requirements};
use http402::{Dialect, Instrument};
use instrument::{Order, SignedOrder};
use money::Amount;
use serde_json::{Value, json};

use crate::world::{PRICE, START_MS, World, usd};

/// A request for `charged` of an order whose amount is the maximum.
fn pays(world: &World, order: Order, charged: u128) -> Value {
    let challenge = world.challenge();
    let offer = PaymentRequirements { scheme: Scheme::Upto, ..requirements(&challenge) };
    let payment = Payment {
        dialect: Dialect::X402V2,
        accepted: &offer,
        instrument: &Instrument::Order {
            order: SignedOrder::sign(order, &world.payer),
            up_to: true,
        },
        resource_url: None,
        extensions: None,
    };
    let asked = PaymentRequirements { amount: Amount::new(charged, usd()), ..offer.clone() };
    json!({"x402Version": 2, "paymentPayload": payment, "paymentRequirements": asked})
}

#[tokio::test]
async fn it_charges_what_was_used() {
    for charged in [0, 1, PRICE / 3, PRICE] {
        let world = World::new().await;
        let order = world.order(1);
        let maximum = pays(&world, order, PRICE);
        assert_eq!(world.post("/verify", &maximum).await.json["isValid"], true);
        let used = pays(&world, order, charged);
        assert_eq!(world.post("/verify", &used).await.json["isValid"], true);
        assert_eq!(world.moved().await, 0);
        let settled = world.post("/settle", &used).await;
        assert_eq!(settled.json["success"], true, "{settled:?}");
        assert_eq!(settled.json["amount"], charged.to_string());
        assert_eq!(settled.json["transaction"], order.payment_id().to_string());
        assert_eq!(world.moved().await, charged);
        assert_eq!(world.held().await, 0);
    }
}

#[tokio::test]
async fn it_never_charges_more_than_the_maximum() {
    let world = World::new().await;
    for charged in [PRICE + 1, u128::MAX] {
        let body = pays(&world, world.order(1), charged);
        let verified = world.post("/verify", &body).await;
        assert_eq!(verified.json["invalidReason"], "amount_above_maximum", "{verified:?}");
        let settled = world.post("/settle", &body).await;
        assert_eq!(settled.json["errorReason"], "amount_above_maximum", "{settled:?}");
        assert_eq!((world.moved().await, world.held().await), (0, 0));
    }
    // An order for more than the offer is another order, whatever the seller charges.
    let mut order = world.order(1);
    order.amount = Amount::new(PRICE + 1, usd());
    let settled = world.post("/settle", &pays(&world, order, 1)).await;
    assert_eq!(settled.json["errorReason"], "amount_mismatch", "{settled:?}");
    assert_eq!((world.moved().await, world.held().await), (0, 0));
}

#[tokio::test]
async fn an_order_settles_once_and_its_name_answers_again() {
    let world = World::new().await;
    let body = pays(&world, world.order(1), PRICE / 2);
    let named: &[(&str, &str)] = &[("idempotency-key", "one")];
    let (one, two) = tokio::join!(
        world.post_with("/settle", named, &body),
        world.post_with("/settle", named, &body)
    );
    let late = world.post_with("/settle", named, &body).await;
    for answer in [&one, &two, &late] {
        assert_eq!(answer.json["success"], true, "{answer:?}");
        assert_eq!(answer.json["amount"], (PRICE / 2).to_string());
    }
    for (headers, body) in
        [(&[][..], body), (&[("idempotency-key", "two")][..], pays(&world, world.order(1), 1))]
    {
        let answer = world.post_with("/settle", headers, &body).await;
        assert_eq!(answer.json["errorReason"], "duplicate_settlement", "{answer:?}");
    }
    let other = world.post_with("/settle", named, &pays(&world, world.order(1), PRICE)).await;
    assert_eq!(other.json["success"], false, "{other:?}");
    assert_eq!((world.moved().await, world.held().await), (PRICE / 2, 0));
}

#[tokio::test]
async fn an_order_for_one_scheme_is_none_for_another() {
    let world = World::new().await;
    let mut body = pays(&world, world.order(1), PRICE);
    body["paymentRequirements"]["scheme"] = json!("exact");
    let answer = world.post("/settle", &body).await;
    assert_eq!(answer.json["errorReason"], "invalid_payment_requirements");
    let expired = Order { expires_at_ms: START_MS, ..world.order(1) };
    let answer = world.post("/settle", &pays(&world, expired, 1)).await;
    assert_eq!(answer.json["errorReason"], "order_expired");
    assert_eq!((world.moved().await, world.held().await), (0, 0));
}
