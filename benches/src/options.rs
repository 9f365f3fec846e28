//! What the command line asks of a bench that is made of parts.
//!
//! Nothing is guessed: a word that is not known is an error that names those that are.

use anyhow::{Context, Result, bail};

/// What to measure.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// Shows that the bench works, not how fast anything is.
    pub(crate) quick: bool,
    only: Vec<String>,
}

impl Options {
    /// Reads the words after the bench's name; `parts` are what `--only` can name.
    pub(crate) fn parse(words: &[String], parts: &[&str]) -> Result<Self> {
        let mut options = Self { quick: false, only: Vec::new() };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--quick" => options.quick = true,
                "--only" => {
                    let part = words.next().context("`--only` needs the name of a part")?;
                    if !parts.contains(&part.as_str()) {
                        bail!("this bench has no part `{part}`; it has {}", parts.join(", "));
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

    const PARTS: [&str; 3] = ["append", "proof", "epoch"];

    fn parse(line: &str) -> Result<Options> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Options::parse(&words, &PARTS)
    }

    #[test]
    fn words_become_options() {
        let all = parse("").unwrap();
        assert!(!all.quick && PARTS.iter().all(|part| all.wants(part)));
        let some = parse("--only append --quick --only epoch").unwrap();
        assert!(some.quick && some.wants("append") && some.wants("epoch") && !some.wants("proof"));
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
