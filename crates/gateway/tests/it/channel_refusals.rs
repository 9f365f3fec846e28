//! What is refused of payments from channels: each by its name, in each dialect, with a challenge
//! that can be paid, and for nothing.

use engine::Engine;
use http402::{Dialect, Instrument};
use instrument::Signed;
use instrument::channel::{Close, Voucher};
use instrument::{KeyPair, PublicKey};
use money::{Amount, Asset, NodeId};
use serde_json::{Value, json};

use crate::books::{account, encode, usd};
use crate::channels::{charged, corrected};
use crate::client::{Got, Wanted};
use crate::dialects::offered;
use crate::purse::{BOTH, CLOSE_DELAY_SECONDS, DEPOSIT, Purse, header};
use crate::shop::{CHEAP, Shop};
use http402::mpp::Intent;

/// What is expected of a refusal.
struct Refused {
    name: &'static str,
    instrument: Instrument,
    code: &'static str,
    /// The problem type in MPP, behind the base.
    kind: &'static str,
    /// The challenge says where the channel stands.
    corrects: bool,
}

fn refused(
    name: &'static str,
    instrument: Instrument,
    code: &'static str,
    kind: &'static str,
    corrects: bool,
) -> Refused {
    Refused { name, instrument, code, kind, corrects }
}

/// Gone is gone in MPP, and to be paid anew in x402.
fn status(dialect: Dialect, code: &str) -> u16 {
    let gone = matches!(code, "channel_unknown" | "channel_closed");
    if dialect == Dialect::Mpp && gone { 410 } else { 402 }
}

fn assert_refused(dialect: Dialect, case: &Refused, got: &Got, purse: &Purse) {
    let Refused { name, code, kind, corrects, .. } = case;
    let expected = (status(dialect, code), *code);
    assert_eq!((got.status, got.code().as_str()), expected, "{name} in {dialect:?}: {got:?}");
    assert_eq!(got.json()["charged"], false, "{name}");
    assert_eq!(got.header("cache-control"), "no-store", "{name}");
    assert!(got.header("farthing-payment").starts_with("ch_"), "{name}: {got:?}");
    if dialect == Dialect::Mpp {
        let kind = format!("https://paymentauth.org/problems/{kind}");
        assert_eq!(got.json()["type"], kind.as_str(), "{name}");
        // Whatever the status, there is a challenge to go on with.
        let offered = offered(got, Intent::Session);
        let http402::mpp::Terms::Session(terms) = &offered.terms else { panic!("{name}") };
        assert_eq!(terms.channel.is_some(), *corrects, "{name}");
    } else {
        let state = corrected(got);
        assert_eq!(state.is_some(), *corrects, "{name}: {state:?}");
        if let Some(state) = state {
            assert_eq!(state.channel, purse.id(), "{name}");
            let voucher = state.voucher.unwrap();
            // The payer can check that it signed this itself.
            purse
                .voucher_key
                .public()
                .verify(&instrument::Statement::to_bytes(voucher.unverified()), voucher.signature())
                .unwrap();
        }
        // Payers' software reads the state in the challenge only if no settlement is told.
        match got.settle_response() {
            None => assert!(*corrects, "{name}: {got:?}"),
            Some(http402::x402::SettleResponse::Failure(failure)) => {
                assert_eq!((failure.reason.as_str(), *corrects), (*code, false), "{name}");
            }
            Some(settled) => panic!("{name}: {settled:?}"),
        }
    }
}

fn bent(mut instrument: Instrument) -> Instrument {
    let bend = |voucher: &mut Signed<Voucher>| {
        let mut signature = voucher.signature().0;
        signature[5] ^= 1;
        let bytes = instrument::Statement::to_bytes(voucher.unverified());
        *voucher = Signed::from_parts(&bytes, &signature).unwrap();
    };
    match &mut instrument {
        Instrument::Open { voucher, .. } | Instrument::Voucher(voucher) => bend(voucher),
        _ => panic!("no voucher"),
    }
    instrument
}

fn forged_close(purse: &Purse) -> Instrument {
    let close = Close { channel: purse.id(), cumulative: CHEAP };
    Instrument::Close(Signed::sign(close, &KeyPair::from_seed(&[9; 32])))
}

/// What does not fit a channel that has spent its vouchers 1 and 2.
fn misfits(dialect: Dialect, purse: &Purse, stranger: &Purse) -> Vec<Refused> {
    let voucher = |sequence, total| Instrument::Voucher(purse.voucher(sequence, total));
    let above = purse.top_up(DEPOSIT + 1, Some(purse.voucher(3, DEPOSIT + 2)));
    let other = purse.top_up(DEPOSIT + 2, Some(stranger.voucher(1, CHEAP)));
    let (delta, balance) = ("session/delta-too-small", "session/insufficient-balance");
    let (signature, none) = ("session/invalid-signature", "verification-failed");
    let deposit = "session/amount-exceeds-deposit";
    // MPP names one channel only: a voucher of another is badly signed for this one.
    let crossed = match dialect {
        Dialect::Mpp => ("voucher_signature", signature),
        _ => ("voucher_wrong_channel", none),
    };
    vec![
        refused("above the hold", voucher(3, DEPOSIT + 1), "voucher_above_deposit", deposit, true),
        refused("far above", voucher(3, u128::MAX), "voucher_above_deposit", deposit, true),
        refused("above a top-up", above, "voucher_above_deposit", deposit, true),
        refused("below the last", voucher(3, CHEAP), "voucher_lower", delta, true),
        refused("stale", voucher(1, CHEAP), "voucher_stale", delta, true),
        refused("no number", voucher(0, 5 * CHEAP), "voucher_stale", delta, true),
        refused("nothing added", voucher(3, 2 * CHEAP), "channel_exhausted", balance, true),
        refused("too little", voucher(3, 3 * CHEAP - 1), "channel_exhausted", balance, true),
        refused("bent", bent(voucher(3, 3 * CHEAP)), "voucher_signature", signature, false),
        refused(
            "unknown",
            Instrument::Voucher(stranger.pay(CHEAP)),
            "channel_unknown",
            "session/channel-not-found",
            false,
        ),
        refused("another's voucher", other, crossed.0, crossed.1, false),
        refused("less deposit", purse.top_up(DEPOSIT - 1, None), "top_up_lower", none, true),
        refused(
            "no money",
            purse.top_up(u128::MAX / 2, None),
            "insufficient_funds",
            "payment-insufficient",
            false,
        ),
        refused("not the key", forged_close(purse), "close_signature", signature, false),
    ]
}

#[tokio::test]
async fn what_does_not_fit_an_open_channel_is_refused_by_name() {
    for dialect in BOTH {
        let shop = Shop::open().await;
        let purse = shop.opened(dialect, 1).await;
        let stranger = Purse::new(&shop.books, 2);
        // Two vouchers that count: 1 and 2; the channel has spent both.
        let second = Instrument::Voucher(purse.pay(CHEAP));
        let wanted = Wanted::get("/cheap/2");
        assert_eq!(shop.pay_from_channel(dialect, &wanted, &second).await.status, 200);
        let cases = misfits(dialect, &purse, &stranger);
        let before = shop.channel_view(purse.id()).await;
        for case in cases {
            let deposit = shop.channel_view(purse.id()).await.deposit;
            let got =
                shop.pay_from_channel(dialect, &Wanted::get("/cheap/3"), &case.instrument).await;
            assert_refused(dialect, &case, &got, &purse);
            let now = shop.channel_view(purse.id()).await;
            assert_eq!(
                (now.spent, now.accepted >= now.spent),
                (before.spent, true),
                "{}",
                case.name
            );
            assert!(now.deposit >= deposit, "{}", case.name);
        }
        // The same voucher for something else.
        let voucher = |sequence, total| Instrument::Voucher(purse.voucher(sequence, total));
        let again = voucher(2, 2 * CHEAP);
        let got = shop.pay_from_channel(dialect, &Wanted::get("/cheap/9"), &again).await;
        let case = refused("reused", again, "voucher_reused", "verification-failed", true);
        assert_refused(dialect, &case, &got, &purse);
        assert_eq!(shop.upstream.count(), 2);
        // All this has cost nothing, and the channel is as good as before.
        let next = voucher(9, 9 * CHEAP);
        let got = shop.pay_from_channel(dialect, &Wanted::get("/cheap/3"), &next).await;
        assert_eq!((got.status, charged(dialect, &got).1.spent), (200, 3 * CHEAP), "{got:?}");
    }
}

#[tokio::test]
async fn ticks_that_do_not_fit_are_refused_by_name() {
    let shop = Shop::open().await;
    let purse = shop.opened(Dialect::Mpp, 1).await;
    let wanted = Wanted::get("/cheap/2");
    assert_eq!(shop.pay_from_channel(Dialect::Mpp, &wanted, &purse.tick(200)).await.status, 200);
    let (signature, none) = ("session/invalid-signature", "verification-failed");
    let cases = [
        refused("older", purse.tick(199), "tick_stale", "session/delta-too-small", true),
        refused("wrong", purse.wrong_tick(201), "tick_invalid", signature, false),
        refused("far", purse.tick(200 + 4_097), "tick_jump", none, true),
        refused(
            "beyond",
            purse.wrong_tick(10_001),
            "tick_beyond_end",
            "session/amount-exceeds-deposit",
            true,
        ),
        refused(
            "not enough",
            purse.tick(201),
            "channel_exhausted",
            "session/insufficient-balance",
            true,
        ),
    ];
    for case in cases {
        let got =
            shop.pay_from_channel(Dialect::Mpp, &Wanted::get("/cheap/3"), &case.instrument).await;
        assert_refused(Dialect::Mpp, &case, &got, &purse);
    }
    // A link that is cut short is no tick.
    let asked = shop.send(&wanted).await;
    let (_, value) = header(Dialect::Mpp, &asked, &purse.tick(400));
    let text = value.strip_prefix("Payment ").unwrap();
    let mut json = unwrapped(text);
    let tick = crate::books::decode(json["payload"]["tick"].as_str().unwrap());
    json["payload"]["tick"] = encode(&tick[..tick.len() - 1]).into();
    let got = shop.send(&wanted.clone().with("authorization", &wrapped(&json))).await;
    assert_eq!((got.status, got.code().as_str()), (402, "invalid_payload"), "{got:?}");
    assert_eq!(shop.upstream.count(), 2);
    assert_eq!(shop.channel_view(purse.id()).await.spent, 2 * CHEAP);
}

fn unwrapped(text: &str) -> Value {
    let text = text.replace('-', "+").replace('_', "/");
    let padding = "=".repeat((4 - text.len() % 4) % 4);
    serde_json::from_slice(&crate::books::decode(&(text + &padding))).unwrap()
}

fn wrapped(json: &Value) -> String {
    let text = encode(json.to_string()).replace('+', "-").replace('/', "_");
    format!("Payment {}", text.trim_end_matches('='))
}

#[tokio::test]
async fn channels_that_do_not_fit_the_offer_are_not_opened() {
    for dialect in BOTH {
        let shop = Shop::open().await;
        let books = &shop.books;
        let other = Asset::new("XTS", 9).unwrap();
        // A point of small order, and bytes that are no point.
        let (small, none) = ([[1_u8].as_slice(), &[0; 31]].concat(), vec![2; 32]);
        let key = |bytes: &[u8]| PublicKey(bytes.try_into().unwrap());
        let make = |salt: u8, change: &dyn Fn(&mut instrument::channel::ChannelTerms)| {
            Purse::with(books, salt, change)
        };
        let cases = [
            ("node", make(1, &|t| t.node = NodeId::new(78).unwrap()), "channel_wrong_node"),
            ("payee", make(2, &|t| t.payee = account(1002)), "channel_wrong_payee"),
            ("asset", make(3, &|t| t.deposit = Amount::new(DEPOSIT, other)), "channel_wrong_asset"),
            (
                "small",
                make(4, &|t| t.deposit = Amount::new(CHEAP - 1, usd())),
                "deposit_below_minimum",
            ),
            ("none", make(5, &|t| t.deposit = Amount::new(0, usd())), "deposit_below_minimum"),
            (
                "delay",
                make(6, &|t| t.close_delay_seconds = CLOSE_DELAY_SECONDS - 1),
                "channel_terms",
            ),
            ("long delay", make(7, &|t| t.close_delay_seconds = u32::MAX), "channel_terms"),
            ("over", make(8, &|t| t.expires_at_ms = 1), "channel_terms"),
            ("for ever", make(9, &|t| t.expires_at_ms = u64::MAX), "channel_terms"),
            ("small order", make(10, &|t| t.voucher_key = key(&small)), "channel_terms"),
            ("no point", make(11, &|t| t.voucher_key = key(&none)), "channel_terms"),
            ("half a chain", make(12, &|t| t.tick_count = 0), "channel_terms"),
            (
                "rich",
                make(13, &|t| t.deposit = Amount::new(u128::MAX, usd())),
                "insufficient_funds",
            ),
            ("signer", make(14, &|t| t.signer = key(&small)), "terms_signature"),
            ("thief", make(15, &|t| t.payer = account(1002)), "signer_is_not_payer"),
        ];
        for (name, purse, code) in cases {
            let open = purse.open(purse.pay(CHEAP));
            let got = shop.pay_from_channel(dialect, &Wanted::get("/cheap/1"), &open).await;
            assert_eq!((got.status, got.code().as_str()), (402, code), "{name}: {got:?}");
            assert!(got.header("farthing-payment").starts_with("ch_"), "{name}");
            assert!(!exists(&books.engine, &purse).await, "{name}");
        }
        // Good terms with a voucher that is not: the channel is there, nothing is bought.
        let purse = Purse::new(books, 20);
        let other = Purse::new(books, 21);
        let crossed = purse.open(other.pay(CHEAP));
        let got = shop.pay_from_channel(dialect, &Wanted::get("/cheap/1"), &crossed).await;
        if dialect == Dialect::X402V2 {
            assert_eq!((got.status, got.code().as_str()), (402, "voucher_wrong_channel"));
        } else {
            // MPP names no channel beside the terms: the signature is for another one.
            assert_eq!((got.status, got.code().as_str()), (402, "voucher_signature"));
        }
        let bad = bent(purse.open(purse.pay(CHEAP)));
        let got = shop.pay_from_channel(dialect, &Wanted::get("/cheap/1"), &bad).await;
        assert_eq!((got.status, got.code().as_str()), (402, "voucher_signature"));
        assert_eq!(shop.upstream.count(), 0);
        assert_eq!(shop.channel_view(purse.id()).await.spent, 0);
        let close = shop.pay_from_channel(dialect, &Wanted::get("/cheap/1"), &purse.close(0)).await;
        assert_eq!(close.status, 200, "{close:?}");
        books.assert_paid(0).await;
    }
}

async fn exists(engine: &Engine, purse: &Purse) -> bool {
    let id = purse.id();
    engine.read(move |state| state.channel(id)).await.unwrap().is_some()
}

#[tokio::test]
async fn a_closed_channel_pays_no_more() {
    for dialect in BOTH {
        let shop = Shop::open().await;
        let purse = shop.opened(dialect, 1).await;
        let wanted = Wanted::get("/cheap/2");
        assert_eq!(shop.pay_from_channel(dialect, &wanted, &purse.close(CHEAP)).await.status, 200);
        let voucher = Instrument::Voucher(purse.pay(CHEAP));
        let (gone, cases) = (
            "session/channel-finalized",
            [
                ("voucher", voucher),
                ("top-up", purse.top_up(2 * DEPOSIT, None)),
                ("tick", purse.tick(500)),
            ],
        );
        for (name, instrument) in cases {
            if dialect == Dialect::X402V2 && name == "tick" {
                continue;
            }
            let got = shop.pay_from_channel(dialect, &wanted, &instrument).await;
            let case = refused(name, instrument, "channel_closed", gone, true);
            assert_refused(dialect, &case, &got, &purse);
        }
        // A first payment that is presented again after the end opens nothing twice.
        let reopen = purse.open(purse.voucher(1, CHEAP));
        let got = shop.pay_from_channel(dialect, &wanted, &reopen).await;
        assert_ne!(got.status, 200, "{got:?}");
        assert_eq!(shop.upstream.count(), 1);
        shop.books.assert_paid(CHEAP).await;
    }
}

/// A gateway agrees to close channels of its own payees only.
#[tokio::test]
async fn a_channel_of_another_payee_is_not_closed_here() {
    let shop = Shop::open().await;
    let purse = Purse::with(&shop.books, 1, |terms| terms.payee = account(1002));
    let terms = Signed::sign(purse.terms, &shop.books.payer.key).verify().unwrap();
    let (description, tags) = (String::new(), engine::Tags::default());
    let open = engine::OpenChannel { terms, split: None, description, origin: None, tags };
    shop.books.engine.open_channel(open).await.unwrap();
    for dialect in BOTH {
        let wanted = Wanted::get("/cheap/1");
        for (instrument, code) in [
            (purse.close(0), "channel_wrong_payee"),
            (Instrument::Voucher(purse.pay(CHEAP)), "channel_wrong_payee"),
        ] {
            let got = shop.pay_from_channel(dialect, &wanted, &instrument).await;
            assert_eq!((got.status, got.code().as_str()), (402, code), "{got:?}");
            let state = corrected(&got);
            assert!(state.is_none(), "what stands between others is not told: {state:?}");
        }
    }
    assert_eq!(shop.books.held().await, DEPOSIT);
}

#[tokio::test]
async fn the_credential_of_one_resource_is_refused_at_another() {
    let shop = Shop::open().await;
    let purse = shop.opened(Dialect::Mpp, 1).await;
    for dialect in BOTH {
        let voucher = Instrument::Voucher(purse.pay(CHEAP));
        let here = shop.send(&Wanted::get("/cheap/2")).await;
        let elsewhere = Wanted::get("/dear/2").paid(&header(dialect, &here, &voucher));
        let got = shop.send(&elsewhere).await;
        let code = if dialect == Dialect::Mpp {
            "challenge_scope"
        } else {
            "invalid_payment_requirements"
        };
        assert_eq!((got.status, got.code().as_str()), (402, code), "{got:?}");
        assert_eq!(shop.channel_view(purse.id()).await.spent, CHEAP);
    }
}

/// Members that are malformed never reach the node, and each has its name.
#[tokio::test]
async fn malformed_payments_from_channels_are_refused() {
    let shop = Shop::open().await;
    let purse = shop.opened(Dialect::X402V2, 1).await;
    let wanted = Wanted::get("/cheap/2");
    let asked = shop.send(&wanted).await;
    let good = header(Dialect::X402V2, &asked, &Instrument::Voucher(purse.pay(CHEAP))).1;
    let good: Value = serde_json::from_slice(&crate::books::decode(&good)).unwrap();
    let cases: [(&str, &[&str], Value); 7] = [
        ("type", &["payload", "type"], "loan".into()),
        ("no voucher", &["payload", "voucher"], Value::Null),
        ("channel", &["payload", "voucher", "channelId"], "ch_1".into()),
        ("number", &["payload", "voucher", "sequence"], (-1).into()),
        ("total", &["payload", "voucher", "maxClaimableAmount"], "1e9".into()),
        ("signature", &["payload", "voucher", "signature"], "AAAA".into()),
        ("shape", &["payload", "voucher"], json!([])),
    ];
    for (name, path, value) in cases {
        let mut json = good.clone();
        let mut at = &mut json;
        for member in path {
            at = &mut at[*member];
        }
        *at = value;
        let header = ("payment-signature".to_owned(), encode(json.to_string()));
        let got = shop.send(&wanted.clone().paid(&header)).await;
        assert_eq!(got.status, 400, "{name}: {got:?}");
        assert!(got.code().starts_with("invalid_"), "{name}: {got:?}");
    }
    assert_eq!(shop.upstream.count(), 1);
    assert_eq!(shop.channel_view(purse.id()).await.spent, CHEAP);
}
