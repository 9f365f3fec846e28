//! Which batches of the ledger's own events are taken.
//!
//! Invariant: the transfers of a held payment or an open channel are touched by it alone. Its
//! settlement or release must find its holds open and the ids of its posts and voids free, or it
//! could not be folded. What an event does is the ledger's business; nothing is decided about it here.

use ledger::Transfer;

use crate::error::BatchError;
use crate::handle::BATCH_EVENTS_COUNT_MAX;
use crate::state::State;

pub(crate) fn check_size(events: usize) -> Result<(), BatchError> {
    if events > BATCH_EVENTS_COUNT_MAX {
        return Err(BatchError::TooLarge);
    }
    Ok(())
}

pub(crate) fn check_transfers(state: &State, transfers: &[Transfer]) -> Result<(), BatchError> {
    check_size(transfers.len())?;
    if state.reserved.is_empty() {
        return Ok(());
    }
    let touches = |transfer: &Transfer| {
        let pending_id = transfer.kind.pending_id();
        state.reserved.contains(transfer.id)
            || pending_id.is_some_and(|id| state.reserved.contains(id))
    };
    match transfers.iter().position(touches) {
        Some(index) => Err(BatchError::PaymentHold { index }),
        None => Ok(()),
    }
}
