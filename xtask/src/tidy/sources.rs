//! Rules about one source file: its name, its length, its opening, the length of its functions.
//!
//! Rust is read as rustfmt leaves it: a function ends at the first line that closes a brace at the
//! function's own indentation. No parser is needed, and the format step keeps that true.

use super::File;

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;

/// Names that say nothing about what is inside.
const EMPTY_NAMES: &[&str] =
    &["util", "utils", "common", "helper", "helpers", "manager", "managers", "misc"];

/// All findings of this file.
pub(crate) fn check(file: &File) -> Vec<String> {
    if !file.is_source() {
        return Vec::new();
    }
    let mut findings = Vec::new();
    let path = &file.path;
    let lines = file.text.lines().count();
    if lines > FILE_LINES_MAX {
        findings.push(format!("{path}: {lines} lines, at most {FILE_LINES_MAX}"));
    }
    for part in path.split(['/', '.']) {
        if EMPTY_NAMES.contains(&part) {
            findings.push(format!("{path}: `{part}` says nothing about what is inside"));
        }
    }
    if file.is_rust() {
        if !file.text.starts_with("//!") {
            findings
                .push(format!("{path}:1: a module opens with `//!`: what it is, what it keeps"));
        }
        findings.extend(inline_modules(file));
        findings.extend(long_functions(file));
    }
    findings
}

fn inline_modules(file: &File) -> Vec<String> {
    let named = |line: &str| {
        let (_, after) = line.split_once("mod ")?;
        let name = after.strip_suffix(" {")?;
        EMPTY_NAMES.contains(&name).then(|| name.to_owned())
    };
    numbered(&file.text)
        .filter_map(|(number, line)| {
            let name = named(line)?;
            Some(format!("{}:{number}: `{name}` says nothing about what is inside", file.path))
        })
        .collect()
}

fn long_functions(file: &File) -> Vec<String> {
    let lines: Vec<&str> = file.text.lines().collect();
    let mut findings = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line) else {
            continue;
        };
        let length = function_lines(&lines[start..]);
        if length > FUNCTION_LINES_MAX {
            findings.push(format!(
                "{}:{}: `{name}` has {length} lines, at most {FUNCTION_LINES_MAX}",
                file.path,
                start + 1
            ));
        }
    }
    findings
}

/// The name, if the line begins a function.
fn function_name(line: &str) -> Option<&str> {
    const BEFORE: &[&str] = &["pub", "const", "async", "unsafe", "extern", "default", "\"C\""];
    let mut rest = line.trim_start();
    loop {
        if let Some(after) = rest.strip_prefix("fn ") {
            return after.split(['(', '<']).next();
        }
        let (word, after) = rest.split_once(' ')?;
        let word = word.split('(').next()?;
        if !BEFORE.contains(&word) {
            return None;
        }
        // `pub(in path)` holds a space; its tail up to the parenthesis belongs to the word.
        rest = if after.starts_with("fn ") { after } else { after.trim_start() };
    }
}

/// Counts from the line with `fn` to the closing brace, both included.
fn function_lines(lines: &[&str]) -> usize {
    let Some(first) = lines.first() else { return 0 };
    let indent = &first[..first.len() - first.trim_start().len()];
    if first.ends_with('}') || first.ends_with(';') {
        return 1;
    }
    let ends = |line: &&str| {
        line.strip_prefix(indent)
            .is_some_and(|rest| rest == "}" || (rest.starts_with(')') && rest.ends_with(';')))
    };
    lines.iter().position(ends).map_or(lines.len(), |last| last + 1)
}

pub(super) fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(index, line)| (index + 1, line))
}

#[cfg(test)]
mod tests {
    use super::super::file;
    use super::*;

    fn function(head: &str, body_lines: usize) -> String {
        format!(
            "//! x\nimpl X {{\n    {head} {{\n{}    }}\n}}\n",
            "        y();\n".repeat(body_lines)
        )
    }

    #[test]
    fn functions_are_measured_to_their_own_brace() {
        for head in ["fn a()", "pub(crate) async fn a<T>()", "pub const fn a()", "fn a() -> fn()"] {
            let fits = file("crates/x/src/a.rs", &function(head, 68));
            assert_eq!(check(&fits), [""; 0], "{head}");
            let long = file("crates/x/src/a.rs", &function(head, 69));
            assert_eq!(
                check(&long),
                ["crates/x/src/a.rs:3: `a` has 71 lines, at most 70"],
                "{head}"
            );
        }
        let signature = format!("//! x\nfn a(\n    b: u8,\n) -> u8;\n{}", "// z\n".repeat(100));
        assert_eq!(check(&file("a.rs", &signature)), [""; 0]);
    }

    #[test]
    fn names_opening_and_length() {
        let cases = [
            ("crates/x/src/util.rs", "//! x\n".to_owned(), "`util`"),
            ("sdk/python/src/helpers/a.py", "x\n".to_owned(), "`helpers`"),
            ("crates/x/src/a.rs", "use x;\n".to_owned(), ":1: a module opens"),
            ("crates/x/src/a.rs", "//! x\nmod common {\n}\n".to_owned(), ":2: `common`"),
            ("web/src/a.ts", "x\n".repeat(501), "501 lines"),
        ];
        for (path, text, expected) in cases {
            let findings = check(&file(path, &text));
            assert_eq!(findings.len(), 1, "{path}: {findings:?}");
            assert!(findings[0].contains(expected), "{findings:?}");
        }
        let fine = [("web/src/a.ts", 500), ("web/dist/a.js", 900), ("docs/common.md", 900)];
        for (path, lines) in fine {
            assert_eq!(check(&file(path, &"x\n".repeat(lines))), [""; 0]);
        }
    }
}
