//! Keys of the open channels, shared between the writer and those who check signatures for it.
//!
//! Invariants: the writer alone adds and removes channels. A channel's id binds its terms, so a
//! signature that fits them fits for ever; what may change, the newest tick, is judged again by the
//! writer. So a look at an older state does no harm.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};

use instrument::channel::{
    ChannelTerms, Close, SignedVoucher, TICK_JUMP_STEPS_MAX, Tick, TickCursor, TickError, TopUp,
    VerifiedAdvance, VerifiedVoucher, VoucherKey,
};
use instrument::{PublicKey, SignatureError, Signed, Statement, Verified};
use money::ChannelId;

/// What checks about one channel need.
#[derive(Debug)]
pub(crate) struct ChannelKeys {
    terms: ChannelTerms,
    /// Keys that may sign a wish to close.
    closers: Vec<PublicKey>,
    /// Decoded when it is first used, so that a start need not do it for every channel. `None` if
    /// it is no key, which the opening has excluded.
    voucher_key: OnceLock<Option<Arc<VoucherKey>>>,
    /// The newest tick that was checked: the channel's own, or a little ahead of it. Locked for
    /// moments only, because the writer takes it too.
    cursor: Mutex<TickCursor>,
    /// Held by whoever follows ticks, which may be thousands of steps.
    following: Mutex<()>,
}

impl ChannelKeys {
    /// Keys of a channel that stands at this tick; `closers` may sign a wish to close it.
    pub(crate) fn new(terms: ChannelTerms, closers: Vec<PublicKey>, newest: Tick) -> Self {
        let cursor = Mutex::new(TickCursor::at(&terms, newest));
        let following = Mutex::new(());
        Self { terms, closers, voucher_key: OnceLock::new(), cursor, following }
    }

    /// The key of the channel's vouchers.
    pub(crate) fn voucher_key(&self) -> Result<&Arc<VoucherKey>, SignatureError> {
        let decode = || VoucherKey::new(self.terms.voucher_key).ok().map(Arc::new);
        let key = self.voucher_key.get_or_init(decode);
        key.as_ref().ok_or(SignatureError)
    }

    /// Checks a voucher by itself.
    pub(crate) fn voucher(
        &self,
        voucher: SignedVoucher,
    ) -> Result<VerifiedVoucher, SignatureError> {
        voucher.verify(self.voucher_key()?)
    }

    /// Checks a top-up, which the signer of the terms signs.
    pub(crate) fn top_up(&self, top_up: Signed<TopUp>) -> Result<Verified<TopUp>, SignatureError> {
        top_up.verify_with(&self.terms.signer)
    }

    /// Checks a wish to close.
    pub(crate) fn close(&self, close: Signed<Close>) -> Result<Verified<Close>, SignatureError> {
        verify_any(close, &self.closers)
    }

    /// Follows ticks to the highest of them, or as far as they are good: the advance, and why the
    /// first bad one is refused. `hand_on` gets them before any later tick of the channel is
    /// followed, so that their order stays.
    pub(crate) fn follow<T>(
        &self,
        ticks: &[Tick],
        hand_on: impl FnOnce(Option<VerifiedAdvance>, Option<(Tick, TickError)>) -> T,
    ) -> T {
        let _in_turn = self.following.lock().unwrap_or_else(PoisonError::into_inner);
        let cursor = *self.cursor();
        let (advance, refused) = self.advance(&cursor, ticks);
        // If the writer has gone back meanwhile, it judges this advance too, and goes back again.
        if let Some(advance) = advance {
            *self.cursor() = TickCursor::at(&self.terms, advance.to());
        }
        hand_on(advance, refused)
    }

    /// The writer has refused a tick: the newest is this one after all. Waits for nobody who follows
    /// ticks, or strangers with wrong ones could hold the writer up.
    pub(crate) fn go_back_to(&self, newest: Tick) {
        *self.cursor() = TickCursor::at(&self.terms, newest);
    }

    /// All ticks between the newest and the highest are hashed on the way, so the highest alone is
    /// followed if it is good.
    fn advance(
        &self,
        cursor: &TickCursor,
        ticks: &[Tick],
    ) -> (Option<VerifiedAdvance>, Option<(Tick, TickError)>) {
        let Some(highest) = ticks.iter().max_by_key(|tick| tick.index) else {
            return (None, None);
        };
        if let Ok(advance) = cursor.verify(*highest) {
            return (Some(advance), None);
        }
        let mut good = *cursor;
        let mut refused = None;
        for tick in ticks {
            let steps = tick.index.saturating_sub(cursor.newest().index);
            // However many there are, one call hashes no more than one tick can ask for.
            let followed = if steps > TICK_JUMP_STEPS_MAX && tick.index <= self.terms.tick_count {
                Err(TickError::Jump { steps, steps_max: TICK_JUMP_STEPS_MAX })
            } else {
                good.advance(*tick).map(drop)
            };
            if let Err(why) = followed {
                refused = Some((*tick, why));
                break;
            }
        }
        (cursor.verify(good.newest()).ok().filter(|advance| advance.steps() > 0), refused)
    }

    fn cursor(&self) -> MutexGuard<'_, TickCursor> {
        self.cursor.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Checks a signature that one of several keys may have made.
pub(crate) fn verify_any<T: Statement + Copy>(
    signed: Signed<T>,
    keys: &[PublicKey],
) -> Result<Verified<T>, SignatureError> {
    let mut fits = keys.iter().filter_map(|key| signed.verify_with(key).ok());
    fits.next().ok_or(SignatureError)
}

/// The open channels.
#[derive(Debug, Clone, Default)]
pub(crate) struct Keys(Arc<RwLock<HashMap<ChannelId, Arc<ChannelKeys>>>>);

impl Keys {
    /// Keys of a channel if it is open.
    pub(crate) fn get(&self, channel: ChannelId) -> Option<Arc<ChannelKeys>> {
        let keys = self.0.read().unwrap_or_else(PoisonError::into_inner);
        keys.get(&channel).map(Arc::clone)
    }

    /// A channel is open.
    pub(crate) fn insert(&self, channel: ChannelId, keys: ChannelKeys) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        all.insert(channel, Arc::new(keys));
    }

    /// A channel is closed.
    pub(crate) fn remove(&self, channel: ChannelId) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(&channel);
    }
}

#[cfg(test)]
mod tests;
