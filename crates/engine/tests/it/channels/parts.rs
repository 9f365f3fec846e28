//! A channel that a test can open, pay from and spoil.

use engine::{
    Begun, ChannelError, ChannelView, ClaimToken, Closing, OpenChannel, Outcome, Present,
    PresentMode, Proof, Spend,
};
use instrument::channel::{ChannelTerms, Close, TICK_LINK_BYTES, Tick, TickLink, TopUp, Voucher};
use instrument::{KeyPair, PurchaseDigest, Signed};
use money::{AccountId, ChannelId, Shares};
use sha2::{Digest, Sha256};

use crate::world::{Granted, START_MS, World, key, node, payee, payer, units};

/// What every channel holds unless a test says otherwise.
pub const DEPOSIT: u128 = 1000;

pub const HOUR_MS: u64 = 3_600_000;

/// Seconds of every lease and reserve.
pub const LEASE_SECONDS: u32 = 30;

pub const TICKS: u32 = 16;

/// A channel of payer 1 to payee 1, right in every part until a test changes one. Its vouchers are
/// signed by key 50.
#[derive(Clone)]
pub struct Channel {
    pub signer: u8,
    pub terms: ChannelTerms,
    pub split: Option<(Vec<AccountId>, Shares)>,
    pub origin: Option<String>,
}

impl Channel {
    pub fn new(salt: u8) -> Self {
        let terms = ChannelTerms {
            node: node(),
            salt: [salt; 16],
            payer: payer(1),
            signer: key(1).public(),
            voucher_key: voucher_key().public(),
            payee: payee(1),
            deposit: units(DEPOSIT),
            tick_root: link(salt, 0),
            tick_units: 10,
            tick_count: TICKS,
            close_delay_seconds: 60,
            expires_at_ms: START_MS + HOUR_MS,
            mandate: None,
        };
        Self { signer: 1, terms, split: None, origin: Some("https://shop.example".to_owned()) }
    }

    pub fn by(mut self, number: u8) -> Self {
        self.signer = number;
        self.terms.signer = key(number).public();
        self.terms.payer = payer(number);
        self
    }

    pub fn to(mut self, number: u128) -> Self {
        self.terms.payee = payee(number);
        self
    }

    pub fn under(mut self, granted: &Granted) -> Self {
        self.signer = granted.delegate;
        self.terms.signer = granted.terms.delegate;
        self.terms.payer = granted.terms.payer;
        self.terms.mandate = Some(granted.terms.id);
        self
    }

    pub fn deposit(mut self, deposit: u128) -> Self {
        self.terms.deposit = units(deposit);
        self
    }

    /// Two thirds to payee 1 and one third to payee 2, nearly.
    pub fn split(mut self) -> Self {
        let shares = Shares::new(vec![666_667, 333_333]).unwrap();
        self.split = Some((vec![payee(1), payee(2)], shares));
        self
    }

    pub fn id(&self) -> ChannelId {
        self.terms.channel()
    }

    pub fn command(&self) -> OpenChannel {
        OpenChannel {
            terms: Signed::sign(self.terms, &key(self.signer)).verify().unwrap(),
            split: self.split.clone(),
            description: "a stream".to_owned(),
            origin: self.origin.clone(),
            tags: engine::Tags::default(),
        }
    }

    pub async fn opened(self, world: &World) -> Self {
        world.engine.open_channel(self.command()).await.unwrap();
        self
    }

    pub fn voucher(&self, sequence: u64, cumulative: u128) -> Proof {
        let voucher = Voucher { channel: self.id(), sequence, cumulative };
        Proof::Voucher(Signed::sign(voucher, &voucher_key()))
    }

    pub fn tick(&self, index: u32) -> Proof {
        let tick = Tick { index, link: link(self.terms.salt[0], index) };
        Proof::Tick { channel: self.id(), tick }
    }

    pub fn top_up(&self, deposit: u128) -> Signed<TopUp> {
        Signed::sign(TopUp { channel: self.id(), deposit }, &key(self.signer))
    }

    pub fn close(&self, cumulative: u128) -> Signed<Close> {
        Signed::sign(Close { channel: self.id(), cumulative }, &voucher_key())
    }

    pub fn present(&self, proof: Proof, start: u128) -> Present {
        Present {
            proof,
            purchase: PurchaseDigest([7; 32]),
            pay_to: self.terms.payee,
            split: self.split.clone(),
            start: units(start),
            unit_price: None,
            mode: PresentMode::Lease,
            lease_seconds: LEASE_SECONDS,
            origin: Some("https://shop.example".to_owned()),
        }
    }

    pub fn reserve(&self, proof: Proof, start: u128) -> Present {
        Present { mode: PresentMode::Reserve, ..self.present(proof, start) }
    }

    pub fn spend(&self, lease: ClaimToken, spent: u128) -> Spend {
        let (outcome, durable_outcome) = (None, false);
        Spend { channel: self.id(), lease, spent, end: false, outcome, durable_outcome }
    }

    pub fn last_spend(&self, lease: ClaimToken, spent: u128, outcome: Option<Outcome>) -> Spend {
        Spend { end: true, outcome, ..self.spend(lease, spent) }
    }

    pub async fn seen(&self, world: &World) -> ChannelView {
        let id = self.id();
        world.engine.read(move |state| state.channel(id)).await.unwrap().unwrap()
    }

    /// One whole request: `charge` base units with the voucher of this sequence for `cumulative`.
    pub async fn buy(&self, world: &World, sequence: u64, cumulative: u128, charge: u128) {
        let proof = self.voucher(sequence, cumulative);
        let (lease, view) = proceed(world, self.present(proof, charge)).await;
        let spend = self.last_spend(lease, view.spent + charge, None);
        world.engine.spend(spend).await.unwrap();
    }

    pub async fn close_by_payee(&self, world: &World) -> Result<ChannelView, ChannelError> {
        world.engine.close_channel(Closing::ByPayee(self.id())).await
    }
}

pub fn voucher_key() -> KeyPair {
    key(50)
}

/// Link of the chain of a salt: hashed down from the end, as the documented format says.
pub fn link(salt: u8, index: u32) -> TickLink {
    let mut link = [9_u8; TICK_LINK_BYTES];
    for above in (index + 1..=TICKS).rev() {
        let digest = Sha256::new()
            .chain_update(b"fthtick1")
            .chain_update([salt; 16])
            .chain_update(above.to_be_bytes())
            .chain_update(link)
            .finalize();
        link.copy_from_slice(&digest[..TICK_LINK_BYTES]);
    }
    TickLink(link)
}

pub async fn proceed(world: &World, command: Present) -> (ClaimToken, ChannelView) {
    match world.engine.present(command).await.unwrap() {
        Begun::Proceed { lease, channel } => (lease, channel),
        other @ Begun::Replay { .. } => panic!("{other:?}"),
    }
}

/// What was charged, and the body of the outcome.
pub async fn replayed(world: &World, command: Present) -> (u128, Option<String>) {
    match world.engine.present(command).await.unwrap() {
        Begun::Replay { charged, outcome, .. } => {
            let body = outcome.map(|outcome| String::from_utf8(outcome.body.to_vec()).unwrap());
            (charged.units(), body)
        }
        other @ Begun::Proceed { .. } => panic!("{other:?}"),
    }
}

/// Deposit, accepted, spent, reserved, settled.
pub fn amounts(view: &ChannelView) -> [u128; 5] {
    [view.deposit, view.accepted, view.spent, view.reserved, view.settled]
}
