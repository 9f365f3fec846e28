//! The name of a key.

/// The name of a key: not empty, without Unicode spaces, control characters and `+`.
///
/// Format: C2SP signed-note, "Format". By convention a URL without its scheme; that of a log is the
/// origin of its checkpoints.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyName(String);

/// The text is no name of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the name of a key must not be empty or have spaces, control characters or `+`; take a URL without its scheme"
)]
pub struct NameError;

impl NameError {
    /// Stable code for programs.
    pub const fn code(self) -> &'static str {
        "key_name"
    }
}

impl KeyName {
    /// Takes a text that is fit to be a name.
    pub fn new(text: &str) -> Result<Self, NameError> {
        let unfit = |c: char| c.is_whitespace() || c < ' ' || c == '+';
        if text.is_empty() || text.contains(unfit) {
            return Err(NameError);
        }
        Ok(Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl core::fmt::Display for KeyName {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_visible_word() {
        for text in ["a", "ledger.example/log1", "zeuge.beispiel/ä", "—"] {
            assert_eq!(KeyName::new(text).unwrap().as_str(), text);
        }
        for text in ["", " ", "a b", "a+b", "a\n", "a\u{1}", "a\u{a0}b", "a\u{3000}", "a\u{85}"] {
            assert_eq!(KeyName::new(text), Err(NameError), "{text:?}");
        }
        assert_eq!(NameError.code(), "key_name");
    }
}
