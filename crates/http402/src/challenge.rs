//! The challenge: what has to be paid for one purchase, before any dialect words it.
//!
//! Invariant: a challenge holds everything that any dialect needs, so that all answers to one
//! request name the same price, payee and purchase. It must not hold anything of one dialect only.

use http::Method;
use instrument::PurchaseDigest;
use money::{AccountId, Amount, NodeId};
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
