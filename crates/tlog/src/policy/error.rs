//! What can be wrong with a policy, and in which line.

use super::{POLICY_BYTES_MAX, POLICY_ENTRIES_COUNT_MAX};
use crate::note::KeyError;

/// Why bytes are no policy: the first line that is wrong, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the policy: {fault}")]
pub struct PolicyError {
    /// The line, the first is 1. What is missing at the end is told of the line after the last.
    pub line: usize,
    /// What is wrong.
    pub fault: PolicyFault,
}

/// What is wrong with a line. The first that applies is told. Names that are not UTF-8 are told
/// with marks in the place of what cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyFault {
    /// The whole is longer than [`POLICY_BYTES_MAX`].
    #[error("a policy has at most {POLICY_BYTES_MAX} bytes")]
    TooLarge,
    /// The last line has no newline: a cut name may be another name.
    #[error("the line does not end with a newline; the file may have been cut")]
    Unterminated,
    /// A control character other than tab and newline.
    #[error("there is a control character; lines end with a newline alone")]
    ControlCharacter,
    /// The first word is not one of the four.
    #[error("`{word}` is unknown; lines begin with `log`, `witness`, `group` or `quorum`")]
    Keyword {
        /// The word.
        word: String,
    },
    /// Too few or too many words.
    #[error("the line has the form `{form}`")]
    Form {
        /// The form that it should have.
        form: &'static str,
    },
    /// More logs, witnesses or groups than [`POLICY_ENTRIES_COUNT_MAX`].
    #[error("a policy has at most {POLICY_ENTRIES_COUNT_MAX} of each")]
    TooMany,
    /// The name is taken, or is `none`, which means that no witness is needed.
    #[error("the name `{name}` is taken; choose another")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// The key is none.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The key of a log must be of type 0x01, that of a witness of type 0x04.
    #[error("the key is of the wrong type: logs have 0x01, witnesses 0x04")]
    KeyType,
    /// The policy has this key already, under whatever name.
    #[error("the key stands in the policy twice")]
    DuplicateKey,
    /// The threshold of a group is neither a word nor a number that its members can reach.
    #[error("the threshold is `all`, `any` or a decimal from 1 to {members}")]
    Threshold {
        /// How many members the group has.
        members: usize,
    },
    /// No line above defines the name.
    #[error("`{name}` is not defined above")]
    Undefined {
        /// The name.
        name: String,
    },
    /// The name is a member already, of this or another group.
    #[error("`{name}` is a member of a group already")]
    MemberTwice {
        /// The name.
        name: String,
    },
    /// A second line `quorum`.
    #[error("the quorum is defined twice")]
    QuorumTwice,
    /// No line `quorum`.
    #[error("there is no line `quorum`; if no witness is needed, write `quorum none`")]
    NoQuorum,
}

impl PolicyError {
    /// Stable code for programs.
    pub const fn code(&self) -> &'static str {
        match &self.fault {
            PolicyFault::TooLarge => "policy_too_large",
            PolicyFault::Unterminated => "policy_unterminated",
            PolicyFault::ControlCharacter => "policy_control_character",
            PolicyFault::Keyword { .. } => "policy_keyword",
            PolicyFault::Form { .. } => "policy_form",
            PolicyFault::TooMany => "policy_too_many",
            PolicyFault::NameTaken { .. } => "policy_name_taken",
            PolicyFault::Key(error) => error.code(),
            PolicyFault::KeyType => "policy_key_type",
            PolicyFault::DuplicateKey => "policy_duplicate_key",
            PolicyFault::Threshold { .. } => "policy_threshold",
            PolicyFault::Undefined { .. } => "policy_undefined",
            PolicyFault::MemberTwice { .. } => "policy_member_twice",
            PolicyFault::QuorumTwice => "policy_quorum_twice",
            PolicyFault::NoQuorum => "policy_no_quorum",
        }
    }
}
