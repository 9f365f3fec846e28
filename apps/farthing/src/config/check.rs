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
use super::{Config, ConfigError, FAUCET_DEFAULT, GatewaySection, PayeeSection};
use super::{GatewaySettings, NodeSettings, PayeeSettings, Settings};

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
            let gateway = check_gateway(section, &key, &assets, &payees)?;
            gateways.push(GatewaySettings { proxies: admission.proxies.clone(), ..gateway });
        }
        let node = self.check_node(&root.join("node"), &assets)?;
        check_wallet_alone(node.public_url.as_deref(), &gateways, &root)?;
        let log = self.log.check(&node.data, &root.join("log"))?;
        let webhooks = self.webhooks.check(&root.join("webhooks"))?;
        let metrics = self.metrics.listen;
        Ok(Settings { node, log, admission, webhooks, assets, payees, gateways, metrics })
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
        Ok(NodeSettings {
            listen: node.listen,
            public_url: check_origin(node.public_url.as_deref(), node.listen, key)?,
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

fn check_gateway(
    section: &GatewaySection,
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
    let public_url = check_origin(section.public_url.as_deref(), section.listen, key)?;
    let site = public_url.clone().unwrap_or_else(|| format!("http://{}", section.listen));
    Ok(GatewaySettings {
        name: section.name.clone(),
        listen: section.listen,
        public_url,
        country_header: country_header.transpose()?,
        upstream,
        service_name: section.service_name.clone(),
        routes: offer::routes(&section.offers, &site, key, assets, payees)?,
        crawlers: crawler::crawlers(&section.crawlers, key)?,
        proxies: Vec::new(),
    })
}

/// The wallet's key lives at the node's origin, where no script of a site may run.
fn check_wallet_alone(
    node: Option<&str>,
    gateways: &[GatewaySettings],
    root: &Key<'_>,
) -> Result<(), ConfigError> {
    let shares = |site: &GatewaySettings| node.is_some() && site.public_url.as_deref() == node;
    let Some(index) = gateways.iter().position(shares) else { return Ok(()) };
    let what = "the site has the origin of the node, so its scripts could use every wallet's key";
    let hint = "give node and site host names of their own";
    Err(root.nth("gateway", index).join("public_url").error(what, hint))
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
