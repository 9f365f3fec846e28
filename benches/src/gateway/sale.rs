//! What is sold in this bench, for the seller and the payer alike: fixed keys, one offer, one price.
//!
//! Invariant: every run sells the same article on the same terms, so that figures of two runs can be
//! compared. The keys are constants: no real money may ever be moved with them.

use anyhow::{Context, Result};
use instrument::{KeyPair, node_id, payer_account};
use money::{AccountId, Amount, Asset, NodeId};

/// Bytes of an article.
pub(crate) const ARTICLE_BYTES: usize = 4096;
/// Path that is sold.
pub(crate) const PAID_PATH: &str = "/articles/1";
/// Path with the same answer that is not sold.
pub(crate) const FREE_PATH: &str = "/free/1";
/// For how long an order may be valid.
pub(crate) const ORDER_SECONDS: u32 = 3600;

const PRICE_UNITS: u128 = 2_000_000;
const NODE_SEED: [u8; 32] = [1; 32];
const PAYER_SEED: [u8; 32] = [2; 32];
const PAYEE: u128 = 3;

/// The node that takes the payments.
pub(crate) fn node() -> NodeId {
    node_id(&KeyPair::from_seed(&NODE_SEED).public())
}

/// The key that pays.
pub(crate) fn payer_key() -> KeyPair {
    KeyPair::from_seed(&PAYER_SEED)
}

/// The account of that key.
pub(crate) fn payer(asset: Asset) -> AccountId {
    payer_account(&payer_key().public(), asset)
}

/// Who is paid.
pub(crate) fn payee() -> Result<AccountId> {
    AccountId::new(PAYEE).context("a reserved account")
}

/// Dollars at nine decimals.
pub(crate) fn asset() -> Result<Asset> {
    Asset::new("USD", 9).context("not an asset")
}

/// A fifth of a cent.
pub(crate) fn price() -> Result<Amount> {
    Ok(Amount::new(PRICE_UNITS, asset()?))
}
