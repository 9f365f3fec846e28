//! Times as texts, and the steps of a calendar.
//!
//! Invariants: a step begins and ends when the clocks of its time zone say so, also when they are
//! changed; texts are of UTC and say so.

pub use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Zoned};

use crate::query::{Edges, QueryError, STEPS_COUNT_MAX};

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// Length of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// From one full hour to the next.
    Hour,
    /// From midnight to midnight.
    Day,
    /// From the first of a month to the next.
    Month,
}

/// A time zone of the IANA database, such as `Asia/Seoul`; `None` if there is none of this name.
pub fn time_zone(name: &str) -> Option<TimeZone> {
    if name == "UTC" { Some(TimeZone::UTC) } else { TimeZone::get(name).ok() }
}

/// The steps that cover a time: the first begins at or before `from_ms`, the last ends at or after
/// `to_ms`, Unix milliseconds.
pub fn steps(from_ms: u64, to_ms: u64, step: Step, zone: &TimeZone) -> Result<Edges, QueryError> {
    let (Some(from), Some(to)) = (timestamp(from_ms), timestamp(to_ms)) else {
        return Err(QueryError::TimeEmpty);
    };
    let mut at = begin(&from.to_zoned(zone.clone()), step).ok_or(QueryError::TimeEmpty)?;
    let mut edges = Vec::new();
    loop {
        let ms = u64::try_from(at.timestamp().as_millisecond()).unwrap_or_default();
        edges.push(ms);
        if edges.len() > 1 && at.timestamp() >= to {
            return Edges::new(&edges);
        }
        if edges.len() > STEPS_COUNT_MAX + 1 {
            return Err(QueryError::TooManySteps { max: STEPS_COUNT_MAX });
        }
        at = next(&at, step).ok_or(QueryError::TimeEmpty)?;
    }
}

fn begin(at: &Zoned, step: Step) -> Option<Zoned> {
    match step {
        Step::Hour => at
            .round(jiff::ZonedRound::new().smallest(jiff::Unit::Hour).mode(jiff::RoundMode::Floor))
            .ok(),
        Step::Day => at.start_of_day().ok(),
        Step::Month => at.first_of_month().ok()?.start_of_day().ok(),
    }
}

fn next(at: &Zoned, step: Step) -> Option<Zoned> {
    match step {
        Step::Hour => at.checked_add(1.hour()).ok(),
        Step::Day => at.tomorrow().ok()?.start_of_day().ok(),
        Step::Month => at.first_of_month().ok()?.checked_add(1.month()).ok()?.start_of_day().ok(),
    }
}

fn timestamp(ms: u64) -> Option<Timestamp> {
    Timestamp::from_millisecond(i64::try_from(ms).ok()?).ok()
}

/// Begin of a day such as `2026-01-31` in UTC, Unix milliseconds; `None` if it is none since 1970.
pub fn day_begin_ms(day: &str) -> Option<u64> {
    let date: jiff::civil::Date = day.parse().ok()?;
    let begin = date.to_zoned(TimeZone::UTC).ok()?.timestamp().as_millisecond();
    u64::try_from(begin).ok()
}

/// Number of the day since 1970, in UTC.
pub(crate) fn day_of(at_ms: u64) -> u64 {
    at_ms / DAY_MS
}

/// `2026-11-23`
pub(crate) fn day_text(day: u64) -> String {
    let at = timestamp(day.saturating_mul(DAY_MS));
    at.map_or_else(|| "9999-12-31".to_owned(), |at| at.strftime("%Y-%m-%d").to_string())
}

/// `2026-11-23T17:31:02.123Z`
pub(crate) fn time_text(at_ms: u64) -> String {
    timestamp(at_ms).map_or_else(
        || "9999-12-31T23:59:59.999Z".to_owned(),
        |at| at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: u64 = 60 * 60 * 1000;

    /// 2026-03-28 00:00 UTC; the clocks of Berlin go forward on the 29th.
    const MARCH_MS: u64 = 1_774_656_000_000;

    fn lengths(from_ms: u64, to_ms: u64, step: Step, zone: &str) -> Vec<u64> {
        let edges = steps(from_ms, to_ms, step, &time_zone(zone).unwrap()).unwrap();
        edges.to_ms().windows(2).map(|pair| (pair[1] - pair[0]) / HOUR_MS).collect()
    }

    #[test]
    fn days_follow_the_clock_of_their_zone() {
        let end = MARCH_MS + 3 * DAY_MS;
        assert_eq!(lengths(MARCH_MS, end, Step::Day, "UTC"), [24, 24, 24]);
        assert_eq!(lengths(MARCH_MS, end, Step::Day, "Europe/Berlin"), [24, 23, 24, 24]);
        assert_eq!(lengths(MARCH_MS, end, Step::Hour, "Europe/Berlin"), [1; 72]);
        let kathmandu = steps(MARCH_MS, end, Step::Day, &time_zone("Asia/Kathmandu").unwrap());
        assert_eq!(kathmandu.unwrap().to_ms()[0] % DAY_MS, DAY_MS - (5 * 60 + 45) * 60 * 1000);
        let months = lengths(MARCH_MS, MARCH_MS + 40 * DAY_MS, Step::Month, "UTC");
        assert_eq!(months, [31 * 24, 30 * 24, 31 * 24]);
    }

    #[test]
    fn too_long_and_empty_times_are_refused() {
        let utc = time_zone("UTC").unwrap();
        let code = |from, to, step| steps(from, to, step, &utc).map_err(|error| error.code()).err();
        assert_eq!(code(0, 100 * 365 * DAY_MS, Step::Hour), Some("too_many_steps"));
        assert_eq!(code(0, 1_000 * HOUR_MS, Step::Hour), None);
        assert_eq!(code(u64::MAX, 5, Step::Hour), Some("time_empty"));
        assert!(time_zone("Mars/Olympus").is_none());
    }

    #[test]
    fn texts() {
        assert_eq!(day_begin_ms("2026-03-28"), Some(MARCH_MS));
        assert_eq!(day_begin_ms("2026-02-30"), None);
        assert_eq!(day_text(day_of(MARCH_MS)), "2026-03-28");
        assert_eq!(time_text(MARCH_MS + 1), "2026-03-28T00:00:00.001Z");
        assert_eq!(time_text(u64::MAX), "9999-12-31T23:59:59.999Z");
        assert_eq!(day_text(u64::MAX), "9999-12-31");
    }
}
