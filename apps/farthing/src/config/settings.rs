//! Settings after the check: typed, complete, consistent.

use std::net::SocketAddr;
use std::path::PathBuf;

use engine::ChannelLimits;
use gateway::{Crawlers, Routes};
use http::{HeaderName, Uri};
use money::{AccountId, Amount, Asset};

use super::{LogSettings, WebhooksSection};

/// Everything that a node and its gateways need.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) node: NodeSettings,
    /// `None` if the node keeps no log.
    pub(crate) log: Option<LogSettings>,
    /// Who may ask how often.
    pub(crate) admission: api::Admission,
    pub(crate) webhooks: WebhooksSection,
    /// Assets, and whether each is play money.
    pub(crate) assets: Vec<(Asset, bool)>,
    pub(crate) payees: Vec<PayeeSettings>,
    pub(crate) gateways: Vec<GatewaySettings>,
    /// Where metrics are read without a token.
    pub(crate) metrics: Option<SocketAddr>,
}

/// The node.
#[derive(Debug, Clone)]
pub(crate) struct NodeSettings {
    pub(crate) listen: SocketAddr,
    /// Origin without a slash at the end.
    pub(crate) public_url: Option<String>,
    pub(crate) data: PathBuf,
    /// What opens the folder's secrets.
    pub(crate) seal_key_file: Option<PathBuf>,
    /// What one call of the faucet gives; `None` without an asset of play money.
    pub(crate) faucet: Option<Amount>,
}

/// Somebody who is paid.
#[derive(Debug, Clone)]
pub(crate) struct PayeeSettings {
    pub(crate) name: String,
    pub(crate) asset: Asset,
    pub(crate) account: AccountId,
    /// What channels to it may come to.
    pub(crate) channels: ChannelLimits,
}

/// A site that sells.
#[derive(Debug, Clone)]
pub(crate) struct GatewaySettings {
    pub(crate) name: String,
    pub(crate) listen: SocketAddr,
    /// Origin without a slash at the end.
    pub(crate) public_url: Option<String>,
    pub(crate) upstream: Uri,
    pub(crate) service_name: Option<String>,
    pub(crate) routes: Routes,
    pub(crate) crawlers: Crawlers,
    pub(crate) country_header: Option<HeaderName>,
    /// Proxies that say for whom they ask.
    pub(crate) proxies: Vec<api::AddressRange>,
}
