//! Who may grant, pass on, pause and revoke a mandate, and what one allows.

use instrument::{
    Audience, ChainError, Mandate, Pause, Permission, PublicKey, Revocation, TreeMandate,
    UnitPrice, Verified, Wider,
};
use money::{AccountId, Asset, MandateId};

use super::Decision;
use crate::entry::{Entry, PauseSwitched};
use crate::error::{
    AuthorizeError, ChannelError, GrantError, OpenChannelError, PauseError, RevokeError,
};
use crate::state::{Calendar, GrantedMandate, LABEL_BYTES_MAX, State, cut};

/// Most mandates that one account has granted itself, revoked ones included.
const MANDATES_PER_PAYER_COUNT_MAX: usize = 1000;

/// Most mandates of one tree, revoked ones included: who may pass a budget on can fill its own tree
/// only.
const MANDATES_PER_TREE_COUNT_MAX: u32 = 256;

pub(crate) fn grant(
    state: &State,
    mandate: &Verified<Mandate>,
    label: &str,
    now_ms: u64,
) -> Result<Decision<Entry>, GrantError> {
    let terms = mandate.get();
    if terms.node != state.node {
        return Err(GrantError::WrongNode);
    }
    if let Some(existing) = state.mandates.get(terms.id) {
        return if existing.permission == terms.permission() {
            Ok(Decision::AlreadyDone)
        } else {
            Err(GrantError::IdTaken)
        };
    }
    check_root(state, &terms.permission(), now_ms)?;
    Ok(Decision::Entry(Entry::MandateGranted {
        mandate: mandate.to_signed(),
        label: cut(label, LABEL_BYTES_MAX),
    }))
}

fn check_root(state: &State, root: &Permission, now_ms: u64) -> Result<(), GrantError> {
    root.check_root()?;
    if !state.carries(root.asset) {
        return Err(GrantError::UnknownAsset);
    }
    // An account takes money to open, so strangers cannot fill the journal with mandates. Play money
    // is anybody's, so there the rule would only be in the way of trying things out.
    let is_real = state.asset(root.asset.code).is_some_and(|opened| !opened.sandbox);
    if is_real && state.ledger.account(root.payer).is_none() {
        return Err(GrantError::UnknownAccount);
    }
    if now_ms >= root.limits.expires_at_ms {
        return Err(GrantError::Expired);
    }
    if state.mandates.root_count(root.payer) >= MANDATES_PER_PAYER_COUNT_MAX {
        return Err(GrantError::TooMany);
    }
    Ok(())
}

/// The entries that register what is new of a chain, root first. A chain may begin below a mandate
/// that is known.
pub(crate) fn grant_chain(
    state: &State,
    chain: &[Verified<TreeMandate>],
    label: &str,
    now_ms: u64,
) -> Result<Decision<Vec<Entry>>, GrantError> {
    let mut entries = Vec::new();
    let mut above: Option<Permission> = None;
    for mandate in chain {
        let permission = mandate.get().permission();
        if permission.node != state.node {
            return Err(GrantError::WrongNode);
        }
        if above.is_some_and(|above| permission.parent != Some(above.id)) {
            return Err(GrantError::Parent);
        }
        if state.mandates.get(permission.id).is_none() {
            check_new(state, &permission, above.as_ref(), entries.len(), now_ms)?;
            // The label is the payer's word for what it hands in; parents keep theirs.
            entries.push(Entry::TreeMandateGranted {
                mandate: Box::new(mandate.to_signed()),
                label: cut(label, LABEL_BYTES_MAX),
            });
        }
        above = Some(permission);
    }
    Ok(if entries.is_empty() { Decision::AlreadyDone } else { Decision::Entry(entries) })
}

/// Whether a mandate can be registered below `above`, which comes with it, or below a known one.
/// `new` come before it.
fn check_new(
    state: &State,
    permission: &Permission,
    above: Option<&Permission>,
    new: usize,
    now_ms: u64,
) -> Result<(), GrantError> {
    let Some(parent) = permission.parent else {
        return check_root(state, permission, now_ms);
    };
    let known = state.mandates.get(parent).map(|granted| &granted.permission);
    let parent = known.or(above).ok_or(GrantError::ParentUnknown)?;
    permission.check_below(parent)?;
    if state.mandates.chain(parent.id).any(|granted| granted.revoked) {
        return Err(GrantError::ParentRevoked);
    }
    if now_ms >= permission.limits.expires_at_ms {
        return Err(GrantError::Expired);
    }
    // What comes with it in one chain was counted by its place; a chain has no more than eight.
    let root = state.mandates.chain(parent.id).last();
    let count = root.map_or(0, |root| root.tree_count);
    let count = count.saturating_add(u32::try_from(new).unwrap_or(u32::MAX));
    if count >= MANDATES_PER_TREE_COUNT_MAX { Err(GrantError::TreeFull) } else { Ok(()) }
}

impl From<ChainError> for GrantError {
    fn from(why: ChainError) -> Self {
        match why {
            ChainError::NotPayersKey => Self::NotPayersKey,
            ChainError::Parent => Self::Parent,
            ChainError::Granter => Self::NotDelegate,
            ChainError::Subject => Self::Subject,
            ChainError::Wider(Wider::PerPayment) => Self::WiderPerPayment,
            ChainError::Wider(Wider::PerDay) => Self::WiderPerDay,
            ChainError::Wider(Wider::PerMonth) => Self::WiderPerMonth,
            ChainError::Wider(Wider::Total) => Self::WiderTotal,
            ChainError::Wider(Wider::UnitPrice) => Self::WiderUnitPrice,
            ChainError::Wider(Wider::Expiry) => Self::WiderExpiry,
            ChainError::Wider(Wider::Depth) => Self::WiderDepth,
            ChainError::Wider(Wider::Payees) => Self::WiderPayees,
            ChainError::Wider(Wider::Audience) => Self::WiderAudience,
        }
    }
}

/// `key` is the one that the revocation was verified with.
pub(crate) fn revoke(
    state: &State,
    revocation: &Revocation,
    key: &PublicKey,
) -> Result<Decision<Entry>, RevokeError> {
    if revocation.node != state.node {
        return Err(RevokeError::WrongNode);
    }
    let granted = state.mandates.get(revocation.mandate).ok_or(RevokeError::Unknown)?;
    state.mandates.place_of(revocation.mandate, key).ok_or(RevokeError::Unknown)?;
    if granted.revoked {
        return Ok(Decision::AlreadyDone);
    }
    Ok(Decision::Entry(Entry::MandateRevoked { mandate: revocation.mandate }))
}

/// Each granter above a mandate has a switch of its own, so that none can let go on what another
/// has stopped. `key` is the one that the pause was verified with.
pub(crate) fn pause(
    state: &State,
    pause: &Pause,
    key: &PublicKey,
) -> Result<Decision<Entry>, PauseError> {
    if pause.node != state.node {
        return Err(PauseError::WrongNode);
    }
    let granted = state.mandates.get(pause.mandate).ok_or(PauseError::Unknown)?;
    let above = state.mandates.place_of(pause.mandate, key).ok_or(PauseError::Unknown)?;
    let turned = granted.switches.iter().find(|switch| switch.above == above);
    if let Some(last) = turned {
        if (last.sequence, last.paused) == (pause.sequence, pause.paused) {
            return Ok(Decision::AlreadyDone);
        }
        if pause.sequence <= last.sequence {
            return Err(PauseError::Stale);
        }
    }
    if granted.revoked {
        return Err(PauseError::Revoked);
    }
    Ok(Decision::Entry(Entry::MandatePaused(PauseSwitched {
        mandate: pause.mandate,
        above,
        sequence: pause.sequence,
        paused: pause.paused,
    })))
}

/// Why a good mandate does not allow something now, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    Revoked,
    Paused,
    Expired,
    Audience,
    PerPayment,
    PerDay,
    PerMonth,
    Exceeded,
}

macro_rules! refusals {
    ($($error:ident)*) => {$(
        impl From<Refusal> for $error {
            fn from(refusal: Refusal) -> Self {
                match refusal {
                    Refusal::Revoked => Self::MandateRevoked,
                    Refusal::Paused => Self::MandatePaused,
                    Refusal::Expired => Self::MandateExpired,
                    Refusal::Audience => Self::MandateAudience,
                    Refusal::PerPayment => Self::MandatePerPayment,
                    Refusal::PerDay => Self::MandatePerDay,
                    Refusal::PerMonth => Self::MandatePerMonth,
                    Refusal::Exceeded => Self::MandateExceeded,
                }
            }
        }
    )*};
}

refusals! { AuthorizeError OpenChannelError ChannelError }

/// Whether a mandate and all above it are in force.
pub(crate) fn check_in_force(state: &State, id: MandateId) -> Result<(), Refusal> {
    if state.mandates.chain(id).any(|granted| granted.revoked) {
        return Err(Refusal::Revoked);
    }
    if state.mandates.chain(id).any(GrantedMandate::is_paused) {
        return Err(Refusal::Paused);
    }
    Ok(())
}

/// Whether a mandate may be used now and here. What is above it is no narrower.
pub(crate) fn check_use(
    granted: &GrantedMandate,
    origin: Option<&str>,
    now_ms: u64,
) -> Result<(), Refusal> {
    let limits = granted.limits();
    if now_ms >= limits.expires_at_ms {
        return Err(Refusal::Expired);
    }
    if limits.audience.is_some() && origin.map(Audience::of_origin) != limits.audience {
        return Err(Refusal::Audience);
    }
    Ok(())
}

/// Whether a unit, if something is paid by the unit, costs more than a mandate allows.
pub(crate) fn is_too_dear(granted: &GrantedMandate, unit_price: Option<UnitPrice>) -> bool {
    let most = granted.limits().unit_price;
    unit_price.zip(most).is_some_and(|(asked, most)| asked.is_above(most))
}

/// Whether a payment or deposit of `whole`, of which `added` is new, is within the budget of a
/// mandate and of all above it, if it is written at `at_ns`.
pub(crate) fn check_budget(
    state: &State,
    granted: &GrantedMandate,
    whole: u128,
    added: u128,
    at_ns: u64,
) -> Result<(), Refusal> {
    if whole > granted.limits().per_payment {
        return Err(Refusal::PerPayment);
    }
    let at = Calendar::at(at_ns);
    let mut refused = None;
    for above in state.mandates.chain(granted.permission.id) {
        let limits = above.limits();
        let spent = [
            (above.day.spent_in(at.day), limits.per_day, Refusal::PerDay),
            (above.month.spent_in(at.month), limits.per_month, Refusal::PerMonth),
            (above.spent, limits.total, Refusal::Exceeded),
        ];
        for (spent, limit, why) in spent {
            let fits = spent.checked_add(added).is_some_and(|spent| spent <= limit);
            // The one that ends first is named, wherever it stands in the chain.
            if !fits && refused.is_none_or(|before| (why as u8) < before as u8) {
                refused = Some(why);
            }
        }
    }
    refused.map_or(Ok(()), Err)
}

/// Whether a mandate lets this key pay from this account at all.
pub(crate) fn fits(
    granted: &GrantedMandate,
    signer: &PublicKey,
    payer: AccountId,
    asset: Asset,
) -> bool {
    let permission = &granted.permission;
    permission.delegate == *signer && permission.payer == payer && permission.asset == asset
}
