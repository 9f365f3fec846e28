//! Figures from a process of its own for each run: memory and processor time are those of the run
//! alone.
//!
//! The process is this program again; it prints `metric value unit`, one figure a line, and nothing
//! else. Its parent gives them their names in the results.

use std::io::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// One measured value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Figure {
    pub(crate) metric: String,
    pub(crate) value: f64,
    pub(crate) unit: String,
}

/// All values of one run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Figures(pub(crate) Vec<Figure>);

impl Figures {
    /// The value of this metric; one that is absent is an error.
    pub(crate) fn get(&self, metric: &str) -> Result<f64> {
        let figure = self.0.iter().find(|figure| figure.metric == metric);
        Ok(figure.with_context(|| format!("the run gave no `{metric}`"))?.value)
    }

    fn parse(text: &str) -> Result<Self> {
        text.lines().map(parse).collect::<Result<_>>().map(Self)
    }
}

/// Prints one figure for the parent.
pub(crate) fn print(metric: &str, value: f64, unit: &str) -> Result<()> {
    writeln!(std::io::stdout(), "{metric} {value} {unit}").context("cannot write the figure")
}

/// Runs this program with these words to its end; what it says goes to standard error.
pub(crate) fn of(words: &[&str]) -> Result<Figures> {
    let output = Command::new(std::env::current_exe()?)
        .args(words)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start a run")?;
    if !output.status.success() {
        bail!("the run `{}` ended with {}", words.join(" "), output.status);
    }
    Figures::parse(&String::from_utf8_lossy(&output.stdout))
}

fn parse(line: &str) -> Result<Figure> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [metric, value, unit] = words[..] else {
        bail!("`{line}` is not a figure");
    };
    let value = value.parse().with_context(|| format!("`{line}` has no value"))?;
    Ok(Figure { metric: metric.to_owned(), value, unit: unit.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_or_refused() {
        let figures = Figures::parse("a_ms 1.5 ms\nb 2 1/s\n").unwrap();
        assert!((figures.get("a_ms").unwrap() - 1.5).abs() < 1e-9);
        assert_eq!(figures.0[1].unit, "1/s");
        assert!(figures.get("c").unwrap_err().to_string().contains("`c`"));
        assert!(Figures::parse("panicked at x").is_err());
        assert!(Figures::parse("a x ms").is_err());
    }
}
