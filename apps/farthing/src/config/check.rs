//! From the file's words to typed settings.
//!
//! Invariant: every error names the file, the key, and what to write instead.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use http::{HeaderName, Uri};
use http402::SERVICE_NAME_CHARS_MAX;
use money::{Amount, Asset};

use super::crawler;
use super::meter;
use super::offer;
use super::payee::derived_account;
use super::{Config, ConfigError, FAUCET_DEFAULT, GatewaySection, PayeeSection, TlsSection};
use super::{GatewaySettings, NodeSettings, PayeeSettings, Settings};
use crate::hosts::{host_name, host_of, origin_at};

/// Where a key stands, for errors.
#[derive(Debug, Clone)]
pub(super) struct Key<'a> {
    file: &'a str,
    path: String,
}

impl<'a> Key<'a> {
    pub(super) fn root(file: &'a str) -> Self {
        Self { file, path: String::new() }
    }

    pub(super) fn join(&self, name: &str) -> Self {
        let dot = if self.path.is_empty() { "" } else { "." };
        Self { file: self.file, path: format!("{}{dot}{name}", self.path) }
    }

    /// The n-th table of an array, counted from 1 as people do.
    pub(super) fn nth(&self, name: &str, index: usize) -> Self {
        self.join(&format!("{name}[{}]", index + 1))
    }

    pub(super) fn error(&self, what: impl Into<String>, hint: impl Into<String>) -> ConfigError {
        ConfigError {
            place: format!("{}: {}", self.file, self.path),
            what: what.into(),
            hint: Some(hint.into()),
        }
    }
}

impl Config {
    /// Checks everything and types it.
    pub(crate) fn check(&self) -> Result<Settings, ConfigError> {
        let root = Key::root(&self.source);
        let assets = self.check_assets(&root)?;
        let payees = self.check_payees(&root, &assets)?;
        let admission = self.api.check(&root.join("api"))?;
        let mut gateways = Vec::new();
        for (index, section) in self.gateways.iter().enumerate() {
            let key = root.nth("gateway", index);
            let place = self.check_place(section, &key)?;
            let admission = section.limits.check(&admission.proxies, &key.join("limits"))?;
            let settings = check_gateway(section, place, &key, &assets, &payees)?;
            gateways.push(GatewaySettings { admission, ..settings });
        }
        let node = self.check_node(&root.join("node"), &assets)?;
        check_wallet_alone(&node, &gateways, &root)?;
        check_names(&node, &gateways, &root)?;
        let log = self.log.check(&node.data, &root.join("log"))?;
        let webhooks = self.webhooks.check(&root.join("webhooks"))?;
        let otel = self.otel.as_ref().map(|otel| otel.check(&root.join("otel")));
        Ok(Settings {
            node,
            log,
            admission,
            webhooks,
            assets,
            payees,
            gateways,
            metrics: self.metrics.listen,
            otel: otel.transpose()?,
            api_listen: self.api.listen,
        })
    }

    /// Where a site is reached: at a listener of its own, or under its names at the node's.
    fn check_place(&self, section: &GatewaySection, key: &Key<'_>) -> Result<Place, ConfigError> {
        let mut hosts = section.host.check(&key.join("host"))?;
        if section.listen.is_none() && hosts.is_empty() {
            let hint = "write listen = \"127.0.0.1:4020\", or host = \"news.example\" to share the \
                        node's listener";
            return Err(key.join("listen").error("the site has no place", hint));
        }
        if section.listen.is_none() && section.tls.is_some() {
            let hint = "take it out: the certificate of [tls] counts; or write listen";
            return Err(key.join("tls").error("the site has no listener of its own", hint));
        }
        let (listen, tls) = match section.listen {
            Some(listen) => (listen, &section.tls),
            None => (self.node.listen, &self.tls),
        };
        let public_url = match &section.public_url {
            None if !hosts.is_empty() => None,
            text => check_origin(text.as_deref(), listen, key)?,
        };
        TlsSection::check(tls.as_ref(), public_url.as_deref(), &key.join("public_url"))?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let usual = match hosts.first() {
            Some(host) => origin_at(scheme, host, listen.port()),
            None => format!("{scheme}://{listen}"),
        };
        add_host_of(public_url.as_deref(), &mut hosts);
        let site = public_url.clone().unwrap_or(usual);
        Ok(Place { hosts, public_url, site })
    }

    fn check_node(
        &self,
        key: &Key<'_>,
        assets: &[(Asset, bool)],
    ) -> Result<NodeSettings, ConfigError> {
        let node = &self.node;
        let play = assets.iter().find(|(_, sandbox)| *sandbox);
        if node.faucet.is_some() && play.is_none() {
            let what = "the faucet gives play money away, and every asset here is real";
            let hint = "take it out, or mark an asset of play money with sandbox = true";
            return Err(key.join("faucet").error(what, hint));
        }
        let faucet = play.map(|(asset, _)| {
            let gives = node.faucet.as_deref().unwrap_or(FAUCET_DEFAULT);
            Amount::parse_decimal(gives, *asset).map_err(|why| {
                key.join("faucet").error(why.to_string(), "write a decimal such as \"1\"")
            })
        });
        let public_url = check_origin(node.public_url.as_deref(), node.listen, key)?;
        TlsSection::check(self.tls.as_ref(), public_url.as_deref(), &key.join("public_url"))?;
        let mut hosts = node.hosts.check(&key.join("hosts"))?;
        add_host_of(public_url.as_deref(), &mut hosts);
        Ok(NodeSettings {
            listen: node.listen,
            hosts,
            public_url,
            tls: self.tls.clone(),
            data: node.data.clone(),
            seal_key_file: node.seal_key_file.clone(),
            faucet: faucet.transpose()?,
        })
    }

    fn check_assets(&self, root: &Key<'_>) -> Result<Vec<(Asset, bool)>, ConfigError> {
        let mut assets: Vec<(Asset, bool)> = Vec::new();
        for (index, section) in self.assets.iter().enumerate() {
            let key = root.nth("asset", index);
            let asset = Asset::new(&section.code, section.scale).map_err(|why| {
                key.error(why.to_string(), "for example code = \"USD\" and scale = 9")
            })?;
            if assets.iter().any(|(earlier, _)| earlier.code == asset.code) {
                let what = format!("{} stands twice", asset.code.as_str());
                return Err(key.join("code").error(what, "name each asset once"));
            }
            assets.push((asset, section.sandbox));
        }
        Ok(assets)
    }

    fn check_payees(
        &self,
        root: &Key<'_>,
        assets: &[(Asset, bool)],
    ) -> Result<Vec<PayeeSettings>, ConfigError> {
        let mut payees = Vec::new();
        let (mut names, mut accounts) = (BTreeSet::new(), BTreeSet::new());
        for (index, section) in self.payees.iter().enumerate() {
            let key = root.nth("payee", index);
            let payee = check_payee(section, &key, assets)?;
            if !names.insert(payee.name.clone()) {
                let what = format!("`{}` stands twice", payee.name);
                return Err(key.join("name").error(what, "give each payee a name of its own"));
            }
            if !accounts.insert(payee.account) {
                let what = format!("{} belongs to another payee already", payee.account);
                return Err(key.join("account").error(what, "give each payee its own account"));
            }
            payees.push(payee);
        }
        Ok(payees)
    }
}

fn check_payee(
    section: &PayeeSection,
    key: &Key<'_>,
    assets: &[(Asset, bool)],
) -> Result<PayeeSettings, ConfigError> {
    if section.name.trim().is_empty() {
        return Err(key.join("name").error("the name is empty", "write who is paid"));
    }
    let asset = match (&section.asset, assets.first()) {
        (Some(code), _) => find_asset(code, &key.join("asset"), assets)?,
        (None, Some((asset, _))) => *asset,
        (None, None) => {
            let hint = "add an [[asset]] with a code, for example \"USD\"";
            return Err(key.error("there is no asset to be paid in", hint));
        }
    };
    let account = match &section.account {
        None => derived_account(&section.name),
        Some(text) => text.parse().map_err(|why: money::IdError| {
            let hint = "leave it out to get the account of the name";
            key.join("account").error(why.to_string(), hint)
        })?,
    };
    let name = section.name.clone();
    let channels = meter::channel_limits(section, key, asset)?;
    Ok(PayeeSettings { name, asset, account, channels })
}

/// A decimal in an asset.
pub(super) fn decimal(text: &str, key: &Key<'_>, asset: Asset) -> Result<Amount, ConfigError> {
    Amount::parse_decimal(text, asset).map_err(|why| {
        key.error(why.to_string(), "write a decimal in quotes, for example \"0.002\"")
    })
}

pub(super) fn find_asset(
    code: &str,
    key: &Key<'_>,
    assets: &[(Asset, bool)],
) -> Result<Asset, ConfigError> {
    let found = assets.iter().find(|(asset, _)| asset.code.as_str() == code);
    found.map(|(asset, _)| *asset).ok_or_else(|| {
        let hint = format!("add an [[asset]] with code = \"{code}\"");
        key.error(format!("the node carries no asset `{code}`"), hint)
    })
}

/// Where a site is reached.
struct Place {
    hosts: Vec<String>,
    public_url: Option<String>,
    /// The origin that offers of the file are named after.
    site: String,
}

fn check_gateway(
    section: &GatewaySection,
    place: Place,
    key: &Key<'_>,
    assets: &[(Asset, bool)],
    payees: &[PayeeSettings],
) -> Result<GatewaySettings, ConfigError> {
    let upstream = origin(&section.upstream).ok_or_else(|| {
        let what = format!("`{}` is not an origin", section.upstream);
        let hint = "write scheme, host and port only, for example \"http://127.0.0.1:8080\"";
        key.join("upstream").error(what, hint)
    })?;
    if let Some(name) = &section.service_name {
        let printable = name.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        if !printable || !(1..=SERVICE_NAME_CHARS_MAX).contains(&name.len()) {
            let what = "payers' software would refuse this name";
            let hint = format!("use 1 to {SERVICE_NAME_CHARS_MAX} characters of printable ASCII");
            return Err(key.join("service_name").error(what, hint));
        }
    }
    let country_header = section.country_header.as_ref().map(|name| {
        name.parse::<HeaderName>().map_err(|_| {
            let hint =
                "for example \"CF-IPCountry\"; your proxy must set it and drop what payers send";
            key.join("country_header").error(format!("`{name}` is no name of a header"), hint)
        })
    });
    let Place { hosts, public_url, site } = place;
    Ok(GatewaySettings {
        name: section.name.clone(),
        hosts,
        listen: section.listen,
        public_url,
        tls: section.tls.clone(),
        country_header: country_header.transpose()?,
        upstream,
        service_name: section.service_name.clone(),
        routes: offer::routes(&section.offers, &site, key, assets, payees)?,
        crawlers: crawler::crawlers(&section.crawlers, key)?,
        admission: api::Admission::default(),
    })
}

/// The wallet's key lives at the node's origin, where no script of a site may run.
fn check_wallet_alone(
    node: &NodeSettings,
    gateways: &[GatewaySettings],
    root: &Key<'_>,
) -> Result<(), ConfigError> {
    let shares =
        |site: &GatewaySettings| node.public_url.is_some() && site.public_url == node.public_url;
    let Some(index) = gateways.iter().position(shares) else { return Ok(()) };
    let what = "the site has the origin of the node, so its scripts could use every wallet's key";
    let hint = "give node and site host names of their own";
    Err(root.nth("gateway", index).join("public_url").error(what, hint))
}

/// Who is named at all is also reached under the name that payers know.
fn add_host_of(public_url: Option<&str>, hosts: &mut Vec<String>) {
    let of_url = public_url.and_then(host_of).filter(|host| !hosts.contains(host));
    if !hosts.is_empty() {
        hosts.extend(of_url);
    }
}

/// At the node's listener each name belongs to one site, or to the node.
fn check_names(
    node: &NodeSettings,
    gateways: &[GatewaySettings],
    root: &Key<'_>,
) -> Result<(), ConfigError> {
    let of_url = node.public_url.as_deref().and_then(host_of);
    let of_listener = host_name(&node.listen.to_string());
    let mut taken: Vec<&String> = node.hosts.iter().chain(&of_url).chain(&of_listener).collect();
    for (index, site) in gateways.iter().enumerate().filter(|(_, site)| site.listen.is_none()) {
        if let Some(name) = site.hosts.iter().find(|name| taken.contains(name)) {
            let what = format!("`{name}` belongs to the node or to another site");
            let hint = "give node and sites host names of their own";
            return Err(root.nth("gateway", index).join("host").error(what, hint));
        }
        taken.extend(&site.hosts);
    }
    Ok(())
}

/// The origin as payers see it, which orders are bound to.
fn check_origin(
    public_url: Option<&str>,
    listen: SocketAddr,
    key: &Key<'_>,
) -> Result<Option<String>, ConfigError> {
    let hint = "write how payers reach it, for example public_url = \"https://pay.example\"";
    let Some(text) = public_url else {
        if listen.ip().is_unspecified() {
            let what = format!("it is missing, and {listen} does not say how payers get here");
            return Err(key.join("public_url").error(what, hint));
        }
        return Ok(None);
    };
    if origin(text).is_none() {
        let what = format!("`{text}` is not an origin: scheme, host and port, nothing behind");
        return Err(key.join("public_url").error(what, hint));
    }
    Ok(Some(text.trim_end_matches('/').to_ascii_lowercase()))
}

/// A URL that is an origin and nothing more.
fn origin(text: &str) -> Option<Uri> {
    let url: Uri = text.parse().ok()?;
    let known = matches!(url.scheme_str(), Some("http" | "https"));
    let bare =
        matches!(url.path(), "" | "/") && url.query().is_none() && !text.contains(['#', '@']);
    (known && bare && url.authority().is_some()).then_some(url)
}
