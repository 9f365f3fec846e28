//! What a payer has sent, on its way from the caller to the writer, and what was found out about it.
//!
//! Signatures are checked by the verifier, ticks on the caller's thread, both outside the writer.
//! Invariant: the writer takes nothing that was not checked, so what comes unchecked, because its
//! channel was not open a moment ago, it checks itself.

use instrument::channel::{
    ChannelTerms, Close, Machine, Proven, StepError, TickCursor, TickError, TopUp, VerifiedAdvance,
    VerifiedVoucher,
};
use instrument::{SignatureError, Signed, Verified};
use money::ChannelId;

use super::{Closing, Proof};
use crate::error::ChannelError;
use crate::keys::ChannelKeys;

/// A proof and whether it is good.
#[derive(Debug, Clone, Copy)]
pub(crate) enum CheckedProof {
    Voucher(VerifiedVoucher),
    Tick(ChannelId, VerifiedAdvance),
    Unchecked(Proof),
}

/// A statement and whether its signature is good.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Checked<T> {
    Verified(Verified<T>),
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
            Self::Unchecked(proof) => proof.channel(),
        }
    }

    /// The proof as it came.
    pub(crate) fn proof(&self) -> Proof {
        match self {
            Self::Voucher(voucher) => Proof::Voucher(voucher.to_signed()),
            Self::Tick(channel, advance) => Proof::Tick { channel: *channel, tick: advance.to() },
            Self::Unchecked(proof) => *proof,
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
            Self::Unchecked(Proof::Voucher(voucher)) => {
                let voucher = keys(terms).voucher(*voucher);
                let voucher = voucher.map_err(|_| ChannelError::VoucherSignature)?;
                Ok(Proven::from(&voucher))
            }
            Self::Unchecked(Proof::Tick { tick, .. }) => {
                let cursor = TickCursor::at(terms, machine.tick());
                Ok(Proven::Tick(cursor.verify(*tick).map_err(refused)?.to()))
            }
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
    pub(crate) fn proven(self, terms: &ChannelTerms) -> Result<Signed<Close>, ChannelError> {
        self.proven_by(|close| keys(terms).close(close), ChannelError::CloseSignature)
    }
}

impl<T: Copy> Checked<T> {
    /// The statement, whatever its signature is.
    pub(crate) fn unverified(&self) -> Signed<T> {
        match self {
            Self::Verified(verified) => verified.to_signed(),
            Self::Unchecked(signed) => *signed,
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

fn keys(terms: &ChannelTerms) -> ChannelKeys {
    ChannelKeys::new(*terms, terms.root())
}

fn refused(why: TickError) -> ChannelError {
    StepError::from(why).into()
}
