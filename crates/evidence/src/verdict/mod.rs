//! Verdicts: what is proven, what is not, and on whose word, for programs and for people.
//!
//! Invariant: nothing is called proven that does not follow from signatures and hashes that were
//! checked here; what people may take for proven and is not stands beside it. The codes of sentences
//! are stable, their texts may change.

mod receipt;
mod statement;
mod time;
mod vouched;
mod words;

pub use receipt::{ReceiptRefused, ReceiptVerdict, verify_receipt};
pub use statement::{CountedInEpoch, StatementLine, StatementVerdict};
pub use vouched::{COSIGNATURE_AHEAD_SECONDS_MAX, FromTheFuture, Vouched, Witnessed};

/// One thing that is proven or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sentence {
    /// Stable code for programs.
    pub code: &'static str,
    /// Plain words.
    pub text: String,
}

/// What a verdict says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sentences {
    /// What is proven, and by whom.
    pub proven: Vec<Sentence>,
    /// What is not.
    pub not_proven: Vec<Sentence>,
}

impl Sentences {
    fn proven(&mut self, code: &'static str, text: String) {
        self.proven.push(Sentence { code, text });
    }

    fn not_proven(&mut self, code: &'static str, text: impl Into<String>) {
        self.not_proven.push(Sentence { code, text: text.into() });
    }
}
