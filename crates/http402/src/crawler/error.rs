//! Why a crawler's request is not taken as a payment.
//!
//! Invariants: codes and [`ErrorName`]s never change; of several faults the first in the order of
//! the variants is reported, as far as a later one can be seen at all; nothing was charged.

use core::fmt;

use crate::problem::Problem;

/// The value of `crawler-error`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorName {
    /// The crawler named no price.
    MissingCrawlerPrice,
    /// A price header does not hold a price.
    InvalidCrawlerPriceValue,
    /// More than one way to pay.
    ConflictingPriceHeaders,
    /// The signature is missing, malformed, out of time or wrong.
    InvalidSignature,
    /// The crawler is not one that the operator has let in.
    CrawlerForbidden,
    /// The exact price is not the price.
    InvalidCrawlerExactPrice,
    /// The highest price is below the price.
    InvalidCrawlerMaxPrice,
    /// The node did not take the payment.
    PaymentFailed,
    /// The service behind names another price than the offer.
    InvalidContentPrice,
}

impl ErrorName {
    /// The text of the header.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MissingCrawlerPrice => "MissingCrawlerPrice",
            Self::InvalidCrawlerPriceValue => "InvalidCrawlerPriceValue",
            Self::ConflictingPriceHeaders => "ConflictingPriceHeaders",
            Self::InvalidSignature => "InvalidSignature",
            Self::CrawlerForbidden => "CrawlerForbidden",
            Self::InvalidCrawlerExactPrice => "InvalidCrawlerExactPrice",
            Self::InvalidCrawlerMaxPrice => "InvalidCrawlerMaxPrice",
            Self::PaymentFailed => "PaymentFailed",
            Self::InvalidContentPrice => "InvalidContentPrice",
        }
    }

    /// HTTP status of an answer with this error.
    pub const fn http_status(self) -> u16 {
        match self {
            Self::MissingCrawlerPrice
            | Self::InvalidCrawlerExactPrice
            | Self::InvalidCrawlerMaxPrice => 402,
            Self::InvalidCrawlerPriceValue
            | Self::ConflictingPriceHeaders
            | Self::InvalidSignature => 400,
            Self::CrawlerForbidden | Self::PaymentFailed => 403,
            Self::InvalidContentPrice => 502,
        }
    }
}

impl fmt::Display for ErrorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a crawler's request is not taken. In order of precedence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CrawlerError {
    /// Both price headers, or one of them twice.
    #[error("send either `crawler-exact-price` or `crawler-max-price`, and once")]
    ConflictingPrices,
    /// A price header beside another payment.
    #[error("the request pays in two ways; send a price header or a payment, not both")]
    ConflictingPayments,
    /// Not a currency and a decimal.
    #[error("`{header}` must be a currency and a decimal, for example `USD 0.01`")]
    PriceValue {
        /// The header.
        header: &'static str,
    },
    /// `Signature-Input` or `Signature` is not there.
    #[error("`{header}` is missing; a crawler signs the request that pays (Web Bot Auth)")]
    NoSignature {
        /// The header.
        header: &'static str,
    },
    /// Above the limit of its kind.
    #[error("`{what}` is longer than {limit_bytes} bytes")]
    TooLarge {
        /// What is too long.
        what: &'static str,
        /// The limit.
        limit_bytes: usize,
    },
    /// Not a structured field of the expected type.
    #[error("`{header}` is not {expected}")]
    Malformed {
        /// The header.
        header: &'static str,
        /// What it must hold.
        expected: &'static str,
    },
    /// None or several signatures carry the tag.
    #[error("exactly one member of `signature-input` must have the tag `web-bot-auth`")]
    Tag,
    /// A parameter of the signature is missing or has no fitting value.
    #[error("the parameter `{name}` of the signature must be {expected}")]
    Parameter {
        /// Its name.
        name: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// More than one request ever signs.
    #[error("the signature covers more than {limit} components")]
    ManyComponents {
        /// The limit.
        limit: usize,
    },
    /// A component that is not understood, or stands twice.
    #[error("the signed component `{name}` is not supported or stands twice")]
    Component {
        /// The component, shortened.
        name: String,
    },
    /// A signed header is not in the request.
    #[error("the signed component `{name}` is not in the request")]
    Absent {
        /// The component, shortened.
        name: String,
    },
    /// A component that must be signed is not.
    #[error("the signature must cover `{name}`")]
    Uncovered {
        /// The component.
        name: &'static str,
    },
    /// Created ahead of the clock, ends before it begins, or lives for too long.
    #[error("{0}")]
    Time(&'static str),
    /// No crawler with this key is configured.
    #[error("no crawler with the key of `keyid` is let in here")]
    Unknown,
    /// The key belongs to another crawler than `signature-agent` says.
    #[error("the key of `keyid` is not that of the crawler that `signature-agent` names")]
    Agent,
    /// The signature is not one of the key over the request.
    #[error("the signature does not fit the request and the key")]
    Mismatch,
    /// The exact price is not the price.
    #[error("the price is {price}, not what `crawler-exact-price` says")]
    ExactPrice {
        /// The price, as in `crawler-price`.
        price: String,
    },
    /// The price is above the highest one.
    #[error("the price is {price}, above what `crawler-max-price` allows")]
    MaxPrice {
        /// The price, as in `crawler-price`.
        price: String,
    },
}

impl CrawlerError {
    /// Stable code for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::ConflictingPrices => "conflicting_crawler_prices",
            Self::ConflictingPayments => "conflicting_payments",
            Self::PriceValue { .. } => "invalid_crawler_price",
            Self::NoSignature { .. } => "crawler_signature_missing",
            Self::TooLarge { .. } => "crawler_signature_too_large",
            Self::Malformed { .. } => "crawler_signature_malformed",
            Self::Tag => "crawler_signature_tag",
            Self::Parameter { .. } => "crawler_signature_parameter",
            Self::ManyComponents { .. } => "crawler_components_too_many",
            Self::Component { .. } => "crawler_component_unsupported",
            Self::Absent { .. } => "crawler_component_absent",
            Self::Uncovered { .. } => "crawler_component_uncovered",
            Self::Time(_) => "crawler_signature_time",
            Self::Unknown => "crawler_unknown",
            Self::Agent => "crawler_agent_mismatch",
            Self::Mismatch => "crawler_signature_mismatch",
            Self::ExactPrice { .. } => "crawler_exact_price_mismatch",
            Self::MaxPrice { .. } => "crawler_max_price_exceeded",
        }
    }

    /// Value of `crawler-error`.
    pub const fn name(&self) -> ErrorName {
        match self {
            Self::ConflictingPrices | Self::ConflictingPayments => {
                ErrorName::ConflictingPriceHeaders
            }
            Self::PriceValue { .. } => ErrorName::InvalidCrawlerPriceValue,
            Self::NoSignature { .. }
            | Self::TooLarge { .. }
            | Self::Malformed { .. }
            | Self::Tag
            | Self::Parameter { .. }
            | Self::ManyComponents { .. }
            | Self::Component { .. }
            | Self::Absent { .. }
            | Self::Uncovered { .. }
            | Self::Time(_)
            | Self::Mismatch => ErrorName::InvalidSignature,
            Self::Unknown | Self::Agent => ErrorName::CrawlerForbidden,
            Self::ExactPrice { .. } => ErrorName::InvalidCrawlerExactPrice,
            Self::MaxPrice { .. } => ErrorName::InvalidCrawlerMaxPrice,
        }
    }

    /// HTTP status.
    pub const fn http_status(&self) -> u16 {
        self.name().http_status()
    }

    /// The header at fault.
    pub const fn param(&self) -> &'static str {
        match self {
            Self::ConflictingPrices | Self::ConflictingPayments | Self::ExactPrice { .. } => {
                "crawler-exact-price"
            }
            Self::MaxPrice { .. } => "crawler-max-price",
            Self::PriceValue { header }
            | Self::NoSignature { header }
            | Self::Malformed { header, .. } => header,
            Self::TooLarge { what, .. } => what,
            Self::Agent => "signature-agent",
            Self::Mismatch => "signature",
            _ => "signature-input",
        }
    }
}

impl From<&CrawlerError> for Problem {
    fn from(error: &CrawlerError) -> Self {
        let title = "The crawler's payment was not taken";
        Self::new(error.http_status(), error.code(), title, error.to_string())
            .with_param(error.param())
    }
}
