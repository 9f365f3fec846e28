//! Payments signed before the clock starts, one fresh order for each request.
//!
//! Invariant: no order id is used twice in one run, so no request is answered as a copy.

use std::collections::BTreeMap;

use anyhow::Result;
use benches::load::{self, Call};
use engine::{Clock as _, SystemClock};
use http402::x402::{Payment, PaymentRequirements, Scheme};
use http402::{Dialect, Instrument};
use instrument::{KeyPair, Order, PurchaseDigest, PurchaseHasher, Signed, empty_body_digest};
use money::OrderId;

use super::sale;

/// Whom the payments are for.
pub(crate) struct Shop {
    /// `http://host:port`.
    pub origin: String,
    /// Path that is sold.
    pub path: &'static str,
    /// Orders name the purchase; the facilitator of the other stack has none to compare.
    pub bound: bool,
    /// Further terms that the seller wants echoed.
    pub extra: BTreeMap<String, serde_json::Value>,
}

/// A payer who signs as many orders as are asked for.
pub(crate) struct Payer {
    key: KeyPair,
    orders: u128,
}

impl Payer {
    pub(crate) fn new() -> Self {
        Self { key: sale::payer_key(), orders: 0 }
    }

    /// `count` paid requests.
    pub(crate) fn pay(&mut self, shop: &Shop, count: usize) -> Result<Vec<Call>> {
        let terms = PaymentRequirements {
            scheme: Scheme::Exact,
            network: sale::node(),
            amount: sale::price()?,
            pay_to: sale::payee()?,
            max_timeout_seconds: sale::ORDER_SECONDS,
            purchase: shop.bound.then(|| purchase(shop)),
            extra: shop.extra.clone(),
        };
        let unpaid = load::get(&shop.origin, shop.path)?;
        let url = unpaid.uri().to_string();
        (0..count).map(|_| self.pay_one(&terms, &url, &unpaid)).collect()
    }

    fn pay_one(&mut self, terms: &PaymentRequirements, url: &str, unpaid: &Call) -> Result<Call> {
        self.orders += 1;
        let order = Order {
            node: terms.network,
            id: OrderId::new(self.orders)?,
            payer: sale::payer(terms.amount.asset()),
            signer: self.key.public(),
            payee: terms.pay_to,
            amount: terms.amount,
            purchase: terms.purchase,
            expires_at_ms: SystemClock.now_ms() + u64::from(terms.max_timeout_seconds) * 1000,
            mandate: None,
        };
        let order = Signed::sign(order, &self.key);
        let payment = Payment {
            dialect: Dialect::X402V2,
            accepted: terms,
            instrument: &Instrument::exact(order),
            resource_url: Some(url),
            extensions: None,
        };
        let (name, value) = payment.encode_header()?;
        let mut call = unpaid.clone();
        call.headers_mut().insert(name, value);
        Ok(call)
    }

    /// `count` purchases as a client makes them that does not know the price: on each connection a
    /// request without payment, then the same with it.
    pub(crate) fn ask_and_pay(
        &mut self,
        shop: &Shop,
        count: usize,
        connections: usize,
    ) -> Result<Vec<Call>> {
        let unpaid = load::get(&shop.origin, shop.path)?;
        let paid = self.pay(shop, count)?;
        // Requests are dealt to the connections in turn, so each round must use all of them.
        let rounds = paid.chunks_exact(connections);
        Ok(rounds
            .flat_map(|round| {
                std::iter::repeat_n(unpaid.clone(), connections).chain(round.iter().cloned())
            })
            .collect())
    }
}

fn purchase(shop: &Shop) -> PurchaseDigest {
    let body = empty_body_digest();
    PurchaseHasher { method: "GET", origin: &shop.origin, path: shop.path, query: "", body }
        .digest()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn shop(bound: bool) -> Shop {
        let origin = "http://127.0.0.1:1".to_owned();
        Shop { origin, path: "/articles/1", bound, extra: BTreeMap::new() }
    }

    #[test]
    fn every_request_carries_a_good_order_of_its_own() {
        let mut payer = Payer::new();
        let mut ids = BTreeSet::new();
        for (bound, count) in [(true, 3), (false, 2)] {
            for call in payer.pay(&shop(bound), count).unwrap() {
                let presented = http402::decode_payment(call.headers()).unwrap().unwrap();
                let order = *presented.instrument.order().unwrap();
                assert_eq!(order.unverified().purchase.is_some(), bound);
                ids.insert(order.unverified().id.get());
                order.verify().unwrap();
            }
        }
        assert_eq!(ids.len(), 5);
    }

    #[test]
    fn each_connection_asks_before_it_pays() {
        let calls = Payer::new().ask_and_pay(&shop(true), 5, 2).unwrap();
        let paid: Vec<bool> = calls.iter().map(|call| !call.headers().is_empty()).collect();
        // Rounds of two connections; the fifth purchase fills none.
        assert_eq!(paid, [false, false, true, true, false, false, true, true]);
    }
}
