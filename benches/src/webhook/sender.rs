//! The measured program: the product's outbox over events that are made up.
//!
//! Hidden behind `webhook-sender FOLDER URL PER_S TOTAL START_NS`. The event at a position and the moment
//! at which it is due follow from the position alone, so a sender that begins again meets the same ones.

use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use engine::{Clock as _, SystemClock};
use money::{AccountId, EndpointId, EventId, NodeId};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::sync::watch;
use webhook::{
    API_VERSION, Disabled, Endpoint, Notice, Options, Page, Registered, Scheme, Seal, Secret,
    Source,
};

const IN_FLIGHT_COUNT: usize = 32;
const NS_PER_S: u128 = 1_000_000_000;
const STEP_MS: u64 = 1;

/// The secret is no secret: the receiver makes the same one.
pub(super) fn secret() -> Result<Secret> {
    Secret::parse("whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=").context("a secret")
}

struct MadeUp {
    pace: Pace,
    end: watch::Receiver<u64>,
    endpoint: Registered,
    data: Value,
}

#[derive(Clone, Copy)]
struct Pace {
    per_s: u64,
    total: u64,
    start_ns: u64,
}

impl Pace {
    fn due_ns(self, position: u64) -> u64 {
        let after = u128::from(position) * NS_PER_S / u128::from(self.per_s);
        self.start_ns + u64::try_from(after).unwrap_or(0)
    }

    /// Behind the last event that is due.
    fn end(self, now_ns: u64) -> u64 {
        let passed = u128::from(now_ns.saturating_sub(self.start_ns));
        let due = passed * u128::from(self.per_s) / NS_PER_S;
        u64::try_from(due).unwrap_or(u64::MAX).min(self.total)
    }
}

impl Source for MadeUp {
    type Error = Infallible;

    fn page(&self, from: u64, count_max: usize) -> Result<Page, Infallible> {
        let next = self.end().min(from + count_max as u64).max(from);
        Ok(Page { notices: (from..next).map(|position| self.notice(position)).collect(), next })
    }

    fn end(&self) -> u64 {
        *self.end.borrow()
    }

    fn endpoints(&self) -> Result<Vec<Registered>, Infallible> {
        Ok(vec![self.endpoint.clone()])
    }

    fn disable(&self, _: EndpointId, _: u64, _: Disabled) -> Result<(), Infallible> {
        Ok(())
    }
}

impl MadeUp {
    fn notice(&self, position: u64) -> Notice {
        // As real ids: without order.
        let digest = Sha256::digest(position.to_be_bytes()).into();
        let mut data = self.data.as_object().cloned().unwrap_or_default();
        data.insert("due_ns".to_owned(), self.pace.due_ns(position).to_string().into());
        Notice {
            id: EventId::from_digest(&digest),
            name: "payment.settled",
            position: Some(position),
            at_ms: self.pace.due_ns(position) / 1_000_000,
            accounts: Vec::new(),
            data,
        }
    }
}

/// Sends until it is killed.
pub(crate) fn run(words: &[String]) -> Result<()> {
    let [folder, url, per_s, total, start_ns] = words else {
        bail!("usage: {} FOLDER URL PER_S TOTAL START_NS", super::SENDER);
    };
    let pace = Pace { per_s: per_s.parse()?, total: total.parse()?, start_ns: start_ns.parse()? };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(follow(Path::new(folder), url, pace))
}

async fn follow(folder: &Path, url: &str, pace: Pace) -> Result<()> {
    let (seal, node) = (Seal::new(&[9; 32]), NodeId::new(7)?);
    let (moved, end) = watch::channel(pace.end(SystemClock.now_ns()));
    let endpoint = registered(url, &seal)?;
    let source = MadeUp { pace, end: end.clone(), endpoint, data: data()? };
    let options = Options {
        path: folder.join(webhook::FILE),
        node,
        seal,
        clock: Arc::new(SystemClock),
        in_flight_count: IN_FLIGHT_COUNT,
        allow_private: true,
    };
    let _handle = webhook::start(source, end, options)?;
    loop {
        tokio::time::sleep(Duration::from_millis(STEP_MS)).await;
        let due = pace.end(SystemClock.now_ns());
        moved.send_if_modified(|end| std::mem::replace(end, due) != due);
    }
}

fn registered(url: &str, seal: &Seal) -> Result<Registered> {
    let id = EndpointId::new(1)?;
    let endpoint = Endpoint {
        url: url.to_owned(),
        events: vec!["*".to_owned()],
        accounts: None,
        description: String::new(),
        active: true,
        disabled: None,
        signature: Scheme::Hmac,
        secret: seal.seal(&id.to_string(), &secret()?.text())?,
        replaced: None,
        api_version: API_VERSION.to_owned(),
        created_at_ms: 0,
        from: 0,
    };
    Ok(Registered { id, revision: 1, endpoint })
}

/// As large as that of a real payment.
fn data() -> Result<Value> {
    let account = |number| AccountId::new(number);
    Ok(json!({
        "payment": "pay_00000000000000000000000001", "payer": account(1)?, "payee": account(2)?,
        "amount": "2000000", "asset": "USD", "scale": 9, "country": "KR", "class": "person",
        "offer": "0123456789abcdef", "description": "An article of a magazine",
        "legs": [{"account": account(2)?, "amount": "1600000"}, {"account": account(3)?, "amount": "400000"}],
    }))
}
