//! An account in the log: its statement, and that it can be forgotten.

use evidence::statement::Statement;
use http::Method;
use money::AccountId;
use serde_json::json;
use tlog::policy::Policy;

use crate::world::{FUNDED, GATEWAY, OPERATOR, PRICE, World, key, request};

fn operator() -> [(&'static str, &'static str); 1] {
    [("authorization", "Bearer secret-of-the-operator")]
}

#[tokio::test]
async fn holder_and_operator_get_a_statement_that_adds_up() {
    assert_eq!(operator()[0].1, format!("Bearer {OPERATOR}"));
    let world = World::logged("quorum none\n").await;
    for number in 1..4 {
        world.settled(number).await;
    }
    world.engine.close_epoch().await.unwrap();
    world.settled(4).await;
    let path = format!("/v1/accounts/{}/statement", world.payer_account());
    let access = world.access(&world.payer, |_| {});
    let answer = world.get_with(&path, &[("authorization", &access)]).await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, "no-store"), "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("access-control-allow-origin"), "", "for no other page");
    let policy = Policy::parse(&world.get("/log/policy").await.bytes).unwrap();
    let verdict = Statement::parse(&answer.bytes).unwrap().verify(&policy, None).unwrap();
    assert_eq!(verdict.account, world.payer_account());
    assert_eq!(verdict.balances.owed(), FUNDED - 4 * PRICE);
    assert!(verdict.epoch.is_some());
    let same = world.get_with(&path, &operator()).await;
    assert_eq!(same.json["entries"].as_array().unwrap().len(), 1 + 1 + 4);
    let payees = format!("/v1/accounts/{}/statement", world.payee);
    let payee = world.get_with(&payees, &operator()).await;
    Statement::parse(&payee.bytes).unwrap().verify(&policy, None).unwrap();
}

#[tokio::test]
async fn nobody_else_sees_a_statement() {
    let world = World::logged("quorum none\n").await;
    let path = format!("/v1/accounts/{}/statement", world.payer_account());
    world.get(&path).await.is_problem(401, "access_required", None);
    let ask = async |value: &str| world.get_with(&path, &[("authorization", value)]).await;
    ask(&format!("Bearer {GATEWAY}")).await.is_problem(401, "token_wrong", None);
    ask(&world.access(&key(8), |_| {})).await.is_problem(403, "not_the_holder", None);
    // Whether an account exists is told to nobody who may not see it.
    let other = format!("/v1/accounts/{}/statement", AccountId::new(5).unwrap());
    let access = world.access(&world.payer, |_| {});
    let answer = world.get_with(&other, &[("authorization", &access)]).await;
    answer.is_problem(403, "not_the_holder", None);
    let answer = world.get_with(&other, &operator()).await;
    answer.is_problem(404, "account_unknown", None);
    let answer = world.get_with("/v1/accounts/acc_x/statement", &operator()).await;
    answer.is_problem(404, "account_unknown", Some("acc_id"));
}

#[tokio::test]
async fn a_forgotten_account_is_closed_in_every_proof() {
    let world = World::logged("quorum none\n").await;
    let payment = world.settled(1).await;
    let path = format!("/v1/accounts/{}/forget", world.payer_account());
    world.post(&path, &json!({})).await.is_problem(401, "token_required", None);
    let access = world.access(&world.payer, |_| {});
    let by_payer = world.post_with(&path, &[("authorization", &access)], &json!({})).await;
    by_payer.is_problem(401, "token_required", None);
    let extra = world.post_with(&path, &operator(), &json!({"all": "yes"})).await;
    extra.is_problem(400, "unknown_field", Some("all"));

    let empty = world.send(request(Method::POST, &path, &operator(), "")).await;
    let leaves = json!({"account": world.payer_account(), "leaves": 3});
    assert_eq!((empty.status, &empty.json), (200, &leaves));
    let again = world.post_with(&path, &operator(), &json!({})).await;
    assert_eq!(again.json["leaves"], 0);

    let proof = format!("/v1/receipts/{payment}/proof?open=both");
    let proof = world.get_with(&proof, &operator()).await;
    let receipt = tlog::Receipt::parse(&proof.bytes).unwrap();
    let opening = evidence::record::Opening::decode(receipt.extra().unwrap()).unwrap();
    assert_eq!(opening.debit().account(), None);
    assert_eq!(opening.credit().account(), Some(world.payee));
    let statement = format!("/v1/accounts/{}/statement", world.payer_account());
    let gone = world.get_with(&statement, &operator()).await;
    gone.is_problem(410, "log_forgotten", None);
    let unknown = format!("/v1/accounts/{}/forget", AccountId::new(5).unwrap());
    let unknown = world.post_with(&unknown, &operator(), &json!({})).await;
    unknown.is_problem(404, "account_unknown", None);
}

#[tokio::test]
async fn without_a_log_there_is_nothing_to_forget() {
    let world = World::new().await;
    let account = format!("/v1/accounts/{}", world.payee);
    let answer = world.get_with(&format!("{account}/statement"), &operator()).await;
    answer.is_problem(404, "log_off", None);
    let answer = world.post_with(&format!("{account}/forget"), &operator(), &json!({})).await;
    answer.is_problem(404, "log_off", None);
}
