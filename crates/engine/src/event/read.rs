//! Reading events: records into events, with the legs that stand in the rows of the ledger.
//!
//! Invariant: nothing here asks the writer. Sealed rows are read from the index on any thread; the
//! newest rows, which only the writer has, are read by the same code on the writer.

use std::ops::Range;

use index::{Error, Reader};
use ledger::{ROW_BYTES, Row};
use money::{AccountId, Amount, Asset};

use super::{
    AccountEvent, ChannelEvent, DocumentChange, DocumentEvent, Event, EventKind, FundedEvent,
    MandateEvent, PaymentEvent, RefundEvent,
};
use crate::past::{
    ChannelPaid, ClosedChannel, DocumentPut, Ended, Funding, LegsAt, MandateChange, MandateStep,
    Opened, OpenedChannel, Parties, RECORD_BYTES, Record, Refunded,
};
use crate::state::{Holder, Progress, State};

/// Where rows are read.
pub(crate) trait Source {
    /// Appends records.
    fn records(&self, range: Range<u64>, rows: &mut Vec<u8>) -> Result<(), Error>;
    /// Appends rows of the ledger.
    fn changes(&self, range: Range<u64>, rows: &mut Vec<u8>) -> Result<(), Error>;
}

/// The rows that are sealed, for any thread.
#[derive(Debug, Clone)]
pub(crate) struct Sealed {
    changes: Reader,
    records: Reader,
}

impl Sealed {
    /// `None` if the state's rows are only counted.
    pub(crate) fn of(state: &State) -> Option<Self> {
        Some(Self { changes: state.ledger.past().0.reader()?, records: state.records.0.reader()? })
    }

    /// The position behind the last record that can be read.
    pub(crate) fn end(&self) -> Result<u64, Error> {
        self.records.end()
    }
}

impl Source for Sealed {
    fn records(&self, range: Range<u64>, rows: &mut Vec<u8>) -> Result<(), Error> {
        self.records.rows(range, rows)
    }

    fn changes(&self, range: Range<u64>, rows: &mut Vec<u8>) -> Result<(), Error> {
        self.changes.rows(range, rows)
    }
}

impl Source for State {
    fn records(&self, range: Range<u64>, rows: &mut Vec<u8>) -> Result<(), Error> {
        self.records.0.rows(range, rows)
    }

    fn changes(&self, range: Range<u64>, rows: &mut Vec<u8>) -> Result<(), Error> {
        self.ledger.past().0.rows(range, rows)
    }
}

/// The events at these positions.
pub(crate) fn page(source: &impl Source, range: Range<u64>) -> Result<Vec<Event>, Error> {
    let mut rows = Vec::new();
    source.records(range.clone(), &mut rows)?;
    let mut events = Vec::with_capacity(rows.len() / RECORD_BYTES);
    for (position, row) in range.zip(rows.chunks_exact(RECORD_BYTES)) {
        let record = Record::decode(row).map_err(|why| Error::Stopped {
            cause: format!("record {position} is whole and cannot be decoded: {why}"),
        })?;
        if let Some((at_ns, kind)) = told(source, record)? {
            events.push(Event { position, at_ns, kind });
        }
    }
    Ok(events)
}

/// What a record tells, and when that was; `None` if it is from before there were events.
fn told(source: &impl Source, record: Record) -> Result<Option<(u64, EventKind)>, Error> {
    Ok(match record {
        Record::Opened(opened) => payment_opened(source, *opened)?,
        Record::Finished { id, progress, ended } => match ended {
            Some(ended) => Some((ended.at_ns, payment_ended(source, id, progress, *ended)?)),
            None => None,
        },
        Record::Funded(funding) => funded(funding),
        Record::Holder { account, holder, opened } => opened.map(|(asset, at_ns)| {
            let Holder { role, label } = holder;
            (at_ns, EventKind::AccountOpened(AccountEvent { account, asset, role, label }))
        }),
        Record::ChannelOpened(opened) => channel_opened(*opened),
        Record::ChannelClosed(closed) => channel_closed(&closed),
        Record::ChannelPaid(paid) => Some((paid.at_ns, channel_paid(source, *paid)?)),
        Record::Refunded(refunded) => Some((refunded.at_ns, refund(source, *refunded)?)),
        Record::DocumentPut(put) => Some((put.at_ns, document(put))),
        Record::Mandate(step) => Some((step.at_ns, mandate(step))),
    })
}

fn payment_opened(source: &impl Source, opened: Opened) -> Result<Option<(u64, EventKind)>, Error> {
    let Opened { id, payment, legs, legs_at, .. } = opened;
    let Some(legs_at) = legs_at else { return Ok(None) };
    let event = PaymentEvent {
        payment: id,
        payer: payment.payer,
        payee: payment.payee,
        authorized: payment.amount,
        amount: payment.amount,
        legs: legs_of(source, payment.payee, payment.amount.units(), legs, legs_at)?,
        tags: payment.tags,
        mandate: payment.mandate,
        authorized_at_ns: payment.authorized_at_ns,
        description: payment.description,
    };
    let kind = match payment.progress {
        Progress::Held => EventKind::PaymentHeld(event),
        _ => EventKind::PaymentSettled(event),
    };
    Ok(Some((payment.authorized_at_ns, kind)))
}

fn payment_ended(
    source: &impl Source,
    id: money::PaymentId,
    progress: Progress,
    ended: Ended,
) -> Result<EventKind, Error> {
    let (units, reason) = match progress {
        Progress::Settled { units, .. } => (units, None),
        Progress::Released { reason } => (0, Some(reason)),
        Progress::Held => (0, None),
    };
    let legs = match reason {
        None => legs_of(source, ended.payee, units, ended.legs, ended.legs_at)?,
        Some(_) => Vec::new(),
    };
    let event = PaymentEvent {
        payment: id,
        payer: ended.payer,
        payee: ended.payee,
        authorized: ended.authorized,
        amount: Amount::new(units, ended.authorized.asset()),
        legs,
        tags: ended.tags,
        mandate: ended.mandate,
        authorized_at_ns: ended.authorized_at_ns,
        description: ended.description,
    };
    Ok(match reason {
        None => EventKind::PaymentSettled(event),
        Some(reason) => EventKind::PaymentReleased(event, reason),
    })
}

fn funded(funding: Funding) -> Option<(u64, EventKind)> {
    let Funding { id, reference, entered } = funding;
    let (account, amount, at_ns) = entered?;
    let event = FundedEvent { fund: id, account, amount, reference };
    Some((at_ns, EventKind::Funded(event)))
}

fn channel_opened(opened: OpenedChannel) -> Option<(u64, EventKind)> {
    let deposit = opened.deposit?;
    let event = ChannelEvent {
        channel: opened.id,
        payer: opened.payer,
        payee: opened.payee,
        amount: Amount::new(deposit, opened.asset),
        legs: Vec::new(),
        tags: opened.tags,
        mandate: opened.mandate,
        description: opened.description,
    };
    Some((opened.opened_at_ns, EventKind::ChannelOpened(event)))
}

fn channel_closed(closed: &ClosedChannel) -> Option<(u64, EventKind)> {
    let event = channel(closed.id, &closed.parties?, closed.spent);
    Some((closed.closed_at_ns, EventKind::ChannelClosed(event)))
}

fn channel_paid(source: &impl Source, paid: ChannelPaid) -> Result<EventKind, Error> {
    let ChannelPaid { id, parties, units, legs, legs_at, description, .. } = paid;
    let legs = legs_of(source, parties.payee, units, legs, legs_at)?;
    Ok(EventKind::ChannelSettled(ChannelEvent {
        legs,
        description,
        ..channel(id, &parties, units)
    }))
}

fn channel(id: money::ChannelId, parties: &Parties, units: u128) -> ChannelEvent {
    ChannelEvent {
        channel: id,
        payer: parties.payer,
        payee: parties.payee,
        amount: Amount::new(units, parties.asset),
        legs: Vec::new(),
        tags: parties.tags,
        mandate: parties.mandate,
        description: String::new(),
    }
}

fn refund(source: &impl Source, refunded: Refunded) -> Result<EventKind, Error> {
    let end = refunded.legs_at.saturating_add(u64::from(refunded.legs));
    let legs = rows(source, refunded.legs_at..end, Row::debit_account)?;
    let asset: Asset = refunded.amount.asset();
    Ok(EventKind::RefundSettled(RefundEvent {
        refund: refunded.id,
        payment: refunded.payment,
        payer: refunded.payer,
        payee: refunded.payee,
        amount: refunded.amount,
        refunded: Amount::new(refunded.total(), asset),
        legs,
        tags: refunded.tags,
        reason: refunded.reason,
    }))
}

fn document(put: DocumentPut) -> EventKind {
    let DocumentPut { kind, id, revision, is_deleted, .. } = put;
    let change = match (is_deleted, revision) {
        (true, _) => DocumentChange::Deleted,
        (false, 1) => DocumentChange::Created,
        (false, _) => DocumentChange::Changed,
    };
    EventKind::DocumentPut(DocumentEvent { kind, id, revision, change })
}

fn mandate(step: MandateStep) -> EventKind {
    let event = MandateEvent { mandate: step.id, payer: step.payer };
    match step.change {
        MandateChange::Granted => EventKind::MandateGranted(event),
        MandateChange::Paused => EventKind::MandatePaused(event),
        MandateChange::Resumed => EventKind::MandateResumed(event),
        MandateChange::Revoked => EventKind::MandateRevoked(event),
    }
}

/// Who receives how much; nobody nothing.
fn legs_of(
    source: &impl Source,
    payee: AccountId,
    units: u128,
    count: u32,
    legs_at: LegsAt,
) -> Result<Vec<(AccountId, u128)>, Error> {
    match legs_at {
        LegsAt::Alone if units == 0 => Ok(Vec::new()),
        LegsAt::Alone => Ok(vec![(payee, units)]),
        LegsAt::Row(first) => {
            rows(source, first..first.saturating_add(u64::from(count)), Row::credit_account)
        }
    }
}

fn rows(
    source: &impl Source,
    range: Range<u64>,
    side: impl Fn(&Row) -> u128,
) -> Result<Vec<(AccountId, u128)>, Error> {
    let mut bytes = Vec::new();
    source.changes(range, &mut bytes)?;
    let (rows, _) = bytes.as_chunks::<ROW_BYTES>();
    let leg = |row: &[u8; ROW_BYTES]| {
        let row = Row::from_bytes(*row);
        let account = AccountId::new(side(&row))
            .map_err(|why| Error::Stopped { cause: format!("a leg names no account: {why}") })?;
        Ok((account, row.amount()))
    };
    let legs: Result<Vec<_>, Error> = rows.iter().map(leg).collect();
    Ok(legs?.into_iter().filter(|(_, units)| *units > 0).collect())
}
