//! Notes: a text and the lines of those who signed it.
//!
//! Invariants: a note that was read is written back byte for byte, and every other text is refused;
//! what a note built here says, it says to its readers too. Reading proves nothing: nobody has
//! signed a text before [`Note::verify`] says so.
//!
//! Format: C2SP signed-note. It must not know what the text means.

mod key;
mod name;
mod sign;
mod verify;

use crate::line::{encode_base64, parse_base64};

pub use key::{KeyError, KeyId, KeyType, SignatureError, VerifierKey};
pub use name::{KeyName, NameError};
pub use sign::LogSigner;
pub use verify::{AppendError, NoteRefused, Signed};

/// Longest note that is read or written: room for 32 signatures of the longest kind known.
pub const NOTE_BYTES_MAX: usize = 256 * 1024;
/// Most signatures of one note. The format asks for at least 16.
pub const SIGNATURES_COUNT_MAX: usize = 100;

/// An em dash and a space open each signature line.
const DASH: &str = "\u{2014} ";

/// A text with at least one signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

/// One signature line: who claims to have signed, and the bytes of the signature, at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteSignature {
    name: KeyName,
    id: KeyId,
    bytes: Vec<u8>,
}

/// Why bytes are no note. The first that applies is told; lines are counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Longer than [`NOTE_BYTES_MAX`].
    #[error("the note is longer than {NOTE_BYTES_MAX} bytes")]
    TooLarge,
    /// Not UTF-8.
    #[error("the note is not UTF-8")]
    NotUtf8,
    /// A control character other than the newline.
    #[error("the note has a control character at byte {at}; lines end with a newline alone")]
    ControlCharacter {
        /// Its place, the first byte is 0.
        at: usize,
    },
    /// No empty line, or nothing behind the last one.
    #[error("the note has no signature")]
    NoSignature,
    /// Text or last line do not end with a newline.
    #[error("the note does not end with a newline; it may have been cut")]
    Unterminated,
    /// More than [`SIGNATURES_COUNT_MAX`].
    #[error("the note has more than {SIGNATURES_COUNT_MAX} signatures")]
    TooManySignatures,
    /// A line behind the last empty line is not dash, name and signature.
    #[error("signature line {line} does not have the form `\u{2014} name signature`")]
    SignatureForm {
        /// Which signature.
        line: usize,
    },
    /// The name on a signature line is none.
    #[error("signature line {line} has no name fit for a key")]
    SignatureName {
        /// Which signature.
        line: usize,
    },
    /// The signature is not strict base64.
    #[error("signature line {line} does not have a signature in base64 with padding")]
    SignatureBase64 {
        /// Which signature.
        line: usize,
    },
    /// The signature has less than an id and one byte.
    #[error("signature line {line} is too short for the id of a key and a signature")]
    SignatureShort {
        /// Which signature.
        line: usize,
    },
}

impl NoteError {
    /// Stable code for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooLarge => "note_too_large",
            Self::NotUtf8 => "note_not_utf8",
            Self::ControlCharacter { .. } => "note_control_character",
            Self::NoSignature => "note_no_signature",
            Self::Unterminated => "note_unterminated",
            Self::TooManySignatures => "note_too_many_signatures",
            Self::SignatureForm { .. } => "note_signature_form",
            Self::SignatureName { .. } => "note_signature_name",
            Self::SignatureBase64 { .. } => "note_signature_base64",
            Self::SignatureShort { .. } => "note_signature_short",
        }
    }
}

impl Note {
    /// Puts a text, which ends with a newline, and its signatures together; nothing is verified.
    pub fn new(text: String, signatures: Vec<NoteSignature>) -> Result<Self, NoteError> {
        if !text.ends_with('\n') {
            return Err(NoteError::Unterminated);
        }
        // One check for both ways into a note, so that what is built can be read.
        Self::parse(Self { text, signatures }.to_string().as_bytes())
    }

    /// Reads a note.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        let whole = visible(bytes)?;
        let end = whole.rfind("\n\n").ok_or(NoteError::NoSignature)?;
        let (text, rest) = whole.split_at(end.saturating_add(1));
        let lines = rest.strip_prefix('\n').filter(|lines| !lines.is_empty());
        let signatures = parse_lines(lines.ok_or(NoteError::NoSignature)?)?;
        Ok(Self { text: text.to_owned(), signatures })
    }

    /// What was signed: lines that each end with a newline.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signatures in their order, verified or not.
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// The same note with further signatures; each takes the place of older ones of its key.
    pub fn with_signatures(&self, further: &[NoteSignature]) -> Result<Self, NoteError> {
        let replaced = |old: &&NoteSignature| further.iter().any(|new| new.is_of_key_of(old));
        let kept = self.signatures.iter().filter(|old| !replaced(old));
        Self::new(self.text.clone(), kept.chain(further).cloned().collect())
    }
}

/// The note as it is sent and stored.
impl core::fmt::Display for Note {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| write!(f, "{signature}"))
    }
}

impl NoteSignature {
    pub(crate) fn new(name: KeyName, id: KeyId, bytes: Vec<u8>) -> Self {
        Self { name, id, bytes }
    }

    /// Who claims to have signed.
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// The id of the key that is claimed to have signed.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The signature without the id, in the form of its type.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether both claim the same key.
    fn is_of_key_of(&self, other: &Self) -> bool {
        self.name == other.name && self.id == other.id
    }

    /// Reads a line without its newline.
    fn parse(text: &str, line: usize) -> Result<Self, NoteError> {
        let form = NoteError::SignatureForm { line };
        let (name, signature) =
            text.strip_prefix(DASH).and_then(|rest| rest.split_once(' ')).ok_or(form)?;
        let name = KeyName::new(name).map_err(|_| NoteError::SignatureName { line })?;
        let whole = parse_base64(signature).ok_or(NoteError::SignatureBase64 { line })?;
        match whole.split_first_chunk::<4>() {
            Some((id, bytes)) if !bytes.is_empty() => {
                Ok(Self { name, id: KeyId(*id), bytes: bytes.to_vec() })
            }
            _ => Err(NoteError::SignatureShort { line }),
        }
    }
}

/// The signature line with its newline.
impl core::fmt::Display for NoteSignature {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let bytes = [self.id.0.as_slice(), &self.bytes].concat();
        writeln!(f, "{DASH}{} {}", self.name, encode_base64(&bytes))
    }
}

/// Reads one or more signature lines, as a note ends with them and a witness answers with them.
pub(crate) fn parse_lines(lines: &str) -> Result<Vec<NoteSignature>, NoteError> {
    let lines = lines.strip_suffix('\n').ok_or(NoteError::Unterminated)?;
    if lines.split('\n').count() > SIGNATURES_COUNT_MAX {
        return Err(NoteError::TooManySignatures);
    }
    lines.split('\n').zip(1..).map(|(text, line)| NoteSignature::parse(text, line)).collect()
}

/// The bytes as text of at most [`NOTE_BYTES_MAX`] in which newlines are the only control characters.
pub(crate) fn visible(bytes: &[u8]) -> Result<&str, NoteError> {
    if bytes.len() > NOTE_BYTES_MAX {
        return Err(NoteError::TooLarge);
    }
    let text = core::str::from_utf8(bytes).map_err(|_| NoteError::NotUtf8)?;
    match bytes.iter().position(|byte| *byte < b' ' && *byte != b'\n') {
        Some(at) => Err(NoteError::ControlCharacter { at }),
        None => Ok(text),
    }
}
