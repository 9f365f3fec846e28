//! Results: one JSON object a line, `{"bench","workload","metric","value","unit"}`, on standard
//! output; lines that begin with `#` say what was measured.

use std::io::Write as _;

use anyhow::{Context, Result, bail};
use serde_json::json;

use crate::load::Outcome;

/// Prints the results of one bench.
pub struct Report {
    bench: &'static str,
}

impl Report {
    /// All lines will carry this name.
    pub fn new(bench: &'static str) -> Self {
        Self { bench }
    }

    /// Prints one figure; a figure that is not finite is an error.
    pub fn value(&self, workload: &str, metric: &str, value: f64, unit: &str) -> Result<()> {
        let line = line(self.bench, workload, metric, value, unit)?;
        writeln!(std::io::stdout(), "{line}").context("cannot write the result")
    }

    /// Prints a line for people: what the figures are of. It does not begin with `{`.
    pub fn note(&self, text: &str) -> Result<()> {
        writeln!(std::io::stdout(), "# {}: {text}", self.bench).context("cannot write the note")
    }

    /// Prints rate and latencies of a load.
    pub fn load(&self, workload: &str, outcome: &Outcome) -> Result<()> {
        self.value(workload, "requests_per_s", outcome.requests_per_s(), "1/s")?;
        for (metric, percent) in [("latency_p50", 50), ("latency_p99", 99)] {
            self.value(workload, metric, outcome.latency_ms(percent), "ms")?;
        }
        Ok(())
    }
}

fn line(
    bench: &str,
    workload: &str,
    metric: &str,
    value: f64,
    unit: &str,
) -> Result<serde_json::Value> {
    if !value.is_finite() {
        bail!("{bench} {workload} {metric} is not a number");
    }
    Ok(json!({
        "bench": bench, "workload": workload, "metric": metric, "value": value, "unit": unit,
    }))
}

/// A count as a figure: exact below 2^53, which no count of a bench reaches.
pub const fn float(count: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "see above")]
    let value = count as f64;
    value
}

/// Processes that wanted a processor in the last minute, from Linux's `/proc/loadavg`.
pub fn machine_load() -> Result<f64> {
    let text = std::fs::read_to_string("/proc/loadavg").context("cannot read /proc/loadavg")?;
    let first = text.split_whitespace().next().context("/proc/loadavg is empty")?;
    first.parse().with_context(|| format!("/proc/loadavg begins with `{first}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_is_one_json_object() {
        let text = line("gateway", "paid_get", "requests_per_s", 1.5, "1/s").unwrap().to_string();
        let read: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            read,
            json!({"bench": "gateway", "workload": "paid_get", "metric": "requests_per_s",
                   "value": 1.5, "unit": "1/s"})
        );
        assert!(!text.contains('\n'));
        assert!(line("b", "w", "m", f64::NAN, "u").is_err());
        assert!(machine_load().unwrap() >= 0.0);
    }
}
