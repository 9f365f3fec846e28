//! Priced tools of an MCP server behind the gateway (Model Context Protocol, streamable HTTP).
//!
//! A call of a priced tool becomes an ordinary purchase: `POST` to a path that stands for the tool, with
//! tool and arguments as its body. What comes back becomes the answer of the call again. So prices,
//! payments, delivery rules and copies are those of every other request, and there is no second path to
//! the node.
//!
//! | of the call | becomes |
//! | --- | --- |
//! | `params._meta["x402/payment"]` | the header `PAYMENT-SIGNATURE` |
//! | `params._meta["org.paymentauth/credential"]` | the header `Payment-Authorization` |
//! | tool and arguments, in canonical JSON | the body whose digest the order names |
//! | a 402 | a result with `isError`, or an error, as [`payment::Wording`] has it |
//! | a tool that fails | an answer that is no success: nothing is charged |
//! | the header `PAYMENT-RESPONSE` | `result._meta["x402/payment-response"]` |
//! | the header `Payment-Receipt` | `result._meta["org.paymentauth/receipt"]` |
//!
//! Formats: the MCP transport of x402, version 2; draft-payment-transport-mcp-00. Invariants: the payment
//! never reaches the tool; the number of a call (JSON-RPC `id`) is no part of what is bought, so a retry
//! under another number is a copy; a batch is refused, for it could hide a priced call. Everything that
//! is no call of a priced tool passes through; only prices are added to what the server lists.

mod answer;
mod call;
mod events;
mod listing;
mod payment;
mod upstream;

pub(crate) use answer::answer;
pub(crate) use call::{Read, read};
pub(crate) use listing::{Asked, Listing, add as add_listing};
pub(crate) use payment::InMessage;
pub(crate) use upstream::ToolService;

/// A tool that an offer prices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tool {
    /// Path at which the MCP server is asked.
    pub endpoint: String,
    /// Name of the tool.
    pub name: ToolName,
}

/// Longest name of a priced tool.
pub const TOOL_NAME_BYTES_MAX: usize = 128;

/// Name of a tool that can be priced: letters, digits, `_`, `-` and `.`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolName(String);

/// The name cannot stand in a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a priced tool's name has 1 to {TOOL_NAME_BYTES_MAX} letters, digits, `_`, `-` or `.`")]
pub struct ToolNameError;

impl ToolName {
    /// Checks a name.
    pub fn new(text: &str) -> Result<Self, ToolNameError> {
        let fits = (1..=TOOL_NAME_BYTES_MAX).contains(&text.len());
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
        if fits && text.bytes().all(plain) && text.bytes().any(|byte| byte != b'.') {
            return Ok(Self(text.to_owned()));
        }
        Err(ToolNameError)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Tool {
    /// The path that stands for the tool.
    pub fn path(&self) -> String {
        format!("{}/tools/{}", self.endpoint.trim_end_matches('/'), self.name.as_str())
    }
}
