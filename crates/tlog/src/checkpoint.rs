//! Checkpoints: which log, how many leaves, which root.
//!
//! Invariant: a checkpoint written here has three lines, so that everything in it can be checked
//! against the tree. Foreign checkpoints may have further lines; signatures cover them, nothing here
//! reads them. Format: C2SP tlog-checkpoint.

use crate::hash::Hash;
use crate::line::{encode_base64, parse_decimal, parse_hash};
use crate::note::KeyName;

/// The size of a tree and its root at that size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TreeHead {
    /// How many leaves the tree has.
    pub size: u64,
    /// The root of a tree of so many leaves.
    pub root: Hash,
}

/// What a log says of its tree. Reading one proves nothing: its note must be verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    origin: String,
    head: TreeHead,
}

/// Why a text is no checkpoint. The first that applies is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// Less than three lines.
    #[error("a checkpoint has at least three lines: origin, size and root")]
    Lines,
    /// One of the lines is empty.
    #[error("line {line} of the checkpoint is empty")]
    EmptyLine {
        /// Which one, the first is 1.
        line: usize,
    },
    /// The second line is no plain decimal below 2^64.
    #[error("the size in the checkpoint is not a decimal without leading zeros")]
    Size,
    /// The third line is not strict base64 of 32 bytes.
    #[error("the root in the checkpoint is not base64 of 32 bytes")]
    Root,
}

impl CheckpointError {
    /// Stable code for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Lines => "checkpoint_lines",
            Self::EmptyLine { .. } => "checkpoint_empty_line",
            Self::Size => "checkpoint_size",
            Self::Root => "checkpoint_root",
        }
    }
}

impl Checkpoint {
    /// A checkpoint of the log whose key has this name.
    pub fn new(log: &KeyName, head: TreeHead) -> Self {
        Self { origin: log.as_str().to_owned(), head }
    }

    /// Reads the text of a note. Lines beyond the third are passed over.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let body = text.strip_suffix('\n').ok_or(CheckpointError::Lines)?;
        let mut lines = body.split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next())
        else {
            return Err(CheckpointError::Lines);
        };
        if let Some((_, line)) = body.split('\n').zip(1..).find(|(text, _)| text.is_empty()) {
            return Err(CheckpointError::EmptyLine { line });
        }
        let size = parse_decimal(size).ok_or(CheckpointError::Size)?;
        let root = parse_hash(root).ok_or(CheckpointError::Root)?;
        Ok(Self { origin: origin.to_owned(), head: TreeHead { size, root } })
    }

    /// Which log it is of. It may be any text without a newline.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Size and root.
    pub fn head(&self) -> TreeHead {
        self.head
    }
}

/// The three lines, each with its newline: the text of the note that a log signs.
impl core::fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { origin, head } = self;
        write!(f, "{origin}\n{}\n{}\n", head.size, encode_base64(&head.root.0))
    }
}
