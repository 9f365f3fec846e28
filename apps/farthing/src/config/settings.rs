//! Settings after the check: typed, complete, consistent.

use std::net::SocketAddr;
use std::path::PathBuf;

use gateway::{Crawlers, Routes};
use http::Uri;
use money::{AccountId, Amount, Asset};

/// Everything that a node and its gateways need.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) node: NodeSettings,
    /// Assets, and whether each is play money.
    pub(crate) assets: Vec<(Asset, bool)>,
    pub(crate) payees: Vec<PayeeSettings>,
    pub(crate) gateways: Vec<GatewaySettings>,
}

/// The node.
#[derive(Debug, Clone)]
pub(crate) struct NodeSettings {
    pub(crate) listen: SocketAddr,
    /// Origin without a slash at the end.
    pub(crate) public_url: Option<String>,
    pub(crate) data: PathBuf,
    /// What one call of the faucet gives; `None` without an asset of play money.
    pub(crate) faucet: Option<Amount>,
}

/// Somebody who is paid.
#[derive(Debug, Clone)]
pub(crate) struct PayeeSettings {
    pub(crate) name: String,
    pub(crate) asset: Asset,
    pub(crate) account: AccountId,
    #[expect(dead_code, reason = "the node takes no limits yet")]
    pub(crate) channels: ChannelLimitSettings,
}

/// What channels to a payee may come to; the node's usual limits where nothing is said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ChannelLimitSettings {
    /// Most that one channel may hold.
    pub(crate) deposit: Option<Amount>,
    /// Earnings on one channel beyond which it is settled at once.
    pub(crate) unsettled: Option<Amount>,
    /// Earnings on all channels that may be unsettled.
    pub(crate) exposure: Option<Amount>,
}

/// A site that sells.
#[derive(Debug, Clone)]
pub(crate) struct GatewaySettings {
    pub(crate) listen: SocketAddr,
    /// Origin without a slash at the end.
    pub(crate) public_url: Option<String>,
    pub(crate) upstream: Uri,
    pub(crate) service_name: Option<String>,
    pub(crate) routes: Routes,
    pub(crate) crawlers: Crawlers,
}
