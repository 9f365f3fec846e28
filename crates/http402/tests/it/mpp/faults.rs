//! Each fault of a credential by its name, and what is no credential.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use http402::mpp::{
    CREDENTIAL_BYTES_MAX, Intent, PAYMENT_AUTHORIZATION, check_echo, credential_header,
    strip_credential,
};
use http402::{Dialect, Instrument, decode_payment};
use instrument::channel::{Tick, TickLink};
use serde_json::{Value, json};

use super::{ask, by_order, channel, read, read_lines, voucher, with_channel, with_context};
use crate::fixture::{challenge as offer, headers, order_numbered};

/// A credential with its JSON changed, as a request presents it.
fn changed(intent: Intent, instrument: &Instrument, change: impl FnOnce(&mut Value)) -> HeaderMap {
    let (name, value) = credential_header(&read(&with_channel(), intent), instrument).unwrap();
    let text = value.to_str().unwrap().strip_prefix("Payment ").unwrap();
    let mut json = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap();
    change(&mut json);
    [(name, carried(&json.to_string()))].into_iter().collect()
}

fn carried(json: &str) -> HeaderValue {
    HeaderValue::try_from(format!("Payment {}", URL_SAFE_NO_PAD.encode(json))).unwrap()
}

#[test]
fn each_fault_of_a_credential_has_a_name() {
    let check = |request: &HeaderMap, status: u16, code: &str, param: &str| {
        let error = decode_payment(request).unwrap_err();
        assert_eq!((error.http_status(), error.code(), &*error.param()), (status, code, param));
    };
    let raw = |text: &str| headers([("authorization", text.as_bytes())]);
    check(&raw("Payment"), 402, "invalid_json", "Authorization");
    check(&raw("Payment dGhpcyBpcyBnYXJiYWdl"), 402, "invalid_json", "Authorization");
    check(&raw("Payment e30="), 402, "invalid_base64", "Authorization");
    check(&raw("payment ~"), 402, "invalid_base64", "Authorization");
    check(&raw("Payment e30, Payment e31"), 402, "payment_repeated", "Authorization");
    let large = format!("Payment {}", "A".repeat(CREDENTIAL_BYTES_MAX + 1));
    check(&raw(&large), 402, "payment_too_large", "Authorization");
    let at_limit = format!("Payment {}", "A".repeat(CREDENTIAL_BYTES_MAX));
    check(&raw(&at_limit), 402, "invalid_json", "Authorization");
    for json in ["{}", "[]", "[[],[]]", r#"{"challenge":{},"challenge":{}}"#] {
        let error = decode_payment(&raw(carried(json).to_str().unwrap())).unwrap_err();
        assert_eq!(error.code(), "invalid_payload", "{json}");
    }
    let deep = format!(r#"{{"more":{}"#, "[".repeat(200));
    check(&raw(carried(&deep).to_str().unwrap()), 402, "invalid_json", "Authorization");

    let charge = |change: fn(&mut Value)| changed(Intent::Charge, &by_order(), change);
    let of = |member: &str| format!("challenge.{member}");
    for member in ["id", "realm", "method", "intent", "request"] {
        let request = changed(Intent::Charge, &by_order(), |json| {
            json["challenge"].as_object_mut().unwrap().remove(member);
        });
        check(&request, 402, "invalid_payload", &of(member));
    }
    let request = charge(|json| json["challenge"]["method"] = "tempo".into());
    check(&request, 400, "method_unsupported", "challenge.method");
    let request = charge(|json| json["challenge"]["intent"] = "subscription".into());
    check(&request, 402, "intent_unsupported", "challenge.intent");
    let request = charge(|json| json["challenge"]["request"] = "e30".into());
    check(&request, 402, "invalid_payload", "challenge.methodDetails");
    let request = charge(|json| json["payload"]["order"] = "AAAA".into());
    check(&request, 402, "invalid_payload", "payload.order");
    let request = charge(|json| json["payload"]["signature"] = "AAAA".into());
    check(&request, 402, "invalid_payload", "payload.signature");
    let request = charge(|json| json["payload"]["order"] = "A-__".into());
    check(&request, 402, "invalid_base64", "payload.order");
    let request = charge(|json| json["payload"]["tick"] = "AAAA".into());
    check(&request, 402, "invalid_payload", "payload.tick");
}

#[test]
fn each_fault_of_a_session_payload_has_a_name() {
    let check = |change: &dyn Fn(&mut Value), code: &str, param: &str| {
        let request = changed(Intent::Session, &Instrument::Voucher(voucher()), |json| {
            change(&mut json["payload"]);
        });
        let error = decode_payment(&request).unwrap_err();
        assert_eq!((error.code(), &*error.param()), (code, param));
    };
    let drop = |member: &'static str| {
        move |payload: &mut Value| {
            payload.as_object_mut().unwrap().remove(member);
        }
    };
    for member in ["action", "channelId", "sequence", "cumulativeAmount", "signature"] {
        check(&drop(member), "invalid_payload", &format!("payload.{member}"));
    }
    let bad = "invalid_payment_requirements";
    check(&|it| it["action"] = "refund".into(), "invalid_payload", "payload.action");
    check(&|it| it["channelId"] = "acc_0".into(), bad, "payload.channelId");
    check(&|it| it["cumulativeAmount"] = "0600".into(), bad, "payload.cumulativeAmount");
    check(&|it| it["cumulativeAmount"] = "-1".into(), bad, "payload.cumulativeAmount");
    check(&|it| it["cumulativeAmount"] = 600.into(), "invalid_payload", "Authorization");
    check(&|it| it["sequence"] = "7".into(), "invalid_payload", "Authorization");
    check(&|it| it["signature"] = "AAAA".into(), "invalid_payload", "payload.signature");
    check(&|it| it["deposit"] = "5".into(), "invalid_payload", "payload.deposit");
    check(&|it| it["voucherSignature"] = "A".into(), "invalid_payload", "payload.voucherSignature");
    check(&|it| it["order"] = "AAAA".into(), "invalid_payload", "payload.order");
    let tick = |text: &'static str| {
        move |it: &mut Value| {
            *it = json!({"action": "voucher", "channelId": channel(), "tick": text});
        }
    };
    check(&tick("AAAAAA"), "invalid_base64", "payload.tick");
    check(&tick("AAAA"), "invalid_payload", "payload.tick");
    let base64 = crate::fixture::base64;
    let both = base64(Tick { index: 1, link: TickLink([1; 16]) }.to_bytes());
    check(&|it| it["tick"] = (*both).into(), "invalid_payload", "payload.sequence");
    check(&|it| it["action"] = "topUp".into(), "invalid_payload", "payload.deposit");
    check(&|it| it["action"] = "close".into(), "invalid_payload", "payload.sequence");
    check(&|it| it["action"] = "open".into(), "invalid_payload", "payload.terms");
}

#[test]
fn other_authentication_is_no_payment() {
    for value in ["Basic dXNlcjpwYXNz", "Bearer abc", "Payments e30", "PaymentX", ""] {
        let request = headers([("authorization", value.as_bytes())]);
        assert_eq!(decode_payment(&request), Ok(None), "{value}");
    }
}

#[test]
fn a_credential_may_stand_beside_other_authentication() {
    let offered =
        read_lines(ask(&offer(), |context| context.authorization_taken = true), Intent::Charge);
    let (name, value) = credential_header(&offered, &by_order()).unwrap();
    assert_eq!(name, PAYMENT_AUTHORIZATION);
    let mut request = headers([("authorization", b"Basic dXNlcjpwYXNz")]);
    request.append(name, value.clone());
    let presented = decode_payment(&request).unwrap().unwrap();
    with_context(|_| {}, |context| assert_eq!(check_echo(&presented, &offer(), context), Ok(())));
    strip_credential(&mut request);
    assert_eq!(request, headers([("authorization", b"Basic dXNlcjpwYXNz")]));

    let listed = format!("Bearer abc, {}", value.to_str().unwrap());
    let mut request = headers([("authorization", listed.as_bytes())]);
    assert_eq!(decode_payment(&request).unwrap().unwrap().instrument, by_order());
    strip_credential(&mut request);
    assert_eq!(request, headers([("authorization", b"Bearer abc")]));
    let mut request = headers([("authorization", value.as_bytes())]);
    strip_credential(&mut request);
    assert!(request.is_empty());
}

#[test]
fn one_request_pays_once_in_whichever_dialects() {
    let (name, value) = credential_header(&read(&offer(), Intent::Charge), &by_order()).unwrap();
    let x402 = |number| {
        let payment = http402::x402::Payment {
            dialect: Dialect::X402V2,
            accepted: &crate::fixture::terms(),
            instrument: &Instrument::Order { order: order_numbered(number), up_to: false },
            resource_url: None,
            extensions: None,
        };
        payment.encode_header().unwrap()
    };
    let both = |number| {
        let mut request: HeaderMap = [x402(number)].into_iter().collect();
        request.append(name.clone(), value.clone());
        decode_payment(&request)
    };
    assert_eq!(both(99).unwrap().unwrap().dialect, Dialect::Mpp);
    assert_eq!(both(98).unwrap_err().code(), "payment_ambiguous");
    for cookie in [x402(98).1.to_str().unwrap(), "broken"] {
        let cookie = format!("farthing-payment={cookie}");
        let mut request = headers([("cookie", cookie.as_bytes())]);
        request.append(name.clone(), value.clone());
        assert_eq!(decode_payment(&request).unwrap().unwrap().dialect, Dialect::Mpp);
    }
    let mut request = headers([("payment-signature", b"broken")]);
    request.append(name.clone(), value.clone());
    assert_eq!(decode_payment(&request).unwrap_err().code(), "invalid_base64");
}

#[test]
fn credentials_of_the_scheme_are_read_from_either_header() {
    let (_, value) = credential_header(&read(&offer(), Intent::Charge), &by_order()).unwrap();
    for name in [AUTHORIZATION, PAYMENT_AUTHORIZATION] {
        let request: HeaderMap = [(name, value.clone())].into_iter().collect();
        assert!(decode_payment(&request).unwrap().is_some());
    }
    let request: HeaderMap =
        [(AUTHORIZATION, value.clone()), (PAYMENT_AUTHORIZATION, value)].into_iter().collect();
    assert!(decode_payment(&request).unwrap().is_some());
}
