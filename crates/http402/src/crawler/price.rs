//! Prices in headers: a currency, a space, a decimal, as in `USD 0.01`.

use http::{HeaderMap, HeaderValue};
use money::{Amount, Asset, AssetCode};

use super::error::CrawlerError;
use super::{CRAWLER_EXACT_PRICE, CRAWLER_MAX_PRICE};

/// Longest text of a price: a code, a space, 39 digits and a point.
const PRICE_CHARS_MAX: usize = 64;

/// The price that a crawler is ready to pay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bid {
    exact: bool,
    code: AssetCode,
    decimal: String,
}

impl Bid {
    /// Reads the text of `crawler-exact-price` if `exact`, else of `crawler-max-price`.
    pub fn parse(exact: bool, text: &str) -> Result<Self, CrawlerError> {
        let wrong = CrawlerError::PriceValue { header: header(exact) };
        if text.len() > PRICE_CHARS_MAX {
            return Err(wrong);
        }
        let (code, decimal) = text.split_once(' ').ok_or_else(|| wrong.clone())?;
        let code = AssetCode::new(code).map_err(|_| wrong.clone())?;
        // The widest scale tells decimals from other texts; the offer's own scale comes later.
        let widest = Asset::new(code.as_str(), money::SCALE_MAX).map_err(|_| wrong.clone())?;
        match Amount::parse_decimal(decimal, widest) {
            Ok(_) | Err(money::AmountError::Overflow) => {
                Ok(Self { exact, code, decimal: decimal.to_owned() })
            }
            Err(_) => Err(wrong),
        }
    }

    /// Whether a price is what the crawler pays: equal to an exact one, or not above the highest.
    pub fn check(&self, price: Amount) -> Result<(), CrawlerError> {
        let (units, finer) = self.units(price.asset());
        let fits =
            if self.exact { units == price.units() && !finer } else { units >= price.units() };
        let allowed = self.code == price.asset().code && fits;
        if allowed {
            return Ok(());
        }
        let price = price_text(price);
        if self.exact {
            Err(CrawlerError::ExactPrice { price })
        } else {
            Err(CrawlerError::MaxPrice { price })
        }
    }

    /// Whole base units, and whether the decimal is finer than the asset's scale.
    fn units(&self, asset: Asset) -> (u128, bool) {
        let (whole, fraction) = self.decimal.split_once('.').unwrap_or((&self.decimal, ""));
        let (kept, rest) = fraction.split_at(fraction.len().min(asset.scale.into()));
        let decimal = if kept.is_empty() { whole.to_owned() } else { format!("{whole}.{kept}") };
        // It was read as a decimal before, so all that can be wrong now is its size.
        let units = Amount::parse_decimal(&decimal, asset).map_or(u128::MAX, Amount::units);
        (units, rest.bytes().any(|digit| digit != b'0'))
    }
}

/// The header of an exact or highest price.
pub(super) const fn header(exact: bool) -> &'static str {
    if exact { "crawler-exact-price" } else { "crawler-max-price" }
}

/// Which price header a request has: `Some(true)` for an exact price.
pub(super) fn kind(headers: &HeaderMap) -> Result<Option<bool>, CrawlerError> {
    let count = |name| headers.get_all(name).iter().count();
    match (count(CRAWLER_EXACT_PRICE), count(CRAWLER_MAX_PRICE)) {
        (0, 0) => Ok(None),
        (1, 0) => Ok(Some(true)),
        (0, 1) => Ok(Some(false)),
        _ => Err(CrawlerError::ConflictingPrices),
    }
}

fn price_text(price: Amount) -> String {
    let text = price.to_string();
    let decimal = text.split(' ').next().unwrap_or_default();
    format!("{} {decimal}", price.asset().code)
}

/// The value of `crawler-price` and `crawler-charged`.
pub fn price_value(price: Amount) -> Option<HeaderValue> {
    HeaderValue::try_from(price_text(price)).ok()
}
