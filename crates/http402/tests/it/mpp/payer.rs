//! Challenges as a payer reads them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderValue};
use http402::mpp::{CHALLENGES_COUNT_MAX, Intent, OfferedList};
use serde_json::{Value, json};

use super::{answer, ask, read, with_channel};
use crate::fixture::challenge as offer;

#[test]
fn a_payer_finds_its_challenges_among_others() {
    let own = ask(&with_channel(), |_| {});
    let own = own.iter().map(|line| line.to_str().unwrap()).collect::<Vec<_>>();
    let foreign = r#"Payment id="a, Payment b=\"", method="tempo", intent=charge, request="e30""#;
    let lines = [
        format!(r#"Basic realm="x, Payment y", {}, {foreign}"#, own[0]),
        format!("L402 macaroon=\"abc==\", invoice=\"def\", {}", own[1]),
        "Negotiate".to_owned(),
        "Bearer".to_owned(),
    ];
    let lines = lines.map(|line| HeaderValue::try_from(line).unwrap());
    let list = OfferedList::from_headers(&answer(lines)).unwrap();
    assert_eq!((list.offered.len(), list.foreign), (2, 1));
    assert_eq!(list.offered[0], read(&with_channel(), Intent::Charge));
    assert_eq!(list.offered[1], read(&with_channel(), Intent::Session));
    assert_eq!(OfferedList::from_headers(&HeaderMap::new()), Ok(OfferedList::default()));
}

#[test]
fn a_payer_refuses_challenges_that_it_cannot_read() {
    let [line] = &*ask(&offer(), |_| {}) else { panic!() };
    let line = line.to_str().unwrap();
    let check = |line: &str, code: &str, param: &str| {
        let lines = [HeaderValue::try_from(line).unwrap()];
        let error = OfferedList::from_headers(&answer(lines)).unwrap_err();
        assert_eq!((error.code(), &*error.param()), (code, param), "{line}");
    };
    check(&format!("{line}, id=\"again\""), "invalid_parameters", "WWW-Authenticate");
    check(&format!("{line}, open=\"x"), "invalid_parameters", "WWW-Authenticate");
    check(&format!("{line}, a=\"x\"b=\"y\""), "invalid_parameters", "WWW-Authenticate");
    check(&line.replace(" id=", " x-id="), "invalid_payload", "id");
    check(&line.replace("request=\"", "request=\"~"), "invalid_base64", "request");
    let bad = "invalid_payment_requirements";
    check(&line.replace("08:00:00Z", "25:00:00Z"), bad, "expires");
    let long = "x".repeat(http402::mpp::CHALLENGE_BYTES_MAX);
    check(&format!("{line}, y=\"{long}\""), "payment_too_large", "WWW-Authenticate");
    let request = |json: Value| {
        let text = URL_SAFE_NO_PAD.encode(json.to_string());
        format!(
            r#"Payment id="i", realm="r", method="farthing", intent="charge", request="{text}""#
        )
    };
    let good = json!({
        "amount": "5", "currency": "usd", "recipient": "acc_0000000000000000000000002d",
        "methodDetails": {
            "asset": "USD", "network": "farthing:00000000000000000000000c1s", "orderSeconds": 5,
            "scale": 9,
        },
    });
    let lines = [HeaderValue::try_from(request(good.clone())).unwrap()];
    assert_eq!(OfferedList::from_headers(&answer(lines)).unwrap().offered.len(), 1);
    let changed = |change: fn(&mut Value)| {
        let mut json = good.clone();
        change(&mut json);
        request(json)
    };
    check(&changed(|it| it["amount"] = "05".into()), bad, "amount");
    check(&changed(|it| it["currency"] = "USD".into()), bad, "currency");
    check(&changed(|it| it["recipient"] = "acc_".into()), bad, "recipient");
    let details = "request.methodDetails";
    let inner = |field: &str| format!("{details}.{field}");
    check(&changed(|it| it["methodDetails"]["scale"] = 31.into()), bad, &inner("scale"));
    check(&changed(|it| it["methodDetails"]["purchase"] = "x".into()), bad, &inner("purchase"));
    let network = changed(|it| it["methodDetails"]["network"] = "eip155:1".into());
    check(&network, "invalid_network", &inner("network"));
}

#[test]
fn a_payer_reads_a_limited_number_of_challenges() {
    let [line] = &*ask(&offer(), |_| {}) else { panic!() };
    let lines = vec![line.clone(); CHALLENGES_COUNT_MAX + 5];
    let list = OfferedList::from_headers(&answer(lines)).unwrap();
    assert_eq!((list.offered.len(), list.foreign), (CHALLENGES_COUNT_MAX, 5));
}
