//! The terminal: lines on standard output, notes on standard error, and colour where it is wanted.
//!
//! Invariants: colour only on a terminal and only if `NO_COLOR` is unset or empty; no meaning is in
//! colour alone; a reader that goes away (`| head`) is no error.

use std::io::{self, IsTerminal as _, Write as _};

/// Writes a line to standard output.
pub(crate) fn line(text: &str) {
    // Nobody is left to tell if standard output is closed.
    let _ = writeln!(io::stdout().lock(), "{text}");
}

/// Writes a line to standard error.
pub(crate) fn note(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// A text of somebody else's, without what would speak to the terminal.
pub(crate) fn plain(text: &str) -> String {
    text.replace(|letter: char| letter.is_control() && letter != '\n', "\u{fffd}")
}

/// Writes over the current line of standard error.
pub(crate) fn progress(text: &str) {
    let mut stderr = io::stderr().lock();
    let _ = write!(stderr, "\r\u{1b}[K{text}").and_then(|()| stderr.flush());
}

/// Whether a person watches standard error.
pub(crate) fn is_watched() -> bool {
    io::stderr().is_terminal()
}

/// Makes a word of a line stand out.
pub(crate) fn strong(text: &str) -> String {
    paint(text, "1", io::stdout().is_terminal())
}

/// The word that opens an error.
pub(crate) fn error_word(text: &str) -> String {
    paint(text, "1;31", io::stderr().is_terminal())
}

/// Whether standard error takes colour.
pub(crate) fn errors_have_colour() -> bool {
    io::stderr().is_terminal() && colour_is_wanted()
}

fn colour_is_wanted() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

fn paint(text: &str, style: &str, is_terminal: bool) -> String {
    if is_terminal && colour_is_wanted() {
        format!("\u{1b}[{style}m{text}\u{1b}[0m")
    } else {
        text.to_owned()
    }
}

/// Rows as columns, two spaces apart; the last columns from `right_from` on are aligned right.
pub(crate) fn table(rows: &[Vec<String>], right_from: usize) {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell: &String| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for (number, row) in rows.iter().enumerate() {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| {
            if column >= right_from { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
        });
        let text = cells.collect::<Vec<_>>().join("  ");
        let text = text.trim_end();
        line(&if number == 0 { strong(text) } else { text.to_owned() });
    }
}
