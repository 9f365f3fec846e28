//! How webhooks are sent, as the file says it.

use serde::{Deserialize, Serialize};

use super::ConfigError;
use super::check::Key;

/// Most deliveries to one endpoint at a time.
const IN_FLIGHT_COUNT_MAX: usize = 256;

/// `[webhooks]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct WebhooksSection {
    /// Deliveries to one endpoint at a time; with 1 they arrive in order.
    pub(crate) in_flight: usize,
    /// For development: http and private addresses may be called, too.
    pub(crate) allow_private: bool,
}

impl Default for WebhooksSection {
    fn default() -> Self {
        Self { in_flight: 16, allow_private: false }
    }
}

impl WebhooksSection {
    pub(super) fn check(&self, key: &Key<'_>) -> Result<Self, ConfigError> {
        if (1..=IN_FLIGHT_COUNT_MAX).contains(&self.in_flight) {
            return Ok(self.clone());
        }
        let what = format!("{} deliveries at a time are out of range", self.in_flight);
        Err(key.join("in_flight").error(what, format!("write 1 to {IN_FLIGHT_COUNT_MAX}")))
    }
}
