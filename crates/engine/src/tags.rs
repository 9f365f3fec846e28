//! Tags: what the gateway knows about a payment besides its terms.
//!
//! They are for reports and decide nothing: nobody is charged more or refused because of them.
//! Invariant: they take eleven bytes, so that a payment's record stays one row.

use instrument::hex::Hex;
use money::OfferId;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::codec::{Decoder, Encoder, Malformed};

/// What a payment is counted by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tags {
    /// The offer that was bought.
    pub offer: OfferTag,
    /// Where the payer is, as the operator's proxy says.
    pub country: Option<Country>,
    /// Who pays, as far as the request shows.
    pub class: PayerClass,
}

/// An offer in 64 bits: the first 8 bytes of SHA-256 over `farthing/offer/1` and the offer's id in
/// text. As text 16 hex digits; zero stands for none.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(into = "Option<String>", try_from = "Option<String>")]
pub struct OfferTag(pub u64);

/// A country: two capital letters (ISO 3166-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Country([u8; 2]);

/// Who pays, as far as a request shows. Anybody can pretend to be another: it is for counting.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum PayerClass {
    /// Nothing is known.
    #[default]
    Unknown,
    /// A person with a browser.
    Person,
    /// A client of an API.
    Program,
    /// A software agent.
    Agent,
    /// A crawler that signs its requests.
    Crawler,
    /// A device that pays by ticks.
    Device,
}

/// The text is no offer tag or country.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TagError {
    /// Not 16 lowercase hex digits.
    #[error("an offer tag is 16 lowercase hex digits")]
    Offer,
    /// Not two capital letters.
    #[error("a country is two capital letters, such as KR")]
    Country,
}

impl OfferTag {
    /// No offer.
    pub const NONE: Self = Self(0);

    /// The tag of an offer.
    pub fn of(offer: OfferId) -> Self {
        let digest =
            Sha256::new().chain_update(b"farthing/offer/1").chain_update(offer.to_string());
        let digest: [u8; 32] = digest.finalize().into();
        let (first, _) = digest.split_at(8);
        Self(first.iter().fold(0, |tag, byte| tag << 8 | u64::from(*byte)))
    }
}

impl From<OfferTag> for Option<String> {
    fn from(tag: OfferTag) -> Self {
        (tag != OfferTag::NONE).then(|| Hex(&tag.0.to_be_bytes()).to_string())
    }
}

impl TryFrom<Option<String>> for OfferTag {
    type Error = TagError;

    fn try_from(text: Option<String>) -> Result<Self, TagError> {
        let Some(text) = text else { return Ok(Self::NONE) };
        let is_hex = |digit: u8| digit.is_ascii_digit() || (b'a'..=b'f').contains(&digit);
        if text.len() != 16 || !text.bytes().all(is_hex) {
            return Err(TagError::Offer);
        }
        u64::from_str_radix(&text, 16).map(Self).map_err(|_| TagError::Offer)
    }
}

impl Country {
    /// Two capital letters; nothing else is taken.
    pub fn new(text: &str) -> Result<Self, TagError> {
        match text.as_bytes() {
            &[first, second] if first.is_ascii_uppercase() && second.is_ascii_uppercase() => {
                Ok(Self([first, second]))
            }
            _ => Err(TagError::Country),
        }
    }

    /// The two letters.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl From<Country> for String {
    fn from(country: Country) -> Self {
        country.as_str().to_owned()
    }
}

impl TryFrom<String> for Country {
    type Error = TagError;

    fn try_from(text: String) -> Result<Self, TagError> {
        Self::new(&text)
    }
}

impl PayerClass {
    /// Every class, in the order of its number.
    pub const ALL: [Self; 6] =
        [Self::Unknown, Self::Person, Self::Program, Self::Agent, Self::Crawler, Self::Device];
}

impl Tags {
    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Eleven bytes: offer 8, country 2 (zeros: none), class 1.
    pub(crate) fn encode(&self, out: &mut Encoder) {
        out.u64(self.offer.0);
        out.raw(&self.country.map_or([0; 2], |country| country.0));
        out.u8(self.class as u8);
    }

    pub(crate) fn decode(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        let offer = OfferTag(from.u64()?);
        let country = match from.array()? {
            [0, 0] => None,
            letters => {
                let text = core::str::from_utf8(&letters).map_err(|_| Malformed("country"))?;
                Some(Country::new(text).map_err(|_| Malformed("country"))?)
            }
        };
        let class = PayerClass::ALL.get(usize::from(from.u8()?));
        Ok(Self { offer, country, class: *class.ok_or(Malformed("class of a payer"))? })
    }

    /// Tags that say something: where they would not, the entry has none.
    pub(crate) fn decode_some(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        let tags = Self::decode(from)?;
        if tags.is_empty() { Err(Malformed("tags that say nothing")) } else { Ok(tags) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_come_back_and_fit_the_record() {
        let offer = OfferTag::of(OfferId::new(1).unwrap());
        for class in PayerClass::ALL {
            for country in [None, Some(Country::new("KR").unwrap())] {
                let tags = Tags { offer, country, class };
                let mut out = Encoder::default();
                tags.encode(&mut out);
                assert_eq!(out.bytes.len(), 11);
                assert_eq!(Tags::decode(&mut Decoder::new(&out.bytes)), Ok(tags));
                let json = serde_json::to_string(&tags).unwrap();
                assert_eq!(serde_json::from_str::<Tags>(&json).unwrap(), tags);
            }
        }
        assert_eq!(serde_json::from_str::<Tags>("{}").unwrap(), Tags::default());
    }

    #[test]
    fn what_is_no_tag_is_refused() {
        for country in ["", "K", "kr", "K1", "KOR", "ÄB"] {
            assert!(Country::new(country).is_err(), "{country}");
        }
        for offer in ["", "0", "00000000000000zz", "+000000000000000", "00000000000000AA"] {
            assert!(OfferTag::try_from(Some(offer.to_owned())).is_err(), "{offer}");
        }
        for bytes in [[0, 0, 0, 0, 0, 0, 0, 0, b'k', b'r', 0], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 6]] {
            assert!(Tags::decode(&mut Decoder::new(&bytes)).is_err());
        }
    }

    #[test]
    fn an_offer_has_the_same_tag_on_every_machine() {
        let tag = OfferTag::of(OfferId::new(1).unwrap());
        assert_eq!(Option::<String>::from(tag).as_deref(), Some("e76fa3f543012756"));
    }
}
