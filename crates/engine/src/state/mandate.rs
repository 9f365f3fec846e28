//! Mandates as the state remembers them: the signed terms and what was spent under them.

use instrument::{Mandate, Signed};

use crate::codec::{Decoder, Encoder, Malformed};
use crate::entry::{decode_signed_mandate, encode_signed_mandate};

/// A mandate with its use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GrantedMandate {
    pub signed: Signed<Mandate>,
    pub label: String,
    /// Held and settled under it, base units.
    pub spent: u128,
    pub revoked: bool,
}

impl GrantedMandate {
    pub(crate) fn terms(&self) -> &Mandate {
        self.signed.unverified()
    }

    pub(crate) fn encode(&self, out: &mut Encoder) {
        encode_signed_mandate(out, &self.signed);
        out.str(&self.label);
        out.u128(self.spent);
        out.u8(u8::from(self.revoked));
    }

    pub(crate) fn decode(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            signed: decode_signed_mandate(from)?,
            label: from.str()?.to_owned(),
            spent: from.u128()?,
            revoked: from.flag()?,
        })
    }
}
