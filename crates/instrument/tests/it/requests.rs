//! Orders that a signed request stands for.

use instrument::{
    KeyPair, Order, PurchaseDigest, RequestDigest, RequestOrderError, Signature, SignedOrder,
    Statement, VerifiedOrder, payer_account,
};
use money::{AccountId, Amount, Asset, MandateId, NodeId, OrderId};

const BASE: &[u8] = b"\"@authority\": shop.example";

fn key() -> KeyPair {
    KeyPair::from_seed(&[3; 32])
}

fn order(base: &[u8]) -> Order {
    let usd = Asset::new("USD", 9).unwrap();
    Order {
        node: NodeId::new(1).unwrap(),
        id: RequestDigest::of(base).order_id(),
        payer: payer_account(&key().public(), usd),
        signer: key().public(),
        payee: AccountId::new(4).unwrap(),
        amount: Amount::new(5, usd),
        purchase: Some(PurchaseDigest([9; 32])),
        expires_at_ms: 1,
        mandate: None,
    }
}

#[test]
fn a_request_authorizes_the_order_that_follows_from_it() {
    let signature = key().sign(BASE);
    let verified = VerifiedOrder::by_request(order(BASE), BASE, &signature).unwrap();
    assert_eq!(verified.request(), Some(RequestDigest::of(BASE)));
    assert_eq!(*verified.get(), order(BASE));
    assert!(verified.signer_is_payer());
    assert_eq!(verified.payment_id(), order(BASE).payment_id());
    assert_eq!(*verified.to_signed().signature(), signature);
    assert!(verified.to_signed().verify().is_err(), "the order itself was not signed");
    let signed = SignedOrder::sign(order(BASE), &key()).verify().unwrap();
    assert_eq!(signed.request(), None);
}

/// The same on every machine: the id is stored.
#[test]
fn the_order_id_follows_from_the_base() {
    let digest = RequestDigest::of(BASE);
    assert_eq!(
        digest.to_string(),
        "e59d1f2fd453145b53dd9687985d3a291375d00fe20b036a6bd84117c9159ca2"
    );
    assert_eq!(RequestDigest::from_hex(&digest.to_string()), Some(digest));
    assert_eq!(digest.order_id().to_string(), "ord_6jwvh47fdxvkxx7a3wwm5fhze1");
}

#[test]
fn what_the_request_does_not_authorize_is_refused_in_order() {
    let good = order(BASE);
    let mandate = Order { mandate: MandateId::new(1).ok(), ..good };
    let payer = Order { payer: AccountId::new(9).unwrap(), ..good };
    let another = Order { id: OrderId::new(7).unwrap(), ..good };
    let statement = good.to_bytes();
    let (mine, zeros) = (key().sign(BASE), Signature([0; 64]));
    let table: [(&str, Order, &[u8], Signature, RequestOrderError); 8] = [
        (
            "mandate and payer",
            Order { mandate: mandate.mandate, ..payer },
            BASE,
            mine,
            RequestOrderError::Mandate,
        ),
        ("mandate", mandate, BASE, mine, RequestOrderError::Mandate),
        ("payer", payer, BASE, mine, RequestOrderError::Payer),
        ("nothing", good, b"", mine, RequestOrderError::Base),
        ("an order", good, &statement, key().sign(&statement), RequestOrderError::Base),
        ("another id", another, BASE, mine, RequestOrderError::OrderId),
        ("another base", good, b"\"@authority\": shop.exampla", mine, RequestOrderError::OrderId),
        ("another signature", good, BASE, zeros, RequestOrderError::Signature),
    ];
    for (case, order, base, signature, error) in table {
        assert_eq!(VerifiedOrder::by_request(order, base, &signature), Err(error), "{case}");
    }
    let other = KeyPair::from_seed(&[4; 32]).sign(BASE);
    let refused = VerifiedOrder::by_request(good, BASE, &other);
    assert_eq!(refused, Err(RequestOrderError::Signature));
}
