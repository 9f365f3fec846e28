//! The writer's share of the registry, of refunds and of counters.

use super::core::Core;
use crate::counter::{Count, CountError, Counted};
use crate::decide::{self, Decision};
use crate::document::{Document, Put, PutError};
use crate::entry::{CountedBy, Entry};
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
            FactCommand::Count(count, reply) => {
                let result = self.count(count);
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

    fn count(&mut self, count: Count) -> Result<Counted, CountError> {
        self.trust_clock()?;
        let counted = decide::count(&self.state, &count, self.entry_ns() / 1_000_000)?;
        if !counted.again {
            let by = CountedBy::Use(count.id);
            self.write(Entry::Counted { by, counters: vec![count.counter] });
        }
        Ok(counted)
    }

    fn refund(&mut self, refund: &Refund) -> Result<RefundView, RefundError> {
        if let Decision::Entry(entry) = decide::refund(&self.state, refund)? {
            self.write(entry);
        }
        Ok(self.state.refund_view(refund.id).ok_or(Unavailable::Stopped)?)
    }
}
