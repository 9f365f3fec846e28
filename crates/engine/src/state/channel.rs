//! An open channel as the state remembers it, and the ids of its transfers.
//!
//! Invariants: the machine alone says what happens to its amounts; the ledger holds exactly
//! `deposit - settled` for it, in one pending transfer without end.

use instrument::channel::{ChannelTerms, Machine, MachineParts, Phase, Tick};
use instrument::{PurchaseDigest, Signature};
use money::{AccountId, Amount, ChannelId, PaymentId, Shares, TransferId};
use sha2::{Digest, Sha256};

use super::{PAYEES_COUNT_MAX, system_account};
use crate::codec::{Decoder, Encoder, Malformed};
use crate::entry::{NewChannel, PaidProof, decode_tick, encode_tick};

/// What a request is told apart by: the proof that it presented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RequestKey {
    Voucher { sequence: u64, cumulative: u128 },
    Tick(Tick),
}

/// The last request that was begun durably.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Request {
    pub key: RequestKey,
    pub purchase: PurchaseDigest,
    /// What it has cost so far.
    pub charged: u128,
}

/// An open channel: below 1,000 bytes, and what split and description take beyond.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Channel {
    pub opened: Box<NewChannel>,
    pub opened_at_ns: u64,
    pub machine: Machine,
    /// Signature of the newest voucher.
    pub signature: Option<Signature>,
    pub request: Option<Request>,
    /// Number of the ledger's hold.
    pub hold: u64,
}

impl RequestKey {
    pub(crate) fn of(proof: &PaidProof) -> Self {
        match *proof {
            PaidProof::Voucher { sequence, cumulative, .. } => {
                Self::Voucher { sequence, cumulative }
            }
            PaidProof::Tick(tick) => Self::Tick(tick),
        }
    }

    /// Whether both would count as the same number of voucher or tick.
    pub(crate) fn has_number_of(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Voucher { sequence: one, .. }, Self::Voucher { sequence: other, .. }) => {
                one == other
            }
            (Self::Tick(one), Self::Tick(other)) => one.index == other.index,
            _ => false,
        }
    }

    /// Under which the outcome of the request is kept.
    pub(crate) fn payment(&self, channel: ChannelId) -> PaymentId {
        let (kind, number) = match *self {
            Self::Voucher { sequence, .. } => (0_u8, sequence),
            Self::Tick(tick) => (1, u64::from(tick.index)),
        };
        let digest = Sha256::new()
            .chain_update(b"farthing/request/1")
            .chain_update(channel.to_be_bytes())
            .chain_update([kind])
            .chain_update(number.to_be_bytes())
            .finalize();
        PaymentId::from_digest(&digest.into())
    }

    fn encode(&self, out: &mut Encoder) {
        match *self {
            Self::Voucher { sequence, cumulative } => {
                out.u8(0);
                out.u64(sequence);
                out.u128(cumulative);
            }
            Self::Tick(tick) => {
                out.u8(1);
                encode_tick(out, tick);
            }
        }
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        match from.u8()? {
            0 => Ok(Self::Voucher { sequence: from.u64()?, cumulative: from.u128()? }),
            1 => decode_tick(from).map(Self::Tick),
            _ => Err(Malformed("request")),
        }
    }
}

/// Which transfer of a channel's hold is meant. The numbers are part of the ids.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Part {
    /// The pending transfer.
    Hold,
    /// The post or void that resolves it.
    Resolve,
    /// The transfer to one of the accounts that share a settlement.
    Leg(usize),
}

/// Id of a transfer of the channel's hold of this number.
pub(crate) fn channel_transfer(channel: ChannelId, hold: u64, part: Part) -> TransferId {
    let part = match part {
        Part::Hold => 0,
        Part::Resolve => 1,
        Part::Leg(index) => index as u64 + 2,
    };
    let digest = Sha256::new()
        .chain_update(b"farthing/channel-transfer/1")
        .chain_update(channel.to_be_bytes())
        .chain_update(hold.to_be_bytes())
        .chain_update(part.to_be_bytes())
        .finalize();
    TransferId::from_digest(&digest.into())
}

/// Ids of all transfers that the hold of this number may make, for so many legs.
pub(crate) fn channel_transfers(
    channel: ChannelId,
    hold: u64,
    legs: usize,
) -> impl Iterator<Item = TransferId> {
    let parts = [Part::Hold, Part::Resolve].into_iter().chain((0..legs).map(Part::Leg));
    parts.map(move |part| channel_transfer(channel, hold, part))
}

impl NewChannel {
    pub(crate) fn terms(&self) -> &ChannelTerms {
        self.terms.unverified()
    }

    /// Transfers besides the hold and its end that one settlement makes: none without a split, else
    /// one for each share and one for the residue.
    pub(crate) fn leg_count(&self) -> usize {
        if self.split.is_empty() { 0 } else { self.split.len() + 1 }
    }

    /// Who is paid: the payee of the terms, or those who share.
    pub(crate) fn payees(&self) -> impl Iterator<Item = AccountId> {
        let alone = self.split.is_empty().then_some(self.terms().payee);
        alone.into_iter().chain(self.split.iter().map(|(account, _)| *account))
    }

    /// Whether the split can be paid out: shares of a whole, not too many.
    pub(crate) fn has_sound_split(&self) -> bool {
        self.split.is_empty() || (self.split.len() <= PAYEES_COUNT_MAX && self.shares().is_some())
    }

    fn shares(&self) -> Option<Shares> {
        Shares::new(self.split.iter().map(|(_, share)| *share).collect()).ok()
    }

    /// How a settlement of so much is shared out, zero parts included: each share rounded down, what
    /// is left to the residue account. `None` if there is no split.
    pub(crate) fn legs(&self, units: u128) -> Option<Vec<(AccountId, u128)>> {
        let asset = self.terms().deposit.asset();
        let split = self.shares()?.split(Amount::new(units, asset)).ok()?;
        let parts = split.parts.iter().map(|part| part.units());
        let mut legs: Vec<_> = self.split.iter().map(|(account, _)| *account).zip(parts).collect();
        legs.push((system_account("residue", asset), split.residue.units()));
        Some(legs)
    }
}

impl Channel {
    pub(crate) fn id(&self) -> ChannelId {
        self.opened.id
    }

    pub(crate) fn terms(&self) -> &ChannelTerms {
        self.opened.terms()
    }

    pub(crate) fn asset(&self) -> money::Asset {
        self.terms().deposit.asset()
    }

    /// Spent and not settled, the last step included.
    pub(crate) fn exposure(&self) -> u128 {
        self.machine.spent().saturating_sub(self.machine.settled())
    }

    /// Base units that the ledger holds for it.
    pub(crate) fn held(&self) -> u128 {
        self.machine.deposit().saturating_sub(self.machine.settled())
    }

    /// When it must be looked at without anybody asking, Unix milliseconds.
    pub(crate) fn due_at_ms(&self) -> u64 {
        self.machine.due_at_ms(self.terms()).unwrap_or(u64::MAX)
    }

    /// The newest voucher's sequence, total and signature.
    pub(crate) fn voucher(&self) -> Option<(u64, u128, &Signature)> {
        let signature = self.signature.as_ref()?;
        Some((self.machine.sequence(), self.machine.voucher_cumulative(), signature))
    }

    pub(crate) fn encode(&self, out: &mut Encoder) {
        self.opened.encode(out);
        out.u64(self.opened_at_ns);
        encode_machine(out, &self.machine);
        out.option(self.signature.as_ref(), |out, signature| out.raw(&signature.0));
        out.option(self.request.as_ref(), |out, request| {
            request.key.encode(out);
            out.raw(&request.purchase.0);
            out.u128(request.charged);
        });
        out.u64(self.hold);
    }

    pub(crate) fn decode(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        let opened = Box::new(NewChannel::decode(from)?);
        Ok(Self {
            opened,
            opened_at_ns: from.u64()?,
            machine: decode_machine(from)?,
            signature: from.option(|from| Ok(Signature(from.array()?)))?,
            request: from.option(|from| {
                Ok(Request {
                    key: RequestKey::decode(from)?,
                    purchase: PurchaseDigest(from.array()?),
                    charged: from.u128()?,
                })
            })?,
            hold: from.u64()?,
        })
    }
}

fn encode_machine(out: &mut Encoder, machine: &Machine) {
    let parts = machine.parts();
    out.option(closes_at_ms(parts.phase), Encoder::u64);
    let MachineParts { deposit, accepted, spent, reserved, settled, .. } = parts;
    let MachineParts { started, delivered, voucher_cumulative, .. } = parts;
    for units in
        [deposit, accepted, spent, reserved, settled, started, delivered, voucher_cumulative]
    {
        out.u128(units);
    }
    out.u64(parts.reserve_ends_at_ms);
    out.u64(parts.sequence);
    encode_tick(out, parts.tick);
}

/// A closed channel is in no snapshot.
fn decode_machine(from: &mut Decoder<'_>) -> Result<Machine, Malformed> {
    let closes_at_ms = from.option(Decoder::u64)?;
    let mut units = || from.u128();
    let parts = MachineParts {
        phase: closes_at_ms.map_or(Phase::Open, |closes_at_ms| Phase::Closing { closes_at_ms }),
        deposit: units()?,
        accepted: units()?,
        spent: units()?,
        reserved: units()?,
        settled: units()?,
        started: units()?,
        delivered: units()?,
        voucher_cumulative: units()?,
        reserve_ends_at_ms: from.u64()?,
        sequence: from.u64()?,
        tick: decode_tick(from)?,
    };
    Machine::from_parts(parts).ok_or(Malformed("the amounts of a channel"))
}

/// When the payer's wish to close is carried out.
pub(crate) fn closes_at_ms(phase: Phase) -> Option<u64> {
    match phase {
        Phase::Closing { closes_at_ms } => Some(closes_at_ms),
        Phase::Open | Phase::Closed => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The internals page says what an open channel takes in memory.
    #[test]
    fn an_open_channel_is_as_small_as_described() {
        let own = size_of::<Channel>() + size_of::<NewChannel>();
        assert!(own <= 1_000, "{own}");
    }

    #[test]
    fn transfers_and_requests_have_the_same_ids_on_every_machine() {
        let channel = ChannelId::new(1).unwrap();
        let hold = channel_transfer(channel, 0, Part::Hold).to_string();
        let leg = channel_transfer(channel, 3, Part::Leg(2)).to_string();
        let voucher = RequestKey::Voucher { sequence: 7, cumulative: 9 }.payment(channel);
        let expected = [
            "tr_6zj0sr9d96ej5wzqbp2y5kqwrz",
            "tr_50nea1qfbxxhw5zm37mg4aqnqs",
            "pay_7f8vq4cjk5k3ahstx8d1ex1mvk",
        ];
        assert_eq!([hold, leg, voucher.to_string()], expected);
    }
}
