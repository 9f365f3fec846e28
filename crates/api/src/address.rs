//! Addresses of clients: ranges of them, and who a request comes from when proxies stand in between.
//!
//! Invariant: what a header says counts only if a proxy that the operator trusts has sent it, and
//! only as far back as the chain of trusted proxies reaches.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

use http::{HeaderMap, HeaderName};

/// The header in which a trusted proxy says for whom it asks.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// Proxies that a request may pass, and values of the header that are looked at.
const PROXY_HOPS_COUNT_MAX: usize = 16;

/// The other end of a connection. The server that accepted the connection puts it beside the request;
/// without it a request counts as one from `0.0.0.0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

/// A range of addresses, as `192.0.2.0/24`, `2001:db8::/32` or a single address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressRange {
    first: IpAddr,
    prefix_bits: u8,
}

/// The text is not a range of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressRangeError;

impl fmt::Display for AddressRangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected an address or a range such as `192.0.2.0/24`")
    }
}

impl std::error::Error for AddressRangeError {}

impl AddressRange {
    /// Whether an address lies in the range. IPv4 inside IPv6 counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.first, address.to_canonical()) {
            (IpAddr::V4(first), IpAddr::V4(asked)) => {
                let host_bits = 32_u32.saturating_sub(self.prefix_bits.into());
                first.to_bits().checked_shr(host_bits) == asked.to_bits().checked_shr(host_bits)
            }
            (IpAddr::V6(first), IpAddr::V6(asked)) => {
                let host_bits = 128_u32.saturating_sub(self.prefix_bits.into());
                first.to_bits().checked_shr(host_bits) == asked.to_bits().checked_shr(host_bits)
            }
            _ => false,
        }
    }
}

impl FromStr for AddressRange {
    type Err = AddressRangeError;

    fn from_str(text: &str) -> Result<Self, AddressRangeError> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let first: IpAddr = address.parse().map_err(|_| AddressRangeError)?;
        let bits_max = if first.is_ipv4() { 32 } else { 128 };
        let prefix_bits = bits.map_or(Ok(bits_max), |bits| {
            let canonical = bits == "0" || !bits.starts_with(['0', '+']);
            bits.parse().ok().filter(|_| canonical).ok_or(AddressRangeError)
        })?;
        if prefix_bits > bits_max {
            return Err(AddressRangeError);
        }
        Ok(Self { first, prefix_bits })
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.prefix_bits)
    }
}

/// Who a request comes from: the peer, or behind trusted proxies the last address that is not one
/// of theirs. What is not an address ends the search at the proxy that passed it on.
pub fn of_client(peer: Option<Peer>, headers: &HeaderMap, proxies: &[AddressRange]) -> IpAddr {
    let is_proxy = |address: IpAddr| proxies.iter().any(|range| range.contains(address));
    let mut address = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.to_canonical());
    let named: Vec<&str> = headers
        .get_all(FORWARDED_FOR)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    for text in named.iter().rev().take(PROXY_HOPS_COUNT_MAX) {
        if !is_proxy(address) {
            break;
        }
        let Ok(before) = text.trim().parse::<IpAddr>() else { break };
        address = before.to_canonical();
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &str) -> AddressRange {
        text.parse().unwrap()
    }

    #[test]
    fn ranges_hold_what_they_name() {
        for (text, inside, outside) in [
            ("192.0.2.0/24", "192.0.2.255", "192.0.3.0"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.8"),
            ("192.0.2.7/24", "::ffff:192.0.2.1", "::192.0.2.1"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"),
            ("::1", "::1", "127.0.0.1"),
            ("0.0.0.0/0", "255.255.255.255", "::"),
            ("::/0", "ffff::", "10.0.0.1"),
        ] {
            assert!(range(text).contains(inside.parse().unwrap()), "{text} {inside}");
            assert!(!range(text).contains(outside.parse().unwrap()), "{text} {outside}");
        }
        for text in
            ["", "/8", "10.0.0.0/33", "10.0.0.0/08", "10.0.0.0/+8", "10.0.0/8", "::/129", "a"]
        {
            assert_eq!(text.parse::<AddressRange>(), Err(AddressRangeError), "{text}");
        }
    }

    #[test]
    fn only_trusted_proxies_speak_for_others() {
        let proxies = [range("10.0.0.0/8"), range("127.0.0.1")];
        let client = |peer: &str, headers: &[&str]| {
            let mut map = HeaderMap::new();
            for value in headers {
                map.append(FORWARDED_FOR, value.parse().unwrap());
            }
            of_client(Some(Peer(peer.parse().unwrap())), &map, &proxies).to_string()
        };
        assert_eq!(client("203.0.113.9", &["198.51.100.1"]), "203.0.113.9", "not a proxy");
        assert_eq!(client("10.1.1.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(client("10.1.1.1", &["1.1.1.1, 198.51.100.1, 10.2.2.2"]), "198.51.100.1");
        assert_eq!(client("10.1.1.1", &["1.1.1.1", "198.51.100.1"]), "198.51.100.1");
        assert_eq!(client("10.1.1.1", &["198.51.100.1, junk"]), "10.1.1.1");
        assert_eq!(client("10.1.1.1", &[]), "10.1.1.1");
        assert_eq!(client("::ffff:10.1.1.1", &["2001:db8::1"]), "2001:db8::1");
    }
}
