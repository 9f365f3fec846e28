//! A node apart from its gateways, on a real socket, that fails as it is told.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::post;
use engine::{Coded, Engine, Outcome};
use gateway::Node;
use gateway::node::RemoteNode;
use gateway::node::wire::channel::{
    AwaitWire, BegunWire, ClosingWire, GiveUpWire, OpenWire, PresentWire, ProofWire, SignedWire,
    SpendWire,
};
use gateway::node::wire::{
    AuthorizeWire, AuthorizedWire, CountWire, FinishWire, HoldWire, OutcomeWire, RefusedWire,
};
use money::ChannelId;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::TcpListener;
use tokio::sync::Notify;

use crate::upstream::{broken_body, response};

/// How long gateways wait for this node.
pub const TIMEOUT_MS: u64 = 500;

/// What goes wrong with a step.
#[derive(Clone)]
pub enum Fault {
    /// Nothing is done and nobody answers.
    Hang,
    /// All is done and nobody answers.
    LoseAnswer,
    /// All is done, nobody answers, and then the node is well again.
    LoseOneAnswer,
    /// Nothing is done and this is answered.
    Say(u16, &'static str, Vec<u8>),
    /// Nothing is done and the answer breaks off.
    Truncate,
    /// All is done; the answer waits.
    Wait { done: Arc<Notify>, answer: Arc<Notify> },
}

#[derive(Clone)]
pub struct FarNode {
    engine: Engine,
    fault: Arc<Mutex<Option<(&'static str, Fault)>>>,
}

impl FarNode {
    pub fn new(engine: Engine) -> Self {
        Self { engine, fault: Arc::default() }
    }

    pub fn break_step(&self, step: &'static str, fault: Fault) {
        *self.fault.lock().unwrap() = Some((step, fault));
    }

    pub fn mend(&self) {
        *self.fault.lock().unwrap() = None;
    }

    pub async fn serve(&self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = Router::new()
            .route("/v1/payments/{step}", post(step))
            .route("/v1/channels/{step}", post(step).get(channel))
            .with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        address
    }

    /// The node as a gateway sees it.
    pub async fn remote(&self) -> Node {
        self.remote_within(TIMEOUT_MS).await
    }

    /// The node as a gateway sees it that waits this long.
    pub async fn remote_within(&self, timeout_ms: u64) -> Node {
        let url = format!("http://{}", self.serve().await);
        Node::Remote(RemoteNode::new(&url, "token".to_owned()).unwrap().with_timeout_ms(timeout_ms))
    }

    async fn carry_out(&self, step: &str, message: &[u8]) -> Response<Body> {
        match step {
            "authorize" => {
                let command = read::<AuthorizeWire>(message).open().unwrap();
                json(self.engine.authorize(command).await.map(AuthorizedWire::from))
            }
            "hold" => {
                let HoldWire { payment, claim, seconds } = read(message);
                json(self.engine.hold(payment, claim, seconds).await)
            }
            "charge" => {
                let wire: FinishWire = read(message);
                let outcome = open(wire.outcome);
                json(self.engine.charge(wire.payment, wire.claim, outcome).await)
            }
            "settle" => {
                let wire: FinishWire = read(message);
                let units = wire.units.map(|units| units.parse().unwrap());
                let outcome = open(wire.outcome);
                let durable = wire.durable_outcome;
                json(self.engine.settle(wire.payment, units, outcome, durable).await)
            }
            "release" => {
                let wire: FinishWire = read(message);
                let outcome = open(wire.outcome);
                json(self.engine.release(wire.payment, wire.claim, outcome).await)
            }
            "count" => json(self.engine.count(read::<CountWire>(message).open().unwrap()).await),
            other => self.carry_out_channel(other, message).await,
        }
    }

    async fn carry_out_channel(&self, step: &str, message: &[u8]) -> Response<Body> {
        let engine = &self.engine;
        match step {
            "open" => json(engine.open_channel(read::<OpenWire>(message).open().unwrap()).await),
            "top-up" => json(engine.top_up(read::<SignedWire>(message).open().unwrap()).await),
            "accept" => json(engine.accept(read::<ProofWire>(message).open().unwrap()).await),
            "present" => {
                let begun = engine.present(read::<PresentWire>(message).open().unwrap()).await;
                json(begun.map(BegunWire::from))
            }
            "spend" => json(engine.spend(read::<SpendWire>(message).open().unwrap()).await),
            "await" => {
                let wire: AwaitWire = read(message);
                let above = wire.above().unwrap();
                json(engine.await_accepted(wire.channel, wire.lease, above, wire.wait_ms).await)
            }
            "give-up" => {
                let GiveUpWire { channel, lease, outcome } = read(message);
                json(engine.give_up(channel, lease, open(outcome)).await)
            }
            "close" => {
                json(engine.close_channel(read::<ClosingWire>(message).open().unwrap()).await)
            }
            other => panic!("no step {other}"),
        }
    }
}

async fn channel(State(node): State<FarNode>, Path(id): Path<ChannelId>) -> Response<Body> {
    let view = node.engine.read(move |state| state.channel(id)).await.unwrap();
    match view {
        Some(view) => response(200, &[], Body::from(serde_json::to_vec(&view).unwrap())),
        None => response(404, &[], Body::empty()),
    }
}

async fn step(
    State(node): State<FarNode>,
    Path(step): Path<String>,
    message: Bytes,
) -> Response<Body> {
    let fault = node.fault.lock().unwrap().clone().filter(|(broken, _)| *broken == step);
    match fault.map(|(_, fault)| fault) {
        None => node.carry_out(&step, &message).await,
        Some(Fault::Hang) => std::future::pending().await,
        Some(Fault::LoseAnswer) => {
            node.carry_out(&step, &message).await;
            std::future::pending().await
        }
        Some(Fault::LoseOneAnswer) => {
            node.mend();
            node.carry_out(&step, &message).await;
            std::future::pending().await
        }
        Some(Fault::Say(status, kind, body)) => {
            response(status, &[("content-type".to_owned(), kind.to_owned())], Body::from(body))
        }
        Some(Fault::Truncate) => {
            let length = [("content-length".to_owned(), "5000".to_owned())];
            response(200, &length, broken_body(1, 100))
        }
        Some(Fault::Wait { done, answer }) => {
            let carried_out = node.carry_out(&step, &message).await;
            done.notify_one();
            answer.notified().await;
            carried_out
        }
    }
}

fn read<T: DeserializeOwned>(message: &[u8]) -> T {
    serde_json::from_slice(message).unwrap()
}

fn open(outcome: Option<OutcomeWire>) -> Option<Outcome> {
    outcome.map(|outcome| outcome.open().unwrap())
}

fn json<T: Serialize, E: Coded + Serialize>(result: Result<T, E>) -> Response<Body> {
    match result {
        Ok(value) => response(200, &[], Body::from(serde_json::to_vec(&value).unwrap())),
        Err(refused) => refusal(&refused),
    }
}

/// A refusal as the node words it.
fn refusal<E: Coded + Serialize>(refused: &E) -> Response<Body> {
    let body = serde_json::to_vec(&RefusedWire { refused }).unwrap();
    response(refused.http_status(), &[], Body::from(body))
}
