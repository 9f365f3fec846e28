//! The writer's share of the registry and of refunds.

use super::core::Core;
use crate::decide::{self, Decision};
use crate::document::{Document, Put, PutError};
use crate::entry::Entry;
use crate::error::Unavailable;
use crate::handle::FactCommand;
use crate::refund::{Refund, RefundError, RefundView};

impl Core {
    pub(super) fn fact(&mut self, command: FactCommand) {
        match command {
            FactCommand::Put(put, reply) => {
                let result = self.put_document(put);
                self.answer(reply, result);
            }
            FactCommand::Refund(refund, reply) => {
                let result = self.refund(&refund);
                self.answer(reply, result);
            }
        }
    }

    fn put_document(&mut self, put: Put) -> Result<Document, PutError> {
        let revision = decide::put(&self.state, &put)?;
        let Put { kind, id, body, .. } = put;
        self.write(Entry::DocumentPut { kind, id: id.clone(), revision, body: body.clone() });
        let document = Document {
            kind,
            id,
            revision,
            deleted: body.is_none(),
            body: body.unwrap_or_default(),
            at_ms: self.state.last_timestamp_ns / 1_000_000,
        };
        self.documents.push(document.clone().into());
        Ok(document)
    }

    fn refund(&mut self, refund: &Refund) -> Result<RefundView, RefundError> {
        if let Decision::Entry(entry) = decide::refund(&self.state, refund)? {
            self.write(entry);
        }
        Ok(self.state.refund_view(refund.id).ok_or(Unavailable::Stopped)?)
    }
}
