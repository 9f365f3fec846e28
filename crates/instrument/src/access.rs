//! Access statements: prove who asks the node for private data.

use money::NodeId;

use crate::key::PublicKey;
use crate::layout::{DecodeError, Reader, Writer};
use crate::signed::Statement;

const TAG: &str = "farthing/access/1";

/// "I hold this key, at this node, around this time." 80 bytes, signed by `key`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    /// The node that is asked.
    pub node: NodeId,
    /// Who asks.
    pub key: PublicKey,
    /// Unix milliseconds; the node accepts a few minutes around its own clock.
    pub issued_at_ms: u64,
}

impl Access {
    /// Length of the byte form.
    pub const BYTES: usize = 80;
}

impl Statement for Access {
    type Bytes = [u8; Access::BYTES];

    fn to_bytes(&self) -> Self::Bytes {
        Writer::new(TAG)
            .put(&self.node.to_be_bytes())
            .put(&self.key.0)
            .put(&self.issued_at_ms.to_be_bytes())
            .finish()
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes, Self::BYTES, TAG)?;
        Ok(Self {
            node: reader.id("node", NodeId::from_be_bytes)?,
            key: PublicKey(reader.take()),
            issued_at_ms: reader.u64(),
        })
    }
}
