//! Random and mutated input: never a panic, never a payment that was not sent.

use http::{HeaderMap, HeaderValue};
use http402::x402::{PaymentRequired, SettleResponse, decode_facilitator_request};
use http402::{Dialect, decode_payment};
use serde_json::json;

use crate::fixture::{base64, order, payment_json, terms};

const SEED: u64 = 0x0fa2_7419_c402_0001;
const ROUNDS: usize = 4000;

/// A small seeded generator (xorshift), so that a failure repeats.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(limit).unwrap()).unwrap()
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[3]
    }

    fn mutate(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len());
            match self.below(5) {
                0 => bytes[at] = self.byte(),
                1 => bytes[at] ^= 1 << self.below(8),
                2 => bytes.truncate(at + 1),
                3 => bytes.insert(at, b"{}[]\",:0\\ue-"[self.below(12)]),
                _ => {
                    let end = at + self.below(bytes.len() - at);
                    let piece = bytes[at..=end].to_vec();
                    bytes.splice(at..at, piece);
                }
            }
        }
    }
}

/// Every decoder of the crate; tells how many took the bytes.
fn decode_everywhere(text: &[u8]) -> usize {
    let Ok(value) = HeaderValue::from_bytes(text) else {
        return 0;
    };
    let mut taken = 0;
    for name in ["payment-signature", "x-payment"] {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.clone());
        if let Ok(presented) = decode_payment(&headers) {
            // Mutations may reach the order's bytes, but what was read is what was sent.
            let instrument = presented.unwrap().instrument;
            assert_eq!(instrument.order().unwrap().order_bytes().len(), 208);
            taken += 1;
        }
    }
    let mut headers = HeaderMap::new();
    let cookie = HeaderValue::from_bytes(&[b"farthing-payment=", text].concat()).unwrap();
    headers.insert("cookie", cookie);
    taken += usize::from(decode_payment(&headers).is_ok());
    taken += usize::from(PaymentRequired::decode_header(&value).is_ok());
    taken + usize::from(SettleResponse::decode_header(&value).is_ok())
}

#[test]
fn random_bytes_are_refused() {
    let mut random = Random(SEED);
    for _ in 0..ROUNDS {
        let length = 1 + random.below(600);
        let bytes: Vec<u8> = (0..length).map(|_| random.byte()).collect();
        assert!(decode_facilitator_request(&bytes).is_err());
        assert_eq!(decode_everywhere(base64(&bytes).as_bytes()), 0);
        let visible: Vec<u8> = bytes.iter().map(|byte| b' ' + byte % 95).collect();
        assert_eq!(decode_everywhere(&visible), 0);
    }
}

#[test]
fn mutations_of_good_payments_never_panic() {
    let mut random = Random(SEED);
    let mut taken = 0;
    for round in 0..ROUNDS {
        let dialect = if round % 2 == 0 { Dialect::X402V2 } else { Dialect::X402V1 };
        let mut json = payment_json(dialect).to_string().into_bytes();
        random.mutate(&mut json);
        taken += decode_everywhere(base64(&json).as_bytes());
        let mut text = base64(payment_json(dialect).to_string()).into_bytes();
        random.mutate(&mut text);
        taken += decode_everywhere(&text);
    }
    // A mutation inside a free text leaves the payment good; most must not.
    assert!(taken > 0 && taken < ROUNDS, "{taken} of {ROUNDS}");
}

#[test]
fn mutations_of_facilitator_requests_never_panic() {
    let mut random = Random(SEED);
    let good = json!({
        "x402Version": 2,
        "paymentPayload": payment_json(Dialect::X402V2),
        "paymentRequirements": terms(),
    });
    assert_eq!(
        decode_facilitator_request(good.to_string().as_bytes())
            .unwrap()
            .payment
            .instrument
            .order()
            .copied()
            .unwrap(),
        order()
    );
    let mut taken = 0;
    for _ in 0..ROUNDS {
        let mut body = good.to_string().into_bytes();
        random.mutate(&mut body);
        taken += usize::from(decode_facilitator_request(&body).is_ok());
    }
    assert!(taken < ROUNDS / 2, "{taken} of {ROUNDS}");
}
