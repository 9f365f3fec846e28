//! A seller and node on one port that answer as the test says and remember what they were asked.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use client::{Payer, Timeouts, Wallet};
use http402::x402::network_name;
use instrument::{KeyPair, PurchaseHasher, SignedOrder};
use money::NodeId;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// One request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    /// How many payments were presented before this request.
    pub(crate) presented_before: usize,
    pub(crate) origin: String,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(found, _)| found == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The presented payment, in version 2 or 1.
    pub(crate) fn payment(&self) -> Option<&str> {
        self.header("payment-signature").or(self.header("x-payment"))
    }
}

/// What to answer: raw bytes, or nothing at all.
pub(crate) type Script = dyn Fn(&Asked) -> Option<String> + Send + Sync;

pub(crate) struct Shop {
    pub(crate) origin: String,
    pub(crate) node: NodeId,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Shop {
    pub(crate) async fn open(script: Arc<Script>) -> Self {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let origin = format!("http://{}", socket.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (told, name) = (Arc::clone(&asked), origin.clone());
        tokio::spawn(async move {
            loop {
                let (stream, _) = socket.accept().await.unwrap();
                let (script, told, name) = (Arc::clone(&script), Arc::clone(&told), name.clone());
                tokio::spawn(async move { answer(stream, &*script, &told, name).await });
            }
        });
        Self { origin, node: node(), asked }
    }

    pub(crate) fn url(&self) -> String {
        format!("{}/paid", self.origin)
    }

    pub(crate) fn payer(&self) -> Payer {
        let wallet = Wallet::from_key(&self.origin, self.node, KeyPair::from_seed(&[5; 32]));
        let timeouts = Timeouts { head_ms: 1_000, ..Timeouts::default() };
        Payer::new(wallet, timeouts).unwrap()
    }

    /// Every payment that was presented, in order.
    pub(crate) fn presented(&self) -> Vec<String> {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter_map(|asked| asked.payment().map(str::to_owned)).collect()
    }

    /// How often the node was asked for a receipt.
    pub(crate) fn receipts_asked(&self) -> usize {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|asked| asked.path.starts_with("/v1/receipts/")).count()
    }
}

async fn answer(mut stream: TcpStream, script: &Script, told: &Mutex<Vec<Asked>>, origin: String) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else { return };
        head.push(byte);
    }
    let head = String::from_utf8(head).unwrap();
    let mut lines = head.lines();
    let path = lines.next().unwrap().split(' ').nth(1).unwrap().to_owned();
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
    let asked = {
        let mut told = told.lock().unwrap();
        let presented_before =
            told.iter().filter(|asked: &&Asked| asked.payment().is_some()).count();
        let headers = headers.collect();
        told.push(Asked { path, headers, presented_before, origin });
        told.last().unwrap().clone()
    };
    if let Some(text) = script(&asked) {
        stream.write_all(text.as_bytes()).await.unwrap();
    }
}

pub(crate) fn node() -> NodeId {
    NodeId::new(77).unwrap()
}

#[expect(clippy::unnecessary_wraps, reason = "what a script returns")]
pub(crate) fn reply(status: u16, headers: &str, body: &str) -> Option<String> {
    let length = body.len();
    Some(format!(
        "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
    ))
}

/// Terms of version 2 for `GET /paid` at `origin`.
pub(crate) fn terms(origin: &str, units: u128) -> Value {
    let digest = PurchaseHasher {
        method: "GET",
        origin,
        path: "/paid",
        query: "",
        body: instrument::empty_body_digest(),
    }
    .digest();
    json!({
        "scheme": "exact", "network": network_name(node()), "amount": units.to_string(),
        "asset": "USD", "payTo": "acc_0000000000000000000000002d", "maxTimeoutSeconds": 60,
        "extra": {"scale": 9, "purchase": digest.to_string()},
    })
}

/// The header line of a challenge.
pub(crate) fn challenge(origin: &str, accepts: &[Value]) -> String {
    let required = json!({
        "x402Version": 2, "resource": {"url": format!("{origin}/paid")}, "accepts": accepts,
        "extensions": {"payment-identifier": {"info": {"required": true}}},
    });
    format!("PAYMENT-REQUIRED: {}\r\n", STANDARD.encode(required.to_string()))
}

/// 402 for two thousandths.
pub(crate) fn demand(asked: &Asked) -> Option<String> {
    let header = challenge(&asked.origin, &[terms(&asked.origin, 2_000_000)]);
    reply(402, &header, "{}")
}

/// The settlement header of a refusal.
pub(crate) fn failure(reason: &str) -> String {
    let failure = json!({
        "success": false, "errorReason": reason, "transaction": "", "network": network_name(node()),
    });
    format!("PAYMENT-RESPONSE: {}\r\n", STANDARD.encode(failure.to_string()))
}

/// The node's answer about a payment.
pub(crate) fn receipt(asked: &Asked, state: &str) -> Option<String> {
    let payment = asked.path.rsplit('/').next().unwrap();
    let body = json!({
        "payment": payment, "state": state, "amount": "2000000", "asset": "USD", "scale": 9,
    });
    reply(200, "", &body.to_string())
}

/// The node's answer to a payment that it does not know.
pub(crate) fn not_known() -> Option<String> {
    reply(404, "", r#"{"code":"payment_unknown","detail":"no such payment"}"#)
}

/// The order in a presented payment.
pub(crate) fn order(presented: &str) -> SignedOrder {
    let payload = &message(presented)["payload"];
    let bytes = |name: &str| STANDARD.decode(payload[name].as_str().unwrap()).unwrap();
    SignedOrder::from_parts(&bytes("order"), &bytes("signature")).unwrap()
}

/// The JSON of a presented payment.
pub(crate) fn message(presented: &str) -> Value {
    serde_json::from_slice(&STANDARD.decode(presented).unwrap()).unwrap()
}
