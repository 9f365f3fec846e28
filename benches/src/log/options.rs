//! What the command line asks of this bench.
//!
//! Nothing is guessed: a word that is not known is an error that names those that are.

use anyhow::{Context, Result, bail};

/// Parts of the bench, as `--only` names them.
pub(crate) const LEDGER_WITH_LOG: &str = "ledger_with_log";
pub(crate) const APPEND: &str = "append";
pub(crate) const PROOF: &str = "proof";
pub(crate) const EPOCH: &str = "epoch";

const PARTS: [&str; 4] = [LEDGER_WITH_LOG, APPEND, PROOF, EPOCH];

/// What to measure.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// Shows that the bench works, not how fast anything is.
    pub(crate) quick: bool,
    only: Vec<String>,
}

impl Options {
    /// Reads the words after the bench's name.
    pub(crate) fn parse(words: &[String]) -> Result<Self> {
        let mut options = Self { quick: false, only: Vec::new() };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--quick" => options.quick = true,
                "--only" => {
                    let part = words.next().context("`--only` needs the name of a part")?;
                    if !PARTS.contains(&part.as_str()) {
                        let parts = PARTS.join(", ");
                        bail!("this bench has no part `{part}`; it has {parts}");
                    }
                    options.only.push(part.clone());
                }
                _ => bail!("unknown option `{word}`; known are --quick and --only PART"),
            }
        }
        Ok(options)
    }

    /// Whether this part is to be measured: everything, unless something was named.
    pub(crate) fn wants(&self, part: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| name == part)
    }
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
        assert!(!all.quick && PARTS.iter().all(|part| all.wants(part)));
        let some = parse("--only append --quick --only epoch").unwrap();
        assert!(some.quick && some.wants(APPEND) && some.wants(EPOCH) && !some.wants(PROOF));
    }

    #[test]
    fn what_is_not_known_is_named() {
        let refused =
            [("--fast", "`--fast`"), ("--only", "needs"), ("--only all", "`all`; it has")];
        for (line, part) in refused {
            let error = parse(line).unwrap_err().to_string();
            assert!(error.contains(part), "{line}: {error}");
        }
    }
}
