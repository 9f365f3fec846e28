//! Whether a channel may be opened and topped up, and whether it is the one that an offer asks for.

use instrument::UnitPrice;
use instrument::channel::{ChannelTerms, TermsError};
use ledger::Limit;
use money::{AccountId, Amount, ChannelId, Shares};

use super::fund::has_room;
use super::mandate::{self, Refusal};
use crate::channel::{CHANNELS_PER_PAYER_COUNT_MAX, ChannelLimits, OpenChannel, Present};
use crate::entry::NewChannel;
use crate::error::{ChannelError, OpenChannelError, Unavailable};
use crate::state::{
    Channel, DESCRIPTION_BYTES_MAX, GrantedMandate, State, channel_transfers, cut, system_account,
};

/// Whether new terms may open a channel.
pub(crate) fn open_channel(
    state: &State,
    command: &OpenChannel,
    limits: &ChannelLimits,
    at_ns: u64,
) -> Result<NewChannel, OpenChannelError> {
    let terms = command.terms.get();
    // The key is what costs, so it comes with the rest only after the node is known to be meant.
    terms.check(at_ns / 1_000_000)?;
    if !state.carries(terms.deposit.asset()) {
        return Err(OpenChannelError::UnknownAsset);
    }
    check_signer(state, command, at_ns)?;
    let new = NewChannel {
        id: command.terms.channel(),
        terms: command.terms.to_signed(),
        split: shared(command.split.as_ref()).ok_or(OpenChannelError::UnknownPayee)?,
        description: cut(&command.description, DESCRIPTION_BYTES_MAX),
        tags: command.tags,
    };
    check_payees(state, &new)?;
    let units = terms.deposit.units();
    if units > limits.deposit_max {
        return Err(OpenChannelError::DepositAboveLimit);
    }
    if state.channels.count_of_payer(terms.payer) >= CHANNELS_PER_PAYER_COUNT_MAX {
        return Err(OpenChannelError::TooMany);
    }
    if available(state, terms) < units {
        return Err(OpenChannelError::InsufficientFunds);
    }
    if !has_room(state, terms.deposit) {
        return Err(Unavailable::Stopped.into());
    }
    Ok(new)
}

impl From<TermsError> for OpenChannelError {
    fn from(error: TermsError) -> Self {
        match error {
            TermsError::Payee => Self::PayerIsPayee,
            TermsError::Deposit => Self::TermsDeposit,
            TermsError::Ticks => Self::TermsTicks,
            TermsError::CloseDelay => Self::TermsCloseDelay,
            TermsError::Expired | TermsError::Life => Self::TermsExpiry,
            TermsError::VoucherKey(_) => Self::TermsVoucherKey,
        }
    }
}

fn check_signer(state: &State, command: &OpenChannel, at_ns: u64) -> Result<(), OpenChannelError> {
    let terms = command.terms.get();
    let Some(id) = terms.mandate else {
        let owns = command.terms.signer_is_payer();
        return if owns { Ok(()) } else { Err(OpenChannelError::NotPayersKey) };
    };
    let granted = state.mandates.get(id).ok_or(OpenChannelError::MandateUnknown)?;
    if !mandate::fits(granted, &terms.signer, terms.payer, terms.deposit.asset()) {
        return Err(OpenChannelError::MandateMismatch);
    }
    if !granted.limits().payees.allows(terms.payee) {
        return Err(OpenChannelError::MandatePayee);
    }
    let units = terms.deposit.units();
    mandate::check_in_force(state, id)?;
    mandate::check_use(granted, command.origin.as_deref(), at_ns / 1_000_000)?;
    Ok(mandate::check_budget(state, granted, units, units, at_ns)?)
}

fn check_payees(state: &State, new: &NewChannel) -> Result<(), OpenChannelError> {
    let terms = new.terms();
    if !new.has_sound_split() {
        return Err(OpenChannelError::UnknownPayee);
    }
    // The payee of the terms is asked too if it only lends its name: the hold is on its account.
    for account in new.payees().chain([terms.payee]) {
        let found = state.ledger.account(account).ok_or(OpenChannelError::UnknownPayee)?;
        // Money leaves through the treasury with a reference only, never by a payment.
        let is_treasury = found.limit == Limit::CreditsMustNotExceedDebits;
        if found.asset != terms.deposit.asset() || is_treasury {
            return Err(OpenChannelError::UnknownPayee);
        }
        if account == terms.payer {
            return Err(OpenChannelError::PayerIsPayee);
        }
    }
    if is_any_closed(state, new) {
        return Err(OpenChannelError::AccountClosed);
    }
    Ok(())
}

/// Whether an account that the channel moves money to or from is closed.
pub(crate) fn is_any_closed(state: &State, new: &NewChannel) -> bool {
    let terms = new.terms();
    let residue = (!new.split.is_empty()).then(|| system_account("residue", terms.deposit.asset()));
    let accounts = new.payees().chain([terms.payee, terms.payer]).chain(residue);
    accounts.into_iter().any(|account| state.is_closed(account))
}

/// Whether the channel is the one that an offer asks for.
pub(crate) fn check_offer(channel: &Channel, command: &Present) -> Result<(), ChannelError> {
    if channel.terms().payee != command.pay_to
        || shared(command.split.as_ref()).as_ref() != Some(&channel.opened.split)
    {
        return Err(ChannelError::WrongPayee);
    }
    if channel.asset() != command.start.asset() {
        return Err(ChannelError::WrongAsset);
    }
    Ok(())
}

/// What a channel is used for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Use<'a> {
    /// Something is bought at an origin, if it is known, at a price by the unit, if it has one.
    Buy(Option<&'a str>, Option<UnitPrice>),
    /// More is paid for something that was bought before.
    Pay,
}

/// Whether the mandate behind a channel, if there is one, still lets it be used.
pub(crate) fn check_delegate(
    state: &State,
    channel: &Channel,
    used: Use<'_>,
    now_ms: u64,
) -> Result<(), ChannelError> {
    let Some(granted) = mandate_of(state, channel) else { return Ok(()) };
    mandate::check_in_force(state, granted.permission.id)?;
    let origin = if let Use::Buy(origin, _) = used { origin } else { None };
    match mandate::check_use(granted, origin, now_ms) {
        Err(Refusal::Audience) if matches!(used, Use::Pay) => {}
        verdict => verdict?,
    }
    match used {
        Use::Buy(_, price) if mandate::is_too_dear(granted, price) => {
            Err(ChannelError::MandateUnitPrice)
        }
        _ => Ok(()),
    }
}

fn mandate_of<'a>(state: &'a State, channel: &Channel) -> Option<&'a GrantedMandate> {
    channel.terms().mandate.and_then(|id| state.mandates.get(id))
}

/// Whether the payer can add so much to a channel, for a deposit of `whole`.
pub(crate) fn check_top_up(
    state: &State,
    channel: &Channel,
    limits: &ChannelLimits,
    (whole, added): (u128, u128),
    at_ns: u64,
) -> Result<(), ChannelError> {
    if let Some(granted) = mandate_of(state, channel) {
        mandate::check_budget(state, granted, whole, added, at_ns)?;
    }
    if whole > limits.deposit_max {
        return Err(ChannelError::DepositAboveLimit);
    }
    if is_any_closed(state, &channel.opened) {
        return Err(ChannelError::AccountClosed);
    }
    let terms = channel.terms();
    if available(state, terms) < added {
        return Err(ChannelError::InsufficientFunds);
    }
    if !has_room(state, Amount::new(added, channel.asset())) {
        return Err(Unavailable::Stopped.into());
    }
    Ok(())
}

fn available(state: &State, terms: &ChannelTerms) -> u128 {
    // An account with the payer's id may have been opened in another asset.
    let account = state.ledger.account(terms.payer);
    let account = account.filter(|found| found.asset == terms.deposit.asset());
    account.map_or(0, |found| found.balances.available())
}

/// The split as an entry has it; `None` if there is not one account for each share.
fn shared(split: Option<&(Vec<AccountId>, Shares)>) -> Option<Vec<(AccountId, u32)>> {
    let Some((accounts, shares)) = split else { return Some(Vec::new()) };
    let shares = shares.parts_per_million();
    let fits = accounts.len() == shares.len();
    fits.then(|| accounts.iter().copied().zip(shares.iter().copied()).collect())
}

/// The next number from `from` on under which no transfer of the channel's was ever tried: a batch
/// of the ledger's own can have taken one.
pub(crate) fn free_hold(state: &State, channel: ChannelId, from: u64, legs: usize) -> u64 {
    let is_taken = |hold| channel_transfers(channel, hold, legs).any(|id| state.is_used(id));
    let mut hold = from;
    while is_taken(hold) {
        hold = hold.saturating_add(1);
    }
    hold
}
