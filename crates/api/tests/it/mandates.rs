//! Chains of mandates over HTTP: registered, shown, paused, resumed, revoked.

use instrument::{
    KeyPair, Limits, Order, Pause, Payees, Revocation, Signed, SignedOrder, Statement as _,
    TreeMandate, UNLIMITED,
};
use serde_json::{Value, json};

use crate::payer::signed;
use crate::world::{Answer, PRICE, START_MS, World, base64, facilitator_body, key, usd};

/// A root for key 8, and a child of it for key 9.
fn chain(world: &World) -> [TreeMandate; 2] {
    let limits = Limits {
        per_payment: PRICE,
        per_day: PRICE * 2,
        per_month: UNLIMITED,
        total: PRICE * 10,
        unit_price: None,
        expires_at_ms: START_MS + 1_000_000,
        depth: 1,
        payees: Payees::ANY,
        audience: None,
    };
    let root = TreeMandate {
        node: world.engine.node(),
        salt: [1; 16],
        parent: None,
        payer: world.payer_account(),
        granter: world.payer.public(),
        delegate: key(8).public(),
        asset: usd(),
        limits,
    };
    let child = TreeMandate {
        parent: Some(root.id()),
        granter: key(8).public(),
        delegate: key(9).public(),
        limits: Limits { depth: 0, ..limits },
        ..root
    };
    [root, child]
}

fn link(mandate: &TreeMandate, by: &KeyPair) -> Value {
    let signed = Signed::sign(*mandate, by);
    json!({"mandate": base64(mandate.to_bytes()), "signature": base64(signed.signature().0)})
}

fn body(world: &World, [root, child]: &[TreeMandate; 2]) -> Value {
    json!({"chain": [link(root, &world.payer), link(child, &key(8))], "label": "agent"})
}

async fn settle(world: &World, mandate: &TreeMandate, number: u128) -> Value {
    let order =
        Order { signer: key(9).public(), mandate: Some(mandate.id()), ..world.order(number) };
    let body = facilitator_body(&SignedOrder::sign(order, &key(9)), &world.challenge());
    world.post("/settle", &body).await.json
}

async fn seen(world: &World, mandate: &TreeMandate, by: &KeyPair) -> Answer {
    let authorization = world.access(by, |_| {});
    let path = format!("/v1/mandates/{}", mandate.id());
    world.get_with(&path, &[("authorization", &authorization)]).await
}

#[tokio::test]
async fn a_sub_agent_registers_its_chain_and_presents_the_same_order_again() {
    let world = World::new().await;
    let [root, child] = chain(&world);
    assert_eq!(settle(&world, &child, 1).await["errorReason"], "mandate_unknown");
    for _ in 0..2 {
        let granted = world.post("/v1/mandates", &body(&world, &[root, child])).await;
        assert_eq!((granted.status, granted.json), (201, json!({"mandate": child.id()})));
    }
    assert_eq!(settle(&world, &child, 1).await["success"], true);
    let view = seen(&world, &root, &world.payer).await.json;
    assert_eq!(view["spent_today"], PRICE.to_string());
    assert_eq!(view["remaining"], PRICE.to_string());
    assert_eq!((&view["per_month"], &view["depth"]), (&json!(null), &json!(1)));
    let view = seen(&world, &child, &key(9)).await.json;
    assert_eq!((&view["parent"], &view["label"]), (&json!(root.id()), &json!("agent")));
    assert_eq!(seen(&world, &child, &key(8)).await.status, 200);
    // The child's key sees its own, and nobody else any.
    for (mandate, by) in [(&root, key(9)), (&child, key(6))] {
        seen(&world, mandate, &by).await.is_problem(404, "mandate_unknown", None);
    }
}

#[tokio::test]
async fn a_chain_is_read_strictly() {
    let world = World::new().await;
    let [root, child] = chain(&world);
    let good = link(&root, &world.payer);
    let wide = TreeMandate { limits: Limits { per_day: UNLIMITED, ..child.limits }, ..child };
    let cases = [
        (json!({"chain": []}), 400, "invalid_field", Some("chain")),
        (json!({"chain": vec![&good; 9]}), 400, "invalid_field", Some("chain")),
        (json!({"chain": [good], "mandate": "AAAA"}), 400, "invalid_field", Some("chain")),
        (json!({"label": "x"}), 400, "missing_field", Some("mandate")),
        (json!({"mandate": "AAAA"}), 400, "missing_field", Some("signature")),
        (json!({"chain": [link(&root, &key(8))]}), 403, "invalid_signature", Some("signature")),
        (json!({"chain": [link(&child, &key(8))]}), 422, "mandate_parent_unknown", None),
        (body(&world, &[root, wide]), 422, "mandate_wider_per_day", None),
    ];
    for (body, status, code, param) in cases {
        world.post("/v1/mandates", &body).await.is_problem(status, code, param);
    }
    let unknown = seen(&world, &root, &world.payer).await;
    unknown.is_problem(404, "mandate_unknown", None);
}

#[tokio::test]
async fn granters_pause_resume_and_revoke() {
    let world = World::new().await;
    let [root, child] = chain(&world);
    world.post("/v1/mandates", &body(&world, &[root, child])).await;
    let node = world.engine.node();
    let switch = |by: KeyPair, sequence, paused| {
        let mut body = signed("pause", Pause { node, mandate: child.id(), sequence, paused }, &by);
        body["key"] = json!(by.public().to_string());
        body
    };
    let path = |act| format!("/v1/mandates/{}/{act}", child.id());
    let paused = world.post(&path("pause"), &switch(key(8), 1, true)).await;
    assert_eq!(paused.json, json!({"mandate": child.id(), "paused": true}));
    assert_eq!(settle(&world, &child, 1).await["errorReason"], "mandate_paused");
    let opposite = world.post(&path("resume"), &switch(key(8), 2, true)).await;
    opposite.is_problem(400, "invalid_field", Some("pause"));
    let old = world.post(&path("resume"), &switch(key(8), 0, false)).await;
    old.is_problem(409, "pause_stale", None);
    let stranger = world.post(&path("resume"), &switch(key(9), 2, false)).await;
    stranger.is_problem(404, "mandate_unknown", None);
    assert_eq!(world.post(&path("resume"), &switch(key(8), 2, false)).await.status, 200);
    assert_eq!(settle(&world, &child, 1).await["success"], true);
    // The payer, who need not name its key, ends what its delegate has granted.
    let revocation = Revocation { node, mandate: child.id() };
    let body = signed("revocation", revocation, &world.payer);
    assert_eq!(world.post("/v1/mandates/revoke", &body).await.status, 200);
    assert_eq!(settle(&world, &child, 2).await["errorReason"], "mandate_revoked");
}
