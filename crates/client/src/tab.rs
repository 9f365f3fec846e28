//! Paying by the unit: a channel that is opened with the first request, fed while the content
//! comes, and closed when it has come.
//!
//! Invariants: never more is allowed than the caller's limit, and never more at once than what is
//! held; the seller is only ever a little ahead of what was spent. Must not lose the rest: a tab
//! that is dropped without [`Tab::finish`] leaves a channel that closes by itself.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use http402::x402::{Payment, PaymentRequirements};
use http402::{Dialect, Instrument};
use instrument::TreeMandate;
use money::{AccountId, Amount, ChannelId};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::channel::{Channel, Opening};
use crate::error::{Error, Kind};
use crate::limits::Limits;
use crate::node::{ChannelFacts, NodeClient, problem};
use crate::offer::Offer;
use crate::request::Request;
use crate::transport::{Answer, Transport};
use crate::wallet::Wallet;

/// How often the node is asked what was spent.
const WATCH_EVERY_MS: u64 = 200;

/// A channel for one purchase closes by itself after this time, if nothing else closes it.
const LIFETIME_SECONDS: u32 = 24 * 60 * 60;

/// The seller may be ahead of what was spent by this part of the limit, and by so many units.
const AHEAD_PART: u128 = 16;
const AHEAD_UNITS: u128 = 2;

/// What was paid last comes within this time.
const LAST_PIECE_MS: u64 = 500;

/// Waits before each presentation of the same voucher.
const PRESENT_WAITS_MS: [u64; 4] = [0, 200, 500, 1_000];

/// Waits before each try to close with the seller, who may still be ending the delivery.
const CLOSE_WAITS_MS: [u64; 6] = [0, 50, 100, 200, 400, 800];

/// Largest body of an answer that is no content.
const REFUSED_BYTES_MAX: usize = 64 * 1024;

/// What is on the slate while content comes.
#[derive(Debug)]
pub struct Tab {
    desk: Arc<Desk>,
    watch: JoinHandle<()>,
}

/// What was paid by the unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bill {
    /// The channel.
    pub channel: ChannelId,
    /// The payer account.
    pub payer: AccountId,
    /// The payee account.
    pub payee: AccountId,
    /// What was delivered and charged.
    pub spent: Amount,
    /// Whether the rest is the payer's again; if not, it will be at `closes_at_ms`.
    pub closed: bool,
    /// When the channel closes or was closed, Unix milliseconds.
    pub closes_at_ms: u64,
}

/// Everything that signing and presenting need.
#[derive(Debug)]
struct Desk {
    channel: Channel,
    node: NodeClient,
    transport: Transport,
    request: Request,
    terms: PaymentRequirements,
    resource_url: String,
    /// What a unit costs at most.
    unit: u128,
    /// Most that the channel may cost in all.
    limit: u128,
    used_up: Notify,
}

/// Opens a channel with the request and reads on while the tab is fed.
pub(crate) async fn open(
    (wallet, under): (&Wallet, Option<&TreeMandate>),
    node: &NodeClient,
    transport: &Transport,
    request: &Request,
    offer: Offer,
    limits: &Limits,
) -> Result<(Answer, Tab), Error> {
    let asked = Asked::read(&offer.terms)?;
    let asset = offer.terms.amount.asset();
    let allowed = under.map_or(u128::MAX, |mandate| mandate.limits.per_payment);
    let limit = limits.most(asset)?.min(allowed);
    let deposit = asked.suggested.max(asked.start).max(asked.least).min(limit);
    if deposit < asked.least.max(asked.start) {
        let price = Amount::new(asked.least.max(asked.start), asset);
        let limit = Amount::new(limit, asset).to_string();
        return Err(Error::new(Kind::OverLimit { price, limit })
            .with_hint("the seller wants so much to be held; what is not used comes back"));
    }
    let opening = Opening {
        node: offer.terms.network,
        payee: offer.terms.pay_to,
        deposit: Amount::new(deposit, asset),
        close_delay_seconds: asked.close_delay_seconds,
        lifetime_seconds: LIFETIME_SECONDS,
    };
    let desk = Arc::new(Desk {
        channel: Channel::prepare_with(wallet.key(), &opening, |terms| {
            if let Some(mandate) = under {
                (terms.payer, terms.mandate) = (mandate.payer, Some(mandate.id()));
            }
        })?,
        node: node.clone(),
        transport: transport.clone(),
        request: request.clone(),
        terms: offer.terms,
        resource_url: offer.resource.url,
        unit: asked.unit,
        limit,
        used_up: Notify::new(),
    });
    let answer = desk.begin().await?;
    let watch = tokio::spawn(Arc::clone(&desk).feed());
    Ok((answer, Tab { desk, watch }))
}

/// The members of the terms that say how channels pay.
struct Asked {
    start: u128,
    unit: u128,
    least: u128,
    suggested: u128,
    close_delay_seconds: u32,
}

impl Asked {
    fn read(terms: &PaymentRequirements) -> Result<Self, Error> {
        let wrong = |name: &str| {
            Error::new(Kind::NoOffer(format!("the offer's `extra.{name}` is missing or no amount")))
        };
        let units = |name: &str| {
            let text = terms.extra.get(name).and_then(|value| value.as_str());
            text.and_then(|text| money::parse_base_units(text).ok()).ok_or_else(|| wrong(name))
        };
        let delay = terms.extra.get("closeDelaySeconds").and_then(serde_json::Value::as_u64);
        let start = units("start")?;
        // Without a meter a request is the unit.
        let per = terms.extra.get("per").and_then(serde_json::Value::as_u64).unwrap_or(1).max(1);
        let unit = units("price").map_or(start, |price| price.div_ceil(per.into()));
        Ok(Self {
            start,
            unit: unit.max(start).max(1),
            least: units("depositMin")?,
            suggested: units("depositSuggested")?,
            close_delay_seconds: delay
                .and_then(|seconds| u32::try_from(seconds).ok())
                .ok_or_else(|| wrong("closeDelaySeconds"))?,
        })
    }
}

impl Desk {
    /// How far the seller may be ahead of what was spent.
    fn ahead(&self) -> u128 {
        let part = self.limit.min(self.channel.deposit().units()) / AHEAD_PART;
        part.max(self.unit.saturating_mul(AHEAD_UNITS))
    }

    /// The first request, with terms and first voucher. The same bytes again until it is known what
    /// came of them: a copy gets the first answer and is not charged again.
    async fn begin(&self) -> Result<Answer, Error> {
        let total = self.ahead().min(self.channel.deposit().units());
        let terms = Box::new(self.channel.signed_terms());
        let instrument = Instrument::Open { terms, voucher: self.channel.voucher(total)? };
        let mut left = Error::new(Kind::Unknown("it was not presented".to_owned()));
        for wait_ms in PRESENT_WAITS_MS {
            tokio::time::sleep(Duration::from_millis(wait_ms)).await;
            match self.present(&instrument).await {
                Ok(answer) if answer.status().is_success() => return Ok(answer),
                Ok(answer) => {
                    let status = answer.status();
                    let body = answer.into_bytes(REFUSED_BYTES_MAX).await.unwrap_or_default();
                    let why = problem(status.as_u16(), &body);
                    let busy = status == StatusCode::CONFLICT || status.is_server_error();
                    if !busy {
                        return Err(self.refused(why).await);
                    }
                    left = why;
                }
                Err(why) => left = why,
            }
        }
        Err(self.refused(left).await)
    }

    /// Nothing came of it: what is held comes back.
    async fn refused(&self, why: Error) -> Error {
        // A channel that was never opened needs no closing.
        let _ = self.node.close_channel(&self.channel.close(0)).await;
        why.with_hint_if_none("nothing was charged")
    }

    async fn present(&self, instrument: &Instrument) -> Result<Answer, Error> {
        let message = Payment {
            dialect: Dialect::X402V2,
            accepted: &self.terms,
            instrument,
            resource_url: Some(&self.resource_url),
            extensions: None,
        };
        let header = message.encode_header().map_err(|why| Error::answer(why.to_string()))?;
        self.transport.send(&self.request, &HeaderMap::from_iter([header])).await
    }

    /// Signs on while the seller spends, until the limit is reached.
    async fn feed(self: Arc<Self>) {
        loop {
            tokio::time::sleep(Duration::from_millis(WATCH_EVERY_MS)).await;
            // A node that does not answer now is asked again; the stream waits meanwhile.
            let Ok(Some(facts)) = self.node.channel(self.channel.id()).await else { continue };
            if !facts.is_open() || self.is_used_up(&facts) {
                self.used_up.notify_one();
                return;
            }
            if facts.left() < self.ahead() && self.channel.cumulative() < self.limit {
                // Refused for a reason that passes, or for one that ends the stream anyway.
                let _ = self.allow(&facts).await;
            }
        }
    }

    /// All that the limit allows is signed, and what is left of it buys no further unit.
    fn is_used_up(&self, facts: &ChannelFacts) -> bool {
        facts.accepted >= self.limit && facts.left() < self.unit
    }

    async fn allow(&self, facts: &ChannelFacts) -> Result<(), Error> {
        // Twice as far when all was used since the last look: the seller is faster than we look.
        let ahead =
            if facts.left() < self.unit { self.ahead().saturating_mul(2) } else { self.ahead() };
        let total = facts.spent.saturating_add(facts.reserved).saturating_add(ahead);
        let total = total.min(self.limit);
        let deposit = self.channel.deposit().units();
        if total > deposit {
            let wanted = deposit.saturating_mul(2).max(total).min(self.limit);
            self.node.top_up(&self.channel.top_up(wanted)).await?;
            self.channel.topped_up(wanted);
        }
        if total > self.channel.cumulative() {
            self.node.accept(&self.channel.voucher(total)?).await?;
        }
        Ok(())
    }

    /// Closes with the seller, who agrees at once, or alone, which takes the delay.
    async fn close(&self) -> Result<ChannelFacts, Error> {
        for wait_ms in CLOSE_WAITS_MS {
            tokio::time::sleep(Duration::from_millis(wait_ms)).await;
            let Some(facts) = self.facts().await? else { break };
            if facts.is_closed() {
                return Ok(facts);
            }
            let close = Instrument::Close(self.channel.close(facts.spent));
            if let Ok(answer) = self.present(&close).await {
                // What it says is asked of the node, which is the one to know.
                let _ = answer.into_bytes(REFUSED_BYTES_MAX).await;
            }
        }
        let facts =
            self.facts().await?.ok_or_else(|| Error::answer("the node has no such channel"))?;
        if facts.is_closed() {
            return Ok(facts);
        }
        self.node.close_channel(&self.channel.close(facts.spent)).await
    }

    async fn facts(&self) -> Result<Option<ChannelFacts>, Error> {
        self.node.channel(self.channel.id()).await
    }
}

impl Tab {
    /// The channel.
    pub fn channel(&self) -> &Channel {
        &self.desk.channel
    }

    /// Where the channel stands now.
    pub async fn facts(&self) -> Result<ChannelFacts, Error> {
        let facts = self.desk.facts().await?;
        facts.ok_or_else(|| Error::answer("the node has no such channel"))
    }

    /// Waits until the limit is used up or the channel closes, and a moment longer for what was paid
    /// last: no more content will come. Read on meanwhile.
    pub async fn used_up(&self) {
        self.desk.used_up.notified().await;
        tokio::time::sleep(Duration::from_millis(LAST_PIECE_MS)).await;
    }

    /// Closes the channel: the payee keeps what was delivered, the rest comes back.
    pub async fn finish(self) -> Result<Bill, Error> {
        self.watch.abort();
        let facts = self.desk.close().await?;
        Ok(Bill {
            channel: facts.channel,
            payer: facts.payer,
            payee: facts.payee,
            spent: Amount::new(facts.spent, facts.asset),
            closed: facts.is_closed(),
            closes_at_ms: facts.closes_at_ms.unwrap_or(facts.expires_at_ms),
        })
    }
}

impl Drop for Tab {
    fn drop(&mut self) {
        // Nobody reads any more, so nothing more is allowed.
        self.watch.abort();
    }
}
