//! Payments that clients try to make: orders of a few payers, and what follows a claim or a hold.

use std::collections::BTreeMap;

use engine::{
    AccountRole, AccountSpec, Authorize, ClaimToken, Fund, Mode, PayerClass, PaymentState,
    Purchase, Refund, Tags, Terms,
};
use instrument::{KeyPair, Order, PurchaseDigest, Signed, payer_account};
use money::{AccountId, Amount, Asset, NodeId, OrderId, PaymentId, RefundId, Shares, TransferId};

use crate::oracle::Model;
use crate::random::Random;
use crate::request::Request;

pub const PAYERS: u8 = 4;
pub const PAYEES: u128 = 3;

/// Longer than any run: copies are always answered with the first answer.
const ACCESS_SECONDS: u32 = 1_000_000_000;

/// The node of every run.
pub fn node() -> NodeId {
    NodeId::new(4711).unwrap_or_else(|_| unreachable!("4711 is not zero"))
}

/// Payers and what they have begun.
#[derive(Debug)]
pub struct Purchases {
    random: Random,
    asset: Option<Asset>,
    next: u128,
    /// Orders to present again.
    presented: Vec<Authorize>,
    /// Claims and holds that somebody was told to go on with.
    pub begun: BTreeMap<PaymentId, ClaimToken>,
}

impl Purchases {
    pub fn new(random: Random) -> Self {
        let asset = Asset::new("USD", 9).ok();
        Self { random, asset, next: 1, presented: Vec::new(), begun: BTreeMap::new() }
    }

    /// The asset with its payees and funded payers.
    pub fn opening(&mut self) -> Vec<Request> {
        let Some(asset) = self.asset else {
            return Vec::new();
        };
        let mut requests = vec![Request::OpenAsset(asset)];
        let payees = (1..=PAYEES).filter_map(payee);
        requests.extend(payees.map(|id| {
            let label = "payee".to_owned();
            Request::OpenAccount(AccountSpec { id, asset, role: AccountRole::Payee, label })
        }));
        for number in 1..=PAYERS {
            requests.extend(self.fund(number));
        }
        requests
    }

    fn fund(&mut self, number: u8) -> Option<Request> {
        let asset = self.asset?;
        self.next += 1;
        // Now and then under an id that was used before.
        let id = if self.random.chance(50) { 2 } else { self.next };
        Some(Request::Fund(Fund {
            id: TransferId::new(id).ok()?,
            account: payer_account(&key(number).public(), asset),
            amount: Amount::new(u128::from(self.random.below(5_000)), asset),
            reference: format!("bank {id}"),
            sandbox_only: false,
        }))
    }

    /// The next step of somebody.
    pub fn request(&mut self, model: &Model, now_ns: u64) -> Request {
        let number = u8::try_from(self.random.between(1, u64::from(PAYERS))).unwrap_or(1);
        let request = match self.random.below(10) {
            0 => self.fund(number),
            1..=4 => self.order(number, now_ns),
            5 => self.random.pick(&self.presented).cloned().map(authorize),
            6 => self.refund(model),
            _ => self.next_step(model),
        };
        let request = request.or_else(|| self.order(number, now_ns));
        request.unwrap_or(Request::Transfers(Vec::new()))
    }

    /// A settled payment comes back, or somebody asks in vain.
    fn refund(&mut self, model: &Model) -> Option<Request> {
        let payments: Vec<PaymentId> = model.payments.keys().copied().collect();
        let payment = *self.random.pick(&payments)?;
        self.next += 1;
        let id = if self.random.chance(50) { 3 } else { self.next };
        let from = if self.random.chance(200) { payee(1) } else { None };
        let units = self.random.chance(600).then(|| u128::from(self.random.below(300)));
        let reason = "not as described".to_owned();
        let id = RefundId::new(id).ok()?;
        Some(Request::Refund(Refund { id, payment, from, units, reason }))
    }

    fn order(&mut self, number: u8, now_ns: u64) -> Option<Request> {
        let asset = self.asset?;
        self.next += 1;
        let id = if self.random.chance(30) { 7 } else { self.next };
        let amount = Amount::new(u128::from(self.random.between(1, 800)), asset);
        let key = key(number);
        let digest = Some(PurchaseDigest([7; 32]));
        let pay_to = payee(u128::from(self.random.between(1, 4)).min(PAYEES))?;
        let seconds = *self.random.pick(&[2, 60, 3_600])?;
        let order = Order {
            node: node(),
            id: OrderId::new(id).ok()?,
            payer: payer_account(&key.public(), asset),
            signer: key.public(),
            payee: pay_to,
            amount,
            purchase: digest,
            expires_at_ms: now_ns / 1_000_000 + seconds * 1_000,
            mandate: None,
        };
        let is_split = self.random.chance(300);
        let split = is_split.then(|| Shares::new(vec![700_000, 290_000, 10_000]).ok()).flatten();
        let split = split.map(|shares| ((1..=PAYEES).filter_map(payee).collect(), shares));
        let mode = match self.random.below(8) {
            0 | 1 => Mode::Charge,
            2..=4 => Mode::Hold { seconds: u32::try_from(self.random.between(1, 90)).ok()? },
            5..=6 => Mode::Claim,
            _ => Mode::Check,
        };
        let purchase = Purchase { digest, origin: None, description: "an article".to_owned() };
        let terms =
            Terms { pay_to, amount, split, unit_price: None, access_seconds: ACCESS_SECONDS };
        let order = Signed::sign(order, &key).verify().ok()?;
        let class = *self.random.pick(&PayerClass::ALL)?;
        let tags = Tags { class, ..Tags::default() };
        let command = Authorize {
            order,
            purchase,
            terms,
            idempotency: None,
            tags,
            counters: Vec::new(),
            mode,
        };
        if self.presented.len() < 40 {
            self.presented.push(command.clone());
        } else {
            let index = self.random.index(self.presented.len());
            *self.presented.get_mut(index)? = command.clone();
        }
        Some(authorize(command))
    }

    /// What comes after a claim or a hold: by the one who has it, or by somebody who once had it.
    fn next_step(&mut self, model: &Model) -> Option<Request> {
        let begun: Vec<_> = self.begun.iter().map(|(id, claim)| (*id, *claim)).collect();
        let (id, claim) = *self.random.pick(&begun)?;
        let claim = if self.random.chance(50) { ClaimToken(claim.0 ^ 1) } else { claim };
        let held = model.payments.get(&id).filter(|payment| payment.state == PaymentState::Held);
        if self.random.chance(700) {
            self.begun.remove(&id);
        }
        let step = self.random.below(4);
        Some(match (held, step) {
            (_, 0) => Request::Release(id, claim),
            (Some(payment), 1) => {
                let units = payment.command.order.get().amount.units();
                Request::Settle(id, Some(u128::from(self.random.below(1_000)).min(units + 1)))
            }
            (Some(_), _) => Request::Settle(id, None),
            (None, 1) => Request::Hold(id, claim, 30),
            (None, _) => Request::Charge(id, claim),
        })
    }
}

fn authorize(command: Authorize) -> Request {
    Request::Authorize(Box::new(command))
}

pub fn key(number: u8) -> KeyPair {
    KeyPair::from_seed(&[number; 32])
}

pub fn payee(number: u128) -> Option<AccountId> {
    AccountId::new(1_000_000 + number).ok()
}
