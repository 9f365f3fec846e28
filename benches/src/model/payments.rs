//! Made-up payments, the same on every machine.

use anyhow::Result;
use benches::random::Random;
use engine::{Country, OfferTag, PayerClass, Tags};
use money::{AccountId, Amount, Asset, PaymentId};
use report::{Fact, Payment, Refund};

/// 2026-01-01 00:00 UTC.
pub(super) const START_MS: u64 = 1_767_225_600_000;
pub(super) const YEAR_MS: u64 = 365 * 24 * 60 * 60 * 1000;

pub(super) const PAYEES: u64 = 4;
const PAYERS: u64 = 100_000;
const OFFERS: u64 = 20;
const COUNTRIES: u64 = 40;
const CLASSES: [PayerClass; 5] = [
    PayerClass::Person,
    PayerClass::Program,
    PayerClass::Agent,
    PayerClass::Crawler,
    PayerClass::Device,
];

pub(super) fn payee(number: u64) -> Result<AccountId> {
    Ok(AccountId::new((1 << 100) + u128::from(number))?)
}

pub(super) fn payer(number: u64) -> Result<AccountId> {
    let mut random = Random::new(number);
    Ok(AccountId::new(random.draw_wide() | 1)?)
}

pub(super) fn usd() -> Result<Asset> {
    Ok(Asset::new("USD", 9)?)
}

/// Tag of an offer.
pub(super) fn offer(number: u64) -> u64 {
    Random::new(number ^ 0x0ff3).draw()
}

/// Draws the numbers below a bound as often as Zipf says.
struct Zipf(Vec<u64>);

impl Zipf {
    fn new(count: u64) -> Self {
        let weights = (1..=count).map(|rank| 1_000_000_000 / rank);
        let sums = weights.scan(0, |sum, weight| {
            *sum += weight;
            Some(*sum)
        });
        Self(sums.collect())
    }

    fn draw(&self, random: &mut Random) -> u64 {
        let at = random.below(self.0.last().copied().unwrap_or(1));
        self.0.partition_point(|sum| *sum <= at) as u64
    }
}

/// A stream of facts.
pub(super) struct Payments {
    random: Random,
    offers: Zipf,
    countries: Zipf,
    payers: Zipf,
    position: u64,
    at_ns: u64,
    /// Time from one payment to the next at most, so that the planned ones fill a year.
    gap_ns: u64,
    /// Sum of what was paid.
    pub(super) paid: u128,
    /// Payments that are held and not yet ended.
    held: Vec<Payment>,
}

impl Payments {
    pub(super) fn new(count: u64) -> Self {
        Self {
            random: Random::new(1),
            offers: Zipf::new(OFFERS),
            countries: Zipf::new(COUNTRIES),
            payers: Zipf::new(PAYERS),
            position: 0,
            at_ns: START_MS * 1_000_000,
            gap_ns: YEAR_MS * 2_000_000 / count.max(1),
            paid: 0,
            held: Vec::new(),
        }
    }

    /// Position behind the last fact.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// Facts of so many payments.
    pub(super) fn batch(&mut self, count: u64) -> Result<Vec<(u64, u64, Fact)>> {
        let mut facts = Vec::new();
        for _ in 0..count {
            let payment = self.payment()?;
            let fact = match self.random.below(100) {
                0..5 => {
                    self.held.push(payment.clone());
                    Fact::Held(payment)
                }
                _ => self.settled(payment),
            };
            self.push(&mut facts, fact);
            if self.held.len() > 50 {
                let ended = self.held.swap_remove(0);
                let is_released = self.random.below(3) == 0;
                let fact = if is_released { Fact::Released(ended.id) } else { self.settled(ended) };
                self.push(&mut facts, fact);
            }
            if let (0, Some((_, _, Fact::Settled(paid)))) = (self.random.below(100), facts.last()) {
                let refund = Refund {
                    id: self.random.draw_wide(),
                    payment: paid.id,
                    legs: paid.legs.clone(),
                    amount: paid.amount,
                    tags: paid.tags,
                    reason: "not as described".to_owned(),
                };
                self.push(&mut facts, Fact::Refunded(refund));
            }
        }
        Ok(facts)
    }

    fn settled(&mut self, payment: Payment) -> Fact {
        self.paid += payment.amount.units();
        Fact::Settled(payment)
    }

    fn push(&mut self, facts: &mut Vec<(u64, u64, Fact)>, fact: Fact) {
        self.at_ns += 2048;
        facts.push((self.position, self.at_ns, fact));
        self.position += 1;
    }

    fn payment(&mut self) -> Result<Payment> {
        self.at_ns += self.random.below(self.gap_ns);
        let number = self.offers.draw(&mut self.random);
        let payee = payee(number % PAYEES)?;
        let units = 100_000 * u128::from(1 + self.random.below(1_000));
        let country = self.countries.draw(&mut self.random);
        let letter = |number: u64| b'A' + u8::try_from(number % 26).unwrap_or(0);
        let payer = self.payers.draw(&mut self.random);
        Ok(Payment {
            id: PaymentId::new(self.random.draw_wide() | 1)?,
            payer: self::payer(payer)?,
            payee,
            legs: vec![(payee, units)],
            amount: Amount::new(units, usd()?),
            tags: Tags {
                offer: OfferTag(offer(number)),
                country: Country::new(
                    &[letter(country), letter(country / 26)]
                        .map(char::from)
                        .iter()
                        .collect::<String>(),
                )
                .ok(),
                class: CLASSES[usize::try_from(self.random.below(5)).unwrap_or(0)],
            },
            description: format!("Article {number} of the magazine"),
            mandate: None,
        })
    }
}
