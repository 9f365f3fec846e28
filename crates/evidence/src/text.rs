//! How numbers and bytes stand in JSON: decimals and base64 in strings, one text for each value.

use std::borrow::Cow;
use std::fmt::Display;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use money::parse_base_units;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serializer};
use tlog::Hash;

fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Cow<'de, str>, D::Error> {
    Cow::deserialize(deserializer)
}

fn bytes_of<E: Error>(text: &str) -> Result<Vec<u8>, E> {
    STANDARD.decode(text).map_err(|_| E::custom("bytes are base64 with padding"))
}

fn fixed<const N: usize, E: Error>(text: &str) -> Result<[u8; N], E> {
    let wrong = |bytes: Vec<u8>| E::custom(format!("{N} bytes are needed, not {}", bytes.len()));
    bytes_of(text)?.try_into().map_err(wrong)
}

fn number<T: TryFrom<u128>, E: Error>(text: &str) -> Result<T, E> {
    let wrong = || E::custom("numbers are decimals in strings, without sign and leading zeros");
    parse_base_units(text).ok().and_then(|number| T::try_from(number).ok()).ok_or_else(wrong)
}

/// `"123"`
pub mod decimal {
    use super::{Deserializer, Display, Serializer, number, text};

    pub fn serialize<T: Display, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(value)
    }

    pub fn deserialize<'de, T, D>(from: D) -> Result<T, D::Error>
    where
        T: TryFrom<u128>,
        D: Deserializer<'de>,
    {
        number(&text(from)?)
    }
}

/// `"123"` or `null`, never left out.
pub mod decimal_or_null {
    use super::{Cow, Deserialize, Deserializer, Serializer, number};

    #[expect(clippy::ref_option, reason = "the signature that serde calls")]
    pub fn serialize<S: Serializer>(value: &Option<u64>, to: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(number) => to.collect_str(number),
            None => to.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
        Option::<Cow<'de, str>>::deserialize(from)?.map(|text| number(&text)).transpose()
    }
}

/// Base64 of any bytes.
pub mod bytes {
    use super::{Deserializer, Engine, STANDARD, Serializer, bytes_of, text};

    pub fn serialize<S: Serializer>(value: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD.encode(value))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        bytes_of(&text(from)?)
    }
}

/// Base64 of 16 bytes.
pub mod half {
    use super::{Deserializer, Engine, STANDARD, Serializer, fixed, text};

    pub fn serialize<S: Serializer>(value: &[u8; 16], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD.encode(value))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<[u8; 16], D::Error> {
        fixed(&text(from)?)
    }
}

/// Base64 of a hash.
pub mod hash {
    use super::{Deserializer, Engine, Hash, STANDARD, Serializer, fixed, text};

    pub fn serialize<S: Serializer>(value: &Hash, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD.encode(value.0))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Hash, D::Error> {
        fixed(&text(from)?).map(Hash)
    }
}

/// A list of hashes in base64.
pub mod hashes {
    use super::{Cow, Deserialize, Deserializer, Engine, Hash, STANDARD, Serializer, fixed};

    pub fn serialize<S: Serializer>(value: &[Hash], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(value.iter().map(|hash| STANDARD.encode(hash.0)))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Hash>, D::Error> {
        let texts = Vec::<Cow<'de, str>>::deserialize(from)?;
        texts.iter().map(|text| fixed(text).map(Hash)).collect()
    }
}
