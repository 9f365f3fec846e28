//! `cargo xtask bench NAME`: builds the release binary of the `benches` package and runs one bench.
//! A bench starts the processes that it measures itself, and knows its own options.
//!
//! Invariant: figures come from the release profile only. Results are the lines of
//! standard output that begin with `{`.

use anyhow::{Context, Result};

use crate::{Workspace, process, setup};

/// `words` are the bench's name and its options.
pub(crate) fn run(workspace: &Workspace, words: &[String]) -> Result<()> {
    words.first().context("which bench? see `cargo xtask help`")?;
    if compares_postgres(words) {
        setup::postgres(workspace)?;
    }
    let build = "cargo build --release --package benches";
    process::run(&mut process::command(&workspace.root, build)?)?;
    let mut bench = process::command(&workspace.root, "target/release/benches")?;
    process::run(bench.args(words))
}

fn compares_postgres(words: &[String]) -> bool {
    words.windows(2).any(|pair| pair[0] == "--compare" && pair[1] == "postgres")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_installed_for_its_comparison_only() {
        let compares = |line: &str| {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            compares_postgres(&words)
        };
        assert!(compares("ledger --quick --compare postgres"));
        assert!(!compares("ledger --quick"));
        assert!(!compares("ledger --only postgres"));
    }
}
