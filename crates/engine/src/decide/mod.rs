//! Decisions: pure checks of a command against the state, in the documented order of precedence.
//!
//! A decision changes nothing. It returns the entry to fold and append, or a refusal, which leaves
//! no trace anywhere.

mod batch;
mod channel;
mod counter;
mod document;
mod fund;
mod mandate;
mod payment;
mod refund;
mod settle;

pub(crate) use batch::{check_size, check_transfers};
pub(crate) use channel::{
    Use, check_delegate, check_offer, check_top_up, free_hold, is_any_closed, open_channel,
};
pub(crate) use counter::count;
pub(crate) use document::put;
pub(crate) use fund::{fund, open_account, open_asset};
pub(crate) use mandate::{grant, grant_chain, pause, revoke};
pub(crate) use payment::{At, Known, check_access, check_same_offer, check_terms, known, own_key};
pub(crate) use refund::refund;
pub(crate) use settle::{release_entry, settle_entry};

/// A decision that may find the work already done.
#[derive(Debug)]
pub(crate) enum Decision<T> {
    /// Fold and append this.
    Entry(T),
    /// The same command was carried out before.
    AlreadyDone,
}
