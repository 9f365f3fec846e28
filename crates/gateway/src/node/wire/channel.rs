//! The calls about channels as JSON, between a gateway apart and its node.
//!
//! Byte forms are base64 (standard, padded), amounts decimal texts of base units. Invariant: every
//! signature is checked by the node: that of the terms when the message is opened, all others by the
//! engine. So a gateway can ask for what a payer has signed and for nothing else.

use engine::{
    Begun, ChannelView, ClaimToken, Closing, OpenChannel, Present, PresentMode, Proof, Spend, Tags,
};
use instrument::channel::{ChannelTerms, Close, Tick, Voucher};
use instrument::{PurchaseDigest, Signed, Statement};
use money::{AccountId, Amount, ChannelId, parse_base_units};
use serde::{Deserialize, Serialize};

use super::{
    OutcomeWire, SplitWire, UnitPriceWire, WireError, base64, bytes, open_split, open_unit_price,
    split, unit_price,
};

/// A statement and the signature beside it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedWire {
    statement: String,
    signature: String,
}

impl SignedWire {
    /// Words a statement.
    pub fn new<T: Statement>(signed: &Signed<T>) -> Self {
        let statement = base64(signed.unverified().to_bytes());
        Self { statement, signature: base64(signed.signature().0) }
    }

    /// Reads the statement; its signature is not checked.
    pub fn open<T: Statement>(&self) -> Result<Signed<T>, WireError> {
        let statement = bytes(&self.statement, "statement")?;
        let signature = bytes(&self.signature, "signature")?;
        Signed::from_parts(&statement, &signature).map_err(|why| match why {
            instrument::DecodeError::SignatureLength { .. } => WireError::Field("signature"),
            _ => WireError::Field("statement"),
        })
    }
}

/// See [`OpenChannel`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenWire {
    terms: SignedWire,
    split: Option<SplitWire>,
    description: String,
    origin: Option<String>,
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    tags: Tags,
}

impl OpenWire {
    /// Words a command.
    pub fn new(command: &OpenChannel) -> Self {
        Self {
            terms: SignedWire::new(&command.terms.to_signed()),
            split: command.split.as_ref().map(split),
            description: command.description.clone(),
            origin: command.origin.clone(),
            tags: command.tags,
        }
    }

    /// Reads the command and checks the signature of the terms.
    pub fn open(self) -> Result<OpenChannel, WireError> {
        let signed: Signed<ChannelTerms> = self.terms.open()?;
        Ok(OpenChannel {
            terms: signed.verify().map_err(|_| WireError::Signature)?,
            split: self.split.map(open_split).transpose()?,
            description: self.description,
            origin: self.origin,
            tags: self.tags,
        })
    }
}

/// See [`Proof`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProofWire {
    /// A voucher.
    Voucher(SignedWire),
    /// A tick of a channel.
    Tick {
        /// The channel.
        channel: ChannelId,
        /// Its 23 bytes.
        tick: String,
    },
}

impl From<&Proof> for ProofWire {
    fn from(proof: &Proof) -> Self {
        match proof {
            Proof::Voucher(voucher) => Self::Voucher(SignedWire::new(voucher)),
            Proof::Tick { channel, tick } => {
                Self::Tick { channel: *channel, tick: base64(tick.to_bytes()) }
            }
        }
    }
}

impl ProofWire {
    /// Reads the proof; the engine checks it.
    pub fn open(self) -> Result<Proof, WireError> {
        match self {
            Self::Voucher(signed) => Ok(Proof::Voucher(signed.open::<Voucher>()?)),
            Self::Tick { channel, tick } => {
                let tick = Tick::from_bytes(&bytes(&tick, "tick")?);
                Ok(Proof::Tick { channel, tick: tick.map_err(|_| WireError::Field("tick"))? })
            }
        }
    }
}

/// Ticks of one channel, one after the other.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TicksWire {
    /// The channel.
    pub channel: ChannelId,
    /// 23 bytes for each, as one text.
    ticks: String,
}

impl TicksWire {
    /// Words ticks.
    pub fn new(channel: ChannelId, ticks: &[Tick]) -> Self {
        let bytes: Vec<u8> = ticks.iter().flat_map(Tick::to_bytes).collect();
        Self { channel, ticks: base64(bytes) }
    }

    /// Reads the ticks; the engine checks them.
    pub fn open(&self) -> Result<Vec<Tick>, WireError> {
        ticks(&bytes(&self.ticks, "ticks")?).ok_or(WireError::Field("ticks"))
    }
}

/// Reads ticks that stand one after the other; `None` if a byte does not fit.
pub fn ticks(bytes: &[u8]) -> Option<Vec<Tick>> {
    let (ticks, rest) = bytes.as_chunks::<{ Tick::BYTES }>();
    let read = ticks.iter().map(|bytes| Tick::from_bytes(bytes).ok()).collect();
    if rest.is_empty() { read } else { None }
}

/// See [`Present`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PresentWire {
    proof: ProofWire,
    purchase: String,
    pay_to: AccountId,
    split: Option<SplitWire>,
    start: Amount,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unit_price: Option<UnitPriceWire>,
    reserve: bool,
    lease_seconds: u32,
    origin: Option<String>,
}

impl PresentWire {
    /// Words a command.
    pub fn new(command: &Present) -> Self {
        Self {
            proof: ProofWire::from(&command.proof),
            purchase: command.purchase.to_string(),
            pay_to: command.pay_to,
            split: command.split.as_ref().map(split),
            start: command.start,
            unit_price: command.unit_price.map(unit_price),
            reserve: command.mode == PresentMode::Reserve,
            lease_seconds: command.lease_seconds,
            origin: command.origin.clone(),
        }
    }

    /// Reads the command; the engine checks the proof.
    pub fn open(self) -> Result<Present, WireError> {
        let purchase = PurchaseDigest::from_hex(&self.purchase);
        Ok(Present {
            proof: self.proof.open()?,
            purchase: purchase.ok_or(WireError::Field("purchase"))?,
            pay_to: self.pay_to,
            split: self.split.map(open_split).transpose()?,
            start: self.start,
            unit_price: self.unit_price.map(open_unit_price).transpose()?,
            mode: if self.reserve { PresentMode::Reserve } else { PresentMode::Lease },
            lease_seconds: self.lease_seconds,
            origin: self.origin,
        })
    }
}

/// See [`Begun`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BegunWire {
    /// See [`Begun::Proceed`].
    Proceed {
        /// The lease.
        lease: ClaimToken,
        /// The channel.
        channel: ChannelView,
    },
    /// See [`Begun::Replay`].
    Replay {
        /// The channel.
        channel: ChannelView,
        /// What the first request cost.
        charged: Amount,
        /// Its answer, if kept.
        outcome: Option<OutcomeWire>,
    },
}

impl From<Begun> for BegunWire {
    fn from(begun: Begun) -> Self {
        match begun {
            Begun::Proceed { lease, channel } => Self::Proceed { lease, channel },
            Begun::Replay { channel, charged, outcome } => {
                Self::Replay { channel, charged, outcome: outcome.map(OutcomeWire::from) }
            }
        }
    }
}

impl BegunWire {
    /// Reads the answer.
    pub fn open(self) -> Result<Begun, WireError> {
        Ok(match self {
            Self::Proceed { lease, channel } => Begun::Proceed { lease, channel },
            Self::Replay { channel, charged, outcome } => {
                let outcome = outcome.map(OutcomeWire::open).transpose()?;
                Begun::Replay { channel, charged, outcome }
            }
        })
    }
}

/// See [`Spend`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpendWire {
    channel: ChannelId,
    lease: ClaimToken,
    spent: String,
    end: bool,
    outcome: Option<OutcomeWire>,
    durable_outcome: bool,
}

impl From<Spend> for SpendWire {
    fn from(command: Spend) -> Self {
        Self {
            channel: command.channel,
            lease: command.lease,
            spent: command.spent.to_string(),
            end: command.end,
            outcome: command.outcome.map(OutcomeWire::from),
            durable_outcome: command.durable_outcome,
        }
    }
}

impl SpendWire {
    /// Reads the command.
    pub fn open(self) -> Result<Spend, WireError> {
        Ok(Spend {
            channel: self.channel,
            lease: self.lease,
            spent: units(&self.spent, "spent")?,
            end: self.end,
            outcome: self.outcome.map(OutcomeWire::open).transpose()?,
            durable_outcome: self.durable_outcome,
        })
    }
}

/// The end of a lease under which nothing was delivered.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GiveUpWire {
    /// The channel.
    pub channel: ChannelId,
    /// The lease.
    pub lease: ClaimToken,
    /// The answer, to be kept for copies.
    pub outcome: Option<OutcomeWire>,
}

/// A wait for the payer's next voucher or tick.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AwaitWire {
    /// The channel.
    pub channel: ChannelId,
    /// The lease, which is renewed.
    pub lease: ClaimToken,
    above: String,
    /// Longest wait.
    pub wait_ms: u32,
}

impl AwaitWire {
    /// Words a wait until more than `above` is accepted.
    pub fn new(channel: ChannelId, lease: ClaimToken, above: u128, wait_ms: u32) -> Self {
        Self { channel, lease, above: above.to_string(), wait_ms }
    }

    /// The total above which the wait ends, base units.
    pub fn above(&self) -> Result<u128, WireError> {
        units(&self.above, "above")
    }
}

/// A channel by its id.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelWire {
    /// The channel.
    pub channel: ChannelId,
}

/// See [`Closing`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClosingWire {
    /// See [`Closing::Agreed`].
    Agreed(SignedWire),
    /// See [`Closing::ByPayer`].
    ByPayer(SignedWire),
    /// See [`Closing::ByPayee`].
    ByPayee(ChannelId),
}

impl From<&Closing> for ClosingWire {
    fn from(closing: &Closing) -> Self {
        match closing {
            Closing::Agreed(close) => Self::Agreed(SignedWire::new(close)),
            Closing::ByPayer(close) => Self::ByPayer(SignedWire::new(close)),
            Closing::ByPayee(channel) => Self::ByPayee(*channel),
        }
    }
}

impl ClosingWire {
    /// Reads the wish; the engine checks its signature.
    pub fn open(self) -> Result<Closing, WireError> {
        Ok(match self {
            Self::Agreed(close) => Closing::Agreed(close.open::<Close>()?),
            Self::ByPayer(close) => Closing::ByPayer(close.open::<Close>()?),
            Self::ByPayee(channel) => Closing::ByPayee(channel),
        })
    }
}

fn units(text: &str, field: &'static str) -> Result<u128, WireError> {
    parse_base_units(text).map_err(|_| WireError::Field(field))
}
