//! Records as rows: what is kept of a payment, a channel, of funding and of an account's holder.
//!
//! A row has [`RECORD_BYTES`], numbers are little-endian as in the journal's entries, what is not
//! used is zero. The bytes are part of the index's format: `docs/internals/index.md`.

use money::{AccountId, Amount, PaymentId, TransferId};
use sha2::{Digest, Sha256};

use super::{ClosedChannel, OpenedChannel};
use crate::codec::{Decoder, Encoder, Malformed};
use crate::entry::AccountRole;
use crate::state::{Holder, Payment, Progress};

/// Size of a record: twelve of them fill a block of the index.
pub(crate) const RECORD_BYTES: usize = 336;

/// Who named a payment and how: payer's key and fingerprint, each SHA-256.
type Name = ([u8; 32], [u8; 32]);

/// A payment as it was authorized.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Opened {
    pub id: PaymentId,
    /// Without its legs, which are transfers of the ledger; held unless it was charged at once.
    pub payment: Payment,
    /// How many legs it has.
    pub legs: u32,
    pub name: Option<Name>,
}

/// Money that entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Funding {
    pub id: TransferId,
    pub reference: String,
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Record {
    Opened(Box<Opened>),
    /// The end of a payment that was held.
    Finished {
        id: PaymentId,
        progress: Progress,
    },
    Funded(Funding),
    Holder {
        account: AccountId,
        holder: Holder,
    },
    ChannelOpened(Box<OpenedChannel>),
    ChannelClosed(Box<ClosedChannel>),
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

impl Record {
    pub(super) const PAYMENTS: [u8; 1] = [OPENED];
    pub(super) const HOLDERS: [u8; 1] = [HOLDER];

    pub(super) fn to_row(&self) -> [u8; RECORD_BYTES] {
        let mut out = Encoder::default();
        match self {
            Self::Opened(opened) => {
                out.u8(OPENED);
                opened.encode(&mut out);
            }
            Self::Finished { id, progress } => {
                out.u8(FINISHED);
                out.u128(id.get());
                progress.encode(&mut out);
            }
            Self::Funded(funding) => {
                out.u8(FUNDED);
                out.u128(funding.id.get());
                out.str(&funding.reference);
            }
            Self::Holder { account, holder } => {
                out.u8(HOLDER);
                out.u128(account.get());
                out.u8(holder.role as u8);
                out.str(&holder.label);
            }
            Self::ChannelOpened(opened) => {
                out.u8(CHANNEL_OPENED);
                opened.encode(&mut out);
            }
            Self::ChannelClosed(closed) => {
                out.u8(CHANNEL_CLOSED);
                closed.encode(&mut out);
            }
        }
        let mut row = [0; RECORD_BYTES];
        row[..out.bytes.len()].copy_from_slice(&out.bytes);
        row
    }

    pub(super) fn decode(row: &[u8]) -> Result<Self, Malformed> {
        let mut from = Decoder::new(row);
        match from.u8()? {
            OPENED => Opened::decode(&mut from).map(|opened| Self::Opened(Box::new(opened))),
            FINISHED => Ok(Self::Finished {
                id: from.id(PaymentId::new)?,
                progress: Progress::decode(&mut from)?,
            }),
            FUNDED => Ok(Self::Funded(Funding {
                id: from.id(TransferId::new)?,
                reference: from.str()?.to_owned(),
            })),
            HOLDER => {
                let account = from.id(AccountId::new)?;
                let role = AccountRole::decode(&mut from)?;
                Ok(Self::Holder { account, holder: Holder { role, label: from.str()?.to_owned() } })
            }
            CHANNEL_OPENED => {
                OpenedChannel::decode(&mut from).map(|opened| Self::ChannelOpened(Box::new(opened)))
            }
            CHANNEL_CLOSED => {
                ClosedChannel::decode(&mut from).map(|closed| Self::ChannelClosed(Box::new(closed)))
            }
            _ => Err(Malformed("unknown kind of record")),
        }
    }
}

/// Keys of a row, for the index.
pub(super) fn keys(row: &[u8], out: &mut Vec<u128>) {
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
        Err(_) => {}
    }
}

/// Terms of a row, for the index.
pub(super) fn terms(row: &[u8], out: &mut Vec<u64>) {
    match Record::decode(row) {
        Ok(Record::Opened(opened)) => {
            out.push(term(Field::Payer, &[&opened.payment.payer.to_be_bytes()]));
            out.push(term(Field::Kind, &[&Record::PAYMENTS]));
        }
        Ok(Record::Holder { .. }) => out.push(term(Field::Kind, &[&Record::HOLDERS])),
        _ => {}
    }
}

impl Opened {
    fn encode(&self, out: &mut Encoder) {
        let Self { id, payment, legs, name } = self;
        out.u128(id.get());
        out.u128(payment.payer.get());
        out.u128(payment.payee.get());
        out.amount(payment.amount);
        out.raw(&payment.order_digest);
        out.option(payment.mandate, |out, mandate| out.u128(mandate.get()));
        out.u32(*legs);
        out.u64(payment.authorized_at_ns);
        out.u8(u8::from(payment.progress != Progress::Held));
        out.option(name.as_ref(), |out, (key, fingerprint)| {
            out.raw(key);
            out.raw(fingerprint);
        });
        out.str(&payment.description);
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        let id = from.id(PaymentId::new)?;
        let (payer, payee) = (from.id(AccountId::new)?, from.id(AccountId::new)?);
        let amount: Amount = from.amount()?;
        let order_digest = from.array()?;
        let mandate = from.option(|from| from.id(money::MandateId::new))?;
        let legs = from.u32()?;
        let authorized_at_ns = from.u64()?;
        let progress = if from.flag()? {
            Progress::Settled { units: amount.units(), at_ns: authorized_at_ns }
        } else {
            Progress::Held
        };
        let name = from.option(|from| Ok((from.array()?, from.array()?)))?;
        let description = from.str()?.to_owned();
        let payment = Payment {
            order_digest,
            payer,
            payee,
            amount,
            mandate,
            legs: Vec::new(),
            description,
            authorized_at_ns,
            progress,
        };
        Ok(Self { id, payment, legs, name })
    }
}
