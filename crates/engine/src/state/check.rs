//! The full check of a state: what can be derived is derived again and compared.
//!
//! Invariants checked: the ledger's own; every payment's legs sum to its amount and are transfers
//! of the ledger in the state that the payment says; what a mandate has spent is the sum of its
//! payments' unreleased amounts; every payment is listed once for its payer. It changes nothing.

use std::collections::BTreeMap;

use ledger::PendingState;
use money::{MandateId, PaymentId};

use super::State;
use super::payment::{Payment, Phase, Progress, leg_transfer};

/// Contradictions that one check reports.
const CONTRADICTIONS_COUNT_MAX: usize = 100;

/// What contradicts what.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Contradiction {
    /// The books.
    #[error("the books do not add up: {0}")]
    Ledger(#[from] ledger::Broken),
    /// A payment and its transfers, or its place in the lists.
    #[error("payment {0}: {1}")]
    Payment(PaymentId, &'static str),
    /// A mandate and its payments.
    #[error("mandate {id} has {spent} spent, but its payments sum to {paid}")]
    Mandate {
        /// The mandate.
        id: MandateId,
        /// What it says, base units.
        spent: u128,
        /// What its payments say, base units.
        paid: u128,
    },
}

impl State {
    /// All contradictions, [`CONTRADICTIONS_COUNT_MAX`] at most. Takes time in proportion to the
    /// whole state.
    pub(crate) fn check(&self) -> Vec<Contradiction> {
        let ledger = self.ledger.check().err().map(Contradiction::from);
        let payments = self.payments.iter().filter_map(|(id, payment)| {
            self.check_payment(*id, payment).err().map(|what| Contradiction::Payment(*id, what))
        });
        let found = ledger.into_iter().chain(payments).chain(self.check_mandates());
        found.take(CONTRADICTIONS_COUNT_MAX).collect()
    }

    fn check_payment(&self, id: PaymentId, payment: &Payment) -> Result<(), &'static str> {
        let sum = payment.legs.iter().try_fold(0_u128, |sum, (_, units)| sum.checked_add(*units));
        if sum != Some(payment.amount.units()) {
            return Err("its legs do not sum to its amount");
        }
        let mut settled = 0_u128;
        for (index, (account, units)) in payment.legs.iter().enumerate() {
            let Ok(leg) = self.ledger.transfer(leg_transfer(id, index, Phase::Open));
            let leg = leg.ok_or("a leg is missing in the ledger")?;
            let transfer = &leg.transfer;
            let fits = (transfer.debit_account, transfer.credit_account, transfer.amount)
                == (payment.payer, *account, *units);
            if !fits {
                return Err("a leg is another transfer in the ledger");
            }
            let posted = match (payment.progress, leg.pending) {
                (Progress::Held, PendingState::Pending)
                | (
                    Progress::Released { .. },
                    PendingState::Voided | PendingState::Expired { .. },
                ) => 0,
                (Progress::Settled { .. }, PendingState::None) => *units,
                (Progress::Settled { .. }, PendingState::Posted { amount }) => amount,
                _ => return Err("a leg is in another state in the ledger"),
            };
            settled = settled.saturating_add(posted);
        }
        match payment.progress {
            Progress::Settled { units, .. } if units != settled => {
                Err("it says that another amount was settled than the ledger posted")
            }
            _ if !self.is_listed(id, payment) => Err("it is not in its payer's list"),
            _ => Ok(()),
        }
    }

    fn is_listed(&self, id: PaymentId, payment: &Payment) -> bool {
        // Positions grow, and so do the times at which payments were authorized.
        let positions = self.payments_of.get(&payment.payer).map_or(&[][..], Vec::as_slice);
        let at = positions.partition_point(|position| {
            let earlier = self.payment_order.get(*position).and_then(|id| self.payments.get(id));
            earlier.is_some_and(|earlier| earlier.authorized_at_ns < payment.authorized_at_ns)
        });
        positions.get(at).and_then(|position| self.payment_order.get(*position)) == Some(&id)
    }

    fn check_mandates(&self) -> Vec<Contradiction> {
        let mut paid: BTreeMap<MandateId, u128> = BTreeMap::new();
        for payment in self.payments.values() {
            let units = match payment.progress {
                Progress::Held => payment.amount.units(),
                Progress::Settled { units, .. } => units,
                Progress::Released { .. } => 0,
            };
            if let Some(mandate) = payment.mandate {
                let sum = paid.entry(mandate).or_default();
                *sum = sum.saturating_add(units);
            }
        }
        let of = |id: &MandateId| paid.get(id).copied().unwrap_or(0);
        let differing = self.mandates.iter().filter(|(id, granted)| granted.spent != of(id));
        differing
            .map(|(id, granted)| Contradiction::Mandate {
                id: *id,
                spent: granted.spent,
                paid: of(id),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use instrument::{KeyPair, Mandate, Order, Signed, SignedOrder, payer_account};
    use money::{AccountId, Amount, Asset, NodeId, OrderId, TransferId};

    use super::*;
    use crate::entry::{AccountRole, Entry, NewPayment, ReleaseReason, Stamped};

    const PAYEE: u128 = 77;

    /// Three payments under a mandate: held, settled in part, released.
    fn state() -> State {
        let (owner, delegate) = (KeyPair::from_seed(&[1; 32]), KeyPair::from_seed(&[2; 32]));
        let (node, usd) = (NodeId::new(5).unwrap(), Asset::new("USD", 9).unwrap());
        let payer = payer_account(&owner.public(), usd);
        let payee = AccountId::new(PAYEE).unwrap();
        let id = MandateId::new(9).unwrap();
        let terms = Mandate {
            node,
            id,
            payer,
            payer_key: owner.public(),
            delegate: delegate.public(),
            asset: usd,
            per_payment: 100,
            total: 1000,
            expires_at_ms: 1,
            audience: None,
        };
        let open = |id, role| Entry::AccountOpened { id, asset: usd, role, label: String::new() };
        let fund = Entry::Funded {
            id: TransferId::new(1).unwrap(),
            account: payer,
            amount: Amount::new(500, usd),
            reference: String::new(),
        };
        let mandate = Signed::sign(terms, &owner);
        let mut entries = vec![
            Entry::AssetOpened { asset: usd, sandbox: true },
            open(payer, AccountRole::Payer),
            open(payee, AccountRole::Payee),
            fund,
            Entry::MandateGranted { mandate, label: String::new() },
        ];
        let mut ids = Vec::new();
        for number in 1..=3 {
            let order = Order {
                node,
                id: OrderId::new(number).unwrap(),
                payer,
                signer: delegate.public(),
                payee,
                amount: Amount::new(40, usd),
                purchase: None,
                expires_at_ms: 1,
                mandate: Some(id),
            };
            ids.push(order.payment_id());
            let payment = NewPayment {
                id: order.payment_id(),
                order: SignedOrder::sign(order, &delegate),
                legs: vec![(payee, 40)],
                description: String::new(),
                idempotency: None,
            };
            entries.push(Entry::PaymentHeld { payment, hold_seconds: 60 });
        }
        entries.push(Entry::PaymentSettled { payment: ids[1], legs: vec![15], outcome: None });
        let reason = ReleaseReason::NotDelivered;
        entries.push(Entry::PaymentReleased { payment: ids[2], reason, outcome: None });
        let mut state = State::new(node);
        for (entry, number) in entries.into_iter().zip(1..) {
            state.apply(&Stamped { timestamp_ns: number * 1_000_000, entry }).unwrap();
        }
        state
    }

    #[test]
    fn a_folded_state_is_sound() {
        let state = state();
        assert_eq!(state.check(), []);
        assert_eq!(state.mandates.values().next().unwrap().spent, 55);
    }

    /// Each field that could be wrong, made wrong.
    #[test]
    fn every_contradiction_is_found() {
        type Spoil = fn(&mut State);
        fn each(state: &mut State, spoil: fn(&mut Payment)) {
            state.payments.values_mut().for_each(spoil);
        }
        let spoils: [(Spoil, &str); 9] = [
            (|state| state.mandates.values_mut().for_each(|one| one.spent += 1), "spent"),
            (|state| each(state, |one| one.mandate = None), "spent"),
            (|state| each(state, |one| one.legs[0].1 += 1), "do not sum"),
            (|state| each(state, |one| one.legs[0].0 = one.payer), "another transfer"),
            (|state| each(state, |one| one.payer = one.payee), "another transfer"),
            (|state| each(state, |one| one.progress = Progress::Held), "in another state"),
            (
                |state| {
                    each(state, |one| {
                        if let Progress::Settled { units, .. } = &mut one.progress {
                            *units += 1;
                        }
                    });
                },
                "another amount",
            ),
            (|state| state.payments_of.clear(), "payer's list"),
            (|state| state.payment_order.reverse(), "payer's list"),
        ];
        for (spoil, word) in spoils {
            let mut state = state();
            spoil(&mut state);
            let found: Vec<String> = state.check().iter().map(ToString::to_string).collect();
            assert!(found.iter().any(|text| text.contains(word)), "{word}: {found:?}");
        }
    }
}
