//! What came of asking a witness.

use core::fmt;

use tlog::Note;

/// What a witness said of the log that must not happen. The log should stop signing until somebody
/// has looked at it, because more signatures make it worse. A witness can lie: [`Status::proof`] is
/// what it could not have made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alarm {
    /// It says that it cosigned a larger checkpoint than the log's newest one: the log was restored
    /// from a backup, or runs twice.
    WitnessAhead {
        /// Leaves of the checkpoint that the witness cosigned.
        size: u64,
        /// Leaves of the checkpoint that it was asked to cosign.
        own_size: u64,
    },
    /// It says that the checkpoint does not continue what it cosigned: the log has forked.
    Inconsistent {
        /// Leaves of the checkpoint that it was asked to cosign.
        own_size: u64,
    },
}

impl Alarm {
    /// Stable code for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::WitnessAhead { .. } => "witness_ahead",
            Self::Inconsistent { .. } => "witness_inconsistent",
        }
    }
}

impl fmt::Display for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WitnessAhead { size, own_size } => write!(
                f,
                "it says it cosigned {size} leaves, and the log's newest checkpoint has {own_size}"
            ),
            Self::Inconsistent { own_size } => {
                write!(f, "it says that {own_size} leaves do not continue what it cosigned")
            }
        }
    }
}

/// What came of asking a witness in one round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Its cosignature was verified.
    Cosigned {
        /// The time in it, Unix seconds.
        time: u64,
    },
    /// The policy has no URL of it.
    NoUrl,
    /// It failed lately and is left alone.
    Paused,
    /// No answer before the end of the round or of its own time.
    Late,
    /// It could not be reached, or the connection broke off.
    Unreachable(String),
    /// It knows the log or its key not, or finds the request malformed: 404, 403, 400.
    Refused {
        /// The status.
        status: u16,
        /// The beginning of its words.
        words: String,
    },
    /// Another status that is no success.
    Failed {
        /// The status.
        status: u16,
    },
    /// Its answer is not one that the protocol has.
    Malformed(&'static str),
    /// It answered with signatures that are not its own for this checkpoint.
    Forged(&'static str),
    /// It named another size each time it was asked.
    Unsettled,
    /// The log could not prove the growth since what the witness cosigned.
    Unproven(String),
    /// It says that the log contradicts itself.
    Alarm(Alarm),
}

impl Outcome {
    /// Stable code for programs and metrics.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Cosigned { .. } => "cosigned",
            Self::NoUrl => "witness_no_url",
            Self::Paused => "witness_paused",
            Self::Late => "witness_late",
            Self::Unreachable(_) => "witness_unreachable",
            Self::Refused { status: 404, .. } => "witness_refused_origin",
            Self::Refused { status: 403, .. } => "witness_refused_key",
            Self::Refused { .. } => "witness_refused_request",
            Self::Failed { .. } => "witness_failed",
            Self::Malformed(_) => "witness_malformed",
            Self::Forged(_) => "witness_forged",
            Self::Unsettled => "witness_unsettled",
            Self::Unproven(_) => "witness_unproven",
            Self::Alarm(alarm) => alarm.code(),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cosigned { time } => write!(f, "cosigned at {time}"),
            Self::NoUrl => f.write_str("the policy has no URL of it"),
            Self::Paused => f.write_str("left alone for a while, because it failed lately"),
            Self::Late => f.write_str("no answer in time"),
            Self::Unreachable(why) => write!(f, "not reached: {why}"),
            Self::Refused { status: 404, .. } => {
                f.write_str("it does not watch this log; give its operator the log's key")
            }
            Self::Refused { status: 403, .. } => {
                f.write_str("it knows another key of this log; give its operator the right one")
            }
            Self::Refused { status, words } => write!(f, "refused with {status}: {words}"),
            Self::Failed { status } => write!(f, "failed with {status}"),
            Self::Malformed(code) => write!(f, "its answer makes no sense: {code}"),
            Self::Forged(code) => write!(f, "its signature does not count: {code}"),
            Self::Unsettled => f.write_str("it names another size each time"),
            Self::Unproven(why) => write!(f, "the log cannot prove its growth: {why}"),
            Self::Alarm(alarm) => alarm.fmt(f),
        }
    }
}

/// A witness after a round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Its name in the policy.
    pub name: String,
    /// What came of this round.
    pub outcome: Outcome,
    /// Leaves of the newest checkpoint of which it gave us a good cosignature since the start.
    pub cosigned_size: Option<u64>,
    /// The time in that, Unix seconds.
    pub cosigned_time: Option<u64>,
    /// Failures since then, or since the start.
    pub failures: u32,
    /// Milliseconds until it is asked again; 0 if it is in the next round.
    pub pause_ms: u64,
    /// What it said against the log and has not taken back by cosigning.
    pub alarm: Option<Alarm>,
    /// What it showed for that: a checkpoint that the log's own key has signed and that cannot be
    /// before the log's newest one. `None`: there is only its word.
    pub proof: Option<Note>,
}
