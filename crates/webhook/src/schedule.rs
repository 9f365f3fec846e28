//! When a message is tried again: pure arithmetic over the number of failures.
//!
//! Pauses grow threefold from five seconds to twelve hours, each up to a fifth longer by chance so that
//! receivers that come back are not hit by everybody at once. After three days a message is dead.

/// Pause after the first failure.
const PAUSE_FIRST_MS: u64 = 5_000;
/// Longest pause of our own.
pub const PAUSE_MS_MAX: u64 = 12 * 60 * 60 * 1000;
/// Longest pause that a receiver may ask for.
pub const RETRY_AFTER_MS_MAX: u64 = 24 * 60 * 60 * 1000;
/// A message that was not taken for so long is dead.
pub const TRYING_MS_MAX: u64 = 3 * 24 * 60 * 60 * 1000;
/// An endpoint that took nothing for so long is switched off.
pub const FAILING_MS_MAX: u64 = 5 * 24 * 60 * 60 * 1000;

/// When to try again after a failure; `None`: it is dead.
///
/// `since_ms` is when the message was due first, `failures` how often it failed, this time included,
/// `chance` any number, `asked_ms` the pause that the receiver asked for.
pub fn next_attempt_ms(
    since_ms: u64,
    now_ms: u64,
    failures: u32,
    asked_ms: Option<u64>,
    chance: u64,
) -> Option<u64> {
    let growth = 3_u64.saturating_pow(failures.saturating_sub(1));
    let pause = PAUSE_FIRST_MS.saturating_mul(growth).min(PAUSE_MS_MAX);
    let pause = pause + chance % (pause / 5 + 1);
    let pause = pause.max(asked_ms.unwrap_or(0).min(RETRY_AFTER_MS_MAX));
    let next = now_ms.saturating_add(pause);
    (next <= since_ms.saturating_add(TRYING_MS_MAX)).then_some(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All attempts of a message that is never taken, by their time since the first.
    fn attempts(chance: u64) -> Vec<u64> {
        let mut times = vec![0];
        let mut failures = 0;
        loop {
            failures += 1;
            let now = *times.last().unwrap();
            match next_attempt_ms(0, now, failures, None, chance) {
                Some(next) => times.push(next),
                None => return times,
            }
        }
    }

    #[test]
    fn a_dozen_attempts_fill_three_days_and_no_more() {
        for chance in [0, 1, u64::MAX, 12_345_678] {
            let times = attempts(chance);
            assert!((12..=15).contains(&times.len()), "{times:?}");
            let last = *times.last().unwrap();
            assert!(last <= TRYING_MS_MAX && last > TRYING_MS_MAX - 2 * PAUSE_MS_MAX, "{last}");
            assert!(times.is_sorted());
        }
    }

    #[test]
    fn a_receiver_may_ask_for_a_longer_pause_and_not_for_a_shorter_one() {
        assert_eq!(next_attempt_ms(0, 0, 1, Some(60_000), 0), Some(60_000));
        assert_eq!(next_attempt_ms(0, 0, 1, Some(1), 0), Some(PAUSE_FIRST_MS));
        assert_eq!(next_attempt_ms(0, 0, 1, Some(u64::MAX), 0), Some(RETRY_AFTER_MS_MAX));
    }

    #[test]
    fn numbers_at_their_end_do_not_wrap() {
        assert_eq!(next_attempt_ms(0, u64::MAX, u32::MAX, Some(u64::MAX), u64::MAX), None);
        assert!(next_attempt_ms(u64::MAX, 0, u32::MAX, None, u64::MAX).is_some());
    }
}
