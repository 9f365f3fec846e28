//! What can go wrong for a payer or operator: one opaque error with predicates.
//!
//! Invariant: whether money may have moved is [`Error::outcome_unknown`] and [`Error::payment`],
//! never prose. No variant holds a secret.

use std::fmt;

use money::{Amount, PaymentId};

/// A failed operation. Ask its predicates; the text is for people and may change.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: Kind,
    payment: Option<PaymentId>,
    hint: Option<String>,
}

/// Why.
#[derive(Debug)]
pub(crate) enum Kind {
    /// An argument is not usable.
    Argument(String),
    /// The wallet or another file could not be used.
    File(String),
    /// The operating system gave no randomness.
    Random,
    /// Nobody answered, or the connection broke; nothing was signed.
    Unreachable(String),
    /// The answer is not what it should be.
    Answer(String),
    /// The answer's status is not a success.
    Status { status: u16, code: String, param: Option<String>, detail: String },
    /// Nothing on offer can be paid with this wallet.
    NoOffer(String),
    /// The price is above the limit.
    OverLimit { price: Amount, limit: String },
    /// The approval said no.
    NotApproved(String),
    /// The name of the purchase stands for another request.
    NameTaken(String),
    /// The payment was refused and nothing was charged.
    Refused { code: String, detail: String },
    /// The payment was presented and nobody said what became of it.
    Unknown(String),
    /// The payment was made, but what was bought did not arrive.
    NotDelivered(String),
    /// What arrives could not be written.
    Write(std::io::Error),
}

impl Error {
    pub(crate) fn new(kind: Kind) -> Self {
        let inner = Inner { kind, payment: None, hint: None };
        Self(Box::new(inner))
    }

    pub(crate) fn argument(text: impl Into<String>) -> Self {
        Self::new(Kind::Argument(text.into()))
    }

    pub(crate) fn file(text: impl Into<String>) -> Self {
        Self::new(Kind::File(text.into()))
    }

    /// What was bought arrived and cannot be stored.
    pub fn not_stored(text: impl Into<String>) -> Self {
        Self::new(Kind::NotDelivered(text.into()))
    }

    pub(crate) fn answer(text: impl Into<String>) -> Self {
        Self::new(Kind::Answer(text.into()))
    }

    pub(crate) fn with_payment(mut self, payment: PaymentId) -> Self {
        self.0.payment = Some(payment);
        self
    }

    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    pub(crate) fn with_hint_if_none(self, hint: &str) -> Self {
        if self.hint().is_some() {
            return self;
        }
        self.with_hint(hint)
    }

    /// Stable code: of the node or seller where it gave one.
    pub fn code(&self) -> &str {
        match &self.0.kind {
            Kind::Argument(_) => "invalid_argument",
            Kind::File(_) => "file_unusable",
            Kind::Random => "no_randomness",
            Kind::Unreachable(_) => "unreachable",
            Kind::Answer(_) => "answer_malformed",
            Kind::Status { code, .. } | Kind::Refused { code, .. } => code,
            Kind::NoOffer(_) => "no_payable_offer",
            Kind::OverLimit { .. } => "price_above_limit",
            Kind::NotApproved(_) => "not_approved",
            Kind::NameTaken(_) => "purchase_name_taken",
            Kind::Unknown(_) => "outcome_unknown",
            Kind::NotDelivered(_) => "paid_not_delivered",
            Kind::Write(_) => "write_failed",
        }
    }

    /// What of the request the node refused, in the words of its API; `None` if it named nothing.
    pub fn param(&self) -> Option<&str> {
        match &self.0.kind {
            Kind::Status { param, .. } => param.as_deref(),
            _ => None,
        }
    }

    /// The payment that was signed for, if one was.
    pub fn payment(&self) -> Option<PaymentId> {
        self.0.payment
    }

    /// The price is above the limits, or the approval said no. Nothing was signed.
    pub fn is_over_limit(&self) -> bool {
        matches!(self.0.kind, Kind::OverLimit { .. } | Kind::NotApproved(_))
    }

    /// The payer's balance is too low. Nothing was charged.
    pub fn is_insufficient_funds(&self) -> bool {
        self.code() == "insufficient_funds"
    }

    /// Nothing on offer can be paid, or the payment was refused. Nothing was charged.
    pub fn is_refused(&self) -> bool {
        matches!(self.0.kind, Kind::NoOffer(_) | Kind::Refused { .. })
    }

    /// A payment was signed and presented, and it is not known whether it was charged. Paying
    /// again may pay twice: ask the node about [`Error::payment`] first.
    pub fn outcome_unknown(&self) -> bool {
        matches!(self.0.kind, Kind::Unknown(_))
    }

    /// The same call again may succeed, and cannot pay twice because nothing was signed.
    pub fn is_retryable(&self) -> bool {
        let transient = match &self.0.kind {
            Kind::Unreachable(_) => true,
            Kind::Status { status, .. } => matches!(status, 408 | 425 | 429 | 500..=599),
            _ => false,
        };
        transient && self.0.payment.is_none()
    }

    /// The node says itself that it does not have what was asked for.
    pub(crate) fn is_not_found(&self) -> bool {
        matches!(&self.0.kind, Kind::Status { status: 404, code, .. } if code != "http_status")
    }

    /// What the user may do about it.
    pub fn hint(&self) -> Option<&str> {
        let general = match &self.0.kind {
            Kind::Unknown(_) => {
                Some("look for the payment with `farthing wallet history` before you pay again")
            }
            Kind::OverLimit { .. } => Some("raise the limit with --max if the price is right"),
            Kind::Unreachable(_) => Some("check the address and whether the service runs"),
            Kind::Refused { code, .. }
                if code == "order_expired" || code == "order_expiry_too_far" =>
            {
                Some("set the clock of this machine")
            }
            _ if self.is_insufficient_funds() => {
                Some("on a sandbox node, `farthing wallet top-up` gives play money")
            }
            _ => None,
        };
        self.0.hint.as_deref().or(general)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.kind {
            Kind::Argument(text)
            | Kind::File(text)
            | Kind::Unreachable(text)
            | Kind::Answer(text)
            | Kind::NoOffer(text) => f.write_str(text)?,
            Kind::Random => f.write_str("the operating system gives no randomness")?,
            Kind::Status { status, code, detail, .. } => {
                write!(f, "the answer was {status} ({code}): {detail}")?;
            }
            Kind::OverLimit { price, limit } => {
                write!(f, "the price of {price} is above the limit of {limit}")?;
            }
            Kind::NotApproved(why) => write!(f, "the payment was not approved: {why}")?,
            Kind::NameTaken(why) => {
                write!(f, "the name stands for another purchase already: {why}")?;
            }
            Kind::Refused { code, detail } => {
                write!(f, "the payment was refused, nothing was charged ({code}): {detail}")?;
            }
            Kind::Unknown(why) => {
                write!(f, "it is not known whether the payment was charged: {why}")?;
            }
            Kind::NotDelivered(why) => {
                write!(f, "the payment was made, but the content did not arrive: {why}")?;
            }
            Kind::Write(error) => write!(f, "what arrives cannot be written: {error}")?,
        }
        match self.0.payment {
            Some(payment) => write!(f, " (payment {payment})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0.kind {
            Kind::Write(error) => Some(error),
            _ => None,
        }
    }
}
