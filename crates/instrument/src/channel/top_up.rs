//! Top-ups: more money behind an open channel, 56 bytes.

use money::ChannelId;

use crate::layout::{DecodeError, Reader, Writer};
use crate::signed::Statement;

const TAG: &str = "farthing/top-up/1";

/// Raises the deposit. Signed by the signer of the terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TopUp {
    /// The channel.
    pub channel: ChannelId,
    /// The whole deposit from now on, base units: a total, so that a copy changes nothing.
    pub deposit: u128,
}

impl TopUp {
    /// Length of the byte form.
    pub const BYTES: usize = 56;
}

impl Statement for TopUp {
    type Bytes = [u8; TopUp::BYTES];

    fn to_bytes(&self) -> Self::Bytes {
        Writer::new(TAG).put(&self.channel.to_be_bytes()).put(&self.deposit.to_be_bytes()).finish()
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes, Self::BYTES, TAG)?;
        Ok(Self {
            channel: reader.id("channel", ChannelId::from_be_bytes)?,
            deposit: reader.u128(),
        })
    }
}
