//! Who may ask node and sites how often, and which proxies speak for others.

use std::net::SocketAddr;

use api::{AddressRange, Admission, Rate, Rates};
use serde::{Deserialize, Serialize};

use super::ConfigError;
use super::check::Key;

/// Longest window of a limit.
const WINDOW_SECONDS_MAX: u32 = 24 * 60 * 60;

/// The API.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ApiSection {
    /// Where programs of the operator reach the node beside its usual listener, without TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) listen: Option<SocketAddr>,
    /// Ranges of addresses of proxies whose `X-Forwarded-For` counts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) trusted_proxies: Vec<String>,
    /// Requests of one API key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<RateSection>,
    /// Requests of one payer who proves its key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) payer: Option<RateSection>,
    /// Requests of one address without token or API key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) address: Option<RateSection>,
    /// Attempts to log in from one address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) login: Option<RateSection>,
    /// Play money for one address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) faucet: Option<RateSection>,
}

/// How often one site may be asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SiteLimits {
    /// Requests of one address; those of this machine are not counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) address: Option<RateSection>,
    /// Orders of one payer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) payer: Option<RateSection>,
}

/// So many requests in so many seconds; 0 requests mean no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RateSection {
    pub(crate) requests: u32,
    pub(crate) seconds: u32,
}

impl ApiSection {
    /// The limits, with the usual ones where nothing is said.
    pub(super) fn check(&self, key: &Key<'_>) -> Result<Admission, ConfigError> {
        let usual = Rates::default();
        let rate = |name, section, usual| rate(section, usual, &key.join(name));
        let rates = Rates {
            key: rate("key", self.key, usual.key)?,
            payer: rate("payer", self.payer, usual.payer)?,
            address: rate("address", self.address, usual.address)?,
            login: rate("login", self.login, usual.login)?,
            faucet: rate("faucet", self.faucet, usual.faucet)?,
        };
        let mut proxies = Vec::new();
        for (index, text) in self.trusted_proxies.iter().enumerate() {
            let range: Result<AddressRange, _> = text.parse();
            let hint = "write an address or a range, for example \"127.0.0.1\" or \"10.0.0.0/8\"";
            let place = || key.nth("trusted_proxies", index);
            proxies.push(range.map_err(|why| place().error(format!("`{text}`: {why}"), hint))?);
        }
        Ok(Admission { rates, proxies })
    }
}

/// What a site bears of one visitor: a page is many requests, and most of them cost little.
const OF_SITE: Rate = Rate { requests: 60_000, seconds: 60 };

impl SiteLimits {
    pub(super) fn is_usual(&self) -> bool {
        *self == Self::default()
    }

    /// The limits of a site behind the same proxies as the node.
    pub(super) fn check(
        &self,
        proxies: &[AddressRange],
        key: &Key<'_>,
    ) -> Result<Admission, ConfigError> {
        let rates = Rates {
            address: rate(self.address, OF_SITE, &key.join("address"))?,
            payer: rate(self.payer, OF_SITE, &key.join("payer"))?,
            ..Rates::default()
        };
        Ok(Admission { rates, proxies: proxies.to_vec() })
    }
}

fn rate(section: Option<RateSection>, usual: Rate, key: &Key<'_>) -> Result<Rate, ConfigError> {
    let Some(RateSection { requests, seconds }) = section else { return Ok(usual) };
    if (1..=WINDOW_SECONDS_MAX).contains(&seconds) {
        return Ok(Rate { requests, seconds });
    }
    let what = format!("a window of {seconds} seconds");
    let hint = format!("write 1 to {WINDOW_SECONDS_MAX} seconds, for example 60");
    Err(key.join("seconds").error(what, hint))
}
