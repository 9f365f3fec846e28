//! Two gateway processes with one node: a payment is one payment, wherever its copies arrive.

use crate::buyer::{Got, Presented, Wanted, ask_unpaid, present};
use crate::process::{Running, free_port, until};
use crate::shop::{ARTICLE_UNITS, JOB_UNITS, Shop};

const COPIES: usize = 5;

struct Replicas {
    shop: Shop,
    ports: [u16; 2],
    gateways: [Running; 2],
    node: Running,
}

impl Replicas {
    async fn start() -> Self {
        let shop = Shop::new().await;
        shop.split();
        let node = shop.start_node();
        let ports = [shop.site_port, free_port()];
        let gateways = ports.map(|port| shop.start_gateway(port));
        Self { shop, ports, gateways, node }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paid_at_one_and_presented_at_the_other_the_answer_is_the_same() {
    let Replicas { shop, ports: [one, other], gateways: _gateways, node: _node } =
        Replicas::start().await;
    let buyer = shop.buyer(1).await;
    for wanted in [Wanted::post("/jobs/1"), Wanted::get("/articles/1")] {
        let paid = buyer.sign(one, &wanted).await.unwrap();
        let first = present(one, &paid).await.unwrap();
        first.assert_delivers(&paid);
        assert!(!first.is_replay(), "{first:?}");
        for port in [other, one, other] {
            present(port, &paid).await.unwrap().assert_repeats(&first, &paid);
        }
        assert_eq!(shop.upstream.executions(Some(paid.payment)), 1);
    }
    shop.assert_spent(&buyer, JOB_UNITS + ARTICLE_UNITS).await;
    let unpriced = ask_unpaid(other, &Wanted::get("/free")).await.unwrap();
    assert_eq!((unpriced.status, &unpriced.body[..]), (200, &b"article /free"[..]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copies_in_flight_at_both_are_one_execution_and_one_charge() {
    let Replicas { shop, ports, gateways: _gateways, node: _node } = Replicas::start().await;
    let buyer = shop.buyer(1).await;
    let mut spent = 0;
    for wanted in
        [Wanted::post("/jobs/gate/1"), Wanted::post("/jobs/2"), Wanted::get("/articles/1")]
    {
        let paid = buyer.sign(ports[1], &wanted).await.unwrap();
        let copies: Vec<_> = (0..2 * COPIES)
            .map(|number| {
                let (paid, port) = (paid.clone(), ports[number % 2]);
                tokio::spawn(async move { present(port, &paid).await.unwrap() })
            })
            .collect();
        let began = || async { (shop.upstream.executions(Some(paid.payment)) > 0).then_some(()) };
        until("one copy is carried out", began).await;
        shop.upstream.open_gate(usize::from(wanted.path.contains("gate")));
        let mut answers = Vec::new();
        for copy in copies {
            answers.push(copy.await.unwrap());
        }
        assert_one_execution(&shop, &paid, &answers);
        spent += wanted.price();
        shop.assert_spent(&buyer, spent).await;
    }
}

fn assert_one_execution(shop: &Shop, paid: &Presented, answers: &[Got]) {
    for answer in answers {
        answer.assert_delivers(paid);
        assert_eq!(answer.body, answers[0].body);
    }
    assert_eq!(answers.iter().filter(|answer| !answer.is_replay()).count(), 1, "{answers:?}");
    assert_eq!(shop.upstream.executions(Some(paid.payment)), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_killed_in_mid_post_leaves_a_hold_that_runs_out() {
    let Replicas { shop, ports: [one, other], gateways: [first, _second], node: _node } =
        Replicas::start().await;
    let buyer = shop.buyer(1).await;
    let paid = buyer.sign(one, &Wanted::post("/jobs/gate/1")).await.unwrap();
    let asked = tokio::spawn({
        let paid = paid.clone();
        async move { present(one, &paid).await }
    });
    let began = || async { (shop.upstream.executions(Some(paid.payment)) > 0).then_some(()) };
    until("the job has begun", began).await;
    assert_eq!(shop.account(&buyer).await.held().unwrap().units(), JOB_UNITS);
    first.kill();
    assert!(asked.await.unwrap().is_none());

    // The other gateway waits with the copy, then says that nothing was charged.
    present(other, &paid).await.unwrap().assert_refuses(&paid, "payment_released");
    shop.assert_spent(&buyer, 0).await;
    assert_eq!(shop.receipt(paid.payment).await.unwrap().state, "released");
    shop.upstream.open_gate(1);
    let _again = shop.start_gateway(one);
    present(one, &paid).await.unwrap().assert_refuses(&paid, "payment_released");
    assert_eq!(shop.upstream.executions(Some(paid.payment)), 1);
    shop.assert_spent(&buyer, 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_killed_in_mid_post_gives_one_execution_and_one_charge_or_none() {
    let Replicas { shop, ports: [one, other], gateways: _gateways, node } = Replicas::start().await;
    let buyer = shop.buyer(1).await;
    let paid = buyer.sign(one, &Wanted::post("/jobs/gate/1")).await.unwrap();
    let asked = tokio::spawn({
        let paid = paid.clone();
        async move { present(one, &paid).await.unwrap() }
    });
    let began = || async { (shop.upstream.executions(Some(paid.payment)) > 0).then_some(()) };
    until("the job has begun", began).await;
    node.kill();
    shop.upstream.open_gate(1);
    let first = asked.await.unwrap();
    // The job was done, but nobody took the money: that is not success.
    assert_eq!((first.status, first.code().as_str()), (503, "node_unreachable"), "{first:?}");

    let _node = shop.start_node();
    present(other, &paid).await.unwrap().assert_refuses(&paid, "payment_released");
    assert_eq!(shop.upstream.executions(Some(paid.payment)), 1);
    shop.assert_spent(&buyer, 0).await;
}
