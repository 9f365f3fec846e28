//! The writer's share of the log: its entries, and what each batch gives to it.
//!
//! Invariant: the log gets every row and epoch record once, in the order of the journal.

use std::sync::Arc;

use super::core::Core;
use crate::entry::Entry;
use crate::error::Unavailable;
use crate::log::{EpochRequest, Fed, LogCommand, LogError};

impl Core {
    pub(super) fn log_command(&mut self, command: LogCommand) {
        match command {
            LogCommand::Open(vkey) => {
                // The start has seen to it that a new one was asked for.
                if self.state.log.vkey.as_ref() != Some(&vkey) {
                    self.write(Entry::LogOpened { vkey });
                }
            }
            LogCommand::Capture(reply) => match self.log {
                Some(_) => self.epochs.push(reply),
                // Who asked may have given up.
                None => drop(reply.send(Err(LogError::NoLog))),
            },
            LogCommand::Record(entry, reply) => {
                let result = self.record_epoch(entry);
                self.answer(reply, result);
            }
        }
    }

    /// Places an epoch record in the log and tells its leaf.
    fn record_epoch(&mut self, entry: Arc<[u8]>) -> Result<u64, Unavailable> {
        self.write(Entry::EpochRecorded { entry });
        let last = self.state.log.marks().last();
        last.map(|(leaf, _)| leaf).ok_or(Unavailable::Stopped)
    }

    /// What the log gets of the open batch.
    pub(super) fn feed(&mut self) -> Fed {
        let Some(log) = &mut self.log else { return Fed::default() };
        let parts = log.take(&self.state, u64::MAX);
        let parts = self.state.answer(parts);
        let wanted = std::mem::take(&mut self.epochs).into_iter();
        let resident = |reply| EpochRequest { resident: self.state.resident(), reply };
        Fed { parts, epochs: wanted.map(resident).collect() }
    }
}
