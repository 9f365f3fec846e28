//! What payers see and decide, and the faucet.

use instrument::{Audience, KeyPair, Mandate, Order, Revocation, Signed, SignedOrder, Statement};
use money::MandateId;
use serde_json::{Value, json};

use crate::channels::{DEPOSIT, opened};
use crate::world::{
    Answer, FAUCET, FUNDED, PRICE, START_MS, World, base64, facilitator_body, key, usd,
};

async fn show(world: &World, authorization: &str) -> Answer {
    world.get_with("/v1/payer", &[("authorization", authorization)]).await
}

fn mandate(world: &World) -> Mandate {
    Mandate {
        node: world.engine.node(),
        id: MandateId::new(3).unwrap(),
        payer: world.payer_account(),
        payer_key: world.payer.public(),
        delegate: key(8).public(),
        asset: usd(),
        per_payment: PRICE,
        total: PRICE * 2,
        expires_at_ms: START_MS + 1000,
        audience: None,
    }
}

pub fn signed<T: Statement>(name: &str, statement: T, by: &KeyPair) -> Value {
    let signed = Signed::sign(statement, by);
    let statement = base64(signed.unverified().to_bytes());
    json!({name: statement, "signature": base64(signed.signature().0)})
}

fn grant_body(world: &World, mandate: Mandate) -> Value {
    let mut body = signed("mandate", mandate, &world.payer);
    body["label"] = json!("the magazine");
    body
}

fn delegated(world: &World, number: u128) -> Value {
    let order = Order {
        signer: key(8).public(),
        mandate: Some(MandateId::new(3).unwrap()),
        ..world.order(number)
    };
    facilitator_body(&SignedOrder::sign(order, &key(8)), &world.challenge())
}

#[tokio::test]
async fn a_payer_sees_its_own_account() {
    let world = World::new().await;
    let payment = world.settled(1).await;
    let answer = show(&world, &world.access(&world.payer, |_| {})).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let left = (FUNDED - PRICE).to_string();
    let expected = json!({
        "account": world.payer_account(),
        "asset": "USD",
        "scale": 9,
        "available": left,
        "posted": left,
        "held": "0",
        "mandates": [],
        "payments": [{
            "payment": payment,
            "payee": world.payee,
            "amount": PRICE.to_string(),
            "state": "settled",
            "description": "http://127.0.0.1:4020/articles/1",
            "at_ms": START_MS,
        }],
        "channels": [],
    });
    assert_eq!(answer.json, expected);
    assert_eq!(answer.header("cache-control"), "no-store");
    show(&world, &world.access(&key(20), |_| {})).await.is_problem(404, "account_unknown", None);
}

#[tokio::test]
async fn a_payer_sees_its_channels_until_they_are_closed() {
    let (world, channel) = opened().await;
    let access = world.access(&world.payer, |_| {});
    let view = show(&world, &access).await.json;
    let at_the_node = world.get(&format!("/v1/channels/{channel}")).await.json;
    assert_eq!(view["channels"], json!([at_the_node]));
    assert_eq!(view["held"], json!(DEPOSIT.to_string()));
    world.engine.close_channel(engine::Closing::ByPayee(channel)).await.unwrap();
    let view = show(&world, &access).await.json;
    assert_eq!((&view["channels"], &view["held"]), (&json!([]), &json!("0")));
}

#[tokio::test]
async fn access_is_proven() {
    let world = World::new().await;
    let good = world.access(&world.payer, |_| {});
    let forged = world.access(&key(8), |access| access.key = world.payer.public());
    let elsewhere = money::NodeId::new(5).unwrap();
    let cases = [
        (String::new(), "access_required"),
        ("Bearer x".to_owned(), "access_required"),
        ("Farthing".to_owned(), "access_required"),
        ("Farthing x".to_owned(), "access_malformed"),
        (format!("{good}AA"), "access_malformed"),
        (format!("{good}="), "access_malformed"),
        (good[..good.len() - 4].to_owned(), "access_malformed"),
        (good.replace("ZmFydGhpbmc", "ZmFydGhpbmd"), "access_malformed"),
        (forged, "access_wrong_signature"),
        (world.access(&world.payer, |access| access.node = elsewhere), "access_wrong_node"),
    ];
    for (authorization, code) in cases {
        let answer = show(&world, &authorization).await;
        answer.is_problem(401, code, None);
        assert_eq!(answer.header("www-authenticate"), "Farthing");
    }
    let twice = [("authorization", good.as_str()), ("authorization", good.as_str())];
    world.get_with("/v1/payer", &twice).await.is_problem(401, "access_required", None);
}

#[tokio::test]
async fn access_lasts_five_minutes_either_way() {
    let world = World::new().await;
    let day_ms = 86_400_000;
    for (issued_at_ms, status) in [
        (START_MS - 300_000, 200),
        (START_MS + 300_000, 200),
        (START_MS - 300_001, 401),
        (START_MS + 300_001, 401),
        (START_MS - day_ms, 401),
        (START_MS + day_ms, 401),
        (0, 401),
        (u64::MAX, 401),
    ] {
        let authorization = world.access(&world.payer, |access| access.issued_at_ms = issued_at_ms);
        let answer = show(&world, &authorization).await;
        assert_eq!(answer.status, status, "{issued_at_ms}");
        if status == 401 {
            answer.is_problem(401, "access_wrong_time", None);
        }
    }
}

#[tokio::test]
async fn a_delegate_pays_within_its_mandate_until_it_is_revoked() {
    let world = World::new().await;
    let body = grant_body(&world, mandate(&world));
    for _ in 0..2 {
        let granted = world.post("/v1/mandates", &body).await;
        assert_eq!(granted.status, 201, "{granted:?}");
        assert_eq!(granted.json, json!({"mandate": MandateId::new(3).unwrap()}));
    }
    let paid = world.post("/settle", &delegated(&world, 1)).await;
    assert_eq!(paid.json["success"], true, "{paid:?}");
    let revocation = Revocation { node: world.engine.node(), mandate: MandateId::new(3).unwrap() };
    let body = signed("revocation", revocation, &world.payer);
    for _ in 0..2 {
        assert_eq!(world.post("/v1/mandates/revoke", &body).await.status, 200);
    }
    let refused = world.post("/settle", &delegated(&world, 2)).await;
    assert_eq!(refused.json["errorReason"], "mandate_revoked");
    let view = show(&world, &world.access(&world.payer, |_| {})).await.json;
    let expected = json!([{
        "mandate": MandateId::new(3).unwrap(),
        "parent": null,
        "payer": world.payer_account(),
        "label": "the magazine",
        "granter": world.payer.public().to_string(),
        "delegate": key(8).public().to_string(),
        "asset": "USD",
        "scale": 9,
        "per_payment": PRICE.to_string(),
        "per_day": null,
        "per_month": null,
        "total": (PRICE * 2).to_string(),
        "unit_price": null,
        "payees": [],
        "audience": null,
        "depth": 0,
        "spent": PRICE.to_string(),
        "spent_today": "0",
        "spent_this_month": "0",
        "remaining": PRICE.to_string(),
        "expires_at_ms": START_MS + 1000,
        "paused": false,
        "revoked": true,
    }]);
    assert_eq!(view["mandates"], expected);
}

/// The facilitator does not know at which origin something is bought, so a mandate for one origin
/// does not pay through it, whatever the payload claims.
#[tokio::test]
async fn a_mandate_for_one_origin_does_not_pay_through_the_facilitator() {
    let world = World::new().await;
    let audience = Some(Audience::of_origin("http://127.0.0.1:4020"));
    let body = grant_body(&world, Mandate { audience, ..mandate(&world) });
    assert_eq!(world.post("/v1/mandates", &body).await.status, 201);
    let answer = world.post("/settle", &delegated(&world, 1)).await;
    assert_eq!(answer.json["errorReason"], "mandate_audience");
}

#[tokio::test]
async fn mandates_that_do_not_hold_are_refused() {
    let world = World::new().await;
    let good = mandate(&world);
    let elsewhere = money::NodeId::new(5).unwrap();
    for (terms, status, code) in [
        (Mandate { node: elsewhere, ..good }, 422, "invalid_network"),
        (Mandate { payer: world.payee, ..good }, 422, "signer_is_not_payer"),
        (Mandate { expires_at_ms: START_MS, ..good }, 422, "mandate_expired"),
    ] {
        let answer = world.post("/v1/mandates", &grant_body(&world, terms)).await;
        answer.is_problem(status, code, None);
    }
    world.post("/v1/mandates", &grant_body(&world, good)).await;
    let other = grant_body(&world, Mandate { total: 1, ..good });
    world.post("/v1/mandates", &other).await.is_problem(409, "mandate_id_taken", None);
    let forged = signed("mandate", good, &key(8));
    let answer = world.post("/v1/mandates", &forged).await;
    answer.is_problem(403, "invalid_signature", Some("signature"));
}

#[tokio::test]
async fn statements_are_read_strictly() {
    let world = World::new().await;
    let good = grant_body(&world, mandate(&world));
    for (field, value, code, param) in [
        ("mandate", json!("@@"), "invalid_base64", "mandate"),
        ("mandate", json!("AAAA"), "statement_length", "mandate"),
        ("mandate", json!(base64([0; 224])), "statement_tag", "mandate"),
        ("signature", json!("AAAA"), "signature_length", "signature"),
        ("signature", json!("%"), "invalid_base64", "signature"),
        ("extra", json!("x"), "unknown_field", "extra"),
    ] {
        let mut body = good.clone();
        body[field] = value;
        world.post("/v1/mandates", &body).await.is_problem(400, code, Some(param));
    }
}

#[tokio::test]
async fn only_the_payer_revokes() {
    let world = World::new().await;
    world.post("/v1/mandates", &grant_body(&world, mandate(&world))).await;
    let revocation = Revocation { node: world.engine.node(), mandate: MandateId::new(3).unwrap() };
    let answer =
        world.post("/v1/mandates/revoke", &signed("revocation", revocation, &key(8))).await;
    answer.is_problem(403, "invalid_signature", Some("signature"));
    let unknown = Revocation { mandate: MandateId::new(4).unwrap(), ..revocation };
    let body = signed("revocation", unknown, &world.payer);
    world.post("/v1/mandates/revoke", &body).await.is_problem(404, "mandate_unknown", None);
    let elsewhere = Revocation { node: money::NodeId::new(5).unwrap(), ..revocation };
    let body = signed("revocation", elsewhere, &world.payer);
    world.post("/v1/mandates/revoke", &body).await.is_problem(422, "invalid_network", None);
    assert_eq!(world.post("/settle", &delegated(&world, 1)).await.json["success"], true);
}

#[tokio::test]
async fn the_faucet_fills_once_a_second_up_to_a_limit() {
    let world = World::new().await;
    let body = json!({"key": key(9).public().to_string()});
    for _ in 0..3 {
        let answer = world.post("/v1/faucet", &body).await;
        assert_eq!((answer.status, &answer.json["balance"]), (200, &json!(FAUCET.to_string())));
    }
    for fillings in 2..=10 {
        world.clock.advance_ms(1000);
        let answer = world.post("/v1/faucet", &body).await;
        assert_eq!(answer.json["balance"], (FAUCET * fillings).to_string());
    }
    world.clock.advance_ms(1000);
    world.post("/v1/faucet", &body).await.is_problem(429, "faucet_limit", None);
    assert_eq!(
        world.post("/v1/faucet", &json!({"key": key(10).public().to_string()})).await.status,
        200
    );
}

#[tokio::test]
async fn real_money_has_no_faucet() {
    let world = World::with(tempfile::tempdir().unwrap(), |node| node.sandbox = false).await;
    let body = json!({"key": key(9).public().to_string()});
    world.post("/v1/faucet", &body).await.is_problem(404, "not_sandbox", None);
}
