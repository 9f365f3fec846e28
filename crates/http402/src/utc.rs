//! Times as catalogues and people read them.

/// Unix seconds as ISO 8601 in UTC, by the proleptic Gregorian calendar.
pub fn utc(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = date(days);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Unix seconds of a time in UTC that is written as [`utc`] writes it; a fraction of a second is cut.
pub(crate) fn parse_utc(text: &str) -> Option<u64> {
    let (date_text, time) = text.strip_suffix('Z')?.split_once('T')?;
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let number = |text: &str, length: usize| {
        let digits = text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse::<u64>().ok()).flatten()
    };
    number(fraction, fraction.len())?;
    let mut parts = date_text.split('-').zip([4, 2, 2]).map(|(text, length)| number(text, length));
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let mut parts = time.split(':').map(|text| number(text, 2));
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    // The days since 1970 to the year's first, by counting leap days; then a look at the calendar.
    let before = year.checked_sub(1)?;
    let leaps = before / 4 - before / 100 + before / 400;
    let first = (before * 365 + leaps).checked_sub(719_162)?;
    let days = (first..first + 366).find(|&days| date(days) == (year, month, day))?;
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second;
    // Whatever does not read back is no time: other lengths, a 25th hour, a 61st second.
    let written =
        text.split_once('.').map_or_else(|| text.to_owned(), |(whole, _)| format!("{whole}Z"));
    (utc(seconds) == written).then_some(seconds)
}

/// Year, month and day of a count of days since 1970-01-01.
fn date(mut days: u64) -> (u64, u64, u64) {
    let is_leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    // Whole cycles of 400 years first, so that a far date takes no longer than a near one.
    let mut year = 1970 + days / 146_097 * 400;
    days %= 146_097;
    loop {
        let length = if is_leap(year) { 366 } else { 365 };
        if days < length {
            break;
        }
        days -= length;
        year += 1;
    }
    let february = if is_leap(year) { 29 } else { 28 };
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    (year, month, days + 1)
}

#[cfg(test)]
mod tests {
    use super::{parse_utc, utc};

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (1_798_675_199, "2026-12-30T23:59:59Z"),
            (1_798_761_599, "2026-12-31T23:59:59Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(utc(seconds), expected, "{seconds}");
            assert_eq!(parse_utc(expected), Some(seconds), "{expected}");
        }
    }

    #[test]
    fn what_is_no_time_is_not_read() {
        assert_eq!(parse_utc("2026-12-30T23:59:59.999Z"), Some(1_798_675_199));
        for text in [
            "",
            "2026-12-30",
            "2026-12-30T23:59:59",
            "2026-12-30T23:59:59+00:00",
            "2026-12-30T24:00:00Z",
            "2026-12-30T23:59:60Z",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "1969-12-31T23:59:59Z",
            "0000-01-01T00:00:00Z",
            "2026-12-30T23:59:59.Z",
            "2026-12-30T23:59:59.1.2Z",
            "2026-12-30T23:59:59:00Z",
            "2026-12-30-01T23:59:59Z",
            "2026-12-30T2３:59:59Z",
        ] {
            assert_eq!(parse_utc(text), None, "{text}");
        }
    }
}
