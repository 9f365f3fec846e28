//! One offer, one payer and one payment, the same in all tests.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use http402::x402::{Payment, PaymentRequirements, requirements};
use http402::{Challenge, Dialect, Identifier, Instrument, Resource};
use instrument::{KeyPair, Order, PurchaseDigest, SignedOrder, payer_account};
use money::{AccountId, Amount, Asset, NodeId, OrderId};
use serde_json::Value;

pub fn asset() -> Asset {
    Asset::new("USD", 9).unwrap()
}

pub fn challenge() -> Challenge {
    Challenge {
        network: NodeId::new(12345).unwrap(),
        amount: Amount::new(2_000_000, asset()),
        pay_to: AccountId::new(77).unwrap(),
        purchase: Some(PurchaseDigest([0xab; 32])),
        max_timeout_seconds: 60,
        resource: Resource {
            url: "http://127.0.0.1:4020/articles/1".to_owned(),
            description: Some("The price of a farthing — an article".to_owned()),
            mime_type: Some("text/html".to_owned()),
            service_name: Some("The Farthing Magazine".to_owned()),
        },
        identifier: Identifier::Optional,
        listed: Some(Method::GET),
        splits: None,
        metered: None,
        channel: None,
        passes: Vec::new(),
    }
}

pub fn order_numbered(number: u128) -> SignedOrder {
    let key = KeyPair::from_seed(&[7; 32]);
    let challenge = challenge();
    let order = Order {
        node: challenge.network,
        id: OrderId::new(number).unwrap(),
        payer: payer_account(&key.public(), asset()),
        signer: key.public(),
        payee: challenge.pay_to,
        amount: challenge.amount,
        purchase: challenge.purchase,
        expires_at_ms: 1_800_000_000_000,
        mandate: None,
    };
    SignedOrder::sign(order, &key)
}

pub fn order() -> SignedOrder {
    order_numbered(99)
}

pub fn terms() -> PaymentRequirements {
    requirements(&challenge())
}

/// The JSON of a payment in a version.
pub fn payment_json(dialect: Dialect) -> Value {
    serde_json::to_value(Payment {
        dialect,
        accepted: &terms(),
        instrument: &Instrument::exact(order()),
        resource_url: Some("http://127.0.0.1:4020/articles/1"),
        extensions: None,
    })
    .unwrap()
}

pub fn base64(bytes: impl AsRef<[u8]>) -> String {
    STANDARD.encode(bytes)
}

pub fn unbase64(value: &HeaderValue) -> String {
    String::from_utf8(STANDARD.decode(value.as_bytes()).unwrap()).unwrap()
}

pub fn headers<const N: usize>(pairs: [(&'static str, &[u8]); N]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in pairs {
        map.append(HeaderName::from_static(name), HeaderValue::from_bytes(value).unwrap());
    }
    map
}
