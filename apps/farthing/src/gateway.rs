//! `farthing gateway`: gateways apart from their node, without any state of their own.
//!
//! Invariants: every decision about a payment is the node's; any number of such processes can serve
//! one node. They sell what their file and the node's registry say, and go on with that while the node
//! is away.

use std::path::Path;

use api::Traffic;
use gateway::Node;
use gateway::node::RemoteNode;
use tokio::sync::watch;

use crate::cli::GatewayArgs;
use crate::config::Config;
use crate::failure::Failure;
use crate::hosts::Hosts;
use crate::listener::Listener;
use crate::offers::FarStall;
use crate::otel;
use crate::secrets::{self, SecretError};
use crate::site::Site;
use crate::stop_signal::StopSignal;
use crate::term;
use crate::tls::Certificates;

const TOKEN_VARIABLE: &str = "FARTHING_GATEWAY_TOKEN";

/// Runs until the process is asked to stop.
pub(crate) async fn run(args: GatewayArgs) -> Result<(), Failure> {
    let mut config = Config::load(&args.config)?;
    if let (Some(listen), Some(first)) = (args.listen, config.gateways.first_mut()) {
        first.listen = Some(listen);
    }
    let settings = config.check()?;
    if settings.gateways.is_empty() {
        let failure = Failure::new(format!("{} has no gateway", args.config.display()));
        return Err(failure.with_hint("add a [[gateway]] with listen and upstream"));
    }
    let token = token(&args)?;
    let remote = RemoteNode::new(&args.node, token.clone())
        .map_err(|error| Failure::usage(error.to_string()))?;
    let mut facts = remote.facts().await.map_err(|error| {
        Failure::new(error.to_string()).with_hint("check --node, and whether the node runs")
    })?;
    if let Some(url) = settings.node.public_url {
        facts.url = url;
    }
    let no_signals = |error| Failure::new(format!("no signal handler: {error}"));
    let asked = StopSignal::listen().map_err(no_signals)?;
    let (stop, stopped) = watch::channel(false);
    let mut servers = Vec::new();
    servers.extend(otel::start(settings.otel.clone(), &stopped));
    let traffic = Traffic::default();
    let (mut sites, mut certificates) = (Vec::new(), Certificates::default());
    for site in settings.gateways {
        let bound = Site::bind(site, None, &mut certificates).await;
        sites.push(bound.map_err(|error| Failure::new(error.to_string()))?);
    }
    if let Some(address) = settings.metrics {
        let listener =
            Listener::bind(address).await.map_err(|error| Failure::new(error.to_string()))?;
        term::note(&format!("metrics at {}/metrics", listener.url()));
        let (traffic, looks) = (traffic.clone(), certificates.clone());
        let looks = move || looks.look();
        let router = api::gateway_metrics_router(traffic, looks, env!("CARGO_PKG_VERSION"));
        servers.push(tokio::spawn(listener.serve(router, stopped.clone())));
    }
    let fresh = certificates.keep_fresh(stopped.clone()).map_err(no_signals)?;
    servers.push(tokio::spawn(fresh));
    for site in sites {
        let paywall = site.paywall(Node::Remote(remote.clone()), facts.clone(), &token);
        let mut stall = FarStall::new(site.stall(&paywall), remote.clone());
        // Before anybody can ask: what no offer covers is free.
        stall.stock().await.map_err(|error| {
            Failure::new(error.to_string())
                .with_hint("check the gateway's token, and that the node is as new as this program")
        })?;
        servers.push(tokio::spawn(stall.follow(stopped.clone())));
        let (name, url, upstream) = (term::strong("site"), site.url(), site.upstream());
        term::line(&format!("{name}  {url} in front of {upstream}"));
        servers.extend(site.serve(paywall, &traffic, &mut Hosts::default(), &stopped));
    }
    asked.received().await;
    // Without a receiver every server has ended already.
    let _ = stop.send(true);
    for server in servers {
        if let Err(error) = server.await {
            tracing::error!(%error, "a listener broke off");
        }
    }
    Ok(())
}

fn token(args: &GatewayArgs) -> Result<String, Failure> {
    if let Some(path) = &args.token_file {
        return read_token(path);
    }
    match std::env::var(TOKEN_VARIABLE) {
        Ok(token) if !token.is_empty() => Ok(token),
        _ => Err(Failure::usage("the gateway's token is missing")
            .with_hint(format!("set {TOKEN_VARIABLE}, or name a file with --token-file"))
            .with_hint("the token is `gateway.token` in the node's data folder")),
    }
}

fn read_token(path: &Path) -> Result<String, Failure> {
    secrets::read(path).map_err(|error| match error {
        SecretError::Sealed(_) => Failure::new(error.to_string())
            .with_hint("on the node's machine, `farthing seal open gateway.token` prints it"),
        error => error.into(),
    })
}
