//! The measured program: a node and a gateway in one process, made of the same crates as the
//! product, with its journal on a real disk and every batch synced.
//!
//! Hidden behind `serve ADDRESS UPSTREAM DATA`, so that it can run under callgrind alone. On SIGINT it
//! ends at once, without the snapshot of a clean shutdown: that costs in proportion to the payments
//! before it and would be counted as a cost of each.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, Result};
use engine::{AccountRole, AccountSpec, Engine, Fund, Options};
use gateway::{
    ChannelSettings, Crawlers, Forward, ForwardOptions, Meter, MeterTerms, Node, NodeFacts, Offer,
    Origin, PathPattern, Payees, Paywall, PaywallOptions, PaywallService, Routes, Shelf, SiteKey,
    Unit,
};
use http::{Method, Uri};
use http402::Identifier;
use http402::mpp::ChallengeSecret;
use money::{Amount, TransferId};

use super::sale;

/// More than all payments of a run together.
const FUNDED_UNITS: u128 = 1 << 64;
const HOLD_SECONDS: u32 = 60;
/// Price of 1024 bytes of a metered body, base units.
pub(crate) const KILOBYTE_UNITS: u128 = 1;
/// Price of an event, base units.
pub(crate) const EVENT_UNITS: u128 = 1_000;

/// Serves until interrupted.
pub(crate) fn run(words: &[String]) -> Result<()> {
    let [address, upstream, data] = words else {
        anyhow::bail!("usage: serve ADDRESS UPSTREAM DATA");
    };
    let address: SocketAddr = address.parse()?;
    let upstream: Uri = upstream.parse()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        tokio::select! {
            ended = serve(address, &upstream, Path::new(data)) => ended,
            interrupted = tokio::signal::ctrl_c() => {
                interrupted?;
                std::process::exit(0)
            }
        }
    })
}

async fn serve(address: SocketAddr, upstream: &Uri, data: &Path) -> Result<()> {
    let engine = Engine::start(Options::new(data, sale::node()))?.engine;
    open_books(&engine).await?;
    let forward = Forward::new(upstream, ForwardOptions::default());
    let forward = forward.context("the upstream is not an HTTP origin")?;
    let paywall = Paywall::new(PaywallOptions {
        node: Node::Local(engine),
        facts: NodeFacts { node: sale::node(), url: format!("http://{address}") },
        origin: Origin::Fixed(format!("http://{address}")),
        shelf: Shelf::new(Routes::new(offers()?)?),
        service_name: Some("bench".to_owned()),
        crawlers: Crawlers::default(),
        challenge_secret: ChallengeSecret::of_gateway("bench"),
        site_key: SiteKey::of_gateway("bench"),
        country_header: None,
    });
    let app = axum::Router::new().fallback_service(PaywallService::new(paywall, forward));
    super::listen(address, app).await
}

/// Opens the asset, the payee and the payer, who has more than a run takes.
pub(crate) async fn open_books(engine: &Engine) -> Result<()> {
    let asset = sale::asset()?;
    engine.open_asset(asset, true).await?;
    let id = sale::payee()?;
    let label = "payee".to_owned();
    engine.open_account(AccountSpec { id, asset, role: AccountRole::Payee, label }).await?;
    let fund = Fund {
        id: TransferId::new(1)?,
        account: sale::payer(asset),
        amount: Amount::new(FUNDED_UNITS, asset),
        reference: "bench".to_owned(),
        sandbox_only: true,
    };
    engine.fund(fund).await.context("cannot fund the payer")
}

/// An article by the request, bodies by the kilobyte, event streams by the event.
fn offers() -> Result<Vec<Offer>> {
    let article = offer("/articles/{id}", sale::price()?, None)?;
    let bytes = metered("/bytes/{count}", Unit::Byte, KILOBYTE_UNITS, 1_024)?;
    let events = metered("/events/{count}", Unit::Event, EVENT_UNITS, 1)?;
    Ok(vec![article, bytes, events])
}

fn metered(path: &str, unit: Unit, units: u128, per: u64) -> Result<Offer> {
    let price = Amount::new(units, sale::asset()?);
    let terms = MeterTerms { unit, price, per, free_units: 0, units_max: None, tiers: Vec::new() };
    offer(path, price, Some(Meter::new(terms)?))
}

fn offer(path: &str, price: Amount, meter: Option<Meter>) -> Result<Offer> {
    let payees =
        Payees { pay_to: sale::payee()?, split: None, name: "payee".to_owned(), split_text: None };
    let path = PathPattern::parse(path)?;
    Ok(Offer {
        id: Offer::file_id("bench", &path, &[Method::GET]),
        path,
        prices: Vec::new(),
        own_amount: None,
        free: None,
        passes: Vec::new(),
        methods: vec![Method::GET],
        price,
        channel: ChannelSettings::usual(price, meter.as_ref()),
        meter,
        payees,
        description: "An article".to_owned(),
        mime_type: Some("text/plain".to_owned()),
        access_seconds: 0,
        hold_seconds: HOLD_SECONDS,
        order_seconds: sale::ORDER_SECONDS,
        identifier: Identifier::Off,
        free_methods: Vec::new(),
        listed: false,
        crawl: false,
        tool: None,
    })
}
