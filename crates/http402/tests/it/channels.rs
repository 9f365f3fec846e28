//! `upto` and `batch-settlement`: terms, payloads, corrective answers and settlements.

use http402::x402::{
    ChannelSettlement, Payment, PaymentRequired, PaymentRequirements, PaymentState, Scheme,
    SettleResponse, accepts, check_accepted, check_echo, decode_facilitator_request,
    encode_settle_response, payment_required, v1_members,
};
use http402::{
    Challenge, ChannelOffer, ChannelState, Dialect, Instrument, Metered, Problem, decode_payment,
};
use instrument::channel::{ChannelTerms, Close, SignedVoucher, TickLink, TopUp, Voucher};
use instrument::{KeyPair, Signed, payer_account};
use money::{AccountId, Amount, ChannelId};
use serde_json::{Value, json};

use crate::fixture::{asset, base64, challenge, headers, order, unbase64};

const CHANNEL: &str = "ch_0000000000000000000000003b";

fn amount(units: u128) -> Amount {
    Amount::new(units, asset())
}

fn key() -> KeyPair {
    KeyPair::from_seed(&[7; 32])
}

fn channel_id() -> ChannelId {
    ChannelId::new(107).unwrap()
}

/// An offer that a channel can pay.
fn with_channel() -> Challenge {
    let channel = ChannelOffer {
        start: amount(2_000_000),
        deposit_min: amount(10_000_000),
        deposit_suggested: amount(100_000_000),
        close_delay_seconds: 3600,
        state: None,
    };
    Challenge { channel: Some(channel), ..challenge() }
}

/// An offer by the second.
fn by_the_second(units_max: Option<u64>) -> Challenge {
    let metered = Metered {
        unit: "second".to_owned(),
        price: amount(100_000),
        per: 1,
        free_units: 5,
        units_max,
        tiers: None,
    };
    let mut challenge = with_channel();
    challenge.amount = amount(60_000_000);
    challenge.channel.as_mut().unwrap().start = amount(100_000);
    Challenge { metered: Some(metered), ..challenge }
}

fn voucher_numbered(sequence: u64) -> SignedVoucher {
    let voucher = Voucher { channel: channel_id(), sequence, cumulative: 6_000_000 };
    Signed::sign(voucher, &key())
}

fn state() -> ChannelState {
    ChannelState {
        channel: channel_id(),
        deposit: 100_000_000,
        accepted: 6_000_000,
        spent: 4_000_000,
        sequence: 3,
        tick_index: 0,
        voucher: Some(voucher_numbered(3)),
        closes_at_ms: None,
    }
}

fn open() -> Instrument {
    let terms = ChannelTerms {
        node: challenge().network,
        salt: [9; 16],
        payer: payer_account(&key().public(), asset()),
        signer: key().public(),
        voucher_key: key().public(),
        payee: challenge().pay_to,
        deposit: amount(100_000_000),
        tick_root: TickLink([0; 16]),
        tick_units: 0,
        tick_count: 0,
        close_delay_seconds: 3600,
        expires_at_ms: 1_800_000_000_000,
        mandate: None,
    };
    Instrument::Open { terms: Box::new(Signed::sign(terms, &key())), voucher: voucher_numbered(1) }
}

fn top_up(voucher: Option<SignedVoucher>) -> Instrument {
    let top_up = TopUp { channel: channel_id(), deposit: 200_000_000 };
    Instrument::TopUp { top_up: Signed::sign(top_up, &key()), voucher }
}

fn close() -> Instrument {
    Instrument::Close(Signed::sign(Close { channel: channel_id(), cumulative: 4_000_000 }, &key()))
}

fn terms_of(challenge: &Challenge, scheme: Scheme) -> PaymentRequirements {
    accepts(challenge).into_iter().find(|terms| terms.scheme == scheme).unwrap()
}

fn payment(terms: &PaymentRequirements, instrument: &Instrument) -> Value {
    let payment = Payment {
        dialect: Dialect::X402V2,
        accepted: terms,
        instrument,
        resource_url: None,
        extensions: None,
    };
    serde_json::to_value(payment).unwrap()
}

fn read(payment: &Value) -> Result<http402::Presented, http402::DecodeError> {
    let header = base64(payment.to_string());
    decode_payment(&headers([("payment-signature", header.as_bytes())])).map(Option::unwrap)
}

#[test]
fn each_offer_names_the_schemes_that_pay_it() {
    let schemes = |challenge: &Challenge| -> Vec<&str> {
        accepts(challenge).iter().map(|terms| terms.scheme.name()).collect()
    };
    assert_eq!(schemes(&challenge()), ["exact"]);
    assert_eq!(schemes(&with_channel()), ["exact", "batch-settlement"]);
    assert_eq!(schemes(&by_the_second(Some(600))), ["upto", "batch-settlement"]);
    assert_eq!(schemes(&by_the_second(None)), ["batch-settlement"]);
    let only_orders = Challenge { channel: None, ..by_the_second(Some(600)) };
    assert_eq!(schemes(&only_orders), ["upto"]);
}

#[test]
fn version_1_words_only_fixed_prices() {
    let accepts = |challenge: &Challenge| v1_members(challenge, "e").unwrap().remove("accepts");
    assert_eq!(accepts(&with_channel()).unwrap().as_array().unwrap().len(), 1);
    assert_eq!(v1_members(&by_the_second(Some(600)), "e").unwrap().len(), 0);
}

#[test]
fn terms_of_each_scheme_stand_as_documented() {
    let purchase = "ab".repeat(32);
    let common = json!({
        "network": "farthing:00000000000000000000000c1s", "asset": "USD",
        "payTo": "acc_0000000000000000000000002d", "maxTimeoutSeconds": 60,
    });
    for (challenge, scheme, amount, extra) in [
        (
            with_channel(),
            "batch-settlement",
            "2000000",
            json!({"start": "2000000", "depositMin": "10000000", "depositSuggested": "100000000",
                "closeDelaySeconds": 3600}),
        ),
        (
            by_the_second(Some(600)),
            "upto",
            "60000000",
            json!({"unit": "second", "price": "100000", "per": 1, "freeUnits": 5,
                "unitsMax": 600}),
        ),
        (
            by_the_second(Some(600)),
            "batch-settlement",
            "60000000",
            json!({"unit": "second", "price": "100000", "per": 1, "freeUnits": 5,
                "unitsMax": 600, "start": "100000", "depositMin": "10000000",
                "depositSuggested": "100000000", "closeDelaySeconds": 3600}),
        ),
        (
            by_the_second(None),
            "batch-settlement",
            "100000",
            json!({"unit": "second", "price": "100000", "per": 1, "freeUnits": 5,
                "start": "100000", "depositMin": "10000000",
                "depositSuggested": "100000000", "closeDelaySeconds": 3600}),
        ),
    ] {
        let mut expected = common.clone();
        expected["scheme"] = json!(scheme);
        expected["amount"] = json!(amount);
        expected["extra"] = extra;
        expected["extra"]["scale"] = json!(9);
        expected["extra"]["purchase"] = json!(purchase);
        let terms = terms_of(&challenge, Scheme::from_name(scheme).unwrap());
        assert_eq!(serde_json::to_value(terms).unwrap(), expected);
    }
}

#[test]
fn every_instrument_comes_back_as_it_was_sent() {
    let upto = terms_of(&by_the_second(Some(600)), Scheme::Upto);
    let batch = terms_of(&with_channel(), Scheme::BatchSettlement);
    for (terms, instrument) in [
        (&upto, Instrument::Order { order: order(), up_to: true }),
        (&batch, open()),
        (&batch, Instrument::Voucher(voucher_numbered(2))),
        (&batch, top_up(None)),
        (&batch, top_up(Some(voucher_numbered(2)))),
        (&batch, close()),
    ] {
        let presented = read(&payment(terms, &instrument)).unwrap();
        assert_eq!(presented.instrument, instrument);
        assert_eq!(presented.accepted.as_ref(), Some(terms));
        let body = json!({"x402Version": 2, "paymentPayload": payment(terms, &instrument),
            "paymentRequirements": terms});
        let request = decode_facilitator_request(body.to_string().as_bytes()).unwrap();
        assert_eq!(request.payment.instrument, instrument);
        assert_eq!(&request.requirements, terms);
    }
}

#[test]
fn vectors_are_read_and_written_to_the_member() {
    let vectors = include_str!("../../../../conformance/formats.json");
    let vectors: Value = serde_json::from_str(vectors).unwrap();
    let vectors = &vectors["x402_channels"];
    let payloads = vectors["payloads"].as_array().unwrap();
    assert_eq!(payloads.len(), 5);
    for payload in payloads {
        let message =
            json!({"x402Version": 2, "accepted": vectors["requirements"], "payload": payload});
        let presented = read(&message).unwrap();
        let terms = presented.accepted.unwrap();
        assert_eq!(payment(&terms, &presented.instrument), message);
    }
}

#[test]
fn payloads_stand_as_documented() {
    let batch = terms_of(&with_channel(), Scheme::BatchSettlement);
    let voucher = voucher_numbered(2);
    let signature = base64(voucher.signature().0);
    let voucher_json = json!({"channelId": CHANNEL, "sequence": 2,
        "maxClaimableAmount": "6000000", "signature": signature});
    let payload = |instrument: &Instrument| payment(&batch, instrument)["payload"].take();
    assert_eq!(
        payload(&Instrument::Voucher(voucher)),
        json!({"type": "voucher", "voucher": voucher_json})
    );
    let Instrument::TopUp { top_up: signed, .. } = top_up(None) else { unreachable!() };
    let signature = base64(signed.signature().0);
    assert_eq!(
        payload(&top_up(Some(voucher))),
        json!({"type": "deposit", "voucher": voucher_json, "topUp":
            {"channelId": CHANNEL, "deposit": "200000000", "signature": signature}})
    );
    let Instrument::Close(signed) = close() else { unreachable!() };
    let signature = base64(signed.signature().0);
    assert_eq!(
        payload(&close()),
        json!({"type": "refund", "channelId": CHANNEL, "cumulativeAmount": "4000000",
            "signature": signature})
    );
    let opened = payload(&open());
    assert_eq!(opened["type"], "deposit");
    let terms = opened["terms"].as_str().map(str::len);
    assert_eq!((terms, &opened["voucher"]["sequence"]), (Some(332), &json!(1)));
}

/// Instrument, member, value put there, code, place.
const MEMBERS: &str = r#"
open | /payload/type | null | invalid_payload | payload.type
open | /payload/type | "claim" | invalid_payload | payload.type
open | /payload/type | 1 | invalid_payload | PAYMENT-SIGNATURE
open | /payload/terms | null | invalid_payload | payload.terms
open | /payload/terms | "AAAA" | invalid_payload | payload.terms
open | /payload/terms | "A" | invalid_base64 | payload.terms
open | /payload/signature | null | invalid_payload | payload.signature
open | /payload/signature | "AAAA" | invalid_payload | payload.signature
open | /payload/voucher | null | invalid_payload | payload.voucher
open | /payload/voucher | [] | invalid_payload | PAYMENT-SIGNATURE
open | /payload/topUp | {} | invalid_payload | payload.topUp
voucher | /payload/voucher/channelId | null | invalid_payload | payload.voucher.channelId
voucher | /payload/voucher/channelId | "acc_0000000000000000000000003b" | invalid_payment_requirements | payload.voucher.channelId
voucher | /payload/voucher/sequence | null | invalid_payload | payload.voucher.sequence
voucher | /payload/voucher/sequence | "2" | invalid_payload | PAYMENT-SIGNATURE
voucher | /payload/voucher/sequence | -1 | invalid_payload | PAYMENT-SIGNATURE
voucher | /payload/voucher/sequence | 1.5 | invalid_payload | PAYMENT-SIGNATURE
voucher | /payload/voucher/sequence | 18446744073709551616 | invalid_payload | PAYMENT-SIGNATURE
voucher | /payload/voucher/maxClaimableAmount | null | invalid_payload | payload.voucher.maxClaimableAmount
voucher | /payload/voucher/maxClaimableAmount | 5 | invalid_payload | PAYMENT-SIGNATURE
voucher | /payload/voucher/maxClaimableAmount | "05" | invalid_payment_requirements | payload.voucher.maxClaimableAmount
voucher | /payload/voucher/maxClaimableAmount | "-5" | invalid_payment_requirements | payload.voucher.maxClaimableAmount
voucher | /payload/voucher/signature | null | invalid_payload | payload.voucher.signature
voucher | /payload/voucher/signature | "AAAA" | invalid_payload | payload.voucher.signature
voucher | /payload/voucher/signature | "?" | invalid_base64 | payload.voucher.signature
top-up | /payload/topUp | null | invalid_payload | payload.terms
top-up | /payload/topUp/channelId | "ch_" | invalid_payment_requirements | payload.topUp.channelId
top-up | /payload/topUp/deposit | null | invalid_payload | payload.topUp.deposit
top-up | /payload/topUp/deposit | "1e9" | invalid_payment_requirements | payload.topUp.deposit
top-up | /payload/topUp/signature | null | invalid_payload | payload.topUp.signature
top-up | /payload/voucher/sequence | null | invalid_payload | payload.voucher.sequence
refund | /payload/channelId | null | invalid_payload | payload.channelId
refund | /payload/channelId | "ch_00000000000000000000000000" | invalid_payment_requirements | payload.channelId
refund | /payload/cumulativeAmount | null | invalid_payload | payload.cumulativeAmount
refund | /payload/cumulativeAmount | "x" | invalid_payment_requirements | payload.cumulativeAmount
refund | /payload/signature | null | invalid_payload | payload.signature
refund | /payload/signature | "AAAA" | invalid_payload | payload.signature
refund | /accepted/scheme | "exact" | invalid_payload | payload.order
refund | /accepted/scheme | "upto" | invalid_payload | payload.order
refund | /x402Version | 1 | invalid_x402_version | x402Version
"#;

#[test]
fn each_member_is_checked() {
    let batch = terms_of(&with_channel(), Scheme::BatchSettlement);
    for line in MEMBERS.trim().lines() {
        let [which, pointer, value, code, param] = line.split(" | ").collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        let instrument = match which {
            "open" => open(),
            "voucher" => Instrument::Voucher(voucher_numbered(2)),
            "top-up" => top_up(Some(voucher_numbered(2))),
            _ => close(),
        };
        let mut json = payment(&batch, &instrument);
        let (object, member) = pointer.rsplit_once('/').unwrap();
        json.pointer_mut(object).unwrap()[member] = match serde_json::from_str(value) {
            Ok(value) => value,
            Err(error) => panic!("{line}: {error}"),
        };
        if which == "open" && member == "topUp" {
            json["payload"]["topUp"] = payment(&batch, &top_up(None))["payload"]["topUp"].take();
        }
        let error = read(&json).unwrap_err();
        assert_eq!((error.code(), &*error.param()), (code, param), "{line}: {error}");
        assert_eq!(error.http_status(), 400, "{line}");
        assert_eq!(Problem::from(&error).code, code);
    }
}

#[test]
fn long_members_are_refused_before_they_are_read() {
    let batch = terms_of(&with_channel(), Scheme::BatchSettlement);
    for (pointer, bytes) in [
        ("/payload/terms", 249),
        ("/payload/terms", 3000),
        ("/payload/signature", 65),
        ("/payload/voucher/signature", 3000),
    ] {
        let mut json = payment(&batch, &open());
        *json.pointer_mut(pointer).unwrap() = json!(base64(vec![0; bytes]));
        let error = read(&json).unwrap_err();
        assert_eq!(
            (error.code(), error.param()),
            ("invalid_payload", pointer[1..].replace('/', "."))
        );
    }
}

#[test]
fn ticks_have_no_words_in_x402() {
    let batch = terms_of(&with_channel(), Scheme::BatchSettlement);
    let tick = instrument::channel::Tick { index: 1, link: TickLink([1; 16]) };
    let instrument = &Instrument::Tick { channel: channel_id(), tick };
    let (dialect, extensions) = (Dialect::X402V2, None);
    let tick = Payment { dialect, accepted: &batch, instrument, resource_url: None, extensions };
    assert!(tick.encode_header().is_err());
}

#[test]
fn version_1_has_exact_only() {
    let mut json = crate::fixture::payment_json(Dialect::X402V1);
    for scheme in ["upto", "batch-settlement"] {
        json["scheme"] = json!(scheme);
        let header = base64(json.to_string());
        let error = decode_payment(&headers([("x-payment", header.as_bytes())])).unwrap_err();
        assert_eq!(error.code(), "unsupported_scheme");
        assert_eq!(error.to_string(), "scheme of X-PAYMENT must be `exact`");
    }
}

#[test]
fn corrective_answer_tells_the_state_and_its_proof() {
    let mut challenge = with_channel();
    challenge.channel.as_mut().unwrap().state = Some(state());
    let message = payment_required(&challenge, Some("voucher_stale"));
    let header = message.encode_header().unwrap();
    let text: Value = serde_json::from_str(&unbase64(&header)).unwrap();
    assert_eq!(text["error"], "voucher_stale");
    let extra = &text["accepts"][1]["extra"];
    assert_eq!(
        extra["channelState"],
        json!({"channelId": CHANNEL, "deposit": "100000000", "accepted": "6000000",
            "spent": "4000000", "sequence": 3, "tickIndex": 0})
    );
    let signature = base64(voucher_numbered(3).signature().0);
    assert_eq!(
        extra["voucherState"],
        json!({"channelId": CHANNEL, "sequence": 3, "maxClaimableAmount": "6000000",
            "signature": signature})
    );
    let read = PaymentRequired::decode_header(&header).unwrap();
    assert_eq!(read, message);
    assert_eq!(read.accepts[0].channel_state(), Ok(None));
    assert_eq!(read.accepts[1].channel_state(), Ok(Some(state())));
}

#[test]
fn a_state_that_is_none_is_refused_by_the_payer() {
    let mut challenge = with_channel();
    challenge.channel.as_mut().unwrap().state = Some(state());
    for (member, value, param) in [
        ("channelState", json!([]), "accepts.extra"),
        ("channelState", json!({"channelId": CHANNEL}), "accepts.extra"),
        ("voucherState", json!({}), "extra.voucherState.channelId"),
        ("voucherState", json!("x"), "accepts.extra"),
    ] {
        let mut terms = terms_of(&challenge, Scheme::BatchSettlement);
        terms.extra.insert(member.to_owned(), value);
        let error = terms.channel_state().unwrap_err();
        assert_eq!((error.code(), &*error.param()), ("invalid_payload", param), "{error}");
    }
}

#[test]
fn echo_is_compared_with_the_terms_of_its_scheme() {
    let plain = with_channel();
    let mut corrective = with_channel();
    corrective.channel.as_mut().unwrap().state = Some(state());
    let accepted = terms_of(&plain, Scheme::BatchSettlement);
    let corrected = terms_of(&corrective, Scheme::BatchSettlement);
    // Where the channel stands changes between asking and paying.
    assert_ne!(accepted, corrected);
    assert_eq!(check_accepted(&accepted, &corrected), Ok(()));
    assert_eq!(check_accepted(&corrected, &accepted), Ok(()));
    assert_eq!(check_echo(&accepted, &corrective), Ok(()));
    assert_eq!(check_echo(&corrected, &plain), Ok(()));
    let exact = terms_of(&plain, Scheme::Exact);
    assert_eq!(check_accepted(&exact, &accepted).unwrap_err().field, "scheme");
    assert_eq!(check_echo(&exact, &by_the_second(None)).unwrap_err().field, "scheme");
    assert_eq!(check_echo(&accepted, &challenge()).unwrap_err().field, "scheme");
    let mut dearer = accepted.clone();
    dearer.extra.insert("depositMin".to_owned(), json!("1"));
    assert_eq!(check_echo(&dearer, &plain).unwrap_err().field, "extra.depositMin");
    dearer.extra.remove("depositMin");
    assert_eq!(check_echo(&dearer, &plain).unwrap_err().field, "extra.depositMin");
}

#[test]
fn answers_of_channels_stand_as_documented_and_come_back() {
    let payer = AccountId::new(5).unwrap();
    let state = ChannelState { voucher: None, ..state() };
    let charged = ChannelSettlement {
        payer,
        network: challenge().network,
        charged: amount(2_000_000),
        state: PaymentState::Settled,
        channel: state.clone(),
        refunded: None,
    };
    let closed = ChannelSettlement {
        charged: amount(0),
        channel: ChannelState { closes_at_ms: Some(1_800_000_000_000), ..state },
        refunded: Some(amount(96_000_000)),
        ..charged.clone()
    };
    for (settlement, units, more) in [
        (charged, "2000000", json!({"remaining": "96000000"})),
        (closed, "0", json!({"remaining": "96000000", "refundedAmount": "96000000"})),
    ] {
        let closes_at_ms = settlement.channel.closes_at_ms;
        let response = SettleResponse::Channel(Box::new(settlement));
        let header = encode_settle_response(&response).unwrap();
        let mut expected = json!({
            "success": true, "payer": payer, "transaction": "", "amount": units,
            "network": "farthing:00000000000000000000000c1s",
            "extra": {"asset": "USD", "scale": 9, "state": "settled", "chargedAmount": units,
                "channelState": {"channelId": CHANNEL, "deposit": "100000000",
                    "accepted": "6000000", "spent": "4000000", "sequence": 3, "tickIndex": 0}},
        });
        if let Some(at) = closes_at_ms {
            expected["extra"]["channelState"]["closesAtMs"] = json!(at);
        }
        let more = more.as_object().unwrap().clone();
        expected["extra"].as_object_mut().unwrap().extend(more);
        assert_eq!(serde_json::from_str::<Value>(&unbase64(&header)).unwrap(), expected);
        assert_eq!(SettleResponse::decode_header(&header), Ok(response));
    }
}

#[test]
fn largest_challenge_stays_below_eight_kilobytes() {
    let mut challenge = by_the_second(Some(u64::MAX));
    let metered = challenge.metered.as_mut().unwrap();
    metered.tiers = Some("0.00005 USD from 100, 0.00001 USD from 1000 seconds on".to_owned());
    challenge.splits = Some("author 80 %, editor 15 %, platform 5 %".to_owned());
    challenge.channel.as_mut().unwrap().state = Some(state());
    let message = payment_required(&challenge, Some("voucher_above_deposit"));
    let header = message.encode_header().unwrap();
    assert!(header.len() < 8 * 1024 / 2, "{} bytes", header.len());
}
