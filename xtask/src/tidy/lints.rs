//! Who may lift the rule that there is no `unsafe`: one file, named here in view.
//!
//! The workspace forbids it, which no source can lift; a package leaves that rule only by lints of
//! its own. So two things are compared with a table: manifests, and attributes in sources.

use super::File;
use super::sources::numbered;

/// In two halves, so that this file passes its own rule.
const LINT: [&str; 2] = ["unsafe", "_code"];

/// Manifests with lints of their own, each with `deny` for the lint: the workspace's own, a
/// workspace apart, and the package with the one call.
const MANIFESTS: &[&str] = &["Cargo.toml", "crates/hashes/Cargo.toml", "fuzz/Cargo.toml"];
/// Sources that lift it; decision 0021 says why.
const SOURCES: &[&str] = &["crates/hashes/src/ni.rs"];

/// All findings of this file.
pub(crate) fn check(file: &File) -> Vec<String> {
    let path = file.path.as_str();
    let is_manifest = path == "Cargo.toml" || path.ends_with("/Cargo.toml");
    if is_manifest && !MANIFESTS.contains(&path) {
        let inherits = file.text.contains("\n[lints]\nworkspace = true\n");
        return if inherits {
            Vec::new()
        } else {
            vec![format!("{path}: takes the lints of the workspace: `[lints] workspace = true`")]
        };
    }
    if is_manifest {
        let strict =
            ["\"deny\"", "\"forbid\""].map(|level| format!("\n{} = {level}", LINT.concat()));
        let is_strict = strict.iter().any(|line| file.text.contains(line));
        return if is_strict {
            Vec::new()
        } else {
            vec![format!("{path}: lints of its own must deny `{}`", LINT.concat())]
        };
    }
    if !file.is_rust() || SOURCES.contains(&path) {
        return Vec::new();
    }
    numbered(&file.text)
        .filter(|(_, line)| line.contains(&LINT.concat()))
        .map(|(number, _)| {
            format!("{path}:{number}: no file but those in the table lifts this lint")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::file;
    use super::*;

    #[test]
    fn one_file_lifts_the_rule() {
        let lifted = format!("#![expect({}, reason = \"fast\")]\n", LINT.concat());
        assert_eq!(check(&file(SOURCES[0], &lifted)), [""; 0]);
        let findings = check(&file("crates/ledger/src/a.rs", &format!("//! x\n{lifted}")));
        assert_eq!(
            findings,
            ["crates/ledger/src/a.rs:2: no file but those in the table lifts this lint"]
        );
        assert_eq!(check(&file("crates/ledger/src/a.rs", "//! x\n")), [""; 0]);
        assert_eq!(check(&file("docs/a.md", &lifted)), [""; 0]);
    }

    #[test]
    fn packages_take_the_lints_of_the_workspace() {
        let inherits = "[package]\n\n[lints]\nworkspace = true\n";
        assert_eq!(check(&file("crates/x/Cargo.toml", inherits)), [""; 0]);
        for own in ["[package]\n", "[package]\n\n[lints.rust]\nmissing_docs = \"warn\"\n"] {
            assert_eq!(check(&file("crates/x/Cargo.toml", own)).len(), 1, "{own}");
        }
        let with = |level| format!("[lints.rust]\n{} = \"{level}\"\n", LINT.concat());
        for (level, findings) in [("deny", 0), ("forbid", 0), ("warn", 1), ("allow", 1)] {
            let found = check(&file(MANIFESTS[1], &with(level)));
            assert_eq!(found.len(), findings, "{level}");
        }
    }
}
