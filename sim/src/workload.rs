//! What clients ask for: batches of accounts and transfers, right and wrong ones, new and repeated
//! ones.
//!
//! A client knows what it was told and guesses the rest, so it draws from the oracle's books. The
//! payments are in `purchases`, the channels in `streams`, the questions in `curiosity`.

use ledger::{AMOUNT_MAX, Account, Kind, Limit, Sides, Transfer};
use money::{AccountId, Asset, TransferId};

use crate::mandates::Trees;
use crate::oracle::Model;
use crate::plan::Plan;
use crate::purchases::Purchases;
use crate::random::Random;
use crate::request::Request;
use crate::streams::Streams;

/// Requests that are remembered, to be sent again.
const REMEMBERED_MAX: usize = 64;

/// Clients, as one.
#[derive(Debug)]
pub struct Workload {
    random: Random,
    plan: Plan,
    pub purchases: Purchases,
    pub streams: Streams,
    pub trees: Trees,
    assets: Vec<Asset>,
    next_id: u128,
    sent: Vec<Request>,
    /// Requests whose answer was lost; they are sent again with the same ids.
    pub unknown: Vec<Request>,
}

impl Workload {
    pub fn new(mut random: Random, plan: &Plan) -> Self {
        let assets = [("GBP", 2), ("GBP", 9), ("KWH", 0)];
        let assets = assets.iter().filter_map(|(code, scale)| Asset::new(code, *scale).ok());
        Self {
            purchases: Purchases::new(random.fork()),
            streams: Streams::new(random.fork()),
            trees: Trees::new(random.fork()),
            plan: plan.clone(),
            assets: assets.collect(),
            next_id: 1 << 64,
            sent: Vec::new(),
            unknown: Vec::new(),
            random,
        }
    }

    /// What comes first: the asset, payees and payers of the payments.
    pub fn opening(&mut self) -> Vec<Request> {
        let mix = &self.plan.mix;
        let is_paid = mix.payments > 0 || mix.channels > 0 || mix.mandates > 0;
        if is_paid { self.purchases.opening() } else { Vec::new() }
    }

    /// The next request.
    pub fn request(&mut self, model: &Model, now_ns: u64) -> Request {
        let mix = &self.plan.mix;
        let mandates = mix.mandates;
        let weights =
            [mix.new_accounts, mix.transfers, mix.payments, mix.again, mix.channels, mandates];
        let mut drawn = self.random.below(weights.iter().sum());
        let kind = weights.iter().position(|weight| {
            let is_it = drawn < *weight;
            drawn = drawn.saturating_sub(*weight);
            is_it
        });
        let request = match kind {
            Some(0) => Request::Accounts(self.accounts(model)),
            Some(2) => self.purchase(model, now_ns),
            Some(3) => self.again(model),
            Some(4) => match self.streams.request(model) {
                Some(request) => request,
                None => self.purchase(model, now_ns),
            },
            Some(5) => match self.random.chance(400).then(|| self.trees.request()).flatten() {
                Some(request) => request,
                None => self.purchase(model, now_ns),
            },
            _ => Request::Transfers(self.transfers(model)),
        };
        self.remember(&request);
        request
    }

    /// Often under a mandate, where there are any.
    fn purchase(&mut self, model: &Model, now_ns: u64) -> Request {
        let link = self.random.chance(700).then(|| self.trees.chosen(model)).flatten();
        self.purchases.request(model, link.as_ref(), now_ns)
    }

    fn remember(&mut self, request: &Request) {
        if self.sent.len() < REMEMBERED_MAX {
            self.sent.push(request.clone());
        } else {
            let index = self.random.index(self.sent.len());
            if let Some(slot) = self.sent.get_mut(index) {
                *slot = request.clone();
            }
        }
    }

    /// One that was sent before; first of all those whose answer was lost.
    fn again(&mut self, model: &Model) -> Request {
        if !self.unknown.is_empty() {
            let index = self.random.index(self.unknown.len());
            return self.unknown.swap_remove(index);
        }
        let old = self.random.pick(&self.sent).cloned();
        old.unwrap_or_else(|| Request::Transfers(self.transfers(model)))
    }

    fn id(&mut self) -> u128 {
        self.next_id += 1 + u128::from(self.random.below(3));
        if self.random.chance(self.plan.mix.random_ids) {
            // Also below those that were given out in order.
            self.random.wide() >> self.random.below(64)
        } else {
            self.next_id
        }
    }

    fn count(&mut self) -> u64 {
        if self.random.chance(700) {
            self.random.between(1, self.plan.events.min(8))
        } else {
            self.random.between(1, self.plan.events)
        }
    }

    fn accounts(&mut self, model: &Model) -> Vec<Account> {
        let count = self.count().min(20);
        let mut events: Vec<Account> = (0..count).filter_map(|_| self.account(model)).collect();
        self.link(&mut events, |event| event.linked = true);
        events
    }

    fn account(&mut self, model: &Model) -> Option<Account> {
        let mix = self.plan.mix.clone();
        if self.random.chance(mix.repeated + 100) {
            let old: Vec<&Account> =
                model.books.accounts.values().map(|state| &state.account).collect();
            let mut old = self.random.pick(&old).map(|old| **old)?;
            match self.random.below(12) {
                0 => old.user_data ^= 1,
                1 => old.code = old.code.wrapping_add(1),
                2 => old.history = !old.history,
                3 => old.user_data_64 ^= 1,
                4 => old.user_data_32 ^= 1,
                _ => {}
            }
            return Some(old);
        }
        let id = if self.random.chance(800) {
            u128::from(self.random.between(1, self.plan.accounts))
        } else {
            self.id()
        };
        let limit = match (id % 5, self.random.below(10)) {
            // Where money comes from.
            (0, _) => Limit::None,
            (_, 0) => Limit::CreditsMustNotExceedDebits,
            (_, 1..=5) => Limit::DebitsMustNotExceedCredits,
            _ => Limit::None,
        };
        let zero_or = |random: &mut Random| if random.chance(500) { 0 } else { random.below(4) };
        Some(Account {
            id: AccountId::new(id).ok()?,
            asset: *self
                .assets
                .get(usize::try_from(id % 7).unwrap_or(0))
                .or(self.assets.first())?,
            code: u16::from(!self.random.chance(mix.wrong / 5)),
            user_data: u128::from(zero_or(&mut self.random)),
            user_data_64: zero_or(&mut self.random),
            user_data_32: u32::try_from(zero_or(&mut self.random)).unwrap_or(0),
            limit,
            history: self.random.chance(400),
            closed: self.random.chance(mix.closing),
            linked: false,
        })
    }

    fn transfers(&mut self, model: &Model) -> Vec<Transfer> {
        let count = self.count();
        let mut events: Vec<Transfer> = Vec::new();
        for _ in 0..count {
            let event = self.transfer(model, &events);
            events.extend(event);
        }
        self.link(&mut events, |event| event.linked = true);
        events
    }

    /// Ties some events to the next ones; the last of a batch seldom.
    fn link<E>(&mut self, events: &mut [E], link: fn(&mut E)) {
        let rate = self.plan.mix.linked;
        if let Some((last, others)) = events.split_last_mut() {
            others.iter_mut().filter(|_| self.random.chance(rate)).for_each(link);
            if self.random.chance(rate / 20) {
                link(last);
            }
        }
    }

    fn transfer(&mut self, model: &Model, before: &[Transfer]) -> Option<Transfer> {
        let mix = self.plan.mix.clone();
        let mut event = if self.random.chance(mix.repeated) {
            self.repeated(model, before)?
        } else if self.random.chance(mix.resolving) {
            match self.resolution(model, before) {
                Some(event) => event,
                None => self.movement(model)?,
            }
        } else {
            self.movement(model)?
        };
        if self.random.chance(mix.wrong) {
            self.spoil(&mut event);
        }
        Some(event)
    }

    fn repeated(&mut self, model: &Model, before: &[Transfer]) -> Option<Transfer> {
        if self.random.chance(200)
            && let Some(event) = self.random.pick(before)
        {
            return Some(*event);
        }
        if self.random.chance(200) {
            let burned: Vec<_> = model.books.burned.iter().copied().collect();
            let id = self.random.pick(&burned).copied();
            let movement = self.movement(model)?;
            return Some(id.map_or(movement, |id| Transfer { id, ..movement }));
        }
        let ids: Vec<_> = model.books.transfers.keys().copied().collect();
        let id = self.random.pick(&ids)?;
        let mut old = model.books.transfers.get(id)?.transfer;
        if self.random.chance(300) {
            self.spoil(&mut old);
        }
        Some(old)
    }

    fn movement(&mut self, model: &Model) -> Option<Transfer> {
        // The accounts of the payments belong to the node.
        let own = model.books.accounts.values().map(|state| &state.account);
        let ids: Vec<AccountId> = own
            .filter(|account| self.assets.contains(&account.asset))
            .map(|account| account.id)
            .collect();
        let debit = *self.random.pick(&ids)?;
        let asset = model.books.accounts.get(&debit)?.account.asset;
        let same: Vec<AccountId> = model
            .books
            .accounts
            .values()
            .filter(|state| state.account.asset == asset && state.account.id != debit)
            .map(|state| state.account.id)
            .collect();
        let credit = *self.random.pick(&same)?;
        let mix = self.plan.mix.clone();
        let balancing = self.sides(mix.balancing);
        let kind = if self.random.chance(mix.pending) {
            let seconds =
                if self.random.chance(mix.timeouts) { self.random.between(1, 60) } else { 0 };
            let timeout_seconds = u32::try_from(seconds).unwrap_or(0);
            Kind::Pending { timeout_seconds, balancing, closing: self.sides(mix.closing) }
        } else {
            Kind::Single { balancing }
        };
        let amount = if self.random.chance(mix.wide) {
            self.random.wide() >> self.random.below(3)
        } else {
            let bits = self.random.below(12);
            u128::from(self.random.below(1 << bits))
        };
        Some(Transfer {
            id: TransferId::new(self.id()).ok()?,
            kind,
            debit_account: debit,
            credit_account: credit,
            asset,
            amount,
            code: u16::try_from(self.random.between(1, 4)).unwrap_or(1),
            user_data: u128::from(self.random.below(5)),
            user_data_64: self.random.below(5),
            user_data_32: u32::try_from(self.random.below(5)).unwrap_or(0),
            linked: false,
        })
    }

    fn sides(&mut self, rate: u64) -> Sides {
        let debit = self.random.chance(rate);
        let credit = self.random.chance(rate);
        Sides { debit, credit }
    }

    fn resolution(&mut self, model: &Model, before: &[Transfer]) -> Option<Transfer> {
        let is_hold = |event: &&Transfer| matches!(event.kind, Kind::Pending { .. });
        let fresh: Vec<&Transfer> = before.iter().filter(is_hold).collect();
        let hold = if self.random.chance(200) && !fresh.is_empty() {
            **self.random.pick(&fresh)?
        } else if self.random.chance(900) {
            let open: Vec<_> = model.books.open.iter().collect();
            model.books.transfers.get(self.random.pick(&open)?)?.transfer
        } else {
            // One that is no hold, or not any more.
            let ids: Vec<_> = model.books.transfers.keys().collect();
            model.books.transfers.get(self.random.pick(&ids)?)?.transfer
        };
        if !self.assets.contains(&hold.asset) {
            return None;
        }
        let id = TransferId::new(self.id()).ok()?;
        let mut event = match self.random.below(5) {
            0 | 1 => hold.void(id),
            2 => hold.post(id, AMOUNT_MAX),
            3 => hold.post(id, hold.amount / 2),
            _ => hold.post(id, hold.amount),
        };
        if self.random.chance(200) {
            event.user_data = u128::from(self.random.below(5));
        }
        Some(event)
    }

    fn spoil(&mut self, event: &mut Transfer) {
        let other = |random: &mut Random| u128::from(random.between(1, 50));
        match self.random.below(11) {
            0 => event.code = 0,
            1 => event.amount = event.amount.wrapping_add(1),
            2 => event.user_data ^= 1,
            3 => event.user_data_64 ^= 1,
            4 => event.user_data_32 ^= 1,
            5 => event.credit_account = event.debit_account,
            6 => {
                event.debit_account =
                    AccountId::new(other(&mut self.random)).unwrap_or(event.debit_account);
            }
            7 => {
                event.credit_account =
                    AccountId::new(other(&mut self.random)).unwrap_or(event.credit_account);
            }
            8 => event.asset = self.random.pick(&self.assets).copied().unwrap_or(event.asset),
            9 => event.linked = !event.linked,
            _ => {
                let id = if self.random.chance(300) { 0 } else { other(&mut self.random) };
                let pending_id = TransferId::new(id).unwrap_or(event.id);
                event.kind = match event.kind {
                    Kind::Post { .. } => Kind::Post { pending_id },
                    Kind::Void { .. } => Kind::Void { pending_id },
                    Kind::Pending { timeout_seconds, balancing, closing } => {
                        let timeout_seconds = timeout_seconds + 1;
                        Kind::Pending { timeout_seconds, balancing, closing }
                    }
                    Kind::Single { .. } => Kind::Single { balancing: Sides::BOTH },
                };
            }
        }
    }
}
