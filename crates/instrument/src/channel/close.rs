//! The payer's wish to close a channel, 56 bytes.

use money::ChannelId;

use super::terms::ChannelTerms;
use crate::key::SignatureError;
use crate::layout::{DecodeError, Reader, Writer};
use crate::signed::{Signed, Statement, Verified};

const TAG: &str = "farthing/close/1";

/// Ends a channel: at once if the payee agrees, else after the delay that the terms name. Signed by
/// the voucher key or by the signer of the terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Close {
    /// The channel.
    pub channel: ChannelId,
    /// What the payee has earned as the payer sees it, base units.
    pub cumulative: u128,
}

impl Close {
    /// Length of the byte form.
    pub const BYTES: usize = 56;
}

impl Signed<Close> {
    /// Checks the signature strictly against the voucher key, then against the signer of the terms.
    /// That the channel is the one of the terms is for the caller to see.
    pub fn verify(self, terms: &ChannelTerms) -> Result<Verified<Close>, SignatureError> {
        self.verify_with(&terms.voucher_key).or_else(|_| self.verify_with(&terms.signer))
    }
}

impl Statement for Close {
    type Bytes = [u8; Close::BYTES];

    fn to_bytes(&self) -> Self::Bytes {
        Writer::new(TAG)
            .put(&self.channel.to_be_bytes())
            .put(&self.cumulative.to_be_bytes())
            .finish()
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes, Self::BYTES, TAG)?;
        Ok(Self {
            channel: reader.id("channel", ChannelId::from_be_bytes)?,
            cumulative: reader.u128(),
        })
    }
}
