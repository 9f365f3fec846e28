//! The machine's clock, for the expiry of orders and the time of access statements.

use std::time::{SystemTime, UNIX_EPOCH};

/// Now, Unix milliseconds.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place of this crate where the machine's clock enters"
)]
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
