//! Runs one bench by name; prints JSON lines.
//!
//! Started by `cargo xtask bench NAME [OPTION]...`, which builds the release profile. A bench may start
//! this program again as one of the processes that it measures: the words of `PROCESSES`.
#![expect(clippy::print_stderr, reason = "standard output carries the results only")]

mod channel;
mod gateway;
mod ledger;
mod log;
mod mandate;
mod model;
mod options;
mod webhook;

use std::process::ExitCode;

use anyhow::{Context, Result, bail};

/// Takes the words behind its name.
type Run = fn(&[String]) -> Result<()>;

/// Each bench with its name.
const BENCHES: &[(&str, Run)] = &[
    ("channel", channel::run),
    ("gateway", gateway::run),
    ("ledger", ledger::run),
    ("log", log::run),
    ("mandate", mandate::run),
    ("webhook", webhook::run),
    ("report", model::run),
];

/// What a bench starts.
const PROCESSES: &[(&str, Run)] = &[
    ("serve", gateway::serve::run),
    ("upstream", gateway::upstream::run),
    (channel::counted::WORD, channel::counted::run),
    (ledger::batches::WORD, ledger::batches::run),
    (ledger::offered::WORD, ledger::offered::run),
    (ledger::starts::WORD, ledger::starts::run),
    (ledger::counted::WORD, ledger::counted::run),
    (log::epochs::WORD, log::epochs::run),
    (log::proofs::WORD, log::proofs::run),
    (mandate::WORD, mandate::counted),
    (webhook::SENDER, webhook::sender::run),
];

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
    let Some((_, run)) = BENCHES.iter().chain(PROCESSES).find(|(name, _)| name == wanted) else {
        bail!("there is no bench `{wanted}`; one of {names:?}");
    };
    run(rest)
}
