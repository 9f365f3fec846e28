//! Batches of the ledger's own events: the ledger decides, the writer appends what it made.

use ledger::{Account, CreateAccountStatus, CreateTransferStatus, Ledger, Transfer};

use super::core::Core;
use crate::decide;
use crate::entry::{encode_ledger, step_for};
use crate::error::{BatchError, Unavailable};
use crate::past::Changes;

impl Core {
    /// A batch of the ledger's own accounts.
    pub(super) fn create_accounts(
        &mut self,
        accounts: &[Account],
    ) -> Result<Vec<CreateAccountStatus>, BatchError> {
        decide::check_size(accounts.len())?;
        self.ledger_batch(accounts.len(), |ledger, at_ns| ledger.create_accounts(accounts, at_ns))
    }

    /// A batch of the ledger's own transfers.
    pub(super) fn create_transfers(
        &mut self,
        transfers: &[Transfer],
    ) -> Result<Vec<CreateTransferStatus>, BatchError> {
        decide::check_transfers(&self.state, transfers)?;
        self.ledger_batch(transfers.len(), |ledger, at_ns| {
            ledger.create_transfers(transfers, at_ns)
        })
    }

    /// Lets the ledger decide, and appends what it made.
    fn ledger_batch<T>(
        &mut self,
        events: usize,
        create: impl FnOnce(&mut Ledger<Changes>, u64) -> Result<T, index::Error>,
    ) -> Result<T, BatchError> {
        if self.broken.is_some() {
            return Err(Unavailable::Stopped.into());
        }
        let timestamp_ns = self.next_timestamp_ns(step_for(events));
        match create(&mut self.state.ledger, timestamp_ns) {
            Ok(statuses) => {
                self.state.last_timestamp_ns = timestamp_ns;
                self.batch.u64(timestamp_ns);
                let fresh = self.state.ledger.fresh();
                encode_ledger(&mut self.batch, fresh.rows(), fresh.burned());
                Ok(statuses)
            }
            Err(error) => {
                self.broken = Some(error.into());
                Err(Unavailable::Stopped.into())
            }
        }
    }
}
