//! Sponsors over the API.

use gateway::{PublishedSponsor, SiteKey};
use http::Method;
use instrument::{
    Limits, Payees, PublicKey, Revocation, Signed, Statement as _, TreeMandate, UNLIMITED,
};
use money::{AccountId, MandateId};
use serde_json::{Value, json};

use crate::offers::Desk;
use crate::world::{GATEWAY, START_MS, base64, key, usd};

const SPONSORS: &str = "/v1/sponsors";

fn sites() -> PublicKey {
    SiteKey::of_gateway(GATEWAY).public()
}

/// A mandate of the payer, granted and registered.
async fn granted(desk: &Desk, salt: u8, delegate: PublicKey) -> MandateId {
    let world = &desk.world;
    let mandate = TreeMandate {
        node: world.engine.node(),
        salt: [salt; 16],
        parent: None,
        payer: world.payer_account(),
        granter: world.payer.public(),
        delegate,
        asset: usd(),
        limits: Limits {
            per_payment: UNLIMITED,
            per_day: UNLIMITED,
            per_month: UNLIMITED,
            total: 10_000,
            unit_price: None,
            expires_at_ms: START_MS + 1_000_000,
            depth: 0,
            payees: Payees::ANY,
            audience: None,
        },
    };
    let signature = Signed::sign(mandate, &world.payer).signature().0;
    let link = json!({"mandate": base64(mandate.to_bytes()), "signature": base64(signature)});
    let answer = world.post("/v1/mandates", &json!({ "chain": [link] })).await;
    assert_eq!(answer.status, 201, "{}", answer.json);
    mandate.id()
}

fn asked(mandate: MandateId) -> Value {
    json!({"mandate": mandate, "title": "Town library", "uses": {"count": 5, "seconds": 86_400}})
}

#[tokio::test]
async fn a_sponsor_is_made_listed_and_taken_back() {
    let desk = Desk::new().await;
    let node = desk.world.get("/v1/node").await;
    assert_eq!(node.json["sponsored_key"], sites().to_string());
    let mandate = granted(&desk, 1, sites()).await;
    let made = desk.operator(Method::POST, SPONSORS, &asked(mandate)).await;
    assert_eq!(made.status, 201, "{}", made.json);
    assert_eq!(made.json["payer"], desk.world.payer_account().to_string());
    let read = PublishedSponsor::of_listed(made.json.clone()).unwrap();
    assert!(read.to_sponsor().is_ok(), "a gateway reads what the list shows");
    let again = desk.operator(Method::POST, SPONSORS, &asked(mandate)).await;
    again.is_problem(409, "sponsor_taken", Some("mandate"));
    let listed = desk.call(Method::GET, SPONSORS, GATEWAY, &Value::Null).await;
    assert_eq!(listed.json["data"], json!([made.json]));
    assert!(listed.headers.contains_key("etag"));

    let path = format!("{SPONSORS}/{mandate}");
    assert_eq!(desk.operator(Method::DELETE, &path, &Value::Null).await.status, 204);
    let gone = desk.operator(Method::DELETE, &path, &Value::Null).await;
    gone.is_problem(404, "sponsor_unknown", None);
    assert_eq!(desk.operator(Method::POST, SPONSORS, &asked(mandate)).await.status, 201);
}

#[tokio::test]
async fn what_makes_no_sponsor_is_refused_by_its_field() {
    let desk = Desk::new().await;
    let world = &desk.world;
    let good = granted(&desk, 1, sites()).await;
    let other = granted(&desk, 2, key(8).public()).await;
    let ended = granted(&desk, 3, sites()).await;
    let revocation = Revocation { node: world.engine.node(), mandate: ended };
    let key = world.payer.public();
    let revocation = Signed::sign(revocation, &world.payer).verify_with(&key).unwrap();
    world.engine.revoke(revocation, key).await.unwrap();
    let with = |name: &str, value: Value| {
        let mut asked = asked(good);
        asked[name] = value;
        asked
    };
    let nowhere = json!(["off_0000000000000000000000002d"]);
    for (asked, status, code, param) in [
        (asked(MandateId::new(9).unwrap()), 422, "mandate_unknown", "mandate"),
        (asked(other), 422, "mandate_not_for_sites", "mandate"),
        (asked(ended), 422, "mandate_revoked", "mandate"),
        (with("title", json!("")), 400, "invalid_sponsor", "title"),
        (with("title", json!("a\nb")), 400, "invalid_sponsor", "title"),
        (with("offers", json!([])), 400, "invalid_sponsor", "offers"),
        (with("offers", nowhere), 404, "offer_unknown", "offers"),
        (with("uses", json!({"count": 0, "seconds": 1})), 400, "invalid_sponsor", "uses"),
        (with("payer", json!("me")), 400, "unknown_field", "payer"),
    ] {
        let answer = desk.operator(Method::POST, SPONSORS, &asked).await;
        answer.is_problem(status, code, Some(param));
    }
    world.clock.advance_ms(1_000_000);
    let late = desk.operator(Method::POST, SPONSORS, &asked(good)).await;
    late.is_problem(422, "mandate_expired", Some("mandate"));
    let listed = desk.operator(Method::GET, SPONSORS, &Value::Null).await;
    assert_eq!(listed.json["data"], json!([]), "nothing of it was kept");
}

#[tokio::test]
async fn a_key_makes_sponsors_for_its_own_offers_alone() {
    let desk = Desk::new().await;
    let both = || json!(["read", "offers:write"]);
    let own = desk.key(json!([desk.payee.to_string()]), both()).await;
    let other = desk.key(json!([AccountId::new(9).unwrap().to_string()]), both()).await;
    let reader = desk.key(Value::Null, json!(["read"])).await;
    let offer = desk.operator(Method::POST, "/v1/offers", &desk.offer()).await;
    let mandate = granted(&desk, 1, sites()).await;
    let mut for_one = asked(mandate);
    for_one["offers"] = json!([offer.json["offer"]]);
    let refused = desk.call(Method::POST, SPONSORS, &own, &asked(mandate)).await;
    refused.is_problem(403, "account_not_allowed", Some("offers"));
    let unseen = desk.call(Method::POST, SPONSORS, &other, &for_one).await;
    unseen.is_problem(404, "offer_unknown", Some("offers"));
    assert_eq!(desk.call(Method::POST, SPONSORS, &reader, &for_one).await.status, 403);
    let made = desk.call(Method::POST, SPONSORS, &own, &for_one).await;
    assert_eq!(made.status, 201, "{}", made.json);
    let path = format!("{SPONSORS}/{mandate}");
    let refused = desk.call(Method::DELETE, &path, &other, &Value::Null).await;
    refused.is_problem(404, "sponsor_unknown", None);
    for (token, count) in [(&own, 1), (&other, 0)] {
        let listed = desk.call(Method::GET, SPONSORS, token, &Value::Null).await;
        assert_eq!(listed.json["data"].as_array().unwrap().len(), count);
    }
    assert_eq!(desk.call(Method::DELETE, &path, &own, &Value::Null).await.status, 204);
}
