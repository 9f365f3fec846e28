//! A tool that fails says what happened to the money, whether to call again, and with which key.
//!
//! Invariant: no text tells an agent to pay again with a new key after an unknown outcome.

use client::Error;
use rmcp::handler::server::tool::IntoCallToolResult;
use rmcp::model::{CallToolResponse, CallToolResult, ContentBlock};
use serde_json::{Value, json};

/// Why a tool has no result.
#[derive(Debug)]
pub(crate) struct Refusal(Value);

/// What the caller can do.
#[derive(Debug, Clone, Copy)]
enum Retry {
    /// The same arguments again, the same key included.
    SameKey,
    /// Something has to change first.
    Never,
}

impl Refusal {
    /// An argument that cannot be used.
    pub(crate) fn argument(param: &str, why: impl std::fmt::Display) -> Self {
        Self(json!({
            "code": "invalid_argument", "param": param, "message": why.to_string(),
            "charged": "no", "retry": "after_correction",
            "next": "Correct the argument and call again with the same purchase_key.",
        }))
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let (charged, retry, next) = advice(&error);
        let retry = match retry {
            Retry::SameKey => "same_key",
            Retry::Never => "never",
        };
        Self(json!({
            "code": error.code(), "message": error.to_string(), "hint": error.hint(),
            "payment": error.payment().map(|payment| payment.to_string()),
            "charged": charged, "retry": retry, "next": next,
        }))
    }
}

fn advice(error: &Error) -> (&'static str, Retry, &'static str) {
    if error.code() == "purchase_name_taken" {
        return (
            "unknown",
            Retry::Never,
            "This purchase_key was used for another request. Use the key of this purchase, or choose \
             one for it if it is new.",
        );
    }
    if error.outcome_unknown() {
        return (
            "unknown",
            Retry::SameKey,
            "Call again with the SAME purchase_key: it presents the same payment and cannot charge \
             twice. Do not choose a new key.",
        );
    }
    if error.code() == "paid_not_delivered" {
        return (
            "yes",
            Retry::SameKey,
            "Paid, but the content did not arrive. Call again with the SAME purchase_key to collect it \
             without paying again.",
        );
    }
    if error.is_over_limit() {
        return (
            "no",
            Retry::Never,
            "The price is above a limit. Ask the person you work for; do not raise limits yourself.",
        );
    }
    if error.is_insufficient_funds() {
        return (
            "no",
            Retry::SameKey,
            "The budget is used up. Tell the person you work for; when money is there, call again with \
             the same purchase_key.",
        );
    }
    if error.is_retryable() {
        return (
            "no",
            Retry::SameKey,
            "Wait a little, then call again with the same purchase_key.",
        );
    }
    ("no", Retry::Never, "Nothing was charged. Do not repeat the call unchanged.")
}

impl IntoCallToolResult for Refusal {
    fn into_call_tool_result(self) -> Result<CallToolResponse, rmcp::ErrorData> {
        // Clients check structured content against the schema of what the tool gives if it succeeds.
        let refused = CallToolResult::error(vec![ContentBlock::text(self.0.to_string())]);
        Ok(refused.into())
    }
}
