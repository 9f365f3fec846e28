//! What a witness answers, as its client reads it. Source: C2SP tlog-witness.

use crate::line::parse_decimal;
use crate::note::{NoteError, NoteSignature, parse_lines, visible};

/// Content type of an answer 409; its body is the size that was cosigned last.
pub const CONFLICT_CONTENT_TYPE: &str = "text/x.tlog.size";

/// An answer to `add-checkpoint`. Nothing in it is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// 200: lines to be added to the checkpoint with [`crate::Note::with_verified`].
    Cosigned(Vec<NoteSignature>),
    /// 409: the witness cosigned another size last. Prove from there; if it is above the log's own
    /// size, the log lost leaves that it had signed and must stop.
    Conflict {
        /// That size.
        stored: u64,
    },
    /// Any other status: there is nothing to learn from the body.
    Refused {
        /// The status.
        status: u16,
    },
}

/// Why an answer makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// 200 without signature lines.
    #[error("the witness answered 200, but not with signature lines: {0}")]
    Lines(NoteError),
    /// 409 of another content type, or its body is not a decimal and a newline.
    #[error("the witness answered 409 without the size that it cosigned last")]
    Size,
}

impl AnswerError {
    /// Stable code for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Lines(_) => "witness_answer_lines",
            Self::Size => "witness_answer_size",
        }
    }
}

impl Answer {
    /// Reads an answer.
    pub fn parse(status: u16, content_type: &str, body: &[u8]) -> Result<Self, AnswerError> {
        match status {
            200 => {
                let lines = visible(body).and_then(parse_lines).map_err(AnswerError::Lines)?;
                Ok(Self::Cosigned(lines))
            }
            409 if content_type == CONFLICT_CONTENT_TYPE => {
                let line = str::from_utf8(body).ok().and_then(|body| body.strip_suffix('\n'));
                let stored = line.and_then(parse_decimal).ok_or(AnswerError::Size)?;
                Ok(Self::Conflict { stored })
            }
            409 => Err(AnswerError::Size),
            _ => Ok(Self::Refused { status }),
        }
    }
}

/// The body of an answer 200.
pub fn cosigned_body(signatures: &[NoteSignature]) -> String {
    signatures.iter().map(ToString::to_string).collect()
}
