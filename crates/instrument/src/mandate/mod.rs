//! Mandates: a payer's signed permission for another key, and its revocation.
//!
//! Version 1 stands alone; version 2 can be passed on ([`TreeMandate`]). What either permits is a
//! [`Permission`], which is what nodes count by.

mod limits;
mod tree;

pub use limits::{
    Limits, MANDATE_DEPTH_MAX, MANDATE_PAYEES_COUNT_MAX, Payees, PayeesError, UNLIMITED, UnitPrice,
    Wider,
};
pub use tree::{ChainError, Pause, TreeMandate};

use money::{AccountId, Asset, MandateId, NodeId};
use sha2::{Digest, Sha256};

use crate::key::PublicKey;
use crate::layout::{DecodeError, Reader, Writer};
use crate::signed::Statement;

const MANDATE_TAG: &str = "farthing/mandate/1";
const REVOCATION_TAG: &str = "farthing/revoke/1";

/// Where a mandate may be used: SHA-256 of an origin text such as `https://magazine.example`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Audience(pub [u8; 32]);

impl Audience {
    /// The audience of an origin.
    pub fn of_origin(origin: &str) -> Self {
        Self(Sha256::digest(origin.as_bytes()).into())
    }
}

/// Permission for `delegate` to pay from the payer's account within limits. 224 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mandate {
    /// The node that enforces it.
    pub node: NodeId,
    /// Random, chosen by the payer.
    pub id: MandateId,
    /// Account that pays.
    pub payer: AccountId,
    /// The payer's key, which owns the account and signs the mandate.
    pub payer_key: PublicKey,
    /// The key that may sign orders.
    pub delegate: PublicKey,
    /// Asset of the limits.
    pub asset: Asset,
    /// Most for one payment, base units.
    pub per_payment: u128,
    /// Most for all payments together, base units.
    pub total: u128,
    /// Not valid from this moment on, Unix milliseconds.
    pub expires_at_ms: u64,
    /// Where it may be used; `None` for anywhere.
    pub audience: Option<Audience>,
}

/// What a mandate of either version permits, and who granted it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permission {
    /// The mandate.
    pub id: MandateId,
    /// The mandate that it is taken from.
    pub parent: Option<MandateId>,
    /// The node that enforces it.
    pub node: NodeId,
    /// Account that pays.
    pub payer: AccountId,
    /// The key that signed it.
    pub granter: PublicKey,
    /// The key that may pay.
    pub delegate: PublicKey,
    /// Asset of the limits.
    pub asset: Asset,
    /// What it allows.
    pub limits: Limits,
}

impl Mandate {
    /// Length of the byte form.
    pub const BYTES: usize = 224;

    /// What it permits: never to be passed on, for its payer has not agreed to that.
    pub fn permission(&self) -> Permission {
        let limits = Limits {
            per_payment: self.per_payment,
            per_day: UNLIMITED,
            per_month: UNLIMITED,
            total: self.total,
            unit_price: None,
            expires_at_ms: self.expires_at_ms,
            depth: 0,
            payees: Payees::ANY,
            audience: self.audience,
        };
        Permission {
            id: self.id,
            parent: None,
            node: self.node,
            payer: self.payer,
            granter: self.payer_key,
            delegate: self.delegate,
            asset: self.asset,
            limits,
        }
    }
}

impl Statement for Mandate {
    type Bytes = [u8; Mandate::BYTES];

    fn to_bytes(&self) -> Self::Bytes {
        Writer::new(MANDATE_TAG)
            .put(&self.node.to_be_bytes())
            .put(&self.id.to_be_bytes())
            .put(&self.payer.to_be_bytes())
            .put(&self.payer_key.0)
            .put(&self.delegate.0)
            .put_asset(self.asset)
            .put(&self.per_payment.to_be_bytes())
            .put(&self.total.to_be_bytes())
            .put(&self.expires_at_ms.to_be_bytes())
            .put(&self.audience.map_or([0; 32], |audience| audience.0))
            .finish()
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes, Self::BYTES, MANDATE_TAG)?;
        Ok(Self {
            node: reader.id("node", NodeId::from_be_bytes)?,
            id: reader.id("mandate", MandateId::from_be_bytes)?,
            payer: reader.id("payer", AccountId::from_be_bytes)?,
            payer_key: PublicKey(reader.take()),
            delegate: PublicKey(reader.take()),
            asset: reader.asset()?,
            per_payment: reader.u128(),
            total: reader.u128(),
            expires_at_ms: reader.u64(),
            audience: match reader.take() {
                zeros if zeros == [0; 32] => None,
                digest => Some(Audience(digest)),
            },
        })
    }
}

/// Ends a mandate and all below it at once. Signed by its granter, or by that of a mandate above.
/// 56 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revocation {
    /// The node that enforces the mandate.
    pub node: NodeId,
    /// The mandate to end.
    pub mandate: MandateId,
}

impl Revocation {
    /// Length of the byte form.
    pub const BYTES: usize = 56;
}

impl Statement for Revocation {
    type Bytes = [u8; Revocation::BYTES];

    fn to_bytes(&self) -> Self::Bytes {
        Writer::new(REVOCATION_TAG)
            .put(&self.node.to_be_bytes())
            .put(&self.mandate.to_be_bytes())
            .finish()
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes, Self::BYTES, REVOCATION_TAG)?;
        Ok(Self {
            node: reader.id("node", NodeId::from_be_bytes)?,
            mandate: reader.id("mandate", MandateId::from_be_bytes)?,
        })
    }
}
