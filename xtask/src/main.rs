//! The repository's own tool: `cargo xtask test`, `setup`, `tidy`, `bench` and `sim`.
//!
//! Invariant: a step that did not do its work counts as failed, never as passed; what was left out
//! on request is named in the summary. This tool must not change tracked files.
#![expect(clippy::print_stdout, reason = "a command line tool talks on standard output")]

mod bench;
mod demo;
mod process;
mod run;
mod setup;
mod sim;
mod steps;
mod tidy;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};

const HELP: &str = "\
Usage: cargo xtask COMMAND

Commands:
  test [--list] [--keep-going] [--only NAME]... [--skip NAME]...
                        Run every step in order; stop at the first failure.
                        --only runs just the named steps, without those before them.
                        --skip leaves a step out by name; refused when CI=true.
  setup                 Install what the steps need and the machine lacks.
  tidy                  Check the repository's own rules and print the size table.
  bench NAME [--quick]  Build the release binary and run one bench; prints JSON lines.
    bench ledger [--quick] [--transfers N] [--only PART]... [--compare postgres]
                        --only measures just the named workloads or parts (`offered_load`,
                        `instructions`); --compare installs the database and measures it too.
    bench channel [--quick] [--only PART]...
                        Parts: `voucher`, `tick`, `metered_get`, `stream`, `instructions`.
    bench log [--quick] [--only PART]...
                        Parts: `ledger_with_log`, `append`, `proof`, `epoch`.
    bench report [--quick] [--only PART]...
                        Parts: `ingest`, `query`, `query_while_ingesting`.
    bench mandate [--quick], bench webhook [--quick]
  sim [--seeds N] [--from S] [--verbose]
                        Live whole lives of a node on a simulated disk and clock, one for
                        each seed, and compare all that it answers with an oracle.
    sim kill [--rounds N]
                        Kill a real process under load, again and again, and check every
                        acknowledged id.

Examples:
  cargo xtask test --only fmt --only lints
  cargo xtask test --keep-going --skip browser
  cargo xtask bench ledger --only uniform_10k --only hot_credit --compare postgres
  cargo xtask bench channel --quick --only voucher
  cargo xtask sim --seeds 10000 --from 1";

/// Where the repository is and whether an automated run asked.
pub(crate) struct Workspace {
    /// The folder that holds the workspace manifest.
    pub(crate) root: PathBuf,
    /// `CI=true`: nothing may be left out.
    pub(crate) ci: bool,
}

impl Workspace {
    fn find() -> Self {
        let manifest = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let root = manifest.parent().map_or(manifest.clone(), PathBuf::from);
        let ci = std::env::var("CI").is_ok_and(|value| value == "true" || value == "1");
        Self { root, ci }
    }
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&words) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Answers whether everything that was asked for succeeded.
fn dispatch(words: &[String]) -> Result<bool> {
    let workspace = Workspace::find();
    let (command, rest) = words.split_first().map_or(("help", words), |(c, r)| (c.as_str(), r));
    match command {
        "test" => run::test(&workspace, rest),
        "setup" => setup::everything(&workspace).map(|()| true),
        "tidy" => tidy::check(&workspace).map(|()| true),
        "sim" => sim::run(&workspace, rest).map(|()| true),
        "bench" => bench::run(&workspace, rest).map(|()| true),
        "help" | "--help" | "-h" => {
            println!("{HELP}");
            Ok(!words.is_empty())
        }
        other => bail!("there is no command `{other}`\n\n{HELP}"),
    }
}
