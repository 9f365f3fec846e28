//! `cargo xtask sim`: builds the simulator with every assertion and runs seeds, or kills processes.
//!
//! The options are the simulator's own; this tool only knows how to build it.

use anyhow::Result;

use crate::{Workspace, process};

/// Passes `words` on.
pub(crate) fn run(workspace: &Workspace, words: &[String]) -> Result<()> {
    let line = "cargo run --quiet --profile checked --package sim --";
    let mut sim = process::command(&workspace.root, line)?;
    process::run(sim.args(words))
}
