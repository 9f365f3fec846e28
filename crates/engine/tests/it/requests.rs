//! Payments that a signed request authorizes: one request is one payment of one purchase.

use engine::{AuthorizeError, Authorized, Mode, PaymentState};
use instrument::PurchaseDigest;

use crate::world::{Buy, FUNDS, World, payer};

const BASE: &str = "\"@authority\": shop.example\n\"@signature-params\": ()";

fn buy() -> Buy {
    Buy::new(1, 300).by_request(BASE)
}

#[tokio::test]
async fn the_same_request_again_is_the_same_payment() {
    let mut world = World::new().await;
    let charged = world.charge(&buy()).await;
    world.restart().await;
    for mode in [Mode::Claim, Mode::Hold { seconds: 9 }, Mode::Charge, Mode::Check] {
        let answer = world.engine.authorize(buy().mode(mode).command()).await.unwrap();
        let Authorized::Replay { payment, .. } = answer else { panic!("{answer:?}") };
        assert_eq!((payment.payment, payment.state), (charged.payment, PaymentState::Settled));
    }
    assert_eq!(world.available(payer(1)).await, FUNDS - 300);
    world.assert_balanced().await;
}

#[tokio::test]
async fn a_request_pays_for_no_second_purchase_and_no_second_price() {
    let world = World::new().await;
    let first = buy();
    world.proceed(&first).await;
    let mut elsewhere = buy();
    elsewhere.order.purchase = Some(PurchaseDigest([8; 32]));
    elsewhere.purchase.digest = elsewhere.order.purchase;
    let dearer = Buy::new(1, 301).by_request(BASE);
    for other in [&elsewhere, &dearer] {
        assert_eq!(world.refused(other).await, AuthorizeError::OrderIdTaken, "claimed");
    }
    world.charge(&Buy::new(1, 9).by_request("\"another\"")).await;
    let charged = Buy::new(1, 300).by_request("\"a third\"");
    world.charge(&charged).await;
    let mut again = Buy::new(1, 300).by_request("\"a third\"");
    again.order.purchase = Some(PurchaseDigest([8; 32]));
    again.purchase.digest = again.order.purchase;
    assert_eq!(world.refused(&again).await, AuthorizeError::OrderIdTaken, "charged");
    assert_eq!(world.available(payer(1)).await, FUNDS - 309);
}

#[tokio::test]
async fn a_request_is_judged_as_an_order_is() {
    let world = World::new().await;
    let poor = Buy::new(1, FUNDS + 1).by_request(BASE);
    assert_eq!(world.refused(&poor).await, AuthorizeError::InsufficientFunds);
    let mut late = buy();
    late.order.expires_at_ms = 1;
    assert_eq!(world.refused(&late).await, AuthorizeError::Expired);
    let other = Buy { terms: Buy::new(1, 299).terms, ..buy() };
    assert_eq!(world.refused(&other).await, AuthorizeError::WrongAmount);
}
