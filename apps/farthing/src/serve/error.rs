//! Why a node did not start, and what its operator can do about it.

use std::io;
use std::path::PathBuf;

use engine::{LogError, StartError};

use crate::config::ConfigError;
use crate::failure::Failure;
use crate::log;
use crate::outbox::OutboxError;
use crate::secrets::SecretError;
use crate::site::SiteError;
use crate::test_clock;

/// Why a node did not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    /// The settings are wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The data folder cannot be used.
    #[error("the data folder {folder} cannot be used: {cause}")]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// A secret cannot be used.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// A listener cannot be had.
    #[error(transparent)]
    Listener(#[from] SiteError),
    /// The engine does not start.
    #[error("the node does not start: {0}")]
    Engine(#[from] StartError),
    /// An asset or payee differs from what the books have.
    #[error("{what} of the configuration does not fit the books: {cause}")]
    Open {
        /// What was opened.
        what: String,
        /// What differs.
        cause: engine::OpenError,
    },
    /// The log cannot be set up.
    #[error(transparent)]
    Log(#[from] log::SetupError),
    /// The clock of the folder does not fit.
    #[error(transparent)]
    Clock(#[from] test_clock::ClockError),
    /// Webhooks cannot be sent.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    /// A task of the start was cut off.
    #[error("the start was cut off")]
    CutOff,
}

impl From<ServeError> for Failure {
    fn from(error: ServeError) -> Self {
        let text = error.to_string();
        match error {
            ServeError::Config(error) => error.into(),
            ServeError::Secret(error) => error.into(),
            ServeError::Engine(error) => not_started(text, &error),
            ServeError::Clock(test_clock::ClockError::RealMoney { .. }) => {
                Self::new(text).with_hint("name another folder with --data for real money")
            }
            ServeError::Listener(SiteError::Bind(_)) => {
                Self::new(text).with_hint("choose another address or port")
            }
            _ => Self::new(text),
        }
    }
}

/// What the operator can do about an engine that does not start.
fn not_started(text: String, error: &StartError) -> Failure {
    use journal::OpenError;
    match error {
        StartError::Journal(OpenError::Locked { .. }) => {
            Failure::new(text).with_hint("for a second node, name another folder with --data")
        }
        // These texts say what to do.
        StartError::Journal(OpenError::Disk(_) | OpenError::Version { .. })
        | StartError::Read(journal::ReadError::Disk(_))
        | StartError::Snapshot(_)
        | StartError::Thread(_) => Failure::new(text).with_hint("nothing durable was changed"),
        StartError::ClockBehind { .. } => Failure::new(text).with_hint(
            "if the clock is right, the journal was written under a wrong one: start with \
             --accept-clock",
        ),
        StartError::OtherNode { .. } => {
            Failure::new(text).with_hint("put the right `node.key` back, or name another folder")
        }
        StartError::Log(error) => log_not_opened(text, error),
        _ => Failure::damage(text)
            .with_hint("nothing was changed; `farthing fsck` explains what is wrong")
            .with_hint("keep the folder as it is and restore the newest backup into another one"),
    }
}

/// What the operator can do about a log that does not open.
fn log_not_opened(text: String, error: &LogError) -> Failure {
    match error {
        LogError::OtherLog { .. } => Failure::new(text)
            .with_hint(
                "name and key of a log stay for life: take `origin` out of [log], or put \
                        `log.key` and `log.origin` back from the newest backup",
            )
            .with_hint("a node with new books, in another folder, can have a log of another name"),
        LogError::GuardMissing(path) => Failure::new(text).with_hint(format!(
            "only for a log that is new or that never had a guard: farthing log guard --create {}",
            path.display()
        )),
        LogError::SecretsMissing(_)
        | LogError::SecretsDamaged { .. }
        | LogError::CheckpointDamaged { .. }
        | LogError::ForgottenLost { .. } => Failure::damage(text)
            .with_hint("payments work without the log: `enabled = false` in [log]"),
        _ => Failure::new(text).with_hint("nothing durable was changed"),
    }
}
