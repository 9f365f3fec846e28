//! The payer's side of a channel: its terms, its count of vouchers, and its signatures.
//!
//! Invariants: no two vouchers carry the same sequence; totals only rise and never pass the
//! deposit; a state told by others is taken over only as far as this key's own signature proves it.
//! Must not decide how much a purchase is worth: that is the caller's limit.

use std::sync::{Arc, Mutex, PoisonError};

use http402::ChannelState;
use instrument::channel::{ChannelTerms, Close, SignedVoucher, TopUp, Voucher, VoucherKey};
use instrument::{KeyPair, Signed, payer_account};
use money::{AccountId, Amount, ChannelId, NodeId};

use crate::clock::now_ms;
use crate::error::{Error, Kind};

/// What a channel is opened with.
#[derive(Debug, Clone, Copy)]
pub struct Opening {
    /// The node that holds both accounts.
    pub node: NodeId,
    /// Account that is paid.
    pub payee: AccountId,
    /// What is held at first.
    pub deposit: Amount,
    /// How long the payee can claim after the payer alone has asked to close.
    pub close_delay_seconds: u32,
    /// The channel closes by itself after this time.
    pub lifetime_seconds: u32,
}

/// An open channel. Clones share one count.
#[derive(Clone)]
pub struct Channel {
    key: KeyPair,
    terms: ChannelTerms,
    id: ChannelId,
    count: Arc<Mutex<Count>>,
}

#[derive(Debug, Clone, Copy)]
struct Count {
    deposit: u128,
    sequence: u64,
    cumulative: u128,
}

impl std::fmt::Debug for Channel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Channel");
        shown.field("id", &self.id).field("count", &self.count()).finish_non_exhaustive()
    }
}

impl Channel {
    /// Terms for a new channel, signed by `key`, which signs its vouchers too. Nothing is held
    /// before the terms are presented.
    pub fn prepare(key: &KeyPair, opening: &Opening) -> Result<Self, Error> {
        Self::prepare_with(key, opening, |_| {})
    }

    /// As [`Channel::prepare`]; `adjust` may set the tick chain before anything is signed.
    pub fn prepare_with(
        key: &KeyPair,
        opening: &Opening,
        adjust: impl FnOnce(&mut ChannelTerms),
    ) -> Result<Self, Error> {
        let mut salt = [0; 16];
        getrandom::fill(&mut salt).map_err(|_| Error::new(Kind::Random))?;
        let lifetime_ms = u64::from(opening.lifetime_seconds) * 1_000;
        let mut terms = ChannelTerms {
            node: opening.node,
            salt,
            payer: payer_account(&key.public(), opening.deposit.asset()),
            signer: key.public(),
            voucher_key: key.public(),
            payee: opening.payee,
            deposit: opening.deposit,
            tick_root: instrument::channel::TickLink([0; 16]),
            tick_units: 0,
            tick_count: 0,
            close_delay_seconds: opening.close_delay_seconds,
            expires_at_ms: now_ms().saturating_add(lifetime_ms),
            mandate: None,
        };
        adjust(&mut terms);
        let count = Count { deposit: terms.deposit.units(), sequence: 0, cumulative: 0 };
        Ok(Self {
            key: key.clone(),
            id: terms.channel(),
            terms,
            count: Arc::new(Mutex::new(count)),
        })
    }

    /// Its id.
    pub fn id(&self) -> ChannelId {
        self.id
    }

    /// Its terms.
    pub fn terms(&self) -> &ChannelTerms {
        &self.terms
    }

    /// The terms with their signature.
    pub fn signed_terms(&self) -> Signed<ChannelTerms> {
        Signed::sign(self.terms, &self.key)
    }

    /// What is held for it in all.
    pub fn deposit(&self) -> Amount {
        Amount::new(self.count().deposit, self.terms.deposit.asset())
    }

    /// What the newest voucher allows.
    pub fn cumulative(&self) -> u128 {
        self.count().cumulative
    }

    /// A voucher with the next sequence for `total` base units since the channel opened, or for
    /// what the last one allowed if that is more.
    ///
    /// Errors: the total is above the deposit.
    pub fn voucher(&self, total: u128) -> Result<SignedVoucher, Error> {
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        let cumulative = total.max(count.cumulative);
        if cumulative > count.deposit {
            let asset = self.terms.deposit.asset();
            let (price, limit) =
                (Amount::new(cumulative, asset), Amount::new(count.deposit, asset).to_string());
            return Err(Error::new(Kind::OverLimit { price, limit })
                .with_hint("top the channel up, or open one with a larger deposit"));
        }
        count.sequence = count.sequence.saturating_add(1);
        count.cumulative = cumulative;
        let voucher = Voucher { channel: self.id, sequence: count.sequence, cumulative };
        Ok(Signed::sign(voucher, &self.key))
    }

    /// A top-up to a whole deposit of `deposit` base units.
    pub fn top_up(&self, deposit: u128) -> Signed<TopUp> {
        Signed::sign(TopUp { channel: self.id, deposit }, &self.key)
    }

    /// The node has taken a top-up.
    pub fn topped_up(&self, deposit: u128) {
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        count.deposit = count.deposit.max(deposit);
    }

    /// The wish to close, with what the payee has earned as far as this side knows.
    pub fn close(&self, earned: u128) -> Signed<Close> {
        Signed::sign(Close { channel: self.id, cumulative: earned }, &self.key)
    }

    /// Takes over a state that a seller told, for a payer that has lost count. What is not proven
    /// by a voucher of this key is not believed.
    ///
    /// Errors: it is another channel's, or its voucher is not signed by this key.
    pub fn recover(&self, state: &ChannelState) -> Result<(), Error> {
        let refuse =
            |why: &str| Err(Error::answer(format!("the seller's state of the channel {why}")));
        if state.channel != self.id {
            return refuse("is another channel's");
        }
        let Some(voucher) = state.voucher else { return Ok(()) };
        let named = *voucher.unverified();
        let key = VoucherKey::new(self.key.public())
            .map_err(|_| Error::argument("the wallet's key cannot sign vouchers"))?;
        if named.channel != self.id || voucher.verify(&key).is_err() {
            return refuse("holds a voucher that this wallet has not signed");
        }
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        count.sequence = count.sequence.max(named.sequence);
        count.cumulative = count.cumulative.max(named.cumulative);
        Ok(())
    }

    fn count(&self) -> Count {
        *self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
