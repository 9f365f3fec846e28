//! What the command line asks of this bench.
//!
//! Nothing is guessed: a word that is not known is an error that names those that are.

use anyhow::{Context, Result, bail};

use super::workloads::WORKLOADS;

/// Parts of the bench beside the workloads, as `--only` names them.
pub(crate) const OFFERED_LOAD: &str = "offered_load";
pub(crate) const INSTRUCTIONS: &str = "instructions";

const TRANSFERS: u64 = 10_000_000;
const QUICK_TRANSFERS: u64 = 500_000;

/// What to measure.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// Shows that the bench works, not how fast anything is.
    pub(crate) quick: bool,
    /// Transfers of each workload.
    pub(crate) transfers: u64,
    /// The same transfers on `PostgreSQL`.
    pub(crate) postgres: bool,
    only: Vec<String>,
}

impl Options {
    /// Reads the words after the bench's name.
    pub(crate) fn parse(words: &[String]) -> Result<Self> {
        let mut options = Self { quick: false, transfers: 0, postgres: false, only: Vec::new() };
        let mut transfers = None;
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut value =
                || words.next().with_context(|| format!("`{word}` needs a value behind it"));
            match word.as_str() {
                "--quick" => options.quick = true,
                "--transfers" => transfers = Some(count(value()?)?),
                "--only" => options.only.push(part(value()?)?),
                "--compare" => match value()?.as_str() {
                    "postgres" => options.postgres = true,
                    other => bail!("there is no comparison with `{other}`; there is: postgres"),
                },
                _ => bail!(
                    "unknown option `{word}`; known are --quick, --transfers N, --only NAME, \
                     --compare postgres"
                ),
            }
        }
        let usual = if options.quick { QUICK_TRANSFERS } else { TRANSFERS };
        options.transfers = transfers.unwrap_or(usual);
        Ok(options)
    }

    /// Whether this part is to be measured: everything, unless something was named.
    pub(crate) fn wants(&self, part: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| name == part)
    }
}

fn count(word: &str) -> Result<u64> {
    match word.replace('_', "").parse() {
        Ok(count) if count > 0 => Ok(count),
        _ => bail!("`{word}` is not a number of transfers"),
    }
}

fn part(word: &str) -> Result<String> {
    let parts = WORKLOADS.iter().map(|workload| workload.name);
    let parts: Vec<&str> = parts.chain([OFFERED_LOAD, INSTRUCTIONS]).collect();
    if !parts.contains(&word) {
        bail!("this bench has no part `{word}`; it has {}", parts.join(", "));
    }
    Ok(word.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Options::parse(&words)
    }

    #[test]
    fn words_become_options() {
        let all = parse("").unwrap();
        assert_eq!((all.quick, all.transfers, all.postgres), (false, TRANSFERS, false));
        assert!(all.wants("uniform_1m") && all.wants(OFFERED_LOAD) && all.wants(INSTRUCTIONS));
        assert_eq!(parse("--quick").unwrap().transfers, QUICK_TRANSFERS);
        let some = parse("--transfers 2_000 --quick --only hot_debit --compare postgres").unwrap();
        assert_eq!((some.quick, some.transfers, some.postgres), (true, 2_000, true));
        assert!(some.wants("hot_debit") && !some.wants("hot_credit") && !some.wants(OFFERED_LOAD));
    }

    #[test]
    fn what_is_not_known_is_named() {
        let refused = [
            ("--fast", "`--fast`"),
            ("--transfers", "`--transfers` needs a value"),
            ("--transfers 0", "`0`"),
            ("--transfers many", "`many`"),
            ("--only all", "`all`; it has uniform_10k"),
            ("--compare mysql", "`mysql`"),
        ];
        for (line, part) in refused {
            let error = parse(line).unwrap_err().to_string();
            assert!(error.contains(part), "{line}: {error}");
        }
    }
}
