//! The configuration file: what an operator writes, read strictly.
//!
//! Format: `docs/reference/configuration.md`. Layers: defaults, then the file, then environment and
//! flags, which the command line has merged already.
//!
//! Invariants: an unknown key is an error with file and line; nothing is used before
//! [`Config::check`] has turned it into typed [`Settings`].

mod api;
mod check;
mod crawler;
mod log;
mod meter;
mod offer;
mod payee;
mod settings;
mod webhooks;

use std::collections::BTreeMap;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub(crate) use settings::{GatewaySettings, NodeSettings, PayeeSettings, Settings};

use self::api::ApiSection;
use crate::failure::Failure;
use log::LogSection;
pub(crate) use log::LogSettings;
pub(crate) use webhooks::WebhooksSection;

use meter::{ChannelSection, MeterSection};

/// What one call of the faucet gives by default.
const FAUCET_DEFAULT: &str = "1";

/// Largest configuration file that is read.
const CONFIG_BYTES_MAX: u64 = 1024 * 1024;

/// The whole file.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// Name of the file, for errors.
    #[serde(skip)]
    pub(crate) source: String,
    #[serde(default)]
    pub(crate) node: NodeSection,
    #[serde(default)]
    pub(crate) log: LogSection,
    #[serde(default, skip_serializing_if = "is_usual")]
    pub(crate) api: ApiSection,
    #[serde(default, skip_serializing_if = "MetricsSection::is_empty")]
    pub(crate) metrics: MetricsSection,
    #[serde(default)]
    pub(crate) webhooks: WebhooksSection,
    #[serde(default, rename = "asset")]
    pub(crate) assets: Vec<AssetSection>,
    #[serde(default, rename = "payee")]
    pub(crate) payees: Vec<PayeeSection>,
    #[serde(default, rename = "gateway")]
    pub(crate) gateways: Vec<GatewaySection>,
}

fn is_usual(section: &ApiSection) -> bool {
    *section == ApiSection::default()
}

/// The node.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct NodeSection {
    /// Where it listens.
    pub(crate) listen: SocketAddr,
    /// Origin at which payers reach it; by default where it listens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) public_url: Option<String>,
    /// The data folder.
    pub(crate) data: PathBuf,
    /// What opens the folder's secrets; without it they lie there in plain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) seal_key_file: Option<PathBuf>,
    /// What one call of the faucet gives, in the first asset of play money; by default 1. Named
    /// without such an asset it is an error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) faucet: Option<String>,
}

impl Default for NodeSection {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 4021)),
            public_url: None,
            data: PathBuf::from("farthing-data"),
            seal_key_file: None,
            faucet: None,
        }
    }
}

/// Where metrics are read without a token.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct MetricsSection {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) listen: Option<SocketAddr>,
}

impl MetricsSection {
    fn is_empty(&self) -> bool {
        self.listen.is_none()
    }
}

/// An asset that the node carries.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AssetSection {
    pub(crate) code: String,
    #[serde(default = "usual_scale")]
    pub(crate) scale: u8,
    /// Play money, given away by the faucet.
    #[serde(default)]
    pub(crate) sandbox: bool,
}

const fn usual_scale() -> u8 {
    9
}

/// Somebody who is paid.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PayeeSection {
    pub(crate) name: String,
    /// By default the first asset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) asset: Option<String>,
    /// By default derived from the name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) account: Option<String>,
    /// Most that one channel to it may hold, a decimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) channel_deposit_max: Option<String>,
    /// Earnings on one channel beyond which it is settled at once, a decimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) channel_unsettled_max: Option<String>,
    /// Earnings on all channels that may be unsettled, a decimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) channel_exposure_max: Option<String>,
}

/// A site that sells.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GatewaySection {
    /// Offers that are made at run time name the site that sells them.
    #[serde(default = "usual_site")]
    pub(crate) name: String,
    pub(crate) listen: SocketAddr,
    /// Origin at which payers reach it; by default where it listens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) public_url: Option<String>,
    /// The service behind it.
    pub(crate) upstream: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) service_name: Option<String>,
    /// Header in which a proxy in front says where payers are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) country_header: Option<String>,
    #[serde(default, rename = "offer")]
    pub(crate) offers: Vec<OfferSection>,
    /// Crawlers that may pay with a signed request.
    #[serde(default, rename = "crawler", skip_serializing_if = "Vec::is_empty")]
    pub(crate) crawlers: Vec<CrawlerSection>,
}

/// A crawler that is let in.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CrawlerSection {
    /// Address that it names in `Signature-Agent`.
    pub(crate) agent: String,
    /// Its public key, 64 hex digits; or else a directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<String>,
    /// Where its keys are published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) directory: Option<String>,
}

/// A priced resource.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OfferSection {
    pub(crate) path: String,
    /// Prices this tool of the MCP server at `path`, instead of the path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tool: Option<String>,
    #[serde(default = "usual_methods")]
    pub(crate) methods: Vec<String>,
    /// Methods that pass at no charge at these paths; others that are not priced are refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) free_methods: Vec<String>,
    /// Decimal, such as `0.002`; of one request, or of the meter's `per` units.
    pub(crate) price: String,
    /// By default the asset of the payee.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) asset: Option<String>,
    /// Name of a payee.
    pub(crate) pay_to: String,
    #[serde(default)]
    pub(crate) description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mime_type: Option<String>,
    #[serde(default = "usual_access_seconds")]
    pub(crate) access_seconds: u32,
    #[serde(default = "usual_hold_seconds")]
    pub(crate) hold_seconds: u32,
    #[serde(default = "usual_order_seconds")]
    pub(crate) order_seconds: u32,
    #[serde(default)]
    pub(crate) payment_identifier: IdentifierSection,
    /// Named in catalogues.
    #[serde(default = "usual_listed")]
    pub(crate) listed: bool,
    /// Crawlers pay with a signed request.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) crawl: bool,
    /// Shares by payee, such as `80%`; without them `pay_to` receives all.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) split: BTreeMap<String, String>,
    /// Uses that cost a payer nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) free: Option<FreeSection>,
    /// What opens all its paths with one payment.
    #[serde(default, rename = "pass", skip_serializing_if = "Vec::is_empty")]
    pub(crate) passes: Vec<PassSection>,
    /// How a request is priced by the unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) meter: Option<MeterSection>,
    /// How channels pay; what is left out is derived from the price.
    #[serde(default, skip_serializing_if = "ChannelSection::is_empty")]
    pub(crate) channel: ChannelSection,
}

/// So many uses are free for each payer, in each window of so many seconds.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FreeSection {
    pub(crate) count: u32,
    pub(crate) seconds: u32,
}

/// What opens all paths of an offer, for a time or so many times.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PassSection {
    pub(crate) name: String,
    /// For people; by default its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) title: Option<String>,
    /// Decimal.
    pub(crate) price: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) seconds: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) uses: Option<u32>,
}

fn usual_site() -> String {
    "default".to_owned()
}

pub(crate) fn usual_methods() -> Vec<String> {
    vec!["GET".to_owned()]
}

const fn usual_access_seconds() -> u32 {
    24 * 60 * 60
}

const fn usual_hold_seconds() -> u32 {
    10 * 60
}

const fn usual_order_seconds() -> u32 {
    5 * 60
}

const fn usual_listed() -> bool {
    true
}

/// Whether payers may or must name their payment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum IdentifierSection {
    Off,
    #[default]
    Optional,
    Required,
}

/// What is wrong with a configuration, where, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConfigError {
    /// File with line and column, or file and key.
    pub(crate) place: String,
    pub(crate) what: String,
    pub(crate) hint: Option<String>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

impl std::error::Error for ConfigError {}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        let failure = Self::new(error.to_string());
        match error.hint {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        }
    }
}

impl Config {
    /// Reads a file.
    pub(crate) fn load(path: &Path) -> Result<Self, ConfigError> {
        let place = path.display().to_string();
        let failed = |what: String| ConfigError {
            place: place.clone(),
            what,
            hint: Some("name the file with --config".to_owned()),
        };
        let metadata = std::fs::metadata(path).map_err(|error| failed(error.to_string()))?;
        if metadata.len() > CONFIG_BYTES_MAX {
            return Err(failed("the file is too large for a configuration".to_owned()));
        }
        let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
        Self::parse(&text, &place)
    }

    /// Reads a text; `name` stands in errors.
    pub(crate) fn parse(text: &str, name: &str) -> Result<Self, ConfigError> {
        let read: Result<Self, _> = toml::from_str(text);
        let config = read.map_err(|error| {
            let offset = error.span().map_or(0, |span| span.start);
            let (line, column) = line_and_column(text, offset);
            ConfigError {
                place: format!("{name}:{line}:{column}"),
                what: error.message().to_owned(),
                hint: None,
            }
        })?;
        let source = name.to_owned();
        Ok(Self { source, ..config })
    }

    /// The settings as a file that says the same.
    pub(crate) fn print(&self) -> Result<String, ConfigError> {
        let mut config = self.clone();
        if config.assets.iter().any(|asset| asset.sandbox) {
            config.node.faucet.get_or_insert_with(|| FAUCET_DEFAULT.to_owned());
        }
        toml::to_string(&config).map_err(|error| ConfigError {
            place: self.source.clone(),
            what: error.to_string(),
            hint: None,
        })
    }
}

fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|&char| char != '\n').count() + 1;
    (line, column)
}

#[cfg(test)]
mod tests;
