//! Channels over HTTP, as a gateway apart from the node works with them: the gateway's own client
//! against this API on a real socket.

use std::net::SocketAddr;

use engine::{
    Begun, ChannelError, ChannelPhase, Closing, OpenChannel, Outcome, Present, PresentMode, Proof,
    Spend,
};
use gateway::Node;
use gateway::node::RemoteNode;
use instrument::channel::{ChannelTerms, Close, TopUp};
use instrument::{PurchaseDigest, Signed};
use money::{Amount, ChannelId};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::channels::{DEPOSIT, TICK_UNITS, terms, tick, voucher, voucher_key};
use crate::world::{FUNDED, GATEWAY, OPERATOR, World, key, usd};

pub async fn remote(world: &World) -> Node {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    let app = world.app.clone();
    tokio::spawn(async move { axum::serve(listener, app).await });
    let node = RemoteNode::new(&format!("http://{address}"), GATEWAY.to_owned()).unwrap();
    Node::Remote(node)
}

fn open(world: &World, terms: ChannelTerms) -> OpenChannel {
    OpenChannel {
        terms: Signed::sign(terms, &world.payer).verify().unwrap(),
        split: None,
        description: "An article".to_owned(),
        origin: Some("http://127.0.0.1:4020".to_owned()),
        tags: engine::Tags::default(),
    }
}

fn present(world: &World, proof: Proof, mode: PresentMode) -> Present {
    Present {
        proof,
        purchase: PurchaseDigest([7; 32]),
        pay_to: world.payee,
        split: None,
        start: Amount::new(100, usd()),
        unit_price: None,
        mode,
        lease_seconds: 60,
        origin: None,
    }
}

fn paid(channel: ChannelId, sequence: u64, cumulative: u128) -> Proof {
    Proof::Voucher(voucher(channel, sequence, cumulative))
}

#[tokio::test]
async fn a_gateway_apart_sells_from_a_channel() {
    let world = World::new().await;
    let node = remote(&world).await;
    let terms = terms(&world);
    let channel = terms.channel();
    assert_eq!(node.channel(channel).await, Ok(None));
    let opened = node.open_channel(open(&world, terms)).await.unwrap();
    assert_eq!((opened.channel, opened.deposit), (channel, DEPOSIT));
    assert_eq!(node.channel(channel).await, Ok(Some(opened)));

    let command = present(&world, paid(channel, 1, 1_000), PresentMode::Reserve);
    let Begun::Proceed { lease, channel: view } = node.present(command.clone()).await.unwrap()
    else {
        panic!("a new request must proceed");
    };
    assert_eq!((view.accepted, view.reserved), (1_000, 100));
    let outcome = Outcome {
        status: 200,
        headers: vec![("content-type".to_owned(), "text/plain".to_owned())],
        body: "the article".into(),
        range: String::new(),
    };
    let spend = Spend {
        channel,
        lease,
        spent: 80,
        end: true,
        outcome: Some(outcome.clone()),
        durable_outcome: true,
    };
    assert_eq!(node.spend(spend).await.unwrap().spent, 80);
    match node.present(command).await.unwrap() {
        Begun::Replay { charged, outcome: kept, .. } => {
            assert_eq!((charged.units(), kept), (80, Some(outcome)));
        }
        Begun::Proceed { .. } => panic!("a copy must not proceed"),
    }

    let top_up = Signed::sign(TopUp { channel, deposit: DEPOSIT + 5 }, &world.payer);
    assert_eq!(node.top_up(top_up).await.unwrap().deposit, DEPOSIT + 5);
    assert_eq!(node.accept(paid(channel, 2, 1_100)).await.unwrap().accepted, 1_100);
    let ticked = node.accept_ticks(channel, vec![tick(1), tick(2)]).await.unwrap();
    assert_eq!(ticked.accepted, 2 * TICK_UNITS);
    let one = Proof::Tick { channel, tick: tick(3) };
    assert_eq!(node.claim(one).await.unwrap().spent, 3 * TICK_UNITS);
    assert_eq!(node.settle_channel(channel).await.unwrap().settled, 3 * TICK_UNITS);
    let close = Signed::sign(Close { channel, cumulative: 3 * TICK_UNITS }, &voucher_key());
    let closed = node.close_channel(Closing::Agreed(close)).await.unwrap();
    assert_eq!(closed.state, ChannelPhase::Closed);
    assert_eq!(world.balance(world.payee).await, 3 * TICK_UNITS);
    assert_eq!(world.balance(world.payer_account()).await, FUNDED - 3 * TICK_UNITS);
    let late = node.accept(paid(channel, 3, 5_000)).await;
    assert_eq!(late, Err(ChannelError::Closed));
}

#[tokio::test]
async fn a_stream_waits_for_a_voucher_that_comes_another_way() {
    let world = World::new().await;
    let node = remote(&world).await;
    let terms = terms(&world);
    let channel = terms.channel();
    node.open_channel(open(&world, terms)).await.unwrap();
    let command = present(&world, paid(channel, 1, 100), PresentMode::Lease);
    let Begun::Proceed { lease, .. } = node.present(command).await.unwrap() else {
        panic!("a new request must proceed");
    };
    let waiting = tokio::spawn({
        let node = node.clone();
        async move { node.await_accepted(channel, lease, 100, 60_000).await }
    });
    let direct = world.engine.clone();
    direct.accept(paid(channel, 2, 250)).await.unwrap();
    assert_eq!(waiting.await.unwrap().unwrap().accepted, 250);
    let over = node.await_accepted(channel, lease, 250, 0).await.unwrap();
    assert_eq!(over.accepted, 250, "a wait of no time is answered at once");
    assert_eq!(node.give_up(channel, lease, None).await.unwrap().spent, 0);
    let lost = node.await_accepted(channel, lease, 250, 0).await;
    assert_eq!(lost, Err(ChannelError::LeaseLost));
    let ending = node.close_channel(Closing::ByPayee(channel)).await.unwrap();
    assert_eq!(ending.state, ChannelPhase::Closed);
}

async fn step(world: &World, step: &str, message: &Value) -> crate::world::Answer {
    let token = format!("Bearer {GATEWAY}");
    let path = format!("/v1/channels/{step}");
    world.post_with(&path, &[("authorization", &token)], message).await
}

#[tokio::test]
async fn every_call_needs_the_gateways_token_and_a_whole_message() {
    let world = World::new().await;
    let operator = format!("Bearer {OPERATOR}");
    for name in [
        "open",
        "top-up",
        "present",
        "accept",
        "accept-ticks",
        "claim",
        "spend",
        "give-up",
        "await",
        "settle",
        "close",
    ] {
        let path = format!("/v1/channels/{name}");
        world.post(&path, &Value::Null).await.is_problem(401, "token_required", None);
        let answer = world.post_with(&path, &[("authorization", &operator)], &Value::Null).await;
        answer.is_problem(401, "token_wrong", None);
        step(&world, name, &Value::Null).await.is_problem(400, "invalid_json", Some("body"));
    }
}

#[tokio::test]
async fn messages_are_read_strictly() {
    let world = World::new().await;
    let terms = terms(&world);
    let channel = terms.channel();
    let engine = &world.engine;
    engine.open_channel(open(&world, terms)).await.unwrap();
    let statement = crate::world::base64([0; 64]);
    let signed = json!({"statement": statement, "signature": statement});
    let spend = json!({
        "channel": channel, "lease": 1, "spent": "-1", "end": true, "outcome": null,
        "durable_outcome": false,
    });
    let present = json!({
        "proof": {"tick": {"channel": channel, "tick": crate::world::base64(tick(1).to_bytes())}},
        "purchase": "AB", "pay_to": world.payee, "split": null, "reserve": false,
        "start": Amount::new(1, usd()), "lease_seconds": 1, "origin": null,
    });
    for (name, message, param) in [
        ("top-up", signed.clone(), "statement"),
        ("accept", json!({"voucher": signed}), "statement"),
        ("accept", json!({"tick": {"channel": channel, "tick": "AA=="}}), "tick"),
        ("accept", json!({"tick": {"channel": channel, "tick": "@"}}), "tick"),
        ("accept-ticks", json!({"channel": channel, "ticks": "AA=="}), "ticks"),
        ("close", json!({"agreed": {"statement": "@", "signature": statement}}), "statement"),
        ("spend", spend, "spent"),
        ("present", present, "purchase"),
        ("await", json!({"channel": channel, "lease": 1, "above": "x", "wait_ms": 1}), "above"),
    ] {
        step(&world, name, &message).await.is_problem(400, "invalid_field", Some(param));
    }
    let forged = json!({
        "terms": {
            "statement": crate::world::base64(instrument::Statement::to_bytes(&terms)),
            "signature": statement,
        },
        "split": null, "description": "", "origin": null,
    });
    let answer = step(&world, "open", &forged).await;
    answer.is_problem(400, "invalid_signature", Some("signature"));
    let unknown = json!({"channel": channel, "more": 1});
    step(&world, "settle", &unknown).await.is_problem(400, "invalid_json", Some("body"));
}

#[tokio::test]
async fn refusals_go_back_as_the_engine_words_them() {
    let world = World::new().await;
    let node = remote(&world).await;
    let terms = terms(&world);
    let channel = terms.channel();
    let unknown = node.accept(paid(channel, 1, 1)).await;
    assert_eq!(unknown, Err(ChannelError::Unknown));
    node.open_channel(open(&world, terms)).await.unwrap();
    let above = node.accept(paid(channel, 1, DEPOSIT + 1)).await;
    assert_eq!(above, Err(ChannelError::VoucherAboveDeposit));
    let by_stranger = Signed::sign(TopUp { channel, deposit: DEPOSIT + 1 }, &key(3));
    assert_eq!(node.top_up(by_stranger).await, Err(ChannelError::TopUpSignature));
    let answer = step(&world, "settle", &json!({"channel": ChannelId::new(5).unwrap()})).await;
    assert_eq!((answer.status, answer.json), (404, json!({"refused": "unknown"})));
}
