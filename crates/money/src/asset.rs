//! Assets: a short code and the number of decimals of one base unit.

use core::fmt;
use core::str::FromStr;

/// Most decimals an asset may have. 10^30 still fits into 128 bits with room for totals.
pub const SCALE_MAX: u8 = 30;

/// An asset's code: 1 to 8 characters `A-Z0-9`, starting with a letter.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AssetCode([u8; 8]);

/// Why a text or byte string is not an asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AssetError {
    /// Codes are 1 to 8 characters.
    #[error("an asset code has 1 to 8 characters")]
    Length,
    /// Codes use capital letters and digits and start with a letter.
    #[error("an asset code uses A-Z and 0-9 and starts with a letter")]
    Character,
    /// The scale is above [`SCALE_MAX`].
    #[error("an asset scale is at most {SCALE_MAX}")]
    Scale,
}

impl AssetCode {
    /// Checks and wraps a code.
    pub fn new(text: &str) -> Result<Self, AssetError> {
        let bytes = text.as_bytes();
        if bytes.is_empty() || bytes.len() > 8 {
            return Err(AssetError::Length);
        }
        let allowed = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
        if !bytes[0].is_ascii_uppercase() || !bytes.iter().all(allowed) {
            return Err(AssetError::Character);
        }
        let mut code = [0_u8; 8];
        code[..bytes.len()].copy_from_slice(bytes);
        Ok(Self(code))
    }

    /// Eight bytes, padded with zeros on the right, as they stand in signed formats.
    pub const fn to_bytes(self) -> [u8; 8] {
        self.0
    }

    /// Reads eight padded bytes.
    pub fn from_bytes(bytes: [u8; 8]) -> Result<Self, AssetError> {
        let length = bytes.iter().position(|&byte| byte == 0).unwrap_or(8);
        if bytes[length..].iter().any(|&byte| byte != 0) {
            return Err(AssetError::Character);
        }
        let text = core::str::from_utf8(&bytes[..length]).map_err(|_| AssetError::Character)?;
        Self::new(text)
    }

    /// The code as text.
    pub fn as_str(&self) -> &str {
        let length = self.0.iter().position(|&byte| byte == 0).unwrap_or(8);
        core::str::from_utf8(&self.0[..length]).unwrap_or_default()
    }
}

impl fmt::Display for AssetCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for AssetCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for AssetCode {
    type Err = AssetError;

    fn from_str(text: &str) -> Result<Self, AssetError> {
        Self::new(text)
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for AssetCode {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for AssetCode {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <alloc::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::new(&text).map_err(serde::de::Error::custom)
    }
}

/// An asset: its code and scale. One base unit is 10^-scale of the asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Asset {
    /// Code, for example `USD`.
    pub code: AssetCode,
    /// Decimals of one base unit; 9 by default for money, so one unit of USD is a billionth.
    pub scale: u8,
}

impl Asset {
    /// Checks the scale and builds the asset.
    pub fn new(code: &str, scale: u8) -> Result<Self, AssetError> {
        if scale > SCALE_MAX {
            return Err(AssetError::Scale);
        }
        Ok(Self { code: AssetCode::new(code)?, scale })
    }
}

/// Reads code and scale and checks both.
#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Asset {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        struct Wire {
            code: AssetCode,
            scale: u8,
        }
        let wire = Wire::deserialize(deserializer)?;
        Self::new(wire.code.as_str(), wire.scale).map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for Asset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.code, self.scale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_strict() {
        assert_eq!(AssetCode::new("USD").map(AssetCode::to_bytes), Ok(*b"USD\0\0\0\0\0"));
        assert_eq!(AssetCode::new(""), Err(AssetError::Length));
        assert_eq!(AssetCode::new("ABCDEFGHI"), Err(AssetError::Length));
        assert_eq!(AssetCode::new("usd"), Err(AssetError::Character));
        assert_eq!(AssetCode::new("1USD"), Err(AssetError::Character));
        assert_eq!(AssetCode::from_bytes(*b"US\0D\0\0\0\0"), Err(AssetError::Character));
        assert_eq!(Asset::new("USD", 31), Err(AssetError::Scale));
        assert!(serde_json::from_str::<Asset>(r#"{"code":"USD","scale":31}"#).is_err());
    }
}
