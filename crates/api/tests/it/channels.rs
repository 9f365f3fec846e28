//! Channels over HTTP, as payers work with them.

use http::Method;
use instrument::channel::{ChannelTerms, Close, Tick, TickLink, TopUp, Voucher};
use instrument::{KeyPair, Signed, Statement};
use money::{Amount, ChannelId};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::world::{Answer, FUNDED, START_MS, World, base64, key, request, usd};

pub const DEPOSIT: u128 = 10_000_000;
pub const TICK_UNITS: u128 = 1_000;
const SALT: [u8; 16] = [9; 16];
const TICKS: u32 = 5_000;

/// The key that signs vouchers.
pub fn voucher_key() -> KeyPair {
    key(8)
}

/// The links of the chain, from the root on.
fn links() -> Vec<TickLink> {
    let mut links = vec![TickLink([5; 16])];
    for index in (1..=TICKS).rev() {
        let digest = Sha256::new()
            .chain_update(b"fthtick1")
            .chain_update(SALT)
            .chain_update(index.to_be_bytes())
            .chain_update(links.last().unwrap().0)
            .finalize();
        links.push(TickLink(digest[..16].try_into().unwrap()));
    }
    links.reverse();
    links
}

pub fn tick(index: u32) -> Tick {
    Tick { index, link: links()[index as usize] }
}

pub fn terms(world: &World) -> ChannelTerms {
    ChannelTerms {
        node: world.engine.node(),
        salt: SALT,
        payer: world.payer_account(),
        signer: world.payer.public(),
        voucher_key: voucher_key().public(),
        payee: world.payee,
        deposit: Amount::new(DEPOSIT, usd()),
        tick_root: links()[0],
        tick_units: TICK_UNITS,
        tick_count: TICKS,
        close_delay_seconds: 3600,
        expires_at_ms: START_MS + 24 * 60 * 60 * 1000,
        mandate: None,
    }
}

/// A call's body: the statement under its name and the signature.
pub fn body<T: Statement>(name: &str, signed: &Signed<T>) -> Value {
    json!({name: base64(signed.unverified().to_bytes()), "signature": base64(signed.signature().0)})
}

pub fn voucher(channel: ChannelId, sequence: u64, cumulative: u128) -> Signed<Voucher> {
    Signed::sign(Voucher { channel, sequence, cumulative }, &voucher_key())
}

/// A node with an open channel.
pub async fn opened() -> (World, ChannelId) {
    let world = World::new().await;
    let terms = terms(&world);
    let answer = open(&world, &terms).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    (world, terms.channel())
}

async fn open(world: &World, terms: &ChannelTerms) -> Answer {
    world.post("/v1/channels", &body("terms", &Signed::sign(*terms, &world.payer))).await
}

async fn call(world: &World, channel: ChannelId, call: &str, body: &Value) -> Answer {
    world.post(&format!("/v1/channels/{channel}/{call}"), body).await
}

async fn send_ticks(world: &World, channel: ChannelId, ticks: &[Tick]) -> Answer {
    let bytes: Vec<u8> = ticks.iter().flat_map(Tick::to_bytes).collect();
    let mut request = request(Method::POST, &format!("/v1/channels/{channel}/ticks"), &[], "");
    *request.body_mut() = bytes.into();
    world.send(request).await
}

#[tokio::test]
async fn a_channel_is_opened_paid_topped_up_and_closed() {
    let (world, channel) = opened().await;
    assert_eq!(world.balance(world.payer_account()).await, FUNDED - DEPOSIT);
    let shown = world.get(&format!("/v1/channels/{channel}")).await;
    assert_eq!(shown.status, 200);
    assert_eq!(shown.header("cache-control"), "no-store");
    assert_eq!(shown.header("access-control-allow-origin"), "*");
    assert_eq!(shown.json["channel"], channel.to_string());
    assert_eq!(shown.json["asset"], json!({"code": "USD", "scale": 9}));
    assert_eq!(shown.json["deposit"], DEPOSIT.to_string());
    assert_eq!(shown.json["state"], "open");
    let again = open(&world, &terms(&world)).await;
    assert_eq!((again.status, &again.json), (201, &shown.json));

    let paid = call(&world, channel, "vouchers", &body("voucher", &voucher(channel, 1, 7))).await;
    assert_eq!((paid.status, &paid.json["accepted"]), (200, &json!("7")), "{paid:?}");
    assert_eq!(paid.json["sequence"], 1);
    let ticked = send_ticks(&world, channel, &[tick(1), tick(2)]).await;
    assert_eq!((ticked.status, &ticked.json["accepted"]), (200, &json!("2000")), "{ticked:?}");
    let text = json!({"ticks": base64(tick(3).to_bytes())});
    let path = format!("/v1/channels/{channel}/ticks");
    let json_type = [("content-type", "application/json; charset=utf-8")];
    let ticked = world.post_with(&path, &json_type, &text).await;
    assert_eq!((ticked.status, &ticked.json["tick_index"]), (200, &json!(3)), "{ticked:?}");

    let top_up = Signed::sign(TopUp { channel, deposit: 2 * DEPOSIT }, &world.payer);
    let raised = call(&world, channel, "top-up", &body("top_up", &top_up)).await;
    assert_eq!(raised.json["deposit"], (2 * DEPOSIT).to_string(), "{raised:?}");
    assert_eq!(world.balance(world.payer_account()).await, FUNDED - 2 * DEPOSIT);

    let close = Signed::sign(Close { channel, cumulative: 0 }, &voucher_key());
    let closing = call(&world, channel, "close", &body("close", &close)).await;
    assert_eq!((closing.status, &closing.json["state"]), (200, &json!("closing")));
    assert_eq!(closing.json["closes_at_ms"], START_MS + 3_600_000);
    world.clock.advance_ms(3_600_001);
    // Any command lets the node look at its clock.
    world.balance(world.payee).await;
    let closed = world.get(&format!("/v1/channels/{channel}")).await;
    assert_eq!(closed.json["state"], "closed", "{closed:?}");
    assert_eq!(world.balance(world.payer_account()).await, FUNDED);
    let late = call(&world, channel, "vouchers", &body("voucher", &voucher(channel, 2, 8))).await;
    late.is_problem(410, "channel_closed", None);
}

#[tokio::test]
async fn statements_are_judged_by_signature_then_by_number() {
    let (world, channel) = opened().await;
    let first = body("voucher", &voucher(channel, 5, 500));
    assert_eq!(call(&world, channel, "vouchers", &first).await.json["accepted"], "500");
    let again = call(&world, channel, "vouchers", &first).await;
    assert_eq!((again.status, &again.json["sequence"]), (200, &json!(5)));
    let mut forged = body("voucher", &voucher(channel, 4, 1));
    forged["signature"] = json!(base64([1; 64]));
    for (voucher, status, code) in [
        (forged, 402, "voucher_signature"),
        (body("voucher", &voucher(channel, 4, 900)), 402, "voucher_stale"),
        (body("voucher", &voucher(channel, 5, 501)), 409, "voucher_reused"),
        (body("voucher", &voucher(channel, 6, 499)), 402, "voucher_lower"),
        (body("voucher", &voucher(channel, 6, DEPOSIT + 1)), 402, "voucher_above_deposit"),
    ] {
        call(&world, channel, "vouchers", &voucher).await.is_problem(status, code, None);
    }
    let by_payer = Signed::sign(Voucher { channel, sequence: 9, cumulative: 900 }, &world.payer);
    let answer = call(&world, channel, "vouchers", &body("voucher", &by_payer)).await;
    answer.is_problem(402, "voucher_signature", None);
    let top_up = Signed::sign(TopUp { channel, deposit: 2 * DEPOSIT }, &voucher_key());
    let answer = call(&world, channel, "top-up", &body("top_up", &top_up)).await;
    answer.is_problem(402, "top_up_signature", None);
    let lower = Signed::sign(TopUp { channel, deposit: DEPOSIT - 1 }, &world.payer);
    let answer = call(&world, channel, "top-up", &body("top_up", &lower)).await;
    answer.is_problem(402, "top_up_lower", None);
    let beyond = Signed::sign(TopUp { channel, deposit: FUNDED + 1 }, &world.payer);
    let answer = call(&world, channel, "top-up", &body("top_up", &beyond)).await;
    answer.is_problem(402, "insufficient_funds", None);
    let close = Signed::sign(Close { channel, cumulative: 0 }, &key(3));
    let answer = call(&world, channel, "close", &body("close", &close)).await;
    answer.is_problem(402, "close_signature", None);
    let shown = world.get(&format!("/v1/channels/{channel}")).await;
    assert_eq!(shown.json["accepted"], "500", "a refusal changed something");
    assert_eq!(shown.json["state"], "open");
}

#[tokio::test]
async fn ticks_count_up_to_the_first_that_does_not_fit() {
    let (world, channel) = opened().await;
    let wrong = Tick { index: 5, link: TickLink([0; 16]) };
    let answer = send_ticks(&world, channel, &[tick(1), tick(2), wrong, tick(4)]).await;
    answer.is_problem(402, "tick_invalid", None);
    let shown = world.get(&format!("/v1/channels/{channel}")).await;
    assert_eq!((&shown.json["tick_index"], &shown.json["accepted"]), (&json!(2), &json!("2000")));
    for (tick, code) in [
        (tick(1), "tick_stale"),
        (tick(4_099), "tick_jump"),
        (Tick { index: TICKS + 1, link: TickLink([0; 16]) }, "tick_beyond_end"),
    ] {
        send_ticks(&world, channel, &[tick]).await.is_problem(402, code, None);
    }
    let answer = send_ticks(&world, channel, &[tick(2), tick(4_098)]).await;
    assert_eq!((answer.status, &answer.json["tick_index"]), (200, &json!(4_098)), "{answer:?}");
}

#[tokio::test]
async fn malformed_calls_are_refused_by_name() {
    let (world, channel) = opened().await;
    let other = ChannelId::new(5).unwrap();
    let good = body("voucher", &voucher(channel, 1, 7));
    for (change, code, param) in [
        (json!({"voucher": "@"}), "invalid_base64", "voucher"),
        (json!({"voucher": base64([0; 64])}), "statement_tag", "voucher"),
        (json!({"voucher": base64([0; 63])}), "statement_length", "voucher"),
        (json!({"signature": base64([0; 63])}), "signature_length", "signature"),
        (json!({"voucher": 7}), "invalid_field", "voucher"),
        (json!({"more": "7"}), "unknown_field", "more"),
    ] {
        let mut body = good.clone();
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        call(&world, channel, "vouchers", &body).await.is_problem(400, code, Some(param));
    }
    let elsewhere = body("voucher", &voucher(other, 1, 7));
    let answer = call(&world, channel, "vouchers", &elsewhere).await;
    answer.is_problem(400, "channel_mismatch", Some("voucher"));
    let top_up = body("top_up", &Signed::sign(TopUp { channel: other, deposit: 7 }, &world.payer));
    let answer = call(&world, channel, "top-up", &top_up).await;
    answer.is_problem(400, "channel_mismatch", Some("top_up"));
    let close = body("close", &Signed::sign(Close { channel: other, cumulative: 7 }, &world.payer));
    let answer = call(&world, channel, "close", &close).await;
    answer.is_problem(400, "channel_mismatch", Some("close"));

    let path = format!("/v1/channels/{channel}/ticks");
    let whole = tick(1).to_bytes();
    for bytes in [&[][..], &whole[..22], &[whole.as_slice(), &[0]].concat(), &[0; 23]] {
        let mut request = request(Method::POST, &path, &[], "");
        *request.body_mut() = bytes.to_vec().into();
        world.send(request).await.is_problem(400, "tick_malformed", Some("body"));
    }
    let json_type = [("content-type", "application/json")];
    let answer = world.post_with(&path, &json_type, &json!({"ticks": ""})).await;
    answer.is_problem(400, "tick_malformed", Some("ticks"));
    let mut request = request(Method::POST, &path, &[], "");
    *request.body_mut() = vec![0; 23 * 4096 + 1].into();
    world.send(request).await.is_problem(413, "body_too_large", Some("body"));
}

#[tokio::test]
async fn channels_that_are_not_there_are_named_so() {
    let world = World::new().await;
    let channel = ChannelId::new(5).unwrap();
    world.get(&format!("/v1/channels/{channel}")).await.is_problem(404, "channel_unknown", None);
    for path in ["/v1/channels/ch_5", "/v1/channels/acc_5", "/v1/channels/%ff"] {
        let answer = world.get(path).await;
        assert_eq!((answer.status, &answer.json["code"]), (404, &json!("channel_unknown")));
    }
    let unknown = body("voucher", &voucher(channel, 1, 7));
    let answer = call(&world, channel, "vouchers", &unknown).await;
    answer.is_problem(404, "channel_unknown", None);
    let answer = send_ticks(&world, channel, &[tick(1)]).await;
    answer.is_problem(404, "channel_unknown", None);
    let top_up = body("top_up", &Signed::sign(TopUp { channel, deposit: 7 }, &world.payer));
    call(&world, channel, "top-up", &top_up).await.is_problem(404, "channel_unknown", None);
    let close = body("close", &Signed::sign(Close { channel, cumulative: 7 }, &world.payer));
    call(&world, channel, "close", &close).await.is_problem(404, "channel_unknown", None);
}

#[tokio::test]
async fn terms_that_cannot_be_are_refused() {
    let world = World::new().await;
    let good = terms(&world);
    let mut forged = body("terms", &Signed::sign(good, &world.payer));
    forged["signature"] = json!(base64([1; 64]));
    let answer = world.post("/v1/channels", &forged).await;
    answer.is_problem(403, "invalid_signature", Some("signature"));
    let answer = world.post("/v1/channels", &body("terms", &Signed::sign(good, &key(3)))).await;
    answer.is_problem(403, "invalid_signature", Some("signature"));
    let units = |units| Amount::new(units, usd());
    for (terms, code) in [
        (ChannelTerms { node: money::NodeId::new(7).unwrap(), ..good }, "channel_wrong_node"),
        (ChannelTerms { deposit: units(0), ..good }, "channel_terms"),
        (ChannelTerms { close_delay_seconds: 0, ..good }, "channel_terms"),
        (ChannelTerms { expires_at_ms: START_MS, ..good }, "channel_terms"),
        (ChannelTerms { deposit: units(FUNDED + 1), ..good }, "insufficient_funds"),
        (ChannelTerms { payee: world.payer_account(), ..good }, "payer_is_payee"),
    ] {
        open(&world, &terms).await.is_problem(402, code, None);
    }
    assert_eq!(world.balance(world.payer_account()).await, FUNDED);
}
