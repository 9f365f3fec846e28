//! Entries about channels, kinds 12 to 17 and 23.
//!
//! They say what was asked for, not what came of it: the fold lets the channel's machine take the
//! same step again. A voucher that only raises the accepted total costs 116 bytes.

use instrument::channel::{ChannelTerms, Close, Proven, Tick, TickLink, TopUp, Voucher};
use instrument::{PurchaseDigest, Signed, Statement};
use money::{AccountId, ChannelId};

use super::decode_list;
use crate::channel::Proof;
use crate::codec::{Decoder, Encoder, Malformed};
use crate::outcome::Outcome;
use crate::tags::Tags;

pub(super) const OPENED: u8 = 12;
const TOPPED_UP: u8 = 13;
const PAID: u8 = 14;
const SETTLED: u8 = 15;
const CLOSING: u8 = 16;
pub(super) const CLOSED: u8 = 17;
/// As [`OPENED`], with tags behind the channel.
pub(super) const OPENED_TAGGED: u8 = 23;

/// A channel as it was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewChannel {
    /// Follows from the terms; kept beside them because it is a hash.
    pub id: ChannelId,
    pub terms: Signed<ChannelTerms>,
    /// Accounts and their shares in parts per million, which sum to a million; empty if the payee
    /// of the terms receives all.
    pub split: Vec<(AccountId, u32)>,
    pub description: String,
    pub tags: Tags,
}

/// A request that pays from a channel, as it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BegunRequest {
    pub proof: PaidProof,
    pub purchase: PurchaseDigest,
}

/// A proof without its channel, which the entry names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PaidProof {
    Voucher { sequence: u64, cumulative: u128, signature: instrument::Signature },
    Tick(Tick),
}

/// What happened to what was accepted and spent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Act {
    /// Nothing yet: the request has begun.
    Begin,
    /// Money was set aside for the request until a moment, Unix milliseconds.
    Reserve {
        units: u128,
        ends_at_ms: u64,
    },
    Spend {
        total: u128,
        end: bool,
        outcome: Option<Outcome>,
    },
    GiveUp {
        outcome: Option<Outcome>,
    },
    Accept(PaidProof),
    Claim(PaidProof),
    /// What was set aside is free again: its time was over.
    Lapse,
}

/// Why a channel was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CloseCause {
    /// Payer and payee agreed.
    Agreed,
    /// The payee closed it.
    ByPayee,
    /// The delay after the payer's wish, or its life, was over.
    Time,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ChannelEntry {
    /// `hold` numbers the ledger's transfers of the channel until the next one.
    Opened {
        channel: Box<NewChannel>,
        hold: u64,
    },
    ToppedUp {
        top_up: Signed<TopUp>,
        hold: u64,
    },
    Paid {
        channel: ChannelId,
        begun: Option<BegunRequest>,
        act: Act,
    },
    Settled {
        channel: ChannelId,
        hold: u64,
    },
    Closing {
        close: Signed<Close>,
    },
    Closed {
        channel: ChannelId,
        cause: CloseCause,
        close: Option<Signed<Close>>,
    },
}

impl PaidProof {
    pub(crate) fn of(proof: &Proof) -> Self {
        match proof {
            Proof::Voucher(voucher) => {
                let Voucher { sequence, cumulative, .. } = *voucher.unverified();
                Self::Voucher { sequence, cumulative, signature: *voucher.signature() }
            }
            Proof::Tick { tick, .. } => Self::Tick(*tick),
        }
    }

    /// As the machine counts it. It was verified before it became an entry.
    pub(crate) fn proven(&self) -> Proven {
        match *self {
            Self::Voucher { sequence, cumulative, .. } => Proven::Voucher { sequence, cumulative },
            Self::Tick(tick) => Proven::Tick(tick),
        }
    }

    pub(crate) fn encode(&self, out: &mut Encoder) {
        match self {
            Self::Voucher { sequence, cumulative, signature } => {
                out.u8(0);
                out.u64(*sequence);
                out.u128(*cumulative);
                out.raw(&signature.0);
            }
            Self::Tick(tick) => {
                out.u8(1);
                encode_tick(out, *tick);
            }
        }
    }

    pub(crate) fn decode(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        match from.u8()? {
            0 => Ok(Self::Voucher {
                sequence: from.u64()?,
                cumulative: from.u128()?,
                signature: instrument::Signature(from.array()?),
            }),
            1 => decode_tick(from).map(Self::Tick),
            _ => Err(Malformed("proof")),
        }
    }
}

pub(crate) fn encode_tick(out: &mut Encoder, tick: Tick) {
    out.u32(tick.index);
    out.raw(&tick.link.0);
}

pub(crate) fn decode_tick(from: &mut Decoder<'_>) -> Result<Tick, Malformed> {
    Ok(Tick { index: from.u32()?, link: TickLink(from.array()?) })
}

impl NewChannel {
    /// Without its tags.
    pub(crate) fn encode(&self, out: &mut Encoder) {
        encode_signed(out, &self.terms);
        out.len(self.split.len());
        for (account, share) in &self.split {
            out.u128(account.get());
            out.u32(*share);
        }
        out.str(&self.description);
    }

    pub(crate) fn decode(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        let terms: Signed<ChannelTerms> = decode_signed(from, ChannelTerms::BYTES, "terms")?;
        Ok(Self {
            id: terms.unverified().channel(),
            terms,
            split: decode_list(from, |from| Ok((from.id(AccountId::new)?, from.u32()?)))?,
            description: from.str()?.to_owned(),
            tags: Tags::default(),
        })
    }
}

impl BegunRequest {
    fn encode(&self, out: &mut Encoder) {
        self.proof.encode(out);
        out.raw(&self.purchase.0);
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        Ok(Self { proof: PaidProof::decode(from)?, purchase: PurchaseDigest(from.array()?) })
    }
}

impl Act {
    fn encode(&self, out: &mut Encoder) {
        match self {
            Self::Begin => out.u8(0),
            Self::Reserve { units, ends_at_ms } => {
                out.u8(1);
                out.u128(*units);
                out.u64(*ends_at_ms);
            }
            Self::Spend { total, end, outcome } => {
                out.u8(2);
                out.u128(*total);
                out.u8(u8::from(*end));
                super::encode_outcome(out, outcome.as_ref());
            }
            Self::GiveUp { outcome } => {
                out.u8(3);
                super::encode_outcome(out, outcome.as_ref());
            }
            Self::Accept(proof) => {
                out.u8(4);
                proof.encode(out);
            }
            Self::Claim(proof) => {
                out.u8(5);
                proof.encode(out);
            }
            Self::Lapse => out.u8(6),
        }
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        Ok(match from.u8()? {
            0 => Self::Begin,
            1 => Self::Reserve { units: from.u128()?, ends_at_ms: from.u64()? },
            2 => Self::Spend {
                total: from.u128()?,
                end: from.flag()?,
                outcome: from.option(Outcome::decode)?,
            },
            3 => Self::GiveUp { outcome: from.option(Outcome::decode)? },
            4 => Self::Accept(PaidProof::decode(from)?),
            5 => Self::Claim(PaidProof::decode(from)?),
            6 => Self::Lapse,
            _ => return Err(Malformed("what was paid")),
        })
    }
}

impl CloseCause {
    pub(crate) fn decode(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        match from.u8()? {
            0 => Ok(Self::Agreed),
            1 => Ok(Self::ByPayee),
            2 => Ok(Self::Time),
            _ => Err(Malformed("why a channel was closed")),
        }
    }
}

impl ChannelEntry {
    pub(super) fn encode(&self, out: &mut Encoder) {
        match self {
            Self::Opened { channel, hold } => {
                out.u8(if channel.tags.is_empty() { OPENED } else { OPENED_TAGGED });
                channel.encode(out);
                if !channel.tags.is_empty() {
                    channel.tags.encode(out);
                }
                out.u64(*hold);
            }
            Self::ToppedUp { top_up, hold } => {
                out.u8(TOPPED_UP);
                encode_signed(out, top_up);
                out.u64(*hold);
            }
            Self::Paid { channel, begun, act } => {
                out.u8(PAID);
                out.u128(channel.get());
                out.option(begun.as_ref(), |out, begun| begun.encode(out));
                act.encode(out);
            }
            Self::Settled { channel, hold } => {
                out.u8(SETTLED);
                out.u128(channel.get());
                out.u64(*hold);
            }
            Self::Closing { close } => {
                out.u8(CLOSING);
                encode_signed(out, close);
            }
            Self::Closed { channel, cause, close } => {
                out.u8(CLOSED);
                out.u128(channel.get());
                out.u8(*cause as u8);
                out.option(close.as_ref(), encode_signed);
            }
        }
    }

    /// The fields behind a kind from [`OPENED`] to [`CLOSED`], or [`OPENED_TAGGED`].
    pub(super) fn decode(kind: u8, from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        Ok(match kind {
            OPENED => {
                Self::Opened { channel: Box::new(NewChannel::decode(from)?), hold: from.u64()? }
            }
            OPENED_TAGGED => {
                let channel = NewChannel::decode(from)?;
                let channel = NewChannel { tags: Tags::decode_some(from)?, ..channel };
                Self::Opened { channel: Box::new(channel), hold: from.u64()? }
            }
            TOPPED_UP => Self::ToppedUp {
                top_up: decode_signed(from, TopUp::BYTES, "top-up")?,
                hold: from.u64()?,
            },
            PAID => Self::Paid {
                channel: from.id(ChannelId::new)?,
                begun: from.option(BegunRequest::decode)?,
                act: Act::decode(from)?,
            },
            SETTLED => Self::Settled { channel: from.id(ChannelId::new)?, hold: from.u64()? },
            CLOSING => Self::Closing { close: decode_signed(from, Close::BYTES, "close")? },
            CLOSED => Self::Closed {
                channel: from.id(ChannelId::new)?,
                cause: CloseCause::decode(from)?,
                close: from.option(|from| decode_signed(from, Close::BYTES, "close"))?,
            },
            _ => return Err(Malformed("unknown entry kind")),
        })
    }
}

fn encode_signed<T: Statement>(out: &mut Encoder, signed: &Signed<T>) {
    out.raw(signed.unverified().to_bytes().as_ref());
    out.raw(&signed.signature().0);
}

fn decode_signed<T: Statement>(
    from: &mut Decoder<'_>,
    bytes: usize,
    what: &'static str,
) -> Result<Signed<T>, Malformed> {
    let statement = from.slice(bytes)?;
    Signed::from_parts(statement, from.slice(64)?).map_err(|_| Malformed(what))
}
