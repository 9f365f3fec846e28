//! Who may grant and revoke a mandate.

use instrument::{Mandate, PublicKey, Revocation, Verified, payer_account};

use super::Decision;
use crate::entry::Entry;
use crate::error::{GrantError, RevokeError};
use crate::state::{LABEL_BYTES_MAX, State, cut};

/// Most mandates of one account, revoked ones included.
const MANDATES_PER_PAYER_COUNT_MAX: usize = 1000;

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
    if let Some(existing) = state.mandates.get(&terms.id) {
        return if existing.terms() == terms {
            Ok(Decision::AlreadyDone)
        } else {
            Err(GrantError::IdTaken)
        };
    }
    if payer_account(&terms.payer_key, terms.asset) != terms.payer {
        return Err(GrantError::NotPayersKey);
    }
    if !state.carries(terms.asset) {
        return Err(GrantError::UnknownAsset);
    }
    // An account takes money to open, so strangers cannot fill the journal with mandates. Play money
    // is anybody's, so there the rule would only be in the way of trying things out.
    let is_real = state.asset(terms.asset.code).is_some_and(|opened| !opened.sandbox);
    if is_real && state.ledger.account(terms.payer).is_none() {
        return Err(GrantError::UnknownAccount);
    }
    if now_ms >= terms.expires_at_ms {
        return Err(GrantError::Expired);
    }
    let count = state.mandates_of.get(&terms.payer).map_or(0, Vec::len);
    if count >= MANDATES_PER_PAYER_COUNT_MAX {
        return Err(GrantError::TooMany);
    }
    Ok(Decision::Entry(Entry::MandateGranted {
        mandate: mandate.to_signed(),
        label: cut(label, LABEL_BYTES_MAX),
    }))
}

/// The key that must have signed a revocation, if the mandate exists.
pub(crate) fn revoke(
    state: &State,
    revocation: &Revocation,
    key: &PublicKey,
) -> Result<Decision<Entry>, RevokeError> {
    if revocation.node != state.node {
        return Err(RevokeError::WrongNode);
    }
    let granted = state.mandates.get(&revocation.mandate).ok_or(RevokeError::Unknown)?;
    if granted.terms().payer_key != *key {
        return Err(RevokeError::Unknown);
    }
    if granted.revoked {
        return Ok(Decision::AlreadyDone);
    }
    Ok(Decision::Entry(Entry::MandateRevoked { mandate: revocation.mandate }))
}
