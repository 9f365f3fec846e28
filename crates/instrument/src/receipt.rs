//! Receipts: what the node attests about one settled payment.

use money::{AccountId, Amount, NodeId, PaymentId};

use crate::layout::{DecodeError, Reader, Writer};
use crate::signed::Statement;

const TAG: &str = "farthing/receipt/1";

/// One settled payment as the node attests it. Names no payer. 144 bytes, signed by the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// The node that settled.
    pub node: NodeId,
    /// The payment.
    pub payment: PaymentId,
    /// SHA-256 of the order that was paid.
    pub order_digest: [u8; 32],
    /// Account that was paid.
    pub payee: AccountId,
    /// What was really paid.
    pub amount: Amount,
    /// When, Unix nanoseconds, by the ledger's clock.
    pub settled_at_ns: u64,
}

impl Receipt {
    /// Length of the byte form.
    pub const BYTES: usize = 144;
}

impl Statement for Receipt {
    type Bytes = [u8; Receipt::BYTES];

    fn to_bytes(&self) -> Self::Bytes {
        Writer::new(TAG)
            .put(&self.node.to_be_bytes())
            .put(&self.payment.to_be_bytes())
            .put(&self.order_digest)
            .put(&self.payee.to_be_bytes())
            .put_asset(self.amount.asset())
            .put(&self.amount.units().to_be_bytes())
            .put(&self.settled_at_ns.to_be_bytes())
            .finish()
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes, Self::BYTES, TAG)?;
        let node = reader.id("node", NodeId::from_be_bytes)?;
        let payment = reader.id("payment", PaymentId::from_be_bytes)?;
        let order_digest = reader.take();
        let payee = reader.id("payee", AccountId::from_be_bytes)?;
        let asset = reader.asset()?;
        let amount = Amount::new(reader.u128(), asset);
        Ok(Self { node, payment, order_digest, payee, amount, settled_at_ns: reader.u64() })
    }
}
