//! JSON and base64 as payment messages use them.
//!
//! Invariant: an object is written as an object; the array form that derived readers would take
//! as well is refused. Texts are borrowed from the input where they hold no escapes.

use core::fmt;
use core::marker::PhantomData;
use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::HeaderValue;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::{Serialize, Serializer};

use crate::error::{DecodeError, EncodeError, Place, detail};

/// Deepest nesting of arrays and objects that is read into memory.
pub const JSON_DEPTH_MAX: usize = 127;
/// Room for a usual message, so that writing one seldom has to grow the buffer.
const MESSAGE_BYTES_USUAL: usize = 1024;

/// A text, borrowed if it can be.
#[derive(serde::Deserialize)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

/// A JSON object with the members of `T`.
pub(crate) struct Object<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }

        deserializer.deserialize_map(Members(PhantomData))
    }
}

impl<T: Serialize> Serialize for Object<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// Reads one JSON object that makes up the whole of `bytes`.
pub(crate) fn read<'de, T: Deserialize<'de>>(
    bytes: &'de [u8],
    place: Place,
) -> Result<T, DecodeError> {
    match serde_json::from_slice::<Object<T>>(bytes) {
        Ok(Object(value)) => Ok(value),
        Err(error) if error.is_data() => Err(DecodeError::Shape { place, detail: detail(&error) }),
        Err(_) if depth(bytes) > JSON_DEPTH_MAX => {
            Err(DecodeError::TooDeep { place, limit: JSON_DEPTH_MAX })
        }
        Err(error) => Err(DecodeError::NotJson { place, detail: detail(&error) }),
    }
}

/// Deepest nesting in a JSON text; only asked once the text was refused.
fn depth(bytes: &[u8]) -> usize {
    let (mut open, mut deepest, mut in_text, mut escaped) = (0_usize, 0, false, false);
    for &byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => open = open.saturating_add(1),
            b']' | b'}' if !in_text => open = open.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(open);
    }
    deepest
}

/// Decodes the one accepted form of base64.
pub(crate) fn from_base64(text: &[u8], place: Place) -> Result<Vec<u8>, DecodeError> {
    STANDARD.decode(text).map_err(|_| DecodeError::NotBase64 { place })
}

/// Decodes base64 of a short value into a buffer on the stack. Of input that does not fit only the
/// length is told.
pub(crate) fn from_base64_short<'b, const N: usize>(
    text: &str,
    buffer: &'b mut [u8; N],
    place: Place,
) -> Result<Short<'b>, DecodeError> {
    match STANDARD.decode_slice(text, buffer) {
        Ok(length) => Ok(Short::Bytes(&buffer[..length])),
        Err(base64::DecodeSliceError::OutputSliceTooSmall) => {
            Ok(Short::TooLong { bytes: text.len() / 4 * 3 })
        }
        Err(base64::DecodeSliceError::DecodeError(_)) => Err(DecodeError::NotBase64 { place }),
    }
}

/// Room for a signature and what a decoder may write beside it.
pub(crate) const SIGNATURE_BUFFER_BYTES: usize = 64 + 8;

/// Decodes a signature; its length is left to the reader, unless it is beyond any.
pub(crate) fn signature<'b>(
    text: &str,
    buffer: &'b mut [u8; SIGNATURE_BUFFER_BYTES],
    place: Place,
) -> Result<&'b [u8], DecodeError> {
    match from_base64_short(text, buffer, place)? {
        Short::Bytes(bytes) => Ok(bytes),
        Short::TooLong { bytes: found } => {
            let reason = instrument::DecodeError::SignatureLength { found };
            Err(DecodeError::Statement { place, reason })
        }
    }
}

/// What [`from_base64_short`] found.
pub(crate) enum Short<'b> {
    /// The decoded bytes.
    Bytes(&'b [u8]),
    /// More than the buffer holds.
    TooLong {
        /// About how many bytes the text stands for.
        bytes: usize,
    },
}

/// Standard base64 with padding.
pub(crate) fn to_base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Decodes base64url without padding.
pub(crate) fn from_base64_url(text: &[u8], place: Place) -> Result<Vec<u8>, DecodeError> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| DecodeError::NotBase64Url { place })
}

/// Base64url without padding.
pub(crate) fn to_base64_url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Writes a message as JSON.
pub(crate) fn write(message: &impl Serialize) -> Result<Vec<u8>, EncodeError> {
    let mut json = Vec::with_capacity(MESSAGE_BYTES_USUAL);
    serde_json::to_writer(&mut json, message).map_err(|_| EncodeError)?;
    Ok(json)
}

/// Writes a message as base64 of JSON, ready for a header.
pub(crate) fn write_header(message: &impl Serialize) -> Result<HeaderValue, EncodeError> {
    let json = write(message)?;
    HeaderValue::try_from(STANDARD.encode(json)).map_err(|_| EncodeError)
}

/// Serializes a value as the text that it displays.
pub(crate) struct Shown<T>(pub(crate) T);

impl<T: fmt::Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}
