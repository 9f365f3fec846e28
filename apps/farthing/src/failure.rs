//! A failed command: message, hints, exit code.
//!
//! Exit codes: 1 failure, 2 wrong usage, 3 refused or above the limit, 4 not enough money, 5 damage.

use std::process::ExitCode;

use crate::term;

const FAILED: u8 = 1;
const USAGE: u8 = 2;
const REFUSED: u8 = 3;
const NO_MONEY: u8 = 4;
const DAMAGED: u8 = 5;

/// Why a command failed, for a person and for the shell.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    hints: Vec<String>,
    exit: u8,
}

impl Failure {
    /// A failure with exit code 1.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hints: Vec::new(), exit: FAILED }
    }

    /// Wrong usage that the command line's grammar cannot see.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { exit: USAGE, ..Self::new(message) }
    }

    /// Something durable is broken.
    pub(crate) fn damage(message: impl Into<String>) -> Self {
        Self { exit: DAMAGED, ..Self::new(message) }
    }

    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Prints it and gives the exit code.
    pub(crate) fn show(&self) -> ExitCode {
        term::note(&format!("{} {}", term::error_word("error:"), term::plain(&self.message)));
        for hint in &self.hints {
            term::note(&format!("hint: {}", term::plain(hint)));
        }
        ExitCode::from(self.exit)
    }
}

impl From<client::Error> for Failure {
    fn from(error: client::Error) -> Self {
        let exit = if error.is_insufficient_funds() {
            NO_MONEY
        } else if error.is_over_limit() || error.is_refused() {
            REFUSED
        } else if error.code() == "invalid_argument" {
            USAGE
        } else {
            FAILED
        };
        let failure = Self { exit, ..Self::new(error.to_string()) };
        match error.hint() {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        }
    }
}
