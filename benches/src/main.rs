//! Runs one bench by name against the addresses in the environment; prints JSON lines.
//!
//! Started by `cargo xtask bench NAME [--quick]`, which builds the release profile, starts a fresh
//! demo and sets `FARTHING_SITE_URL`, `FARTHING_NODE_URL` and `FARTHING_BIN`.
#![expect(clippy::print_stderr, reason = "standard output carries the results only")]

mod gateway;

use std::process::ExitCode;

use anyhow::{Context, Result, bail};

/// Where things are, and how long to measure.
struct Setting {
    /// Origin of the demo's site behind the gateway, without a slash at the end.
    site: String,
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
    let wanted = words.first().with_context(|| format!("which bench? one of {names:?}"))?;
    let Some((_, bench)) = BENCHES.iter().find(|(name, _)| name == wanted) else {
        bail!("there is no bench `{wanted}`; one of {names:?}");
    };
    let site = std::env::var("FARTHING_SITE_URL").context("FARTHING_SITE_URL is not set")?;
    let quick = words.iter().any(|word| word == "--quick");
    bench(&Setting { site: site.trim_end_matches('/').to_owned(), quick })
}
