//! Request bodies: read within limits, then as one JSON object of the call's type.
//!
//! Invariants: at most the stated bytes are kept; a field that is unknown, missing, repeated or
//! of another type is refused by its name.

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
use serde::de::DeserializeOwned;

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

/// Reads a body as a JSON object. Its type says which members there are; it has to deny others.
pub(crate) async fn object<T: DeserializeOwned>(body: Body) -> Result<T, Refused> {
    let bytes = read(body, REQUEST_BODY_BYTES_MAX).await?;
    parse(&bytes)
}

/// The same; nothing at all counts as an object without members.
pub(crate) async fn object_or_nothing<T: DeserializeOwned>(body: Body) -> Result<T, Refused> {
    let bytes = read(body, REQUEST_BODY_BYTES_MAX).await?;
    parse(if bytes.is_empty() { b"{}" } else { &bytes })
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Refused> {
    let invalid = |error: &serde_json::Error| {
        let detail = format!("the body is not a JSON object as the call takes it: {error}");
        Refused::bad_request("invalid_json", detail).with_param("body")
    };
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let object = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let error = error.into_inner();
        if error.is_data() {
            field_fault(&path, &error).unwrap_or_else(|| invalid(&error))
        } else {
            invalid(&error)
        }
    })?;
    json.end().map_err(|error| invalid(&error))?;
    Ok(object)
}

/// What is wrong with a member, by its name; `None` if it is the object itself.
fn field_fault(path: &str, error: &serde_json::Error) -> Option<Refused> {
    let text = error.to_string();
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _)| text);
    let (code, detail, param) = named_fault(path, text)?;
    Some(Refused::bad_request(code, detail).with_param(param))
}

/// Code, text and name of a fault that serde words.
pub(crate) fn named_fault(path: &str, text: &str) -> Option<(&'static str, String, String)> {
    let at_root = path.is_empty() || path == ".";
    for (opening, code, detail) in [
        ("missing field `", "missing_field", "the field is missing"),
        ("unknown field `", "unknown_field", "the call has no such field"),
        ("duplicate field `", "repeated_field", "the field stands twice"),
    ] {
        let name = text.strip_prefix(opening).and_then(|rest| rest.split('`').next());
        if let Some(name) = name {
            let is_inside = path == name || path.ends_with(&format!(".{name}"));
            let param = match (at_root, is_inside) {
                (true, _) => name.to_owned(),
                (false, true) => path.to_owned(),
                (false, false) => format!("{path}.{name}"),
            };
            return Some((code, detail.to_owned(), param));
        }
    }
    (!at_root).then(|| ("invalid_field", text.to_owned(), path.to_owned()))
}

/// Bytes of a field in standard base64 with padding.
pub(crate) fn base64(text: &str, name: &'static str) -> Result<Vec<u8>, Refused> {
    STANDARD.decode(text).map_err(|_| {
        Refused::bad_request("invalid_base64", "the field must be standard base64 with padding")
            .with_param(name)
    })
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
