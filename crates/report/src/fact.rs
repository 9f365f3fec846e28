//! Facts: what the read model hears of payments, free of how the engine stores them.
//!
//! Invariant: a fact names its position, and positions only grow; facts of one payment come in the
//! order held, settled or released, refunded.

use engine::Tags;
use money::{AccountId, Amount, MandateId, PaymentId};

/// A payment as it was authorized, or what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// The payment.
    pub id: PaymentId,
    /// Who pays.
    pub payer: AccountId,
    /// Who is paid; of a split, the first.
    pub payee: AccountId,
    /// Who gets how many base units.
    pub legs: Vec<(AccountId, u128)>,
    /// What is held or was paid.
    pub amount: Amount,
    /// Labels.
    pub tags: Tags,
    /// What was bought, in words.
    pub description: String,
    /// The mandate under which it was made.
    pub mandate: Option<MandateId>,
}

/// Money that went back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refund {
    /// The refund, 128 bits.
    pub id: u128,
    /// Of this payment.
    pub payment: PaymentId,
    /// Who gave how many base units back.
    pub legs: Vec<(AccountId, u128)>,
    /// What went back.
    pub amount: Amount,
    /// Labels of the payment.
    pub tags: Tags,
    /// Why, in words.
    pub reason: String,
}

/// Income that is no single payment: what a channel settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Income {
    /// Who got how many base units.
    pub legs: Vec<(AccountId, u128)>,
    /// All of it.
    pub amount: Amount,
    /// Labels of the channel.
    pub tags: Tags,
}

/// One fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// Money is held for a payment.
    Held(Payment),
    /// A payment was paid, after a hold or at once.
    Settled(Payment),
    /// Nothing was paid.
    Released(PaymentId),
    /// Money of a payment went back.
    Refunded(Refund),
    /// A channel settled.
    ChannelSettled(Income),
    /// An offer was named: tag, id, title.
    OfferNamed {
        /// Tag of the id.
        tag: u64,
        /// The id's text.
        id: String,
        /// Title for people.
        title: String,
    },
    /// Nothing for the read model.
    Other,
}
