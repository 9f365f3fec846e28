//! What callers ask of the engine.

use instrument::{PurchaseDigest, UnitPrice, VerifiedOrder};
use money::{AccountId, Amount, Asset, PaymentId, Shares, TransferId};
use serde::{Deserialize, Serialize};

use crate::counter::Counter;
use crate::entry::AccountRole;
use crate::outcome::Outcome;
use crate::tags::Tags;
use crate::view::PaymentView;

/// One concrete request for an offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purchase {
    /// What the order must name; `None` for a payment through the facilitator without binding.
    pub digest: Option<PurchaseDigest>,
    /// Origin at which it is bought, for mandates that are bound to one; `None` if unknown.
    pub origin: Option<String>,
    /// One line for the payer's and payee's history, at most
    /// 120 bytes; longer text is cut.
    pub description: String,
}

/// What the offer asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// Account that the order must name.
    pub pay_to: AccountId,
    /// Price that the order must name.
    pub amount: Amount,
    /// Who receives how much, one account for each share, 64 at most; `pay_to` alone receives all
    /// if `None`.
    pub split: Option<(Vec<AccountId>, Shares)>,
    /// What one unit costs at most if it is paid by the unit, for mandates that limit that.
    pub unit_price: Option<UnitPrice>,
    /// For how long the same payment opens the same resource again, from its settlement.
    pub access_seconds: u32,
}

/// A caller's key that makes two orders one payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// SHA-256 of scope and key.
    pub key: [u8; 32],
    /// SHA-256 of what is asked for; the same key with another fingerprint is a conflict.
    pub fingerprint: [u8; 32],
}

/// Longest hold; a longer one ends after this time. Nobody's money is locked up for longer by a gateway
/// that forgets it.
pub const HOLD_SECONDS_MAX: u32 = 24 * 60 * 60;

/// How far an authorization goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Reserve the payment id in memory: for safe methods, which fetch first and charge then.
    Claim,
    /// Hold the money durably: for unsafe methods, which must execute once.
    Hold {
        /// The hold releases itself after this time.
        seconds: u32,
    },
    /// Charge at once: for the facilitator.
    Charge,
    /// Check everything, change nothing.
    Check,
}

/// Request to accept a payment for a purchase.
#[derive(Debug, Clone)]
pub struct Authorize {
    /// The order; its signature is checked by type.
    pub order: VerifiedOrder,
    /// What is bought.
    pub purchase: Purchase,
    /// What it costs and who is paid.
    pub terms: Terms,
    /// Set when the caller named the request.
    pub idempotency: Option<Idempotency>,
    /// What it is counted by in reports; decides nothing.
    pub tags: Tags,
    /// What it uses up, such as a discount code, [`COUNTERS_PER_PAYMENT_COUNT_MAX`] at most: taken with
    /// the payment, given back if it is released.
    ///
    /// [`COUNTERS_PER_PAYMENT_COUNT_MAX`]: crate::COUNTERS_PER_PAYMENT_COUNT_MAX
    pub counters: Vec<Counter>,
    /// How far to go.
    pub mode: Mode,
}

/// Proves that a claim or hold is the caller's; a number that is never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimToken(pub u64);

/// Answer to an accepted authorization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authorized {
    /// The caller alone may go on: execute once, then charge, settle or release.
    Proceed {
        /// The payment.
        payment: PaymentId,
        /// Names the claim in later calls.
        claim: ClaimToken,
    },
    /// The payment was made by this call ([`Mode::Charge`]), or would be ([`Mode::Check`]).
    Charged(PaymentView),
    /// The payment is known: give the first answer again, do not execute, do not charge.
    Replay {
        /// What became of it.
        payment: PaymentView,
        /// The first answer, if it is kept.
        outcome: Option<Outcome>,
    },
}

/// Request to open an account.
#[derive(Debug, Clone)]
pub struct AccountSpec {
    /// Chosen by the caller.
    pub id: AccountId,
    /// Asset of the account.
    pub asset: Asset,
    /// Who holds it.
    pub role: AccountRole,
    /// Name for people, at most 120 bytes; longer text is cut.
    pub label: String,
}

/// Request to let money enter from outside through the treasury.
#[derive(Debug, Clone)]
pub struct Fund {
    /// Names the outside event: the same id again is answered as done.
    pub id: TransferId,
    /// Account that receives; opened as a payer's if it does not exist.
    pub account: AccountId,
    /// What enters.
    pub amount: Amount,
    /// The outside event in words, for example a bank reference; at most 256 bytes, longer text is
    /// cut.
    pub reference: String,
    /// Refuse unless the asset is play money.
    pub sandbox_only: bool,
}
