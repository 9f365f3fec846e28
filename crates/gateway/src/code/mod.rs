//! Discount codes: documents of the node's registry that make an offer cheaper for who names one.
//!
//! Format: `docs/reference/http-api.md`, "Codes". Invariants: a code never makes anything dearer, nor free;
//! how often it was used is counted by the node, with the payment, and given back with it.

mod apply;
mod book;

use engine::{Counter, CounterId};
use money::{AccountId, CodeId, OfferId, parse_base_units};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::offer::Offer;
use crate::published::{PublishedError, wrong};

pub(crate) use apply::{Applied, apply};
pub use book::CodeBook;
pub(crate) use book::CodeRefusal;

/// Shortest text of a code.
pub const CODE_CHARS_MIN: usize = 4;
/// Longest text of a code.
pub const CODE_CHARS_MAX: usize = 40;
/// Most offers that a code names.
pub const CODE_OFFERS_COUNT_MAX: usize = 100;
const WHOLE_PPM: u32 = 1_000_000;

/// The body of a document of the kind `code`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishedCode {
    /// Follows from the code, see [`code_id`].
    pub code_id: CodeId,
    /// What payers name: letters, digits, `-` and `_`; capitals count as small letters.
    pub code: String,
    /// Offers that it is for; all if `None`.
    #[serde(default)]
    pub offers: Option<Vec<OfferId>>,
    /// Parts per million that it takes off the price.
    #[serde(default)]
    pub percent_ppm: Option<u32>,
    /// The price that it sets instead, in base units.
    #[serde(default)]
    pub price: Option<String>,
    /// How often it counts in all.
    #[serde(default)]
    pub max_uses: Option<u32>,
    /// How often it counts for one payer.
    #[serde(default)]
    pub per_payer: Option<u32>,
    /// When it ends, Unix milliseconds.
    pub expires_at_ms: u64,
    /// Whether it counts.
    pub active: bool,
    /// When it was made, Unix milliseconds.
    pub created_at_ms: u64,
}

/// A code that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    id: CodeId,
    offers: Option<Vec<OfferId>>,
    discount: Discount,
    max_uses: Option<u32>,
    per_payer: Option<u32>,
    expires_at_ms: u64,
    created_at_ms: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Discount {
    /// Parts per million off.
    Off(u32),
    /// This price, in base units.
    Price(u128),
}

/// The id of a code: SHA-256 over `farthing/code/1` and its text in capitals. So a text is one code.
pub fn code_id(text: &str) -> CodeId {
    let hash = Sha256::new().chain_update(b"farthing/code/1");
    CodeId::from_digest(&hash.chain_update(text.to_ascii_uppercase()).finalize().into())
}

impl PublishedCode {
    /// Reads an entry of `GET /v1/codes`, which is the document.
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

    /// The code that it makes.
    pub fn to_code(&self) -> Result<Code, PublishedError> {
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        let fits = (CODE_CHARS_MIN..=CODE_CHARS_MAX).contains(&self.code.len());
        if !fits || !self.code.bytes().all(is_letter) || self.code_id != code_id(&self.code) {
            let why = "4 to 40 letters, digits, `-` or `_`";
            return Err(wrong("code", why));
        }
        let count = self.offers.as_ref().map_or(1, Vec::len);
        if !(1..=CODE_OFFERS_COUNT_MAX).contains(&count) {
            return Err(wrong("offers", format!("1 to {CODE_OFFERS_COUNT_MAX} offers, or null")));
        }
        if self.max_uses == Some(0) {
            return Err(wrong("max_uses", "one or more, or null"));
        }
        if self.per_payer == Some(0) {
            return Err(wrong("per_payer", "one or more, or null"));
        }
        Ok(Code {
            id: self.code_id,
            offers: self.offers.clone(),
            discount: self.discount()?,
            max_uses: self.max_uses,
            per_payer: self.per_payer,
            expires_at_ms: self.expires_at_ms,
            created_at_ms: self.created_at_ms,
        })
    }

    fn discount(&self) -> Result<Discount, PublishedError> {
        match (self.percent_ppm, &self.price) {
            (Some(ppm), None) if (1..WHOLE_PPM).contains(&ppm) => Ok(Discount::Off(ppm)),
            (Some(_), None) => Err(wrong("percent_ppm", "1 to 999999 parts per million")),
            (None, Some(price)) if self.offers.is_none() => {
                let why = format!("a price of {price} needs the offers that it is for");
                Err(wrong("offers", why))
            }
            (None, Some(price)) => match parse_base_units(price) {
                Ok(units) if units > 0 => Ok(Discount::Price(units)),
                Ok(_) => Err(wrong("price", "above zero; what is free needs no code")),
                Err(why) => Err(wrong("price", why.to_string())),
            },
            _ => Err(wrong("percent_ppm", "either `percent_ppm` or `price`")),
        }
    }
}

impl Code {
    /// Whether it is for an offer. Crawlers sign one price, and amounts of the payer's own and meters
    /// have none that could be lowered.
    fn is_for(&self, offer: &Offer) -> bool {
        let is_named = self.offers.as_ref().is_none_or(|offers| offers.contains(&offer.id));
        is_named && offer.meter.is_none() && offer.own_amount.is_none() && !offer.crawl
    }

    /// What it makes of a price. What is taken off is rounded down; something is always left to pay.
    fn price_of(&self, units: u128) -> u128 {
        let lower = match self.discount {
            Discount::Off(ppm) => {
                let (whole, ppm) = (u128::from(WHOLE_PPM), u128::from(ppm));
                // In two parts, so that no product leaves 128 bits.
                units - units / whole * ppm - units % whole * ppm / whole
            }
            Discount::Price(price) => price,
        };
        lower.clamp(1, units.max(1))
    }

    /// What a use by a payer takes. A code that was deleted and made again counts anew.
    fn counters(&self, payer: AccountId) -> Vec<Counter> {
        let (id, made) = (self.id.to_be_bytes(), self.created_at_ms.to_be_bytes());
        let payer = payer.to_be_bytes();
        let all: &[&[u8]] = &[b"code", &id, &made];
        let own: &[&[u8]] = &[b"code/payer", &id, &made, &payer];
        let counter = |parts: &[&[u8]], max: Option<u32>| {
            let id: CounterId = Counter::id_of(parts);
            max.map(|max| Counter { id, max, ends_at_ms: self.expires_at_ms })
        };
        [counter(all, self.max_uses), counter(own, self.per_payer)].into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn published() -> PublishedCode {
        PublishedCode {
            code_id: code_id("SPRING"),
            code: "SPRING".to_owned(),
            offers: None,
            percent_ppm: Some(250_000),
            price: None,
            max_uses: None,
            per_payer: None,
            expires_at_ms: 1,
            active: true,
            created_at_ms: 0,
        }
    }

    #[test]
    fn a_code_lowers_a_price_and_leaves_something_to_pay() {
        let off = |ppm, units| {
            let code = PublishedCode { percent_ppm: Some(ppm), ..published() };
            code.to_code().unwrap().price_of(units)
        };
        let set = |price: &str, units| {
            let offers = Some(vec![OfferId::new(1).unwrap()]);
            let price = Some(price.to_owned());
            let code = PublishedCode { percent_ppm: None, price, offers, ..published() };
            code.to_code().unwrap().price_of(units)
        };
        for (left, expected) in [
            (off(250_000, 2_000_000), 1_500_000),
            (off(250_000, 3), 3),
            (off(333_333, 10), 7),
            (off(999_999, 1), 1),
            (off(999_999, 2), 1),
            (off(500_000, u128::MAX), u128::MAX / 2 + 1),
            (set("7", 20), 7),
            (set("70", 20), 20),
        ] {
            assert_eq!(left, expected);
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let one = || Some(vec![OfferId::new(1).unwrap()]);
        let text = |code: &str| PublishedCode {
            code_id: code_id(code),
            code: code.to_owned(),
            ..published()
        };
        for (code, field) in [
            (text("abc"), "code"),
            (text("a b c d"), "code"),
            (text(&"x".repeat(41)), "code"),
            (PublishedCode { code: "OTHER".to_owned(), ..published() }, "code"),
            (PublishedCode { offers: Some(Vec::new()), ..published() }, "offers"),
            (PublishedCode { percent_ppm: Some(0), ..published() }, "percent_ppm"),
            (PublishedCode { percent_ppm: Some(1_000_000), ..published() }, "percent_ppm"),
            (PublishedCode { percent_ppm: None, ..published() }, "percent_ppm"),
            (PublishedCode { price: Some("1".to_owned()), ..published() }, "percent_ppm"),
            (
                PublishedCode { percent_ppm: None, price: Some("1".to_owned()), ..published() },
                "offers",
            ),
            (
                PublishedCode {
                    percent_ppm: None,
                    price: Some("0".to_owned()),
                    offers: one(),
                    ..published()
                },
                "price",
            ),
            (PublishedCode { max_uses: Some(0), ..published() }, "max_uses"),
            (PublishedCode { per_payer: Some(0), ..published() }, "per_payer"),
        ] {
            assert_eq!(code.to_code().unwrap_err().field, field, "{code:?}");
        }
        assert_eq!(code_id("Spring"), code_id("SPRING"));
        let read = PublishedCode::read(&published().to_bytes().unwrap());
        assert_eq!(read.unwrap(), published());
    }

    #[test]
    fn uses_are_counted_in_all_and_by_payer() {
        let counted = PublishedCode { max_uses: Some(9), per_payer: Some(2), ..published() };
        let code = counted.to_code().unwrap();
        let payer = |number| AccountId::new(number).unwrap();
        let [all, own] = code.counters(payer(1))[..] else { panic!("two counters") };
        assert_eq!((all.max, own.max, own.ends_at_ms), (9, 2, 1));
        let [same, other] = code.counters(payer(2))[..] else { panic!("two counters") };
        assert_eq!(same.id, all.id);
        assert_ne!(other.id, own.id);
        let again = PublishedCode { created_at_ms: 1, ..counted }.to_code().unwrap();
        assert_ne!(again.counters(payer(1))[0].id, all.id);
        assert_eq!(published().to_code().unwrap().counters(payer(1)), []);
    }
}
