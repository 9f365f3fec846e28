//! Line plots as SVG: panels above each other that share one axis, all axes logarithmic.
//!
//! The picture needs nothing beside itself: no script, no font, no second file; it follows the
//! reader's choice of a light or dark page. Only positive, finite values can be drawn; others are an
//! error, never a missing point.

use std::fmt::Write as _;

use anyhow::{Result, bail};

const WIDTH: f64 = 760.0;
const LEFT: f64 = 84.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 56.0;
const PANEL: f64 = 230.0;
const GAP: f64 = 36.0;
const BOTTOM: f64 = 64.0;
/// Steps within each power of ten that get a line of the grid.
const STEPS: [f64; 3] = [1.0, 2.0, 5.0];

const STYLE: &str = "\
text{font:13px system-ui,sans-serif;fill:#1f2328}.title{font-size:16px;font-weight:600}\
.paper{fill:#fff}.grid{stroke:#d8dee4}.frame{fill:none;stroke:#6e7781}\
.line{fill:none;stroke-width:2}.guide{stroke-dasharray:4 4}\
.s0{stroke:#0969da}.s1{stroke:#bc4c00}.s2{stroke:#8250df}.s3{stroke:#6e7781}\
.f0{fill:#0969da}.f1{fill:#bc4c00}.f2{fill:#8250df}.f3{fill:#6e7781}\
@media (prefers-color-scheme:dark){text{fill:#e6edf3}.paper{fill:#0d1117}.grid{stroke:#30363d}\
.s0{stroke:#58a6ff}.s1{stroke:#f0883e}.s2{stroke:#bc8cff}.f0{fill:#58a6ff}.f1{fill:#f0883e}\
.f2{fill:#bc8cff}}";
const COLOURS: usize = 4;

/// A whole picture.
pub struct Plot {
    /// Above everything.
    pub title: String,
    /// What the shared axis shows, with its unit.
    pub x_label: String,
    /// From top to bottom.
    pub panels: Vec<Panel>,
}

/// Lines over one axis.
pub struct Panel {
    /// What the axis shows, with its unit.
    pub y_label: String,
    /// Drawn in this order, each in its own colour.
    pub lines: Vec<Line>,
}

/// Points that belong together, joined in their order.
pub struct Line {
    /// Stands at the line's last point.
    pub name: String,
    /// Pairs of x and y.
    pub points: Vec<(f64, f64)>,
    /// Dashed and without marks: something to compare with.
    pub guide: bool,
}

impl Plot {
    /// The picture as text; an error if there is nothing to draw or a value cannot be drawn.
    pub fn svg(&self) -> Result<String> {
        let xs = self.panels.iter().flat_map(|panel| panel.values(|point| point.0));
        let x = Scale::over(xs, LEFT, WIDTH - RIGHT)?;
        let mut svg = String::new();
        let mut top = TOP;
        for panel in &self.panels {
            panel.draw(&mut svg, &x, top)?;
            top += PANEL + GAP;
        }
        let base = top - GAP;
        for tick in x.ticks() {
            let at = x.place(tick);
            text(&mut svg, (at, base + 20.0), "middle", "", &short(tick))?;
        }
        let middle = f64::midpoint(LEFT, WIDTH - RIGHT);
        text(&mut svg, (middle, base + 46.0), "middle", "", &self.x_label)?;
        text(&mut svg, (LEFT, 30.0), "start", " class=\"title\"", &self.title)?;
        let height = base + BOTTOM;
        Ok(format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\">\n\
             <title>{}</title>\n<style>{STYLE}</style>\n\
             <rect class=\"paper\" width=\"{WIDTH}\" height=\"{height}\"/>\n{svg}</svg>\n",
            escape(&self.title)
        ))
    }
}

impl Panel {
    fn values(&self, pick: impl Fn(&(f64, f64)) -> f64) -> impl Iterator<Item = f64> {
        self.lines.iter().flat_map(|line| &line.points).map(pick)
    }

    fn draw(&self, svg: &mut String, x: &Scale, top: f64) -> Result<()> {
        let y = Scale::over(self.values(|point| point.1), top + PANEL, top)?;
        for tick in x.ticks() {
            let at = x.place(tick);
            writeln!(svg, "<path class=\"grid\" d=\"M{at:.1} {top:.1}V{:.1}\"/>", top + PANEL)?;
        }
        for tick in y.ticks() {
            let at = y.place(tick);
            writeln!(svg, "<path class=\"grid\" d=\"M{LEFT} {at:.1}H{:.1}\"/>", WIDTH - RIGHT)?;
            text(svg, (LEFT - 8.0, at + 4.0), "end", "", &short(tick))?;
        }
        let width = WIDTH - LEFT - RIGHT;
        writeln!(
            svg,
            "<rect class=\"frame\" x=\"{LEFT}\" y=\"{top}\" width=\"{width}\" height=\"{PANEL}\"/>"
        )?;
        let middle = top + PANEL / 2.0;
        let turned = format!(" transform=\"rotate(-90 22 {middle})\"");
        text(svg, (22.0, middle), "middle", &turned, &self.y_label)?;
        for (index, line) in self.lines.iter().enumerate() {
            line.draw(svg, x, &y, index % COLOURS)?;
            // Names stand in a row of their own above the panel, where no line can cross them.
            let at =
                LEFT + width - 110.0 * (crate::report::float((self.lines.len() - index) as u64));
            writeln!(
                svg,
                "<path class=\"line s{0}{1}\" d=\"M{at} {2}h24\"/>",
                index % COLOURS,
                if line.guide { " guide" } else { "" },
                top - 12.0
            )?;
            text(svg, (at + 30.0, top - 8.0), "start", "", &line.name)?;
        }
        Ok(())
    }
}

impl Line {
    fn draw(&self, svg: &mut String, x: &Scale, y: &Scale, colour: usize) -> Result<()> {
        let mut path = String::new();
        for (index, point) in self.points.iter().enumerate() {
            let step = if index == 0 { 'M' } else { 'L' };
            write!(path, "{step}{:.1} {:.1}", x.place(point.0), y.place(point.1))?;
        }
        let guide = if self.guide { " guide" } else { "" };
        writeln!(svg, "<path class=\"line s{colour}{guide}\" d=\"{path}\"/>")?;
        for point in self.points.iter().filter(|_| !self.guide) {
            writeln!(
                svg,
                "<circle class=\"f{colour}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"3.5\"/>",
                x.place(point.0),
                y.place(point.1)
            )?;
        }
        Ok(())
    }
}

/// Places values between two edges of the picture by their logarithm.
struct Scale {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Scale {
    /// From the last step at or below the least value to the first at or above the greatest.
    fn over(values: impl Iterator<Item = f64>, from: f64, to: f64) -> Result<Self> {
        let (mut low, mut high) = (f64::INFINITY, 0.0_f64);
        for value in values {
            if !value.is_finite() || value <= 0.0 {
                bail!("{value} has no place on a logarithmic axis");
            }
            (low, high) = (low.min(value), high.max(value));
        }
        if high <= 0.0 {
            bail!("a plot without points");
        }
        let steps = around(low, high);
        let below = steps.iter().copied().rfind(|step| *step <= low * (1.0 + 1e-9));
        let above = steps.iter().copied().find(|step| *step >= high * (1.0 - 1e-9));
        let (low, high) = (below.unwrap_or(low), above.unwrap_or(high));
        // One value alone gets a decade around it.
        let high = if high > low { high } else { low * 10.0 };
        Ok(Self { low, high, from, to })
    }

    fn place(&self, value: f64) -> f64 {
        let share = (value / self.low).ln() / (self.high / self.low).ln();
        self.from + share * (self.to - self.from)
    }

    /// Every step on the axis; only powers of ten where all of them would crowd.
    fn ticks(&self) -> Vec<f64> {
        let within = |tick: &f64| *tick >= self.low * 0.999 && *tick <= self.high * 1.001;
        let all: Vec<f64> = around(self.low, self.high).into_iter().filter(within).collect();
        if all.len() <= 12 {
            return all;
        }
        all.into_iter().filter(|tick| is_power_of_ten(*tick)).collect()
    }
}

/// Steps from the power of ten below `low` to the one above `high`.
fn around(low: f64, high: f64) -> Vec<f64> {
    let mut power = 10_f64.powf(low.log10().floor());
    let mut steps = Vec::new();
    while power <= high * 10.0 {
        steps.extend(STEPS.map(|step| step * power));
        power *= 10.0;
    }
    steps
}

fn is_power_of_ten(value: f64) -> bool {
    let log = value.log10();
    (log - log.round()).abs() < 1e-6
}

/// `20000` as `20k`, `1500000` as `1.5M`, `0.05` as it is.
fn short(value: f64) -> String {
    let (scaled, unit) = match value {
        _ if value >= 1e6 => (value / 1e6, "M"),
        _ if value >= 1e3 => (value / 1e3, "k"),
        _ => (value, ""),
    };
    let digits = format!("{scaled:.3}");
    let digits = digits.trim_end_matches('0').trim_end_matches('.');
    format!("{digits}{unit}")
}

fn text(svg: &mut String, at: (f64, f64), anchor: &str, more: &str, words: &str) -> Result<()> {
    let (x, y) = at;
    let words = escape(words);
    writeln!(svg, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\"{more}>{words}</text>")?;
    Ok(())
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(points: &[(f64, f64)]) -> Plot {
        let line = |guide| Line { name: "a < b".to_owned(), points: points.to_vec(), guide };
        Plot {
            title: "Rates & times".to_owned(),
            x_label: "offered".to_owned(),
            panels: vec![
                Panel { y_label: "one".to_owned(), lines: vec![line(false)] },
                Panel { y_label: "two".to_owned(), lines: vec![line(false), line(true)] },
            ],
        }
    }

    #[test]
    fn every_point_is_drawn_and_all_words_are_escaped() {
        let svg = plot(&[(1_000.0, 0.5), (10_000.0, 20.0), (1_250_000.0, 300.0)]).svg().unwrap();
        assert_eq!(svg.matches("<circle").count(), 6);
        assert_eq!(svg.matches("class=\"line s1 guide\"").count(), 2);
        assert!(svg.contains("a &lt; b") && svg.contains("Rates &amp; times"));
        assert!(svg.contains("prefers-color-scheme:dark"));
        assert_eq!(svg.matches("<text").count(), svg.matches("</text>").count());
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
        for label in [">1k<", ">1M<", ">0.5<", ">offered<", ">one<", ">two<"] {
            assert!(svg.contains(label), "{label}");
        }
    }

    #[test]
    fn what_cannot_be_drawn_is_an_error() {
        assert!(plot(&[]).svg().is_err());
        assert!(plot(&[(1.0, 1.0), (2.0, 0.0)]).svg().is_err());
        assert!(plot(&[(1.0, 1.0), (-2.0, 1.0)]).svg().is_err());
        assert!(plot(&[(1.0, f64::NAN)]).svg().is_err());
        assert!(plot(&[(7.0, 7.0)]).svg().is_ok());
    }

    #[test]
    fn a_logarithmic_axis_gives_each_decade_the_same_room() {
        let scale = Scale::over([1.0, 100.0].into_iter(), 0.0, 200.0).unwrap();
        assert!((scale.place(10.0) - 100.0).abs() < 1e-6);
        assert_eq!(scale.ticks().len(), 7);
        let wide = Scale::over([3.0, 4e7].into_iter(), 0.0, 200.0).unwrap();
        assert!((wide.low - 2.0).abs() < 1e-9 && (wide.high / 5e7 - 1.0).abs() < 1e-9);
        assert!(wide.ticks().iter().all(|tick| is_power_of_ten(*tick)));
    }

    #[test]
    fn labels_are_short() {
        let labels = [0.05, 1.0, 500.0, 20_000.0, 1_500_000.0].map(short);
        assert_eq!(labels, ["0.05", "1", "500", "20k", "1.5M"]);
    }
}
