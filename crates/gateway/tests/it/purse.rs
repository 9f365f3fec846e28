//! A payer's channel: keys, terms and a running count, worded in either dialect.

use std::cell::Cell;

use http402::mpp::Intent;
use http402::x402::{Payment, Scheme};
use http402::{Dialect, Instrument};
use instrument::channel::{
    ChannelTerms, Close, SignedVoucher, Tick, TickChain, TickLink, TopUp, Voucher,
};
use instrument::{KeyPair, Signed};
use money::{Amount, ChannelId};

use crate::books::{Books, START_MS, author, usd};
use crate::client::Got;
use crate::dialects::{credential, offered};

/// What most channels hold.
pub const DEPOSIT: u128 = 100_000;
pub const CLOSE_DELAY_SECONDS: u32 = 3_600;
const TICK_COUNT: u32 = 10_000;
/// What a tick pays.
pub const TICK_UNITS: u128 = 10;

/// The dialects that know channels.
pub const BOTH: [Dialect; 2] = [Dialect::X402V2, Dialect::Mpp];

pub struct Purse {
    signer: KeyPair,
    pub voucher_key: KeyPair,
    pub terms: ChannelTerms,
    chain_seed: [u8; 32],
    sequence: Cell<u64>,
    cumulative: Cell<u128>,
}

impl Purse {
    pub fn new(books: &Books, salt: u8) -> Self {
        Self::with(books, salt, |_| ())
    }

    /// A channel on terms that were changed before they are signed.
    pub fn with(books: &Books, salt: u8, change: impl FnOnce(&mut ChannelTerms)) -> Self {
        let voucher_key = KeyPair::from_seed(&[200 + salt; 32]);
        let (chain_seed, salt) = ([100 + salt; 32], [salt; 16]);
        let chain = TickChain::new(&chain_seed, &salt, TICK_COUNT).unwrap();
        let mut terms = ChannelTerms {
            node: books.engine.node(),
            salt,
            payer: books.payer.account(),
            signer: books.payer.key.public(),
            voucher_key: voucher_key.public(),
            payee: author(),
            deposit: Amount::new(DEPOSIT, usd()),
            tick_root: chain.newest().link,
            tick_units: TICK_UNITS,
            tick_count: TICK_COUNT,
            close_delay_seconds: CLOSE_DELAY_SECONDS,
            expires_at_ms: START_MS + 7 * 24 * 60 * 60 * 1000,
            mandate: None,
        };
        change(&mut terms);
        let signer = KeyPair::from_seed(&[1; 32]);
        let count = (Cell::new(0), Cell::new(0));
        Self { signer, voucher_key, terms, chain_seed, sequence: count.0, cumulative: count.1 }
    }

    pub fn id(&self) -> ChannelId {
        self.terms.channel()
    }

    /// The next voucher, for `add` base units more.
    pub fn pay(&self, add: u128) -> SignedVoucher {
        self.sequence.set(self.sequence.get() + 1);
        self.cumulative.set(self.cumulative.get() + add);
        self.voucher(self.sequence.get(), self.cumulative.get())
    }

    /// Any voucher.
    pub fn voucher(&self, sequence: u64, cumulative: u128) -> SignedVoucher {
        let voucher = Voucher { channel: self.id(), sequence, cumulative };
        Signed::sign(voucher, &self.voucher_key)
    }

    pub fn open(&self, voucher: SignedVoucher) -> Instrument {
        Instrument::Open { terms: Box::new(Signed::sign(self.terms, &self.signer)), voucher }
    }

    /// The link of the chain that pays for so many ticks.
    pub fn tick(&self, index: u32) -> Instrument {
        let mut chain = TickChain::new(&self.chain_seed, &self.terms.salt, TICK_COUNT).unwrap();
        let mut tick = chain.newest();
        while tick.index < index {
            tick = chain.reveal().unwrap();
        }
        Instrument::Tick { channel: self.id(), tick }
    }

    pub fn wrong_tick(&self, index: u32) -> Instrument {
        Instrument::Tick { channel: self.id(), tick: Tick { index, link: TickLink([7; 16]) } }
    }

    pub fn top_up(&self, deposit: u128, voucher: Option<SignedVoucher>) -> Instrument {
        let top_up = Signed::sign(TopUp { channel: self.id(), deposit }, &self.signer);
        Instrument::TopUp { top_up, voucher }
    }

    pub fn close(&self, cumulative: u128) -> Instrument {
        Instrument::Close(Signed::sign(Close { channel: self.id(), cumulative }, &self.voucher_key))
    }
}

/// A payment from a channel as a header, for the challenge of `asked`.
pub fn header(dialect: Dialect, asked: &Got, instrument: &Instrument) -> (String, String) {
    if dialect == Dialect::Mpp {
        return credential(&offered(asked, Intent::Session), instrument);
    }
    let required = asked.required();
    let accepted = required
        .accepts
        .iter()
        .find(|terms| terms.scheme == Scheme::BatchSettlement)
        .unwrap_or_else(|| panic!("no channel pays here: {required:?}"));
    let payment = Payment {
        dialect,
        accepted,
        instrument,
        resource_url: Some(&required.resource.url),
        extensions: None,
    };
    let (name, value) = payment.encode_header().unwrap();
    (name.as_str().to_owned(), value.to_str().unwrap().to_owned())
}
