//! The delivery steps of gateways apart, in the words of the gateway's own wire format.

use engine::{Authorize, AuthorizeError, Mode, Outcome, PaymentView, Purchase, SettleError, Terms};
use gateway::node::wire::{AuthorizeWire, AuthorizedWire, FinishWire, HoldWire, RefusedWire};
use instrument::SignedOrder;
use money::PaymentId;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::world::{Answer, GATEWAY, OPERATOR, PRICE, World};

async fn step(world: &World, step: &str, message: &impl Serialize) -> Answer {
    let gateway = format!("Bearer {GATEWAY}");
    let path = format!("/v1/payments/{step}");
    let body = serde_json::to_value(message).unwrap();
    world.post_with(&path, &[("authorization", &gateway)], &body).await
}

fn command(world: &World, mode: Mode) -> Authorize {
    let order = SignedOrder::sign(world.order(1), &world.payer).verify().unwrap();
    Authorize {
        order,
        purchase: Purchase {
            digest: order.get().purchase,
            origin: Some("http://127.0.0.1:4020".to_owned()),
            description: "An article".to_owned(),
        },
        terms: Terms {
            pay_to: world.payee,
            amount: order.get().amount,
            split: None,
            unit_price: None,
            access_seconds: 60,
        },
        idempotency: None,
        tags: engine::Tags::default(),
        counters: Vec::new(),
        mode,
    }
}

async fn authorize(world: &World, mode: Mode) -> AuthorizedWire {
    read(&step(world, "authorize", &AuthorizeWire::new(&command(world, mode))).await)
}

fn read<T: DeserializeOwned>(answer: &Answer) -> T {
    assert_eq!(answer.status, 200, "{answer:?}");
    serde_json::from_slice(&answer.bytes).unwrap()
}

fn finish(payment: PaymentId, claim: engine::ClaimToken) -> FinishWire {
    FinishWire { payment, claim, units: None, outcome: None, durable_outcome: false }
}

async fn proceed(world: &World, mode: Mode) -> FinishWire {
    match authorize(world, mode).await {
        AuthorizedWire::Proceed { payment, claim } => finish(payment, claim),
        other => panic!("expected to proceed, found {other:?}"),
    }
}

#[tokio::test]
async fn a_claim_is_charged_and_a_copy_gets_the_outcome() {
    let world = World::new().await;
    let mut done = proceed(&world, Mode::Claim).await;
    let outcome = Outcome {
        status: 200,
        headers: vec![("content-type".to_owned(), "text/plain".to_owned())],
        body: "the article".into(),
        range: String::new(),
    };
    done.outcome = Some(outcome.clone().into());
    let view: PaymentView = read(&step(&world, "charge", &done).await);
    assert_eq!(view.settled.units(), PRICE);
    assert_eq!(world.moved().await, PRICE);
    match authorize(&world, Mode::Claim).await.open().unwrap() {
        engine::Authorized::Replay { payment, outcome: Some(kept) } => {
            assert_eq!((payment, kept), (view, outcome));
        }
        other => panic!("expected a replay, found {other:?}"),
    }
    let again = step(&world, "charge", &done).await;
    let refused: RefusedWire<AuthorizeError> = serde_json::from_slice(&again.bytes).unwrap();
    assert_eq!((again.status, refused.refused), (503, AuthorizeError::ClaimLost));
    assert_eq!(again.header("retry-after"), "1");
}

#[tokio::test]
async fn a_hold_settles_in_part() {
    let world = World::new().await;
    let mut done = proceed(&world, Mode::Hold { seconds: 60 }).await;
    done.units = Some("500000".to_owned());
    let view: PaymentView = read(&step(&world, "settle", &done).await);
    assert_eq!(view.settled.units(), 500_000);
    assert_eq!(world.moved().await, 500_000);
    let again = step(&world, "settle", &done).await;
    let refused: RefusedWire<SettleError> = serde_json::from_slice(&again.bytes).unwrap();
    assert_eq!((again.status, refused.refused), (409, SettleError::NotHeld));
}

#[tokio::test]
async fn a_claim_becomes_a_hold_and_is_released() {
    let world = World::new().await;
    let claimed = proceed(&world, Mode::Claim).await;
    let hold = HoldWire { payment: claimed.payment, claim: claimed.claim, seconds: 60 };
    read::<()>(&step(&world, "hold", &hold).await);
    assert_eq!(world.balance(world.payer_account()).await, crate::world::FUNDED - PRICE);
    read::<()>(&step(&world, "release", &claimed).await);
    assert_eq!(world.moved().await, 0);
}

#[tokio::test]
async fn refusals_go_back_as_the_engine_words_them() {
    let world = World::new().await;
    let mut command = command(&world, Mode::Claim);
    command.terms.amount = money::Amount::new(PRICE + 1, crate::world::usd());
    let answer = step(&world, "authorize", &AuthorizeWire::new(&command)).await;
    assert_eq!(answer.status, 402);
    assert_eq!(answer.json, json!({"refused": "wrong_amount"}));
}

#[tokio::test]
async fn a_gateway_cannot_forge_an_order() {
    let world = World::new().await;
    let mut message =
        serde_json::to_value(AuthorizeWire::new(&command(&world, Mode::Claim))).unwrap();
    message["signature"] = json!(crate::world::base64([1; 64]));
    let answer = step(&world, "authorize", &message).await;
    answer.is_problem(400, "invalid_signature", Some("signature"));
}

#[tokio::test]
async fn messages_are_read_strictly() {
    let world = World::new().await;
    let good = serde_json::to_value(AuthorizeWire::new(&command(&world, Mode::Claim))).unwrap();
    for (field, value, code, param) in [
        ("order", json!("@"), "invalid_field", "order"),
        ("purchase", json!("AB"), "invalid_field", "purchase"),
        ("split", json!([[world.payee, 1]]), "invalid_field", "split"),
        ("unknown", json!(1), "invalid_json", "body"),
        ("amount", json!("5"), "invalid_json", "body"),
    ] {
        let mut message = good.clone();
        message[field] = value;
        step(&world, "authorize", &message).await.is_problem(400, code, Some(param));
    }
    let hold = proceed(&world, Mode::Hold { seconds: 60 }).await;
    for units in ["-1", "1.0", "01"] {
        let message = FinishWire { units: Some(units.to_owned()), ..hold.clone() };
        let answer = step(&world, "settle", &message).await;
        answer.is_problem(400, "invalid_amount", Some("units"));
    }
    let mut large = hold;
    let body = vec![0; engine::OUTCOME_BYTES_MAX + 1].into();
    let outcome = Outcome { status: 200, headers: Vec::new(), body, range: String::new() };
    large.outcome = Some(outcome.into());
    let answer = step(&world, "charge", &large).await;
    answer.is_problem(400, "outcome_too_large", Some("outcome.body"));
}

#[tokio::test]
async fn every_step_needs_the_gateways_token() {
    let world = World::new().await;
    let operator = format!("Bearer {OPERATOR}");
    for step in ["authorize", "hold", "charge", "settle", "release"] {
        let path = format!("/v1/payments/{step}");
        world.post(&path, &Value::Null).await.is_problem(401, "token_required", None);
        let answer = world.post_with(&path, &[("authorization", &operator)], &Value::Null).await;
        answer.is_problem(401, "token_wrong", None);
    }
}
