//! Every limit is listed: a constant whose name ends in `_MAX` or `_MIN` has a row with its crate in
//! `docs/reference/limits.md`, and every constant named there exists.
//!
//! Constants of tests and of this tool are not limits of the product.

use std::collections::BTreeMap;

use super::File;
use super::sources::numbered;

const LIST: &str = "docs/reference/limits.md";

/// All findings of the repository.
pub(crate) fn check(files: &[File]) -> Vec<String> {
    let mut constants = BTreeMap::new();
    for file in files.iter().filter(|file| is_product(file)) {
        for (number, line) in numbered(&file.text) {
            if let Some(name) = limit_name(line) {
                constants.insert((name, member(&file.path)), format!("{}:{number}", file.path));
            }
        }
    }
    let rows: BTreeMap<(&str, &str), usize> = files
        .iter()
        .filter(|file| file.path == LIST)
        .flat_map(|file| numbered(&file.text))
        .filter_map(|(number, line)| Some((row(line)?, number)))
        .collect();
    let unlisted = constants
        .iter()
        .filter(|(limit, _)| !rows.contains_key(*limit))
        .map(|((name, _), place)| format!("{place}: `{name}` has no row in {LIST}"));
    let unknown = rows
        .iter()
        .filter(|(limit, _)| !constants.contains_key(*limit))
        .map(|((name, _), number)| format!("{LIST}:{number}: there is no constant `{name}`"));
    unlisted.chain(unknown).collect()
}

fn is_product(file: &File) -> bool {
    let is_member = file.path.starts_with("crates/") || file.path.starts_with("apps/");
    file.is_rust() && is_member && file.path.contains("/src/")
}

/// `pub const BODY_BYTES_MAX: usize = ...` gives the name.
fn limit_name(line: &str) -> Option<&str> {
    let (before, after) = line.trim_start().split_once("const ")?;
    if !before.is_empty() && !before.starts_with("pub") {
        return None;
    }
    let (name, _) = after.split_once(':')?;
    is_limit(name).then_some(name)
}

/// The folder of a crate: `x` of `crates/x/src/a.rs`.
fn member(path: &str) -> &str {
    path.split('/').nth(1).unwrap_or_default()
}

/// Rows begin with the constant's name in backticks and its crate; settings in lower case are not
/// constants.
fn row(line: &str) -> Option<(&str, &str)> {
    let (name, rest) = line.strip_prefix("| `")?.split_once("` | ")?;
    let (member, _) = rest.split_once(" |")?;
    let constant = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    name.chars().all(constant).then_some((name, member))
}

fn is_limit(name: &str) -> bool {
    name.ends_with("_MAX") || name.ends_with("_MIN")
}

#[cfg(test)]
mod tests {
    use super::super::file;
    use super::*;

    #[test]
    fn constants_and_rows_must_match() {
        let source = file(
            "crates/x/src/a.rs",
            "pub const BODY_BYTES_MAX: usize = 1;\n    const WAIT_MS_MIN: u64 = 1;\nconst OTHER: u8 = 1;\n",
        );
        let test = file("crates/x/tests/it/a.rs", "const TRIES_MAX: u8 = 1;\n");
        let list = file(
            LIST,
            "| limit | crate |\n| `BODY_BYTES_MAX` | x |\n| `WAIT_MS_MIN` | y |\n| `gateway.body_bytes_max` | x |\n",
        );
        assert_eq!(
            check(&[source, test, list]),
            [
                "crates/x/src/a.rs:2: `WAIT_MS_MIN` has no row in docs/reference/limits.md",
                "docs/reference/limits.md:3: there is no constant `WAIT_MS_MIN`",
            ]
        );
    }
}
