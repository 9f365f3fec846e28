//! The node's calls about channels, as a payer uses them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method};
use instrument::channel::{ChannelTerms, Close, SignedVoucher, Tick, TopUp};
use instrument::{Signed, Statement};
use money::{AccountId, Asset, ChannelId};
use serde::{Deserialize, Deserializer, de};
use serde_json::{Value, json};

use super::{NODE_ANSWER_BYTES_MAX, NodeClient, known};
use crate::error::Error;
use crate::request::Request;

/// Where a channel stands, as the node tells it. Amounts are base units of `asset`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ChannelFacts {
    /// The channel.
    pub channel: ChannelId,
    /// Account that pays.
    pub payer: AccountId,
    /// Account that is paid.
    pub payee: AccountId,
    /// What all the amounts are in.
    pub asset: Asset,
    /// Held in all, the settled part included.
    #[serde(deserialize_with = "units")]
    pub deposit: u128,
    /// What vouchers and ticks allow.
    #[serde(deserialize_with = "units")]
    pub accepted: u128,
    /// What was delivered and charged.
    #[serde(deserialize_with = "units")]
    pub spent: u128,
    /// Set aside for a request that is being executed.
    #[serde(deserialize_with = "units")]
    pub reserved: u128,
    /// `open`, `closing` or `closed`.
    pub state: String,
    /// When it closes, or was closed, Unix milliseconds.
    pub closes_at_ms: Option<u64>,
    /// When it closes at the latest, Unix milliseconds.
    pub expires_at_ms: u64,
    /// What it was opened for, in words.
    #[serde(default)]
    pub description: String,
}

impl ChannelFacts {
    /// Whether requests can still be paid from it.
    pub fn is_open(&self) -> bool {
        self.state == "open"
    }

    /// Whether it is settled for good.
    pub fn is_closed(&self) -> bool {
        self.state == "closed"
    }

    /// What vouchers allow beyond what is spent or set aside.
    pub fn left(&self) -> u128 {
        self.accepted.saturating_sub(self.spent).saturating_sub(self.reserved)
    }
}

impl NodeClient {
    /// Opens a channel whose whole income goes to the payee that the terms name.
    pub async fn open_channel(
        &self,
        terms: &Signed<ChannelTerms>,
        description: &str,
    ) -> Result<ChannelFacts, Error> {
        let mut body = signed("terms", terms);
        body["description"] = description.into();
        self.post("/v1/channels", &body, HeaderMap::new()).await.map(|(facts, _)| facts)
    }

    /// A channel as it stands; `None` if the node does not know it.
    pub async fn channel(&self, channel: ChannelId) -> Result<Option<ChannelFacts>, Error> {
        known(self.get(&format!("/v1/channels/{channel}"), HeaderMap::new()).await)
    }

    /// Allows the payee more.
    pub async fn accept(&self, voucher: &SignedVoucher) -> Result<ChannelFacts, Error> {
        let path = format!("/v1/channels/{}/vouchers", voucher.unverified().channel);
        self.post(&path, &signed("voucher", voucher), HeaderMap::new())
            .await
            .map(|(facts, _)| facts)
    }

    /// Allows the payee more, by links of the tick chain.
    pub async fn accept_ticks(
        &self,
        channel: ChannelId,
        ticks: &[Tick],
    ) -> Result<ChannelFacts, Error> {
        let url = format!("{}/v1/channels/{channel}/ticks", self.url);
        let body: Vec<u8> = ticks.iter().flat_map(Tick::to_bytes).collect();
        let kind = HeaderValue::from_static("application/octet-stream");
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, kind)]);
        let request = Request::new(Method::POST, &url, headers, Bytes::from(body))?;
        let more = HeaderMap::new();
        let exchange = self.exchange(&request, &more, NODE_ANSWER_BYTES_MAX);
        exchange.await.map(|(facts, _)| facts)
    }

    /// Puts more money behind a channel.
    pub async fn top_up(&self, top_up: &Signed<TopUp>) -> Result<ChannelFacts, Error> {
        let path = format!("/v1/channels/{}/top-up", top_up.unverified().channel);
        self.post(&path, &signed("top_up", top_up), HeaderMap::new()).await.map(|(facts, _)| facts)
    }

    /// Closes a channel without the payee: at the latest after the delay that its terms name.
    pub async fn close_channel(&self, close: &Signed<Close>) -> Result<ChannelFacts, Error> {
        let path = format!("/v1/channels/{}/close", close.unverified().channel);
        self.post(&path, &signed("close", close), HeaderMap::new()).await.map(|(facts, _)| facts)
    }
}

fn signed<T: Statement>(name: &str, signed: &Signed<T>) -> Value {
    json!({
        name: STANDARD.encode(signed.unverified().to_bytes()),
        "signature": STANDARD.encode(signed.signature().0),
    })
}

fn units<'de, D: Deserializer<'de>>(from: D) -> Result<u128, D::Error> {
    let text = String::deserialize(from)?;
    money::parse_base_units(&text).map_err(de::Error::custom)
}
