//! Fixed layouts: writing and strict reading of the byte tables in `docs/reference/formats.md`.
//!
//! Reading never panics: every access is bounded by the length check at the start.

use money::{Asset, AssetCode, IdError};

/// Length of the tag that opens each statement.
pub(crate) const TAG_BYTES: usize = 24;

/// Why bytes are not a statement of the expected kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The statement has a fixed length.
    #[error("expected {expected} bytes, found {found}")]
    Length {
        /// Length of this kind of statement.
        expected: usize,
        /// Length of the input.
        found: usize,
    },
    /// The tag names another kind of statement or another version.
    #[error("the tag is not `{expected}`")]
    Tag {
        /// Tag of this kind of statement.
        expected: &'static str,
    },
    /// Bytes that must be zero are not.
    #[error("reserved bytes at offset {offset} must be zero")]
    Reserved {
        /// Where the reserved bytes start.
        offset: usize,
    },
    /// An id field holds a reserved value.
    #[error("the field `{field}` is not an id")]
    Id {
        /// Name of the field.
        field: &'static str,
    },
    /// A field holds a value that it cannot have.
    #[error("the field `{field}` is not valid")]
    Field {
        /// Name of the field.
        field: &'static str,
    },
    /// Asset code or scale are not valid.
    #[error("the field `asset` is not an asset")]
    Asset,
    /// A signature has 64 bytes.
    #[error("a signature has 64 bytes, found {found}")]
    SignatureLength {
        /// Length of the input.
        found: usize,
    },
}

impl DecodeError {
    /// Stable code for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Length { .. } => "statement_length",
            Self::Tag { .. } => "statement_tag",
            Self::Reserved { .. } => "statement_reserved_bytes",
            Self::Id { .. } => "statement_id",
            Self::Field { .. } => "statement_field",
            Self::Asset => "statement_asset",
            Self::SignatureLength { .. } => "signature_length",
        }
    }
}

/// Tag text padded with zeros.
pub(crate) const fn tag(text: &str) -> [u8; TAG_BYTES] {
    let source = text.as_bytes();
    assert!(source.len() <= TAG_BYTES, "a tag has at most 24 bytes");
    let mut bytes = [0_u8; TAG_BYTES];
    let (head, _) = bytes.split_at_mut(source.len());
    head.copy_from_slice(source);
    bytes
}

/// Writes fields one after the other into an array of known length.
pub(crate) struct Writer<const N: usize> {
    bytes: [u8; N],
    at: usize,
}

impl<const N: usize> Writer<N> {
    pub(crate) fn new(tag_text: &str) -> Self {
        Self { bytes: [0; N], at: 0 }.put(&tag(tag_text))
    }

    pub(crate) fn put(mut self, field: &[u8]) -> Self {
        let end = self.at.saturating_add(field.len());
        // A wrong table is a programming error that the first test run meets.
        assert!(end <= N, "the layout table is shorter than its fields");
        self.bytes[self.at..end].copy_from_slice(field);
        self.at = end;
        self
    }

    pub(crate) fn put_asset(self, asset: Asset) -> Self {
        self.put(&asset.code.to_bytes()).put(&[asset.scale]).put(&[0; 7])
    }

    pub(crate) fn finish(self) -> [u8; N] {
        assert!(self.at == N, "the layout table is longer than its fields");
        self.bytes
    }
}

/// Reads fields one after the other from bytes whose length and tag are checked.
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(
        bytes: &'a [u8],
        expected: usize,
        tag_text: &'static str,
    ) -> Result<Self, DecodeError> {
        if bytes.len() != expected {
            return Err(DecodeError::Length { expected, found: bytes.len() });
        }
        if bytes[..TAG_BYTES] != tag(tag_text) {
            return Err(DecodeError::Tag { expected: tag_text });
        }
        Ok(Self { bytes, at: TAG_BYTES })
    }

    pub(crate) fn take<const N: usize>(&mut self) -> [u8; N] {
        let end = self.at.saturating_add(N);
        let mut field = [0; N];
        field.copy_from_slice(&self.bytes[self.at..end]);
        self.at = end;
        field
    }

    pub(crate) fn id<T>(
        &mut self,
        field: &'static str,
        build: impl Fn([u8; 16]) -> Result<T, IdError>,
    ) -> Result<T, DecodeError> {
        build(self.take()).map_err(|_| DecodeError::Id { field })
    }

    /// An id whose zero value means "none".
    pub(crate) fn optional_id<T>(
        &mut self,
        field: &'static str,
        build: impl Fn([u8; 16]) -> Result<T, IdError>,
    ) -> Result<Option<T>, DecodeError> {
        let bytes = self.take();
        if bytes == [0; 16] {
            return Ok(None);
        }
        build(bytes).map(Some).map_err(|_| DecodeError::Id { field })
    }

    pub(crate) fn asset(&mut self) -> Result<Asset, DecodeError> {
        let code = AssetCode::from_bytes(self.take()).map_err(|_| DecodeError::Asset)?;
        let [scale] = self.take();
        self.zeros::<7>()?;
        Asset::new(code.as_str(), scale).map_err(|_| DecodeError::Asset)
    }

    /// Reserved bytes.
    pub(crate) fn zeros<const N: usize>(&mut self) -> Result<(), DecodeError> {
        let offset = self.at;
        if self.take() == [0_u8; N] { Ok(()) } else { Err(DecodeError::Reserved { offset }) }
    }

    pub(crate) fn u32(&mut self) -> u32 {
        u32::from_be_bytes(self.take())
    }

    pub(crate) fn u64(&mut self) -> u64 {
        u64::from_be_bytes(self.take())
    }

    pub(crate) fn u128(&mut self) -> u128 {
        u128::from_be_bytes(self.take())
    }
}
