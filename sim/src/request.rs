//! What clients send to the node, and what it answers, in a form that can be kept and compared.

use engine::{AccountSpec, Authorize, ClaimToken, Fund, PaymentState};
use ledger::{Account, CreateAccountStatus, CreateTransferStatus, Transfer};
use money::{Asset, PaymentId};

/// One request.
#[derive(Debug, Clone)]
pub enum Request {
    Accounts(Vec<Account>),
    Transfers(Vec<Transfer>),
    /// Opens a play asset with its treasury and residue accounts.
    OpenAsset(Asset),
    OpenAccount(AccountSpec),
    Fund(Fund),
    Authorize(Box<Authorize>),
    /// Turns a claim into a hold.
    Hold(PaymentId, ClaimToken, u32),
    /// Charges a claim.
    Charge(PaymentId, ClaimToken),
    Settle(PaymentId, Option<u128>),
    Release(PaymentId, ClaimToken),
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Accounts(Vec<CreateAccountStatus>),
    Transfers(Vec<CreateTransferStatus>),
    /// Done, or done before.
    Done,
    /// The caller alone may go on.
    Proceed(PaymentId, ClaimToken),
    /// A payment as it stands: what was paid of it, in base units.
    Paid {
        payment: PaymentId,
        state: PaymentState,
        units: u128,
        is_new: bool,
    },
    /// Refused for good, with the stable code.
    Refused(&'static str),
    /// The node does not say: it has stopped, or its queue was full.
    Unavailable(&'static str),
}
