//! Problem documents (RFC 9457) for every refusal.
//!
//! Invariants: `code` is stable and for programs, `title` and `detail` are for people; whether
//! value moved is the member `charged`, never prose; what a client may do next is `retry`.
//! A dialect may put members of its own beside these, never in place of them.

use core::fmt;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::error::{DecodeError, EncodeError};
use crate::json;

/// Media type of a problem document.
pub const CONTENT_TYPE: &str = "application/problem+json";
/// Opening of the `type` member; the code follows.
const TYPE_PREFIX: &str = "urn:farthing:problem:";

/// What a client may do after a refusal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Retry {
    /// Repeating the request is useless.
    #[default]
    Never,
    /// Repeat it with the same payment or idempotency key.
    SameKey,
    /// Repeat it after so many seconds.
    AfterSeconds(u32),
}

impl fmt::Display for Retry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Never => f.write_str("never"),
            Self::SameKey => f.write_str("same_key"),
            // How long stands in the header `Retry-After`.
            Self::AfterSeconds(_) => f.write_str("after_delay"),
        }
    }
}

impl Serialize for Retry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A refusal. `type` is derived from `code` unless a dialect has its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    #[serde(rename = "type")]
    kind: String,
    /// What went wrong in general; the same for each occurrence.
    pub title: &'static str,
    /// HTTP status.
    pub status: u16,
    /// What went wrong this time.
    pub detail: String,
    /// Stable code for programs.
    pub code: &'static str,
    /// The field or header at fault, if one is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub param: Option<String>,
    /// What to do next.
    pub retry: Retry,
    /// Where the code is explained, an absolute URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub doc_url: Option<String>,
    /// Id of the request, as in the `Request-Id` header.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub request_id: String,
    /// Whether the payer was charged for this request.
    pub charged: bool,
    /// Members of dialects.
    #[serde(flatten)]
    members: Map<String, Value>,
}

impl Problem {
    /// A refusal that charged nothing and that repeating does not help.
    pub fn new(
        status: u16,
        code: &'static str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            kind: format!("{TYPE_PREFIX}{code}"),
            title,
            status,
            detail: detail.into(),
            code,
            param: None,
            retry: Retry::Never,
            doc_url: None,
            request_id: String::new(),
            charged: false,
            members: Map::new(),
        }
    }

    /// Names the field at fault.
    #[must_use]
    pub fn with_param(self, param: impl Into<String>) -> Self {
        Self { param: Some(param.into()), ..self }
    }

    /// Says what to do next.
    #[must_use]
    pub fn with_retry(self, retry: Retry) -> Self {
        Self { retry, ..self }
    }

    /// Names the refusal by a dialect's problem type, an absolute URI; the code stays.
    #[must_use]
    pub fn with_type(self, kind: String) -> Self {
        Self { kind, ..self }
    }

    /// Names the request.
    #[must_use]
    pub fn with_request_id(self, request_id: impl Into<String>) -> Self {
        Self { request_id: request_id.into(), ..self }
    }

    /// Says where the code is explained.
    #[must_use]
    pub fn with_doc_url(self, url: String) -> Self {
        Self { doc_url: Some(url), ..self }
    }

    /// Adds a dialect's members; names of the problem's own members are left out.
    #[must_use]
    pub fn with_members(mut self, members: Map<String, Value>) -> Self {
        const OWN: [&str; 10] = [
            "type",
            "title",
            "status",
            "detail",
            "code",
            "param",
            "retry",
            "doc_url",
            "request_id",
            "charged",
        ];
        self.members.extend(members.into_iter().filter(|(name, _)| !OWN.contains(&name.as_str())));
        self
    }

    /// The document, to be sent as [`CONTENT_TYPE`].
    pub fn to_json(&self) -> Result<Vec<u8>, EncodeError> {
        json::write(self)
    }
}

impl From<&DecodeError> for Problem {
    fn from(error: &DecodeError) -> Self {
        let title = "The payment could not be read";
        Self::new(error.http_status(), error.code(), title, error.to_string())
            .with_param(error.param())
    }
}
