//! What an API key may do, and to whose money.

use std::collections::BTreeSet;

use http402::Problem;
use money::{AccountId, AssetCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::refused::Refused;

/// What an API key may do.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
pub(crate) enum Scope {
    /// See accounts, payments, reports, settings.
    #[serde(rename = "read")]
    Read,
    /// Make, change and delete offers, codes and sponsors.
    #[serde(rename = "offers:write")]
    OffersWrite,
    /// Pay back.
    #[serde(rename = "refunds:write")]
    RefundsWrite,
    /// Ask for payouts.
    #[serde(rename = "payouts:write")]
    PayoutsWrite,
    /// Make, change and delete webhook endpoints, and deliver again.
    #[serde(rename = "webhooks:write")]
    WebhooksWrite,
    /// Let money enter, open accounts.
    #[serde(rename = "money:write")]
    MoneyWrite,
    /// Make and delete API keys.
    #[serde(rename = "keys:write")]
    KeysWrite,
    /// Change settings.
    #[serde(rename = "settings:write")]
    SettingsWrite,
    /// All of these, and what is the operator's alone.
    #[serde(rename = "operator")]
    Operator,
}

impl Scope {
    /// The text in a key's `scopes`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::OffersWrite => "offers:write",
            Self::RefundsWrite => "refunds:write",
            Self::PayoutsWrite => "payouts:write",
            Self::WebhooksWrite => "webhooks:write",
            Self::MoneyWrite => "money:write",
            Self::KeysWrite => "keys:write",
            Self::SettingsWrite => "settings:write",
            Self::Operator => "operator",
        }
    }
}

/// Whose money a caller sees and touches. What is outside is refused by these checks, so every
/// handler of a call that a key may make asks them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Reach {
    /// `None` is all.
    accounts: Option<BTreeSet<AccountId>>,
    /// `None` is all.
    assets: Option<BTreeSet<AssetCode>>,
}

impl Reach {
    pub(crate) fn new(
        accounts: Option<BTreeSet<AccountId>>,
        assets: Option<BTreeSet<AssetCode>>,
    ) -> Self {
        Self { accounts, assets }
    }

    pub(crate) fn has_account(&self, account: AccountId) -> bool {
        self.accounts.as_ref().is_none_or(|accounts| accounts.contains(&account))
    }

    pub(crate) fn has_asset(&self, asset: AssetCode) -> bool {
        self.assets.as_ref().is_none_or(|assets| assets.contains(&asset))
    }

    /// The accounts to which it is limited; `None` is all.
    pub(crate) const fn accounts(&self) -> Option<&BTreeSet<AccountId>> {
        self.accounts.as_ref()
    }

    /// Whether some assets are out of reach.
    pub(crate) const fn is_limited_to_assets(&self) -> bool {
        self.assets.is_some()
    }

    /// Whether nothing is out of reach.
    pub(crate) const fn is_all(&self) -> bool {
        self.accounts.is_none() && self.assets.is_none()
    }

    /// Requires that an account is within reach.
    pub(crate) fn account(&self, account: AccountId) -> Result<(), Refused> {
        if self.has_account(account) {
            return Ok(());
        }
        Err(forbidden("account_not_allowed", "the key is not made for this account"))
    }

    /// Requires that an asset is within reach.
    pub(crate) fn asset(&self, asset: AssetCode) -> Result<(), Refused> {
        if self.has_asset(asset) {
            return Ok(());
        }
        Err(forbidden("asset_not_allowed", "the key is not made for this asset"))
    }

    /// Requires that nothing is out of reach, for what concerns the whole node.
    pub(crate) fn all(&self) -> Result<(), Refused> {
        if self.is_all() {
            return Ok(());
        }
        let detail = "this concerns the whole node, and the key is limited to accounts or assets";
        Err(forbidden("account_not_allowed", detail))
    }
}

pub(crate) fn forbidden(code: &'static str, detail: impl Into<String>) -> Refused {
    Refused::new(Problem::new(403, code, "This caller may not do that", detail))
}
