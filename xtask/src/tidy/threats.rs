//! The threat model names tests, and each of them exists: a countermeasure whose test was renamed or
//! removed is a claim.

use std::collections::BTreeSet;

use super::File;
use super::sources::numbered;

const MODEL: &str = "docs/THREAT-MODEL.md";
/// The column of a row in which tests stand, counted from 0 before the first bar.
const SHOWN_BY: usize = 4;

/// All findings of the repository.
pub(crate) fn check(files: &[File]) -> Vec<String> {
    let functions: BTreeSet<&str> = files
        .iter()
        .filter(|file| file.is_rust())
        .flat_map(|file| file.text.lines())
        .filter_map(function)
        .collect();
    let rows = files.iter().filter(|file| file.path == MODEL);
    let named = rows.flat_map(|file| numbered(&file.text)).flat_map(|(number, line)| {
        let cell = line.split('|').nth(SHOWN_BY).unwrap_or_default();
        cell.split('`').skip(1).step_by(2).map(move |name| (number, name)).collect::<Vec<_>>()
    });
    named
        .filter(|(_, name)| !functions.contains(name))
        .map(|(number, name)| format!("{MODEL}:{number}: there is no test `{name}`"))
        .collect()
}

/// `async fn a_test() {` gives the name.
fn function(line: &str) -> Option<&str> {
    let (before, after) = line.split_once("fn ")?;
    let words = before.split_whitespace().all(|word| matches!(word, "async" | "pub"));
    after.split_once('(').filter(|_| words).map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_that_is_named_exists() {
        let file = |path: &str, text: &str| File { path: path.into(), text: text.into() };
        let files = [
            file("crates/x/tests/it/a.rs", "async fn it_holds() {\n// fn gone()\n"),
            file(MODEL, "| T | a `word` | b | `it_holds`, `gone` | `c` |\n"),
        ];
        assert_eq!(check(&files), [format!("{MODEL}:1: there is no test `gone`")]);
    }
}
