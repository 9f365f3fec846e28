//! `cargo xtask bench NAME`: builds the release binary of the `benches` package and runs one bench.
//! A bench starts the processes that it measures itself.
//!
//! Invariant: figures come from the release profile only. Results are the lines of
//! standard output that begin with `{`.

use anyhow::{Context, Result, bail};

use crate::{Workspace, process};

/// `words` are the bench's name and an optional `--quick`.
pub(crate) fn run(workspace: &Workspace, words: &[String]) -> Result<()> {
    let (name, rest) = words.split_first().context("which bench? see `cargo xtask help`")?;
    if let Some(unknown) = rest.iter().find(|word| *word != "--quick") {
        bail!("unknown option `{unknown}`; see `cargo xtask help`");
    }
    let build = "cargo build --release --package benches";
    process::run(&mut process::command(&workspace.root, build)?)?;
    let mut bench = process::command(&workspace.root, "target/release/benches")?;
    bench.arg(name).args(rest);
    process::run(&mut bench)
}
