//! How assets and accounts come to be, and how money enters.

use ledger::{ACCOUNTS_MAX, ASSETS_MAX, Limit, Standing};
use money::{Amount, Asset};

use super::Decision;
use crate::command::{AccountSpec, Fund};
use crate::entry::{AccountRole, Entry};
use crate::error::{FundError, OpenError, Unavailable};
use crate::state::{
    LABEL_BYTES_MAX, REFERENCE_BYTES_MAX, State, cut, fund_transfer, system_account,
};

pub(crate) fn open_asset(
    state: &State,
    asset: Asset,
    sandbox: bool,
) -> Result<Decision<Entry>, OpenError> {
    match state.asset(asset.code) {
        None => {
            // Somebody may have been given an account under an id that the operator's will have.
            let taken = |name| state.ledger.account(system_account(name, asset)).is_some();
            if taken("treasury") || taken("residue") {
                return Err(OpenError::AccountDiffers);
            }
            if !has_place(state, asset, 2) {
                return Err(OpenError::LedgerFull);
            }
            Ok(Decision::Entry(Entry::AssetOpened { asset, sandbox }))
        }
        Some(opened) if opened.asset == asset && opened.sandbox == sandbox => {
            Ok(Decision::AlreadyDone)
        }
        Some(_) => Err(OpenError::AssetDiffers),
    }
}

pub(crate) fn open_account(
    state: &State,
    spec: &AccountSpec,
) -> Result<Decision<Entry>, OpenError> {
    if !state.carries(spec.asset) {
        return Err(OpenError::UnknownAsset);
    }
    if let Some(existing) = state.ledger.account(spec.id) {
        let same_role = state.holder(spec.id).is_some_and(|holder| holder.role == spec.role);
        return if existing.asset == spec.asset && same_role {
            Ok(Decision::AlreadyDone)
        } else {
            Err(OpenError::AccountDiffers)
        };
    }
    if !has_place(state, spec.asset, 1) {
        return Err(OpenError::LedgerFull);
    }
    Ok(Decision::Entry(Entry::AccountOpened {
        id: spec.id,
        asset: spec.asset,
        role: spec.role,
        label: cut(&spec.label, LABEL_BYTES_MAX),
    }))
}

/// Whether the ledger can take so many more accounts of an asset.
fn has_place(state: &State, asset: Asset, accounts: usize) -> bool {
    let is_known = state.ledger.totals_of(asset).is_some();
    let open = u32::try_from(state.ledger.accounts().len() + accounts);
    open.is_ok_and(|open| open <= ACCOUNTS_MAX)
        && (is_known || state.ledger.totals().len() < ASSETS_MAX)
}

/// Whether the asset's sums can take one more transfer: they count every transfer ever made, and
/// the ledger refuses one that does not fit into 128 bits.
pub(super) fn has_room(state: &State, amount: Amount) -> bool {
    state.ledger.totals_of(amount.asset()).is_none_or(|totals| {
        totals
            .debits_posted
            .checked_add(totals.debits_pending)
            .and_then(|moved| moved.checked_add(amount.units()))
            .is_some()
    })
}

/// The entries that let money enter: the account first, if it is new.
pub(crate) fn fund(state: &State, fund: &Fund) -> Result<Decision<Vec<Entry>>, FundError> {
    let asset = fund.amount.asset();
    let treasury = system_account("treasury", asset);
    let reference = cut(&fund.reference, REFERENCE_BYTES_MAX);
    if let Some(existing) = state.answer(state.ledger.transfer(fund_transfer(fund.id))) {
        let transfer = &existing.transfer;
        let same = transfer.debit_account == treasury
            && transfer.credit_account == fund.account
            && transfer.amount == fund.amount.units()
            && state.fund_reference(fund.id).as_ref() == Some(&reference);
        return if same { Ok(Decision::AlreadyDone) } else { Err(FundError::IdTaken) };
    }
    // A batch of the ledger's own transfers can have burned the id.
    if state.is_used(fund_transfer(fund.id)) {
        return Err(FundError::IdTaken);
    }
    let opened = state.asset(asset.code).filter(|opened| opened.asset == asset);
    let opened = opened.ok_or(FundError::UnknownAsset)?;
    if fund.sandbox_only && !opened.sandbox {
        return Err(FundError::NotSandbox);
    }
    let account = state.ledger.account(fund.account);
    if account.is_some_and(|account| account.asset != asset) {
        return Err(FundError::WrongAsset);
    }
    let gives = |account: Standing| account.limit == Limit::CreditsMustNotExceedDebits;
    if fund.account == treasury || account.is_some_and(gives) {
        return Err(FundError::Treasury);
    }
    if state.is_closed(treasury) || state.is_closed(fund.account) {
        return Err(FundError::AccountClosed);
    }
    if fund.amount.units() == 0 {
        return Err(FundError::Zero);
    }
    let issued =
        state.ledger.account(treasury).map_or(0, |treasury| treasury.balances.debits_posted);
    // What enters stays below half of what the sums can count, so that it can move about.
    let overflows =
        issued.checked_add(fund.amount.units()).is_none_or(|total| total > u128::MAX / 2);
    if overflows || !has_room(state, fund.amount) {
        return Err(FundError::Overflow);
    }
    let mut entries = Vec::with_capacity(2);
    if account.is_none() {
        if !has_place(state, asset, 1) {
            return Err(Unavailable::Stopped.into());
        }
        entries.push(Entry::AccountOpened {
            id: fund.account,
            asset,
            role: AccountRole::Payer,
            label: String::new(),
        });
    }
    entries.push(Entry::Funded {
        id: fund.id,
        account: fund.account,
        amount: fund.amount,
        reference,
    });
    Ok(Decision::Entry(entries))
}
