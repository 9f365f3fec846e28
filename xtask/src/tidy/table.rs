//! The size table: files, lines and the share of documentation, for each part and language.
//!
//! Blank lines do not count. `doc` lines are documentation, `comment` lines all other comments that
//! stand alone, both as a share of code lines. File sizes are code lines.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::File;

#[derive(Default)]
struct Lines {
    code: usize,
    doc: usize,
    comment: usize,
}

/// One row per part and one for each language, in text columns.
pub(crate) fn render(files: &[File]) -> String {
    let mut parts: BTreeMap<String, Vec<Lines>> = BTreeMap::new();
    for file in files.iter().filter(|file| file.is_source()) {
        let (part, language) = (part(&file.path), language(file.extension()));
        parts
            .entry(format!("{part} ({language})"))
            .or_default()
            .push(count(file));
        parts
            .entry(format!("~ all {language}"))
            .or_default()
            .push(count(file));
    }
    let mut text = format!(
        "{:<28} {:>5} {:>7} {:>6} {:>9} {:>7} {:>5} {:>8}\n",
        "part", "files", "code", "doc %", "comment %", "median", "p90", "longest"
    );
    for (name, mut files) in parts {
        files.sort_by_key(|lines| lines.code);
        let sum = |pick: fn(&Lines) -> usize| files.iter().map(pick).sum::<usize>();
        let code = sum(|lines| lines.code);
        let at = |percent: usize| files[(files.len() - 1) * percent / 100].code;
        // Writing to a String does not fail.
        let _ = writeln!(
            text,
            "{:<28} {:>5} {:>7} {:>6} {:>9} {:>7} {:>5} {:>8}",
            name.trim_start_matches("~ "),
            files.len(),
            code,
            percent(sum(|lines| lines.doc), code),
            percent(sum(|lines| lines.comment), code),
            at(50),
            at(90),
            at(100),
        );
    }
    text
}

fn count(file: &File) -> Lines {
    let mut lines = Lines::default();
    let mut block: Option<bool> = None;
    for line in file
        .text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
    {
        let is_doc = match block {
            Some(is_doc) => Some(is_doc),
            None => opening(line, file.extension()),
        };
        match is_doc {
            Some(true) => lines.doc += 1,
            Some(false) => lines.comment += 1,
            None => lines.code += 1,
        }
        if is_doc.is_some() && (block.is_some() || line.starts_with("/*")) {
            block = if line.contains("*/") { None } else { is_doc };
        }
    }
    lines
}

/// Whether the line is a comment, and if so, whether it documents.
fn opening(line: &str, extension: &str) -> Option<bool> {
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| line.starts_with(prefix));
    match extension {
        "py" => starts(&["#"]).then_some(false),
        "rs" if starts(&["///", "//!"]) => Some(true),
        _ if starts(&["/**"]) => Some(true),
        _ => starts(&["//", "/*"]).then_some(false),
    }
}

fn percent(part: usize, whole: usize) -> String {
    let tenths = (part * 1000).checked_div(whole).unwrap_or_default();
    format!("{}.{}", tenths / 10, tenths % 10)
}

fn part(path: &str) -> String {
    let depth = if ["crates/", "apps/", "sdk/", "tests/"]
        .iter()
        .any(|top| path.starts_with(top))
    {
        2
    } else {
        1
    };
    path.split('/').take(depth).collect::<Vec<_>>().join("/")
}

fn language(extension: &str) -> &'static str {
    match extension {
        "rs" => "Rust",
        "ts" => "TypeScript",
        "py" => "Python",
        _ => "JavaScript",
    }
}

#[cfg(test)]
mod tests {
    use super::super::file;
    use super::*;

    #[test]
    fn lines_are_told_apart() {
        let rust = count(&file(
            "a.rs",
            "//! doc\n\n// why\nfn a() {} // end\n/// doc\nuse x;\n",
        ));
        assert_eq!((rust.code, rust.doc, rust.comment), (2, 2, 1));
        let script = count(&file(
            "a.ts",
            "/** doc\n * more\n */\nlet a;\n/* why */\nlet b;\n// c\n",
        ));
        assert_eq!((script.code, script.doc, script.comment), (2, 3, 2));
        let python = count(&file("a.py", "# why\nx = 1\n"));
        assert_eq!((python.code, python.comment), (1, 1));
    }

    #[test]
    fn rows_carry_sizes_and_shares() {
        let files = [
            file("crates/x/src/a.rs", "//! doc\na\nb\nc\nd\n"),
            file("crates/x/src/b.rs", "// why\na\nb\nc\nd\ne\nf\n"),
            file("web/dist/a.js", "built\n"),
        ];
        let table = render(&files);
        let row: Vec<&str> = table.lines().nth(1).unwrap().split_whitespace().collect();
        assert_eq!(
            row,
            [
                "crates/x", "(Rust)", "2", "10", "10.0", "10.0", "4", "4", "6"
            ]
        );
        assert_eq!(table.lines().count(), 3, "{table}");
    }
}
