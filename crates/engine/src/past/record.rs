//! Records as rows: what is kept of a payment, a channel, of funding and of an account's holder.
//!
//! A row has [`RECORD_BYTES`], numbers are little-endian as in the journal's entries, what is not
//! used is zero. The bytes are part of the index's format: `docs/internals/index.md`.

use money::{AccountId, Amount, Asset, PaymentId, TransferId};
use sha2::{Digest, Sha256};

use super::fact::{ChannelPaid, DocumentPut, MandateStep, Refunded};
use super::payment::{Ended, Opened};
use super::{ClosedChannel, OpenedChannel};
use crate::codec::{Decoder, Encoder, Malformed};
use crate::entry::AccountRole;
use crate::state::{Holder, Progress};

/// Size of a record: twelve of them fill a block of the index.
pub(crate) const RECORD_BYTES: usize = 336;

/// Money that entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Funding {
    pub id: TransferId,
    pub reference: String,
    /// Set if it counts as an event: to whom, how much, and when in Unix nanoseconds.
    pub entered: Option<(AccountId, Amount, u64)>,
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Record {
    Opened(Box<Opened>),
    /// The end of a payment that was held.
    Finished {
        id: PaymentId,
        progress: Progress,
        /// Set if it counts as an event.
        ended: Option<Box<Ended>>,
    },
    Funded(Funding),
    Holder {
        account: AccountId,
        holder: Holder,
        /// Set if it counts as an event: its asset, and when in Unix nanoseconds.
        opened: Option<(Asset, u64)>,
    },
    ChannelOpened(Box<OpenedChannel>),
    ChannelClosed(Box<ClosedChannel>),
    ChannelPaid(Box<ChannelPaid>),
    Refunded(Box<Refunded>),
    DocumentPut(DocumentPut),
    Mandate(MandateStep),
}

/// What a record is found by.
#[derive(Debug, Clone, Copy)]
pub(super) enum Field {
    /// A payment by its id.
    Payment = 1,
    /// A payment by payer and key.
    Name,
    /// Funding by its id.
    Fund,
    /// A holder by account.
    Account,
    /// The end of a payment.
    Finish,
    /// All payments of a payer.
    Payer,
    /// All records of a kind.
    Kind,
    /// A channel by its id.
    Channel,
    /// The end of a channel.
    ChannelEnd,
    /// A refund by its id.
    Refund,
    /// The first refund of a payment.
    FirstRefund,
    /// All refunds of a payment.
    Refunds,
}

/// The number under which a value is kept in a field.
pub(super) fn number(field: Field, parts: &[&[u8]]) -> u128 {
    let mut hash = Sha256::new().chain_update(b"farthing/record/1").chain_update([field as u8]);
    for part in parts {
        hash.update(part);
    }
    let digest: [u8; 32] = hash.finalize().into();
    let (first, _) = digest.split_at(16);
    first.iter().fold(0, |number, byte| number << 8 | u128::from(*byte))
}

/// As [`number`], for what many records may share.
pub(super) fn term(field: Field, parts: &[&[u8]]) -> u64 {
    u64::try_from(number(field, parts) >> 64).unwrap_or(0)
}

const OPENED: u8 = 1;
const FINISHED: u8 = 2;
const FUNDED: u8 = 3;
const HOLDER: u8 = 4;
const CHANNEL_OPENED: u8 = 5;
const CHANNEL_CLOSED: u8 = 6;
const CHANNEL_PAID: u8 = 7;
const REFUNDED: u8 = 8;
const DOCUMENT_PUT: u8 = 9;
const MANDATE: u8 = 10;

/// Beside the kind of a record that counts as an event: behind its fields stand those of the event.
/// Records from before there were events are without.
const EVENT: u8 = 0x80;

impl Record {
    pub(super) const PAYMENTS: [u8; 1] = [OPENED];
    pub(super) const HOLDERS: [u8; 1] = [HOLDER];

    pub(super) fn to_row(&self) -> [u8; RECORD_BYTES] {
        let mut out = Encoder::default();
        out.u8(self.kind());
        match self {
            Self::Opened(opened) => opened.encode(&mut out),
            Self::Finished { id, progress, ended } => {
                out.u128(id.get());
                progress.encode(&mut out);
                if let Some(ended) = ended {
                    ended.encode(&mut out);
                }
            }
            Self::Funded(funding) => {
                out.u128(funding.id.get());
                out.str(&funding.reference);
                if let Some((account, amount, at_ns)) = &funding.entered {
                    out.u128(account.get());
                    out.amount(*amount);
                    out.u64(*at_ns);
                }
            }
            Self::Holder { account, holder, opened } => {
                out.u128(account.get());
                out.u8(holder.role as u8);
                out.str(&holder.label);
                if let Some((asset, at_ns)) = opened {
                    out.asset(*asset);
                    out.u64(*at_ns);
                }
            }
            Self::ChannelOpened(opened) => opened.encode(&mut out),
            Self::ChannelClosed(closed) => closed.encode(&mut out),
            Self::ChannelPaid(paid) => paid.encode(&mut out),
            Self::Refunded(refunded) => refunded.encode(&mut out),
            Self::DocumentPut(put) => put.encode(&mut out),
            Self::Mandate(step) => step.encode(&mut out),
        }
        let mut row = [0; RECORD_BYTES];
        row[..out.bytes.len()].copy_from_slice(&out.bytes);
        row
    }

    fn kind(&self) -> u8 {
        let (kind, is_event) = match self {
            Self::Opened(opened) => (OPENED, opened.legs_at.is_some()),
            Self::Finished { ended, .. } => (FINISHED, ended.is_some()),
            Self::Funded(funding) => (FUNDED, funding.entered.is_some()),
            Self::Holder { opened, .. } => (HOLDER, opened.is_some()),
            Self::ChannelOpened(opened) => (CHANNEL_OPENED, opened.deposit.is_some()),
            Self::ChannelClosed(closed) => (CHANNEL_CLOSED, closed.parties.is_some()),
            Self::ChannelPaid(_) => (CHANNEL_PAID, true),
            Self::Refunded(_) => (REFUNDED, true),
            Self::DocumentPut(_) => (DOCUMENT_PUT, true),
            Self::Mandate(_) => (MANDATE, true),
        };
        if is_event { kind | EVENT } else { kind }
    }

    pub(crate) fn decode(row: &[u8]) -> Result<Self, Malformed> {
        let from = &mut Decoder::new(row);
        let kind = from.u8()?;
        let is_event = kind & EVENT != 0;
        match kind & !EVENT {
            OPENED => Opened::decode(from, is_event).map(|opened| Self::Opened(Box::new(opened))),
            FINISHED => Ok(Self::Finished {
                id: from.id(PaymentId::new)?,
                progress: Progress::decode(from)?,
                ended: if is_event { Some(Box::new(Ended::decode(from)?)) } else { None },
            }),
            FUNDED => Ok(Self::Funded(Funding {
                id: from.id(TransferId::new)?,
                reference: from.str()?.to_owned(),
                entered: if is_event {
                    Some((from.id(AccountId::new)?, from.amount()?, from.u64()?))
                } else {
                    None
                },
            })),
            HOLDER => {
                let account = from.id(AccountId::new)?;
                let role = AccountRole::decode(from)?;
                let holder = Holder { role, label: from.str()?.to_owned() };
                let opened = if is_event { Some((from.asset()?, from.u64()?)) } else { None };
                Ok(Self::Holder { account, holder, opened })
            }
            CHANNEL_OPENED => OpenedChannel::decode(from, is_event)
                .map(|opened| Self::ChannelOpened(Box::new(opened))),
            CHANNEL_CLOSED => ClosedChannel::decode(from, is_event)
                .map(|closed| Self::ChannelClosed(Box::new(closed))),
            CHANNEL_PAID => ChannelPaid::decode(from).map(|paid| Self::ChannelPaid(Box::new(paid))),
            REFUNDED => Refunded::decode(from).map(|refunded| Self::Refunded(Box::new(refunded))),
            DOCUMENT_PUT => DocumentPut::decode(from).map(Self::DocumentPut),
            MANDATE => MandateStep::decode(from).map(Self::Mandate),
            _ => Err(Malformed("unknown kind of record")),
        }
    }
}

/// Whether a row is of one of these kinds: asked before a row is decoded for nothing.
fn is_of(row: &[u8], kinds: &[u8]) -> bool {
    row.first().is_some_and(|kind| kinds.contains(&(kind & !EVENT)))
}

/// Keys of a row, for the index.
pub(super) fn keys(row: &[u8], out: &mut Vec<u128>) {
    if is_of(row, &[CHANNEL_PAID, DOCUMENT_PUT, MANDATE]) {
        return;
    }
    match Record::decode(row) {
        Ok(Record::Opened(opened)) => {
            out.push(number(Field::Payment, &[&opened.id.to_be_bytes()]));
            if let Some((key, _)) = opened.name {
                out.push(number(Field::Name, &[&opened.payment.payer.to_be_bytes(), &key]));
            }
        }
        Ok(Record::Funded(funding)) => {
            out.push(number(Field::Fund, &[&funding.id.to_be_bytes()]));
        }
        Ok(Record::Holder { account, .. }) => {
            out.push(number(Field::Account, &[&account.to_be_bytes()]));
        }
        Ok(Record::Finished { id, .. }) => {
            out.push(number(Field::Finish, &[&id.to_be_bytes()]));
        }
        Ok(Record::ChannelOpened(opened)) => {
            out.push(number(Field::Channel, &[&opened.id.to_be_bytes()]));
        }
        Ok(Record::ChannelClosed(closed)) => {
            out.push(number(Field::ChannelEnd, &[&closed.id.to_be_bytes()]));
        }
        Ok(Record::Refunded(refunded)) => {
            out.push(number(Field::Refund, &[&refunded.id.to_be_bytes()]));
            if refunded.before == 0 {
                out.push(number(Field::FirstRefund, &[&refunded.payment.to_be_bytes()]));
            }
        }
        Ok(Record::ChannelPaid(_) | Record::DocumentPut(_) | Record::Mandate(_)) | Err(_) => {}
    }
}

/// Terms of a row, for the index.
pub(super) fn terms(row: &[u8], out: &mut Vec<u64>) {
    if !is_of(row, &[OPENED, HOLDER, REFUNDED]) {
        return;
    }
    match Record::decode(row) {
        Ok(Record::Opened(opened)) => {
            out.push(term(Field::Payer, &[&opened.payment.payer.to_be_bytes()]));
            out.push(term(Field::Kind, &[&Record::PAYMENTS]));
        }
        Ok(Record::Holder { .. }) => out.push(term(Field::Kind, &[&Record::HOLDERS])),
        Ok(Record::Refunded(refunded)) => {
            out.push(term(Field::Refunds, &[&refunded.payment.to_be_bytes()]));
        }
        _ => {}
    }
}
