//! The certificate of a listener, as the file says it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::ConfigError;
use super::check::Key;

/// `[tls]` and `[gateway.tls]`: two files in PEM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TlsSection {
    /// The certificate and those between it and the authority, in this order.
    pub(crate) certificate: PathBuf,
    /// Its private key.
    pub(crate) key: PathBuf,
}

impl TlsSection {
    /// Who listens with TLS is not reached without.
    pub(super) fn check(
        section: Option<&Self>,
        public_url: Option<&str>,
        key: &Key<'_>,
    ) -> Result<(), ConfigError> {
        if section.is_none() || public_url.is_none_or(|url| url.starts_with("https://")) {
            return Ok(());
        }
        let what = "payers would be sent to an http:// address, and TLS answers there";
        Err(key.error(what, "write public_url with https://, or take the certificate out"))
    }
}
