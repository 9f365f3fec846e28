//! Whether an order may pay for a purchase.

use instrument::{Audience, Order, VerifiedOrder};
use ledger::Limit;
use money::{AccountId, Amount, PaymentId};

use super::counter::check_counters;
use super::fund::has_room;
use super::mandate;
use crate::command::{Authorize, Idempotency, Mode, Terms};
use crate::entry::NewPayment;
use crate::error::{AuthorizeError, Unavailable};
use crate::state::{
    DESCRIPTION_BYTES_MAX, GrantedMandate, PAYEES_COUNT_MAX, Payment, Progress, State, cut,
    leg_transfers, system_account,
};

/// Longest time an order may be valid, from now. Bounds what the replay guard must remember.
const ORDER_LIFETIME_MS_MAX: u64 = 24 * 60 * 60 * 1000;

/// When an order is looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct At {
    /// Decides what has expired.
    pub now_ms: u64,
    /// The moment that the payment's entry will have: decides on which day it is spent.
    pub entry_ns: u64,
}

/// What the replay guard says about an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    /// Never seen.
    New,
    /// The payment exists: this one, or one with the same idempotency key.
    Payment(PaymentId),
}

/// First part: is the order meant for this purchase, and is it known?
///
/// `named` is the caller's key, if [`own_key`] grants it.
pub(crate) fn known(
    state: &State,
    command: &Authorize,
    named: Option<&Idempotency>,
) -> Result<Known, AuthorizeError> {
    let order = command.order.get();
    if order.node != state.node {
        return Err(AuthorizeError::WrongNode);
    }
    if order.purchase != command.purchase.digest {
        return Err(AuthorizeError::WrongPurchase);
    }
    let id = command.order.payment_id();
    let by_id = state.order_digest(id);
    if by_id.is_some_and(|digest| digest != order.digest()) {
        return Err(AuthorizeError::OrderIdTaken);
    }
    let by_key = named.and_then(|named| state.named(order.payer, &named.key));
    if let (Some(named), Some((_, fingerprint))) = (named, by_key)
        && named.fingerprint != fingerprint
    {
        return Err(AuthorizeError::IdempotencyConflict);
    }
    let known = by_id.map(|_| id).or(by_key.map(|(payment, _)| payment));
    Ok(known.map_or(Known::New, Known::Payment))
}

/// The caller's key, if the signer may speak for the payer. Anybody can sign an order that names
/// somebody else's account; it must not reach that payer's payments by guessing a key.
pub(crate) fn own_key<'a>(state: &State, command: &'a Authorize) -> Option<&'a Idempotency> {
    let named = command.idempotency.as_ref()?;
    let granted = check_identity(state, &command.order).ok()?;
    // A site's delegate has no business with what its payer bought elsewhere.
    let audience = granted.and_then(|granted| granted.limits().audience);
    let here = command.purchase.origin.as_deref().map(Audience::of_origin);
    (audience.is_none() || audience == here).then_some(named)
}

/// Whether a known payment paid what is asked for now. Its purchase alone does not say so: anybody
/// can settle an order through the facilitator, for any purchase and at terms of their own. There
/// nothing is split, so a gateway compares who received what as well.
pub(crate) fn check_same_offer(
    payment: &Payment,
    command: &Authorize,
) -> Result<(), AuthorizeError> {
    check_offer(payment.payee, payment.amount, &command.terms)?;
    let by_gateway = matches!(command.mode, Mode::Claim | Mode::Hold { .. });
    if by_gateway && payment.legs != legs(command)? {
        return Err(AuthorizeError::WrongPayee);
    }
    Ok(())
}

fn check_offer(payee: AccountId, amount: Amount, terms: &Terms) -> Result<(), AuthorizeError> {
    if payee != terms.pay_to {
        return Err(AuthorizeError::WrongPayee);
    }
    if amount.asset() != terms.amount.asset() {
        return Err(AuthorizeError::WrongAsset);
    }
    if amount.units() != terms.amount.units() || amount.units() == 0 {
        return Err(AuthorizeError::WrongAmount);
    }
    Ok(())
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
    at: At,
) -> Result<NewPayment, AuthorizeError> {
    let order = command.order.get();
    let now_ms = at.now_ms;
    check_ids(state, command)?;
    check_offer(order.payee, order.amount, &command.terms)?;
    if now_ms >= order.expires_at_ms {
        return Err(AuthorizeError::Expired);
    }
    if order.expires_at_ms > now_ms.saturating_add(ORDER_LIFETIME_MS_MAX) {
        return Err(AuthorizeError::ExpiryTooFar);
    }
    if !state.carries(order.amount.asset()) {
        return Err(AuthorizeError::UnknownAsset);
    }
    check_signer(state, command, at)?;
    let legs = legs(command)?;
    check_payees(state, order, &legs)?;
    check_funds(state, order)?;
    check_counters(state, &command.counters, at.entry_ns / 1_000_000)?;
    if !has_room(state, order.amount) {
        return Err(Unavailable::Stopped.into());
    }
    Ok(NewPayment {
        id: command.order.payment_id(),
        order: command.order.to_signed(),
        request: command.order.request(),
        legs,
        description: cut(&command.purchase.description, DESCRIPTION_BYTES_MAX),
        idempotency: command.idempotency.as_ref().map(|named| (named.key, named.fingerprint)),
        tags: command.tags,
    })
}

/// The ids of the payment's transfers follow from its id, so a batch of the ledger's own transfers
/// can have taken one of them.
fn check_ids(state: &State, command: &Authorize) -> Result<(), AuthorizeError> {
    let split = command.terms.split.as_ref();
    // One for each payee and one for the residue. More payees are refused further on.
    let legs = split.map_or(1, |(accounts, _)| accounts.len().min(PAYEES_COUNT_MAX) + 1);
    if leg_transfers(command.order.payment_id(), legs).any(|id| state.is_used(id)) {
        return Err(AuthorizeError::OrderIdTaken);
    }
    Ok(())
}

/// Who signs: the payer, or a delegate, whose mandate is returned.
fn check_identity<'a>(
    state: &'a State,
    verified: &VerifiedOrder,
) -> Result<Option<&'a GrantedMandate>, AuthorizeError> {
    let order = verified.get();
    let Some(id) = order.mandate else {
        let owns = verified.signer_is_payer();
        return if owns { Ok(None) } else { Err(AuthorizeError::NotPayersKey) };
    };
    let granted = state.mandates.get(id).ok_or(AuthorizeError::MandateUnknown)?;
    if !mandate::fits(granted, &order.signer, order.payer, order.amount.asset()) {
        return Err(AuthorizeError::MandateMismatch);
    }
    if !granted.limits().payees.allows(order.payee) {
        return Err(AuthorizeError::MandatePayee);
    }
    mandate::check_in_force(state, id)?;
    Ok(Some(granted))
}

fn check_signer(state: &State, command: &Authorize, at: At) -> Result<(), AuthorizeError> {
    let Some(granted) = check_identity(state, &command.order)? else {
        return Ok(());
    };
    let origin = command.purchase.origin.as_deref();
    mandate::check_use(granted, origin, at.now_ms)?;
    if mandate::is_too_dear(granted, command.terms.unit_price) {
        return Err(AuthorizeError::MandateUnitPrice);
    }
    let units = command.order.get().amount.units();
    Ok(mandate::check_budget(state, granted, units, units, at.entry_ns)?)
}

/// Who receives what. Shares round down; what is left over goes to the residue account.
fn legs(command: &Authorize) -> Result<Vec<(AccountId, u128)>, AuthorizeError> {
    let amount: Amount = command.terms.amount;
    let mut legs = match &command.terms.split {
        None => vec![(command.terms.pay_to, amount.units())],
        Some((accounts, shares)) => {
            // One account for each share, or a part of the amount would go nowhere.
            if accounts.len() != shares.parts_per_million().len()
                || accounts.len() > PAYEES_COUNT_MAX
            {
                return Err(AuthorizeError::UnknownPayee);
            }
            let split = shares.split(amount).map_err(|_| AuthorizeError::WrongAmount)?;
            let parts = split.parts.iter().map(|part| part.units());
            let mut legs: Vec<_> = accounts.iter().copied().zip(parts).collect();
            legs.push((system_account("residue", amount.asset()), split.residue.units()));
            legs
        }
    };
    legs.retain(|(_, units)| *units > 0);
    Ok(legs)
}

fn check_payees(
    state: &State,
    order: &Order,
    legs: &[(AccountId, u128)],
) -> Result<(), AuthorizeError> {
    for (account, _) in legs {
        let found = state.ledger.account(*account);
        let found = found.ok_or(AuthorizeError::UnknownPayee)?;
        // Money leaves through the treasury with a reference only, never by a payment.
        let is_treasury = found.limit == Limit::CreditsMustNotExceedDebits;
        if found.asset != order.amount.asset() || is_treasury {
            return Err(AuthorizeError::UnknownPayee);
        }
    }
    if legs.iter().any(|(account, _)| *account == order.payer) {
        return Err(AuthorizeError::PayerIsPayee);
    }
    let mut accounts = legs.iter().map(|(account, _)| *account).chain([order.payer]);
    if accounts.any(|account| state.is_closed(account)) {
        return Err(AuthorizeError::AccountClosed);
    }
    Ok(())
}

fn check_funds(state: &State, order: &Order) -> Result<(), AuthorizeError> {
    // An account with the payer's id may have been opened in another asset.
    let available = state
        .ledger
        .account(order.payer)
        .filter(|found| found.asset == order.amount.asset())
        .map_or(0, |found| found.balances.available());
    if available < order.amount.units() {
        return Err(AuthorizeError::InsufficientFunds);
    }
    Ok(())
}
