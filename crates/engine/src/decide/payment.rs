//! Whether an order may pay for a purchase.

use instrument::{Audience, Order, payer_account};
use money::{AccountId, Amount, PaymentId};

use crate::command::Authorize;
use crate::entry::NewPayment;
use crate::error::AuthorizeError;
use crate::state::{DESCRIPTION_BYTES_MAX, Progress, State, system_account};

/// Longest time an order may be valid, from now. Bounds what the replay guard must remember.
const ORDER_LIFETIME_MS_MAX: u64 = 24 * 60 * 60 * 1000;

/// What the replay guard says about an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    /// Never seen.
    New,
    /// The payment exists: this one, or one with the same idempotency key.
    Payment(PaymentId),
}

/// First part: is the order meant for this purchase, and is it known?
pub(crate) fn known(state: &State, command: &Authorize) -> Result<Known, AuthorizeError> {
    let order = command.order.get();
    if order.node != state.node {
        return Err(AuthorizeError::WrongNode);
    }
    if order.purchase != command.purchase.digest {
        return Err(AuthorizeError::WrongPurchase);
    }
    let id = order.payment_id();
    if let Some(payment) = state.payments.get(&id) {
        if payment.order_digest != order.digest() {
            return Err(AuthorizeError::OrderIdTaken);
        }
        return Ok(Known::Payment(id));
    }
    let Some(idempotency) = &command.idempotency else {
        return Ok(Known::New);
    };
    match state.idempotency.get(&(order.payer, idempotency.key)) {
        None => Ok(Known::New),
        Some((_, fingerprint)) if *fingerprint != idempotency.fingerprint => {
            Err(AuthorizeError::IdempotencyConflict)
        }
        Some((payment, _)) => Ok(Known::Payment(*payment)),
    }
}

/// Whether a settled payment still opens its resource.
pub(crate) fn check_access(
    progress: Progress,
    access_seconds: u32,
    now_ms: u64,
) -> Result<(), AuthorizeError> {
    if let Progress::Settled { at_ns, .. } = progress {
        let until_ms = (at_ns / 1_000_000).saturating_add(u64::from(access_seconds) * 1000);
        if now_ms > until_ms {
            return Err(AuthorizeError::AlreadyUsed);
        }
    }
    Ok(())
}

/// Second part: does a new order meet the terms, and may the payer pay?
pub(crate) fn check_terms(
    state: &State,
    command: &Authorize,
    now_ms: u64,
) -> Result<NewPayment, AuthorizeError> {
    let order = command.order.get();
    let terms = &command.terms;
    if order.payee != terms.pay_to {
        return Err(AuthorizeError::WrongPayee);
    }
    if order.amount.asset() != terms.amount.asset() {
        return Err(AuthorizeError::WrongAsset);
    }
    if order.amount.units() != terms.amount.units() || order.amount.units() == 0 {
        return Err(AuthorizeError::WrongAmount);
    }
    if now_ms >= order.expires_at_ms {
        return Err(AuthorizeError::Expired);
    }
    if order.expires_at_ms > now_ms.saturating_add(ORDER_LIFETIME_MS_MAX) {
        return Err(AuthorizeError::ExpiryTooFar);
    }
    let carried = state.asset(order.amount.asset().code);
    if carried.is_none_or(|opened| opened.asset != order.amount.asset()) {
        return Err(AuthorizeError::UnknownAsset);
    }
    check_signer(state, order, command.purchase.origin.as_deref(), now_ms)?;
    let legs = legs(state, command)?;
    check_funds(state, order)?;
    let mut description = command.purchase.description.clone();
    description.truncate(description.floor_char_boundary(DESCRIPTION_BYTES_MAX));
    Ok(NewPayment {
        order: command.order.to_signed(),
        legs,
        description,
        idempotency: command
            .idempotency
            .as_ref()
            .map(|named| (named.key, named.fingerprint)),
    })
}

fn check_signer(
    state: &State,
    order: &Order,
    origin: Option<&str>,
    now_ms: u64,
) -> Result<(), AuthorizeError> {
    let Some(id) = order.mandate else {
        let owned = payer_account(&order.signer, order.amount.asset());
        return if owned == order.payer {
            Ok(())
        } else {
            Err(AuthorizeError::NotPayersKey)
        };
    };
    let granted = state
        .mandates
        .get(&id)
        .ok_or(AuthorizeError::MandateUnknown)?;
    let terms = granted.terms();
    if terms.delegate != order.signer
        || terms.payer != order.payer
        || terms.asset != order.amount.asset()
    {
        return Err(AuthorizeError::MandateMismatch);
    }
    if granted.revoked {
        return Err(AuthorizeError::MandateRevoked);
    }
    if now_ms >= terms.expires_at_ms {
        return Err(AuthorizeError::MandateExpired);
    }
    if let Some(audience) = terms.audience
        && origin.map(Audience::of_origin) != Some(audience)
    {
        return Err(AuthorizeError::MandateAudience);
    }
    let units = order.amount.units();
    if units > terms.per_payment {
        return Err(AuthorizeError::MandatePerPayment);
    }
    if granted
        .spent
        .checked_add(units)
        .is_none_or(|spent| spent > terms.total)
    {
        return Err(AuthorizeError::MandateExceeded);
    }
    Ok(())
}

/// Who receives what. Shares round down; what is left over goes to the residue account.
fn legs(state: &State, command: &Authorize) -> Result<Vec<(AccountId, u128)>, AuthorizeError> {
    let order = command.order.get();
    let amount: Amount = order.amount;
    let mut legs = match &command.terms.split {
        None => vec![(command.terms.pay_to, amount.units())],
        Some((accounts, shares)) => {
            let split = shares
                .split(amount)
                .map_err(|_| AuthorizeError::WrongAmount)?;
            let parts = split.parts.iter().map(|part| part.units());
            let mut legs: Vec<_> = accounts.iter().copied().zip(parts).collect();
            legs.push((
                system_account("residue", amount.asset()),
                split.residue.units(),
            ));
            legs
        }
    };
    legs.retain(|(_, units)| *units > 0);
    for (account, _) in &legs {
        let found = state
            .ledger
            .account(*account)
            .ok_or(AuthorizeError::UnknownPayee)?;
        if found.account.asset != amount.asset() {
            return Err(AuthorizeError::UnknownPayee);
        }
        if *account == order.payer {
            return Err(AuthorizeError::PayerIsPayee);
        }
    }
    Ok(legs)
}

pub(crate) fn check_funds(state: &State, order: &Order) -> Result<(), AuthorizeError> {
    let available = state
        .ledger
        .account(order.payer)
        .map_or(0, ledger::AccountState::available);
    if available < order.amount.units() {
        return Err(AuthorizeError::InsufficientFunds);
    }
    Ok(())
}
