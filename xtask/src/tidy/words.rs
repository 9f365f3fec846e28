//! Words and addresses that no tracked text may hold: open ends, paths of one machine, registries.
//!
//! Lock files must resolve the same from every mirror: no package in them names a host, and crates
//! come from the crates.io index alone.

use super::File;
use super::sources::numbered;

/// In two halves, so that this file passes its own rule.
const FORBIDDEN: &[(&str, &str, &str)] = &[
    ("FIX", "ME", "an open end: finish it or write down a limit"),
    ("/wor", "k/", "a path of one machine"),
    ("/roo", "t/", "a path of one machine"),
    ("/hom", "e/", "a path of one machine"),
];

const CRATES_INDEX: &str = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";

/// All findings of this file.
pub(crate) fn check(file: &File) -> Vec<String> {
    let name = file.path.rsplit('/').next().unwrap_or_default();
    let mut findings = Vec::new();
    for (number, line) in numbered(&file.text) {
        for (first, second, why) in FORBIDDEN {
            if line.contains(&format!("{first}{second}")) {
                findings.push(format!("{}:{number}: `{first}{second}`: {why}", file.path));
            }
        }
        if names_a_registry(name, line) {
            findings.push(format!("{}:{number}: names a registry's host", file.path));
        }
    }
    findings
}

fn names_a_registry(file_name: &str, line: &str) -> bool {
    let line = line.trim();
    match file_name {
        "Cargo.lock" => line.starts_with("source = ") && line != CRATES_INDEX,
        "package-lock.json" => line.starts_with("\"resolved\"") && line.contains("://"),
        ".npmrc" => line.contains("registry="),
        "requirements.txt" | "pip.conf" => {
            ["--index-url", "--extra-index-url", "--find-links", "://"]
                .iter()
                .any(|word| line.contains(word))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::file;
    use super::*;

    #[test]
    fn forbidden_words_are_found_with_their_line() {
        for (first, second, _) in FORBIDDEN {
            let text = format!("fine\nsee {first}{second} there\n");
            let findings = check(&file("docs/a.md", &text));
            assert_eq!(findings.len(), 1);
            assert!(findings[0].starts_with("docs/a.md:2: "), "{findings:?}");
        }
        assert_eq!(check(&file("docs/a.md", "a framework/library and work\n")), [""; 0]);
    }

    #[test]
    fn lock_files_name_no_host() {
        let cases = [
            ("Cargo.lock", CRATES_INDEX, false),
            ("Cargo.lock", "source = \"git+https://a.example/b\"", true),
            ("web/package-lock.json", "  \"resolved\": \"https://a.example/b.tgz\",", true),
            ("web/package-lock.json", "  \"url\": \"https://a.example/funding\"", false),
            ("web/.npmrc", "registry=https://a.example", true),
            ("web/.npmrc", "omit-lockfile-registry-resolved=true", false),
            ("x/requirements.txt", "--index-url https://a.example", true),
            ("x/requirements.txt", "x402==2.25.0", false),
        ];
        for (path, line, found) in cases {
            assert_eq!(!check(&file(path, line)).is_empty(), found, "{path}: {line}");
        }
    }
}
