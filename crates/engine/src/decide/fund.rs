//! How assets and accounts come to be, and how money enters.

use money::Asset;

use super::Decision;
use crate::command::{AccountSpec, Fund};
use crate::entry::{AccountRole, Entry};
use crate::error::{FundError, OpenError};
use crate::state::{State, system_account};

pub(crate) fn open_asset(
    state: &State,
    asset: Asset,
    sandbox: bool,
) -> Result<Decision<Entry>, OpenError> {
    match state.asset(asset.code) {
        None => Ok(Decision::Entry(Entry::AssetOpened { asset, sandbox })),
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
    if state
        .asset(spec.asset.code)
        .is_none_or(|opened| opened.asset != spec.asset)
    {
        return Err(OpenError::UnknownAsset);
    }
    if let Some(existing) = state.ledger.account(spec.id) {
        let same_role = state
            .holders
            .get(&spec.id)
            .is_some_and(|holder| holder.role == spec.role);
        return if existing.account.asset == spec.asset && same_role {
            Ok(Decision::AlreadyDone)
        } else {
            Err(OpenError::AccountDiffers)
        };
    }
    Ok(Decision::Entry(Entry::AccountOpened {
        id: spec.id,
        asset: spec.asset,
        role: spec.role,
        label: spec.label.clone(),
    }))
}

/// The entries that let money enter: the account first, if it is new.
pub(crate) fn fund(state: &State, fund: &Fund) -> Result<Decision<Vec<Entry>>, FundError> {
    let asset = fund.amount.asset();
    let treasury = system_account("treasury", asset);
    if let Some(existing) = state.ledger.transfer(fund.id) {
        let transfer = &existing.transfer;
        let same = transfer.debit_account == treasury
            && transfer.credit_account == fund.account
            && transfer.amount == fund.amount.units()
            && state.fund_references.get(&fund.id) == Some(&fund.reference);
        return if same {
            Ok(Decision::AlreadyDone)
        } else {
            Err(FundError::IdTaken)
        };
    }
    let opened = state
        .asset(asset.code)
        .filter(|opened| opened.asset == asset);
    let opened = opened.ok_or(FundError::UnknownAsset)?;
    if fund.sandbox_only && !opened.sandbox {
        return Err(FundError::NotSandbox);
    }
    let account = state.ledger.account(fund.account);
    if account.is_some_and(|account| account.account.asset != asset) {
        return Err(FundError::WrongAsset);
    }
    if fund.amount.units() == 0 {
        return Err(FundError::Zero);
    }
    let issued = state
        .ledger
        .account(treasury)
        .map_or(0, |treasury| treasury.debits_posted);
    // Half the range is left free, so that no later sum of postings can overflow.
    if issued
        .checked_add(fund.amount.units())
        .is_none_or(|total| total > u128::MAX / 2)
    {
        return Err(FundError::Overflow);
    }
    let mut entries = Vec::with_capacity(2);
    if account.is_none() {
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
        reference: fund.reference.clone(),
    });
    Ok(Decision::Entry(entries))
}
