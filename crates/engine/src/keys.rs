//! Keys of the open channels, shared between the writer and those who check signatures for it.
//!
//! Invariants: the writer alone adds and removes channels; nothing here decides about money, so a
//! look at an older state does no harm: the writer judges every statement again by its numbers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use instrument::channel::{ChannelTerms, TickLink, VoucherKey};
use money::ChannelId;

/// What checks about one channel need.
#[derive(Debug)]
pub(crate) struct ChannelKeys {
    terms: ChannelTerms,
    /// Decoded when it is first used: a start need not do that for every channel.
    voucher_key: OnceLock<Option<VoucherKey>>,
    /// The newest tick that was checked. Ticks are checked one call after the other.
    newest_tick: Mutex<(u32, TickLink)>,
}

/// The open channels.
#[derive(Debug, Clone, Default)]
pub(crate) struct Keys(Arc<RwLock<HashMap<ChannelId, Arc<ChannelKeys>>>>);
