//! One picture of a node, as text.

use std::collections::VecDeque;
use std::fmt::Write as _;

use money::{Amount, Asset, parse_base_units};

use super::shape::{AssetSums, Log, Status};
use crate::term;

/// Heights of a bar in the line of the last minutes.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Answers whose payments are drawn.
const HISTORY_COUNT_MAX: usize = 30;

/// Payments between two answers.
#[derive(Debug, Default)]
pub(super) struct History {
    last: Option<u64>,
    steps: VecDeque<u64>,
}

impl History {
    pub(super) fn note(&mut self, status: &Status) {
        let Some(payments) = status.payments else { return };
        if let Some(last) = self.last.replace(payments) {
            self.steps.push_back(payments.saturating_sub(last));
        }
        let others = self.steps.len().saturating_sub(HISTORY_COUNT_MAX);
        self.steps.drain(..others);
    }

    fn bars(&self) -> String {
        let most = self.steps.iter().copied().max().unwrap_or(0).max(1);
        let top = BARS.len() as u64 - 1;
        // At most `top`, so it always has its bar.
        let bar = |step: &u64| usize::try_from((step * top).div_ceil(most)).map(|i| BARS[i]);
        self.steps.iter().filter_map(|step| bar(step).ok()).collect()
    }
}

/// Draws it.
pub(super) fn frame(url: &str, status: &Status, history: &History) -> String {
    let mut text = String::new();
    // Writing to a text cannot fail.
    let _ = write(&mut text, url, status, history);
    text
}

fn write(to: &mut String, url: &str, status: &Status, history: &History) -> std::fmt::Result {
    let word = if status.ready { "ready" } else { "NOT READY" };
    let up = duration(status.now_ms.saturating_sub(status.clock_shift_ms), status.started_at_ms);
    let title = term::strong(&format!("farthing {}", status.version));
    write!(to, "{title}  {url}  up {up}  {word}")?;
    if status.clock_shift_ms > 0 {
        write!(to, "  clock ahead by {}", duration(status.clock_shift_ms, 0))?;
    }
    writeln!(to, "\n")?;
    let (window, writer) = (&status.throughput, &status.writer);
    writeln!(
        to,
        "payments  {:>10}/s  {:>12} in all   {}",
        rate(window.payments, window.window_ms),
        count(status.payments),
        history.bars(),
    )?;
    let requests = rate(window.gateway_requests, window.window_ms);
    let times = times(window.gateway_p50_us, window.gateway_p99_us);
    writeln!(to, "requests  {requests:>10}/s  {times}")?;
    let syncs = self::times(writer.sync_p50_us, writer.sync_p99_us);
    writeln!(to, "syncs     {:>10} in all  {syncs}", count(Some(writer.batches)))?;
    writeln!(
        to,
        "open      {:>10} holds   {} channels   {} commands wait",
        count(status.holds_open),
        count(status.channels_open),
        writer.queue_commands,
    )?;
    let machine = &status.machine;
    writeln!(
        to,
        "disk      {:>10} journal   {} free   {} of memory",
        bytes(Some(writer.journal_bytes)),
        bytes(machine.data_free_bytes),
        bytes(machine.resident_bytes),
    )?;
    if let (Some(pending), lag) =
        (status.backlog.webhooks_pending, status.backlog.report_lag_events)
    {
        writeln!(to, "behind    {pending:>10} webhooks   {} events of reports", count(lag))?;
    }
    writeln!(
        to,
        "\n{}",
        term::strong("ASSET                  OWED              HELD          EXPOSURE")
    )?;
    for sums in &status.assets {
        let [owed, held, exposure] = decimals(sums);
        writeln!(to, "{:<8}{owed:>19}{held:>18}{exposure:>18}", sums.asset)?;
    }
    if status.books_balanced == Some(false) {
        writeln!(to, "the books do NOT balance")?;
    }
    if let Some(log) = &status.log {
        write_log(to, log, status.now_ms)?;
    }
    write_alarms(to, status)
}

fn write_log(to: &mut String, log: &Log, now_ms: u64) -> std::fmt::Result {
    let age = log.published_at_ms.map_or("never".to_owned(), |at| duration(now_ms, at) + " ago");
    let published = count(log.published_leaves);
    write!(to, "\nlog       {} leaves, {published} published {age}", count(Some(log.leaves)))?;
    match log.quorum_met {
        Some(true) if !log.witnesses.is_empty() => write!(to, ", quorum met")?,
        Some(false) => write!(to, ", quorum MISSED")?,
        _ => {}
    }
    writeln!(to)?;
    if let Some(why) = &log.halted {
        writeln!(to, "  HALTED: {}", term::plain(why))?;
    }
    for witness in &log.witnesses {
        let (name, state) = (term::plain(&witness.name), term::plain(&witness.state));
        writeln!(to, "  {name}  {state}, {} leaves", count(witness.cosigned_size))?;
    }
    Ok(())
}

fn write_alarms(to: &mut String, status: &Status) -> std::fmt::Result {
    if status.alarms.is_empty() {
        return writeln!(to, "\nno alarms");
    }
    writeln!(to, "\n{}", term::strong("ALARMS"))?;
    for alarm in &status.alarms {
        let (code, detail) = (term::plain(&alarm.code), term::plain(&alarm.detail));
        writeln!(to, "  {:<7} {code}: {detail}", alarm.severity)?;
    }
    Ok(())
}

fn decimals(sums: &AssetSums) -> [String; 3] {
    [&sums.liabilities, &sums.held, &sums.exposure].map(|units| {
        let asset = Asset::new(&sums.asset, sums.scale).ok();
        let amount = asset.zip(parse_base_units(units).ok());
        let text = amount.map(|(asset, units)| Amount::new(units, asset).to_string());
        let text = text.as_deref().and_then(|text| text.split(' ').next());
        text.unwrap_or("?").to_owned()
    })
}

/// So many in a time, for each second, with one digit behind the point.
fn rate(count: u64, window_ms: u64) -> String {
    if window_ms == 0 {
        return "-".to_owned();
    }
    let tenths = count.saturating_mul(10_000) / window_ms;
    format!("{}.{}", tenths / 10, tenths % 10)
}

fn times(half_us: Option<u64>, most_us: Option<u64>) -> String {
    let milliseconds = |us: u64| {
        if us < 1_000 { format!("0.{} ms", us / 100) } else { format!("{} ms", us / 1_000) }
    };
    match (half_us, most_us) {
        (Some(half), Some(most)) => {
            format!("half within {}, 99 % within {}", milliseconds(half), milliseconds(most))
        }
        _ => "none in the last minute".to_owned(),
    }
}

/// Digits in groups of three.
fn count(of: Option<u64>) -> String {
    let Some(of) = of else { return "?".to_owned() };
    let digits = of.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn bytes(of: Option<u64>) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let Some(mut left) = of else { return "?".to_owned() };
    let mut unit = 0;
    while left >= 10 * 1024 && unit + 1 < UNITS.len() {
        left /= 1024;
        unit += 1;
    }
    format!("{left} {}", UNITS[unit])
}

/// From one moment to a later one, in its two largest units.
fn duration(until_ms: u64, from_ms: u64) -> String {
    let seconds = until_ms.saturating_sub(from_ms) / 1_000;
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
        (0, _, _) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn status(change: impl FnOnce(&mut serde_json::Value)) -> Status {
        let mut status = json!({
            "ready": true, "alarms": [], "version": "0.1.0", "started_at_ms": 1_000,
            "now_ms": 90_061_000, "clock_shift_ms": 0,
            "throughput": {"window_ms": 60_000, "payments": 744, "gateway_requests": 1_500,
                "gateway_p50_us": 1_000, "gateway_p99_us": 25_000},
            "writer": {"queue_commands": 2, "batches": 22_331, "sync_p50_us": 500,
                "sync_p99_us": 5_000, "journal_bytes": 67_108_864},
            "payments": 1_204_332, "holds_open": 12, "channels_open": 3,
            "assets": [{"asset": "USD", "scale": 9, "liabilities": "1234500000000",
                "held": "200000000", "exposure": "0"}],
            "books_balanced": true,
            "log": {"leaves": 22_331, "published_leaves": 22_330, "published_at_ms": 90_060_000,
                "halted": null, "quorum_met": true,
                "witnesses": [{"name": "w.example/1", "state": "cosigned", "cosigned_size": 22_330}]},
            "backlog": {"webhooks_pending": null, "report_lag_events": null},
            "machine": {"resident_bytes": 104_857_600, "data_free_bytes": null},
            "something_new": [1, 2],
        });
        change(&mut status);
        serde_json::from_value(status).unwrap()
    }

    fn drawn(change: impl FnOnce(&mut serde_json::Value)) -> String {
        frame("http://127.0.0.1:4021", &status(change), &History::default())
    }

    #[test]
    fn a_quiet_node_fits_into_a_small_terminal() {
        let text = drawn(|_| ());
        for words in [
            "farthing 0.1.0  http://127.0.0.1:4021  up 1 d 1 h  ready",
            "12.4/s     1,204,332 in all",
            "25.0/s  half within 1 ms, 99 % within 25 ms",
            "22,331 in all  half within 0.5 ms, 99 % within 5 ms",
            "12 holds   3 channels   2 commands wait",
            "64 MiB journal   ? free   100 MiB of memory",
            "USD                  1234.5               0.2                 0",
            "22,331 leaves, 22,330 published 1 s ago, quorum met",
            "no alarms",
        ] {
            assert!(text.contains(words), "`{words}` is missing in\n{text}");
        }
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert!(text.lines().count() <= 24, "{text}");
    }

    #[test]
    fn what_is_wrong_is_said_and_cannot_speak_to_the_terminal() {
        let text = drawn(|status| {
            status["ready"] = false.into();
            status["payments"] = serde_json::Value::Null;
            status["clock_shift_ms"] = 86_400_000.into();
            status["log"]["halted"] = "set back\u{1b}[2J".into();
            status["alarms"] =
                json!([{"code": "log_halted", "severity": "page", "detail": "set back\u{7}"}]);
        });
        for words in ["NOT READY", "clock ahead by 1 d 0 h", "? in all", "HALTED: set back", "page"]
        {
            assert!(text.contains(words), "`{words}` is missing in\n{text}");
        }
        assert!(!text.contains('\u{1b}') && !text.contains('\u{7}'), "{text:?}");
    }

    #[test]
    fn bars_follow_the_steps() {
        let mut history = History::default();
        for payments in [10, 10, 17, 24, 38_u64] {
            history.note(&status(|status| status["payments"] = payments.into()));
        }
        assert_eq!(history.bars(), "▁▅▅█");
        for payments in 39..200_u64 {
            history.note(&status(|status| status["payments"] = payments.into()));
        }
        assert_eq!(history.bars().chars().count(), HISTORY_COUNT_MAX);
    }
}
