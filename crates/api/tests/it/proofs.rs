//! Proofs of payments: anyone verifies them, and only the payer's own name the payer.

use evidence::record::Opening;
use money::PaymentId;
use tlog::policy::Policy;
use tlog::{Receipt, leaf_hash};

use crate::log::{publish, watched};
use crate::receipts::{hold, signed};
use crate::world::{Answer, OPERATOR, PRICE, World, key};

/// Checks an answer with nothing but the node's policy.
async fn verified(world: &World, answer: &Answer) -> (Receipt, Opening) {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
    let policy = Policy::parse(&world.get("/log/policy").await.bytes).unwrap();
    let receipt = Receipt::parse(&answer.bytes).unwrap();
    let opening = Opening::decode(receipt.extra().unwrap()).unwrap();
    receipt.verify(&leaf_hash(&opening.entry()), &policy).unwrap();
    (receipt, opening)
}

#[tokio::test]
async fn a_payment_is_proven_at_once_and_names_no_payer() {
    let world = World::logged("quorum none\n").await;
    let payment = world.settled(1).await;
    let receipt = world.get(&format!("/v1/receipts/{payment}")).await.json;
    let url = receipt["proof"].as_str().unwrap();
    assert_eq!(url, format!("http://127.0.0.1:4021/v1/receipts/{payment}/proof"));
    let path = url.strip_prefix("http://127.0.0.1:4021").unwrap();
    let answer = world.get(path).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    let (proof, opening) = verified(&world, &answer).await;
    assert_eq!(opening.facts().amount, PRICE);
    assert_eq!(opening.facts().user_data, payment.parse::<PaymentId>().unwrap().get());
    assert_eq!(opening.credit().account(), Some(world.payee));
    assert_eq!(opening.debit().account(), None);
    assert_eq!(proof.checkpoint().head(), world.engine.log().unwrap().head());
    let same = world.get(&format!("{path}?leg=0&open=payee")).await;
    assert_eq!(same.bytes, answer.bytes);
}

#[tokio::test]
async fn with_enough_witnesses_it_can_be_kept() {
    let (witness, lines) = watched();
    let world = World::logged(&lines).await;
    let path = format!("/v1/receipts/{}/proof", world.settled(1).await);
    assert_eq!(world.get(&path).await.header("cache-control"), "no-store");
    publish(&world, &[]);
    assert_eq!(world.get(&path).await.header("cache-control"), "no-store");
    publish(&world, &[&witness]);
    let answer = world.get(&path).await;
    assert_eq!(answer.header("cache-control"), "private, max-age=86400");
    verified(&world, &answer).await;
    let bearer = format!("Bearer {OPERATOR}");
    let both = world.get_with(&format!("{path}?open=both"), &[("authorization", &bearer)]).await;
    assert_eq!(both.header("cache-control"), "no-store", "it names the payer");
}

#[tokio::test]
async fn only_payer_and_operator_see_the_payers_side() {
    let world = World::logged("quorum none\n").await;
    let path = format!("/v1/receipts/{}/proof?open=both", world.settled(1).await);
    world.get(&path).await.is_problem(401, "access_required", None);
    let ask = async |value: &str| world.get_with(&path, &[("authorization", value)]).await;
    ask("Bearer wrong").await.is_problem(401, "token_wrong", None);
    ask("Bearer secret-of-the-gateway").await.is_problem(401, "token_wrong", None);
    let stranger = world.access(&key(8), |_| {});
    ask(&stranger).await.is_problem(403, "not_the_payer", None);
    let old = world.access(&world.payer, |access| access.issued_at_ms -= 3_600_000);
    ask(&old).await.is_problem(401, "access_wrong_time", None);
    for right in [world.access(&world.payer, |_| {}), format!("Bearer {OPERATOR}")] {
        let answer = ask(&right).await;
        let (_, opening) = verified(&world, &answer).await;
        assert_eq!(opening.debit().account(), Some(world.payer_account()));
        assert_eq!(opening.credit().account(), Some(world.payee));
        assert_eq!(answer.header("cache-control"), "no-store");
    }
}

#[tokio::test]
async fn what_cannot_be_proven_says_why() {
    let world = World::logged("quorum none\n").await;
    let payment = world.settled(1).await;
    let path = format!("/v1/receipts/{payment}/proof");
    world.get(&format!("{path}?leg=1")).await.is_problem(404, "leg_unknown", Some("leg"));
    for (query, param) in [
        ("leg=x", "leg"),
        ("leg=-1", "leg"),
        ("leg=0&leg=0", "leg"),
        ("open=payer", "open"),
        ("opened=both", "opened"),
    ] {
        let answer = world.get(&format!("{path}?{query}")).await;
        answer.is_problem(400, "invalid_query", Some(param));
    }
    let unknown = PaymentId::new(5).unwrap();
    let answer = world.get(&format!("/v1/receipts/{unknown}/proof")).await;
    answer.is_problem(404, "payment_unknown", None);
    let (held, claim) = hold(&world, &signed(&world, 2)).await;
    let path = format!("/v1/receipts/{held}/proof");
    let answer = world.get(&path).await;
    answer.is_problem(409, "payment_not_settled", None);
    assert_eq!(answer.header("retry-after"), "1");
    world.engine.release(held, claim, None).await.unwrap();
    let answer = world.get(&path).await;
    answer.is_problem(409, "payment_not_settled", None);
    assert_eq!(answer.json["retry"], "never");
}

/// As a gateway apart from the node gets it for `Want-Proof`.
#[tokio::test]
async fn a_gateway_apart_gets_the_same_proof() {
    let world = World::logged("quorum none\n").await;
    let node = crate::channel_steps::remote(&world).await;
    let payment = world.settled(1).await;
    let proof = node.proof(payment.parse().unwrap()).await.unwrap();
    let answer = world.get(&format!("/v1/receipts/{payment}/proof")).await;
    assert_eq!(proof.as_bytes(), answer.bytes);
    let none = node.proof(PaymentId::new(5).unwrap()).await.unwrap_err();
    assert!(none.contains("404"), "{none}");
}
