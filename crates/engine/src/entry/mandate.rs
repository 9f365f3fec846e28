//! Entries about mandates: granted in either version, revoked, and their pauses.
//!
//! A signed statement is kept as the bytes that were signed; it was verified when it was decided.

use instrument::{Mandate, Signed, Statement, TreeMandate};
use money::MandateId;

use crate::codec::{Decoder, Encoder, Malformed};

/// Kinds of the entries: granted and revoked, granted in version 2, and paused in any version.
pub(super) const MANDATE_GRANTED: u8 = 9;
pub(super) const MANDATE_REVOKED: u8 = 10;
pub(super) const TREE_MANDATE_GRANTED: u8 = 30;
pub(super) const MANDATE_PAUSED: u8 = 31;

/// A granter's switch on a mandate was turned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PauseSwitched {
    pub mandate: MandateId,
    /// How far above the mandate the granter stands.
    pub above: u8,
    pub sequence: u64,
    pub paused: bool,
}

impl PauseSwitched {
    pub(super) fn encode(self, out: &mut Encoder) {
        out.u8(MANDATE_PAUSED);
        out.u128(self.mandate.get());
        out.u8(self.above);
        out.u64(self.sequence);
        out.u8(u8::from(self.paused));
    }

    pub(super) fn decode(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            mandate: from.id(MandateId::new)?,
            above: from.u8()?,
            sequence: from.u64()?,
            paused: from.flag()?,
        })
    }
}

pub(super) fn encode_granted(out: &mut Encoder, mandate: &Signed<Mandate>, label: &str) {
    out.u8(MANDATE_GRANTED);
    encode_signed_mandate(out, mandate);
    out.str(label);
}

pub(super) fn encode_tree_granted(out: &mut Encoder, mandate: &Signed<TreeMandate>, label: &str) {
    out.u8(TREE_MANDATE_GRANTED);
    encode_signed_tree_mandate(out, mandate);
    out.str(label);
}

pub(crate) fn encode_signed_mandate(out: &mut Encoder, mandate: &Signed<Mandate>) {
    out.raw(&mandate.unverified().to_bytes());
    out.raw(&mandate.signature().0);
}

pub(crate) fn decode_signed_mandate(from: &mut Decoder<'_>) -> Result<Signed<Mandate>, Malformed> {
    let statement = from.slice(Mandate::BYTES)?;
    Signed::from_parts(statement, from.slice(64)?).map_err(|_| Malformed("mandate"))
}

pub(crate) fn encode_signed_tree_mandate(out: &mut Encoder, mandate: &Signed<TreeMandate>) {
    out.raw(&mandate.unverified().to_bytes());
    out.raw(&mandate.signature().0);
}

pub(crate) fn decode_signed_tree_mandate(
    from: &mut Decoder<'_>,
) -> Result<Signed<TreeMandate>, Malformed> {
    let statement = from.slice(TreeMandate::BYTES)?;
    Signed::from_parts(statement, from.slice(64)?).map_err(|_| Malformed("mandate"))
}
