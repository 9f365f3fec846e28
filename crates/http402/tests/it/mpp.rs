//! The dialect MPP: each message to the character and back, each fault by its name.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Method};
use http402::mpp::{
    AcceptPayment, CHALLENGES_COUNT_MAX, CREDENTIAL_BYTES_MAX, ChallengeContext, ChallengeSecret,
    EchoError, Intent, NeedVoucher, Offered, OfferedList, PAYMENT_AUTHORIZATION, ReadReceipt,
    Receipt, SessionReceipt, Terms, challenges, check_echo, credential_header, strip_credential,
};
use http402::{
    Challenge, ChannelOffer, ChannelState, Dialect, Instrument, Metered, Presented, decode_payment,
};
use instrument::channel::{ChannelTerms, Close, Tick, TickLink, TopUp, Voucher};
use instrument::{KeyPair, Signed, payer_account};
use money::{Amount, ChannelId};
use serde_json::{Value, json};

use crate::fixture::{asset, challenge as offer, headers, order, order_numbered};

const EXPIRES_AT_MS: u64 = 1_800_000_000_999;

fn secret() -> ChallengeSecret {
    ChallengeSecret::from_bytes(&[b'x'; 40])
}

fn amount(units: u128) -> Amount {
    Amount::new(units, asset())
}

fn key() -> KeyPair {
    KeyPair::from_seed(&[7; 32])
}

fn terms() -> Signed<ChannelTerms> {
    let key = key();
    let terms = ChannelTerms {
        node: offer().network,
        salt: [5; 16],
        payer: payer_account(&key.public(), asset()),
        signer: key.public(),
        voucher_key: key.public(),
        payee: offer().pay_to,
        deposit: amount(10_000_000),
        tick_root: TickLink([0; 16]),
        tick_units: 0,
        tick_count: 0,
        close_delay_seconds: 3600,
        expires_at_ms: 1_900_000_000_000,
        mandate: None,
    };
    Signed::sign(terms, &key)
}

fn channel() -> ChannelId {
    terms().unverified().channel()
}

fn voucher() -> Signed<Voucher> {
    Signed::sign(Voucher { channel: channel(), sequence: 7, cumulative: 600 }, &key())
}

fn with_channel() -> Challenge {
    let mut challenge = offer();
    challenge.channel = Some(ChannelOffer {
        start: amount(2_000_000),
        deposit_min: amount(4_000_000),
        deposit_suggested: amount(20_000_000),
        close_delay_seconds: 3600,
        state: None,
    });
    challenge
}

fn metered() -> Challenge {
    let mut challenge = with_channel();
    challenge.metered = Some(Metered {
        unit: "second".to_owned(),
        price: amount(100),
        per: 3,
        free_units: 5,
        units_max: Some(600),
        tiers: Some("from 100: 50".to_owned()),
    });
    challenge
}

/// Asks for an offer; gives the lines of the answer.
fn ask(challenge: &Challenge, change: impl FnOnce(&mut ChallengeContext<'_>)) -> Vec<HeaderValue> {
    with_context(change, |context| challenges(challenge, context).unwrap())
}

fn with_context<T>(
    change: impl FnOnce(&mut ChallengeContext<'_>),
    run: impl FnOnce(&ChallengeContext<'_>) -> T,
) -> T {
    let (secret, accept) = (secret(), AcceptPayment::default());
    let mut context = ChallengeContext {
        realm: "127.0.0.1",
        secret: &secret,
        expires_at_ms: EXPIRES_AT_MS,
        method: &Method::GET,
        body_digest: None,
        accept: &accept,
        authorization_taken: false,
    };
    change(&mut context);
    run(&context)
}

/// What a payer reads of an offer under one intent.
fn read(challenge: &Challenge, intent: Intent) -> Offered {
    read_lines(ask(challenge, |_| {}), intent)
}

fn read_lines(lines: Vec<HeaderValue>, intent: Intent) -> Offered {
    let list = OfferedList::from_headers(&answer(lines)).unwrap();
    list.offered.into_iter().find(|offered| offered.terms.intent() == intent).unwrap()
}

fn answer(lines: impl IntoIterator<Item = HeaderValue>) -> HeaderMap {
    lines.into_iter().map(|line| (WWW_AUTHENTICATE, line)).collect()
}

fn pay(offered: &Offered, instrument: &Instrument) -> Presented {
    let request: HeaderMap =
        [credential_header(offered, instrument).unwrap()].into_iter().collect();
    decode_payment(&request).unwrap().unwrap()
}

fn by_order() -> Instrument {
    Instrument::Order { order: order(), up_to: false }
}

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

fn state() -> ChannelState {
    ChannelState {
        channel: channel(),
        deposit: 10_000_000,
        accepted: 600,
        spent: 500,
        sequence: 7,
        tick_index: 3,
        voucher: Some(voucher()),
        closes_at_ms: Some(1_850_000_000_000),
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
fn an_echo_counts_for_its_own_request_only() {
    let presented = pay(&read(&offer(), Intent::Charge), &by_order());
    let check = |presented: &Presented, challenge: &Challenge, expected| {
        with_context(
            |_| {},
            |context| {
                assert_eq!(check_echo(presented, challenge, context), expected);
            },
        );
    };
    check(&presented, &offer(), Ok(()));
    let mut other = offer();
    other.resource.url.push_str("?page=2");
    check(&presented, &other, Err(EchoError::Scope));
    let mut other = offer();
    other.amount = amount(2_000_001);
    check(&presented, &other, Err(EchoError::Terms));
    let mut other = offer();
    other.pay_to = money::AccountId::new(78).unwrap();
    check(&presented, &other, Err(EchoError::Terms));
    // What the offer is called may change.
    let mut other = offer();
    other.resource.description = None;
    check(&presented, &other, Ok(()));

    let mut forged = presented.clone();
    forged.mpp.as_mut().unwrap().id = "AAAA".to_owned();
    forged.mpp.as_mut().unwrap().realm = "other".to_owned();
    check(&forged, &offer(), Err(EchoError::Forged));
    check(&Presented { mpp: None, ..presented.clone() }, &offer(), Err(EchoError::Forged));

    let elsewhere = read_lines(ask(&offer(), |it| it.realm = "example.org"), Intent::Charge);
    check(&pay(&elsewhere, &by_order()), &offer(), Err(EchoError::Realm));
    let early = read_lines(ask(&offer(), |it| it.expires_at_ms -= 1000), Intent::Charge);
    check(&pay(&early, &by_order()), &offer(), Err(EchoError::Outlives));
}

#[test]
fn an_echo_is_bound_to_method_and_body() {
    let post = Method::POST;
    let asked = |body| {
        let lines = ask(&with_channel(), |it| (it.method, it.body_digest) = (&Method::POST, body));
        pay(&read_lines(lines, Intent::Session), &Instrument::Voucher(voucher()))
    };
    let check = |presented: &Presented, method: &Method, body, expected| {
        let (secret, accept) = (secret(), AcceptPayment::default());
        let context = ChallengeContext {
            realm: "127.0.0.1",
            secret: &secret,
            expires_at_ms: EXPIRES_AT_MS,
            method,
            body_digest: body,
            accept: &accept,
            authorization_taken: false,
        };
        assert_eq!(check_echo(presented, &with_channel(), &context), expected);
    };
    let presented = asked(Some([1; 32]));
    check(&presented, &post, Some([1; 32]), Ok(()));
    check(&presented, &post, Some([2; 32]), Err(EchoError::Digest));
    check(&presented, &post, None, Err(EchoError::Digest));
    check(&presented, &Method::GET, Some([1; 32]), Err(EchoError::Scope));
    check(&presented, &Method::HEAD, None, Ok(()));
    check(&asked(None), &post, None, Ok(()));
}

#[test]
fn a_channel_may_move_on_under_one_challenge() {
    let mut told = with_channel();
    told.channel.as_mut().unwrap().state = Some(state());
    let presented = pay(&read(&told, Intent::Session), &Instrument::Voucher(voucher()));
    with_context(
        |_| {},
        |context| {
            assert_eq!(check_echo(&presented, &with_channel(), context), Ok(()));
            let mut dearer = with_channel();
            dearer.channel.as_mut().unwrap().start = amount(2_000_001);
            assert_eq!(check_echo(&presented, &dearer, context), Err(EchoError::Terms));
            let mut closed = with_channel();
            closed.channel = None;
            assert_eq!(check_echo(&presented, &closed, context), Err(EchoError::Terms));
        },
    );
}

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
