//! Facts of a small made-up shop, from a seed, and what a naive reader makes of them.

use engine::{Country, OfferTag, PayerClass, Tags};
use money::{AccountId, Amount, Asset, NodeId, PaymentId};
use report::{Fact, Income, Payment, Refund, Writer};

/// 2026-01-01 00:00 UTC.
pub const START_MS: u64 = 1_767_225_600_000;

pub fn node() -> NodeId {
    NodeId::new(7).unwrap()
}

pub fn usd() -> Asset {
    Asset::new("USD", 9).unwrap()
}

pub fn account(number: u128) -> AccountId {
    AccountId::new(number).unwrap()
}

/// A fact with its position and time.
pub type At = (u64, u64, Fact);

/// The same numbers from the same seed.
pub struct Numbers(pub u64);

impl Numbers {
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

impl Numbers {
    pub fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).unwrap()
    }
}

const CLASSES: [PayerClass; 3] = [PayerClass::Person, PayerClass::Agent, PayerClass::Crawler];

/// Payments of 3 payees and 5 payers: at once, after holds, released, split, refunded; channels.
pub fn history(seed: u64, count: u64) -> Vec<At> {
    let mut numbers = Numbers(seed);
    let mut facts = Vec::new();
    let mut at_ns = START_MS * 1_000_000;
    let mut held: Vec<Payment> = Vec::new();
    let mut paid: Vec<Payment> = Vec::new();
    for position in 0..count {
        at_ns += numbers.below(7_200_000) * 1_000_000 + 2048;
        let fact = match numbers.below(10) {
            0 if !held.is_empty() => {
                let index = numbers.index(held.len());
                Fact::Released(held.swap_remove(index).id)
            }
            1 | 2 if !held.is_empty() => {
                let index = numbers.index(held.len());
                let mut payment = held.swap_remove(index);
                let legs = payment.legs.iter().map(|(to, units)| (*to, units / 2)).collect();
                payment = with_legs(payment, legs);
                paid.push(payment.clone());
                Fact::Settled(payment)
            }
            3 if !paid.is_empty() => {
                let payment = &paid[numbers.index(paid.len())];
                let legs = vec![(payment.legs[0].0, 10)];
                let amount = Amount::new(10, usd());
                let id = u128::from(position) + 1;
                let (payment, tags) = (payment.id, payment.tags);
                Fact::Refunded(Refund { id, payment, legs, amount, tags, reason: "sorry".into() })
            }
            4 => {
                let payment = payment(&mut numbers, position);
                let Payment { legs, amount, tags, .. } = payment;
                Fact::ChannelSettled(Income { legs, amount, tags })
            }
            5 => Fact::Other,
            6 | 7 => {
                let payment = payment(&mut numbers, position);
                held.push(payment.clone());
                Fact::Held(payment)
            }
            _ => {
                let payment = payment(&mut numbers, position);
                paid.push(payment.clone());
                Fact::Settled(payment)
            }
        };
        facts.push((position * 3, at_ns, fact));
    }
    facts
}

fn payment(numbers: &mut Numbers, position: u64) -> Payment {
    let payee = account(100 + u128::from(numbers.below(3)));
    let units = 1_000 + u128::from(numbers.below(1_000_000));
    let mut legs = vec![(payee, units)];
    if numbers.below(4) == 0 {
        legs = vec![(payee, units - 300), (account(103), 300)];
    }
    let country = [None, Country::new("IN").ok(), Country::new("KR").ok()][numbers.index(3)];
    let payment = Payment {
        id: PaymentId::new(u128::from(position) + 1).unwrap(),
        payer: account(200 + u128::from(numbers.below(5))),
        payee,
        legs: Vec::new(),
        amount: Amount::new(0, usd()),
        tags: Tags {
            offer: OfferTag([0, 11, u64::MAX][numbers.index(3)]),
            country,
            class: CLASSES[numbers.index(3)],
        },
        description: format!("article {position}"),
        mandate: None,
    };
    with_legs(payment, legs)
}

fn with_legs(payment: Payment, legs: Vec<(AccountId, u128)>) -> Payment {
    let sum = legs.iter().map(|(_, units)| units).sum();
    Payment { legs, amount: Amount::new(sum, usd()), ..payment }
}

/// A store with these facts, taken in batches.
pub fn store(folder: &tempfile::TempDir, facts: &[At], batch: usize) -> Writer {
    let mut writer = Writer::open(&folder.path().join("report.sqlite"), node()).unwrap();
    for batch in facts.chunks(batch) {
        let next = batch.last().unwrap().0 + 1;
        writer.ingest(batch.to_vec(), next).unwrap();
    }
    writer
}
