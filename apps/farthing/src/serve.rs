//! `farthing serve`: a node and its gateways in one process, from configuration to clean end.
//!
//! Order of starting: check the settings, make the data folder and its secrets, take every address,
//! start the engine (which locks the folder), open assets and payees, serve, say where. Invariants:
//! nothing is served before the engine has recovered; on the way out requests finish before the engine
//! stops; secrets stay in their files.

mod error;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use api::{Backlog, Monitor, TestClock, Token, Traffic, Watched};
use axum::Router;
use engine::{AccountRole, AccountSpec, Engine};
use gateway::{Node, NodeFacts, Paywall, PublishedOffer, SiteKey};
use http402::llms::Entry;
use instrument::{KeyPair, node_id};
use tlog::KeyName;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::cli::ServeArgs;
use crate::config::{Config, NodeSettings, Settings};
use crate::data;
use crate::failure::Failure;
use crate::hosts::{Hosts, Others};
use crate::listener::Listener;
use crate::log;
use crate::offers;
use crate::otel;
use crate::outbox;
use crate::site::{Site, SiteError};
use crate::stop_signal::StopSignal;
use crate::term;
use crate::test_clock::{self, SandboxClock};
use crate::tls::Certificates;
use crate::vault::Vault;

pub(crate) use error::ServeError;

/// A node that serves.
#[derive(Debug)]
pub(crate) struct Running {
    /// Origin of the node as payers see it.
    pub(crate) node_url: String,
    /// Origins of the gateways, in the order of the configuration.
    pub(crate) site_urls: Vec<String>,
    engine: Engine,
    folder: PathBuf,
    tls: Certificates,
    stop: watch::Sender<bool>,
    servers: Vec<JoinHandle<()>>,
    webhooks: webhook::Handle,
    report: Option<report::Follower>,
}

/// Runs until the process is asked to stop.
pub(crate) async fn run(args: ServeArgs) -> Result<(), Failure> {
    let mut config = Config::load(&args.config)?;
    let asked = Asked { accept_clock: args.accept_clock, new_log: args.new_log };
    if let Some(listen) = args.listen {
        config.node.listen = listen;
    }
    if let Some(folder) = args.data {
        config.node.data = folder;
    }
    if let Some(path) = args.seal.seal_key {
        config.node.seal_key_file = Some(path);
    }
    config.check()?;
    if args.print_config {
        term::line(config.print()?.trim_end());
        return Ok(());
    }
    let upstreams: Vec<String> = config.gateways.iter().map(|site| site.upstream.clone()).collect();
    let mut running = start(config, &asked).await?;
    let no_signals = |error| Failure::new(format!("no signal handler: {error}"));
    let stop = StopSignal::listen().map_err(no_signals)?;
    running.keep_certificates_fresh().map_err(no_signals)?;
    term::line(&format!("{}  {}", term::strong("node"), running.node_url));
    for (url, upstream) in running.site_urls.iter().zip(upstreams) {
        term::line(&format!("{}  {url} in front of {upstream}", term::strong("site")));
    }
    term::line(&format!("{}  {}", term::strong("data"), running.folder.display()));
    stop.received().await;
    term::note("stopping: requests under way are finished");
    running.shutdown().await;
    Ok(())
}

/// What a start is to do once.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    /// A clock behind the journal is taken as it is.
    pub(crate) accept_clock: bool,
    /// The books get a new log of this name.
    pub(crate) new_log: Option<KeyName>,
}

/// Starts everything; port 0 takes any free port, and the result says which.
pub(crate) async fn start(config: Config, asked: &Asked) -> Result<Running, ServeError> {
    let settings = config.check()?;
    let folder = settings.node.data.clone();
    let failed = |cause| ServeError::Folder { folder: folder.clone(), cause };
    data::make(&folder).map_err(failed)?;
    let vault = Vault::open_sealed(&folder, settings.node.seal_key_file.as_deref())?;
    let key = Arc::new(vault.node_key()?);
    let operator_token = Token::new(vault.token(data::OPERATOR_TOKEN)?);
    let gateway_token = vault.token(data::GATEWAY_TOKEN)?;

    let clock = SandboxClock::of(&folder)?;
    test_clock::check(&clock.clock(), codes(&settings))?;
    let Bound { places, metrics, sites, tls } = bind(&settings).await?;
    let node_url = settings.node.public_url.clone().unwrap_or_else(|| places.listener.url());
    let engine = open_engine(&vault, &key, &settings, asked, &clock).await?;
    let facts = NodeFacts { node: engine.node(), url: node_url.clone() };
    let (stop, stopped) = watch::channel(false);
    let site_urls: Vec<String> = sites.iter().map(|site| site.url().to_owned()).collect();
    let published = log::publish(&engine, settings.log.as_ref(), &vault, &node_url, &stopped);
    let (known, tasks) = published.await?.unzip();
    let traffic = Traffic::default();
    let Sold { listed, fixed, mut servers, hosts } = serve_sites(
        sites,
        &engine,
        |site| site.paywall(Node::Local(engine.clone()), facts.clone(), &gateway_token),
        &traffic,
        &stopped,
    );
    servers.extend(tasks.into_iter().flatten());
    servers.extend(otel::start(settings.otel.clone(), &stopped));
    let webhooks = outbox::start(&engine, &vault, &settings.webhooks)?;
    let report = follow_events(&engine, &folder);
    let reports = report.as_ref().map(|follower| follower.handle().clone());
    let is_sandbox = settings.assets.iter().all(|(_, sandbox)| *sandbox);
    let clock: Option<Arc<dyn TestClock>> = if is_sandbox { Some(Arc::new(clock)) } else { None };
    let monitor = Monitor::new(Watched {
        engine: engine.clone(),
        data: folder.clone(),
        version: env!("CARGO_PKG_VERSION"),
        log: known.clone(),
        clock: clock.clone(),
        backlog: backlog(engine.clone(), webhooks.clone(), reports.clone()),
        traffic,
        certificates: looks_of(&tls),
    });
    servers.extend(watch(&monitor, metrics, &stopped));
    let router = api::router(api::Node {
        engine: engine.clone(),
        key,
        public_url: node_url.clone(),
        offers: listed,
        file_offers: fixed,
        operator_token,
        sponsored_key: SiteKey::of_gateway(&gateway_token).public(),
        gateway_token: Token::new(gateway_token),
        sandbox: settings.node.faucet.is_some(),
        faucet_units: settings.node.faucet.map_or(0, money::Amount::units),
        labels: BTreeMap::new(),
        site: site_urls.first().cloned(),
        log: known,
        monitor,
        clock,
        report: reports,
        admission: settings.admission.clone(),
        webhooks: Some(webhooks.clone()),
    });
    data::publish(&folder, &places.local_url(&settings.node, &node_url)).map_err(failed)?;
    servers.extend(places.serve(hosts, &settings.node.hosts, &router, &stopped));
    Ok(Running { node_url, site_urls, engine, folder, tls, stop, servers, webhooks, report })
}

/// Every address that was taken.
struct Bound {
    places: Places,
    metrics: Option<Listener>,
    sites: Vec<Site>,
    tls: Certificates,
}

/// Where the node is reached.
struct Places {
    listener: Listener,
    /// For programs of the operator.
    api: Option<Listener>,
}

impl Places {
    /// Where programs on this machine find the node.
    fn local_url(&self, node: &NodeSettings, node_url: &str) -> String {
        match &self.api {
            Some(listener) => listener.url(),
            // A certificate is for the name that payers know, not for an address of this machine.
            None if node.tls.is_some() => node_url.to_owned(),
            None => self.listener.url(),
        }
    }

    /// Serves the node beside the sites that share its listener: with names it has those, without
    /// all that no site has. Programs on this machine find it in any case.
    fn serve(
        self,
        mut hosts: Hosts,
        names: &[String],
        node: &Router,
        stopped: &watch::Receiver<bool>,
    ) -> Vec<JoinHandle<()>> {
        let others = if names.is_empty() { Others::All } else { Others::Local };
        hosts.name(names, node.clone());
        hosts.others(others, node.clone());
        let mut servers = vec![tokio::spawn(self.listener.serve(hosts, stopped.clone()))];
        if let Some(listener) = self.api {
            servers.push(tokio::spawn(listener.serve(node.clone(), stopped.clone())));
        }
        servers
    }
}

async fn bind_plain(address: Option<SocketAddr>) -> Result<Option<Listener>, SiteError> {
    let Some(address) = address else { return Ok(None) };
    Ok(Some(Listener::bind(address).await?))
}

async fn bind(settings: &Settings) -> Result<Bound, SiteError> {
    let mut tls = Certificates::default();
    let handshakes = tls.handshakes(settings.node.tls.as_ref())?;
    let listener = Listener::bind(settings.node.listen).await?.with_tls(handshakes);
    let api = bind_plain(settings.api_listen).await?;
    let metrics = bind_plain(settings.metrics).await?;
    let mut sites = Vec::new();
    for site in settings.gateways.iter().cloned() {
        sites.push(Site::bind(site, Some(&listener), &mut tls).await?);
    }
    Ok(Bound { places: Places { listener, api }, metrics, sites, tls })
}

/// What the gateways beside the node sell, and the tasks that serve them.
struct Sold {
    /// What is for sale at the moment.
    listed: watch::Receiver<Vec<Entry>>,
    /// Offers of the configuration.
    fixed: Vec<PublishedOffer>,
    servers: Vec<JoinHandle<()>>,
    /// Sites that share the node's listener.
    hosts: Hosts,
}

/// Serves the sites, with the offers of the registry on their shelves.
fn serve_sites(
    sites: Vec<Site>,
    engine: &Engine,
    paywall: impl Fn(&Site) -> Paywall,
    traffic: &Traffic,
    stopped: &watch::Receiver<bool>,
) -> Sold {
    let (mut stalls, mut fixed) = (Vec::new(), Vec::new());
    let sites: Vec<_> = sites.into_iter().map(|site| (paywall(&site), site)).collect();
    for (paywall, site) in &sites {
        stalls.push(site.stall(paywall));
        fixed.extend(site.offers().iter().map(|offer| PublishedOffer::of(offer, site.name())));
    }
    // Before anybody can ask: what no offer covers is free.
    let (catalogue, listed) = watch::channel(offers::stock(engine, &stalls));
    let follower = offers::follow(engine.clone(), stalls, catalogue, stopped.clone());
    let (mut hosts, mut servers) = (Hosts::default(), vec![tokio::spawn(follower)]);
    for (paywall, site) in sites {
        servers.extend(site.serve(paywall, traffic, &mut hosts, stopped));
    }
    Sold { listed, fixed, servers, hosts }
}

/// The read model on its thread. A node without one takes payments all the same.
fn follow_events(engine: &Engine, folder: &Path) -> Option<report::Follower> {
    let source = report::EngineEvents::new(engine.clone(), tokio::runtime::Handle::current());
    report::follow(folder.join(data::REPORT), engine.node(), source)
        .inspect_err(|error| {
            tracing::error!(%error, "there is no read model; payments are not concerned");
        })
        .ok()
}

fn looks_of(certificates: &Certificates) -> Arc<dyn Fn() -> Vec<api::Certificate> + Send + Sync> {
    let certificates = certificates.clone();
    Arc::new(move || certificates.look())
}

/// What works beside the writer, for who watches the node.
fn backlog(
    engine: Engine,
    webhooks: webhook::Handle,
    report: Option<report::Handle>,
) -> Arc<dyn Fn() -> Backlog + Send + Sync> {
    Arc::new(move || {
        let sent = webhooks.report();
        let read = report.as_ref().map(report::Handle::progress);
        Backlog {
            webhooks_pending: Some(sent.pending),
            webhooks_dead: Some(sent.dead),
            webhooks_disabled: Some(outbox::disabled(&engine)),
            report_lag_events: read.map(|read| read.end.saturating_sub(read.position)),
        }
    })
}

/// The engine with its books open, and nothing under way that a stop has left half done.
async fn open_engine(
    vault: &Vault,
    key: &KeyPair,
    settings: &Settings,
    asked: &Asked,
    clock: &SandboxClock,
) -> Result<Engine, ServeError> {
    let engine = start_engine(vault, key, settings, asked, clock).await?;
    open_books(&engine, settings).await?;
    check_books(&engine, clock).await?;
    if let Err(error) = api::settle_payouts(&engine).await {
        tracing::error!(%error, "a payout cannot be settled");
    }
    Ok(engine)
}

async fn start_engine(
    vault: &Vault,
    key: &KeyPair,
    settings: &Settings,
    asked: &Asked,
    clock: &SandboxClock,
) -> Result<Engine, ServeError> {
    let node = node_id(&key.public());
    let mut options = engine::Options::new(vault.folder(), node);
    if let Some(kept) = &settings.log {
        let public_url = settings.node.public_url.as_deref();
        options.log = Some(log::options(vault, kept, public_url, node, asked.new_log.as_ref())?);
    }
    options.clock = Arc::new(clock.clock());
    options.accept_earlier_clock = asked.accept_clock;
    options.channel_limits =
        settings.payees.iter().map(|payee| (payee.account, payee.channels)).collect();
    let started = tokio::task::spawn_blocking(move || Engine::start(options)).await;
    let started = started.map_err(|_| ServeError::CutOff)??;
    let recovery = &started.recovery;
    if recovery.torn_bytes > 0 {
        term::note(&format!(
            "recovered: {} bytes of an unfinished batch were cut from the journal; nothing that was \
             acknowledged is lost",
            recovery.torn_bytes
        ));
    }
    tracing::info!(
        last_batch = recovery.last_sequence,
        replayed_batches = started.replayed_batches,
        "the journal is read"
    );
    Ok(started.engine)
}

/// Lets the monitor look by itself, and tells the metrics where they are asked for.
fn watch(
    monitor: &Monitor,
    listener: Option<Listener>,
    stopped: &watch::Receiver<bool>,
) -> Vec<JoinHandle<()>> {
    let mut servers = vec![tokio::spawn(monitor.clone().watch(stopped.clone()))];
    if let Some(listener) = listener {
        term::note(&format!("metrics at {}/metrics", listener.url()));
        let router = api::metrics_router(monitor.clone());
        servers.push(tokio::spawn(listener.serve(router, stopped.clone())));
    }
    servers
}

/// Assets of the settings, and whether each is play money.
fn codes(settings: &Settings) -> impl Iterator<Item = (&str, bool)> {
    settings.assets.iter().map(|(asset, sandbox)| (asset.code.as_str(), *sandbox))
}

/// The settings may leave out what the books carry.
async fn check_books(engine: &Engine, clock: &SandboxClock) -> Result<(), ServeError> {
    let Ok(assets) = engine.read(engine::State::asset_views).await else { return Ok(()) };
    let codes = assets.iter().map(|view| (view.asset.code.as_str(), view.sandbox));
    let fits = test_clock::check(&clock.clock(), codes);
    if fits.is_err() {
        engine.shutdown().await;
    }
    Ok(fits?)
}

/// Opens what the configuration names; what is open already stays as it is.
async fn open_books(engine: &Engine, settings: &Settings) -> Result<(), ServeError> {
    for (asset, sandbox) in &settings.assets {
        let opened = engine.open_asset(*asset, *sandbox).await;
        opened.map_err(|cause| ServeError::Open {
            what: format!("asset {}", asset.code.as_str()),
            cause,
        })?;
    }
    for payee in &settings.payees {
        let opened = engine.open_account(AccountSpec {
            id: payee.account,
            asset: payee.asset,
            role: AccountRole::Payee,
            label: payee.name.clone(),
        });
        opened
            .await
            .map_err(|cause| ServeError::Open { what: format!("payee `{}`", payee.name), cause })?;
    }
    Ok(())
}

impl Running {
    /// The node, as its gateways reach it.
    pub(crate) fn node(&self) -> Node {
        Node::Local(self.engine.clone())
    }

    /// From now on changed files of certificates count, and SIGHUP says that they have changed.
    fn keep_certificates_fresh(&mut self) -> io::Result<()> {
        let fresh = self.tls.clone().keep_fresh(self.stop.subscribe())?;
        self.servers.push(tokio::spawn(fresh));
        Ok(())
    }

    /// Finishes what is under way, writes a snapshot, and stops.
    pub(crate) async fn shutdown(self) {
        // Without a receiver every server has ended already.
        let _ = self.stop.send(true);
        self.webhooks.close_streams();
        for server in self.servers {
            if let Err(error) = server.await {
                tracing::error!(%error, "a listener broke off");
            }
        }
        let webhooks = self.webhooks;
        if let Err(error) = tokio::task::spawn_blocking(move || webhooks.stop()).await {
            tracing::error!(%error, "the outbox of webhooks broke off");
        }
        let report = self.report;
        // The thread waits for the engine, so it ends first, and not on a thread that serves.
        if tokio::task::spawn_blocking(move || drop(report)).await.is_err() {
            tracing::error!("the read model broke off");
        }
        self.engine.shutdown().await;
        data::withdraw(&self.folder);
    }
}
