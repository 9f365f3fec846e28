//! `farthing mcp`: tools for agents, paid from a wallet.
//!
//! Invariants: over standard input and output nothing but the protocol is written; the limits of the
//! command line hold whatever the agent asks for.

use std::path::Path;

use client::{Chain, Payer, Purchases, Timeouts, Wallet};
use mcp::{Agent, AgentOptions, HttpOptions};
use money::{Amount, Asset, AssetCode};

use crate::cli::McpArgs;
use crate::failure::Failure;
use crate::listener::Listener;
use crate::stop_signal::StopSignal;
use crate::{secrets, term, wallet};

/// A scale that holds every limit.
const LIMIT_SCALE: u8 = 18;
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Serves until the agent or the operator ends it.
pub(crate) async fn run(args: McpArgs) -> Result<(), Failure> {
    let asset = AssetCode::new(&args.asset)
        .map_err(|why| Failure::usage(format!("`{}` is not an asset: {why}", args.asset)))?;
    for (name, limit) in [("--max", &args.max), ("--max-in-all", &args.max_in_all)] {
        let fine = Asset::new(asset.as_str(), LIMIT_SCALE)
            .map_err(|why| Failure::usage(why.to_string()))?;
        Amount::parse_decimal(limit, fine)
            .map_err(|why| Failure::usage(format!("{name} `{limit}` is not an amount: {why}")))?;
    }
    let path = wallet::path(&args.wallet)?;
    let wallet = Wallet::load(&path)?;
    let beside = path.parent().unwrap_or(Path::new("."));
    let node = args.node.clone().unwrap_or_else(|| wallet.node_url().to_owned());
    let options = AgentOptions {
        purchases: Purchases::open(&beside.join("purchases"))?,
        downloads: args.downloads.clone().unwrap_or_else(|| beside.join("downloads")),
        max_per_purchase: args.max.clone(),
        max_in_all: args.max_in_all.clone(),
        asset,
    };
    let mut payer = Payer::with_node(wallet, &node, Timeouts::default())?;
    if let Some(path) = &args.mandate {
        payer = payer.under(Chain::load(path)?)?;
    }
    let agent = Agent::new(payer, options);
    let Some(address) = args.http else {
        return mcp::serve_stdio(agent).await.map_err(|why| Failure::new(why.to_string()));
    };
    let token = secrets::token(&args.token_file).map_err(|why| Failure::new(why.to_string()))?;
    let listener = Listener::bind(address).await.map_err(|why| Failure::new(why.to_string()))?;
    term::line(&format!("{}  {}/mcp", term::strong("mcp"), listener.url()));
    term::line(&format!("{}  {}", term::strong("token"), args.token_file.display()));
    let mut hosts = args.hosts;
    hosts.extend(LOOPBACK.map(str::to_owned));
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let served =
        tokio::spawn(listener.serve(mcp::router(agent, HttpOptions { token, hosts }), stopped));
    let signal = StopSignal::listen()
        .map_err(|error| Failure::new(format!("no signal handler: {error}")))?;
    signal.received().await;
    // Without a receiver the server has ended already.
    let _ = stop.send(true);
    served.await.map_err(|error| Failure::new(format!("serving broke off: {error}")))
}
