//! One channel as the oracle remembers it, and what can be said of it alone.

use engine::{ClaimToken, OpenChannel, Present, Proof};
use instrument::channel::Close;
use instrument::{PublicKey, PurchaseDigest, Signed};

use super::stream::{Good, Stream, follow};
use crate::request::Answer;

/// A channel, open or closed.
#[derive(Debug, Clone)]
pub struct Channel {
    pub command: Box<OpenChannel>,
    pub stream: Stream,
    /// Number of the ledger's hold.
    pub hold: u64,
    /// The last request that was begun durably.
    pub(super) bought: Option<Bought>,
    pub(super) lease: Option<Lease>,
    /// The last lease and the total with which it ended.
    pub(super) ended: Option<(ClaimToken, u128)>,
    pub(super) copies: Vec<(u64, Box<Present>)>,
    pub(super) awaiting: Option<Awaiting>,
}

/// A request that was begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bought {
    pub proof: Named,
    pub purchase: PurchaseDigest,
    pub charged: u128,
}

/// What a request is told apart by: voucher or tick, its number, and all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Named {
    pub number: (bool, u64),
    pub content: [u8; 16],
}

#[derive(Debug, Clone)]
pub(super) struct Lease {
    pub token: Option<ClaimToken>,
    pub proof: Named,
    pub purchase: PurchaseDigest,
    /// Gone with the process, until something is charged.
    pub pending: Option<Good>,
    pub seconds: u64,
    pub ends_ns: u64,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Awaiting {
    pub number: u64,
    pub above: u128,
    pub until_ns: u64,
}

/// A refusal is its code.
pub(super) type Done<T> = Result<T, &'static str>;

impl Channel {
    /// What outlives the process.
    pub fn kept(&self) -> impl PartialEq + use<> {
        (self.stream, self.hold, self.bought)
    }

    /// The numbers, the request that is being served taken into account.
    pub fn running(&self) -> Stream {
        let mut stream = self.stream;
        if let Some(good) = self.lease.as_ref().and_then(|lease| lease.pending) {
            // It began with the same proof, so it begins again.
            let _ = stream.begin(self.command.terms.get(), good, 0);
        }
        stream
    }

    /// The process has ended.
    pub(super) fn restart(&mut self) {
        (self.lease, self.ended, self.awaiting) = (None, None, None);
        self.copies.clear();
    }

    pub(super) fn answer(&self) -> Answer {
        Answer::Channel(self.stream.seen())
    }

    /// Whether a proof is good.
    pub(super) fn good(&self, proof: &Proof) -> Done<Good> {
        let terms = self.command.terms.get();
        match proof {
            Proof::Voucher(voucher) => {
                let wrong = "voucher_signature";
                voucher.verify_with(&terms.voucher_key).map_err(|_| wrong)?;
                let voucher = voucher.unverified();
                Ok(Good::Voucher(voucher.sequence, voucher.cumulative))
            }
            Proof::Tick { tick, .. } => follow(terms, self.running().tick, *tick),
        }
    }

    pub(super) fn has_ended(&self, token: ClaimToken, total: Option<u128>) -> bool {
        self.ended == Some((token, self.stream.spent))
            && total.is_none_or(|total| total == self.stream.spent)
    }

    pub(super) fn check_lease(&self, token: ClaimToken) -> Done<()> {
        let is_own = match &self.lease {
            Some(lease) => lease.token == Some(token),
            None => self.stream.reserve_ends_ms.is_some(),
        };
        if is_own { Ok(()) } else { Err("lease_lost") }
    }

    /// What the running request began with outlives the process from now on.
    pub(super) fn keep_begun(&mut self) {
        let running = self.running();
        if let Some(lease) = &mut self.lease
            && lease.pending.take().is_some()
        {
            let (proof, purchase) = (lease.proof, lease.purchase);
            self.stream = running;
            self.bought = Some(Bought { proof, purchase, charged: 0 });
        }
    }

    /// What the request has cost follows what is spent.
    pub(super) fn charge(&mut self, before: u128) {
        let spent = self.stream.spent;
        if let Some(bought) = &mut self.bought {
            bought.charged = (bought.charged + spent).saturating_sub(before);
        }
    }

    pub(super) fn renew(&mut self, from_ns: u64) {
        if let Some(lease) = &mut self.lease {
            lease.ends_ns = from_ns + lease.seconds * 1_000_000_000;
        }
    }

    pub(super) fn may_close(&self, close: &Signed<Close>) -> Done<()> {
        let terms = self.command.terms.get();
        let fits = |key: &PublicKey| close.verify_with(key).is_ok();
        if [terms.voucher_key, terms.signer].iter().any(fits) {
            Ok(())
        } else {
            Err("close_signature")
        }
    }
}

impl Named {
    pub(super) fn of(proof: &Proof) -> Self {
        match proof {
            Proof::Voucher(voucher) => {
                let voucher = voucher.unverified();
                let number = (false, voucher.sequence);
                Self { number, content: voucher.cumulative.to_be_bytes() }
            }
            Proof::Tick { tick, .. } => {
                Self { number: (true, u64::from(tick.index)), content: tick.link.0 }
            }
        }
    }
}
