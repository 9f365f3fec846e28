//! The challenge: what has to be paid for one purchase, before any dialect words it.
//!
//! Invariant: a challenge holds everything that any dialect needs, so that all answers to one
//! request name the same price, payee and purchase. It must not hold anything of one dialect only.

use http::Method;
use instrument::PurchaseDigest;
use instrument::channel::SignedVoucher;
use money::{AccountId, Amount, ChannelId, NodeId};
use serde::{Deserialize, Serialize};

/// Longest service name that payers' software accepts; it must be printable ASCII too.
pub const SERVICE_NAME_CHARS_MAX: usize = 32;

/// What has to be paid, to whom, for which purchase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// The node that takes the payment.
    pub network: NodeId,
    /// The price.
    pub amount: Amount,
    /// The payee.
    pub pay_to: AccountId,
    /// The purchase that an order must name; `None` only for orders bound to no purchase.
    pub purchase: Option<PurchaseDigest>,
    /// How long an order may live after it is signed, above zero.
    pub max_timeout_seconds: u32,
    /// What is for sale.
    pub resource: Resource,
    /// Whether the payer may or must name the payment with an identifier of its own.
    pub identifier: Identifier,
    /// Method under which the offer may be listed in catalogues; `None` keeps it out of them.
    pub listed: Option<Method>,
    /// For people: who gets which part, for example `author 80 %, editor 20 %`.
    pub splits: Option<String>,
    /// How the price is counted, if not once for each request; `amount` is then the most that one
    /// request can cost.
    pub metered: Option<Metered>,
    /// Set if channels pay here.
    pub channel: Option<ChannelOffer>,
    /// What opens more than this one purchase.
    pub passes: Vec<PassOffer>,
}

/// A pass that is for sale beside the purchase: the payer asks for its own challenge by its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PassOffer {
    /// Its name.
    pub pass: String,
    /// For people.
    pub title: String,
    /// Base units of the challenge's asset, in decimal digits.
    pub price: String,
    /// For how many seconds it is good; a usual time if `None`.
    pub seconds: Option<u32>,
    /// How many requests it opens; any number if `None`.
    pub uses: Option<u32>,
}

/// A price by the unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metered {
    /// What is counted, for example `second`, `byte`, `token`.
    pub unit: String,
    /// Price of `per` units.
    pub price: Amount,
    /// How many units the price is for; above zero.
    pub per: u64,
    /// Units of each request that cost nothing.
    pub free_units: u64,
    /// Most units that one request takes.
    pub units_max: Option<u64>,
    /// Prices beyond the first, in words.
    pub tiers: Option<String>,
}

/// How channels pay for an offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelOffer {
    /// What a voucher must add so that this request starts.
    pub start: Amount,
    /// Least deposit of a channel.
    pub deposit_min: Amount,
    /// Deposit that suits usual use.
    pub deposit_suggested: Amount,
    /// Least delay that the terms must name.
    pub close_delay_seconds: u32,
    /// The channel that was presented, as the node has it: for payers that have lost count.
    pub state: Option<ChannelState>,
}

/// Where a channel stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelState {
    /// The channel.
    pub channel: ChannelId,
    /// Base units held for it in all, the settled ones included.
    pub deposit: u128,
    /// Base units that vouchers and ticks allow.
    pub accepted: u128,
    /// Base units that were earned.
    pub spent: u128,
    /// Sequence of the newest voucher; 0 if there is none.
    pub sequence: u64,
    /// Index of the newest tick; 0 if there is none.
    pub tick_index: u32,
    /// The newest voucher: proves `accepted` to a payer that has lost count.
    pub voucher: Option<SignedVoucher>,
    /// When it closes, if the payer has asked for that; Unix milliseconds.
    pub closes_at_ms: Option<u64>,
}

/// The resource of an offer, in words and types.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Resource {
    /// Absolute URL as the payer sees it.
    pub url: String,
    /// One line for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Media type of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mime_type: Option<String>,
    /// Name of the service; left out of messages unless it is printable ASCII of 1 to
    /// [`SERVICE_NAME_CHARS_MAX`] characters, because payers' software refuses the whole message.
    #[serde(default, skip_serializing_if = "unfit_service_name")]
    pub service_name: Option<String>,
}

#[expect(clippy::ref_option, reason = "the serializer passes the member by reference")]
pub(crate) fn unfit_service_name(name: &Option<String>) -> bool {
    !name.as_deref().is_some_and(|name| {
        (1..=SERVICE_NAME_CHARS_MAX).contains(&name.len())
            && name.bytes().all(|byte| (b' '..=b'~').contains(&byte))
    })
}

/// Whether a payment carries an identifier chosen by the payer, under which a repeated request
/// gets the first answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Identifier {
    /// Not offered.
    #[default]
    Off,
    /// Offered.
    Optional,
    /// A payment without one is refused.
    Required,
}
