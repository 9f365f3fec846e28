//! The life of a payout, as a pure step.
//!
//! | | hold | release | export | pay | cancel |
//! | --- | --- | --- | --- | --- | --- |
//! | requested | held | released | - | - | cancelled |
//! | held | held | released | - | - | cancelled |
//! | released | held | released | exported | paid | cancelled |
//! | exported | - | - | exported | paid | cancelled |
//! | paid | - | - | - | paid | - |
//! | cancelled | - | - | - | - | cancelled |
//!
//! The money is held in every state but the last two. What is paid stays paid; a bank that sends the
//! money back is money that enters again.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where a payout stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = PayoutState)]
pub(crate) enum State {
    /// The payee asked for it; the money is held.
    Requested,
    /// The operator looks into it.
    Held,
    /// It may be paid.
    Released,
    /// It is in a file for the bank.
    Exported,
    /// The bank has paid it; the money has left.
    Paid,
    /// It is off; the payee has the money again.
    Cancelled,
}

/// What is done to a payout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Hold,
    Release,
    Export,
    Pay,
    Cancel,
}

impl State {
    /// The state after a step; `None` if the step is not allowed. A step that was made already
    /// leads to where the payout is.
    pub(crate) const fn after(self, step: Step) -> Option<Self> {
        use State::{Cancelled, Exported, Held, Paid, Released, Requested};
        match (self, step) {
            (Requested | Held | Released, Step::Hold) => Some(Held),
            (Requested | Held | Released, Step::Release) => Some(Released),
            (Released | Exported, Step::Export) => Some(Exported),
            (Released | Exported | Paid, Step::Pay) => Some(Paid),
            (Requested | Held | Released | Exported | Cancelled, Step::Cancel) => Some(Cancelled),
            _ => None,
        }
    }

    /// The stable name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Held => "held",
            Self::Released => "released",
            Self::Exported => "exported",
            Self::Paid => "paid",
            Self::Cancelled => "cancelled",
        }
    }

    /// Nothing will change any more.
    pub(crate) const fn is_final(self) -> bool {
        matches!(self, Self::Paid | Self::Cancelled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_and_step() {
        use State::{Cancelled, Exported, Held, Paid, Released, Requested};
        let steps = [Step::Hold, Step::Release, Step::Export, Step::Pay, Step::Cancel];
        let table = [
            (Requested, [Some(Held), Some(Released), None, None, Some(Cancelled)]),
            (Held, [Some(Held), Some(Released), None, None, Some(Cancelled)]),
            (Released, [Some(Held), Some(Released), Some(Exported), Some(Paid), Some(Cancelled)]),
            (Exported, [None, None, Some(Exported), Some(Paid), Some(Cancelled)]),
            (Paid, [None, None, None, Some(Paid), None]),
            (Cancelled, [None, None, None, None, Some(Cancelled)]),
        ];
        for (state, after) in table {
            assert_eq!(steps.map(|step| state.after(step)), after, "{}", state.name());
            // A step made twice is made once.
            for step in steps {
                if let Some(after) = state.after(step) {
                    assert_eq!(after.after(step), Some(after));
                }
            }
            assert_eq!(
                state.is_final(),
                steps.iter().all(|step| match state.after(*step) {
                    None => true,
                    Some(after) => after == state,
                })
            );
        }
    }
}
