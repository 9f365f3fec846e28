//! `farthing demo`: one process that shows the whole system with play money.
//!
//! A small magazine, the gateway in front of it, the node with its wallet and live page, a funded
//! reader, programs that buy API calls and read a story by the word, and a meter that ticks. No
//! account, no chain, no network beyond loopback.

mod articles;
mod magazine;
mod meter;
mod smoke;
mod streams;
mod tune;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use client::{Limits, NodeClient, Payer, Request, Timeouts, Wallet};
use money::{AccountId, Asset};
use tokio::net::TcpListener;

use crate::cli::DemoArgs;
use crate::config::Config;
use crate::data::OPERATOR_TOKEN;
use crate::serve::{self, Running};
use crate::stop_signal::StopSignal;
use crate::term;

/// Settings of the demo, also an example for people.
const SETTINGS: &str = include_str!("../../demo/farthing.toml");

/// The program buys a quotation after each pause.
const PROGRAM_PAUSE_MS: u64 = 2_000;

/// Ports on 127.0.0.1 unless others are asked for.
const SITE_PORT: u16 = 4020;
const NODE_PORT: u16 = 4021;

/// Runs until interrupted, or until the smoke run is over; `false` if that found something wrong.
pub(crate) async fn run(args: DemoArgs) -> Result<bool> {
    let (data, _temporary) = data_folder(args.data.clone())?;
    let upstream = start_magazine().await?;
    let mut config = Config::parse(SETTINGS, "demo/farthing.toml")?;
    let port = |asked: Option<u16>, usual| asked.unwrap_or(if args.smoke { 0 } else { usual });
    config.node.data.clone_from(&data);
    config.node.listen = loopback(port(args.port_node, NODE_PORT));
    let site = &mut config.gateways[0];
    site.listen = Some(loopback(port(args.port_site, SITE_PORT)));
    site.upstream = format!("http://{upstream}");
    if args.smoke {
        let mut down = site.clone();
        down.listen = Some(loopback(0));
        down.upstream = format!("http://{}", closed_port().await?);
        config.gateways.push(down);
    }
    let asset = Asset::new(&config.assets[0].code, config.assets[0].scale)?;
    let grid = payee(&config, "grid")?;
    let running = serve::start(config, &serve::Asked::default()).await?;
    let result = if args.smoke {
        smoke(&running, &data, asset).await
    } else {
        show(&running, &data, grid, asset).await
    };
    running.shutdown().await;
    result
}

async fn smoke(running: &Running, data: &Path, asset: Asset) -> Result<bool> {
    let token = data.join(OPERATOR_TOKEN);
    let token = std::fs::read_to_string(&token)
        .with_context(|| format!("the operator's token {}", token.display()))?;
    let places = smoke::Places {
        site: running.site_urls[0].clone(),
        down: running.site_urls[1].clone(),
        node: running.node_url.clone(),
        operator_token: token.trim().to_owned(),
        asset,
    };
    let good = smoke::run(&places).await?;
    term::line(if good { "smoke: all as expected" } else { "smoke: FAILED" });
    Ok(good)
}

/// The account of a payee of the settings.
fn payee(config: &Config, name: &str) -> Result<AccountId> {
    let payees = config.check()?.payees;
    let found = payees.iter().find(|payee| payee.name == name);
    found.map(|payee| payee.account).with_context(|| format!("the settings have no payee {name}"))
}

async fn show(running: &Running, data: &Path, grid: AccountId, asset: Asset) -> Result<bool> {
    let site = running.site_urls[0].clone();
    let path = data.join("reader.json");
    let wallet = if path.exists() {
        Wallet::load(&path).context("the reader's wallet of an earlier run")?
    } else {
        let wallet = funded_wallet(&running.node_url).await?;
        wallet.save(&path).context("the reader's wallet")?;
        wallet
    };
    let reader = Payer::new(wallet, Timeouts::default())?;
    let bought = reader.pay(&Request::get(&format!("{site}/articles/1"))?, &Limits::none()).await;
    bought.context("the reader's first article")?;
    let program = Payer::new(funded_wallet(&running.node_url).await?, Timeouts::default())?;
    let call = Request::get(&format!("{site}/api/quote?topic=thrift"))?;
    let buying = tokio::spawn(keep_buying(program, call));
    let streaming = tokio::spawn(keep_reading(
        Payer::new(funded_wallet(&running.node_url).await?, Timeouts::default())?,
        Request::get(&format!("{site}/api/story"))?,
    ));
    let node_url = running.node_url.clone();
    let device = funded_wallet(&node_url).await?;
    let meter = meter::Place { node_url, node: running.node(), grid, asset };
    let metering = tokio::spawn(meter::run(meter, device));
    let stop = StopSignal::listen().context("no signal handler")?;
    print_guide(&site, &running.node_url, &path);
    stop.received().await;
    for task in [buying, streaming] {
        task.abort();
    }
    metering.abort();
    Ok(true)
}

/// A program that pays for what it needs, as an agent would.
async fn keep_buying(program: Payer, call: Request) {
    loop {
        // A refusal, such as an empty wallet, shows on the live page by the absence of payments.
        if let Ok(paid) = program.pay(&call, &Limits::none()).await {
            let _ = paid.answer.into_bytes(64 * 1024).await;
        }
        tokio::time::sleep(Duration::from_millis(PROGRAM_PAUSE_MS)).await;
    }
}

/// A program that reads a story and pays by the word while it comes, as an agent pays a model by
/// the token.
async fn keep_reading(program: Payer, story: Request) {
    loop {
        if let Ok(paid) = program.pay(&story, &Limits::none()).await {
            let _ = paid.answer.write_to(&mut tokio::io::sink(), |_| {}).await;
            if let Some(tab) = paid.tab {
                // What cannot be closed now closes by itself.
                let _ = tab.finish().await;
            }
        }
        tokio::time::sleep(Duration::from_millis(PROGRAM_PAUSE_MS)).await;
    }
}

async fn funded_wallet(node_url: &str) -> Result<Wallet> {
    let node = NodeClient::new(node_url, Timeouts::default())?;
    let wallet = Wallet::generate(node_url, node.facts().await?.node)?;
    node.faucet(&wallet.public_key()).await.context("play money for a wallet")?;
    Ok(wallet)
}

fn print_guide(site: &str, node: &str, wallet: &Path) {
    let program =
        std::env::current_exe().map_or("farthing".into(), |path| path.display().to_string());
    let wallet = wallet.display();
    term::line("A magazine that sells by the fraction of a cent. Play money, this machine only.");
    term::line("");
    term::line(&format!("  magazine  {site}          open it in a browser and buy an article"));
    term::line(&format!("  live      {node}/live     balances and payments as they happen"));
    term::line(&format!(
        "  wallet    {node}/wallet   the key, budgets and receipts of your browser"
    ));
    term::line(&format!(
        "  verify    {node}/verify   what a receipt proves, checked in your browser"
    ));
    term::line("");
    term::line("Commands to try in another terminal:");
    term::line(&format!("  {program} pay {site}/articles/2 --wallet {wallet} -o article.html"));
    term::line(&format!("  {program} pay {site}/tune.wav --wallet {wallet} --dry-run"));
    term::line(&format!("  {program} pay {site}/api/story --wallet {wallet} --max 0.0001"));
    term::line(&format!("  curl -i '{site}/api/quote?topic=bread'"));
    term::line(&format!("  {program} log export --node {node} --to mirror"));
    term::line(&format!("  {program} wallet statement --wallet {wallet} -o statement.json"));
    term::line(&format!(
        "  curl {node}/log/policy > policy && {program} verify statement statement.json --policy policy"
    ));
    term::line("");
    term::line("Ctrl-C stops it.");
}

async fn start_magazine() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, magazine::router()).await });
    Ok(address)
}

/// An address at which nobody listens.
async fn closed_port() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?.local_addr()?)
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// Removes a folder that was made for one run.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // A folder in the system's temporary place that stays behind does no harm.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn data_folder(asked: Option<PathBuf>) -> Result<(PathBuf, Option<Temporary>)> {
    if let Some(data) = asked {
        return Ok((data, None));
    }
    let data = std::env::temp_dir().join(format!("farthing-demo-{}", std::process::id()));
    std::fs::create_dir_all(&data).with_context(|| format!("cannot make {}", data.display()))?;
    Ok((data.clone(), Some(Temporary(data))))
}
