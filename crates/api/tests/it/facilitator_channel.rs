//! `batch-settlement` at the facilitator: channels opened, paid from, topped up and closed by
//! sellers' software.

use engine::{Begun, Present, PresentMode, Proof};
use http402::x402::{Payment, PaymentRequirements, Scheme, accepts};
use http402::{Challenge, ChannelOffer, Dialect, Instrument};
use instrument::channel::{ChannelTerms, Close, SignedVoucher, TickLink, TopUp, Voucher};
use instrument::{KeyPair, PurchaseDigest, Signed};
use money::{AccountId, Amount, ChannelId, NodeId};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::world::{Answer, FUNDED, GATEWAY, PRICE, START_MS, World, key, usd};

const DEPOSIT: u128 = 10 * PRICE;
const DELAY_SECONDS: u32 = 60;

fn offer(world: &World) -> Challenge {
    let units = |units| Amount::new(units, usd());
    let channel = ChannelOffer {
        start: units(PRICE),
        deposit_min: units(2 * PRICE),
        deposit_suggested: units(DEPOSIT),
        close_delay_seconds: DELAY_SECONDS,
        state: None,
    };
    Challenge { channel: Some(channel), ..world.challenge() }
}

fn terms_of(challenge: &Challenge) -> PaymentRequirements {
    let mut all = accepts(challenge).into_iter();
    all.find(|terms| terms.scheme == Scheme::BatchSettlement).unwrap()
}

/// A request that charges `charged` of what the instrument allows.
fn asks(world: &World, instrument: &Instrument, charged: u128) -> Value {
    let offered = terms_of(&offer(world));
    let payment = Payment {
        dialect: Dialect::X402V2,
        accepted: &offered,
        instrument,
        resource_url: None,
        extensions: None,
    };
    let asked = PaymentRequirements { amount: Amount::new(charged, usd()), ..offered.clone() };
    json!({"x402Version": 2, "paymentPayload": payment, "paymentRequirements": asked})
}

fn terms(world: &World) -> ChannelTerms {
    ChannelTerms {
        node: world.engine.node(),
        salt: [9; 16],
        payer: world.payer_account(),
        signer: world.payer.public(),
        voucher_key: world.payer.public(),
        payee: world.payee,
        deposit: Amount::new(DEPOSIT, usd()),
        tick_root: TickLink([0; 16]),
        tick_units: 0,
        tick_count: 0,
        close_delay_seconds: DELAY_SECONDS,
        expires_at_ms: START_MS + 86_400_000,
        mandate: None,
    }
}

fn channel(world: &World) -> ChannelId {
    terms(world).channel()
}

fn signed(channel: ChannelId, sequence: u64, cumulative: u128, signer: &KeyPair) -> SignedVoucher {
    Signed::sign(Voucher { channel, sequence, cumulative }, signer)
}

fn voucher(world: &World, sequence: u64, cumulative: u128) -> Instrument {
    Instrument::Voucher(signed(channel(world), sequence, cumulative, &world.payer))
}

fn opens(world: &World, terms: ChannelTerms, cumulative: u128) -> Instrument {
    let voucher = signed(terms.channel(), 1, cumulative, &world.payer);
    Instrument::Open { terms: Box::new(Signed::sign(terms, &world.payer)), voucher }
}

fn raises(world: &World, deposit: u128, voucher: Option<(u64, u128)>) -> Instrument {
    let top_up = TopUp { channel: channel(world), deposit };
    Instrument::TopUp {
        top_up: Signed::sign(top_up, &world.payer),
        voucher: voucher.map(|(number, total)| signed(channel(world), number, total, &world.payer)),
    }
}

fn closes(world: &World, cumulative: u128) -> Instrument {
    Instrument::Close(Signed::sign(Close { channel: channel(world), cumulative }, &world.payer))
}

/// A world in which the channel is open and has paid once.
async fn opened() -> World {
    let world = World::new().await;
    let body = asks(&world, &opens(&world, terms(&world), PRICE), PRICE);
    assert_eq!(world.post("/verify", &body).await.json["isValid"], true);
    assert_eq!(world.held().await, 0, "verifying committed something");
    settled(&world.post("/settle", &body).await, PRICE, PRICE);
    assert_eq!(world.held().await, DEPOSIT);
    world
}

/// Requires that a charge succeeded and that so much is spent now.
fn settled(answer: &Answer, charged: u128, spent: u128) {
    assert_eq!(answer.json["success"], true, "{answer:?}");
    assert_eq!(answer.json["transaction"], "");
    assert_eq!(answer.json["amount"], charged.to_string(), "{answer:?}");
    assert_eq!(answer.json["extra"]["chargedAmount"], charged.to_string());
    assert_eq!(answer.json["extra"]["channelState"]["spent"], spent.to_string(), "{answer:?}");
}

/// Requires that both calls refuse for a reason and change nothing.
async fn refused(world: &World, body: &Value, reason: &str) -> Value {
    let before = state(world).await;
    let verified = world.post("/verify", body).await;
    assert_eq!(verified.json["isValid"], false, "{verified:?} for {body}");
    assert_eq!(verified.json["invalidReason"], reason, "{verified:?} for {body}");
    let settled = world.post("/settle", body).await;
    assert_eq!(settled.json["success"], false, "{settled:?} for {body}");
    assert_eq!(settled.json["errorReason"], reason, "{settled:?} for {body}");
    assert_eq!(state(world).await, before, "{body}");
    verified.json
}

async fn state(world: &World) -> (Option<(u128, u128, u128, u64)>, u128) {
    let id = channel(world);
    let view = world.engine.read(move |state| state.channel(id)).await.unwrap();
    let view = view.map(|view| (view.deposit, view.accepted, view.spent, view.sequence));
    (view, world.held().await)
}

#[tokio::test]
async fn a_channel_opens_pays_tops_up_and_closes() {
    let world = opened().await;
    let second = asks(&world, &voucher(&world, 2, 2 * PRICE), PRICE);
    assert_eq!(world.post("/verify", &second).await.json["isValid"], true);
    settled(&world.post("/settle", &second).await, PRICE, 2 * PRICE);
    let raised = asks(&world, &raises(&world, 2 * DEPOSIT, Some((3, 11 * PRICE))), PRICE);
    assert_eq!(world.post("/verify", &raised).await.json["isValid"], true);
    settled(&world.post("/settle", &raised).await, PRICE, 3 * PRICE);
    assert_eq!(world.held().await, 2 * DEPOSIT);
    let alone = asks(&world, &raises(&world, 3 * DEPOSIT, None), PRICE);
    assert_eq!(world.post("/verify", &alone).await.json["isValid"], true);
    settled(&world.post("/settle", &alone).await, 0, 3 * PRICE);
    let refund = asks(&world, &closes(&world, 3 * PRICE), PRICE);
    assert_eq!(world.post("/verify", &refund).await.json["isValid"], true);
    let bearer = format!("Bearer {GATEWAY}");
    let closed = world.post_with("/settle", &[("authorization", &bearer)], &refund).await;
    settled(&closed, 0, 3 * PRICE);
    assert_eq!(closed.json["extra"]["refundedAmount"], (3 * DEPOSIT - 3 * PRICE).to_string());
    assert_eq!((world.moved().await, world.held().await), (3 * PRICE, 0));
}

#[tokio::test]
async fn it_charges_what_was_used_and_never_more_than_the_offer() {
    let world = opened().await;
    let mut spent = PRICE;
    for (number, charged) in [(2, 0), (3, 1), (4, PRICE)] {
        let body = asks(&world, &voucher(&world, number, spent + PRICE), charged);
        assert_eq!(world.post("/verify", &body).await.json["isValid"], true);
        spent += charged;
        settled(&world.post("/settle", &body).await, charged, spent);
    }
    let body = asks(&world, &voucher(&world, 5, DEPOSIT), PRICE + 1);
    refused(&world, &body, "amount_above_maximum").await;
}

#[tokio::test]
async fn a_refund_of_a_stranger_waits_for_the_delay() {
    let world = opened().await;
    let refund = asks(&world, &closes(&world, PRICE), PRICE);
    let asked = world.post("/settle", &refund).await;
    settled(&asked, 0, PRICE);
    assert_eq!(asked.json["extra"].get("refundedAmount"), None);
    let closes_at = START_MS + u64::from(DELAY_SECONDS) * 1000;
    assert_eq!(asked.json["extra"]["channelState"]["closesAtMs"], closes_at);
    assert_eq!(world.held().await, DEPOSIT);
    let late = asks(&world, &voucher(&world, 2, 2 * PRICE), PRICE);
    refused(&world, &late, "channel_closing").await;
}

/// The name of a call whose caller hung up between its two steps stands for no payment, even if the
/// voucher's number became durable because another voucher came meanwhile.
#[tokio::test]
async fn a_call_that_ended_before_it_charged_is_no_settlement() {
    let world = opened().await;
    let requirements =
        PaymentRequirements { amount: Amount::new(PRICE, usd()), ..terms_of(&offer(&world)) };
    let purchase = Sha256::new()
        .chain_update(b"farthing/facilitator/channel/1")
        .chain_update(Sha256::digest(serde_json::to_vec(&requirements).unwrap()))
        .chain_update("one")
        .finalize();
    let present = Present {
        proof: Proof::Voucher(signed(channel(&world), 2, 2 * PRICE, &world.payer)),
        purchase: PurchaseDigest(purchase.into()),
        pay_to: world.payee,
        split: None,
        start: Amount::new(PRICE, usd()),
        unit_price: None,
        mode: PresentMode::Lease,
        lease_seconds: 30,
        origin: None,
    };
    let begun = world.engine.present(present).await.unwrap();
    let Begun::Proceed { lease, .. } = begun else { panic!("{begun:?}") };
    let next = Proof::Voucher(signed(channel(&world), 3, 2 * PRICE, &world.payer));
    world.engine.accept(next).await.unwrap();
    world.engine.give_up(channel(&world), lease, None).await.unwrap();
    let body = asks(&world, &voucher(&world, 2, 2 * PRICE), PRICE);
    let answer = world.post_with("/settle", &[("idempotency-key", "one")], &body).await;
    assert_eq!(answer.json["success"], false, "{answer:?}");
    assert_eq!(answer.json["errorReason"], "duplicate_settlement", "{answer:?}");
    assert_eq!(state(&world).await.0, Some((DEPOSIT, 2 * PRICE, PRICE, 3)));
}

#[tokio::test]
async fn a_voucher_charges_once_and_its_name_answers_again() {
    let world = opened().await;
    let body = asks(&world, &voucher(&world, 2, 2 * PRICE), PRICE);
    let named: &[(&str, &str)] = &[("idempotency-key", "one")];
    for _ in 0..2 {
        settled(&world.post_with("/settle", named, &body).await, PRICE, 2 * PRICE);
    }
    let other = world.post_with("/settle", &[("idempotency-key", "two")], &body).await;
    assert_eq!(other.json["errorReason"], "voucher_reused", "{other:?}");
    let unnamed = asks(&world, &voucher(&world, 3, 3 * PRICE), PRICE);
    settled(&world.post("/settle", &unnamed).await, PRICE, 3 * PRICE);
    refused(&world, &unnamed, "duplicate_settlement").await;
    let other = asks(&world, &voucher(&world, 3, 3 * PRICE), 1);
    let answer = world.post("/settle", &other).await;
    assert_eq!(answer.json["errorReason"], "voucher_reused", "{answer:?}");
    assert_eq!(state(&world).await.0, Some((DEPOSIT, 3 * PRICE, 3 * PRICE, 3)));
}

#[tokio::test]
async fn a_payer_that_has_lost_count_is_told_where_it_stands() {
    let world = opened().await;
    let second = asks(&world, &voucher(&world, 7, 3 * PRICE), PRICE);
    settled(&world.post("/settle", &second).await, PRICE, 2 * PRICE);
    let shown = signed(channel(&world), 7, 3 * PRICE, &world.payer);
    for (number, total, reason) in [
        (6, 4 * PRICE, "voucher_stale"),
        (8, PRICE, "voucher_lower"),
        (8, DEPOSIT + 1, "voucher_above_deposit"),
    ] {
        let body = asks(&world, &voucher(&world, number, total), PRICE);
        let answer = refused(&world, &body, reason).await;
        for extra in [&answer["extra"], &answer["extensions"]["batch-settlement"]] {
            assert_eq!(extra["channelState"]["spent"], (2 * PRICE).to_string());
            assert_eq!(extra["channelState"]["sequence"], 7);
            assert_eq!(extra["voucherState"]["maxClaimableAmount"], (3 * PRICE).to_string());
            let signature = crate::world::base64(shown.signature().0);
            assert_eq!(extra["voucherState"]["signature"], signature);
        }
    }
}

#[tokio::test]
async fn too_little_left_is_told_before_the_work() {
    let world = opened().await;
    let body = asks(&world, &voucher(&world, 2, 2 * PRICE - 1), PRICE);
    let verified = world.post("/verify", &body).await;
    assert_eq!(verified.json["invalidReason"], "channel_exhausted", "{verified:?}");
    let settled = world.post("/settle", &body).await;
    assert_eq!(settled.json["errorReason"], "channel_exhausted", "{settled:?}");
    assert_eq!(state(&world).await.0.unwrap().2, PRICE);
}

#[tokio::test]
async fn bad_openings_are_refused() {
    let world = World::new().await;
    let good = terms(&world);
    let elsewhere = NodeId::new(5).unwrap();
    let less = |units| Amount::new(units, usd());
    for (terms, cumulative, reason) in [
        (ChannelTerms { node: elsewhere, ..good }, PRICE, "channel_wrong_node"),
        (ChannelTerms { payee: AccountId::new(78).unwrap(), ..good }, PRICE, "channel_wrong_payee"),
        (ChannelTerms { deposit: less(2 * PRICE - 1), ..good }, PRICE, "deposit_below_minimum"),
        (ChannelTerms { close_delay_seconds: 59, ..good }, PRICE, "channel_terms"),
        (ChannelTerms { expires_at_ms: START_MS, ..good }, PRICE, "channel_terms"),
        (ChannelTerms { deposit: less(FUNDED + 1), ..good }, PRICE, "insufficient_funds"),
    ] {
        let body = asks(&world, &opens(&world, terms, cumulative), PRICE);
        refused(&world, &body, reason).await;
    }
    let Instrument::Open { terms, voucher } = opens(&world, good, PRICE) else { unreachable!() };
    let forged = Box::new(Signed::sign(good, &key(8)));
    let body = asks(&world, &Instrument::Open { terms: forged, voucher }, PRICE);
    refused(&world, &body, "terms_signature").await;
    let other = signed(ChannelId::new(5).unwrap(), 1, PRICE, &world.payer);
    let body = asks(&world, &Instrument::Open { terms, voucher: other }, PRICE);
    refused(&world, &body, "voucher_wrong_channel").await;
}

#[tokio::test]
async fn bad_vouchers_are_refused() {
    let world = opened().await;
    let forged = signed(channel(&world), 2, 2 * PRICE, &key(8));
    refused(&world, &asks(&world, &Instrument::Voucher(forged), PRICE), "voucher_signature").await;
    let unknown = signed(ChannelId::new(5).unwrap(), 2, 2 * PRICE, &world.payer);
    refused(&world, &asks(&world, &Instrument::Voucher(unknown), PRICE), "channel_unknown").await;
    let lower = asks(&world, &raises(&world, DEPOSIT - 1, None), PRICE);
    refused(&world, &lower, "top_up_lower").await;
    let poor = asks(&world, &raises(&world, 2 * FUNDED, None), PRICE);
    refused(&world, &poor, "insufficient_funds").await;
    let top_up = TopUp { channel: channel(&world), deposit: 2 * DEPOSIT };
    let forged = Instrument::TopUp { top_up: Signed::sign(top_up, &key(8)), voucher: None };
    let answer = world.post("/settle", &asks(&world, &forged, PRICE)).await;
    assert_eq!(answer.json["errorReason"], "top_up_signature", "{answer:?}");
    let close = Close { channel: channel(&world), cumulative: PRICE };
    let forged = Instrument::Close(Signed::sign(close, &key(8)));
    let answer = world.post("/settle", &asks(&world, &forged, PRICE)).await;
    assert_eq!(answer.json["errorReason"], "close_signature", "{answer:?}");
    assert_eq!(state(&world).await.0, Some((DEPOSIT, PRICE, PRICE, 1)));
}

/// What a voucher allows goes to its channel's payee, whoever asks.
#[tokio::test]
async fn another_seller_gets_nothing_of_a_voucher() {
    let world = opened().await;
    let mut body = asks(&world, &voucher(&world, 2, 2 * PRICE), PRICE);
    let thief = AccountId::new(78).unwrap().to_string();
    for place in ["/paymentPayload/accepted/payTo", "/paymentRequirements/payTo"] {
        *body.pointer_mut(place).unwrap() = json!(thief);
    }
    refused(&world, &body, "channel_wrong_payee").await;
    let mut order = asks(&world, &voucher(&world, 2, 2 * PRICE), PRICE);
    order["paymentPayload"]["accepted"]["scheme"] = json!("exact");
    order["paymentRequirements"]["scheme"] = json!("exact");
    refused(&world, &order, "invalid_payload").await;
}
