//! Purchases with a name: one order for each, whoever asks, however often.

use std::sync::Arc;
use std::time::Duration;

use client::{Error, Limits, PurchaseName, Purchases, Request};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::shop::{Asked, Shop, demand, failure, not_known, receipt, reply};

type Script = fn(&Asked) -> Option<String>;

/// The node's answers: receipts as the script says, its clock a day ahead if `late`.
async fn shop(sells: Script, receipts: Script, late: bool) -> Shop {
    Shop::open(Arc::new(move |asked: &Asked| {
        if asked.path.starts_with("/v1/receipts/") {
            receipts(asked)
        } else if asked.path == "/v1/node" {
            let now_ms = if late { u64::MAX } else { 0 };
            let facts = json!({"node": crate::shop::node(), "assets": [], "now_ms": now_ms});
            reply(200, "", &facts.to_string())
        } else if asked.payment().is_some() {
            sells(asked)
        } else {
            demand(asked)
        }
    }))
    .await
}

struct Book(TempDir, Purchases);

fn book() -> Book {
    let folder = tempfile::tempdir().unwrap();
    let purchases = Purchases::open(&folder.path().join("purchases")).unwrap();
    Book(folder, purchases)
}

fn name(text: &str) -> PurchaseName {
    PurchaseName::new(text).unwrap()
}

async fn buy(shop: &Shop, book: &Book, path: &str, text: &str) -> Result<(), Error> {
    let request = Request::get(&format!("{}{path}", shop.origin)).unwrap();
    shop.payer().pay_once(&request, &Limits::none(), &book.1, &name(text)).await.map(drop)
}

/// Sets when the kept order expired.
fn expire(book: &Book) {
    let folder = book.0.path().join("purchases");
    let file = std::fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
    let mut kept: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    kept["expires_at_ms"] = 1.into();
    std::fs::write(&file, kept.to_string()).unwrap();
}

fn orders(shop: &Shop) -> usize {
    let mut presented = shop.presented();
    presented.sort();
    presented.dedup();
    presented.len()
}

#[tokio::test]
async fn the_same_name_presents_the_same_order_and_another_name_another() {
    let shop = shop(|_| reply(200, "", "content"), |_| not_known(), false).await;
    let book = book();
    for _ in 0..3 {
        buy(&shop, &book, "/paid", "one").await.unwrap();
    }
    assert_eq!((shop.presented().len(), orders(&shop)), (3, 1));
    buy(&shop, &book, "/paid", "two").await.unwrap();
    assert_eq!(orders(&shop), 2);
}

#[tokio::test]
async fn many_at_once_sign_one_order() {
    let shop = Arc::new(
        shop(
            |_| {
                std::thread::sleep(Duration::from_millis(20));
                reply(200, "", "content")
            },
            |_| not_known(),
            false,
        )
        .await,
    );
    let book = Arc::new(book());
    let tasks = (0..8).map(|_| {
        let (shop, book) = (Arc::clone(&shop), Arc::clone(&book));
        tokio::spawn(async move { buy(&shop, &book, "/paid", "one").await })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap().unwrap();
    }
    assert_eq!((shop.presented().len(), orders(&shop)), (8, 1));
}

#[tokio::test]
async fn a_name_stands_for_one_request() {
    let shop = shop(|_| reply(200, "", "content"), |_| not_known(), false).await;
    let book = book();
    buy(&shop, &book, "/paid", "one").await.unwrap();
    let error = buy(&shop, &book, "/other", "one").await.unwrap_err();
    assert_eq!(error.code(), "purchase_name_taken");
    assert_eq!(shop.presented().len(), 1);
}

#[tokio::test]
async fn after_an_unknown_outcome_the_same_order_is_presented() {
    let broken: Script = |asked| match asked.presented_before {
        0..4 => None,
        _ => reply(200, "", "content"),
    };
    let shop = shop(broken, |_| reply(503, "", ""), false).await;
    let book = book();
    assert!(buy(&shop, &book, "/paid", "one").await.unwrap_err().outcome_unknown());
    buy(&shop, &book, "/paid", "one").await.unwrap();
    assert_eq!(orders(&shop), 1);
}

#[tokio::test]
async fn an_expired_order_is_replaced_only_if_the_node_rules_it_out() {
    let refuse: Script = |asked| match asked.presented_before {
        0 => reply(402, &failure("insufficient_funds"), ""),
        _ => reply(200, "", "content"),
    };
    let cases: [(Script, bool, usize); 4] = [
        (|_| not_known(), true, 2),
        (|_| not_known(), false, 1),
        (|asked| receipt(asked, "settled"), true, 1),
        (|asked| receipt(asked, "held"), true, 1),
    ];
    for (receipts, late, expected) in cases {
        let shop = shop(refuse, receipts, late).await;
        let book = book();
        // Whether the refusal is believed depends on the node's word about the payment.
        let _ = buy(&shop, &book, "/paid", "one").await;
        expire(&book);
        buy(&shop, &book, "/paid", "one").await.unwrap();
        assert_eq!(orders(&shop), expected, "late {late}");
    }
    let silent = shop(refuse, |_| reply(503, "", ""), true).await;
    let book = book();
    let _ = buy(&silent, &book, "/paid", "one").await;
    expire(&book);
    assert!(
        buy(&silent, &book, "/paid", "one").await.is_err(),
        "a node that is silent rules nothing out"
    );
    assert_eq!(orders(&silent), 1);
}

#[test]
fn names_are_visible_ascii() {
    for wrong in ["", "a b", "ä", "a\n", &"x".repeat(256)] {
        assert_eq!(PurchaseName::new(wrong).unwrap_err().code(), "invalid_argument");
    }
    assert!(PurchaseName::new(&"x".repeat(255)).is_ok());
}
