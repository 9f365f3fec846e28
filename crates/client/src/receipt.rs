//! Receipts as the node hands them out, and the check of their signature.
//!
//! Invariant: a [`Proof`] exists only if the node's own key signed exactly this payment.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http402::x402::network_name;
use instrument::{PublicKey, Receipt, Signed, node_id};
use money::{NodeId, PaymentId};
use serde::{Deserialize, Serialize};

/// Answer of `GET /v1/receipts/{pay_id}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptDocument {
    /// The payment.
    pub payment: PaymentId,
    /// `held`, `settled` or `released`.
    pub state: String,
    /// What was paid, in base units.
    pub amount: String,
    /// Code of the asset.
    pub asset: String,
    /// Scale of the asset.
    pub scale: u8,
    /// Bytes of the receipt, base64; only once it is settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<String>,
    /// Signature of the node, base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
    /// Key of the node, 64 hex digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key: Option<String>,
}

/// A checked receipt, in the form in which anyone can check it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Proof {
    /// Network of the node.
    pub network: String,
    /// Bytes of the receipt, base64.
    pub receipt: String,
    /// Signature of the node, base64.
    pub signature: String,
    /// Key of the node, 64 hex digits.
    pub public_key: String,
    /// What the receipt says.
    #[serde(skip)]
    pub statement: Receipt,
}

impl ReceiptDocument {
    /// Whether money moved or is held.
    pub fn is_paid(&self) -> bool {
        matches!(self.state.as_str(), "held" | "settled")
    }

    /// Checks the node's signature over this payment; `None` if there is none, or it does not fit.
    pub fn prove(&self, network: NodeId) -> Option<Proof> {
        let (receipt, signature) = (self.receipt.clone()?, self.signature.clone()?);
        let public_key = self.public_key.clone()?;
        let key = PublicKey::from_hex(&public_key)?;
        if node_id(&key) != network {
            return None;
        }
        let statement = STANDARD.decode(&receipt).ok()?;
        let signed = Signed::<Receipt>::from_parts(&statement, &STANDARD.decode(&signature).ok()?);
        let verified = signed.ok()?.verify_with(&key).ok()?;
        let statement = *verified.get();
        let fits = statement.payment == self.payment && statement.node == network;
        fits.then(|| Proof {
            network: network_name(network),
            receipt,
            signature,
            public_key,
            statement,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use instrument::{KeyPair, Statement as _};
    use money::{AccountId, Amount, Asset};

    fn document(signer: &KeyPair, node: NodeId) -> ReceiptDocument {
        let payment = PaymentId::new(7).unwrap();
        let statement = Receipt {
            node,
            payment,
            order_digest: [1; 32],
            payee: AccountId::new(9).unwrap(),
            amount: Amount::new(5, Asset::new("USD", 9).unwrap()),
            settled_at_ns: 1,
        };
        let signed = Signed::sign(statement, signer);
        ReceiptDocument {
            payment,
            state: "settled".to_owned(),
            amount: "5".to_owned(),
            asset: "USD".to_owned(),
            scale: 9,
            receipt: Some(STANDARD.encode(statement.to_bytes())),
            signature: Some(STANDARD.encode(signed.signature().0)),
            public_key: Some(signer.public().to_string()),
        }
    }

    #[test]
    fn only_the_nodes_own_signature_over_this_payment_proves() {
        let key = KeyPair::from_seed(&[1; 32]);
        let node = node_id(&key.public());
        let good = document(&key, node);
        assert_eq!(good.prove(node).unwrap().statement.amount.units(), 5);

        let stranger = KeyPair::from_seed(&[2; 32]);
        assert_eq!(document(&stranger, node).prove(node), None);
        let mut other = good.clone();
        other.payment = PaymentId::new(8).unwrap();
        assert_eq!(other.prove(node), None);
        let mut unsigned = good;
        unsigned.signature = Some(STANDARD.encode([0; 64]));
        assert_eq!(unsigned.prove(node), None);
    }
}
