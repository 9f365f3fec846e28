//! What stands at the doors: offers that are made at run time, ranges of addresses, sealed texts.

use std::net::IpAddr;

use admission::AddressRange;
use gateway::PublishedOffer;
use seal::Seal;

/// The document of an offer. What it makes goes back into a document that makes the same.
pub fn offer(bytes: &[u8]) -> bool {
    let Ok(read) = PublishedOffer::read(bytes) else { return false };
    let written = read.to_bytes().expect("a document can be written");
    assert_eq!(PublishedOffer::read(&written).as_ref(), Ok(&read));
    let Ok(offer) = read.to_offer() else { return false };
    let again = PublishedOffer::of(&offer, &read.site).to_offer().expect("an offer is published");
    assert_eq!((again.price, again.path.as_str()), (offer.price, offer.path.as_str()));
    true
}

/// A range of addresses. It holds the address that it begins with, and its text makes it again.
pub fn range(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let Ok(range) = text.parse::<AddressRange>() else { return false };
    assert_eq!(range.to_string().parse(), Ok(range));
    let first = text.split('/').next().unwrap_or_default();
    let first: IpAddr = first.parse().expect("a range begins with an address");
    // An IPv4 address inside IPv6 counts as IPv4, so a range of such addresses holds nothing.
    assert!(range.contains(first) || first.to_canonical() != first, "{range}");
    true
}

/// A sealed text. Only what this key has sealed for this place opens.
pub fn sealed(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let seal = Seal::new(&[7; 32]);
    let Ok(opened) = seal.open("node.key", text) else { return false };
    assert_eq!(opened, "a secret");
    assert!(seal.open("log.key", text).is_err());
    true
}
