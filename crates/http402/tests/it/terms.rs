//! Comparing the echoed terms with those of the offer.

use http402::x402::{PaymentRequirements, check_accepted, extensions::check_identifier};
use http402::{Dialect, Identifier, decode_payment};
use instrument::PurchaseDigest;
use money::{AccountId, Amount, Asset, NodeId};
use serde_json::json;

use crate::fixture::{base64, challenge, headers, payment_json, terms};

#[test]
fn equal_terms_pass() {
    assert_eq!(check_accepted(&terms(), &terms()), Ok(()));
}

#[test]
fn first_differing_member_is_named() {
    type Change = fn(&mut PaymentRequirements);
    let changes: [(&str, Change); 9] = [
        ("network", |terms| terms.network = NodeId::new(1).unwrap()),
        ("amount", |terms| {
            terms.amount = Amount::new(1, terms.amount.asset());
        }),
        ("asset", |terms| {
            terms.amount = Amount::new(2_000_000, Asset::new("EUR", 9).unwrap());
        }),
        ("payTo", |terms| terms.pay_to = AccountId::new(1).unwrap()),
        ("maxTimeoutSeconds", |terms| terms.max_timeout_seconds = 61),
        ("extra.scale", |terms| {
            terms.amount = Amount::new(2_000_000, Asset::new("USD", 2).unwrap());
        }),
        ("extra.purchase", |terms| {
            terms.purchase = Some(PurchaseDigest([0xac; 32]));
        }),
        ("extra.purchase", |terms| terms.purchase = None),
        ("extra.more", |terms| {
            terms.extra.insert("more".to_owned(), json!([1]));
        }),
    ];
    for (field, change) in changes {
        let mut other = terms();
        change(&mut other);
        let code =
            if field == "network" { "invalid_network" } else { "invalid_payment_requirements" };
        for mismatch in [check_accepted(&other, &terms()), check_accepted(&terms(), &other)] {
            let mismatch = mismatch.unwrap_err();
            assert_eq!((&*mismatch.field, mismatch.code()), (field, code));
            assert_eq!(mismatch.http_status(), 402);
        }
    }
}

#[test]
fn unknown_members_are_compared_by_value() {
    let (mut one, mut two) = (terms(), terms());
    one.extra.insert("more".to_owned(), json!({"a": 1, "b": 2}));
    two.extra.insert("more".to_owned(), json!({"b": 2, "a": 1}));
    assert_eq!(check_accepted(&one, &two), Ok(()));
    two.extra.insert("more".to_owned(), json!({"b": 2, "a": 2}));
    assert_eq!(check_accepted(&one, &two).unwrap_err().field, "extra.more");
}

#[test]
fn offer_can_demand_an_identifier() {
    let text = base64(payment_json(Dialect::X402V2).to_string());
    let mut presented =
        decode_payment(&headers([("payment-signature", text.as_bytes())])).unwrap().unwrap();
    let mut challenge = challenge();
    assert_eq!(check_identifier(&challenge, &presented), Ok(()));
    challenge.identifier = Identifier::Required;
    let error = check_identifier(&challenge, &presented).unwrap_err();
    assert_eq!((error.code(), error.http_status()), ("payment_identifier_required", 400));
    presented.payment_identifier = Some("pay_0123456789abcdef".to_owned());
    assert_eq!(check_identifier(&challenge, &presented), Ok(()));
}
