//! Texts in files, behind a line with their kind and their SHA-256.
//!
//! Invariant: what is read is what was written, or it is refused.

use crate::digest;

/// What a file should hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The newest checkpoint of a log with our cosignature.
    Head,
    /// The origins of all logs of which something was cosigned.
    Origins,
    /// A request that a log should never have signed.
    Evidence,
}

impl Kind {
    const fn tag(self) -> &'static str {
        match self {
            Self::Head => "farthing/witness-head/1",
            Self::Origins => "farthing/witness-origins/1",
            Self::Evidence => "farthing/witness-evidence/1",
        }
    }
}

/// The text of a file.
pub(super) fn seal(kind: Kind, content: &str) -> String {
    format!("{} {}\n{content}", kind.tag(), digest::hex(content.as_bytes()))
}

/// What was sealed; `None` if the file is of another kind or not as it was written.
pub(super) fn open(kind: Kind, bytes: &[u8]) -> Option<&str> {
    let text = core::str::from_utf8(bytes).ok()?;
    let (head, content) = text.split_once('\n')?;
    let sum = head.strip_prefix(kind.tag())?.strip_prefix(' ')?;
    (sum == digest::hex(content.as_bytes())).then_some(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_sealed_is_opened() {
        for content in ["", "a\nb\n", "\n\n— x\n"] {
            let sealed = seal(Kind::Head, content);
            assert_eq!(open(Kind::Head, sealed.as_bytes()), Some(content));
            assert_eq!(open(Kind::Origins, sealed.as_bytes()), None);
            for at in 0..sealed.len() {
                for bit in 0..8 {
                    let mut bytes = sealed.clone().into_bytes();
                    bytes[at] ^= 1 << bit;
                    assert_eq!(open(Kind::Head, &bytes), None, "byte {at}, bit {bit}");
                }
                assert_eq!(open(Kind::Head, &sealed.as_bytes()[..at]), None, "cut at {at}");
            }
        }
    }
}
