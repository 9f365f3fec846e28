//! The delivery steps as JSON, between a gateway apart and its node.
//!
//! Invariant: the signature of an order is checked again by the node ([`AuthorizeWire::open`]), so a
//! gateway can price and route but cannot make a payer pay. Of an order that a request authorizes
//! that means the signature over the request, the price and the end that were signed.

use std::num::NonZeroU64;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use engine::{Authorize, Authorized, ClaimToken, Count, Counter, Idempotency, Mode, Outcome};
use engine::{PaymentView, Purchase, Tags, Terms};
use http402::crawler::Permit;
use instrument::{PurchaseDigest, SignedOrder, UnitPrice, VerifiedOrder};
use money::{AccountId, Amount, PaymentId, Shares, parse_base_units};
use serde::{Deserialize, Serialize};

pub mod channel;

/// Why a wire message is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// Not base64, hex, or of the wrong length.
    #[error("the field `{0}` is malformed")]
    Field(&'static str),
    /// The signature does not fit.
    #[error("the signature does not fit the order or the terms")]
    Signature,
}

/// Accounts and their shares, parts per million.
pub type SplitWire = Vec<(AccountId, u32)>;

/// Base units for so many metered units.
pub type UnitPriceWire = (String, NonZeroU64);

/// An authorization as JSON.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthorizeWire {
    order: String,
    signature: String,
    purchase: Option<String>,
    origin: Option<String>,
    description: String,
    pay_to: AccountId,
    amount: Amount,
    split: Option<SplitWire>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unit_price: Option<UnitPriceWire>,
    access_seconds: u32,
    idempotency: Option<(String, String)>,
    hold_seconds: Option<u32>,
    /// Signature base of the request that authorized the order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base: Option<String>,
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    tags: Tags,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    counters: Vec<CounterWire>,
}

/// One use of a counter.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CounterWire {
    id: String,
    max: u32,
    ends_at_ms: u64,
}

/// A use that goes without a payment.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CountWire {
    id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    account: Option<AccountId>,
    counter: CounterWire,
}

impl From<Count> for CountWire {
    fn from(Count { id, account, counter }: Count) -> Self {
        Self { id: base64(id), account, counter: CounterWire::from(&counter) }
    }
}

impl CountWire {
    /// Reads the use.
    pub fn open(self) -> Result<Count, WireError> {
        let Self { id, account, counter } = self;
        Ok(Count { id: array(&id, "id")?, account, counter: counter.open()? })
    }
}

/// A claim turned into a hold.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HoldWire {
    /// The payment.
    pub payment: PaymentId,
    /// The claim.
    pub claim: ClaimToken,
    /// See [`engine::Engine::hold`].
    pub seconds: u32,
}

/// A charge, settlement or release.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FinishWire {
    /// The payment.
    pub payment: PaymentId,
    /// The claim; any for a settlement.
    pub claim: ClaimToken,
    /// Base units to settle; all if absent.
    #[serde(default)]
    pub units: Option<String>,
    /// First answer, to be kept.
    #[serde(default)]
    pub outcome: Option<OutcomeWire>,
    /// Keep the outcome in the journal.
    #[serde(default)]
    pub durable_outcome: bool,
}

/// An outcome with its body as base64.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutcomeWire {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
    range: String,
}

/// Answer to an authorization.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthorizedWire {
    /// See [`Authorized::Proceed`].
    Proceed {
        /// The payment.
        payment: PaymentId,
        /// The claim.
        claim: ClaimToken,
    },
    /// See [`Authorized::Charged`].
    Charged(PaymentView),
    /// See [`Authorized::Replay`].
    Replay {
        /// The payment.
        payment: PaymentView,
        /// The first answer, if kept.
        outcome: Option<OutcomeWire>,
    },
}

impl AuthorizeWire {
    /// Words a command; only the modes of a gateway exist on the wire.
    pub fn new(command: &Authorize) -> Self {
        let signed = command.order.to_signed();
        Self {
            order: STANDARD.encode(signed.order_bytes()),
            signature: STANDARD.encode(signed.signature().0),
            purchase: command.purchase.digest.map(|digest| digest.to_string()),
            origin: command.purchase.origin.clone(),
            description: command.purchase.description.clone(),
            pay_to: command.terms.pay_to,
            amount: command.terms.amount,
            split: command.terms.split.as_ref().map(split),
            unit_price: command.terms.unit_price.map(unit_price),
            access_seconds: command.terms.access_seconds,
            idempotency: command
                .idempotency
                .as_ref()
                .map(|named| (STANDARD.encode(named.key), STANDARD.encode(named.fingerprint))),
            hold_seconds: match command.mode {
                Mode::Hold { seconds } => Some(seconds),
                Mode::Claim | Mode::Charge | Mode::Check => None,
            },
            base: None,
            tags: command.tags,
            counters: command.counters.iter().map(CounterWire::from).collect(),
        }
    }

    /// As it is, with the signature base of the request that authorized the order.
    #[must_use]
    pub fn with_base(self, base: Option<String>) -> Self {
        Self { base, ..self }
    }

    /// See [`AuthorizeWire::with_base`].
    pub fn base(&self) -> Option<&str> {
        self.base.as_deref()
    }

    /// Reads the command and checks the order's signature.
    pub fn open(self) -> Result<Authorize, WireError> {
        let order = bytes(&self.order, "order")?;
        let signature = bytes(&self.signature, "signature")?;
        let signed =
            SignedOrder::from_parts(&order, &signature).map_err(|_| WireError::Field("order"))?;
        let order = match &self.base {
            None => signed.verify().map_err(|_| WireError::Signature)?,
            Some(base) => by_request(&signed, base)?,
        };
        let digest = match self.purchase {
            None => None,
            Some(hex) => Some(PurchaseDigest::from_hex(&hex).ok_or(WireError::Field("purchase"))?),
        };
        let split = self.split.map(open_split).transpose()?;
        let idempotency = match self.idempotency {
            None => None,
            Some((key, fingerprint)) => Some(Idempotency {
                key: array(&key, "idempotency")?,
                fingerprint: array(&fingerprint, "idempotency")?,
            }),
        };
        Ok(Authorize {
            order,
            purchase: Purchase { digest, origin: self.origin, description: self.description },
            terms: Terms {
                pay_to: self.pay_to,
                amount: self.amount,
                split,
                unit_price: self.unit_price.map(open_unit_price).transpose()?,
                access_seconds: self.access_seconds,
            },
            idempotency,
            tags: self.tags,
            counters: self.counters.into_iter().map(CounterWire::open).collect::<Result<_, _>>()?,
            mode: self.hold_seconds.map_or(Mode::Claim, |seconds| Mode::Hold { seconds }),
        })
    }
}

/// The order of a request, if the request permits it: its price, its end, its signature.
fn by_request(signed: &SignedOrder, base: &str) -> Result<VerifiedOrder, WireError> {
    let order = signed.unverified();
    let permit = Permit::of_base(base).map_err(|_| WireError::Field("base"))?;
    permit.check(&order.signer, order.amount).map_err(|_| WireError::Field("base"))?;
    if order.expires_at_ms != permit.expires_at_ms() {
        return Err(WireError::Field("base"));
    }
    VerifiedOrder::by_request(*order, base.as_bytes(), signed.signature())
        .map_err(|_| WireError::Signature)
}

/// Words a split.
fn split((accounts, shares): &(Vec<AccountId>, Shares)) -> SplitWire {
    accounts.iter().copied().zip(shares.parts_per_million().iter().copied()).collect()
}

/// Reads a split.
fn open_split(parts: SplitWire) -> Result<(Vec<AccountId>, Shares), WireError> {
    let (accounts, shares): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
    let shares = Shares::new(shares).map_err(|_| WireError::Field("split"))?;
    Ok((accounts, shares))
}

/// Words a price by the unit.
fn unit_price(UnitPrice { price, per }: UnitPrice) -> UnitPriceWire {
    (price.to_string(), per)
}

/// Reads a price by the unit.
fn open_unit_price((price, per): UnitPriceWire) -> Result<UnitPrice, WireError> {
    let price = parse_base_units(&price).map_err(|_| WireError::Field("unit_price"))?;
    Ok(UnitPrice { price, per })
}

impl From<&Counter> for CounterWire {
    fn from(counter: &Counter) -> Self {
        let Counter { id, max, ends_at_ms } = *counter;
        Self { id: base64(id), max, ends_at_ms }
    }
}

impl CounterWire {
    /// Reads the use.
    pub fn open(self) -> Result<Counter, WireError> {
        let Self { id, max, ends_at_ms } = self;
        Ok(Counter { id: array(&id, "counters.id")?, max, ends_at_ms })
    }
}

fn base64(bytes: impl AsRef<[u8]>) -> String {
    STANDARD.encode(bytes)
}

fn bytes(text: &str, field: &'static str) -> Result<Vec<u8>, WireError> {
    STANDARD.decode(text).map_err(|_| WireError::Field(field))
}

fn array<const N: usize>(text: &str, field: &'static str) -> Result<[u8; N], WireError> {
    bytes(text, field)?.try_into().map_err(|_| WireError::Field(field))
}

impl From<Outcome> for OutcomeWire {
    fn from(outcome: Outcome) -> Self {
        let body = STANDARD.encode(&outcome.body);
        Self { status: outcome.status, headers: outcome.headers, body, range: outcome.range }
    }
}

impl OutcomeWire {
    /// Reads the outcome.
    pub fn open(self) -> Result<Outcome, WireError> {
        let body = bytes(&self.body, "outcome.body")?.into();
        Ok(Outcome { status: self.status, headers: self.headers, body, range: self.range })
    }
}

impl From<Authorized> for AuthorizedWire {
    fn from(authorized: Authorized) -> Self {
        match authorized {
            Authorized::Proceed { payment, claim } => Self::Proceed { payment, claim },
            Authorized::Charged(payment) => Self::Charged(payment),
            Authorized::Replay { payment, outcome } => {
                Self::Replay { payment, outcome: outcome.map(OutcomeWire::from) }
            }
        }
    }
}

impl AuthorizedWire {
    /// Reads the answer.
    pub fn open(self) -> Result<Authorized, WireError> {
        Ok(match self {
            Self::Proceed { payment, claim } => Authorized::Proceed { payment, claim },
            Self::Charged(payment) => Authorized::Charged(payment),
            Self::Replay { payment, outcome } => {
                Authorized::Replay { payment, outcome: outcome.map(OutcomeWire::open).transpose()? }
            }
        })
    }
}

/// A refusal as the node words it: the error itself, so that the gateway answers as if it were the
/// node.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RefusedWire<E> {
    /// The error.
    pub refused: E,
}
