//! The past of payments, channels, funding and holders: their records in an index.

use index::{Error, Found, Schema};
use money::{AccountId, ChannelId, PaymentId, RefundId, TransferId};

use super::record::{Field, Funding, RECORD_BYTES, Record, keys, number, term, terms};
use super::{ClosedChannel, Opened, OpenedChannel, Refunded, Rows};
use crate::state::{Holder, Progress};

/// Records, found by id, payer and name.
#[derive(Debug)]
pub(crate) struct Records(pub Rows);

impl Records {
    pub(crate) const SCHEMA: Schema =
        Schema { row_bytes: RECORD_BYTES, pair_bytes: 0, keys, terms };

    pub(crate) fn put(&mut self, record: &Record) -> Result<(), Error> {
        self.0.append(&record.to_row(), None)
    }

    /// A payment as it was opened.
    pub(crate) fn opened(&self, id: PaymentId) -> Result<Option<Opened>, Error> {
        match self.find(Field::Payment, &[&id.to_be_bytes()])? {
            Some(Record::Opened(opened)) if opened.id == id => Ok(Some(*opened)),
            _ => Ok(None),
        }
    }

    /// How a held payment ended.
    pub(crate) fn finished(&self, id: PaymentId) -> Result<Option<Progress>, Error> {
        match self.find(Field::Finish, &[&id.to_be_bytes()])? {
            Some(Record::Finished { id: found, progress, .. }) if found == id => Ok(Some(progress)),
            _ => Ok(None),
        }
    }

    /// The payment that a payer made under a key, with the fingerprint of what it was for.
    pub(crate) fn named(
        &self,
        payer: AccountId,
        key: &[u8; 32],
    ) -> Result<Option<(PaymentId, [u8; 32])>, Error> {
        let found = self.find(Field::Name, &[&payer.to_be_bytes(), key])?;
        let Some(Record::Opened(opened)) = found else {
            return Ok(None);
        };
        let named = opened.name.filter(|(named, _)| named == key && opened.payment.payer == payer);
        Ok(named.map(|(_, fingerprint)| (opened.id, fingerprint)))
    }

    pub(crate) fn funding(&self, id: TransferId) -> Result<Option<Funding>, Error> {
        match self.find(Field::Fund, &[&id.to_be_bytes()])? {
            Some(Record::Funded(funding)) if funding.id == id => Ok(Some(funding)),
            _ => Ok(None),
        }
    }

    pub(crate) fn holder(&self, account: AccountId) -> Result<Option<Holder>, Error> {
        match self.find(Field::Account, &[&account.to_be_bytes()])? {
            Some(Record::Holder { account: found, holder, .. }) if found == account => {
                Ok(Some(holder))
            }
            _ => Ok(None),
        }
    }

    /// A channel as it was opened.
    pub(crate) fn opened_channel(&self, id: ChannelId) -> Result<Option<OpenedChannel>, Error> {
        match self.find(Field::Channel, &[&id.to_be_bytes()])? {
            Some(Record::ChannelOpened(opened)) if opened.id == id => Ok(Some(*opened)),
            _ => Ok(None),
        }
    }

    /// How a channel ended.
    pub(crate) fn closed_channel(&self, id: ChannelId) -> Result<Option<ClosedChannel>, Error> {
        match self.find(Field::ChannelEnd, &[&id.to_be_bytes()])? {
            Some(Record::ChannelClosed(closed)) if closed.id == id => Ok(Some(*closed)),
            _ => Ok(None),
        }
    }

    pub(crate) fn refund(&self, id: RefundId) -> Result<Option<Refunded>, Error> {
        match self.find(Field::Refund, &[&id.to_be_bytes()])? {
            Some(Record::Refunded(refunded)) if refunded.id == id => Ok(Some(*refunded)),
            _ => Ok(None),
        }
    }

    /// The refunds of a payment, oldest first.
    pub(crate) fn refunds_of(&self, payment: PaymentId) -> Result<Vec<Refunded>, Error> {
        // Most payments have none, which a key tells faster than a term.
        if self.find(Field::FirstRefund, &[&payment.to_be_bytes()])?.is_none() {
            return Ok(Vec::new());
        }
        let term = term(Field::Refunds, &[&payment.to_be_bytes()]);
        let mut found = Vec::new();
        for position in self.0.positions(term, 0..self.0.len(), false, usize::MAX)? {
            match self.read(position)? {
                Some(Record::Refunded(refunded)) if refunded.payment == payment => {
                    found.push(*refunded);
                }
                _ => {}
            }
        }
        Ok(found)
    }

    /// Payments in the order of their authorization, newest first.
    pub(crate) fn latest(&self, limit: usize) -> Result<Vec<Opened>, Error> {
        self.payments(term(Field::Kind, &[&Record::PAYMENTS]), limit, |_| true)
    }

    /// A payer's payments, newest first.
    pub(crate) fn of_payer(&self, payer: AccountId, limit: usize) -> Result<Vec<Opened>, Error> {
        let term = term(Field::Payer, &[&payer.to_be_bytes()]);
        self.payments(term, limit, |opened| opened.payment.payer == payer)
    }

    /// Accounts with a holder, in the order in which they were opened.
    pub(crate) fn holders(&self) -> Result<Vec<(AccountId, Holder)>, Error> {
        let term = term(Field::Kind, &[&Record::HOLDERS]);
        let mut found = Vec::new();
        for position in self.0.positions(term, 0..self.0.len(), false, usize::MAX)? {
            if let Some(Record::Holder { account, holder, .. }) = self.read(position)? {
                found.push((account, holder));
            }
        }
        Ok(found)
    }

    fn payments(
        &self,
        term: u64,
        limit: usize,
        fits: impl Fn(&Opened) -> bool,
    ) -> Result<Vec<Opened>, Error> {
        let mut found = Vec::new();
        let mut end = self.0.len();
        // Rows that share the term by chance are passed over, so one look may not fill the page.
        while found.len() < limit && end > 0 {
            let wanted = limit - found.len();
            let positions = self.0.positions(term, 0..end, true, wanted)?;
            let Some(last) = positions.last().copied() else {
                break;
            };
            for position in positions {
                match self.read(position)? {
                    Some(Record::Opened(opened)) if fits(&opened) => found.push(*opened),
                    _ => {}
                }
            }
            end = last;
        }
        Ok(found)
    }

    fn find(&self, field: Field, parts: &[&[u8]]) -> Result<Option<Record>, Error> {
        match self.0.find(number(field, parts))? {
            Some(Found::Row(position)) => self.read(position),
            Some(Found::Burned) | None => Ok(None),
        }
    }

    fn read(&self, position: u64) -> Result<Option<Record>, Error> {
        let mut row = [0; RECORD_BYTES];
        self.0.row(position, &mut row)?;
        // Taken for nothing, a payment could be made a second time.
        let record = Record::decode(&row).map_err(|why| Error::Stopped {
            cause: format!("record {position} is whole and cannot be decoded: {why}"),
        });
        record.map(Some)
    }
}
