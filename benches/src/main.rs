//! Runs one bench by name; prints JSON lines.
//!
//! Started by `cargo xtask bench NAME [--quick]`, which builds the release profile. A bench may start
//! this program again as one of the processes that it measures: `serve` and `upstream`.
#![expect(clippy::print_stderr, reason = "standard output carries the results only")]

mod gateway;

use std::process::ExitCode;

use anyhow::{Context, Result, bail};

/// How long to measure.
struct Setting {
    /// A few seconds in place of minutes: shows that the bench works, not how fast anything is.
    quick: bool,
}

type Bench = fn(&Setting) -> Result<()>;

/// Each bench with its name.
const BENCHES: &[(&str, Bench)] = &[("gateway", gateway::run)];

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match run(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[String]) -> Result<()> {
    let names: Vec<&str> = BENCHES.iter().map(|(name, _)| *name).collect();
    let (wanted, rest) =
        words.split_first().with_context(|| format!("which bench? one of {names:?}"))?;
    match wanted.as_str() {
        "serve" => return gateway::serve::run(rest),
        "upstream" => return gateway::upstream::run(rest),
        _ => {}
    }
    let Some((_, bench)) = BENCHES.iter().find(|(name, _)| name == wanted) else {
        bail!("there is no bench `{wanted}`; one of {names:?}");
    };
    bench(&Setting { quick: rest.iter().any(|word| word == "--quick") })
}
