//! Why bytes could not be decoded into, or encoded from, a payment message.
//!
//! Invariants: the code of a variant never changes; no message repeats more than a short piece of
//! the input. Of several faults the first is reported: limits and encoding, then JSON and its
//! shape, then the version, then the members, scheme and network first.

use core::fmt;

use money::{AmountError, AssetError, IdError};

/// Longest piece of a parser's explanation that is passed on.
const DETAIL_CHARS_MAX: usize = 160;

/// Which message was being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Request header of x402 version 2.
    PaymentSignature,
    /// Request header of x402 version 1.
    XPayment,
    /// The cookie of the node's own pages.
    Cookie,
    /// Body of a request to the facilitator.
    Body,
    /// Response header with the challenge.
    PaymentRequired,
    /// Response header with the settlement.
    PaymentResponse,
    /// Request header with a credential of MPP.
    Authorization,
    /// Response header with the challenges of MPP.
    WwwAuthenticate,
    /// Response header or event with the receipt of MPP.
    PaymentReceipt,
    /// The event with which a stream asks for a voucher.
    NeedVoucher,
}

impl Part {
    /// Name of the header, cookie or body.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PaymentSignature => "PAYMENT-SIGNATURE",
            Self::XPayment => "X-PAYMENT",
            Self::Cookie => "cookie farthing-payment",
            Self::Body => "body",
            Self::PaymentRequired => "PAYMENT-REQUIRED",
            Self::PaymentResponse => "PAYMENT-RESPONSE",
            Self::Authorization => "Authorization",
            Self::WwwAuthenticate => "WWW-Authenticate",
            Self::PaymentReceipt => "Payment-Receipt",
            Self::NeedVoucher => "payment-need-voucher",
        }
    }
}

/// Where in a message the fault is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The message.
    pub part: Part,
    /// Object inside the message's JSON, empty for the outermost.
    pub object: &'static str,
    /// Member of that object, empty for the object itself.
    pub field: &'static str,
}

impl Place {
    pub(crate) const fn of(part: Part) -> Self {
        Self { part, object: "", field: "" }
    }

    pub(crate) const fn object(self, object: &'static str) -> Self {
        Self { object, ..self }
    }

    pub(crate) const fn field(self, field: &'static str) -> Self {
        Self { field, ..self }
    }

    /// Dotted path of the member, or the message's name if the fault concerns all of it.
    pub fn param(&self) -> String {
        match (self.object, self.field) {
            ("", "") => self.part.name().to_owned(),
            ("", name) | (name, "") => name.to_owned(),
            (object, field) => format!("{object}.{field}"),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.object.is_empty() && self.field.is_empty() {
            return f.write_str(self.part.name());
        }
        write!(f, "{} of {}", self.param(), self.part.name())
    }
}

/// Why a message is not a payment message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Above the limit of its kind.
    #[error("{place} is larger than {limit_bytes} bytes")]
    TooLarge {
        /// The message.
        place: Place,
        /// The limit.
        limit_bytes: usize,
    },
    /// The same header or cookie stands twice.
    #[error("{place} was sent more than once; a request carries one payment")]
    Repeated {
        /// The message.
        place: Place,
    },
    /// Not the one accepted base64 form.
    #[error(
        "{place} is not base64: expected the standard alphabet A-Z a-z 0-9 + / with = padding, \
         without spaces"
    )]
    NotBase64 {
        /// The message or member.
        place: Place,
    },
    /// Not the base64url form.
    #[error(
        "{place} is not base64url: expected the alphabet A-Z a-z 0-9 - _ without padding or spaces"
    )]
    NotBase64Url {
        /// The message or member.
        place: Place,
    },
    /// Nested deeper than any message is.
    #[error("{place} nests JSON deeper than {limit} levels")]
    TooDeep {
        /// The message.
        place: Place,
        /// The limit.
        limit: usize,
    },
    /// Not JSON.
    #[error("{place} does not hold JSON: {detail}")]
    NotJson {
        /// The message.
        place: Place,
        /// The parser's explanation.
        detail: String,
    },
    /// JSON, with a member of the wrong type or a member that stands twice.
    #[error("{place} has a wrong shape: {detail}")]
    Shape {
        /// The message.
        place: Place,
        /// The parser's explanation.
        detail: String,
    },
    /// The protocol version does not fit the message.
    #[error("{place} must be {expected}")]
    Version {
        /// The member.
        place: Place,
        /// What the message calls for.
        expected: &'static str,
    },
    /// A member is missing.
    #[error("{place} is missing")]
    Missing {
        /// The member.
        place: Place,
    },
    /// Another scheme than this version knows.
    #[error("{place} must be {expected}")]
    Scheme {
        /// The member.
        place: Place,
        /// The schemes that it may be.
        expected: &'static str,
    },
    /// Not a network of this kind.
    #[error("{place} must be `farthing:` and the 26 characters of a node id")]
    Network {
        /// The member.
        place: Place,
    },
    /// A credential for another payment method.
    #[error("{place} must be `farthing`")]
    Method {
        /// The member.
        place: Place,
    },
    /// A credential for another intent.
    #[error("{place} must be `charge` or `session`")]
    Intent {
        /// The member.
        place: Place,
    },
    /// Not an amount in base units.
    #[error("{place} is not an amount in base units: {reason}")]
    Amount {
        /// The member.
        place: Place,
        /// What is wrong with it.
        reason: AmountError,
    },
    /// Not an asset code or scale.
    #[error("{place} is not an asset: {reason}")]
    Asset {
        /// The member.
        place: Place,
        /// What is wrong with it.
        reason: AssetError,
    },
    /// Not an id of the expected kind.
    #[error("{place} is not an id: {reason}")]
    Id {
        /// The member.
        place: Place,
        /// What is wrong with it.
        reason: IdError,
    },
    /// Not a number of seconds.
    #[error("{place} must be a whole number of seconds from 1 to 4294967295")]
    Timeout {
        /// The member.
        place: Place,
    },
    /// Not a purchase digest.
    #[error("{place} must be 64 lowercase hex digits")]
    Purchase {
        /// The member.
        place: Place,
    },
    /// The bytes are not the statement or signature that belongs here.
    #[error("{place} is not what a payer signs here: {reason}")]
    Statement {
        /// The member.
        place: Place,
        /// What is wrong with them.
        reason: instrument::DecodeError,
    },
    /// Not what a channel can do.
    #[error("{place} must be `open`, `voucher`, `topUp` or `close`")]
    Action {
        /// The member.
        place: Place,
    },
    /// A member that what is presented has no use for.
    #[error("{place} does not belong to what is presented; leave it out")]
    Unexpected {
        /// The member.
        place: Place,
    },
    /// Another currency than the asset's.
    #[error("{place} must be the asset's code in lower case")]
    Currency {
        /// The member.
        place: Place,
    },
    /// Not a time in UTC.
    #[error("{place} must be a time such as 2027-01-01T00:00:00Z")]
    Time {
        /// The member.
        place: Place,
    },
    /// Not a list of parameters, or one of them twice.
    #[error("{place} does not hold parameters as name=\"value\", each once")]
    Parameters {
        /// The header.
        place: Place,
    },
    /// Not a kind of payment from a channel.
    #[error("{place} must be `deposit`, `voucher` or `refund`")]
    PayloadType {
        /// The member.
        place: Place,
    },
    /// Two members that exclude each other.
    #[error("{place} and `{other}` exclude each other: a deposit opens a channel or raises one")]
    Exclusive {
        /// The second member.
        place: Place,
        /// The first one.
        other: &'static str,
    },
    /// The payer's identifier is not one.
    #[error("{place} must be 16 to 128 characters of A-Z a-z 0-9 _ -")]
    PaymentIdentifier {
        /// The member.
        place: Place,
    },
    /// The offer asks for an identifier.
    #[error("{place} is required by this offer")]
    PaymentIdentifierRequired {
        /// The member.
        place: Place,
    },
    /// Two carriers hold different payments.
    #[error("{place} and another header or cookie hold different payments; send one")]
    Ambiguous {
        /// The second carrier.
        place: Place,
    },
}

impl DecodeError {
    /// Stable code for programs; codes of the x402 specification where it has one.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "payment_too_large",
            Self::Repeated { .. } => "payment_repeated",
            Self::NotBase64 { .. } | Self::NotBase64Url { .. } => "invalid_base64",
            Self::TooDeep { .. } | Self::NotJson { .. } => "invalid_json",
            Self::Version { .. } => "invalid_x402_version",
            Self::Scheme { .. } => "unsupported_scheme",
            Self::Method { .. } => "method_unsupported",
            Self::Intent { .. } => "intent_unsupported",
            Self::Network { .. } => "invalid_network",
            Self::Amount { .. }
            | Self::Asset { .. }
            | Self::Id { .. }
            | Self::Timeout { .. }
            | Self::Currency { .. }
            | Self::Time { .. }
            | Self::Purchase { .. } => "invalid_payment_requirements",
            Self::Shape { .. }
            | Self::Missing { .. }
            | Self::Statement { .. }
            | Self::PayloadType { .. }
            | Self::Exclusive { .. }
            | Self::Action { .. }
            | Self::Unexpected { .. } => "invalid_payload",
            Self::Parameters { .. } => "invalid_parameters",
            Self::PaymentIdentifier { .. } => "invalid_payment_identifier",
            Self::PaymentIdentifierRequired { .. } => "payment_identifier_required",
            Self::Ambiguous { .. } => "payment_ambiguous",
        }
    }

    /// Where the fault is.
    pub const fn place(&self) -> Place {
        match self {
            Self::TooLarge { place, .. }
            | Self::Repeated { place }
            | Self::NotBase64 { place }
            | Self::NotBase64Url { place }
            | Self::Method { place }
            | Self::Intent { place }
            | Self::Statement { place, .. }
            | Self::Action { place }
            | Self::Unexpected { place }
            | Self::Currency { place }
            | Self::Time { place }
            | Self::Parameters { place }
            | Self::TooDeep { place, .. }
            | Self::NotJson { place, .. }
            | Self::Shape { place, .. }
            | Self::Version { place, .. }
            | Self::Missing { place }
            | Self::Scheme { place, .. }
            | Self::Network { place }
            | Self::Amount { place, .. }
            | Self::Asset { place, .. }
            | Self::Id { place, .. }
            | Self::Timeout { place }
            | Self::Purchase { place }
            | Self::PayloadType { place }
            | Self::Exclusive { place, .. }
            | Self::PaymentIdentifier { place }
            | Self::PaymentIdentifierRequired { place }
            | Self::Ambiguous { place } => *place,
        }
    }

    /// The header or member at fault.
    pub fn param(&self) -> String {
        self.place().param()
    }

    /// HTTP status of the refusal. Repeating the request is useless, so it is never retried.
    pub const fn http_status(&self) -> u16 {
        match self {
            Self::TooLarge { place: Place { part: Part::Body, .. }, .. } => 413,
            Self::Method { .. } => 400,
            // The scheme answers every other fault of a credential with a new challenge.
            _ if matches!(self.place().part, Part::Authorization) => 402,
            _ => 400,
        }
    }
}

/// Shortens a parser's explanation, which may quote the input.
pub(crate) fn detail(error: &serde_json::Error) -> String {
    error.to_string().chars().take(DETAIL_CHARS_MAX).collect()
}

/// A message could not be written. Only a value that JSON cannot hold leads here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the message cannot be written as JSON")]
pub struct EncodeError;
