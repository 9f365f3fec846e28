//! The check of a state: what can be derived is derived again and compared.
//!
//! Invariants checked: the ledger's own; every held payment's legs sum to its amount and are open
//! holds of the ledger, and the ids of its transfers are kept from others; for every open channel the
//! ledger holds what is not settled, likewise; a mandate has spent at least what is held under it and
//! at most what it allows. What is past was checked when it was
//! folded. It changes nothing.

use std::collections::BTreeMap;

use money::{ChannelId, MandateId, PaymentId};

use super::State;
use super::channel::{Channel, Part, channel_transfer, channel_transfers};
use super::payment::{Payment, Phase, Progress, leg_transfer, leg_transfers};

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
    /// A channel and its hold.
    #[error("channel {0}: {1}")]
    Channel(ChannelId, &'static str),
    /// A mandate and its payments.
    #[error("mandate {id} has {spent} spent, of which {held} are held, and allows {total}")]
    Mandate {
        /// The mandate.
        id: MandateId,
        /// What it says, base units.
        spent: u128,
        /// What its held payments say, base units.
        held: u128,
        /// What it allows, base units.
        total: u128,
    },
}

impl State {
    /// All contradictions among what is in memory, [`CONTRADICTIONS_COUNT_MAX`] at most. Takes time
    /// in proportion to accounts, holds and mandates, not to history.
    pub(crate) fn check(&self) -> Vec<Contradiction> {
        let ledger = self.ledger.check().err().map(Contradiction::from);
        let payments = self.held.iter().filter_map(|(id, payment)| {
            self.check_held(*id, payment).err().map(|what| Contradiction::Payment(*id, what))
        });
        let channels = self.channels.iter().filter_map(|channel| {
            let checked = self.check_channel(channel);
            checked.err().map(|what| Contradiction::Channel(channel.id(), what))
        });
        let found = ledger.into_iter().chain(payments).chain(channels).chain(self.check_mandates());
        found.take(CONTRADICTIONS_COUNT_MAX).collect()
    }

    fn check_held(&self, id: PaymentId, payment: &Payment) -> Result<(), &'static str> {
        let sum = payment.legs.iter().try_fold(0_u128, |sum, (_, units)| sum.checked_add(*units));
        if sum != Some(payment.amount.units()) {
            return Err("its legs do not sum to its amount");
        }
        if payment.progress != Progress::Held {
            return Err("it is listed as held and is not");
        }
        if !leg_transfers(id, payment.legs.len()).all(|id| self.reserved.contains(id)) {
            return Err("the ids of its transfers are free for others");
        }
        for (index, (account, units)) in payment.legs.iter().enumerate() {
            let leg = self.ledger.open_hold(leg_transfer(id, index, Phase::Open));
            let leg = leg.ok_or("the ledger holds nothing for one of its legs")?;
            let fits = (leg.debit_account, leg.credit_account, leg.amount)
                == (payment.payer, *account, *units);
            if !fits {
                return Err("a leg is another transfer in the ledger");
            }
        }
        Ok(())
    }

    fn check_channel(&self, channel: &Channel) -> Result<(), &'static str> {
        let terms = channel.terms();
        if terms.node != self.node {
            return Err("it is another node's");
        }
        if !channel.opened.has_sound_split() {
            return Err("its split is not whole");
        }
        let (id, number) = (channel.id(), channel.hold);
        let mut own = channel_transfers(id, number, channel.opened.leg_count());
        if !own.all(|id| self.reserved.contains(id)) {
            return Err("the ids of its transfers are free for others");
        }
        let hold = self.ledger.open_hold(channel_transfer(id, number, Part::Hold));
        let hold = hold.ok_or("the ledger holds nothing for it")?;
        let fits = (hold.debit_account, hold.credit_account, hold.amount, hold.asset)
            == (terms.payer, terms.payee, channel.held(), channel.asset());
        if !fits {
            return Err("its hold is another transfer in the ledger");
        }
        Ok(())
    }

    /// What is held under a mandate and all below it was spent under it, so was what its children
    /// spent, and no more was spent than it allows.
    fn check_mandates(&self) -> Vec<Contradiction> {
        let payments = self.held.values().map(|it| (it.mandate, it.amount.units()));
        let deposits = self.channels.iter().map(|it| (it.terms().mandate, it.machine.deposit()));
        let mut held: BTreeMap<MandateId, u128> = BTreeMap::new();
        for (mandate, units) in payments.chain(deposits) {
            for above in mandate.into_iter().flat_map(|id| self.mandates.chain(id)) {
                let sum = held.entry(above.permission.id).or_default();
                *sum = sum.saturating_add(units);
            }
        }
        let mut children: BTreeMap<MandateId, u128> = BTreeMap::new();
        for granted in self.mandates.iter() {
            if let Some(parent) = granted.permission.parent {
                let sum = children.entry(parent).or_default();
                *sum = sum.saturating_add(granted.spent);
            }
        }
        let of = |sums: &BTreeMap<_, u128>, id: &MandateId| sums.get(id).copied().unwrap_or(0);
        let wrong = self.mandates.iter().filter(|granted| {
            let id = &granted.permission.id;
            granted.spent < of(&held, id).max(of(&children, id)) || !granted.is_within()
        });
        wrong
            .map(|granted| Contradiction::Mandate {
                id: granted.permission.id,
                spent: granted.spent,
                held: of(&held, &granted.permission.id),
                total: granted.limits().total,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use instrument::channel::{ChannelTerms, TickLink};
    use instrument::{KeyPair, Mandate, Order, Signed, SignedOrder, payer_account};
    use money::{AccountId, Amount, Asset, NodeId, OrderId, TransferId};

    use super::*;
    use crate::entry::{
        AccountRole, ChannelEntry, Entry, NewChannel, NewPayment, ReleaseReason, Stamped,
    };
    use crate::tags::Tags;

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
                request: None,
                legs: vec![(payee, 40)],
                description: String::new(),
                idempotency: None,
                tags: Tags::default(),
            };
            entries.push(Entry::PaymentHeld { payment, hold_seconds: 60 });
        }
        entries.push(Entry::PaymentSettled { payment: ids[1], legs: vec![15], outcome: None });
        let reason = ReleaseReason::NotDelivered;
        entries.push(Entry::PaymentReleased { payment: ids[2], reason, outcome: None });
        entries.push(channel(&delegate, payer, payee, id));
        let mut state = State::counted(node);
        for (entry, number) in entries.into_iter().zip(1..) {
            state.apply(&Stamped { timestamp_ns: number * 1_000_000, entry }).unwrap();
        }
        state
    }

    /// A channel of 30 under the mandate.
    fn channel(
        delegate: &KeyPair,
        payer: AccountId,
        payee: AccountId,
        mandate: MandateId,
    ) -> Entry {
        let terms = ChannelTerms {
            node: NodeId::new(5).unwrap(),
            salt: [1; 16],
            payer,
            signer: delegate.public(),
            voucher_key: delegate.public(),
            payee,
            deposit: Amount::new(30, Asset::new("USD", 9).unwrap()),
            tick_root: TickLink([0; 16]),
            tick_units: 0,
            tick_count: 0,
            close_delay_seconds: 1,
            expires_at_ms: 1_000_000,
            mandate: Some(mandate),
        };
        let opened = NewChannel {
            id: terms.channel(),
            terms: Signed::sign(terms, delegate),
            split: vec![(payee, 1_000_000)],
            description: String::new(),
            tags: Tags::default(),
        };
        Entry::Channel(ChannelEntry::Opened { channel: Box::new(opened), hold: 3 })
    }

    #[test]
    fn a_folded_state_is_sound() {
        let state = state();
        assert_eq!(state.check(), []);
        assert_eq!(state.mandates.iter().next().unwrap().spent, 85);
    }

    #[test]
    fn every_contradiction_of_a_channel_is_found() {
        type Spoil = fn(&mut State, ChannelId);
        fn terms(channel: &mut Channel, spoil: fn(&mut ChannelTerms)) {
            let mut terms = *channel.terms();
            spoil(&mut terms);
            let key = KeyPair::from_seed(&[2; 32]);
            let (split, description) = (channel.opened.split.clone(), String::new());
            let (id, terms) = (channel.id(), Signed::sign(terms, &key));
            let tags = Tags::default();
            *channel.opened = NewChannel { id, terms, split, description, tags };
        }
        let spoils: [(Spoil, &str); 6] = [
            (
                |state, id| {
                    let other = |terms: &mut ChannelTerms| terms.node = NodeId::new(6).unwrap();
                    state.channels.update(id, |channel| terms(channel, other));
                },
                "another node",
            ),
            (
                |state, id| state.channels.update(id, |channel| channel.opened.split[0].1 -= 1),
                "not whole",
            ),
            (|state, id| state.reserved.remove_channel(id, 3, 2), "free for others"),
            (
                |state, id| {
                    state.reserved.add_channel(id, 4, 2);
                    state.channels.update(id, |channel| channel.hold = 4);
                },
                "holds nothing",
            ),
            (
                |state, id| {
                    let swap = |terms: &mut ChannelTerms| {
                        std::mem::swap(&mut terms.payer, &mut terms.payee);
                    };
                    state.channels.update(id, |channel| terms(channel, swap));
                },
                "another transfer",
            ),
            (|state, _| state.mandates.set_spent(69), "spent"),
        ];
        for (spoil, word) in spoils {
            let mut state = state();
            let id = state.channels.iter().next().unwrap().id();
            spoil(&mut state, id);
            let found: Vec<String> = state.check().iter().map(ToString::to_string).collect();
            assert!(found.iter().any(|text| text.contains(word)), "{word}: {found:?}");
        }
    }

    /// Each field that could be wrong, made wrong.
    #[test]
    fn every_contradiction_is_found() {
        type Spoil = fn(&mut State);
        fn each(state: &mut State, spoil: fn(&mut Payment)) {
            state.held.values_mut().for_each(spoil);
        }
        let spoils: [(Spoil, &str); 9] = [
            (|state| state.mandates.set_spent(39), "spent"),
            (|state| state.mandates.set_spent(1001), "spent"),
            (|state| each(state, |one| one.legs[0].1 += 1), "do not sum"),
            (|state| each(state, |one| one.legs[0].0 = one.payer), "another transfer"),
            (|state| each(state, |one| one.payer = one.payee), "another transfer"),
            (
                |state| each(state, |one| one.progress = Progress::Settled { units: 1, at_ns: 1 }),
                "listed as held",
            ),
            (
                |state| {
                    let held = std::mem::take(&mut state.held).into_values();
                    state.held = held.map(|one| (PaymentId::new(1).unwrap(), one)).collect();
                    state.reserved.add(PaymentId::new(1).unwrap(), 1);
                },
                "holds nothing",
            ),
            (
                |state| {
                    let (id, _) = state.held.first_key_value().unwrap();
                    state.reserved.remove(*id, 1);
                },
                "free for others",
            ),
            (
                |state| {
                    let (id, _) = state.held.first_key_value().unwrap();
                    let leg = leg_transfer(*id, 0, Phase::Open);
                    let post =
                        state.ledger.open_hold(leg).unwrap().post(TransferId::new(9).unwrap(), 1);
                    state.ledger.create_transfers(&[post], state.last_timestamp_ns + 9).unwrap();
                },
                "holds nothing",
            ),
        ];
        for (spoil, word) in spoils {
            let mut state = state();
            spoil(&mut state);
            let found: Vec<String> = state.check().iter().map(ToString::to_string).collect();
            assert!(found.iter().any(|text| text.contains(word)), "{word}: {found:?}");
        }
    }
}
