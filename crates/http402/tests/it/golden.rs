//! Each message, to the character, and back.

use http::{HeaderMap, HeaderValue};
use http402::problem::Retry;
use http402::x402::{
    Payment, PaymentRequired, PaymentState, Refusal, SettleResponse, Settlement,
    encode_settle_response, payment_required, v1_members,
};
use http402::{Carrier, DecodeError, Dialect, Identifier, Instrument, Problem, decode_payment};
use money::{AccountId, PaymentId};
use serde_json::{Map, Value, json};

use crate::fixture::{base64, challenge, headers, order, terms, unbase64};

const TERMS: &str = concat!(
    r#"{"scheme":"exact","network":"farthing:00000000000000000000000c1s","amount":"2000000","#,
    r#""asset":"USD","payTo":"acc_0000000000000000000000002d","maxTimeoutSeconds":60,"#,
    r#""extra":{"scale":9,"purchase":"#,
    r#""abababababababababababababababababababababababababababababababab"}}"#,
);

#[test]
fn terms_stand_as_documented() {
    assert_eq!(serde_json::to_string(&terms()).unwrap(), TERMS);
    let mut challenge = challenge();
    challenge.splits = Some("author 80 %, editor 20 %".to_owned());
    challenge.purchase = None;
    let value = serde_json::to_value(http402::x402::requirements(&challenge)).unwrap();
    assert_eq!(value["extra"], json!({"scale": 9, "splits": "author 80 %, editor 20 %"}));
}

#[test]
fn payment_required_header_is_base64_of_json_and_comes_back() {
    let mut challenge = challenge();
    challenge.identifier = Identifier::Off;
    challenge.listed = None;
    let message = payment_required(&challenge, Some("insufficient_funds"));
    let header = message.encode_header().unwrap();
    let expected = format!(
        concat!(
            r#"{{"x402Version":2,"error":"insufficient_funds","#,
            r#""resource":{{"url":"http://127.0.0.1:4020/articles/1","#,
            r#""description":"The price of a farthing — an article","#,
            r#""mimeType":"text/html","serviceName":"The Farthing Magazine"}},"accepts":[{}]}}"#,
        ),
        TERMS
    );
    assert_eq!(unbase64(&header), expected);
    assert_eq!(PaymentRequired::decode_header(&header), Ok(message));
}

#[test]
fn extensions_are_declared_and_come_back() {
    let mut challenge = challenge();
    challenge.identifier = Identifier::Required;
    let message = payment_required(&challenge, None);
    let identifier = &message.extensions["payment-identifier"];
    assert_eq!(identifier["info"], json!({"required": true}));
    assert_eq!(identifier["schema"]["properties"]["id"]["minLength"], 16);
    let input = json!({"input": {"type": "http", "method": "GET"}});
    assert_eq!(message.extensions["bazaar"]["info"], input);
    let header = message.encode_header().unwrap();
    assert_eq!(PaymentRequired::decode_header(&header), Ok(message));
}

#[test]
fn usual_challenge_header_stays_below_two_kilobytes() {
    let mut challenge = challenge();
    challenge.identifier = Identifier::Required;
    challenge.splits = Some("author 80 %, editor 15 %, platform 5 %".to_owned());
    let header = payment_required(&challenge, Some("insufficient_funds")).encode_header().unwrap();
    assert!(header.len() < 2000, "{} bytes", header.len());
}

#[test]
fn payers_software_never_sees_a_service_name_it_would_refuse() {
    for (name, kept) in [
        ("A service", true),
        ("", false),
        ("Café", false),
        ("tab\there", false),
        ("exactly thirty-two characters ab", true),
        ("one more than thirty-two characte", false),
    ] {
        let mut challenge = challenge();
        challenge.resource.service_name = Some(name.to_owned());
        let value = serde_json::to_value(payment_required(&challenge, None)).unwrap();
        assert_eq!(value["resource"].get("serviceName").is_some(), kept, "{name:?}");
    }
}

#[test]
fn terms_of_other_networks_are_counted_and_skipped() {
    let foreign = json!({"scheme": "exact", "network": "eip155:8453", "amount": "1", "asset": "0x0",
        "payTo": "0x0", "maxTimeoutSeconds": 60, "extra": {"name": "USDC", "version": "2"}});
    let later = json!({"scheme": "deferred", "network": "farthing:00000000000000000000000c1s"});
    let own: Value = serde_json::from_str(TERMS).unwrap();
    let message = |accepts: Value| {
        let json = json!({"x402Version": 2, "resource": {"url": "u"}, "accepts": accepts});
        PaymentRequired::decode_header(&HeaderValue::try_from(base64(json.to_string())).unwrap())
    };
    let read = message(json!([foreign, later, own, 5])).unwrap();
    assert_eq!((read.accepts, read.foreign), (vec![terms()], 3));
    let mut broken = own;
    broken["amount"] = json!("01");
    let error = message(json!([foreign, broken])).unwrap_err();
    assert_eq!((error.code(), &*error.param()), ("invalid_payment_requirements", "accepts.amount"));
}

#[test]
fn one_body_is_a_problem_and_a_challenge_of_version_1() {
    let error = "X-PAYMENT header is required";
    let problem = Problem::new(402, "payment_required", "Payment required", "0.002 USD")
        .with_retry(Retry::SameKey)
        .with_request_id("req_1")
        .with_members(v1_members(&challenge(), error).unwrap());
    let body: Value = serde_json::from_slice(&problem.to_json().unwrap()).unwrap();
    let expected = json!({
        "type": "urn:farthing:problem:payment_required", "title": "Payment required",
        "status": 402, "detail": "0.002 USD", "code": "payment_required", "retry": "same_key",
        "request_id": "req_1", "charged": false,
        "x402Version": 1, "error": error,
        "accepts": [{
            "scheme": "exact", "network": "farthing:00000000000000000000000c1s",
            "maxAmountRequired": "2000000", "resource": "http://127.0.0.1:4020/articles/1",
            "description": "The price of a farthing — an article", "mimeType": "text/html",
            "payTo": "acc_0000000000000000000000002d", "maxTimeoutSeconds": 60, "asset": "USD",
            "extra": {"scale": 9, "purchase": "ab".repeat(32)},
        }],
    });
    assert_eq!(body, expected);
}

#[test]
fn members_of_a_dialect_never_replace_those_of_the_problem() {
    let members = Map::from_iter([("charged".to_owned(), json!(true)), ("x".to_owned(), json!(1))]);
    let problem = Problem::new(400, "c", "t", "d").with_members(members);
    let text = String::from_utf8(problem.to_json().unwrap()).unwrap();
    assert!(text.contains(r#""charged":false"#) && !text.contains(r#""charged":true"#), "{text}");
    assert!(text.contains(r#""x":1"#), "{text}");
}

#[test]
fn retry_rules_have_a_text() {
    for (retry, text) in [
        (Retry::Never, "never"),
        (Retry::SameKey, "same_key"),
        (Retry::AfterSeconds(5), "after_delay"),
    ] {
        assert_eq!(serde_json::to_value(retry).unwrap(), text);
    }
}

#[test]
fn unreadable_payment_becomes_a_problem_with_its_place() {
    let error = decode_payment(&headers([("x-payment", b"?")])).unwrap_err();
    assert!(matches!(error, DecodeError::NotBase64 { .. }));
    let body: Value = serde_json::from_slice(&Problem::from(&error).to_json().unwrap()).unwrap();
    assert_eq!((&body["status"], &body["code"]), (&json!(400), &json!("invalid_base64")));
    assert_eq!((&body["param"], &body["charged"]), (&json!("X-PAYMENT"), &json!(false)));
    assert!(body["detail"].as_str().unwrap().contains("A-Z a-z 0-9 + /"), "{body}");
}

#[test]
fn payment_of_version_2_stands_as_documented_and_comes_back() {
    let extensions = Map::from_iter([(
        "payment-identifier".to_owned(),
        json!({"info": {"required": false, "id": "pay_0123456789abcdef"}}),
    )]);
    let (order, terms) = (order(), terms());
    let payment = Payment {
        dialect: Dialect::X402V2,
        accepted: &terms,
        instrument: &Instrument::exact(order),
        resource_url: Some("http://x/"),
        extensions: Some(&extensions),
    };
    let (name, value) = payment.encode_header().unwrap();
    let expected = format!(
        concat!(
            r#"{{"x402Version":2,"resource":{{"url":"http://x/"}},"accepted":{},"#,
            r#""payload":{{"order":"{}","signature":"{}"}},"#,
            r#""extensions":{{"payment-identifier":{{"info":{{"#,
            r#""id":"pay_0123456789abcdef","required":false}}}}}}}}"#,
        ),
        TERMS,
        base64(order.order_bytes()),
        base64(order.signature().0),
    );
    assert_eq!(unbase64(&value), expected);
    assert_eq!(name, "payment-signature");
    let read = decode_payment(&HeaderMap::from_iter([(name, value)])).unwrap().unwrap();
    assert_eq!((read.dialect, read.carrier), (Dialect::X402V2, Carrier::Header));
    assert_eq!((*read.instrument.order().unwrap(), read.accepted.as_ref()), (order, Some(&terms)));
    assert_eq!(read.network, terms.network);
    assert_eq!(read.resource_url.as_deref(), Some("http://x/"));
    assert_eq!(read.payment_identifier.as_deref(), Some("pay_0123456789abcdef"));
    read.instrument.order().unwrap().verify().unwrap();
}

#[test]
fn payment_of_version_1_stands_as_documented_and_comes_back() {
    let (order, terms) = (order(), terms());
    let payment = Payment {
        dialect: Dialect::X402V1,
        accepted: &terms,
        instrument: &Instrument::exact(order),
        resource_url: Some("left out"),
        extensions: None,
    };
    let (name, value) = payment.encode_header().unwrap();
    let expected = format!(
        concat!(
            r#"{{"x402Version":1,"scheme":"exact","#,
            r#""network":"farthing:00000000000000000000000c1s","#,
            r#""payload":{{"order":"{}","signature":"{}"}}}}"#,
        ),
        base64(order.order_bytes()),
        base64(order.signature().0),
    );
    assert_eq!(unbase64(&value), expected);
    assert_eq!(name, "x-payment");
    let read = decode_payment(&HeaderMap::from_iter([(name, value)])).unwrap().unwrap();
    assert_eq!((read.dialect, read.accepted), (Dialect::X402V1, None));
    assert_eq!(
        (*read.instrument.order().unwrap(), read.network, read.resource_url),
        (order, terms.network, None)
    );
}

#[test]
fn settlements_stand_as_documented_and_come_back() {
    let settlement = Settlement {
        payer: AccountId::new(5).unwrap(),
        payment: PaymentId::new(6).unwrap(),
        network: challenge().network,
        amount: challenge().amount,
        state: PaymentState::Settled,
        receipt: "http://127.0.0.1:4021/v1/receipts/pay_00000000000000000000000006".to_owned(),
    };
    let held = Settlement { state: PaymentState::Held, ..settlement.clone() };
    let expected = concat!(
        r#"{"success":true,"payer":"acc_00000000000000000000000005","#,
        r#""transaction":"pay_00000000000000000000000006","#,
        r#""network":"farthing:00000000000000000000000c1s","amount":"2000000","#,
        r#""extra":{"asset":"USD","scale":9,"state":"settled","#,
        r#""receipt":"http://127.0.0.1:4021/v1/receipts/pay_00000000000000000000000006"}}"#,
    );
    for (settlement, expected) in [
        (settlement, expected.to_owned()),
        (held, expected.replace(r#""state":"settled""#, r#""state":"held""#)),
    ] {
        let response = SettleResponse::Success(settlement);
        let header = encode_settle_response(&response).unwrap();
        assert_eq!(unbase64(&header), expected);
        assert_eq!(SettleResponse::decode_header(&header), Ok(response));
    }
    assert_eq!(Dialect::X402V2.response_header(), "payment-response");
    assert_eq!(Dialect::X402V1.response_header(), "x-payment-response");
}

#[test]
fn refusals_stand_as_documented_and_come_back() {
    let refusal = Refusal {
        reason: "insufficient_funds".to_owned(),
        message: None,
        payer: None,
        pending: None,
        network: challenge().network,
    };
    let pending = Refusal {
        reason: "settlement_pending".to_owned(),
        message: Some("ask again".to_owned()),
        payer: AccountId::new(5).ok(),
        pending: PaymentId::new(6).ok(),
        ..refusal.clone()
    };
    for (refusal, expected) in [
        (
            refusal,
            concat!(
                r#"{"success":false,"errorReason":"insufficient_funds","transaction":"","#,
                r#""network":"farthing:00000000000000000000000c1s"}"#,
            ),
        ),
        (
            pending,
            concat!(
                r#"{"success":false,"errorReason":"settlement_pending","#,
                r#""errorMessage":"ask again","payer":"acc_00000000000000000000000005","#,
                r#""transaction":"pay_00000000000000000000000006","#,
                r#""network":"farthing:00000000000000000000000c1s"}"#,
            ),
        ),
    ] {
        let response = SettleResponse::Failure(refusal);
        let header = encode_settle_response(&response).unwrap();
        assert_eq!(unbase64(&header), expected);
        assert_eq!(SettleResponse::decode_header(&header), Ok(response));
    }
}

#[test]
fn header_is_this_base64_to_the_character() {
    let response = SettleResponse::Failure(Refusal {
        reason: "expired".to_owned(),
        message: None,
        payer: None,
        pending: None,
        network: challenge().network,
    });
    let expected = concat!(
        "eyJzdWNjZXNzIjpmYWxzZSwiZXJyb3JSZWFzb24iOiJleHBpcmVkIiwidHJhbnNhY3Rpb24iOiIiLCJuZXR3",
        "b3JrIjoiZmFydGhpbmc6MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDBjMXMifQ==",
    );
    assert_eq!(encode_settle_response(&response).unwrap(), expected);
}
