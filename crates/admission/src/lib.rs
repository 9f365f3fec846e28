//! Who may ask how often, and from where: addresses behind trusted proxies, quotas for each subject.
//!
//! Node and gateways count with the same code, each for itself. Invariants: memory is bounded; what a
//! client says of its own address never counts. It must not know what is asked for.

mod address;
mod rate;

pub use address::{AddressRange, AddressRangeError, Peer};
pub use rate::{Limiter, Rate, Rates, Subject, Verdict, network};

/// Who may ask how often, and which proxies speak for others.
#[derive(Debug, Clone, Default)]
pub struct Admission {
    /// How often.
    pub rates: Rates,
    /// Proxies whose `X-Forwarded-For` counts.
    pub proxies: Vec<AddressRange>,
}

impl Admission {
    /// Whether an address is one of the trusted proxies.
    pub fn is_proxy(&self, address: std::net::IpAddr) -> bool {
        self.proxies.iter().any(|range| range.contains(address))
    }

    /// Who a request comes from, behind trusted proxies.
    pub fn client(&self, peer: Option<Peer>, headers: &http::HeaderMap) -> std::net::IpAddr {
        address::of_client(peer, headers, &self.proxies)
    }
}
