//! Where a payment may stand in a request, and that a request carries one.

use http402::{Carrier, DecodeError, Dialect, decode_payment};
use serde_json::Value;

use crate::fixture::{base64, headers, order, order_numbered, payment_json};

fn v2() -> String {
    base64(payment_json(Dialect::X402V2).to_string())
}

fn v1() -> String {
    base64(payment_json(Dialect::X402V1).to_string())
}

/// A payment of version 2 with another order.
fn other_v2() -> String {
    let mut json = payment_json(Dialect::X402V2);
    let order = order_numbered(100);
    json["payload"]["order"] = Value::from(base64(order.order_bytes()));
    json["payload"]["signature"] = Value::from(base64(order.signature().0));
    base64(json.to_string())
}

#[test]
fn no_payment_is_no_error() {
    assert_eq!(decode_payment(&headers([])), Ok(None));
    let cookies = headers([("cookie", b"a=b; farthing-payment2=x; Farthing-Payment=y; other")]);
    assert_eq!(decode_payment(&cookies), Ok(None));
}

#[test]
fn cookie_is_found_among_others_and_over_several_headers() {
    for cookies in [
        vec![format!("farthing-payment={}", v2())],
        vec![format!("a=1;farthing-payment={};b=\"2\"", v2())],
        vec!["a=1".to_owned(), format!("b=2; farthing-payment={}", v2())],
    ] {
        let mut map = http::HeaderMap::new();
        for cookie in &cookies {
            map.append("cookie", cookie.parse().unwrap());
        }
        let read = decode_payment(&map).unwrap().unwrap();
        assert_eq!(
            (read.carrier, *read.instrument.order().unwrap()),
            (Carrier::Cookie, order()),
            "{cookies:?}"
        );
    }
}

#[test]
fn same_payment_may_stand_in_several_places() {
    let cookie = format!("farthing-payment={}", v2());
    let (v2, v1) = (v2(), v1());
    let all = headers([
        ("x-payment", v1.as_bytes()),
        ("cookie", cookie.as_bytes()),
        ("payment-signature", v2.as_bytes()),
    ]);
    let read = decode_payment(&all).unwrap().unwrap();
    assert_eq!((read.dialect, read.carrier), (Dialect::X402V2, Carrier::Header));
    let two = headers([("x-payment", v1.as_bytes()), ("cookie", cookie.as_bytes())]);
    assert_eq!(decode_payment(&two).unwrap().unwrap().dialect, Dialect::X402V1);
}

#[test]
fn different_payments_are_refused() {
    let (other, v1) = (other_v2(), v1());
    let both = headers([("x-payment", v1.as_bytes()), ("payment-signature", other.as_bytes())]);
    let error = decode_payment(&both).unwrap_err();
    assert_eq!((error.code(), &*error.param()), ("payment_ambiguous", "X-PAYMENT"));
}

#[test]
fn cookie_counts_only_without_header_and_the_first_is_taken() {
    let (other, v1, v2) = (other_v2(), v1(), v2());
    let cookie = format!("farthing-payment={other}");
    let both = headers([("x-payment", v1.as_bytes()), ("cookie", cookie.as_bytes())]);
    let read = decode_payment(&both).unwrap().unwrap();
    assert_eq!((read.dialect, read.carrier), (Dialect::X402V1, Carrier::Header));
    let cookies = format!("a=b; farthing-payment={v2}; farthing-payment={other}");
    let read = decode_payment(&headers([("cookie", cookies.as_bytes())])).unwrap().unwrap();
    let alone = decode_payment(&headers([("payment-signature", v2.as_bytes())])).unwrap().unwrap();
    assert_eq!(
        (read.carrier, *read.instrument.order().unwrap()),
        (Carrier::Cookie, *alone.instrument.order().unwrap())
    );
}

#[test]
fn broken_second_payment_is_not_passed_over() {
    let v2 = v2();
    let both = headers([("payment-signature", v2.as_bytes()), ("x-payment", b"!")]);
    assert!(matches!(decode_payment(&both), Err(DecodeError::NotBase64 { .. })));
}

#[test]
fn repeated_headers_are_refused_even_if_equal() {
    let (v2, v1) = (v2(), v1());
    for (map, param) in [
        (
            headers([("payment-signature", v2.as_bytes()), ("payment-signature", v2.as_bytes())]),
            "PAYMENT-SIGNATURE",
        ),
        (headers([("x-payment", v1.as_bytes()), ("x-payment", v1.as_bytes())]), "X-PAYMENT"),
    ] {
        let error = decode_payment(&map).unwrap_err();
        assert_eq!((error.code(), &*error.param()), ("payment_repeated", param));
    }
}
