//! Entries of a statement: posted transfers as their account sees them.

use ledger::{Kind, TransferState};
use money::{AccountId, ChannelId, PaymentId, PayoutId, TransferId};

/// Code of the transfers of payouts. The engine's own are 1 to 4: funding, payments, channels,
/// refunds.
pub const PAYOUT_CODE: u16 = 16;

/// Why money moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LineKind {
    /// It entered through the treasury.
    Funding,
    /// A payment was settled.
    Payment,
    /// A channel opened, settled or closed.
    Channel,
    /// A payment was paid back.
    Refund,
    /// It left through the treasury.
    Payout,
    /// A transfer of the operator's own, with its code.
    Transfer(u16),
}

impl LineKind {
    fn of(code: u16) -> Self {
        match code {
            1 => Self::Funding,
            2 => Self::Payment,
            3 => Self::Channel,
            4 => Self::Refund,
            PAYOUT_CODE => Self::Payout,
            code => Self::Transfer(code),
        }
    }

    /// Stable name for programs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Funding => "funding",
            Self::Payment => "payment",
            Self::Channel => "channel",
            Self::Refund => "refund",
            Self::Payout => "payout",
            Self::Transfer(_) => "transfer",
        }
    }
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// When it was posted, Unix nanoseconds.
    pub at_ns: u64,
    /// The transfer.
    pub transfer: TransferId,
    /// Why.
    pub kind: LineKind,
    /// The account received it; else it gave it.
    pub is_credit: bool,
    /// Base units.
    pub units: u128,
    /// The other account.
    pub counterparty: AccountId,
    /// Payment, channel or payout that it belongs to; empty if none.
    pub about: String,
    /// In words; may be empty.
    pub description: String,
}

impl Line {
    /// What the transfer posted to or from the account; `None` if it posted nothing.
    pub(super) fn of(state: &TransferState, account: AccountId) -> Option<Self> {
        let transfer = &state.transfer;
        match transfer.kind {
            Kind::Single { .. } | Kind::Post { .. } => {}
            Kind::Pending { .. } | Kind::Void { .. } => return None,
        }
        let is_credit = transfer.credit_account == account;
        // A transfer to oneself is refused by the ledger; its two sides would not be one entry.
        let counterparty = if is_credit { transfer.debit_account } else { transfer.credit_account };
        let kind = LineKind::of(transfer.code);
        Some(Self {
            at_ns: state.timestamp_ns,
            transfer: transfer.id,
            kind,
            is_credit,
            units: transfer.amount,
            counterparty,
            about: about(kind, transfer.user_data),
            description: String::new(),
        })
    }

    /// The payment that the entry belongs to.
    pub(super) fn payment(&self) -> Option<PaymentId> {
        match self.kind {
            LineKind::Payment | LineKind::Refund => self.about.parse().ok(),
            _ => None,
        }
    }
}

fn about(kind: LineKind, number: u128) -> String {
    let text = match kind {
        LineKind::Payment | LineKind::Refund => {
            PaymentId::new(number).ok().map(|id| id.to_string())
        }
        LineKind::Channel => ChannelId::new(number).ok().map(|id| id.to_string()),
        LineKind::Payout => PayoutId::new(number).ok().map(|id| id.to_string()),
        LineKind::Funding | LineKind::Transfer(_) => None,
    };
    text.unwrap_or_default()
}
