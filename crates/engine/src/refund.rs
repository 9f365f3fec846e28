//! Refunds: a settled payment's money goes back from its payees to its payer.
//!
//! A refund gives nothing back to a mandate: its limits count what was paid under it.

use money::{AccountId, Amount, PaymentId, RefundId};
use serde::{Deserialize, Serialize};

use crate::error::{Coded, Retry, Unavailable};

/// Most refunds of one payment.
pub const REFUNDS_PER_PAYMENT_COUNT_MAX: usize = 100;

/// Request to pay a settled payment back, all of it or a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refund {
    /// Chosen by the caller: the same id with the same content is answered as done.
    pub id: RefundId,
    /// The payment, which must be settled.
    pub payment: PaymentId,
    /// Who pays it back: this payee of it alone, or all in the proportions of what they have of it.
    pub from: Option<AccountId>,
    /// Base units; all that is left if `None`.
    pub units: Option<u128>,
    /// Why, in words; at most 120 bytes, longer text is cut.
    pub reason: String,
}

/// One refund.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundView {
    /// The refund.
    pub refund: RefundId,
    /// What was paid back.
    pub payment: PaymentId,
    /// Who got the money back.
    pub payer: AccountId,
    /// The payee who alone paid it back; `None`: all of them.
    pub from: Option<AccountId>,
    /// How much.
    pub amount: Amount,
    /// All that was paid back of the payment up to this refund, base units.
    pub refunded: Amount,
    /// Why.
    pub reason: String,
    /// When, Unix nanoseconds.
    pub at_ns: u64,
}

/// Why nothing was paid back, in order of precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundError {
    /// The id was used for another refund.
    #[error("this key was used for another refund")]
    IdTaken,
    /// There is no such payment.
    #[error("there is no such payment")]
    UnknownPayment,
    /// The payment is held or was released.
    #[error("the payment is not settled, so there is nothing to pay back")]
    NotSettled,
    /// The account has no part in the payment.
    #[error("this account is no payee of the payment")]
    NotPayee,
    /// Nothing would be paid back.
    #[error("the amount must be above zero")]
    Zero,
    /// All was paid back.
    #[error("nothing is left to pay back")]
    NothingLeft,
    /// More than is left.
    #[error("only {left} base units are left to pay back")]
    TooMuch {
        /// Base units.
        left: u128,
    },
    /// The payment was refunded too often.
    #[error("a payment can be refunded in 100 parts at most")]
    TooMany,
    /// The payer's or a payee's account is closed.
    #[error("the account {account} is closed")]
    AccountClosed {
        /// Which.
        account: AccountId,
    },
    /// A payee has not got the money any more.
    #[error("the payee {account} has not enough to pay it back")]
    PayeeShort {
        /// Which.
        account: AccountId,
    },
    /// The engine cannot take the command now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Coded for RefundError {
    fn code(&self) -> &'static str {
        match self {
            Self::IdTaken => "refund_id_taken",
            Self::UnknownPayment => "payment_unknown",
            Self::NotSettled => "payment_not_settled",
            Self::NotPayee => "not_a_payee",
            Self::Zero => "amount_zero",
            Self::NothingLeft => "nothing_left_to_refund",
            Self::TooMuch { .. } => "refund_too_much",
            Self::TooMany => "too_many_refunds",
            Self::AccountClosed { .. } => "account_closed",
            Self::PayeeShort { .. } => "payee_short",
            Self::Unavailable(inner) => inner.code(),
        }
    }

    fn http_status(&self) -> u16 {
        match self {
            Self::UnknownPayment => 404,
            Self::NotPayee | Self::Zero | Self::TooMuch { .. } => 422,
            Self::Unavailable(inner) => inner.http_status(),
            _ => 409,
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Unavailable(inner) => inner.retry(),
            // The payee may earn it again.
            Self::PayeeShort { .. } => Retry::SameKey,
            _ => Retry::Never,
        }
    }
}
