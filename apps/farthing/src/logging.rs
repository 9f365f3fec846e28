//! What the program says while it runs: events on standard error, as text or as JSON lines.
//!
//! Invariants: one event is one line, whatever its values hold: control characters are escaped, so
//! nobody who is named in an event can forge another or speak to the terminal. Secrets are never
//! handed to an event.

use std::fmt::{self, Write as _};
use std::io;

use clap::ValueEnum;
use tracing::Dispatch;
use tracing::field::Field;
use tracing_subscriber::field::MakeExt as _;
use tracing_subscriber::fmt::format::{Writer, debug_fn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

use crate::term;

/// How events are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// A line for people.
    #[default]
    Text,
    /// A JSON object a line.
    Json,
}

/// From now on events are written to standard error, as much as `RUST_LOG` asks for.
pub(crate) fn begin(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    let colour = term::errors_have_colour();
    let subscriber = subscriber(format, filter, colour, io::stderr);
    // A second call finds the first one's subscriber, which is as good.
    let _ = tracing::dispatcher::set_global_default(subscriber);
}

fn subscriber<T, W>(format: LogFormat, filter: EnvFilter, colour: bool, to: T) -> Dispatch
where
    T: Fn() -> W + Send + Sync + 'static,
    W: io::Write + 'static,
{
    let lines = tracing_subscriber::fmt::layer();
    let lines = match format {
        LogFormat::Json => {
            let lines = lines.json().flatten_event(true).with_current_span(false);
            lines.with_writer(move || Json(to())).boxed()
        }
        LogFormat::Text => {
            let fields = debug_fn(field).delimited(" ");
            lines.with_ansi(colour).fmt_fields(fields).with_writer(to).boxed()
        }
    };
    let layers = tracing_subscriber::registry().with(lines.with_filter(filter));
    #[cfg(feature = "otel")]
    let layers = layers.with(crate::otel::layer());
    layers.into()
}

/// Writes one value of an event; the message stands without its name.
fn field(to: &mut Writer<'_>, field: &Field, value: &dyn fmt::Debug) -> fmt::Result {
    if field.name() != "message" {
        write!(to, "{}=", field.name())?;
    }
    write!(Escaped(to), "{value:?}")
}

/// Passes on what is written, control characters as Rust escapes them.
struct Escaped<'a, 'w>(&'a mut Writer<'w>);

impl fmt::Write for Escaped<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for letter in text.chars() {
            if letter.is_control() {
                write!(self.0, "{}", letter.escape_default())?;
            } else {
                self.0.write_char(letter)?;
            }
        }
        Ok(())
    }
}

/// Passes JSON on, whose own escapes leave out the control characters above ASCII, to which terminals
/// listen too.
struct Json<W>(W);

impl<W: io::Write> io::Write for Json<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut line = String::new();
        for letter in String::from_utf8_lossy(bytes).chars() {
            if letter.is_control() && letter != '\n' {
                // Writing to a text cannot fail.
                let _ = write!(line, "\\u{:04x}", u32::from(letter));
            } else {
                line.push(letter);
            }
        }
        self.0.write_all(line.as_bytes()).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is written of one event that names this value.
    fn written(format: LogFormat, value: &str) -> String {
        let lines = Lines::default();
        let to = lines.clone();
        let filter = EnvFilter::new("info");
        let subscriber = subscriber(format, filter, false, move || to.clone());
        tracing::dispatcher::with_default(&subscriber, || {
            tracing::info!(shown = %value, quoted = value, "it says {value}");
        });
        let bytes = lines.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    const FORGED: &str = "a\n2026-11-23T00:00:00Z ERROR money: gone\r\u{1b}[2J\u{9b}2J\u{7}b\u{0}";

    #[test]
    fn an_event_is_one_line_whatever_it_names() {
        for format in [LogFormat::Text, LogFormat::Json] {
            let text = written(format, FORGED);
            let line = text.strip_suffix('\n').unwrap();
            assert!(!line.chars().any(char::is_control), "{line:?}");
            assert!(line.contains("ERROR money: gone"), "nothing is hidden: {line}");
        }
    }

    #[test]
    fn plain_words_stay_plain() {
        let text = written(LogFormat::Text, "grün 5 €");
        assert!(text.ends_with("it says grün 5 € shown=grün 5 € quoted=\"grün 5 €\"\n"), "{text}");
        let json: serde_json::Value = serde_json::from_str(&written(LogFormat::Json, "x")).unwrap();
        assert_eq!((&json["message"], &json["shown"]), (&"it says x".into(), &"x".into()));
        assert_eq!(json["level"], "INFO");
    }
}
