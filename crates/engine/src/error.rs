//! Errors, one enum for each operation, variants in order of precedence: the first that applies is
//! returned. Each has a stable code, an HTTP status and a retry rule.

use serde::{Deserialize, Serialize};

/// When the same call can be made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Retry {
    /// It would fail again.
    Never,
    /// Again with the same order or key: it cannot be charged twice.
    SameKey,
    /// As [`Retry::SameKey`], but not before this many seconds.
    AfterSeconds(u32),
}

/// What programs need of an error.
pub trait Coded: std::fmt::Display {
    /// Stable `snake_case` code.
    fn code(&self) -> &'static str;
    /// HTTP status of the problem.
    fn http_status(&self) -> u16;
    /// Retry rule.
    fn retry(&self) -> Retry {
        Retry::Never
    }
}

/// The engine cannot take the command now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unavailable {
    /// The queue is full.
    #[error("the node is busy; try again with the same payment")]
    Busy,
    /// The writer stopped after a disk error or at shutdown.
    #[error("the node does not accept payments at the moment; nothing was charged")]
    Stopped,
    /// The clock shows an earlier time than the journal has seen, so expiries cannot be judged.
    #[error("the node's clock went back, so it takes no new payments; nothing was charged")]
    ClockBehind,
    /// A gateway could not reach the node, so it does not know what happened.
    #[error("the node could not be reached; try again with the same payment")]
    Unreachable,
}

impl Coded for Unavailable {
    fn code(&self) -> &'static str {
        match self {
            Self::Busy => "node_busy",
            Self::Stopped => "node_stopped",
            Self::ClockBehind => "node_clock_behind",
            Self::Unreachable => "node_unreachable",
        }
    }

    fn http_status(&self) -> u16 {
        503
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Busy | Self::Unreachable => Retry::AfterSeconds(1),
            Self::Stopped | Self::ClockBehind => Retry::AfterSeconds(30),
        }
    }
}

/// Defines an error enum with code, status and text for each variant, and `Unavailable` last.
macro_rules! operation_errors {
    ($(
        $(#[$doc:meta])* $name:ident {
            $( $(#[$variant_doc:meta])* $variant:ident = $code:literal, $status:literal, $text:literal; )*
        }
    )*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $( $(#[$variant_doc])* #[error($text)] $variant, )*
            /// The engine cannot take the command now.
            #[error(transparent)]
            Unavailable(#[from] Unavailable),
        }

        impl Coded for $name {
            fn code(&self) -> &'static str {
                match self {
                    $( Self::$variant => $code, )*
                    Self::Unavailable(inner) => inner.code(),
                }
            }

            fn http_status(&self) -> u16 {
                match self {
                    $( Self::$variant => $status, )*
                    Self::Unavailable(inner) => inner.http_status(),
                }
            }

            fn retry(&self) -> Retry {
                match self {
                    Self::Unavailable(inner) => inner.retry(),
                    other if other.http_status() == 503 => Retry::AfterSeconds(1),
                    _ => Retry::Never,
                }
            }
        }

        impl $name {
            /// Every variant except `Unavailable`, in order of precedence.
            pub const ALL: &'static [Self] = &[$( Self::$variant, )*];
        }
    )*};
}

mod channel;
mod mandate;
mod step;

pub use channel::{ChannelError, OpenChannelError};
pub use mandate::{GrantError, PauseError, RevokeError};

operation_errors! {
    /// Why a payment was not accepted. Nothing was charged.
    AuthorizeError {
        /// The order names another node.
        WrongNode = "invalid_network", 402, "the order is for another node";
        /// The order names another purchase: another method, origin, path, query or body.
        WrongPurchase = "purchase_mismatch", 402,
            "the order pays for another request: method, origin, path, query or body differ";
        /// Another order with this id was presented before, or a batch of the ledger's own
        /// transfers took an id that the payment's transfers would have.
        OrderIdTaken = "order_id_taken", 409, "the payer has used this order id for another order";
        /// The idempotency key was used for something else.
        IdempotencyConflict = "idempotency_conflict", 409,
            "this key was used for another purchase; use a new key";
        /// The payment was made long ago; the resource is no longer open under it.
        AlreadyUsed = "payment_already_used", 402,
            "this payment was used and its access time is over; sign a new order";
        /// Too many copies of one payment wait for its answer.
        TooManyCopies = "payment_in_flight", 503,
            "too many copies of this payment are in flight; wait and present it again";
        /// The claim ran out before the caller charged it.
        ClaimLost = "claim_lost", 503, "the claim on this payment ran out; present it again";
        /// The order pays somebody else.
        WrongPayee = "payee_mismatch", 402, "the order names another payee than the offer";
        /// The order is in another asset.
        WrongAsset = "asset_mismatch", 402, "the order is in another asset than the offer";
        /// The order's amount is not the price.
        WrongAmount = "amount_mismatch", 402, "the order's amount is not the price";
        /// The order's time is over.
        Expired = "order_expired", 402, "the order has expired; check the clock and sign a new one";
        /// The order would be valid for too long.
        ExpiryTooFar = "order_expiry_too_far", 402,
            "the order expires more than a day ahead; check the clock";
        /// The node does not carry the asset.
        UnknownAsset = "unknown_asset", 402, "the node does not carry this asset";
        /// The signer does not own the payer account and names no mandate.
        NotPayersKey = "signer_is_not_payer", 402,
            "the signer does not own the payer account; a delegate must name its mandate";
        /// The mandate does not exist at this node.
        MandateUnknown = "mandate_unknown", 402,
            "the node does not know this mandate; register its chain and present the order again";
        /// The mandate is for another key, payer or asset.
        MandateMismatch = "mandate_mismatch", 402,
            "the mandate is for another signer, payer or asset";
        /// The mandate is for other payees.
        MandatePayee = "mandate_payee", 402, "the mandate is for other payees";
        /// The mandate, or one above it, was ended.
        MandateRevoked = "mandate_revoked", 402, "this mandate, or one above it, was revoked";
        /// The mandate, or one above it, is stopped for now.
        MandatePaused = "mandate_paused", 402,
            "this mandate, or one above it, is paused; ask its granter";
        /// The mandate's time is over.
        MandateExpired = "mandate_expired", 402, "the mandate has expired";
        /// The mandate is for another origin.
        MandateAudience = "mandate_audience", 402, "the mandate is for another site";
        /// One unit costs more than the mandate allows.
        MandateUnitPrice = "mandate_unit_price", 402,
            "the price by the unit is above the mandate's limit";
        /// The amount is above the mandate's limit for one payment.
        MandatePerPayment = "mandate_per_payment", 402,
            "the amount is above the mandate's limit for one payment";
        /// The amount is above what is left for this day, here or above.
        MandatePerDay = "mandate_per_day", 402,
            "the amount is above what the mandate, or one above it, has left for this UTC day";
        /// The amount is above what is left for this month, here or above.
        MandatePerMonth = "mandate_per_month", 402,
            "the amount is above what the mandate, or one above it, has left for this UTC month";
        /// The amount is above what is left in all, here or above.
        MandateExceeded = "mandate_exceeded", 402,
            "the amount is above what the mandate, or one above it, has left";
        /// The node has no such payee account.
        UnknownPayee = "unknown_payee", 402, "the node has no such payee account in this asset";
        /// Payer and payee are the same account.
        PayerIsPayee = "payer_is_payee", 402, "payer and payee are the same account";
        /// Payer or payee is closed: the operator's programs closed it in the ledger.
        AccountClosed = "account_closed", 402, "the payer's or a payee's account is closed";
        /// The balance is too low.
        InsufficientFunds = "insufficient_funds", 402, "the payer's balance is too low";
        /// What the price or the delivery depends on was used up, such as a discount code.
        CounterExhausted = "counter_exhausted", 402,
            "what this price depends on, such as a code, is used up or over; ask for the price again";
        /// The node counts as many things as it can, or the payment asks for too many.
        TooManyCounters = "too_many_counters", 503,
            "the node counts as many things as it can; try again later";
    }

    /// Why a claim or hold could not be charged or settled.
    SettleError {
        /// No such payment, or the claim was given to somebody else.
        NotYours = "claim_lost", 409, "the claim on this payment was lost";
        /// The payment is not held.
        NotHeld = "payment_not_held", 409, "the payment is not held any more";
        /// More than was held.
        ExceedsHold = "exceeds_hold", 422, "the amount is above what was held";
        /// Payer or payee is closed. The hold can be released.
        AccountClosed = "account_closed", 409,
            "the payer's or a payee's account is closed; the hold can only be released";
    }

    /// Why a claim or hold could not be released.
    ReleaseError {
        /// No such payment, or the claim was given to somebody else.
        NotYours = "claim_lost", 409, "the claim on this payment was lost";
        /// The payment is not held.
        NotHeld = "payment_not_held", 409, "the payment is not held any more";
    }

    /// Why an asset or account could not be opened.
    OpenError {
        /// The asset exists with another scale, or as play money.
        AssetDiffers = "asset_exists_with_different_terms", 409,
            "the asset exists with another scale or sandbox flag; both are fixed for ever";
        /// The node does not carry the asset.
        UnknownAsset = "unknown_asset", 422, "the node does not carry this asset";
        /// The account exists with another asset or role.
        AccountDiffers = "account_exists_with_different_terms", 409,
            "the account exists with another asset or role";
        /// The ledger has as many assets or accounts as it can have.
        LedgerFull = "ledger_is_full", 409,
            "the ledger has as many assets or accounts as it can have";
    }

    /// Why money could not enter.
    FundError {
        /// The same id was used for another amount, account or reference, or a batch of the ledger's
        /// own transfers took the id that follows from it.
        IdTaken = "fund_id_taken", 409,
            "this key was used for another amount, account or reference";
        /// The node does not carry the asset.
        UnknownAsset = "unknown_asset", 422, "the node does not carry this asset";
        /// Play money was asked for in an asset that is real.
        NotSandbox = "not_sandbox", 403, "this asset is not play money";
        /// The account is in another asset.
        WrongAsset = "asset_mismatch", 422, "the account holds another asset";
        /// The treasury itself cannot receive, nor can another account that only gives: one whose
        /// credits must not exceed its debits.
        Treasury = "account_is_treasury", 422, "the treasury gives; name the account that receives";
        /// The treasury or the account is closed.
        AccountClosed = "account_closed", 409, "the treasury or the account that receives is closed";
        /// Nothing would enter.
        Zero = "amount_zero", 422, "the amount must be above zero";
        /// The treasury's books would overflow.
        Overflow = "amount_too_large", 422, "the amount is too large";
    }
}

/// Why a batch of the ledger's own events was not taken. Nothing of it happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BatchError {
    /// More events than one batch takes.
    #[error("a batch holds at most 8190 events; split it")]
    TooLarge,
    /// An event names a transfer of a held payment or open channel: it would post or void its hold,
    /// or take the id of a transfer that it will make.
    #[error("event {index} names a transfer of a held payment or channel, which is its alone")]
    PaymentHold {
        /// Place of the first such event in the batch, from 0.
        index: usize,
    },
    /// The engine cannot take the command now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Coded for BatchError {
    fn code(&self) -> &'static str {
        match self {
            Self::TooLarge => "batch_too_large",
            Self::PaymentHold { .. } => "payment_hold",
            Self::Unavailable(inner) => inner.code(),
        }
    }

    fn http_status(&self) -> u16 {
        match self {
            Self::TooLarge => 422,
            Self::PaymentHold { .. } => 409,
            Self::Unavailable(inner) => inner.http_status(),
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::TooLarge | Self::PaymentHold { .. } => Retry::Never,
            Self::Unavailable(inner) => inner.retry(),
        }
    }
}

/// Why a question about the ledger was not answered. Asking changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// It has no answer.
    #[error(transparent)]
    Refused(#[from] ledger::QueryError),
    /// The engine cannot answer now; it has stopped if its past cannot be read.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Coded for AskError {
    fn code(&self) -> &'static str {
        match self {
            Self::Refused(why) => why.code(),
            Self::Unavailable(inner) => inner.code(),
        }
    }

    fn http_status(&self) -> u16 {
        match self {
            Self::Refused(ledger::QueryError::AccountNotFound) => 404,
            Self::Refused(_) => 422,
            Self::Unavailable(inner) => inner.http_status(),
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Refused(_) => Retry::Never,
            Self::Unavailable(inner) => inner.retry(),
        }
    }
}

/// Why the engine did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The journal could not be opened.
    #[error(transparent)]
    Journal(#[from] journal::OpenError),
    /// The journal could not be read.
    #[error(transparent)]
    Read(#[from] journal::ReadError),
    /// The snapshot folder could not be used.
    #[error(transparent)]
    Snapshot(#[from] journal::SnapshotError),
    /// The index could not be created.
    #[error(transparent)]
    Index(#[from] index::OpenError),
    /// The index did not take what the journal holds.
    #[error("the index does not take batch {sequence} of the journal: {why}")]
    IndexBatch {
        /// The batch.
        sequence: u64,
        /// What happened.
        why: index::Error,
    },
    /// A batch does not decode.
    #[error("batch {sequence} of the journal does not decode: {why}")]
    Malformed {
        /// The batch.
        sequence: u64,
        /// What is wrong with it.
        why: crate::codec::Malformed,
    },
    /// A batch does not fit the state before it, or the index failed at it.
    #[error("batch {sequence} of the journal cannot be folded: {why}")]
    Broken {
        /// The batch.
        sequence: u64,
        /// What stands in the way.
        why: crate::state::Broken,
    },
    /// The log cannot be opened.
    #[error("the log: {0}")]
    Log(#[from] crate::log::LogError),
    /// The books do not sum to zero.
    #[error("the books do not balance: {0}")]
    Books(ledger::Broken),
    /// The data folder belongs to another node.
    #[error("the data folder belongs to node {found}, but the key file to {expected}")]
    OtherNode {
        /// Node of the key.
        expected: money::NodeId,
        /// Node of the snapshot.
        found: money::NodeId,
    },
    /// The clock is far behind the journal.
    #[error(
        "the clock is {behind_seconds} seconds behind the last entry of the journal; set the clock, \
         then start again"
    )]
    ClockBehind {
        /// How far.
        behind_seconds: u64,
    },
    /// A thread of the engine could not be started.
    #[error("a thread of the engine could not be started: {0}")]
    Thread(std::io::Error),
}
