//! What the node's API answers and takes, as typed values.
//!
//! Invariant: amounts stay texts of base units until they are read with the asset beside them.

use instrument::{PublicKey, UNLIMITED};
use money::{AccountId, Amount, Asset, AssetCode, NodeId, PaymentId, TransferId, parse_base_units};
use serde::{Deserialize, Serialize};

use crate::clock::now_ms;
use crate::error::Error;

/// Who a node is: answer of `GET /v1/node`.
#[derive(Debug, Clone, Deserialize)]
pub struct NodeFacts {
    /// The node's id.
    pub node: NodeId,
    /// What it carries.
    pub assets: Vec<AssetFacts>,
    /// Its clock, Unix milliseconds.
    pub now_ms: u64,
}

/// One asset of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct AssetFacts {
    /// Code.
    pub asset: AssetCode,
    /// Decimals of one base unit.
    pub scale: u8,
    /// Play money.
    #[serde(default)]
    pub sandbox: bool,
}

/// A payer's account: answer of `GET /v1/payer`.
#[derive(Debug, Clone, Deserialize)]
pub struct PayerAccount {
    /// The account.
    pub account: AccountId,
    asset: AssetCode,
    scale: u8,
    available: String,
    posted: String,
    held: String,
    /// Permissions for other keys.
    #[serde(default)]
    pub mandates: Vec<Mandate>,
    /// Payments, newest first.
    #[serde(default)]
    pub payments: Vec<PayerPayment>,
}

/// A mandate as its payer sees it; amounts in base units of the account's asset.
#[derive(Debug, Clone, Deserialize)]
pub struct Mandate {
    /// Id.
    pub mandate: String,
    /// The payer's name for it.
    pub label: String,
    /// The mandate that it is taken from.
    #[serde(default)]
    pub parent: Option<String>,
    /// The key that may pay, 64 hex digits.
    #[serde(default)]
    pub delegate: String,
    /// Code of the asset.
    #[serde(default)]
    pub asset: Option<AssetCode>,
    /// Scale of the asset.
    #[serde(default)]
    pub scale: Option<u8>,
    /// Most for one payment.
    #[serde(default)]
    pub per_payment: Option<String>,
    /// Most for a UTC day, if that is limited.
    #[serde(default)]
    pub per_day: Option<String>,
    /// Most for a UTC month, if that is limited.
    #[serde(default)]
    pub per_month: Option<String>,
    /// What it may spend in all.
    pub total: String,
    /// What it has spent.
    pub spent: String,
    /// What it may spend now, by its own limits and those above.
    #[serde(default)]
    pub remaining: Option<String>,
    /// How often it can be passed on.
    #[serde(default)]
    pub depth: u8,
    /// Unix milliseconds.
    #[serde(default)]
    pub expires_at_ms: u64,
    /// Stopped for now, here or above.
    #[serde(default)]
    pub paused: bool,
    /// Ended, here or above.
    pub revoked: bool,
}

impl Mandate {
    /// `good`, `paused`, `revoked` or `expired`, the last by this machine's clock.
    pub fn state(&self) -> &'static str {
        match (self.revoked, self.paused, now_ms() >= self.expires_at_ms) {
            (true, _, _) => "revoked",
            (_, _, true) => "expired",
            (_, true, _) => "paused",
            _ => "good",
        }
    }

    /// What it may spend now; `None` if the node does not say, or there is no limit.
    pub fn left(&self) -> Option<Amount> {
        let asset = Asset::new(self.asset?.as_str(), self.scale?).ok()?;
        let units = parse_base_units(self.remaining.as_ref()?).ok()?;
        (units != UNLIMITED).then(|| Amount::new(units, asset))
    }
}

/// A payment as its payer sees it.
#[derive(Debug, Clone, Deserialize)]
pub struct PayerPayment {
    /// The payment.
    pub payment: PaymentId,
    /// Who is paid.
    pub payee: AccountId,
    amount: String,
    /// `held`, `settled` or `released`.
    pub state: String,
    /// What was bought.
    pub description: String,
    /// Unix milliseconds.
    pub at_ms: u64,
}

/// One account as the operator sees it; amounts in base units.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Account {
    /// The account.
    pub account: AccountId,
    /// Code of its asset.
    pub asset: AssetCode,
    /// Scale of its asset.
    pub scale: u8,
    /// `payer`, `payee` or `operator`.
    pub role: String,
    /// Name for people.
    pub label: String,
    /// What can be spent.
    pub available: String,
    /// Held for payments under way.
    pub held: String,
    /// All that was given.
    pub debits: String,
    /// All that was received.
    pub credits: String,
}

/// Sums of the books: answer of `GET /v1/books`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Books {
    /// All assets balance.
    pub balanced: bool,
    /// One entry for each asset.
    pub books: Vec<Sums>,
}

/// Sums of one asset, in base units.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Sums {
    /// Code.
    pub asset: AssetCode,
    /// Scale.
    pub scale: u8,
    /// Sum of all debits.
    pub debits: String,
    /// Sum of all credits.
    pub credits: String,
    /// Sum of all that is held.
    pub held: String,
    /// They agree.
    pub balanced: bool,
}

/// Who receives money that enters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receiver {
    /// An account.
    Account(AccountId),
    /// A payer's key; its account opens with the money.
    Key(PublicKey),
}

/// Money that enters through the treasury.
#[derive(Debug, Clone)]
pub struct Enters<'a> {
    /// Who receives it.
    pub receiver: Receiver,
    /// How much.
    pub amount: Amount,
    /// The outside event, for example a bank reference.
    pub reference: &'a str,
    /// The same key again lets nothing more enter.
    pub idempotency_key: &'a str,
}

/// Answer to money that entered.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Funded {
    /// The transfer.
    pub transfer: TransferId,
    /// Who received it.
    pub account: AccountId,
    /// What the account can spend now, in base units.
    pub balance: String,
    /// The same had entered before; this call changed nothing.
    #[serde(default)]
    pub replayed: bool,
}

/// A durable batch up to which a node's folder can be copied.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Copyable {
    /// The node.
    pub node: NodeId,
    /// The last batch.
    pub last_batch: u64,
    /// The chain hash up to and including it, 64 hex digits.
    pub head: String,
}

pub(super) fn amount(units: &str, code: AssetCode, scale: u8) -> Result<Amount, Error> {
    let malformed =
        |why: &dyn std::fmt::Display| Error::answer(format!("the node's amount: {why}"));
    let units = parse_base_units(units).map_err(|why| malformed(&why))?;
    let asset = Asset::new(code.as_str(), scale).map_err(|why| malformed(&why))?;
    Ok(Amount::new(units, asset))
}

impl PayerAccount {
    /// What can be spent.
    pub fn available(&self) -> Result<Amount, Error> {
        amount(&self.available, self.asset, self.scale)
    }

    /// The balance, holds included.
    pub fn posted(&self) -> Result<Amount, Error> {
        amount(&self.posted, self.asset, self.scale)
    }

    /// Held for payments under way.
    pub fn held(&self) -> Result<Amount, Error> {
        amount(&self.held, self.asset, self.scale)
    }

    /// What a payment of this account was for.
    pub fn amount_of(&self, payment: &PayerPayment) -> Result<Amount, Error> {
        amount(&payment.amount, self.asset, self.scale)
    }
}

impl Account {
    /// What can be spent.
    pub fn available(&self) -> Result<Amount, Error> {
        amount(&self.available, self.asset, self.scale)
    }

    /// Held for payments under way.
    pub fn held(&self) -> Result<Amount, Error> {
        amount(&self.held, self.asset, self.scale)
    }
}

impl Sums {
    /// A sum of these books as an amount.
    pub fn amount(&self, units: &str) -> Result<Amount, Error> {
        amount(units, self.asset, self.scale)
    }
}
