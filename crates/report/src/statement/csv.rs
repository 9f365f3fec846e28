//! CSV by RFC 4180: a header, the opening balance, the entries, the closing balance.
//!
//! Invariants: the columns `credit`, `debit` and `amount` hold entries only, so a spreadsheet sums
//! them as they are; no text of others begins like a formula.

use std::fmt::Write as _;

use super::{Head, Line};
use crate::calendar::time_text;
use crate::money_text::{Signed, exact};

const HEADER: &str =
    "time,kind,transfer,about,counterparty,description,credit,debit,amount,balance,asset\r\n";

pub(super) fn begin(head: &Head) -> String {
    format!("{HEADER}{}", balance(head, "opening_balance", head.from_ms, head.opening))
}

pub(super) fn line(head: &Head, line: &Line, balance: Signed, out: &mut String) {
    let units = exact(Signed::try_from(line.units).unwrap_or(Signed::MAX), head.asset);
    let zero = exact(0, head.asset);
    let (credit, debit, sign) =
        if line.is_credit { (&units, &zero, "") } else { (&zero, &units, "-") };
    // Writing to a text cannot fail.
    let _ = write!(
        out,
        "{},{},{},{},{},{},{credit},{debit},{sign}{units},{},{}\r\n",
        time_text(line.at_ns / 1_000_000),
        line.kind.name(),
        line.transfer,
        line.about,
        line.counterparty,
        field(&line.description),
        exact(balance, head.asset),
        head.asset.code,
    );
}

pub(super) fn end(head: &Head) -> String {
    balance(head, "closing_balance", head.to_ms, head.closing)
}

fn balance(head: &Head, kind: &str, at_ms: u64, units: Signed) -> String {
    let (time, units) = (time_text(at_ms), exact(units, head.asset));
    format!("{time},{kind},,,,,,,,{units},{}\r\n", head.asset.code)
}

/// A text of others. One that a spreadsheet would run as a formula is marked as a text by an
/// apostrophe (OWASP, "CSV Injection").
fn field(text: &str) -> String {
    let first = text.trim_start().chars().next();
    let guard = if first.is_some_and(|first| "=+-@\t\r".contains(first))
        || text.starts_with(['\t', '\r', '\n'])
    {
        "'"
    } else {
        ""
    };
    if text.contains(['"', ',', '\r', '\n']) || !guard.is_empty() {
        format!("\"{guard}{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_others_stay_texts() {
        let table = [
            ("an article", "an article"),
            ("a, b", "\"a, b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("=HYPERLINK(1)", "\"'=HYPERLINK(1)\""),
            ("  =1", "\"'  =1\""),
            ("+1", "\"'+1\""),
            ("-1", "\"'-1\""),
            ("@SUM", "\"'@SUM\""),
            ("\tx", "\"'\tx\""),
            ("one\r\ntwo", "\"one\r\ntwo\""),
            ("", ""),
        ];
        for (text, written) in table {
            assert_eq!(field(text), written);
        }
    }
}
