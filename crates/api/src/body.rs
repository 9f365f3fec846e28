//! Request bodies: read within limits, then as one flat JSON object of texts.
//!
//! Invariants: at most the stated bytes are kept; a field that is unknown, missing, repeated or
//! not a text is refused by its name.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use http402::Problem;
use serde::Serialize;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use crate::refused::Refused;

/// Largest body of the node's own calls.
pub(crate) const REQUEST_BODY_BYTES_MAX: usize = 8 * 1024;
/// Longest time that a body may take to arrive.
const BODY_ARRIVAL_SECONDS_MAX: u64 = 10;

/// Why a body could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyFault {
    /// Above the limit.
    TooLarge { limit_bytes: usize },
    /// It did not arrive in time.
    TooSlow,
    /// It broke off or was framed wrongly.
    Broken,
}

impl BodyFault {
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "body_too_large",
            Self::TooSlow => "body_too_slow",
            Self::Broken => "body_broken",
        }
    }

    pub(crate) const fn status(self) -> u16 {
        match self {
            Self::TooLarge { .. } => 413,
            Self::TooSlow => 408,
            Self::Broken => 400,
        }
    }
}

impl fmt::Display for BodyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { limit_bytes } => {
                write!(f, "the body is larger than {limit_bytes} bytes")
            }
            Self::TooSlow => f.write_str("the body did not arrive in time"),
            Self::Broken => f.write_str("the body could not be read"),
        }
    }
}

impl From<BodyFault> for Refused {
    fn from(fault: BodyFault) -> Self {
        let title = "The request's body could not be read";
        let problem = Problem::new(fault.status(), fault.code(), title, fault.to_string());
        Self::new(problem.with_param("body"))
    }
}

/// Reads a whole body of at most `limit_bytes`.
pub(crate) async fn read(body: Body, limit_bytes: usize) -> Result<bytes::Bytes, BodyFault> {
    let collected = Limited::new(body, limit_bytes).collect();
    let limit = Duration::from_secs(BODY_ARRIVAL_SECONDS_MAX);
    match tokio::time::timeout(limit, collected).await {
        Err(_) => Err(BodyFault::TooSlow),
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if is_length_limit(&*error) => Err(BodyFault::TooLarge { limit_bytes }),
        Ok(Err(_)) => Err(BodyFault::Broken),
    }
}

fn is_length_limit(error: &(dyn Error + 'static)) -> bool {
    error.is::<LengthLimitError>() || error.source().is_some_and(is_length_limit)
}

/// The fields of a request, each a text.
pub(crate) struct Fields(Vec<(String, String)>);

/// Members of an object in order, repeated ones too.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;

        impl<'de> Visitor<'de> for Collect {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Collect)
    }
}

impl Fields {
    /// Reads a body that may hold the `known` fields.
    pub(crate) async fn read(body: Body, known: &[&str]) -> Result<Self, Refused> {
        let bytes = read(body, REQUEST_BODY_BYTES_MAX).await?;
        let Members(members) = serde_json::from_slice(&bytes).map_err(|error| {
            Refused::bad_request("invalid_json", format!("the body is not a JSON object: {error}"))
                .with_param("body")
        })?;
        let mut fields: Vec<(String, String)> = Vec::with_capacity(members.len());
        for (name, value) in members {
            let fault = |code, text: &str| Err(Refused::bad_request(code, text).with_param(&name));
            if !known.contains(&name.as_str()) {
                return fault("unknown_field", "the call has no such field");
            }
            if fields.iter().any(|(earlier, _)| *earlier == name) {
                return fault("repeated_field", "the field stands twice");
            }
            let Value::String(text) = value else {
                return fault("invalid_field", "the field must be a text; amounts are texts too");
            };
            fields.push((name, text));
        }
        Ok(Self(fields))
    }

    /// A field that may be left out.
    pub(crate) fn optional(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(field, _)| field == name);
        found.map(|(_, text)| text.as_str())
    }

    /// A field that must be there.
    pub(crate) fn required(&self, name: &'static str) -> Result<&str, Refused> {
        self.optional(name).ok_or_else(|| {
            Refused::bad_request("missing_field", "the field is missing").with_param(name)
        })
    }

    /// Bytes of a field in standard base64 with padding.
    pub(crate) fn base64(&self, name: &'static str) -> Result<Vec<u8>, Refused> {
        STANDARD.decode(self.required(name)?).map_err(|_| {
            Refused::bad_request("invalid_base64", "the field must be standard base64 with padding")
                .with_param(name)
        })
    }
}

/// A JSON answer.
pub(crate) fn json(status: StatusCode, answer: &impl Serialize) -> Response {
    match serde_json::to_vec(answer) {
        Ok(bytes) => (status, [(CONTENT_TYPE, "application/json")], bytes).into_response(),
        Err(error) => {
            tracing::error!(%error, "an answer could not be written as JSON");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// A JSON answer with status 200.
pub(crate) fn ok(answer: &impl Serialize) -> Response {
    json(StatusCode::OK, answer)
}
