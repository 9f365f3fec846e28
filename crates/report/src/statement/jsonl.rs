//! One JSON object a line: `opening`, `entry`..., `closing`. Amounts are base units in texts.
//!
//! Invariant: a statement that has no line `closing` broke off.

use serde_json::{Value, json};

use super::{Head, Line, Sums};
use crate::money_text::Signed;

fn text(value: &Value) -> String {
    format!("{value}\n")
}

pub(super) fn begin(head: &Head) -> String {
    text(&json!({
        "type": "opening",
        "node": head.node,
        "account": head.account,
        "label": head.label,
        "asset": head.asset.code,
        "scale": head.asset.scale,
        "from_ms": head.from_ms,
        "to_ms": head.to_ms,
        "made_at_ms": head.made_at_ms,
        "balance": head.opening.to_string(),
    }))
}

pub(super) fn line(head: &Head, line: &Line, balance: Signed, out: &mut String) {
    let sign = if line.is_credit { "" } else { "-" };
    out.push_str(&text(&json!({
        "type": "entry",
        "at_ms": line.at_ns / 1_000_000,
        "kind": line.kind.name(),
        "transfer": line.transfer,
        "about": Some(&line.about).filter(|about| !about.is_empty()),
        "counterparty": line.counterparty,
        "description": line.description,
        "amount": format!("{sign}{}", line.units),
        "balance": balance.to_string(),
        "asset": head.asset.code,
        "scale": head.asset.scale,
    })));
}

pub(super) fn end(head: &Head, sums: &Sums) -> String {
    text(&json!({
        "type": "closing",
        "entries": sums.entries,
        "credits": sums.credits.to_string(),
        "debits": sums.debits.to_string(),
        "balance": head.closing.to_string(),
        "asset": head.asset.code,
        "scale": head.asset.scale,
    }))
}
