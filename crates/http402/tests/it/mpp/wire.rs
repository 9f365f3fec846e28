//! Each message to the character, and back.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderValue;
use http402::mpp::{
    Intent, NeedVoucher, OfferedList, ReadReceipt, Receipt, SessionReceipt, Terms,
    credential_header,
};
use http402::{Challenge, Dialect, Instrument};
use instrument::Signed;
use instrument::channel::{Close, Tick, TickLink, TopUp};
use serde_json::{Value, json};

use super::{
    amount, answer, ask, by_order, channel, key, metered, pay, read, state, terms, voucher,
    with_channel,
};
use crate::fixture::challenge as offer;

#[test]
fn a_charge_stands_as_documented() {
    let lines = ask(&offer(), |_| {});
    let request = concat!(
        r#"{"amount":"2000000","currency":"usd","methodDetails":{"asset":"USD","#,
        r#""network":"farthing:00000000000000000000000c1s","orderSeconds":60,"#,
        r#""purchase":"abababababababababababababababababababababababababababababababab","#,
        r#""scale":9},"recipient":"acc_0000000000000000000000002d"}"#,
    );
    let opaque = r#"{"method":"GET","resource":"http://127.0.0.1:4020/articles/1"}"#;
    let expected = format!(
        concat!(
            r#"Payment id="{}", realm="127.0.0.1", method="farthing", intent="charge", "#,
            r#"request="{}", expires="2027-01-15T08:00:00Z", opaque="{}", "#,
            r#"description="The price of a farthing \u2014 an article""#,
        ),
        "-",
        URL_SAFE_NO_PAD.encode(request),
        URL_SAFE_NO_PAD.encode(opaque),
    );
    let [line] = &*lines else { panic!("{lines:?}") };
    let line = line.to_str().unwrap();
    let (before, rest) = line.split_once("id=\"").unwrap();
    let (id, after) = rest.split_once('"').unwrap();
    assert_eq!(format!("{before}id=\"-\"{after}"), expected);
    assert_eq!(URL_SAFE_NO_PAD.decode(id).unwrap().len(), 32);
}

#[test]
fn a_session_stands_as_documented() {
    let offered = read(&metered(), Intent::Session);
    let request = URL_SAFE_NO_PAD.decode(&offered.echo.request).unwrap();
    let expected = concat!(
        r#"{"amount":"100","currency":"usd","methodDetails":{"asset":"USD","#,
        r#""closeDelaySeconds":3600,"freeUnits":5,"maxUnits":600,"minDeposit":"4000000","#,
        r#""network":"farthing:00000000000000000000000c1s","per":3,"scale":9,"#,
        r#""start":"2000000","tiers":"from 100: 50"},"#,
        r#""recipient":"acc_0000000000000000000000002d","suggestedDeposit":"20000000","#,
        r#""unitType":"second"}"#,
    );
    assert_eq!(String::from_utf8(request).unwrap(), expected);
}

/// RFC 8785: names in order, no spaces. Clients write the request again and must get our bytes.
#[test]
fn requests_are_canonical() {
    let mut challenge = metered();
    challenge.splits = Some("author 80 %, \"editor\" 20 %\n".to_owned());
    challenge.channel.as_mut().unwrap().state = Some(state());
    for intent in [Intent::Charge, Intent::Session] {
        let challenge = if intent == Intent::Charge { offer() } else { challenge.clone() };
        let text = URL_SAFE_NO_PAD.decode(read(&challenge, intent).echo.request).unwrap();
        let value: Value = serde_json::from_slice(&text).unwrap();
        // This library keeps the members of a value in the order of their names.
        assert_eq!(String::from_utf8(text).unwrap(), value.to_string());
    }
}

#[test]
fn terms_come_back_as_they_went() {
    let mut challenge = metered();
    challenge.splits = Some("author 80 %, editor 20 %".to_owned());
    challenge.channel.as_mut().unwrap().state = Some(state());
    let session = read(&challenge, Intent::Session);
    assert_eq!(Some(session.terms), Terms::of(&challenge, Intent::Session));
    assert_eq!(session.expires_at_ms, Some(1_800_000_000_000));
    let charge = read(&offer(), Intent::Charge);
    assert_eq!(Some(charge.terms), Terms::of(&offer(), Intent::Charge));
    assert_eq!(charge.echo.description, offer().resource.description);
}

#[test]
fn an_offer_names_the_intents_that_pay_for_it() {
    let intents = |challenge: &Challenge| {
        let list = OfferedList::from_headers(&answer(ask(challenge, |_| {}))).unwrap();
        list.offered.iter().map(|offered| offered.terms.intent()).collect::<Vec<_>>()
    };
    assert_eq!(intents(&offer()), [Intent::Charge]);
    assert_eq!(intents(&with_channel()), [Intent::Charge, Intent::Session]);
    assert_eq!(intents(&metered()), [Intent::Session]);
}

#[test]
fn challenges_stay_below_eight_kilobytes() {
    let mut challenge = metered();
    challenge.channel.as_mut().unwrap().state = Some(state());
    let [line] = &*ask(&challenge, |context| context.body_digest = Some([1; 32])) else { panic!() };
    assert!(line.len() < 2000, "{} bytes", line.len());
}

#[test]
fn every_instrument_comes_back_as_it_went() {
    let close = Close { channel: channel(), cumulative: 600 };
    let top_up = Signed::sign(TopUp { channel: channel(), deposit: 20_000_000 }, &key());
    let tick = Tick { index: 9, link: TickLink([3; 16]) };
    let session = read(&with_channel(), Intent::Session);
    for instrument in [
        Instrument::Open { terms: Box::new(terms()), voucher: voucher() },
        Instrument::Voucher(voucher()),
        Instrument::Tick { channel: channel(), tick },
        Instrument::TopUp { top_up, voucher: None },
        Instrument::TopUp { top_up, voucher: Some(voucher()) },
        Instrument::Close(Signed::sign(close, &key())),
    ] {
        let presented = pay(&session, &instrument);
        assert_eq!(presented.instrument, instrument);
        assert_eq!(presented.mpp.as_ref(), Some(&session.echo));
    }
    let presented = pay(&read(&offer(), Intent::Charge), &by_order());
    assert_eq!(presented.instrument, by_order());
    assert_eq!((presented.dialect, presented.network), (Dialect::Mpp, offer().network));
}

#[test]
fn payloads_stand_as_documented() {
    let session = read(&with_channel(), Intent::Session);
    let payload = |instrument: &Instrument| {
        let (_, value) = credential_header(&session, instrument).unwrap();
        let text = value.to_str().unwrap().strip_prefix("Payment ").unwrap();
        let json = URL_SAFE_NO_PAD.decode(text).unwrap();
        serde_json::from_slice::<Value>(&json).unwrap()["payload"].clone()
    };
    let base64 = |bytes: &[u8]| crate::fixture::base64(bytes);
    let signature = base64(&voucher().signature().0);
    assert_eq!(
        payload(&Instrument::Voucher(voucher())),
        json!({
            "action": "voucher", "channelId": channel(), "sequence": 7,
            "cumulativeAmount": "600", "signature": signature,
        })
    );
    let open = payload(&Instrument::Open { terms: Box::new(terms()), voucher: voucher() });
    assert_eq!(open["action"], "open");
    assert_eq!(open["terms"].as_str().unwrap().len(), 332);
    assert_eq!(open["signature"], base64(&terms().signature().0));
    assert_eq!(open["voucherSignature"], signature);
    assert_eq!((&open["sequence"], &open["cumulativeAmount"]), (&json!(7), &json!("600")));
    let tick = Tick { index: 9, link: TickLink([3; 16]) };
    assert_eq!(
        payload(&Instrument::Tick { channel: channel(), tick }),
        json!({"action": "voucher", "channelId": channel(), "tick": base64(&tick.to_bytes())})
    );
}

#[test]
fn receipts_stand_as_documented_and_come_back() {
    let mut receipt = Receipt {
        reference: "pay_0000000000000000000000001s".to_owned(),
        challenge: "abc".to_owned(),
        at_ms: 1_800_000_000_999,
        charged: amount(2_000_000),
        session: None,
    };
    let json = |receipt: &Receipt| {
        let text = URL_SAFE_NO_PAD.decode(receipt.encode_header().unwrap()).unwrap();
        serde_json::from_slice::<Value>(&text).unwrap()
    };
    let charge = json!({
        "method": "farthing", "intent": "charge", "status": "success",
        "timestamp": "2027-01-15T08:00:00Z", "reference": "pay_0000000000000000000000001s",
        "challengeId": "abc", "amount": "2000000", "currency": "usd",
    });
    assert_eq!(json(&receipt), charge);
    let session = SessionReceipt {
        channel: channel(),
        deposit: 10_000,
        accepted: 600,
        spent: 500,
        sequence: 7,
        units: Some(12),
    };
    receipt.session = Some(session);
    receipt.reference = channel().to_string();
    let mut expected = charge;
    for (name, value) in [
        ("intent", json!("session")),
        ("reference", json!(channel())),
        ("channelId", json!(channel())),
        ("deposit", json!("10000")),
        ("acceptedCumulative", json!("600")),
        ("spent", json!("500")),
        ("remaining", json!("9500")),
        ("sequence", json!(7)),
        ("units", json!(12)),
    ] {
        expected[name] = value;
    }
    assert_eq!(json(&receipt), expected);
    let read = ReadReceipt::decode_header(&receipt.encode_header().unwrap()).unwrap();
    assert_eq!((read.session, read.charged), (Some(session), Some(2_000_000)));
    assert_eq!(read.reference, receipt.reference);
    let failed = URL_SAFE_NO_PAD.encode(r#"{"status":"failed","reference":"x"}"#);
    let failed = HeaderValue::try_from(failed).unwrap();
    assert_eq!(ReadReceipt::decode_header(&failed).unwrap_err().param(), "status");
}

#[test]
fn a_stream_says_what_it_needs() {
    let need = NeedVoucher { channel: channel(), required: 700, accepted: 600, deposit: 10_000 };
    let json = json!({
        "channelId": channel(), "requiredCumulative": "700", "acceptedCumulative": "600",
        "deposit": "10000",
    });
    assert_eq!(need.to_json(), json);
    assert_eq!(NeedVoucher::decode(json.to_string().as_bytes()), Ok(need));
    assert_eq!(NeedVoucher::decode(b"{}").unwrap_err().param(), "channelId");
}

/// The lines that the SDKs' tests read, too: other implementations find the same digests in them.
#[test]
fn challenges_are_those_of_the_vectors() {
    let vectors = include_str!("../../../../../conformance/mpp.json");
    let vectors: Value = serde_json::from_str(vectors).unwrap();
    let mut lines = ask(&with_channel(), |_| {});
    lines.extend(ask(&metered(), |context| {
        context.body_digest = Some([1; 32]);
        context.authorization_taken = true;
    }));
    let lines: Vec<&str> = lines.iter().map(|line| line.to_str().unwrap()).collect();
    assert_eq!(vectors["challenges"], json!(lines));
}
