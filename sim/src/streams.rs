//! Channels that clients open, and what they and the gateways do with them.
//!
//! A client knows what it was told, so it draws from the oracle's channels; now and then it is wrong
//! on purpose: another key, an old number, too much, somebody else's lease.

use std::collections::BTreeMap;

use engine::{ChannelPhase, ClaimToken, Closing, OpenChannel, Present, PresentMode, Proof};
use instrument::channel::{ChannelTerms, Close, Tick, TickLink, TopUp, Voucher};
use instrument::{KeyPair, PurchaseDigest, Signed, payer_account};
use money::{AccountId, Amount, Asset, ChannelId, NodeId, Shares};

use crate::oracle::{Model, Stream, link_below};
use crate::purchases::{PAYEES, PAYERS, key, node, payee};
use crate::random::Random;
use crate::request::{Request, Step};

/// Links of each chain.
const TICKS: u32 = 40;

/// Requests that are remembered, to be presented again.
const REMEMBERED_MAX: usize = 40;

/// Clients with channels, and the gateways that serve them.
#[derive(Debug)]
pub struct Streams {
    random: Random,
    asset: Option<Asset>,
    opened: Vec<OpenChannel>,
    presented: Vec<Present>,
    /// Leases that somebody was told to go on with.
    pub begun: BTreeMap<ChannelId, ClaimToken>,
}

/// The payee whose channels are settled by themselves.
pub fn limited_payee() -> Option<AccountId> {
    payee(1)
}

impl Streams {
    pub fn new(random: Random) -> Self {
        let asset = Asset::new("USD", 9).ok();
        let (opened, presented) = (Vec::new(), Vec::new());
        Self { random, asset, opened, presented, begun: BTreeMap::new() }
    }

    /// Every channel that anybody tried to open.
    pub fn ids(&self) -> Vec<ChannelId> {
        self.opened.iter().map(|command| command.terms.channel()).collect()
    }

    /// The next step of somebody.
    pub fn request(&mut self, model: &Model) -> Option<Request> {
        let open = model.channels.values().filter(|one| one.stream.phase == ChannelPhase::Open);
        // Few are enough, so that much happens on each.
        let is_enough = open.count() >= 4 && self.random.chance(900);
        let step = match self.random.below(20) {
            0..=1 if !is_enough => self.open(model),
            2 => self.random.pick(&self.opened).cloned().map(|old| Step::Open(Box::new(old))),
            3 => self.top_up(model),
            0..=1 | 4..=6 => self.present(model),
            7..=8 => {
                self.random.pick(&self.presented).cloned().map(|old| Step::Present(Box::new(old)))
            }
            9..=10 => self.proof(model).map(Step::Accept),
            11 => self.proof(model).map(Step::Claim),
            12..=16 => self.lease_step(model),
            17 => self.any(model).map(|(command, _)| Step::Settle(command.terms.channel())),
            _ => self.close(model),
        };
        step.or_else(|| self.open(model)).map(Request::Channel)
    }

    fn open(&mut self, model: &Model) -> Option<Step> {
        let asset = self.asset?;
        let number = u8::try_from(self.random.between(1, u64::from(PAYERS))).ok()?;
        let signer = key(number);
        let pay_to = payee(u128::from(self.random.between(1, 4)).min(PAYEES))?;
        let salt = self.random.wide().to_be_bytes();
        let has_ticks = self.random.chance(600);
        let root = links(&salt).last().copied()?;
        let life_ms = *self.random.pick(&[5_000, 100_000, 5_000_000])?;
        let expires_at_ms = if self.random.chance(20) {
            model.entry_ms() - 10_000
        } else {
            model.entry_ms() + life_ms
        };
        let terms = ChannelTerms {
            node: if self.random.chance(20) { NodeId::new(1).ok()? } else { node() },
            salt,
            payer: payer_account(&signer.public(), asset),
            signer: signer.public(),
            voucher_key: voucher_key(number).public(),
            payee: pay_to,
            deposit: Amount::new(u128::from(self.random.between(0, 1_500)), asset),
            tick_root: if has_ticks { root } else { TickLink([0; 16]) },
            tick_units: if has_ticks { u128::from(self.random.between(1, 40)) } else { 0 },
            tick_count: if has_ticks { TICKS } else { 0 },
            close_delay_seconds: *self.random.pick(&[1, 60, 3_600])?,
            expires_at_ms,
            mandate: None,
        };
        let terms = Signed::sign(terms, &signer).verify().ok()?;
        let (split, tags) = (self.split(), engine::Tags::default());
        let command =
            OpenChannel { terms, split, description: "a stream".to_owned(), origin: None, tags };
        self.opened.push(command.clone());
        Some(Step::Open(Box::new(command)))
    }

    fn split(&mut self) -> Option<(Vec<AccountId>, Shares)> {
        let is_split = self.random.chance(300);
        let shares = is_split.then(|| Shares::new(vec![700_000, 290_000, 10_000]).ok()).flatten();
        shares.map(|shares| ((1..=PAYEES).filter_map(payee).collect(), shares))
    }

    /// Some channel, mostly one that is open, and its numbers.
    fn any(&mut self, model: &Model) -> Option<(OpenChannel, Stream)> {
        let is_any = self.random.chance(100);
        let all = model
            .channels
            .values()
            .filter(|channel| is_any || channel.stream.phase != ChannelPhase::Closed);
        let all: Vec<_> = all.map(|channel| (&*channel.command, channel.running())).collect();
        self.random.pick(&all).map(|(command, stream)| ((*command).clone(), *stream))
    }

    fn top_up(&mut self, model: &Model) -> Option<Step> {
        let (command, stream) = self.any(model)?;
        let change = u128::from(self.random.below(800));
        let deposit = if self.random.chance(100) {
            stream.deposit.saturating_sub(change)
        } else {
            stream.deposit + change
        };
        let channel = command.terms.channel();
        let signer = self.signer(&command, false)?;
        Some(Step::TopUp(Signed::sign(TopUp { channel, deposit }, &signer)))
    }

    /// The key that should sign, or, seldom, another one.
    fn signer(&mut self, command: &OpenChannel, is_voucher: bool) -> Option<KeyPair> {
        let mut number =
            (1..=PAYERS).find(|number| key(*number).public() == command.terms.get().signer)?;
        if self.random.chance(30) {
            number += 1;
        }
        Some(if is_voucher { voucher_key(number) } else { key(number) })
    }

    /// A voucher or a tick, mostly a further one.
    fn proof(&mut self, model: &Model) -> Option<Proof> {
        let (command, stream) = self.any(model)?;
        self.proof_of(&command, &stream)
    }

    fn proof_of(&mut self, command: &OpenChannel, stream: &Stream) -> Option<Proof> {
        let channel = command.terms.channel();
        let terms = command.terms.get();
        if terms.tick_count > 0 && self.random.chance(300) {
            let next = u64::from(stream.tick.index);
            let index = match self.random.below(10) {
                0 => next.saturating_sub(self.random.below(3)),
                1 => u64::from(TICKS) + 1,
                _ => next + self.random.between(1, 5),
            };
            let index = u32::try_from(index).ok()?;
            let place = TICKS.saturating_sub(index.min(TICKS));
            let mut link = *links(&terms.salt).get(usize::try_from(place).ok()?)?;
            if self.random.chance(50) {
                link.0[3] ^= 1;
            }
            return Some(Proof::Tick { channel, tick: Tick { index, link } });
        }
        let sequence = match self.random.below(12) {
            0 => stream.sequence.saturating_sub(1),
            1 => stream.sequence,
            _ => stream.sequence + self.random.between(1, 3),
        };
        let room = u64::try_from(stream.deposit.saturating_sub(stream.accepted)).unwrap_or(0);
        let cumulative = match self.random.below(12) {
            0 => stream.cumulative.saturating_sub(1),
            1 => stream.deposit + 1,
            2 => stream.cumulative,
            _ => stream.accepted + u128::from(self.random.between(0, room.min(200))),
        };
        let signer = self.signer(command, true)?;
        Some(Proof::Voucher(Signed::sign(Voucher { channel, sequence, cumulative }, &signer)))
    }

    fn present(&mut self, model: &Model) -> Option<Step> {
        let (command, stream) = self.any(model)?;
        let proof = self.proof_of(&command, &stream)?;
        let terms = command.terms.get();
        let pay_to = if self.random.chance(30) { payee(2)? } else { terms.payee };
        let split = if self.random.chance(30) { self.split() } else { command.split.clone() };
        let purchase = PurchaseDigest([u8::try_from(self.random.below(2)).ok()?; 32]);
        let mode = *self.random.pick(&[PresentMode::Lease, PresentMode::Reserve])?;
        let command = Present {
            proof,
            purchase,
            pay_to,
            split,
            start: Amount::new(u128::from(self.random.below(30)), terms.deposit.asset()),
            unit_price: None,
            mode,
            lease_seconds: u32::try_from(self.random.between(1, 90)).ok()?,
            origin: None,
        };
        if self.presented.len() < REMEMBERED_MAX {
            self.presented.push(command.clone());
        } else {
            let index = self.random.index(self.presented.len());
            *self.presented.get_mut(index)? = command.clone();
        }
        Some(Step::Present(Box::new(command)))
    }

    /// What comes after a request has begun: by the one who has the lease, or who once had it.
    fn lease_step(&mut self, model: &Model) -> Option<Step> {
        let begun: Vec<_> = self.begun.iter().map(|(id, lease)| (*id, *lease)).collect();
        let (id, lease) = *self.random.pick(&begun)?;
        let lease = if self.random.chance(50) { ClaimToken(lease.0 ^ 1) } else { lease };
        let stream = model.channels.get(&id)?.running();
        let step = self.random.below(10);
        let more = u128::from(self.random.below(120));
        let total = match step {
            0 => stream.spent.saturating_sub(more),
            1 => stream.spent,
            2 => stream.accepted + 1,
            _ => stream.spent + more.min(stream.accepted.saturating_sub(stream.spent)),
        };
        Some(match self.random.below(10) {
            0 => Step::GiveUp(id, lease),
            1 => {
                let wait_ms = *self.random.pick(&[0, 1_000, 30_000])?;
                Step::Await(id, lease, stream.accepted, wait_ms)
            }
            2..=4 => Step::Spend(id, lease, total, true),
            _ => Step::Spend(id, lease, total, false),
        })
    }

    fn close(&mut self, model: &Model) -> Option<Step> {
        let (command, stream) = self.any(model)?;
        let channel = command.terms.channel();
        if self.random.chance(200) {
            return Some(Step::Close(Closing::ByPayee(channel)));
        }
        let by_voucher_key = self.random.chance(500);
        let signer = self.signer(&command, by_voucher_key)?;
        let close = Signed::sign(Close { channel, cumulative: stream.spent }, &signer);
        let agreed = self.random.chance(400);
        Some(Step::Close(if agreed { Closing::Agreed(close) } else { Closing::ByPayer(close) }))
    }
}

fn voucher_key(number: u8) -> KeyPair {
    key(number + 100)
}

/// The links of a chain from its end to its root.
fn links(salt: &[u8; 16]) -> Vec<TickLink> {
    let mut links = vec![TickLink(*salt)];
    for index in (1..=TICKS).rev() {
        let above = links.last().copied().unwrap_or(TickLink(*salt));
        links.push(link_below(salt, index, above));
    }
    links
}
