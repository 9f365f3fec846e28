//! What is paid, and what is not: offers, limits, versions, bindings.

use std::sync::Arc;

use client::{Limits, Request};
use http402::x402::network_name;
use instrument::payer_account;
use money::{AssetCode, NodeId};
use serde_json::json;

use crate::shop::{Asked, Shop, challenge, demand, message, order, reply, terms};

fn cent() -> Limits {
    Limits::at_most("0.01", AssetCode::new("USD").unwrap())
}

/// Serves the content for any payment, else what `demand` says.
async fn shop(demand: impl Fn(&Asked) -> Option<String> + Send + Sync + 'static) -> Shop {
    Shop::open(Arc::new(move |asked: &Asked| match asked.payment() {
        Some(_) => reply(200, "", "content"),
        None => demand(asked),
    }))
    .await
}

#[tokio::test]
async fn one_signed_order_for_exactly_this_request_buys_the_content() {
    let shop = shop(demand).await;
    let request = Request::get(&shop.url()).unwrap();
    let quote = shop.payer().quote(&request).await.unwrap().unwrap();
    assert_eq!(quote.price.to_string(), "0.002 USD");
    assert!(shop.presented().is_empty(), "asking for the price pays nothing");

    let paid = shop.payer().pay(&request, &cent()).await.unwrap();
    let settled = paid.settled.unwrap();
    let mut content = Vec::new();
    paid.answer.write_to(&mut content, |_| {}).await.unwrap();
    assert_eq!(content, b"content");
    let presented = shop.presented();
    let verified = order(&presented[0]).verify().unwrap();
    let order = verified.get();
    assert_eq!(presented.len(), 1);
    assert_eq!(order.payment_id(), settled.payment);
    assert_eq!(order.amount, quote.price);
    assert_eq!(order.payer, payer_account(&order.signer, quote.price.asset()));
    assert_eq!(order.purchase, Some(request.purchase()));
    let id = &message(&presented[0])["extensions"]["payment-identifier"]["info"]["id"];
    assert_eq!(*id, json!(settled.payment.to_string()));
}

#[tokio::test]
async fn the_cheapest_offer_on_the_wallets_network_is_taken() {
    let shop = shop(|asked| {
        let mut other_node = terms(&asked.origin, 1);
        other_node["network"] = network_name(NodeId::new(78).unwrap()).into();
        let evm = json!({"scheme": "exact", "network": "eip155:8453", "amount": "1"});
        let (dear, fair) = (terms(&asked.origin, 3_000_001), terms(&asked.origin, 3_000_000));
        reply(402, &challenge(&asked.origin, &[evm, other_node, dear, fair]), "")
    })
    .await;
    shop.payer().pay(&Request::get(&shop.url()).unwrap(), &cent()).await.unwrap();
    let order = order(&shop.presented()[0]);
    assert_eq!(order.unverified().amount.units(), 3_000_000);
    assert_eq!(order.unverified().node, shop.node);
}

#[tokio::test]
async fn the_header_of_version_2_goes_before_the_body_of_version_1() {
    for with_header in [true, false] {
        let shop = shop(move |asked| {
            let mut old = terms(&asked.origin, 1_000_000);
            old["maxAmountRequired"] = old["amount"].take();
            old["resource"] = format!("{}/paid", asked.origin).into();
            let body = json!({"x402Version": 1, "error": "x", "accepts": [old]}).to_string();
            let header = challenge(&asked.origin, &[terms(&asked.origin, 2_000_000)]);
            reply(402, if with_header { &header } else { "" }, &body)
        })
        .await;
        shop.payer().pay(&Request::get(&shop.url()).unwrap(), &cent()).await.unwrap();
        let presented = shop.presented().remove(0);
        let (version, units) = if with_header { (2, 2_000_000) } else { (1, 1_000_000) };
        assert_eq!(message(&presented)["x402Version"], version);
        assert_eq!(order(&presented).unverified().amount.units(), units);
    }
}

#[tokio::test]
async fn nothing_is_signed_above_the_limit_or_without_approval() {
    let shop = shop(demand).await;
    let request = Request::get(&shop.url()).unwrap();
    let code = AssetCode::new("USD").unwrap();
    let low = Limits::at_most("0.001999999", code);
    let euros = Limits::at_most("5", AssetCode::new("EUR").unwrap());
    let unwilling = Limits::none().with_approval(Arc::new(|proposed: &client::Proposed| {
        Err(format!("{} is not worth {}", proposed.url, proposed.price))
    }));
    for limits in [low, euros, unwilling] {
        let error = shop.payer().pay(&request, &limits).await.unwrap_err();
        assert!(error.is_over_limit() && !error.outcome_unknown(), "{error}");
        assert_eq!(error.payment(), None);
    }
    assert!(shop.presented().is_empty());
}

#[tokio::test]
async fn offers_for_another_network_or_request_are_not_signed() {
    let foreign = shop(|asked| {
        let mut terms = terms(&asked.origin, 1);
        terms["network"] = network_name(NodeId::new(78).unwrap()).into();
        reply(402, &challenge(&asked.origin, &[terms]), "")
    })
    .await;
    let relayed = shop(|asked| {
        let terms = terms("http://victim.example", 1);
        reply(402, &challenge("http://victim.example", &[terms]), "")
            .filter(|_| asked.path == "/paid")
    })
    .await;
    let empty = shop(|_| reply(402, "", "pay me")).await;
    for shop in [foreign, relayed, empty] {
        let request = Request::get(&shop.url()).unwrap();
        let error = shop.payer().pay(&request, &cent()).await.unwrap_err();
        assert!(error.is_refused(), "{error}");
        assert!(shop.presented().is_empty());
    }
}

#[tokio::test]
async fn what_is_free_is_not_paid_and_what_fails_is_no_content() {
    let free = shop(|_| reply(200, "", "free")).await;
    let request = Request::get(&free.url()).unwrap();
    assert_eq!(free.payer().quote(&request).await.unwrap(), None);
    assert!(free.payer().pay(&request, &cent()).await.unwrap().settled.is_none());
    for (status, header, retryable) in
        [(404, "", false), (302, "location: /b\r\n", false), (503, "", true)]
    {
        let shop = shop(move |_| reply(status, header, "not content")).await;
        let request = Request::get(&shop.url()).unwrap();
        let error = shop.payer().pay(&request, &cent()).await.unwrap_err();
        assert_eq!(error.is_retryable(), retryable, "{error}");
        assert!(shop.presented().is_empty());
    }
}

#[tokio::test]
async fn content_that_breaks_off_is_an_error() {
    let shop = Shop::open(Arc::new(|asked: &Asked| match asked.payment() {
        Some(_) => Some("HTTP/1.1 200 X\r\ncontent-length: 100\r\n\r\nhalf".to_owned()),
        None => demand(asked),
    }))
    .await;
    let request = Request::get(&shop.url()).unwrap();
    let paid = shop.payer().pay(&request, &cent()).await.unwrap();
    let mut content = Vec::new();
    let error = paid.answer.write_to(&mut content, |_| {}).await.unwrap_err();
    assert_eq!((content.as_slice(), error.code()), (&b"half"[..], "answer_malformed"));
}
