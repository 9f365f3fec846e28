//! Mandates of version 2: links of a tree, each signed by the delegate of the one above.
//!
//! Invariants: the id of a mandate is the digest of its bytes, so a child that names its parent
//! names the parent's limits too, and nobody can take its id; a root is signed by the payer's key,
//! a child by its parent's delegate, without asking anybody. Whether the chain holds is for
//! [`TreeMandate::check_below`] to say, whether there is budget for the node.

use core::num::NonZeroU64;

use money::{AccountId, Asset, MandateId, NodeId};
use sha2::{Digest, Sha256};

use super::limits::{Limits, MANDATE_DEPTH_MAX, Payees, UnitPrice, Wider};
use super::{Audience, Permission};
use crate::key::{PublicKey, payer_account};
use crate::layout::{DecodeError, Reader, Writer};
use crate::signed::Statement;

const TREE_MANDATE_TAG: &str = "farthing/mandate/2";
const PAUSE_TAG: &str = "farthing/pause/1";

/// Permission for `delegate` to pay from the payer's account within limits, and to pass it on.
/// 376 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TreeMandate {
    /// The node that enforces it.
    pub node: NodeId,
    /// Random, so that the same limits can be granted twice.
    pub salt: [u8; 16],
    /// The mandate that it is taken from; `None` for a root.
    pub parent: Option<MandateId>,
    /// Account that pays.
    pub payer: AccountId,
    /// The key that signs it: the payer's for a root, the parent's delegate for a child.
    pub granter: PublicKey,
    /// The key that may pay, and sign children.
    pub delegate: PublicKey,
    /// Asset of the limits.
    pub asset: Asset,
    /// What it allows.
    pub limits: Limits,
}

/// Why a mandate cannot stand where it is presented, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// A root is signed by the owner of the account.
    #[error("field `granter`: it does not own the payer account")]
    NotPayersKey,
    /// Another mandate is named as parent.
    #[error("field `parent`: it is not the mandate above")]
    Parent,
    /// Only the delegate of a mandate can pass it on.
    #[error("field `granter`: it is not the delegate of the mandate above")]
    Granter,
    /// Node, payer and asset stay the same from root to leaf.
    #[error("fields `node`, `payer`, `asset`: they are not those of the mandate above")]
    Subject,
    /// A limit is wider.
    #[error(transparent)]
    Wider(#[from] Wider),
}

impl TreeMandate {
    /// Length of the byte form.
    pub const BYTES: usize = 376;

    /// Its id: follows from its bytes.
    pub fn id(&self) -> MandateId {
        MandateId::from_digest(&Sha256::digest(self.to_bytes()).into())
    }

    /// What it permits.
    pub fn permission(&self) -> Permission {
        Permission {
            id: self.id(),
            parent: self.parent,
            node: self.node,
            payer: self.payer,
            granter: self.granter,
            delegate: self.delegate,
            asset: self.asset,
            limits: self.limits,
        }
    }
}

impl Permission {
    /// Whether it can be a root: nothing is above it, and the payer's key granted it.
    pub fn check_root(&self) -> Result<(), ChainError> {
        if payer_account(&self.granter, self.asset) != self.payer {
            return Err(ChainError::NotPayersKey);
        }
        if self.parent.is_some() { Err(ChainError::Parent) } else { Ok(()) }
    }

    /// Whether it can stand below another mandate: granted by its delegate, and narrower.
    pub fn check_below(&self, parent: &Self) -> Result<(), ChainError> {
        if self.parent != Some(parent.id) {
            return Err(ChainError::Parent);
        }
        if self.granter != parent.delegate {
            return Err(ChainError::Granter);
        }
        if (self.node, self.payer, self.asset) != (parent.node, parent.payer, parent.asset) {
            return Err(ChainError::Subject);
        }
        Ok(self.limits.check_within(&parent.limits)?)
    }
}

impl Statement for TreeMandate {
    type Bytes = [u8; TreeMandate::BYTES];

    fn to_bytes(&self) -> Self::Bytes {
        let limits = &self.limits;
        let (price, per) = limits.unit_price.map_or((0, 0), |it| (it.price, it.per.get()));
        let mut out = Writer::new(TREE_MANDATE_TAG)
            .put(&self.node.to_be_bytes())
            .put(&self.salt)
            .put(&self.parent.map_or([0; 16], MandateId::to_be_bytes))
            .put(&self.payer.to_be_bytes())
            .put(&self.granter.0)
            .put(&self.delegate.0)
            .put_asset(self.asset)
            .put(&limits.per_payment.to_be_bytes())
            .put(&limits.per_day.to_be_bytes())
            .put(&limits.per_month.to_be_bytes())
            .put(&limits.total.to_be_bytes())
            .put(&price.to_be_bytes())
            .put(&per.to_be_bytes())
            .put(&limits.expires_at_ms.to_be_bytes());
        for payee in limits.payees.slots() {
            out = out.put(&payee.map_or([0; 16], AccountId::to_be_bytes));
        }
        out.put(&limits.audience.map_or([0; 32], |audience| audience.0))
            .put(&[limits.depth])
            .put(&[0; 15])
            .finish()
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes, Self::BYTES, TREE_MANDATE_TAG)?;
        Ok(Self {
            node: reader.id("node", NodeId::from_be_bytes)?,
            salt: reader.take(),
            parent: reader.optional_id("parent", MandateId::from_be_bytes)?,
            payer: reader.id("payer", AccountId::from_be_bytes)?,
            granter: PublicKey(reader.take()),
            delegate: PublicKey(reader.take()),
            asset: reader.asset()?,
            limits: read_limits(&mut reader)?,
        })
    }
}

fn read_limits(reader: &mut Reader<'_>) -> Result<Limits, DecodeError> {
    let (per_payment, per_day) = (reader.u128(), reader.u128());
    let (per_month, total) = (reader.u128(), reader.u128());
    let unit_price = match (reader.u128(), NonZeroU64::new(reader.u64())) {
        (0, None) => None,
        (price, Some(per)) => Some(UnitPrice { price, per }),
        (_, None) => return Err(DecodeError::Field { field: "unit_price" }),
    };
    let expires_at_ms = reader.u64();
    let mut slots = [None; super::limits::MANDATE_PAYEES_COUNT_MAX];
    for slot in &mut slots {
        *slot = reader.optional_id("payees", AccountId::from_be_bytes)?;
    }
    let payees = Payees::from_slots(slots).map_err(|_| DecodeError::Field { field: "payees" })?;
    let audience = Some(Audience(reader.take())).filter(|audience| audience.0 != [0; 32]);
    let [depth] = reader.take();
    if depth > MANDATE_DEPTH_MAX {
        return Err(DecodeError::Field { field: "depth" });
    }
    reader.zeros::<15>()?;
    Ok(Limits {
        per_payment,
        per_day,
        per_month,
        total,
        unit_price,
        expires_at_ms,
        depth,
        payees,
        audience,
    })
}

/// Stops a mandate and all below it, or lets it go on. Signed by its granter, or by that of a
/// mandate above. 72 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pause {
    /// The node that enforces the mandate.
    pub node: NodeId,
    /// The mandate.
    pub mandate: MandateId,
    /// Above that of the signer's last one for this mandate, so that none counts twice. Unix
    /// milliseconds will do.
    pub sequence: u64,
    /// Stop, or go on.
    pub paused: bool,
}

impl Pause {
    /// Length of the byte form.
    pub const BYTES: usize = 72;
}

impl Statement for Pause {
    type Bytes = [u8; Pause::BYTES];

    fn to_bytes(&self) -> Self::Bytes {
        Writer::new(PAUSE_TAG)
            .put(&self.node.to_be_bytes())
            .put(&self.mandate.to_be_bytes())
            .put(&self.sequence.to_be_bytes())
            .put(&[u8::from(self.paused)])
            .put(&[0; 7])
            .finish()
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes, Self::BYTES, PAUSE_TAG)?;
        let node = reader.id("node", NodeId::from_be_bytes)?;
        let mandate = reader.id("mandate", MandateId::from_be_bytes)?;
        let sequence = reader.u64();
        let paused = match reader.take() {
            [0] => false,
            [1] => true,
            _ => return Err(DecodeError::Field { field: "paused" }),
        };
        reader.zeros::<7>()?;
        Ok(Self { node, mandate, sequence, paused })
    }
}
