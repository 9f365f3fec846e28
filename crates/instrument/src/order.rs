//! Orders: one signed payment, 208 bytes.

use money::{AccountId, Amount, MandateId, NodeId, OrderId, PaymentId};
use sha2::{Digest, Sha256};

use crate::key::{PublicKey, Signature, SignatureError, payer_account};
use crate::layout::{DecodeError, Reader, Writer, tag};
use crate::purchase::PurchaseDigest;
use crate::request::RequestDigest;
use crate::signed::{Signed, Statement, Verified};

const TAG: &str = "farthing/order/1";

/// One payment by a payer to a payee for one purchase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    /// The node that holds both accounts.
    pub node: NodeId,
    /// The payer's own number, random, never used twice.
    pub id: OrderId,
    /// Account that pays.
    pub payer: AccountId,
    /// Key that signs: the payer's own, or a delegate's with `mandate`.
    pub signer: PublicKey,
    /// Account that is paid.
    pub payee: AccountId,
    /// What is paid.
    pub amount: Amount,
    /// What is bought; `None` only for payments through the facilitator.
    pub purchase: Option<PurchaseDigest>,
    /// Not valid from this moment on, Unix milliseconds.
    pub expires_at_ms: u64,
    /// Permission under which a delegate signs; `None` if the signer owns the payer account.
    pub mandate: Option<MandateId>,
}

/// An order with its signature, not checked yet.
pub type SignedOrder = Signed<Order>;

/// An order that its `signer` has authorized, by signing it or the request that stands for it, with
/// what follows from it: each is a hash that would otherwise be computed at every look-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifiedOrder {
    verified: Verified<Order>,
    request: Option<RequestDigest>,
    payment: PaymentId,
    signer_account: AccountId,
}

impl VerifiedOrder {
    /// The order.
    pub fn get(&self) -> &Order {
        self.verified.get()
    }

    /// The replay guard's key of the order.
    pub fn payment_id(&self) -> PaymentId {
        self.payment
    }

    /// Whether the signer's key owns the payer account.
    pub fn signer_is_payer(&self) -> bool {
        self.signer_account == self.get().payer
    }

    /// The signed request that authorized the order, if not the order itself was signed.
    pub fn request(&self) -> Option<RequestDigest> {
        self.request
    }

    pub(crate) fn of_request(order: Order, signature: Signature, request: RequestDigest) -> Self {
        Self {
            verified: Verified::vouched(order, signature),
            request: Some(request),
            payment: order.payment_id(),
            signer_account: order.payer,
        }
    }

    /// The same order and signature without the proof of the check, as they are stored. Where a
    /// [`VerifiedOrder::request`] authorized the order, the signature is the one over that.
    pub fn to_signed(&self) -> SignedOrder {
        self.verified.to_signed()
    }
}

impl Order {
    /// Length of the byte form.
    pub const BYTES: usize = 208;

    /// The replay guard's key of this order.
    pub fn payment_id(&self) -> PaymentId {
        payment_id(self.node, self.payer, self.id)
    }

    /// SHA-256 of the byte form: tells two orders with the same id apart.
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.to_bytes()).into()
    }
}

impl Signed<Order> {
    /// Checks the signature against the signer that the order names.
    pub fn verify(self) -> Result<VerifiedOrder, SignatureError> {
        let order = *self.unverified();
        Ok(VerifiedOrder {
            verified: self.verify_with(&order.signer)?,
            request: None,
            payment: order.payment_id(),
            signer_account: payer_account(&order.signer, order.amount.asset()),
        })
    }

    /// The bytes that were signed.
    pub fn order_bytes(&self) -> [u8; Order::BYTES] {
        self.unverified().to_bytes()
    }
}

impl Statement for Order {
    type Bytes = [u8; Order::BYTES];

    fn to_bytes(&self) -> Self::Bytes {
        Writer::new(TAG)
            .put(&self.node.to_be_bytes())
            .put(&self.id.to_be_bytes())
            .put(&self.payer.to_be_bytes())
            .put(&self.signer.0)
            .put(&self.payee.to_be_bytes())
            .put_asset(self.amount.asset())
            .put(&self.amount.units().to_be_bytes())
            .put(&self.purchase.map_or([0; 32], |purchase| purchase.0))
            .put(&self.expires_at_ms.to_be_bytes())
            .put(&self.mandate.map_or([0; 16], MandateId::to_be_bytes))
            .finish()
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes, Self::BYTES, TAG)?;
        let node = reader.id("node", NodeId::from_be_bytes)?;
        let id = reader.id("order id", OrderId::from_be_bytes)?;
        let payer = reader.id("payer", AccountId::from_be_bytes)?;
        let signer = PublicKey(reader.take());
        let payee = reader.id("payee", AccountId::from_be_bytes)?;
        let asset = reader.asset()?;
        let amount = Amount::new(reader.u128(), asset);
        let purchase = match reader.take() {
            zeros if zeros == [0; 32] => None,
            digest => Some(PurchaseDigest(digest)),
        };
        let expires_at_ms = reader.u64();
        let mandate = reader.optional_id("mandate", MandateId::from_be_bytes)?;
        Ok(Self { node, id, payer, signer, payee, amount, purchase, expires_at_ms, mandate })
    }
}

/// Payment id of an order: the same for every copy of it.
pub fn payment_id(node: NodeId, payer: AccountId, order: OrderId) -> PaymentId {
    let digest = Sha256::new()
        .chain_update(tag("farthing/payment/1"))
        .chain_update(node.to_be_bytes())
        .chain_update(payer.to_be_bytes())
        .chain_update(order.to_be_bytes())
        .finalize();
    PaymentId::from_digest(&digest.into())
}
