//! `llms.txt`: what is for sale, how to pay and how to repeat, in words for language models.
//!
//! Format: Markdown as <https://llmstxt.org> describes it. Invariants: the text has at most
//! [`LLMS_BYTES_MAX`] of entries, and says how many it left out; a seller's words stay on their line.
//! The challenge of a request always wins over this text.

use core::fmt::Write as _;

use http::Method;

use crate::challenge::Challenge;
use crate::openapi::prices;
use crate::x402::network_name;

/// Most bytes of entries in one text.
pub const LLMS_BYTES_MAX: usize = 64 * 1024;
/// Most characters of a description.
const DESCRIPTION_CHARS_MAX: usize = 200;

/// Whose text it is, and where else to look.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// Name.
    pub title: String,
    /// What this is, in one line.
    pub summary: String,
    /// More to read: what it is, and its URL.
    pub links: Vec<(&'static str, String)>,
}

/// One thing that is for sale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// How it is asked for.
    pub asked: Asked,
    /// Its terms.
    pub challenge: Challenge,
}

/// How something is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// By a request to the resource of its terms.
    Request(Method),
    /// By a call of an MCP server.
    Tool {
        /// URL of the server.
        server: String,
        /// Name of the tool.
        name: String,
    },
}

/// Writes the text.
pub fn document(about: &About, entries: &[Entry]) -> String {
    let (tools, requests): (Vec<_>, Vec<_>) =
        entries.iter().partition(|entry| matches!(entry.asked, Asked::Tool { .. }));
    let mut text = format!("# {}\n\n> {}\n\n", line(&about.title), line(&about.summary));
    text.push_str(HOW_TO_PAY);
    if let Some(entry) = entries.first() {
        let network = network_name(entry.challenge.network);
        let _ = write!(text, "\nThe payment network is `{network}`.\n");
    }
    text.push_str(RETRIES);
    let mut room = LLMS_BYTES_MAX;
    for (title, entries) in [("For sale", requests), ("Tools for sale", tools)] {
        list(title, &entries, &mut room, &mut text);
    }
    text.push_str("\n## More\n\n");
    for (what, url) in &about.links {
        let _ = writeln!(text, "- [{what}]({url})");
    }
    text
}

fn list(title: &str, entries: &[&Entry], room: &mut usize, text: &mut String) {
    if entries.is_empty() {
        return;
    }
    let _ = write!(text, "\n## {title}\n\nThe descriptions are their sellers' words.\n\n");
    let lines = entries.iter().map(|entry| entry.line());
    let mut told = 0;
    for line in
        lines.take_while(|line| room.checked_sub(line.len()).map(|left| *room = left).is_some())
    {
        text.push_str(&line);
        told += 1;
    }
    let more = entries.len().saturating_sub(told);
    if more > 0 {
        let _ = writeln!(text, "- and {more} more");
    }
}

impl Entry {
    fn line(&self) -> String {
        let resource = &self.challenge.resource;
        let asked = match &self.asked {
            Asked::Request(method) => format!("`{method} {}`", line(&resource.url)),
            Asked::Tool { server, name } => format!("`{name}` of the MCP server {server}"),
        };
        let description = resource.description.as_deref().unwrap_or_default();
        let description: String = line(description).chars().take(DESCRIPTION_CHARS_MAX).collect();
        let prices = prices(&self.challenge).join(", or ");
        format!("- {asked}: {prices}. {description}\n")
    }
}

/// A text on one line.
fn line(text: &str) -> String {
    text.split(|c: char| c.is_control()).collect::<Vec<_>>().join(" ")
}

const HOW_TO_PAY: &str = "## How to pay

1. Ask without a payment. The answer is 402 and states the price in the words of x402 (header
   `PAYMENT-REQUIRED`) and of MPP (header `WWW-Authenticate: Payment`).
2. Sign a payment of exactly that, and send the same request again with it.
3. The answer comes with a receipt. What is not delivered is not charged.

Clients of x402 and of MPP do this by themselves, with the plug-in for this network. Tools of an MCP server
state their price, and are paid, inside the messages of the protocol. `farthing mcp` gives an agent tools
that pay within limits set by its owner.
";

const RETRIES: &str = "
## Retries

- The same payment presented again gives the same answer, is executed once and charged once. After a
  timeout or a broken connection send the same request with the same payment.
- Never sign a second payment for a purchase whose outcome is not known.
- An error says in `code` what is wrong, in `retry` whether to send it again, and in `charged` whether it
  was paid for.
";
