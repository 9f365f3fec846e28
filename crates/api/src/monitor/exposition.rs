//! The text format in which Prometheus reads metrics.
//!
//! Format: version 0.0.4 of the text exposition format of Prometheus. Families, labels and buckets are
//! written in a fixed order, so the same figures give the same bytes.
//!
//! Invariant: a family has one `HELP` and one `TYPE` line before its samples, and is written once.

use std::fmt::{Display, Write as _};

use super::families::{Family, Kind};
use engine::{BOUNDS_US, Reading};

/// A page of metrics that is being written.
#[derive(Debug, Default)]
pub(crate) struct Exposition {
    text: String,
}

/// Names and values that tell samples of a family apart.
pub(crate) type Labels<'a> = &'a [(&'a str, &'a str)];

impl Exposition {
    /// Opens a family; its samples follow.
    pub(crate) fn family(&mut self, family: &Family) -> &mut Self {
        let Family { name, kind, help, .. } = family;
        let kind = kind.word();
        self.line(format_args!("# HELP {name} {help}"));
        self.line(format_args!("# TYPE {name} {kind}"));
        self
    }

    /// One value.
    pub(crate) fn sample(&mut self, family: &Family, labels: Labels<'_>, value: impl Display) {
        let labels = written(labels, None);
        self.line(format_args!("{}{labels} {value}", family.name));
    }

    /// A family of one value without labels.
    pub(crate) fn only(&mut self, family: &Family, value: impl Display) {
        self.family(family).sample(family, &[], value);
    }

    /// All that belongs to one histogram, whose family counts seconds.
    pub(crate) fn histogram(&mut self, family: &Family, labels: Labels<'_>, of: &Reading) {
        debug_assert_eq!(family.kind, Kind::Histogram);
        let name = family.name;
        let mut below = 0;
        for (index, in_bucket) in of.buckets.iter().enumerate() {
            below += in_bucket;
            let bound = BOUNDS_US.get(index).map_or("+Inf".to_owned(), |us| seconds(*us));
            let labels = written(labels, Some(&bound));
            self.line(format_args!("{name}_bucket{labels} {below}"));
        }
        let labels = written(labels, None);
        self.line(format_args!("{name}_sum{labels} {}", seconds(of.sum_us)));
        self.line(format_args!("{name}_count{labels} {below}"));
    }

    /// The page.
    pub(crate) fn finish(self) -> String {
        self.text
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing to a text cannot fail.
        let _ = writeln!(self.text, "{line}");
    }
}

fn written(labels: Labels<'_>, bound: Option<&str>) -> String {
    let bound = bound.map(|bound| ("le", bound));
    let pairs: Vec<String> = labels
        .iter()
        .copied()
        .chain(bound)
        .map(|(name, value)| format!("{name}=\"{}\"", escaped(value)))
        .collect();
    if pairs.is_empty() { String::new() } else { format!("{{{}}}", pairs.join(",")) }
}

fn escaped(value: &str) -> String {
    value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n")
}

/// Microseconds as a decimal of seconds, exactly.
pub(crate) fn seconds(us: u64) -> String {
    let (whole, rest) = (us / 1_000_000, us % 1_000_000);
    if rest == 0 {
        return whole.to_string();
    }
    format!("{whole}.{rest:06}").trim_end_matches('0').to_owned()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::families::{BUILD, HTTP_SECONDS};
    use super::*;
    use engine::Histogram;

    #[test]
    fn a_family_has_its_lines_and_values_are_escaped() {
        let mut page = Exposition::default();
        page.family(&BUILD).sample(&BUILD, &[("version", "a\"b\\c\nd")], 1);
        let page = page.finish();
        let lines: Vec<&str> = page.lines().collect();
        assert!(lines[0].starts_with("# HELP farthing_build_info "), "{page}");
        assert_eq!(lines[1], "# TYPE farthing_build_info gauge");
        assert_eq!(lines[2], r#"farthing_build_info{version="a\"b\\c\nd"} 1"#);
    }

    #[test]
    fn a_histogram_counts_up_to_infinity() {
        let histogram = Histogram::default();
        histogram.note(Duration::from_micros(100));
        histogram.note(Duration::from_millis(1_500));
        let mut page = Exposition::default();
        page.histogram(&HTTP_SECONDS, &[("route", "/a")], &histogram.read());
        let page = page.finish();
        for line in [
            r#"farthing_http_request_seconds_bucket{route="/a",le="0.0001"} 1"#,
            r#"farthing_http_request_seconds_bucket{route="/a",le="1"} 1"#,
            r#"farthing_http_request_seconds_bucket{route="/a",le="2.5"} 2"#,
            r#"farthing_http_request_seconds_bucket{route="/a",le="+Inf"} 2"#,
            r#"farthing_http_request_seconds_sum{route="/a"} 1.5001"#,
            r#"farthing_http_request_seconds_count{route="/a"} 2"#,
        ] {
            assert!(page.lines().any(|found| found == line), "{line} is missing in\n{page}");
        }
    }

    #[test]
    fn seconds_are_exact() {
        for (us, text) in [(0, "0"), (1, "0.000001"), (2_500_000, "2.5"), (60_000_000, "60")] {
            assert_eq!(seconds(us), text);
        }
    }
}
