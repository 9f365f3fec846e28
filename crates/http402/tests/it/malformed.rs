//! Malformed payments: each is refused with the code and place of its cause.

use http402::x402::{HEADER_BYTES_MAX, decode_facilitator_request};
use http402::{DecodeError, Dialect, decode_payment};
use serde_json::{Value, json};

use crate::fixture::{base64, headers, payment_json, terms};

fn refused(header: &'static str, value: &[u8]) -> DecodeError {
    decode_payment(&headers([(header, value)])).unwrap_err()
}

/// The payment of version 2 with one member replaced; `null` counts as absent.
fn with(pointer: &str, value: Value) -> String {
    let mut json = payment_json(Dialect::X402V2);
    *json.pointer_mut(pointer).unwrap() = value;
    json.to_string()
}

#[test]
fn encodings_other_than_the_standard_one_are_refused() {
    // This payload's base64 holds both characters that differ between the alphabets.
    let json = with("/resource/url", json!("http://x/?>>>???"));
    let good = base64(&json);
    assert!(good.contains('+') || good.contains('/'), "the url-safe case needs one");
    let padded = base64(json.clone() + &" ".repeat((4 - json.len() % 3) % 3));
    assert!(padded.ends_with('='));
    decode_payment(&headers([("payment-signature", padded.as_bytes())])).unwrap().unwrap();
    for (what, text) in [
        ("url-safe", good.replace('+', "-").replace('/', "_")),
        ("no padding", padded.trim_end_matches('=').to_owned()),
        ("too much padding", format!("{padded}=")),
        ("space inside", format!("{} {}", &good[..8], &good[8..])),
        ("tab inside", format!("{}\t{}", &good[..8], &good[8..])),
        ("quotes around", format!("\"{good}\"")),
        ("cut short", good[..good.len() - 3].to_owned()),
        ("other alphabet", format!("*{}", &good[1..])),
        ("padding in the middle", format!("YQ==YQ=={good}")),
        ("raw JSON", json),
    ] {
        let error = refused("payment-signature", text.as_bytes());
        assert_eq!(
            (error.code(), &*error.param()),
            ("invalid_base64", "PAYMENT-SIGNATURE"),
            "{what}"
        );
        assert!(error.to_string().contains("standard alphabet"), "{error}");
    }
    for bytes in [&b"\xff\xfe"[..], "é".as_bytes()] {
        assert_eq!(refused("x-payment", bytes).code(), "invalid_base64");
    }
}

#[test]
fn padding_bits_must_be_zero() {
    assert_eq!(refused("x-payment", b"YR==").code(), "invalid_base64");
}

#[test]
fn size_limit_is_exact() {
    let limit = vec![b'A'; HEADER_BYTES_MAX];
    assert_eq!(refused("x-payment", &limit).code(), "invalid_json");
    let over = vec![b'A'; HEADER_BYTES_MAX + 1];
    for (header, value) in [
        ("x-payment", over.clone()),
        ("payment-signature", over.clone()),
        ("cookie", [b"farthing-payment=", &over[..]].concat()),
    ] {
        let error = refused(header, &value);
        assert_eq!((error.code(), error.http_status()), ("payment_too_large", 400), "{header}");
    }
}

#[test]
fn what_is_not_json_is_refused() {
    let good = with("/x402Version", json!(2));
    for text in [
        "",
        "{",
        "{}x",
        "nul",
        "{\"x402Version\":2,}",
        "{'x402Version':2}",
        &good[..good.len() - 1],
        &format!("{good}{good}"),
        "{\"x402Version\":2,\"resource\":{\"url\":\"\u{1}\"}}",
    ] {
        assert_eq!(
            refused("payment-signature", base64(text).as_bytes()).code(),
            "invalid_json",
            "{text}"
        );
    }
    let not_utf8 = b"{\"x402Version\":2,\"scheme\":\"\xff\"}";
    assert_eq!(refused("payment-signature", base64(not_utf8).as_bytes()).code(), "invalid_json");
}

#[test]
fn nesting_is_limited() {
    let deep = "[".repeat(1000) + &"]".repeat(1000);
    let in_extra = with("/accepted/extra/scale", json!(9)).replacen(
        "\"scale\":9",
        &format!("\"scale\":9,\"deep\":{deep}"),
        1,
    );
    let error = refused("payment-signature", base64(in_extra).as_bytes());
    assert!(matches!(error, DecodeError::TooDeep { limit: 127, .. }), "{error}");
    for text in [&*deep, &*"{\"a\":".repeat(1000)] {
        let error = refused("payment-signature", base64(text).as_bytes());
        assert_eq!(error.http_status(), 400, "{error}");
    }
    // Unknown members are skipped without being built up, however deep.
    let skipped =
        with("/resource/url", json!("u")).replacen('{', &format!("{{\"unknown\":{deep},"), 1);
    assert!(decode_payment(&headers([("payment-signature", base64(skipped).as_bytes())])).is_ok());
}

/// Member, value put there, code, place.
const MEMBERS: &str = r#"
/x402Version | "2" | invalid_payload | PAYMENT-SIGNATURE
/x402Version | 2.5 | invalid_payload | PAYMENT-SIGNATURE
/x402Version | 1 | invalid_x402_version | x402Version
/x402Version | 3 | invalid_x402_version | x402Version
/x402Version | null | invalid_x402_version | x402Version
/resource | "u" | invalid_payload | PAYMENT-SIGNATURE
/accepted | null | invalid_payload | accepted
/accepted | [] | invalid_payload | PAYMENT-SIGNATURE
/accepted | "exact" | invalid_payload | PAYMENT-SIGNATURE
/accepted/scheme | null | invalid_payload | accepted.scheme
/accepted/scheme | "deferred" | unsupported_scheme | accepted.scheme
/accepted/scheme | "Exact" | unsupported_scheme | accepted.scheme
/accepted/network | "eip155:8453" | invalid_network | accepted.network
/accepted/network | "farthing:" | invalid_network | accepted.network
/accepted/network | "farthing:00000000000000000000000C1S" | invalid_network | accepted.network
/accepted/network | "farthing:00000000000000000000000000" | invalid_network | accepted.network
/accepted/amount | 2000000 | invalid_payload | PAYMENT-SIGNATURE
/accepted/amount | null | invalid_payload | accepted.amount
/accepted/amount | "-1" | invalid_payment_requirements | accepted.amount
/accepted/amount | "+1" | invalid_payment_requirements | accepted.amount
/accepted/amount | "2e6" | invalid_payment_requirements | accepted.amount
/accepted/amount | "02000000" | invalid_payment_requirements | accepted.amount
/accepted/amount | "" | invalid_payment_requirements | accepted.amount
/accepted/amount | "2000000.0" | invalid_payment_requirements | accepted.amount
/accepted/amount | "340282366920938463463374607431768211456" | invalid_payment_requirements | accepted.amount
/accepted/asset | "usd" | invalid_payment_requirements | accepted.asset
/accepted/asset | "TOOLONGCODE" | invalid_payment_requirements | accepted.asset
/accepted/payTo | "merchant" | invalid_payment_requirements | accepted.payTo
/accepted/payTo | "pay_0000000000000000000000002d" | invalid_payment_requirements | accepted.payTo
/accepted/maxTimeoutSeconds | null | invalid_payload | accepted.maxTimeoutSeconds
/accepted/maxTimeoutSeconds | 0 | invalid_payment_requirements | accepted.maxTimeoutSeconds
/accepted/maxTimeoutSeconds | 4294967296 | invalid_payment_requirements | accepted.maxTimeoutSeconds
/accepted/maxTimeoutSeconds | -1 | invalid_payload | PAYMENT-SIGNATURE
/accepted/maxTimeoutSeconds | "60" | invalid_payload | PAYMENT-SIGNATURE
/accepted/extra | null | invalid_payload | accepted.extra.scale
/accepted/extra | [9] | invalid_payload | PAYMENT-SIGNATURE
/accepted/extra/scale | 31 | invalid_payment_requirements | accepted.extra.scale
/accepted/extra/scale | 256 | invalid_payload | PAYMENT-SIGNATURE
/accepted/extra/purchase | "ab" | invalid_payment_requirements | accepted.extra.purchase
/payload | null | invalid_payload | payload
/payload | ["", ""] | invalid_payload | PAYMENT-SIGNATURE
/payload/order | null | invalid_payload | payload.order
/payload/order | "" | invalid_payload | payload.order
/payload/order | "not base64" | invalid_base64 | payload.order
/payload/signature | null | invalid_payload | payload.signature
/payload/signature | "AAAA" | invalid_payload | payload.signature
/payload/signature | "AAA" | invalid_base64 | payload.signature
"#;

#[test]
fn each_member_is_checked() {
    for line in MEMBERS.trim().lines() {
        let [pointer, value, code, param] = line.split(" | ").collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        let json = with(pointer, serde_json::from_str(value).unwrap());
        let error = refused("payment-signature", base64(json).as_bytes());
        assert_eq!((error.code(), &*error.param()), (code, param), "{line}: {error}");
        assert_eq!(error.http_status(), 400, "{line}");
    }
}

#[test]
fn long_members_are_checked() {
    let upper_case = "AB".repeat(32);
    for (pointer, value, code) in [
        ("/accepted/extra/purchase", upper_case, "invalid_payment_requirements"),
        ("/payload/order", base64([0; 208]), "invalid_payload"),
        ("/payload/order", base64([0; 209]), "invalid_payload"),
        ("/payload/order", base64([0; 2000]), "invalid_payload"),
        ("/payload/signature", base64([0; 63]), "invalid_payload"),
        ("/payload/signature", base64([0; 65]), "invalid_payload"),
        ("/payload/signature", base64([0; 2000]), "invalid_payload"),
        ("/payload/signature", base64([0; 64]).replace('=', ""), "invalid_base64"),
    ] {
        let error = refused("payment-signature", base64(with(pointer, json!(value))).as_bytes());
        let param = pointer[1..].replace('/', ".");
        assert_eq!((error.code(), error.param()), (code, param), "{value}: {error}");
    }
}

#[test]
fn members_of_version_1_are_checked() {
    for (pointer, value, expected) in [
        ("/x402Version", json!(2), ("invalid_x402_version", "x402Version")),
        ("/scheme", json!("upto"), ("unsupported_scheme", "scheme")),
        ("/network", json!("base-sepolia"), ("invalid_network", "network")),
        ("/network", json!(null), ("invalid_payload", "network")),
        ("/payload", json!(null), ("invalid_payload", "payload")),
    ] {
        let mut json = payment_json(Dialect::X402V1);
        *json.pointer_mut(pointer).unwrap() = value;
        let error = refused("x-payment", base64(json.to_string()).as_bytes());
        assert_eq!((error.code(), &*error.param()), expected, "{error}");
    }
}

#[test]
fn of_two_faults_the_first_in_order_is_told() {
    let faults = [
        ("/x402Version", json!(9), "invalid_x402_version"),
        ("/accepted/scheme", json!("deferred"), "unsupported_scheme"),
        ("/accepted/network", json!("x:y"), "invalid_network"),
        ("/accepted/amount", json!("-1"), "invalid_payment_requirements"),
        ("/payload/order", json!(""), "invalid_payload"),
    ];
    let mut json = payment_json(Dialect::X402V2);
    for (pointer, value, code) in faults.into_iter().rev() {
        *json.pointer_mut(pointer).unwrap() = value;
        let error = refused("payment-signature", base64(json.to_string()).as_bytes());
        assert_eq!(error.code(), code);
    }
}

#[test]
fn member_that_stands_twice_is_refused() {
    let good = payment_json(Dialect::X402V2).to_string();
    for member in [
        r#""x402Version":2"#,
        r#""amount":"2000000""#,
        r#""payTo":"acc_0000000000000000000000002d""#,
        r#""scale":9"#,
        r#""url":"http://127.0.0.1:4020/articles/1""#,
    ] {
        let twice = good.replacen(member, &format!("{member},{member}"), 1);
        assert_ne!(twice, good, "{member}");
        let error = refused("payment-signature", base64(twice).as_bytes());
        assert!(matches!(error, DecodeError::Shape { .. }), "{member}: {error}");
        assert!(error.to_string().contains("duplicate field"), "{error}");
    }
    let unknown = good.replacen(r#""scale":9"#, r#""scale":9,"more":1,"more":1"#, 1);
    let error = refused("payment-signature", base64(unknown).as_bytes());
    assert!(error.to_string().contains("duplicate field `more`"), "{error}");
}

#[test]
fn message_quotes_little_of_the_input() {
    let json = with("/accepted/maxTimeoutSeconds", json!("x".repeat(8000)));
    let error = refused("payment-signature", base64(json).as_bytes());
    assert!(error.to_string().len() < 300, "{error}");
}

#[test]
fn payment_identifiers_are_strict() {
    for (id, good) in [
        ("a".repeat(15), false),
        ("a".repeat(16), true),
        ("a".repeat(128), true),
        ("a".repeat(129), false),
        ("AZaz09_-AZaz09_-".to_owned(), true),
        ("with space 123456".to_owned(), false),
        ("é".repeat(16), false),
    ] {
        let mut json = payment_json(Dialect::X402V2);
        json["extensions"] = json!({"payment-identifier": {"info": {"required": true, "id": id}}});
        let text = base64(json.to_string());
        let read = decode_payment(&headers([("payment-signature", text.as_bytes())]));
        match read {
            Ok(presented) => {
                assert!(good, "{id}");
                assert_eq!(presented.unwrap().payment_identifier, Some(id));
            }
            Err(error) => {
                assert!(!good, "{id}");
                assert_eq!(error.code(), "invalid_payment_identifier");
                assert_eq!(error.param(), "extensions.payment-identifier.info.id");
            }
        }
    }
}

#[test]
fn facilitator_requests_are_checked() {
    let good = json!({
        "x402Version": 2,
        "paymentPayload": payment_json(Dialect::X402V2),
        "paymentRequirements": terms(),
    });
    for (pointer, value, expected) in [
        ("/x402Version", json!(3), ("invalid_x402_version", "x402Version")),
        ("/x402Version", json!(1), ("invalid_x402_version", "x402Version")),
        ("/paymentPayload", json!(null), ("invalid_payload", "paymentPayload")),
        ("/paymentPayload", json!("x"), ("invalid_payload", "body")),
        ("/paymentRequirements", json!(null), ("invalid_payload", "paymentRequirements")),
        (
            "/paymentRequirements/amount",
            json!("1e3"),
            ("invalid_payment_requirements", "paymentRequirements.amount"),
        ),
        (
            "/paymentRequirements/network",
            json!("ach:us"),
            ("invalid_network", "paymentRequirements.network"),
        ),
    ] {
        let mut json = good.clone();
        *json.pointer_mut(pointer).unwrap() = value.clone();
        let error = decode_facilitator_request(json.to_string().as_bytes()).unwrap_err();
        assert_eq!((error.code(), &*error.param()), expected, "{pointer} = {value}");
    }
    let large = vec![b' '; http402::x402::FACILITATOR_BODY_BYTES_MAX + 1];
    let error = decode_facilitator_request(&large).unwrap_err();
    assert_eq!((error.code(), error.http_status()), ("payment_too_large", 413));
}
