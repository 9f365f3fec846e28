//! Where traces go, as the file says it.

use http::Uri;
use serde::{Deserialize, Serialize};

use super::ConfigError;
use super::check::Key;

/// `[otel]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OtelSection {
    /// Base URL of the receiver, as `OTEL_EXPORTER_OTLP_ENDPOINT` elsewhere.
    pub(crate) endpoint: String,
}

impl OtelSection {
    pub(super) fn check(&self, key: &Key<'_>) -> Result<Uri, ConfigError> {
        if cfg!(not(feature = "otel")) {
            let hint = "build it with `--features otel`, or take [otel] out";
            return Err(key.error("this program was built without OpenTelemetry", hint));
        }
        let url: Option<Uri> = self.endpoint.parse().ok();
        let is_http = |url: &Uri| matches!(url.scheme_str(), Some("http" | "https"));
        url.filter(|url| is_http(url) && url.query().is_none()).ok_or_else(|| {
            let hint = "write the receiver's base URL, for example \"http://127.0.0.1:4318\"";
            key.join("endpoint").error(format!("`{}` is no address", self.endpoint), hint)
        })
    }
}
