//! `farthing clock`: the time of a sandbox node, and putting it ahead.

use client::NodeClient;
use serde::Deserialize;
use serde_json::json;

use crate::cli::{ClockArgs, ClockCommand};
use crate::failure::Failure;
use crate::operator;
use crate::term;

#[derive(Deserialize)]
struct Clock {
    now_ms: u64,
    shift_ms: u64,
    sandbox: bool,
}

/// Shows the clock, or puts it ahead first.
pub(crate) async fn run(args: ClockArgs) -> Result<(), Failure> {
    let clock = match args.command {
        ClockCommand::Show(place) => {
            let (node, token) = operator::connect(&place)?;
            node.ask(&token, "/v1/clock").await?
        }
        ClockCommand::Advance { by, operator: place } => {
            let (node, token) = operator::connect(&place)?;
            advance(&node, &token, by).await?
        }
    };
    let Clock { now_ms, shift_ms, sandbox } = clock;
    term::line(&json!({"now_ms": now_ms, "shift_ms": shift_ms, "sandbox": sandbox}).to_string());
    Ok(())
}

async fn advance(node: &NodeClient, token: &str, by: u64) -> Result<Clock, Failure> {
    let clock = node.tell(token, "/v1/clock", &json!({"advance_ms": by})).await?;
    term::note("the clock cannot be put back; wallets that sign by their own clock may be refused");
    Ok(clock)
}

/// A time such as `30d`, in milliseconds.
pub(crate) fn parse_time(text: &str) -> Result<u64, String> {
    let expected = || format!("`{text}` is not a time: write for example 30d, 12h, 15m or 10s");
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit_ms: u64 = match &text[digits.len()..] {
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        "w" => 604_800_000,
        _ => return Err(expected()),
    };
    let count = digits.parse::<u64>().ok().filter(|count| *count > 0);
    count.and_then(|count| count.checked_mul(unit_ms)).ok_or_else(expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit() {
        let good =
            [("30d", 2_592_000_000), ("1s", 1_000), ("90m", 5_400_000), ("2w", 1_209_600_000)];
        for (text, milliseconds) in good {
            assert_eq!(parse_time(text), Ok(milliseconds));
        }
        for text in ["", "30", "d", "-1d", "1.5h", "0s", "1 d", "1dd", "é", "99999999999999999999d"]
        {
            assert!(parse_time(text).is_err(), "{text}");
        }
    }
}
