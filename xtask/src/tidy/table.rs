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
        parts.entry(format!("{part} ({language})")).or_default().push(count(file));
        parts.entry(format!("~ all {language}")).or_default().push(count(file));
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
    // Whether the open block documents, and what closes it.
    let mut block: Option<(bool, &str)> = None;
    for line in file.text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (is_doc, rest) = if let Some((is_doc, _)) = block {
            (Some(is_doc), line)
        } else if let Some((is_doc, mark, close)) = opening(line, file.extension()) {
            block = close.map(|close| (is_doc, close));
            (Some(is_doc), &line[mark..])
        } else {
            (None, line)
        };
        block = block.filter(|(_, close)| !rest.contains(close));
        match is_doc {
            Some(true) => lines.doc += 1,
            Some(false) => lines.comment += 1,
            None => lines.code += 1,
        }
    }
    lines
}

/// If the line begins a comment: whether it documents, the length of its mark, and what closes it
/// if it may go on over further lines.
fn opening<'a>(line: &str, extension: &str) -> Option<(bool, usize, Option<&'a str>)> {
    const PYTHON: &[(&str, bool, Option<&str>)] =
        &[("\"\"\"", true, Some("\"\"\"")), ("#", false, None)];
    const OTHERS: &[(&str, bool, Option<&str>)] = &[
        ("///", true, None),
        ("//!", true, None),
        ("//", false, None),
        ("/**", true, Some("*/")),
        ("/*", false, Some("*/")),
    ];
    let marks = if extension == "py" { PYTHON } else { OTHERS };
    let (mark, is_doc, close) = marks.iter().find(|(mark, ..)| line.starts_with(mark))?;
    Some((*is_doc, mark.len(), *close))
}

fn percent(part: usize, whole: usize) -> String {
    let tenths = (part * 1000).checked_div(whole).unwrap_or_default();
    format!("{}.{}", tenths / 10, tenths % 10)
}

fn part(path: &str) -> String {
    let depth = if ["crates/", "apps/", "sdk/", "tests/"].iter().any(|top| path.starts_with(top)) {
        2
    } else {
        1
    };
    path.split('/').take(depth).collect::<Vec<_>>().join("/")
}

fn language(extension: &str) -> &'static str {
    match extension {
        "rs" => "Rust",
        "ts" | "tsx" => "TypeScript",
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
        let rust = count(&file("a.rs", "//! doc\n\n// why\nfn a() {} // end\n/// doc\nuse x;\n"));
        assert_eq!((rust.code, rust.doc, rust.comment), (2, 2, 1));
        let script =
            count(&file("a.ts", "/** doc\n * more\n */\nlet a;\n/* why */\nlet b;\n// c\n"));
        assert_eq!((script.code, script.doc, script.comment), (2, 3, 2));
        let one_line = count(&file("a.ts", "/** doc */\nlet a;\n"));
        assert_eq!((one_line.code, one_line.doc), (1, 1));
        let text = "# why\n\"\"\"doc\nmore\n\"\"\"\nx = 1\n\"\"\"doc\"\"\"\ny = 1\n";
        let python = count(&file("a.py", text));
        assert_eq!((python.code, python.doc, python.comment), (2, 4, 1));
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
        assert_eq!(row, ["crates/x", "(Rust)", "2", "10", "10.0", "10.0", "4", "4", "6"]);
        assert_eq!(table.lines().count(), 3, "{table}");
    }
}
