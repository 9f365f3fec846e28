//! What a payer has sent, on its way from the caller to the writer, and what was found out about it.
//!
//! Signatures are checked by the verifier, ticks on the caller's thread, both outside the writer. The
//! verdict travels with the statement, good or bad, so that the writer alone decides which of several
//! faults is told. Invariant: the writer takes nothing that was not checked; what comes unchecked,
//! because its channel was not open a moment ago, it checks itself.

use instrument::channel::{
    ChannelTerms, Close, Machine, Proven, StepError, Tick, TickCursor, TickError, TopUp,
    VerifiedAdvance, VerifiedVoucher,
};
use instrument::{PublicKey, SignatureError, Signed, Verified};
use money::ChannelId;

use super::{Closing, Proof};
use crate::error::ChannelError;
use crate::keys::{ChannelKeys, verify_any};

/// A proof and whether it is good.
#[derive(Debug, Clone, Copy)]
pub(crate) enum CheckedProof {
    Voucher(VerifiedVoucher),
    Tick(ChannelId, VerifiedAdvance),
    Refused(Proof, ChannelError),
    Unchecked(Proof),
}

/// A statement and whether its signature is good.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Checked<T> {
    Verified(Verified<T>),
    Refused(Signed<T>),
    Unchecked(Signed<T>),
}

/// As [`Closing`].
#[derive(Debug, Clone, Copy)]
pub(crate) enum CheckedClosing {
    Agreed(Checked<Close>),
    ByPayer(Checked<Close>),
    ByPayee(ChannelId),
}

impl CheckedProof {
    /// The channel that it pays from.
    pub(crate) fn channel(&self) -> ChannelId {
        match self {
            Self::Voucher(voucher) => voucher.get().channel,
            Self::Tick(channel, _) => *channel,
            Self::Refused(proof, _) | Self::Unchecked(proof) => proof.channel(),
        }
    }

    /// The proof as it came.
    pub(crate) fn proof(&self) -> Proof {
        match self {
            Self::Voucher(voucher) => Proof::Voucher(voucher.to_signed()),
            Self::Tick(channel, advance) => Proof::Tick { channel: *channel, tick: advance.to() },
            Self::Refused(proof, _) | Self::Unchecked(proof) => *proof,
        }
    }

    /// What the machine of its channel counts, if the signature or the link is good.
    pub(crate) fn proven(
        &self,
        terms: &ChannelTerms,
        machine: &Machine,
    ) -> Result<Proven, ChannelError> {
        match self {
            Self::Voucher(voucher) => Ok(Proven::from(voucher)),
            Self::Tick(_, advance) => Ok(machine.take_tick(terms, advance).map_err(refused)?),
            // Those who followed it may have known a newer tick, which was refused since.
            Self::Refused(Proof::Tick { tick, .. }, ChannelError::TickStale)
                if tick.index >= machine.tick().index =>
            {
                follow(terms, machine, *tick)
            }
            Self::Refused(_, why) => Err(*why),
            Self::Unchecked(Proof::Voucher(voucher)) => {
                let voucher = keys(terms).voucher(*voucher);
                let voucher = voucher.map_err(|_| ChannelError::VoucherSignature)?;
                Ok(Proven::from(&voucher))
            }
            Self::Unchecked(Proof::Tick { tick, .. }) => follow(terms, machine, *tick),
        }
    }
}

impl Checked<TopUp> {
    /// The top-up, if its signature is good.
    pub(crate) fn proven(self, terms: &ChannelTerms) -> Result<Signed<TopUp>, ChannelError> {
        self.proven_by(|top_up| keys(terms).top_up(top_up), ChannelError::TopUpSignature)
    }
}

impl Checked<Close> {
    /// The wish to close, if its signature is good.
    pub(crate) fn proven(self, closers: &[PublicKey]) -> Result<Signed<Close>, ChannelError> {
        self.proven_by(|close| verify_any(close, closers), ChannelError::CloseSignature)
    }
}

impl<T: Copy> Checked<T> {
    /// The statement, whatever its signature is.
    pub(crate) fn unverified(&self) -> Signed<T> {
        match self {
            Self::Verified(verified) => verified.to_signed(),
            Self::Refused(signed) | Self::Unchecked(signed) => *signed,
        }
    }

    fn proven_by(
        self,
        check: impl FnOnce(Signed<T>) -> Result<Verified<T>, SignatureError>,
        wrong: ChannelError,
    ) -> Result<Signed<T>, ChannelError> {
        let signed = self.unverified();
        match self {
            Self::Verified(_) => Ok(signed),
            Self::Refused(_) => Err(wrong),
            Self::Unchecked(_) => check(signed).map(|_| signed).map_err(|_| wrong),
        }
    }
}

impl CheckedClosing {
    /// The channel to close.
    pub(crate) fn channel(&self) -> ChannelId {
        match self {
            Self::Agreed(close) | Self::ByPayer(close) => close.unverified().unverified().channel,
            Self::ByPayee(channel) => *channel,
        }
    }
}

impl From<Closing> for CheckedClosing {
    fn from(closing: Closing) -> Self {
        match closing {
            Closing::Agreed(close) => Self::Agreed(Checked::Unchecked(close)),
            Closing::ByPayer(close) => Self::ByPayer(Checked::Unchecked(close)),
            Closing::ByPayee(channel) => Self::ByPayee(channel),
        }
    }
}

fn follow(terms: &ChannelTerms, machine: &Machine, tick: Tick) -> Result<Proven, ChannelError> {
    let advance = TickCursor::at(terms, machine.tick()).verify(tick).map_err(refused)?;
    Ok(Proven::Tick(advance.to()))
}

fn keys(terms: &ChannelTerms) -> ChannelKeys {
    ChannelKeys::new(*terms, Vec::new(), terms.root())
}

fn refused(why: TickError) -> ChannelError {
    StepError::from(why).into()
}
