//! Vouchers: one signature over a running total, 64 bytes signed, 104 bytes on the wire.

use money::ChannelId;

use crate::layout::{DecodeError, Reader, Writer};
use crate::signed::{Signed, Statement};

const TAG: &str = "farthing/voucher/1";

/// "So much in all, up to now." Replaces every voucher of the channel with a lower sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Voucher {
    /// The channel.
    pub channel: ChannelId,
    /// Counts the payer's vouchers, from 1: two requests never carry the same number.
    pub sequence: u64,
    /// Base units that the payee may take in all since the channel opened.
    pub cumulative: u128,
}

/// A voucher with its signature, not checked yet. Vouchers are not checked by
/// [`Signed::verify_with`]: their verdict is that of the batch, see [`crate::channel`].
pub type SignedVoucher = Signed<Voucher>;

impl Voucher {
    /// Length of the byte form.
    pub const BYTES: usize = 64;
}

impl Statement for Voucher {
    type Bytes = [u8; Voucher::BYTES];

    fn to_bytes(&self) -> Self::Bytes {
        Writer::new(TAG)
            .put(&self.channel.to_be_bytes())
            .put(&self.sequence.to_be_bytes())
            .put(&self.cumulative.to_be_bytes())
            .finish()
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes, Self::BYTES, TAG)?;
        Ok(Self {
            channel: reader.id("channel", ChannelId::from_be_bytes)?,
            sequence: reader.u64(),
            cumulative: reader.u128(),
        })
    }
}
