//! Terms of a channel, 248 bytes.

use money::{AccountId, Amount, ChannelId, MandateId, NodeId};
use sha2::{Digest, Sha256};

use super::tick::{Tick, TickLink};
use crate::key::{PublicKey, SignatureError, payer_account};
use crate::layout::{DecodeError, Reader, Writer};
use crate::signed::{Signed, Statement, Verified};

const TAG: &str = "farthing/channel/1";

/// What a payer agrees to when it opens a channel. Nothing of it changes later but the deposit,
/// which only grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelTerms {
    /// The node that holds both accounts.
    pub node: NodeId,
    /// Random, never used twice: makes the id unique and salts the tick chain.
    pub salt: [u8; 16],
    /// Account that pays.
    pub payer: AccountId,
    /// Key that signs terms and top-ups: the payer's own, or a delegate's with `mandate`.
    pub signer: PublicKey,
    /// Key that signs vouchers and the closing; may be the signer's.
    pub voucher_key: PublicKey,
    /// Account that is paid.
    pub payee: AccountId,
    /// What is held when the channel opens.
    pub deposit: Amount,
    /// Link 0 of the tick chain; zero if there are no ticks.
    pub tick_root: TickLink,
    /// Base units that each tick pays; zero if there are no ticks.
    pub tick_units: u128,
    /// Length of the tick chain; zero if there are no ticks.
    pub tick_count: u32,
    /// How long the payee can still claim after the payer alone has asked to close.
    pub close_delay_seconds: u32,
    /// The channel closes at this moment at the latest, Unix milliseconds.
    pub expires_at_ms: u64,
    /// Permission under which a delegate signs; `None` if the signer owns the payer account.
    pub mandate: Option<MandateId>,
}

/// Terms whose signature fits their signer, with what follows from them: each is a hash that would
/// otherwise be computed at every look-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifiedTerms {
    verified: Verified<ChannelTerms>,
    channel: ChannelId,
    signer_account: AccountId,
}

impl VerifiedTerms {
    /// The terms.
    pub fn get(&self) -> &ChannelTerms {
        self.verified.get()
    }

    /// The id of the channel.
    pub fn channel(&self) -> ChannelId {
        self.channel
    }

    /// Whether the signer's key owns the payer account.
    pub fn signer_is_payer(&self) -> bool {
        self.signer_account == self.get().payer
    }

    /// The same terms and signature without the proof of the check, as they are stored.
    pub fn to_signed(&self) -> Signed<ChannelTerms> {
        self.verified.to_signed()
    }
}

impl ChannelTerms {
    /// Length of the byte form.
    pub const BYTES: usize = 248;

    /// The root of the tick chain as a tick, down to which the first is followed.
    pub fn root(&self) -> Tick {
        Tick { index: 0, link: self.tick_root }
    }

    /// The id of the channel: binds every field.
    pub fn channel(&self) -> ChannelId {
        ChannelId::from_digest(&Sha256::digest(self.to_bytes()).into())
    }
}

impl Signed<ChannelTerms> {
    /// Checks the signature strictly against the signer that the terms name.
    pub fn verify(self) -> Result<VerifiedTerms, SignatureError> {
        let terms = *self.unverified();
        Ok(VerifiedTerms {
            verified: self.verify_with(&terms.signer)?,
            channel: terms.channel(),
            signer_account: payer_account(&terms.signer, terms.deposit.asset()),
        })
    }
}

impl Statement for ChannelTerms {
    type Bytes = [u8; ChannelTerms::BYTES];

    fn to_bytes(&self) -> Self::Bytes {
        Writer::new(TAG)
            .put(&self.node.to_be_bytes())
            .put(&self.salt)
            .put(&self.payer.to_be_bytes())
            .put(&self.signer.0)
            .put(&self.voucher_key.0)
            .put(&self.payee.to_be_bytes())
            .put_asset(self.deposit.asset())
            .put(&self.deposit.units().to_be_bytes())
            .put(&self.tick_root.0)
            .put(&self.tick_units.to_be_bytes())
            .put(&self.tick_count.to_be_bytes())
            .put(&self.close_delay_seconds.to_be_bytes())
            .put(&self.expires_at_ms.to_be_bytes())
            .put(&self.mandate.map_or([0; 16], MandateId::to_be_bytes))
            .finish()
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes, Self::BYTES, TAG)?;
        let node = reader.id("node", NodeId::from_be_bytes)?;
        let salt = reader.take();
        let payer = reader.id("payer", AccountId::from_be_bytes)?;
        let signer = PublicKey(reader.take());
        let voucher_key = PublicKey(reader.take());
        let payee = reader.id("payee", AccountId::from_be_bytes)?;
        let asset = reader.asset()?;
        let deposit = Amount::new(reader.u128(), asset);
        let tick_root = TickLink(reader.take());
        let tick_units = reader.u128();
        let tick_count = reader.u32();
        let close_delay_seconds = reader.u32();
        let expires_at_ms = reader.u64();
        let mandate = reader.optional_id("mandate", MandateId::from_be_bytes)?;
        Ok(Self {
            node,
            salt,
            payer,
            signer,
            voucher_key,
            payee,
            deposit,
            tick_root,
            tick_units,
            tick_count,
            close_delay_seconds,
            expires_at_ms,
            mandate,
        })
    }
}
