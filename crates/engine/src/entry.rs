//! Journal entries: what a batch is made of.
//!
//! An entry is a decision already taken. Folding it cannot be refused: an entry that does not fit
//! the state means that journal or program are damaged, and stops the node.

use std::sync::Arc;

use instrument::{Mandate, Order, RequestDigest, Signed, SignedOrder, TreeMandate};
use ledger::ROW_BYTES;
use money::{AccountId, Amount, Asset, MandateId, PaymentId, TransferId};
use serde::{Deserialize, Serialize};

use crate::codec::{Decoder, Encoder, Malformed};
use crate::counter::Counter;
use crate::document::DocumentKind;
use crate::outcome::Outcome;
use crate::state::TIMESTAMP_STEP_NS;
use crate::tags::Tags;

mod channel;
mod counter;
mod mandate;
mod refund;
#[cfg(test)]
mod tests;

pub(crate) use channel::{
    Act, BegunRequest, ChannelEntry, CloseCause, NewChannel, PaidProof, decode_tick, encode_tick,
};
pub(crate) use counter::CountedBy;
use mandate::{MANDATE_GRANTED, MANDATE_PAUSED, MANDATE_REVOKED, TREE_MANDATE_GRANTED};
pub(crate) use mandate::{
    PauseSwitched, decode_signed_mandate, decode_signed_tree_mandate, encode_signed_mandate,
    encode_signed_tree_mandate,
};
pub(crate) use refund::{NewRefund, RefundedLeg};

/// Who holds an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountRole {
    /// Pays; owned by a key.
    Payer,
    /// Is paid; named in the configuration.
    Payee,
    /// The operator's own: treasury and residue.
    Operator,
}

/// Why a hold was released.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReleaseReason {
    /// The upstream failed, refused, or broke off before anything arrived.
    NotDelivered,
    /// The hold ran out before the gateway reported.
    Expired,
}

/// A payment as it was authorized.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewPayment {
    /// Follows from the order; kept beside it because it is a hash.
    pub id: PaymentId,
    pub order: SignedOrder,
    /// The signed request that authorized the order; the order's signature is then over that.
    pub request: Option<RequestDigest>,
    /// Who receives what; zero legs are left out. Sums to the order's amount.
    pub legs: Vec<(AccountId, u128)>,
    pub description: String,
    /// Key and fingerprint, each SHA-256.
    pub idempotency: Option<([u8; 32], [u8; 32])>,
    pub tags: Tags,
}

/// Kinds of the entries that open a payment: by a signed order, or by a signed request. With tags
/// they have others, so that those from before there were any stay as they are.
const HELD: u8 = 4;
const CHARGED: u8 = 5;
const HELD_BY_REQUEST: u8 = 24;
const CHARGED_BY_REQUEST: u8 = 25;
const HELD_TAGGED: u8 = 26;
const CHARGED_TAGGED: u8 = 27;
const HELD_BY_REQUEST_TAGGED: u8 = 28;
const CHARGED_BY_REQUEST_TAGGED: u8 = 29;

/// By order, by request, and both with tags.
const HELD_KINDS: [u8; 4] = [HELD, HELD_BY_REQUEST, HELD_TAGGED, HELD_BY_REQUEST_TAGGED];
const CHARGED_KINDS: [u8; 4] =
    [CHARGED, CHARGED_BY_REQUEST, CHARGED_TAGGED, CHARGED_BY_REQUEST_TAGGED];

/// Kinds of the registry, of refunds, and of where events begin.
const DOCUMENT_PUT: u8 = 20;
const REFUNDED: u8 = 21;
const EVENTS_BEGUN: u8 = 22;

/// Kinds of the log's entries.
const LOG_OPENED: u8 = 18;
const EPOCH_RECORDED: u8 = 19;

/// One durable fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Entry {
    AssetOpened {
        asset: Asset,
        sandbox: bool,
    },
    AccountOpened {
        id: AccountId,
        asset: Asset,
        role: AccountRole,
        label: String,
    },
    Funded {
        id: TransferId,
        account: AccountId,
        amount: Amount,
        reference: String,
    },
    PaymentHeld {
        payment: NewPayment,
        hold_seconds: u32,
    },
    PaymentCharged {
        payment: NewPayment,
    },
    PaymentSettled {
        payment: PaymentId,
        legs: Vec<u128>,
        outcome: Option<Outcome>,
    },
    PaymentReleased {
        payment: PaymentId,
        reason: ReleaseReason,
        outcome: Option<Outcome>,
    },
    HoldsExpired,
    MandateGranted {
        mandate: Signed<Mandate>,
        label: String,
    },
    MandateRevoked {
        mandate: MandateId,
    },
    TreeMandateGranted {
        mandate: Box<Signed<TreeMandate>>,
        label: String,
    },
    MandatePaused(PauseSwitched),
    /// What a batch of the ledger's own events made: rows, and ids that were burned.
    Ledger {
        rows: Vec<u8>,
        burned: Vec<TransferId>,
    },
    Channel(ChannelEntry),
    /// The books have a log from here on, under this key and origin.
    LogOpened {
        vkey: String,
    },
    /// A leaf of the log that is no row: an epoch record.
    EpochRecorded {
        entry: Arc<[u8]>,
    },
    /// A document was created, changed or, without a body, deleted.
    DocumentPut {
        kind: DocumentKind,
        id: String,
        revision: u64,
        body: Option<Vec<u8>>,
    },
    Refunded(Box<NewRefund>),
    /// Uses of counters, by the payment whose entry stands before, or on their own.
    Counted {
        by: CountedBy,
        counters: Vec<Counter>,
    },
    /// From here on every fact is an event. Journals from before there were events begin without.
    EventsBegun,
}

/// An entry with the moment at which the writer took it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stamped {
    /// Unix nanoseconds; the ledger's events count down from here, so it leaves room for them.
    pub timestamp_ns: u64,
    pub entry: Entry,
}

impl Entry {
    /// How far its timestamp must be ahead of the one before, so that its ledger events have room.
    pub(crate) fn step_ns(&self) -> u64 {
        match self {
            Self::Ledger { rows, .. } => step_for(rows.len() / ROW_BYTES),
            _ => TIMESTAMP_STEP_NS,
        }
    }
}

/// The step before an entry that makes so many rows.
pub(crate) fn step_for(rows: usize) -> u64 {
    TIMESTAMP_STEP_NS.max(rows as u64 + 1)
}

impl Stamped {
    pub(crate) fn encode(&self, out: &mut Encoder) {
        out.u64(self.timestamp_ns);
        match &self.entry {
            Entry::AssetOpened { asset, sandbox } => {
                out.u8(1);
                out.asset(*asset);
                out.u8(u8::from(*sandbox));
            }
            Entry::AccountOpened { id, asset, role, label } => {
                out.u8(2);
                out.u128(id.get());
                out.asset(*asset);
                out.u8(*role as u8);
                out.str(label);
            }
            Entry::Funded { id, account, amount, reference } => {
                out.u8(3);
                out.u128(id.get());
                out.u128(account.get());
                out.amount(*amount);
                out.str(reference);
            }
            Entry::PaymentHeld { payment, hold_seconds } => {
                out.u8(payment.kind_among(HELD_KINDS));
                payment.encode(out);
                out.u32(*hold_seconds);
            }
            Entry::PaymentCharged { payment } => {
                out.u8(payment.kind_among(CHARGED_KINDS));
                payment.encode(out);
            }
            Entry::PaymentSettled { payment, legs, outcome } => {
                encode_settled(out, *payment, legs, outcome.as_ref());
            }
            Entry::PaymentReleased { payment, reason, outcome } => {
                out.u8(7);
                out.u128(payment.get());
                out.u8(*reason as u8);
                encode_outcome(out, outcome.as_ref());
            }
            Entry::HoldsExpired => out.u8(8),
            Entry::MandateGranted { mandate, label } => {
                mandate::encode_granted(out, mandate, label);
            }
            Entry::MandateRevoked { mandate } => {
                out.u8(MANDATE_REVOKED);
                out.u128(mandate.get());
            }
            Entry::TreeMandateGranted { mandate, label } => {
                mandate::encode_tree_granted(out, mandate, label);
            }
            Entry::MandatePaused(switched) => switched.encode(out),
            Entry::Ledger { rows, burned } => encode_ledger(out, rows, burned),
            Entry::Channel(entry) => entry.encode(out),
            Entry::LogOpened { vkey } => {
                out.u8(LOG_OPENED);
                out.str(vkey);
            }
            Entry::EpochRecorded { entry } => {
                out.u8(EPOCH_RECORDED);
                out.bytes(entry);
            }
            Entry::DocumentPut { kind, id, revision, body } => {
                encode_document(out, *kind, id, *revision, body.as_deref());
            }
            Entry::Refunded(refund) => refund.encode(out),
            Entry::Counted { by, counters } => counter::encode(out, *by, counters),
            Entry::EventsBegun => out.u8(EVENTS_BEGUN),
        }
    }

    pub(crate) fn decode(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        let timestamp_ns = from.u64()?;
        let entry = match from.u8()? {
            1 => Entry::AssetOpened { asset: from.asset()?, sandbox: from.flag()? },
            2 => Entry::AccountOpened {
                id: from.id(AccountId::new)?,
                asset: from.asset()?,
                role: AccountRole::decode(from)?,
                label: from.str()?.to_owned(),
            },
            3 => Entry::Funded {
                id: from.id(TransferId::new)?,
                account: from.id(AccountId::new)?,
                amount: from.amount()?,
                reference: from.str()?.to_owned(),
            },
            kind if HELD_KINDS.contains(&kind) => Entry::PaymentHeld {
                payment: NewPayment::decode(from, kind, HELD_KINDS)?,
                hold_seconds: from.u32()?,
            },
            kind if CHARGED_KINDS.contains(&kind) => {
                Entry::PaymentCharged { payment: NewPayment::decode(from, kind, CHARGED_KINDS)? }
            }
            6 => Entry::PaymentSettled {
                payment: from.id(PaymentId::new)?,
                legs: decode_list(from, Decoder::u128)?,
                outcome: from.option(Outcome::decode)?,
            },
            7 => Entry::PaymentReleased {
                payment: from.id(PaymentId::new)?,
                reason: ReleaseReason::decode(from)?,
                outcome: from.option(Outcome::decode)?,
            },
            8 => Entry::HoldsExpired,
            MANDATE_GRANTED => Entry::MandateGranted {
                mandate: decode_signed_mandate(from)?,
                label: from.str()?.to_owned(),
            },
            MANDATE_REVOKED => Entry::MandateRevoked { mandate: from.id(MandateId::new)? },
            11 => {
                let count = from.len()?;
                let bytes = count.checked_mul(ROW_BYTES).ok_or(Malformed("rows"))?;
                Entry::Ledger {
                    rows: from.slice(bytes)?.to_vec(),
                    burned: decode_list(from, |from| from.id(TransferId::new))?,
                }
            }
            kind @ (channel::OPENED..=channel::CLOSED | channel::OPENED_TAGGED) => {
                Entry::Channel(ChannelEntry::decode(kind, from)?)
            }
            TREE_MANDATE_GRANTED => Entry::TreeMandateGranted {
                mandate: Box::new(decode_signed_tree_mandate(from)?),
                label: from.str()?.to_owned(),
            },
            MANDATE_PAUSED => Entry::MandatePaused(PauseSwitched::decode(from)?),
            LOG_OPENED => Entry::LogOpened { vkey: from.str()?.to_owned() },
            EPOCH_RECORDED => Entry::EpochRecorded { entry: from.bytes()?.into() },
            DOCUMENT_PUT => Entry::DocumentPut {
                kind: DocumentKind::decode(from)?,
                id: from.str()?.to_owned(),
                revision: from.u64()?,
                body: from.option(|from| Ok(from.bytes()?.to_vec()))?,
            },
            REFUNDED => Entry::Refunded(Box::new(NewRefund::decode(from)?)),
            counter::COUNTED => counter::decode(from)?,
            EVENTS_BEGUN => Entry::EventsBegun,
            _ => return Err(Malformed("unknown entry kind")),
        };
        Ok(Self { timestamp_ns, entry })
    }
}

/// The entry of a batch of the ledger, behind its timestamp. Its rows come from the ledger itself,
/// so that they need not be copied into an [`Entry`] first.
pub(crate) fn encode_ledger(out: &mut Encoder, rows: &[u8], burned: &[TransferId]) {
    out.u8(11);
    out.len(rows.len() / ROW_BYTES);
    out.raw(rows);
    out.len(burned.len());
    for id in burned {
        out.u128(id.get());
    }
}

fn encode_document(
    out: &mut Encoder,
    kind: DocumentKind,
    id: &str,
    revision: u64,
    body: Option<&[u8]>,
) {
    out.u8(DOCUMENT_PUT);
    out.u8(kind as u8);
    out.str(id);
    out.u64(revision);
    out.option(body, Encoder::bytes);
}

fn encode_settled(out: &mut Encoder, payment: PaymentId, legs: &[u128], outcome: Option<&Outcome>) {
    out.u8(6);
    out.u128(payment.get());
    out.len(legs.len());
    for &units in legs {
        out.u128(units);
    }
    encode_outcome(out, outcome);
}

fn encode_outcome(out: &mut Encoder, outcome: Option<&Outcome>) {
    out.option(outcome, |out, outcome| outcome.encode(out));
}

pub(crate) fn decode_list<'a, T>(
    from: &mut Decoder<'a>,
    read: impl Fn(&mut Decoder<'a>) -> Result<T, Malformed>,
) -> Result<Vec<T>, Malformed> {
    let count = from.len()?;
    let mut list = Vec::new();
    for _ in 0..count {
        list.push(read(from)?);
    }
    Ok(list)
}

impl AccountRole {
    pub(crate) fn decode(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        match from.u8()? {
            0 => Ok(Self::Payer),
            1 => Ok(Self::Payee),
            2 => Ok(Self::Operator),
            _ => Err(Malformed("account role")),
        }
    }
}

impl ReleaseReason {
    pub(crate) fn decode(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        match from.u8()? {
            0 => Ok(Self::NotDelivered),
            1 => Ok(Self::Expired),
            _ => Err(Malformed("release reason")),
        }
    }
}

impl NewPayment {
    /// The kind of its entry.
    fn kind_among(&self, [by_order, by_request, order_tagged, request_tagged]: [u8; 4]) -> u8 {
        match (self.request.is_some(), self.tags.is_empty()) {
            (false, true) => by_order,
            (true, true) => by_request,
            (false, false) => order_tagged,
            (true, false) => request_tagged,
        }
    }

    pub(crate) fn encode(&self, out: &mut Encoder) {
        out.raw(&self.order.order_bytes());
        out.raw(&self.order.signature().0);
        if let Some(request) = &self.request {
            out.raw(&request.0);
        }
        out.len(self.legs.len());
        for (account, units) in &self.legs {
            out.u128(account.get());
            out.u128(*units);
        }
        out.str(&self.description);
        out.option(self.idempotency.as_ref(), |out, (key, fingerprint)| {
            out.raw(key);
            out.raw(fingerprint);
        });
        if !self.tags.is_empty() {
            self.tags.encode(out);
        }
    }

    fn decode(from: &mut Decoder<'_>, kind: u8, kinds: [u8; 4]) -> Result<Self, Malformed> {
        let [_, by_request, order_tagged, request_tagged] = kinds;
        let is_by_request = kind == by_request || kind == request_tagged;
        let is_tagged = kind == order_tagged || kind == request_tagged;
        let order = from.slice(Order::BYTES)?;
        let order =
            SignedOrder::from_parts(order, from.slice(64)?).map_err(|_| Malformed("order"))?;
        Ok(Self {
            id: order.unverified().payment_id(),
            order,
            request: if is_by_request { Some(RequestDigest(from.array()?)) } else { None },
            legs: decode_list(from, |from| Ok((from.id(AccountId::new)?, from.u128()?)))?,
            description: from.str()?.to_owned(),
            idempotency: from.option(|from| Ok((from.array()?, from.array()?)))?,
            tags: if is_tagged { Tags::decode_some(from)? } else { Tags::default() },
        })
    }
}
