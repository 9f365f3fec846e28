//! A payer that can also misbehave: it fetches challenges, signs orders and changes them.

use anyhow::{Context, Result, bail};
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};
use client::{Limits, NodeClient, Payer, Timeouts, Wallet};
use http_body_util::{BodyExt, Limited};
use http402::x402::{self, Payment, PaymentRequired, PaymentRequirements, SettleResponse};
use http402::{Dialect, Instrument};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use instrument::{KeyPair, Order, SignedOrder, payer_account};
use money::{Amount, OrderId};

/// Largest answer that the smoke run reads.
const ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;

/// An answer, read to its end.
pub(super) struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    /// What was paid by the unit, base units.
    pub billed: Option<u128>,
}

impl Answer {
    /// Code of the problem document; empty without one.
    pub(super) fn code(&self) -> String {
        let problem: Option<serde_json::Value> = serde_json::from_slice(&self.body).ok();
        let code = problem.as_ref().and_then(|problem| problem.get("code"));
        code.and_then(serde_json::Value::as_str).unwrap_or("").to_owned()
    }

    /// Base units that the answer says were paid.
    pub(super) fn settled(&self) -> Option<u128> {
        if self.billed.is_some() {
            return self.billed;
        }
        let header = self.headers.get(x402::PAYMENT_RESPONSE);
        let header = header.or_else(|| self.headers.get(x402::X_PAYMENT_RESPONSE))?;
        match SettleResponse::decode_header(header).ok()? {
            SettleResponse::Success(settlement) => Some(settlement.amount.units()),
            _ => None,
        }
    }

    pub(super) fn replayed(&self) -> bool {
        self.headers.contains_key("idempotent-replayed")
    }
}

/// One request.
#[derive(Clone)]
pub(super) struct Ask {
    pub method: Method,
    pub url: String,
    pub body: String,
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

impl Ask {
    pub(super) fn get(url: impl Into<String>) -> Self {
        Self { method: Method::GET, url: url.into(), body: String::new(), headers: Vec::new() }
    }

    pub(super) fn post(url: impl Into<String>, body: impl Into<String>) -> Self {
        Self { method: Method::POST, url: url.into(), body: body.into(), headers: Vec::new() }
    }

    pub(super) fn with(mut self, header: (HeaderName, HeaderValue)) -> Self {
        self.headers.push(header);
        self
    }
}

/// A payer with a key of its own.
pub(super) struct Shop {
    client: Client<HttpConnector, Body>,
    pub key: KeyPair,
}

/// What an order is changed to before it is signed.
pub(super) type Change<'a> = &'a dyn Fn(&mut Order);

impl Shop {
    pub(super) fn new() -> Result<Self> {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Ok(Self { client, key: KeyPair::from_seed(&random()?) })
    }

    pub(super) async fn ask(&self, ask: &Ask) -> Result<Answer> {
        let uri: Uri = ask.url.parse().with_context(|| format!("the URL {}", ask.url))?;
        let mut request = Request::builder().method(ask.method.clone()).uri(uri);
        for (name, value) in &ask.headers {
            request = request.header(name, value);
        }
        let response = self.client.request(request.body(Body::from(ask.body.clone()))?).await?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|error| anyhow::anyhow!("the answer broke off: {error}"))?;
        let body = body.to_bytes().to_vec();
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, body, billed: None })
    }

    /// The terms of a priced request.
    pub(super) async fn terms(&self, ask: &Ask) -> Result<(PaymentRequired, PaymentRequirements)> {
        let answer = self.ask(ask).await?;
        let Some(header) = answer.headers.get(x402::PAYMENT_REQUIRED) else {
            bail!("{} answered {} without a challenge", ask.url, answer.status);
        };
        let required = PaymentRequired::decode_header(header)?;
        let terms = required.accepts.first().cloned().context("the challenge offers nothing")?;
        Ok((required, terms))
    }

    /// An order for these terms, changed and then signed.
    pub(super) fn order(
        &self,
        terms: &PaymentRequirements,
        change: Change<'_>,
    ) -> Result<SignedOrder> {
        let now_ms = engine::Clock::now_ms(&engine::SystemClock);
        let mut order = Order {
            node: terms.network,
            id: OrderId::from_digest(&random()?),
            payer: payer_account(&self.key.public(), terms.amount.asset()),
            signer: self.key.public(),
            payee: terms.pay_to,
            amount: terms.amount,
            purchase: terms.purchase,
            expires_at_ms: now_ms + u64::from(terms.max_timeout_seconds) * 1000,
            mandate: None,
        };
        change(&mut order);
        Ok(SignedOrder::sign(order, &self.key))
    }

    /// The header that pays for `ask` in a dialect, with a changed order.
    pub(super) async fn payment(
        &self,
        ask: &Ask,
        dialect: Dialect,
        change: Change<'_>,
    ) -> Result<(HeaderName, HeaderValue)> {
        let (required, terms) = self.terms(ask).await?;
        let order = self.order(&terms, change)?;
        let payment = Payment {
            dialect,
            accepted: &terms,
            instrument: &Instrument::exact(order),
            resource_url: Some(&required.resource.url),
            extensions: None,
        };
        Ok(payment.encode_header()?)
    }

    /// Reads what is paid by the unit until `most` base units are used up.
    pub(super) async fn read_on(&self, node_url: &str, url: &str, most: Amount) -> Result<Answer> {
        let node = NodeClient::new(node_url, Timeouts::default())?.facts().await?.node;
        let wallet = Wallet::from_key(node_url, node, self.key.clone());
        let payer = Payer::new(wallet, Timeouts::default())?;
        let text = most.to_string();
        let decimal = text.split(' ').next().unwrap_or_default();
        let limits = Limits::at_most(decimal, most.asset().code);
        let paid = payer.pay(&client::Request::get(url)?, &limits).await?;
        let tab = paid.tab.context("it is not paid by the unit")?;
        let status = paid.answer.status().as_u16();
        let mut body = Vec::new();
        tokio::select! {
            read = paid.answer.write_to(&mut body, |_| {}) => { read?; }
            () = tab.used_up() => {}
        }
        let bill = tab.finish().await?;
        anyhow::ensure!(bill.closed, "the channel did not close");
        Ok(Answer { status, headers: HeaderMap::new(), body, billed: Some(bill.spent.units()) })
    }

    /// Challenge, payment, answer.
    pub(super) async fn buy(&self, ask: &Ask, change: Change<'_>) -> Result<Answer> {
        let payment = self.payment(ask, Dialect::X402V2, change).await?;
        self.ask(&ask.clone().with(payment)).await
    }
}

pub(super) fn random() -> Result<[u8; 32]> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
    Ok(bytes)
}
