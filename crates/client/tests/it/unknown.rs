//! Unknown outcomes: the same order again, never a second one.

use std::sync::Arc;

use client::{Error, Limits, Request};

use crate::shop::{Asked, Shop, demand, failure, not_known, receipt, reply};

/// What the seller does with a payment, by how many were presented before.
type Sells = fn(&Asked) -> Option<String>;

struct Outcome {
    result: Result<(), Error>,
    presented: usize,
}

/// Buys once; fails if anything else than one order was ever presented.
async fn buy(sells: Sells, node: Sells) -> Outcome {
    let shop = Shop::open(Arc::new(move |asked: &Asked| {
        if asked.path.starts_with("/v1/receipts/") {
            node(asked)
        } else if asked.payment().is_some() {
            sells(asked)
        } else {
            demand(asked)
        }
    }))
    .await;
    let request = Request::get(&shop.url()).unwrap();
    let result = shop.payer().pay(&request, &Limits::none()).await;
    let presented = shop.presented();
    assert!(presented.windows(2).all(|pair| pair[0] == pair[1]), "a second payment was signed");
    if presented.len() > 1 {
        assert!(shop.receipts_asked() >= presented.len() - 1, "the node is asked before each copy");
    }
    Outcome { result: result.map(|_| ()), presented: presented.len() }
}

fn from_second(asked: &Asked, first: Option<String>) -> Option<String> {
    if asked.presented_before == 0 { first } else { reply(200, "", "content") }
}

#[tokio::test]
async fn a_failure_after_the_payment_is_met_with_the_same_order() {
    let failures: [Sells; 5] = [
        |asked| from_second(asked, None),
        |asked| from_second(asked, reply(502, "", "<html>")),
        |asked| from_second(asked, reply(503, "retry-after: 0\r\n", "")),
        |asked| from_second(asked, demand(asked)),
        |asked| from_second(asked, reply(402, &failure("settlement_pending"), "")),
    ];
    let nodes: [Sells; 4] = [
        |asked| receipt(asked, "settled"),
        |_| not_known(),
        |_| reply(503, "", "down"),
        |_| reply(200, "", "<html>not a receipt</html>"),
    ];
    for sells in failures {
        for node in nodes {
            let outcome = buy(sells, node).await;
            outcome.result.unwrap();
            assert_eq!(outcome.presented, 2);
        }
    }
}

#[tokio::test]
async fn tries_are_bounded_and_the_end_is_told_honestly() {
    let asks_again = buy(demand, |asked| receipt(asked, "settled")).await;
    let error = asks_again.result.unwrap_err();
    assert_eq!((asks_again.presented, error.code()), (4, "paid_not_delivered"));
    assert!(error.payment().is_some());

    let silent = buy(|_| reply(500, "", ""), |_| reply(500, "", "")).await;
    let error = silent.result.unwrap_err();
    assert!(silent.presented == 4 && error.outcome_unknown() && !error.is_retryable(), "{error}");
}

#[tokio::test]
async fn a_final_refusal_of_a_payment_that_did_not_land_ends_it_at_once() {
    let poor = buy(|_| reply(402, &failure("insufficient_funds"), ""), |_| not_known()).await;
    let error = poor.result.unwrap_err();
    assert_eq!(poor.presented, 1);
    assert!(error.is_insufficient_funds() && error.is_refused() && !error.outcome_unknown());

    let released = buy(|_| reply(500, "", ""), |asked| receipt(asked, "released")).await;
    assert_eq!(released.presented, 1);
    assert!(!released.result.unwrap_err().outcome_unknown());
}

#[tokio::test]
async fn a_refusal_is_not_believed_while_the_node_says_otherwise() {
    let taken: Sells = |asked| from_second(asked, reply(402, &failure("insufficient_funds"), ""));
    let outcome = buy(taken, |asked| receipt(asked, "settled")).await;
    outcome.result.unwrap();
    assert_eq!(outcome.presented, 2);
}
