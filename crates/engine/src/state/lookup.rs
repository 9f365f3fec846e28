//! Lookups: payments wherever they are, and the keys that make an operation repeatable.
//!
//! Reads only; nothing here is part of the fold. What the past cannot answer is noted in the state's
//! fault, and stands in for "nothing".

use instrument::PublicKey;
use ledger::{Known, Past, Row};
use money::{AccountId, ChannelId, MandateId, PaymentId, TransferId};

use super::payment::{Payment, Phase, leg_transfer};
use super::{Holder, Progress, State};
use crate::command::Idempotency;
use crate::past::Opened;

impl State {
    /// The key of the payer whose money a mandate spends: it may pause and revoke the mandate, and
    /// so may the other granters above it.
    pub fn mandate_key(&self, mandate: MandateId) -> Option<PublicKey> {
        self.mandates.chain(mandate).last().map(|root| root.permission.granter)
    }

    /// Whether a key granted a mandate, or one above it.
    pub fn is_granter(&self, mandate: MandateId, key: &PublicKey) -> bool {
        self.mandates.place_of(mandate, key).is_some()
    }

    /// Whether money entered under this id.
    pub fn is_funded(&self, fund: TransferId) -> bool {
        self.answer(self.records.funding(fund)).is_some()
    }

    /// The payment that a payer made under this key for this fingerprint.
    pub fn payment_named(&self, payer: AccountId, name: &Idempotency) -> Option<PaymentId> {
        let (payment, fingerprint) = self.named(payer, &name.key)?;
        (fingerprint == name.fingerprint).then_some(payment)
    }

    /// The payment that a payer made under this key, and the fingerprint of what it was for.
    pub(crate) fn named(&self, payer: AccountId, key: &[u8; 32]) -> Option<(PaymentId, [u8; 32])> {
        self.answer(self.records.named(payer, key))
    }

    /// The reference of the outside event by which money entered.
    pub(crate) fn fund_reference(&self, fund: TransferId) -> Option<String> {
        self.answer(self.records.funding(fund)).map(|funding| funding.reference)
    }

    pub(crate) fn holder(&self, account: AccountId) -> Option<Holder> {
        self.answer(self.records.holder(account))
    }

    /// Whether a transfer with this id was ever tried: it exists, or the attempt burned the id.
    pub(crate) fn is_used(&self, id: TransferId) -> bool {
        self.answer(self.ledger.past().find(id)).is_some()
    }

    /// Whether the account takes nothing but the release of a hold. False if there is none.
    pub(crate) fn is_closed(&self, id: AccountId) -> bool {
        self.ledger.account(id).is_some_and(|account| account.closed)
    }

    /// Whether the payment's money is held.
    pub(crate) fn is_held(&self, id: PaymentId) -> bool {
        self.held.contains_key(&id)
    }

    /// Whether there was such a channel and it is closed.
    pub(crate) fn is_closed_channel(&self, id: ChannelId) -> bool {
        self.answer(self.records.closed_channel(id)).is_some()
    }

    /// Keys that may sign the closing of a channel, open or closed: the voucher key, the terms'
    /// signer, and the payer's behind the signer's mandate.
    pub(crate) fn closers(&self, id: ChannelId) -> Vec<PublicKey> {
        let keys = if let Some(channel) = self.channels.get(id) {
            let terms = channel.terms();
            Some((terms.voucher_key, terms.signer, terms.mandate))
        } else {
            let opened = self.answer(self.records.opened_channel(id));
            opened.map(|opened| (opened.voucher_key, opened.signer, opened.mandate))
        };
        let Some((voucher_key, signer, mandate)) = keys else { return Vec::new() };
        let owner = mandate.and_then(|mandate| self.mandate_key(mandate));
        [voucher_key, signer].into_iter().chain(owner).collect()
    }

    /// The digest of the order behind a payment.
    pub(crate) fn order_digest(&self, id: PaymentId) -> Option<[u8; 32]> {
        if let Some(held) = self.held.get(&id) {
            return Some(held.order_digest);
        }
        self.answer(self.records.opened(id)).map(|opened| opened.payment.order_digest)
    }

    /// The position of the row that moved the money of a payment's leg; `None` if nothing was paid.
    pub(crate) fn settled_leg(
        &self,
        id: PaymentId,
        leg: usize,
    ) -> Result<Option<u64>, index::Error> {
        let Some(opened) = self.records.opened(id)? else { return Ok(None) };
        let phase = match opened.payment.progress {
            Progress::Settled { .. } => Phase::Open,
            _ => match self.records.finished(id)? {
                Some(Progress::Settled { .. }) => Phase::Close,
                _ => return Ok(None),
            },
        };
        let found = self.ledger.past().find(leg_transfer(id, leg, phase))?;
        Ok(match found {
            Some(Known::Created(position)) => Some(position),
            Some(Known::Burned) | None => None,
        })
    }

    /// The row at a position of the ledger.
    pub(crate) fn row(&self, position: u64) -> Result<Row, index::Error> {
        self.ledger.past().row(position)
    }

    /// A payment with its legs and where it stands.
    pub(crate) fn find_payment(&self, id: PaymentId) -> Option<Payment> {
        if let Some(held) = self.held.get(&id) {
            return Some(held.clone());
        }
        let opened = self.answer(self.records.opened(id))?;
        let legs = opened.legs;
        let mut payment = self.as_it_stands(opened);
        for index in 0..legs {
            let leg = leg_transfer(id, index as usize, Phase::Open);
            let Some(leg) = self.answer(self.ledger.transfer(leg)) else {
                self.note(&format!("leg {index} of payment {id} is not in the ledger"));
                return None;
            };
            let leg = leg.transfer;
            payment.legs.push((leg.credit_account, leg.amount));
        }
        Some(payment)
    }

    /// A payment of the records with what has become of it; without its legs.
    pub(crate) fn as_it_stands(&self, opened: Opened) -> Payment {
        let mut payment = opened.payment;
        if payment.progress == Progress::Held && !self.is_held(opened.id) {
            match self.answer(self.records.finished(opened.id)) {
                Some(progress) => payment.progress = progress,
                None => self.note(&format!("payment {} has neither hold nor end", opened.id)),
            }
        }
        payment
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use disk::Simulated;
    use money::{Amount, Asset, NodeId};

    use super::*;
    use crate::past::{Changes, Place, Record, Records, Rows};
    use crate::state::Progress;
    use crate::tags::Tags;

    /// A state whose records tell of a payment that the ledger has never seen.
    fn state(progress: Progress) -> (State, PaymentId) {
        let options = index::Options { background: false, ..index::Options::default() };
        let disk: Arc<dyn disk::Disk> = Arc::new(Simulated::new(1));
        let rows = |dir: &str, schema| {
            let place = Place { disk: Arc::clone(&disk), dir: Path::new(dir), options };
            Rows::create(&place, schema).unwrap()
        };
        let rows = [rows("/changes", Changes::SCHEMA), rows("/records", Records::SCHEMA)];
        let [changes, records] = rows;
        let mut state = State::new(NodeId::new(5).unwrap(), changes, records);
        let id = PaymentId::new(7).unwrap();
        let payment = Payment {
            order_digest: [1; 32],
            payer: AccountId::new(1).unwrap(),
            payee: AccountId::new(2).unwrap(),
            amount: Amount::new(3, Asset::new("USD", 9).unwrap()),
            mandate: None,
            legs: Vec::new(),
            description: String::new(),
            authorized_at_ns: 4,
            progress,
            tags: Tags::default(),
        };
        let opened = Opened { id, payment, legs: 1, name: None, legs_at: None };
        state.records.put(&Record::Opened(Box::new(opened))).unwrap();
        (state, id)
    }

    #[test]
    fn a_payment_without_its_legs_is_a_fault_and_not_an_unknown_payment() {
        let (state, id) = state(Progress::Settled { units: 3, at_ns: 4 });
        assert_eq!(state.fault(), None);
        assert!(state.find_payment(id).is_none());
        assert!(state.fault().is_some_and(|fault| fault.contains("leg 0")));
    }

    #[test]
    fn a_payment_without_hold_and_end_is_a_fault_and_not_a_held_one() {
        let (state, id) = state(Progress::Held);
        assert!(state.payment(id).is_some());
        assert!(state.fault().is_some_and(|fault| fault.contains("neither hold nor end")));
    }
}
