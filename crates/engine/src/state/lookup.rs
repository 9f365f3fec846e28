//! Lookups by the keys that make an operation repeatable: who may revoke, what has happened.
//!
//! Reads only; nothing here is part of the fold.

use instrument::PublicKey;
use money::{AccountId, MandateId, PaymentId, TransferId};

use super::State;
use crate::command::Idempotency;

impl State {
    /// The key that granted a mandate and alone may revoke it.
    pub fn mandate_key(&self, mandate: MandateId) -> Option<PublicKey> {
        self.mandates.get(&mandate).map(|granted| granted.terms().payer_key)
    }

    /// Whether money entered under this id.
    pub fn is_funded(&self, fund: TransferId) -> bool {
        self.fund_references.contains_key(&fund)
    }

    /// The payment that a payer made under this key for this fingerprint.
    pub fn payment_named(&self, payer: AccountId, name: &Idempotency) -> Option<PaymentId> {
        let (payment, fingerprint) = self.idempotency.get(&(payer, name.key))?;
        (*fingerprint == name.fingerprint).then_some(*payment)
    }
}
