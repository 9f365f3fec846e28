//! The verifiable log's part of the file.
//!
//! Invariants: witnesses and quorum make a policy that verifiers can read; the second memory of what
//! was signed does not lie where it is set back together with the first.

use std::path::{Path, PathBuf};
use std::time::Duration;

use http::Uri;
use serde::{Deserialize, Serialize};
use tlog::policy::Policy;
use tlog::{KeyName, KeyType, VerifierKey};

use super::ConfigError;
use super::check::Key;

/// Most witnesses of a log: each adds a line to every checkpoint and receipt.
const WITNESSES_COUNT_MAX: usize = 16;
/// Longest time between two checkpoints.
const CHECKPOINT_SECONDS_MAX: u32 = 60 * 60;
/// Longest time between two epochs.
const EPOCH_SECONDS_MAX: u32 = 7 * 24 * 60 * 60;

/// `[log]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LogSection {
    /// Whether the node keeps a log.
    pub(crate) enabled: bool,
    /// Its name; by default from the node's public URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) origin: Option<String>,
    /// Second memory of the newest signed checkpoint, best on another disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) guard: Option<PathBuf>,
    pub(crate) checkpoint_seconds: u32,
    pub(crate) epoch_seconds: u32,
    /// How many witnesses must have seen a checkpoint; by default more than half.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) quorum: Option<usize>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) witnesses: Vec<WitnessSection>,
}

/// Somebody who watches that the log only grows.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WitnessSection {
    pub(crate) vkey: String,
    pub(crate) url: String,
}

impl Default for LogSection {
    fn default() -> Self {
        Self {
            enabled: true,
            origin: None,
            guard: None,
            checkpoint_seconds: 1,
            epoch_seconds: 60 * 60,
            quorum: None,
            witnesses: Vec::new(),
        }
    }
}

/// The log after the check.
#[derive(Debug, Clone)]
pub(crate) struct LogSettings {
    pub(crate) origin: Option<KeyName>,
    pub(crate) guard: Option<PathBuf>,
    pub(crate) checkpoint: Duration,
    pub(crate) epoch: Duration,
    pub(crate) witnesses: Vec<(VerifierKey, String)>,
    pub(crate) quorum: usize,
}

impl LogSection {
    /// `None` if the node keeps no log.
    pub(super) fn check(
        &self,
        data: &Path,
        key: &Key<'_>,
    ) -> Result<Option<LogSettings>, ConfigError> {
        let origin = self.origin.as_deref().map(|text| origin(text, &key.join("origin")));
        let witnesses = self.check_witnesses(key)?;
        let settings = LogSettings {
            origin: origin.transpose()?,
            guard: self.check_guard(data, &key.join("guard"))?,
            checkpoint: seconds(
                self.checkpoint_seconds,
                CHECKPOINT_SECONDS_MAX,
                key,
                "checkpoint",
            )?,
            epoch: seconds(self.epoch_seconds, EPOCH_SECONDS_MAX, key, "epoch")?,
            quorum: self.check_quorum(witnesses.len(), &key.join("quorum"))?,
            witnesses,
        };
        Ok(self.enabled.then_some(settings))
    }

    fn check_guard(&self, data: &Path, key: &Key<'_>) -> Result<Option<PathBuf>, ConfigError> {
        let Some(guard) = &self.guard else { return Ok(None) };
        if guard.file_name().is_none() {
            let what = format!("`{}` does not name a file", guard.display());
            return Err(key.error(what, "name a file on another disk"));
        }
        if guard.starts_with(data) {
            let what = "the guard lies in the data folder, and would be set back together with it";
            return Err(key.error(what, "name a file on another disk"));
        }
        Ok(Some(guard.clone()))
    }

    fn check_witnesses(&self, key: &Key<'_>) -> Result<Vec<(VerifierKey, String)>, ConfigError> {
        if self.witnesses.len() > WITNESSES_COUNT_MAX {
            let what = format!("there are {} witnesses", self.witnesses.len());
            let hint = format!("name at most {WITNESSES_COUNT_MAX}");
            return Err(key.join("witnesses").error(what, hint));
        }
        let mut witnesses: Vec<(VerifierKey, String)> = Vec::new();
        for (index, section) in self.witnesses.iter().enumerate() {
            let key = key.nth("witnesses", index);
            let vkey = section.check_vkey(&key.join("vkey"))?;
            let twice = witnesses.iter().any(|(earlier, _)| {
                earlier.name() == vkey.name() || earlier.bytes() == vkey.bytes()
            });
            if twice {
                let what = "name or key stands twice";
                return Err(key.join("vkey").error(what, "name each witness once"));
            }
            witnesses.push((vkey, section.check_url(&key.join("url"))?));
        }
        Ok(witnesses)
    }

    fn check_quorum(&self, witnesses: usize, key: &Key<'_>) -> Result<usize, ConfigError> {
        // Two histories, each seen by more than half, have a witness in common, which refuses one.
        let usual = if witnesses == 0 { 0 } else { witnesses / 2 + 1 };
        match self.quorum {
            Some(asked) if asked > witnesses => {
                let what = format!("{asked} witnesses are required and {witnesses} are named");
                Err(key.error(what, format!("write at most {witnesses}, or name more witnesses")))
            }
            asked => Ok(asked.unwrap_or(usual)),
        }
    }
}

impl WitnessSection {
    fn check_vkey(&self, key: &Key<'_>) -> Result<VerifierKey, ConfigError> {
        let hint =
            "write what the witness's operator gives: name+id+key, as from `farthing witness`";
        let vkey =
            VerifierKey::parse(&self.vkey).map_err(|why| key.error(why.to_string(), hint))?;
        if vkey.key_type() != KeyType::Cosignature {
            return Err(key.error("this is the key of a log, not of a witness", hint));
        }
        Ok(vkey)
    }

    fn check_url(&self, key: &Key<'_>) -> Result<String, ConfigError> {
        let uri: Option<Uri> = self.url.parse().ok();
        let is_plain = |uri: &Uri| {
            let known = matches!(uri.scheme_str(), Some("http" | "https"));
            let authority = uri.authority().is_some_and(|host| !host.as_str().contains('@'));
            known && authority && uri.query().is_none() && !self.url.contains('#')
        };
        if uri.is_some_and(|uri| is_plain(&uri)) {
            return Ok(self.url.trim_end_matches('/').to_owned());
        }
        let what = format!("`{}` is not where a witness is asked", self.url);
        Err(key.error(what, "write what comes before /add-checkpoint, as in \"https://w.example\""))
    }
}

impl LogSettings {
    /// What verifiers need, as a file: the log, its witnesses, and how many must have seen what it
    /// says. `url` is where the log is served.
    pub(crate) fn policy_text(&self, vkey: &str, url: &str) -> String {
        use std::fmt::Write as _;
        let mut text = format!("log {vkey} {url}\n");
        let mut names = String::new();
        for (key, url) in &self.witnesses {
            let name = key.name();
            // Writing to a text does not fail.
            let _ = writeln!(text, "witness {name} {key} {url}");
            let _ = write!(names, " {name}");
        }
        let _ = match self.quorum {
            0 => writeln!(text, "quorum none"),
            count => writeln!(text, "group witnesses {count}{names}\nquorum witnesses"),
        };
        text
    }

    /// Checked by reading it as verifiers do.
    pub(crate) fn policy(
        &self,
        vkey: &str,
        url: &str,
    ) -> Result<Policy, tlog::policy::PolicyError> {
        Policy::parse(self.policy_text(vkey, url).as_bytes())
    }
}

fn origin(text: &str, key: &Key<'_>) -> Result<KeyName, ConfigError> {
    let hint = "write where the log is served, without scheme: \"pay.example/log\"";
    if text.contains("://") || text.ends_with('/') {
        let what = format!("`{text}` has a scheme or ends in a slash");
        return Err(key.error(what, hint));
    }
    KeyName::new(text).map_err(|why| key.error(why.to_string(), hint))
}

fn seconds(value: u32, max: u32, key: &Key<'_>, what: &str) -> Result<Duration, ConfigError> {
    if (1..=max).contains(&value) {
        return Ok(Duration::from_secs(value.into()));
    }
    let key = key.join(&format!("{what}_seconds"));
    Err(key.error(format!("{value} is out of range"), format!("write 1 to {max}")))
}
