//! Amounts as people and other people's programs read them: decimals, the currency's own or all.
//!
//! Invariant: what is cut off is known to the caller, who carries it on; nothing is rounded up.

use money::Asset;

/// A balance or a difference of balances, base units; negative for a treasury.
pub type Signed = i128;

/// All decimals of the asset, always as many: `-0.002000000`.
pub fn exact(units: Signed, asset: Asset) -> String {
    fixed(units, asset.scale)
}

fn fixed(units: Signed, decimals: u8) -> String {
    let sign = if units < 0 { "-" } else { "" };
    let digits = units.unsigned_abs().to_string();
    let width = usize::from(decimals);
    if width == 0 {
        return format!("{sign}{digits}");
    }
    let digits = format!("{digits:0>least$}", least = width + 1);
    let (whole, fraction) = digits.split_at(digits.len() - width);
    format!("{sign}{whole}.{fraction}")
}

/// How many decimals a bank's file gives an asset: those of its currency (ISO 4217), and never more
/// than the asset has.
pub fn minor_decimals(asset: Asset) -> u8 {
    let of_currency = match asset.code.as_str() {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX"
        | "UYI" | "VND" | "VUV" | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        "CLF" | "UYW" => 4,
        _ => 2,
    };
    asset.scale.min(of_currency)
}

/// Base units of one minor unit of the currency: 10,000,000 for USD of scale 9.
pub fn minor_unit(asset: Asset) -> Signed {
    let zeros = asset.scale.saturating_sub(minor_decimals(asset));
    10_i128.checked_pow(u32::from(zeros)).unwrap_or(i128::MAX)
}

/// Whole minor units, towards minus infinity, so that differences of balances never change sign.
pub fn minor(units: Signed, asset: Asset) -> Signed {
    units.div_euclid(minor_unit(asset))
}

/// Minor units as a decimal: `12.34`.
pub fn minor_text(minor: Signed, asset: Asset) -> String {
    fixed(minor, minor_decimals(asset))
}

/// The asset has the code of a currency, as bank files want it: three capitals.
pub fn is_currency(asset: Asset) -> bool {
    let code = asset.code.as_str();
    code.len() == 3 && code.bytes().all(|letter| letter.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals() {
        let usd = Asset::new("USD", 9).unwrap();
        let table = [
            (0, "0.000000000", "0.00"),
            (1, "0.000000001", "0.00"),
            (-1, "-0.000000001", "-0.01"),
            (2_000_000, "0.002000000", "0.00"),
            (19_999_999, "0.019999999", "0.01"),
            (-10_000_000, "-0.010000000", "-0.01"),
            (12_345_678_901, "12.345678901", "12.34"),
        ];
        for (units, all, cut) in table {
            assert_eq!(exact(units, usd), all);
            assert_eq!(minor_text(minor(units, usd), usd), cut);
        }
        let krw = Asset::new("KRW", 4).unwrap();
        assert_eq!(minor_text(minor(1_239_999, krw), krw), "123");
        let coarse = Asset::new("USD", 1).unwrap();
        assert_eq!(minor_text(minor(15, coarse), coarse), "1.5");
        assert_eq!(exact(15, Asset::new("USD", 0).unwrap()), "15");
        assert!(is_currency(usd) && !is_currency(Asset::new("PLAY", 9).unwrap()));
        assert!(!is_currency(Asset::new("US1", 9).unwrap()));
    }
}
