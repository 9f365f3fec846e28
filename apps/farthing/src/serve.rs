//! `farthing serve`: a node and its gateways in one process, from configuration to clean end.
//!
//! Order of starting: check the settings, make the data folder and its secrets, take every address,
//! start the engine (which locks the folder), open assets and payees, serve, say where. Invariants:
//! nothing is served before the engine has recovered; on the way out requests finish before the engine
//! stops; secrets stay in their files.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use api::{Backlog, ListedOffer, Monitor, TestClock, Token, Traffic, Watched};
use engine::{AccountRole, AccountSpec, Engine, LogError, StartError};
use gateway::{Node, NodeFacts, Paywall, PublishedOffer};
use instrument::{KeyPair, node_id};
use tlog::KeyName;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::cli::ServeArgs;
use crate::config::{Config, ConfigError, Settings};
use crate::data;
use crate::failure::Failure;
use crate::listener::{BindError, Listener};
use crate::log;
use crate::offers;
use crate::outbox::{self, OutboxError};
use crate::secrets::SecretError;
use crate::site::Site;
use crate::stop_signal::StopSignal;
use crate::term;
use crate::test_clock::{self, SandboxClock};
use crate::vault::Vault;

/// Why a node did not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    /// The settings are wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The data folder cannot be used.
    #[error("the data folder {folder} cannot be used: {cause}")]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// A secret cannot be used.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// An address is taken.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The engine does not start.
    #[error("the node does not start: {0}")]
    Engine(#[from] StartError),
    /// An asset or payee differs from what the books have.
    #[error("{what} of the configuration does not fit the books: {cause}")]
    Open {
        /// What was opened.
        what: String,
        /// What differs.
        cause: engine::OpenError,
    },
    /// The log cannot be set up.
    #[error(transparent)]
    Log(#[from] log::SetupError),
    /// The clock of the folder does not fit.
    #[error(transparent)]
    Clock(#[from] test_clock::ClockError),
    /// Webhooks cannot be sent.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    /// A task of the start was cut off.
    #[error("the start was cut off")]
    CutOff,
}

impl From<ServeError> for Failure {
    fn from(error: ServeError) -> Self {
        let text = error.to_string();
        match error {
            ServeError::Config(error) => error.into(),
            ServeError::Secret(error) => error.into(),
            ServeError::Engine(error) => not_started(text, &error),
            ServeError::Clock(test_clock::ClockError::RealMoney { .. }) => {
                Self::new(text).with_hint("name another folder with --data for real money")
            }
            ServeError::Bind(_) => Self::new(text).with_hint("choose another address or port"),
            _ => Self::new(text),
        }
    }
}

/// What the operator can do about an engine that does not start.
fn not_started(text: String, error: &StartError) -> Failure {
    use journal::OpenError;
    match error {
        StartError::Journal(OpenError::Locked { .. }) => {
            Failure::new(text).with_hint("for a second node, name another folder with --data")
        }
        // These texts say what to do.
        StartError::Journal(OpenError::Disk(_) | OpenError::Version { .. })
        | StartError::Read(journal::ReadError::Disk(_))
        | StartError::Snapshot(_)
        | StartError::Thread(_) => Failure::new(text).with_hint("nothing durable was changed"),
        StartError::ClockBehind { .. } => Failure::new(text).with_hint(
            "if the clock is right, the journal was written under a wrong one: start with \
             --accept-clock",
        ),
        StartError::OtherNode { .. } => {
            Failure::new(text).with_hint("put the right `node.key` back, or name another folder")
        }
        StartError::Log(error) => log_not_opened(text, error),
        _ => Failure::damage(text)
            .with_hint("nothing was changed; `farthing fsck` explains what is wrong")
            .with_hint("keep the folder as it is and restore the newest backup into another one"),
    }
}

/// What the operator can do about a log that does not open.
fn log_not_opened(text: String, error: &LogError) -> Failure {
    match error {
        LogError::OtherLog { .. } => Failure::new(text)
            .with_hint(
                "name and key of a log stay for life: take `origin` out of [log], or put \
                        `log.key` and `log.origin` back from the newest backup",
            )
            .with_hint("a node with new books, in another folder, can have a log of another name"),
        LogError::GuardMissing(path) => Failure::new(text).with_hint(format!(
            "only for a log that is new or that never had a guard: farthing log guard --create {}",
            path.display()
        )),
        LogError::SecretsMissing(_)
        | LogError::SecretsDamaged { .. }
        | LogError::CheckpointDamaged { .. }
        | LogError::ForgottenLost { .. } => Failure::damage(text)
            .with_hint("payments work without the log: `enabled = false` in [log]"),
        _ => Failure::new(text).with_hint("nothing durable was changed"),
    }
}

/// A node that serves.
#[derive(Debug)]
pub(crate) struct Running {
    /// Origin of the node as payers see it.
    pub(crate) node_url: String,
    /// Origins of the gateways, in the order of the configuration.
    pub(crate) site_urls: Vec<String>,
    engine: Engine,
    folder: PathBuf,
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
    let running = start(config, &asked).await?;
    let stop = StopSignal::listen()
        .map_err(|error| Failure::new(format!("no signal handler: {error}")))?;
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
    let Bound { listener, metrics_listener, sites } = bind(&settings).await?;
    let node_url = settings.node.public_url.clone().unwrap_or_else(|| listener.url());
    let engine = open_engine(&vault, &key, &settings, asked, &clock).await?;
    let facts = NodeFacts { node: engine.node(), url: node_url.clone() };
    let (stop, stopped) = watch::channel(false);
    let site_urls: Vec<String> = sites.iter().map(|site| site.url().to_owned()).collect();
    let published = log::publish(&engine, settings.log.as_ref(), &vault, &node_url, &stopped);
    let (known, tasks) = published.await?.unzip();
    let traffic = Traffic::default();
    let node = Node::Local(engine.clone());
    let Sold { listed, fixed, mut servers } = serve_sites(
        sites,
        &engine,
        |site| site.paywall(node.clone(), facts.clone(), &gateway_token),
        &traffic,
        &stopped,
    );
    servers.extend(tasks.into_iter().flatten());
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
    });
    servers.extend(watch(&monitor, metrics_listener, &stopped));
    let router = api::router(api::Node {
        engine: engine.clone(),
        key,
        public_url: node_url.clone(),
        offers: listed,
        file_offers: fixed,
        operator_token,
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
    data::publish(&folder, &listener.url()).map_err(failed)?;
    servers.push(tokio::spawn(listener.serve(router, stopped)));
    Ok(Running { node_url, site_urls, engine, folder, stop, servers, webhooks, report })
}

/// Every address that was taken.
struct Bound {
    listener: Listener,
    metrics_listener: Option<Listener>,
    sites: Vec<Site>,
}

async fn bind(settings: &Settings) -> Result<Bound, BindError> {
    let listener = Listener::bind(settings.node.listen).await?;
    let metrics_listener = match settings.metrics {
        Some(address) => Some(Listener::bind(address).await?),
        None => None,
    };
    let mut sites = Vec::new();
    for site in settings.gateways.iter().cloned() {
        sites.push(Site::bind(site).await?);
    }
    Ok(Bound { listener, metrics_listener, sites })
}

/// What the gateways beside the node sell, and the tasks that serve them.
struct Sold {
    listed: Vec<ListedOffer>,
    /// Offers of the configuration.
    fixed: Vec<PublishedOffer>,
    servers: Vec<JoinHandle<()>>,
}

/// Serves the sites, with the offers of the registry on their shelves.
fn serve_sites(
    sites: Vec<Site>,
    engine: &Engine,
    paywall: impl Fn(&Site) -> Paywall,
    traffic: &Traffic,
    stopped: &watch::Receiver<bool>,
) -> Sold {
    let shelves: Vec<_> = sites.iter().map(Site::shelf).collect();
    offers::stock(engine, &shelves);
    let follower = offers::follow(engine.clone(), shelves, stopped.clone());
    let mut sold =
        Sold { listed: Vec::new(), fixed: Vec::new(), servers: vec![tokio::spawn(follower)] };
    for site in sites {
        let paywall = paywall(&site);
        let (name, _) = site.shelf();
        sold.listed.extend(listed(&site, &paywall));
        sold.fixed.extend(site.offers().iter().map(|offer| PublishedOffer::of(offer, &name)));
        sold.servers.extend(site.serve(paywall, traffic, stopped.clone()));
    }
    sold
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

/// One entry of the catalogue for each method of each listed offer.
fn listed(site: &Site, paywall: &Paywall) -> Vec<ListedOffer> {
    let mut listed = Vec::new();
    for offer in site.offers().iter().filter(|offer| offer.listed) {
        let challenge = paywall.listing(offer, site.url());
        listed.extend(offer.methods.iter().map(|method| ListedOffer {
            method: method.clone(),
            path: offer.path.as_str().to_owned(),
            url: challenge.resource.url.clone(),
            description: offer.description.clone(),
            mime_type: offer.mime_type.clone(),
            challenge: challenge.clone(),
        }));
    }
    listed
}

impl Running {
    /// The node, as its gateways reach it.
    pub(crate) fn node(&self) -> Node {
        Node::Local(self.engine.clone())
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
