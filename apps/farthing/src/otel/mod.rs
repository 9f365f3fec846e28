//! Traces of requests for OpenTelemetry, if the program was built with them: the feature `otel`.
//!
//! Without the feature nothing in the program sends anything anywhere, and a configuration that asks
//! for traces is refused.

#[cfg(feature = "otel")]
mod spans;

use http::Uri;
use tokio::sync::watch;
use tokio::task::JoinHandle;

#[cfg(feature = "otel")]
pub(crate) use spans::layer;

/// Sends the traces of this process to `endpoint`, if there is one, until `stop`.
pub(crate) fn start(endpoint: Option<Uri>, stop: &watch::Receiver<bool>) -> Option<JoinHandle<()>> {
    endpoint.map(|endpoint| export(endpoint, stop.clone()))
}

#[cfg(feature = "otel")]
fn export(endpoint: Uri, stop: watch::Receiver<bool>) -> JoinHandle<()> {
    tokio::spawn(spans::export(endpoint, stop))
}

/// The check of the configuration lets no endpoint come here.
#[cfg(not(feature = "otel"))]
fn export(_: Uri, _: watch::Receiver<bool>) -> JoinHandle<()> {
    tokio::spawn(async {})
}
