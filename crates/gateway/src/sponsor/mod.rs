//! Sponsors: somebody else pays for the first few uses of each visitor.
//!
//! A sponsor is a mandate whose delegate is the key of the node's sites. Format: `docs/reference/http-api.md`,
//! "Sponsors". Invariant: what a sponsor pays, and how much at most, is what its own signature allows; the
//! document beside it says only for whom.

mod book;
mod key;
mod pay;

use std::fmt::Write as _;

use http::HeaderValue;
use http::header::HeaderName;
use money::{AccountId, Asset, AssetCode, MandateId, OfferId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::free::FreeUses;
use crate::offer::Offer;
use crate::published::{PublishedError, PublishedFree, wrong};

pub use book::SponsorBook;
pub use key::SiteKey;
pub(crate) use pay::{Sponsored, give_back, source, tell};

/// Longest title of a sponsor.
pub const SPONSOR_TITLE_CHARS_MAX: usize = 80;
/// Most offers that a sponsor names.
pub const SPONSOR_OFFERS_COUNT_MAX: usize = 100;

/// Says in an answer who has paid for it.
pub(crate) const FARTHING_SPONSOR: HeaderName = HeaderName::from_static("farthing-sponsor");

/// The body of a document of the kind `sponsor`, whose id is that of the mandate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishedSponsor {
    /// Under which the sites pay.
    pub mandate: MandateId,
    /// The account that pays, as the mandate says.
    pub payer: AccountId,
    /// Its asset, as the mandate says.
    pub asset: AssetCode,
    /// One base unit is 10^-scale of the asset.
    pub scale: u8,
    /// What visitors are told of who has paid.
    pub title: String,
    /// Offers that it pays for; all if `None`.
    #[serde(default)]
    pub offers: Option<Vec<OfferId>>,
    /// How often it pays for each visitor.
    pub uses: PublishedFree,
    /// Whether it counts.
    pub active: bool,
    /// When it was made, Unix milliseconds.
    pub created_at_ms: u64,
}

/// A sponsor that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sponsor {
    mandate: MandateId,
    payer: AccountId,
    asset: Asset,
    /// Fit for a header.
    title: HeaderValue,
    offers: Option<Vec<OfferId>>,
    uses: FreeUses,
    created_at_ms: u64,
}

impl PublishedSponsor {
    /// Reads an entry of `GET /v1/sponsors`, which is the document.
    pub fn of_listed(entry: Value) -> Result<Self, PublishedError> {
        serde_json::from_value(entry).map_err(|why| wrong("body", why.to_string()))
    }

    /// Reads a document.
    pub fn read(body: &[u8]) -> Result<Self, PublishedError> {
        serde_json::from_slice(body).map_err(|why| wrong("body", why.to_string()))
    }

    /// The bytes of the document.
    pub fn to_bytes(&self) -> Result<Vec<u8>, PublishedError> {
        serde_json::to_vec(self).map_err(|why| wrong("body", why.to_string()))
    }

    /// The sponsor that it makes.
    pub fn to_sponsor(&self) -> Result<Sponsor, PublishedError> {
        let fits = (1..=SPONSOR_TITLE_CHARS_MAX).contains(&self.title.chars().count());
        if !fits || self.title.chars().any(char::is_control) || self.title.trim().is_empty() {
            let why = format!("1 to {SPONSOR_TITLE_CHARS_MAX} characters in one line");
            return Err(wrong("title", why));
        }
        let count = self.offers.as_ref().map_or(1, Vec::len);
        if !(1..=SPONSOR_OFFERS_COUNT_MAX).contains(&count) {
            let why = format!("1 to {SPONSOR_OFFERS_COUNT_MAX} offers, or null");
            return Err(wrong("offers", why));
        }
        let uses = FreeUses { count: self.uses.count, seconds: self.uses.seconds };
        if !uses.is_sound() {
            return Err(wrong("uses", "1 to 1000000 uses in a window of 1 second to 366 days"));
        }
        let asset = Asset::new(self.asset.as_str(), self.scale);
        let title = HeaderValue::try_from(encoded(&self.title));
        Ok(Sponsor {
            mandate: self.mandate,
            payer: self.payer,
            asset: asset.map_err(|why| wrong("asset", why.to_string()))?,
            title: title.map_err(|why| wrong("title", why.to_string()))?,
            offers: self.offers.clone(),
            uses,
            created_at_ms: self.created_at_ms,
        })
    }
}

impl Sponsor {
    /// Whether it pays for an offer. Meters and amounts of the payer's own have no price that is known.
    fn is_for(&self, offer: &Offer) -> bool {
        let is_named = self.offers.as_ref().is_none_or(|offers| offers.contains(&offer.id));
        let has_price = offer.meter.is_none() && offer.own_amount.is_none();
        is_named && has_price && offer.price.asset() == self.asset
    }
}

/// Printable ASCII as it is, all else and `%` as the `%XX` of its bytes in UTF-8.
fn encoded(title: &str) -> String {
    let mut text = String::with_capacity(title.len());
    for byte in title.trim().bytes() {
        if (0x20..0x7f).contains(&byte) && byte != b'%' {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn published() -> PublishedSponsor {
        PublishedSponsor {
            mandate: MandateId::new(1).unwrap(),
            payer: AccountId::new(1).unwrap(),
            asset: AssetCode::new("USD").unwrap(),
            scale: 9,
            title: "Town library".to_owned(),
            offers: None,
            uses: PublishedFree { count: 5, seconds: 86_400 },
            active: true,
            created_at_ms: 0,
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let title = |title: &str| PublishedSponsor { title: title.to_owned(), ..published() };
        let uses = |count, seconds| PublishedSponsor {
            uses: PublishedFree { count, seconds },
            ..published()
        };
        for (sponsor, field) in [
            (title(""), "title"),
            (title(" "), "title"),
            (title("a\r\nset-cookie: b"), "title"),
            (title(&"é".repeat(SPONSOR_TITLE_CHARS_MAX + 1)), "title"),
            (PublishedSponsor { offers: Some(Vec::new()), ..published() }, "offers"),
            (uses(0, 60), "uses"),
            (uses(1, 0), "uses"),
        ] {
            assert_eq!(sponsor.to_sponsor().unwrap_err().field, field, "{sponsor:?}");
        }
        assert!(title(&"é".repeat(SPONSOR_TITLE_CHARS_MAX)).to_sponsor().is_ok());
        let read = PublishedSponsor::read(&published().to_bytes().unwrap());
        assert_eq!(read.unwrap(), published());
    }

    #[test]
    fn a_title_is_fit_for_a_header() {
        assert_eq!(encoded("Café 5 %"), "Caf%C3%A9 5 %25");
    }
}
