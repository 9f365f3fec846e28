//! Offers: a priced resource with its terms.

use engine::HOLD_SECONDS_MAX;
use http::Method;
use http402::Identifier;
use money::{AccountId, Amount, Shares};

use crate::path::PathPattern;

/// Who is paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payees {
    /// Account that orders name.
    pub pay_to: AccountId,
    /// Who receives how much; `pay_to` alone receives all if `None`.
    pub split: Option<(Vec<AccountId>, Shares)>,
    /// Name of the payee for people.
    pub name: String,
    /// The split in words, for example `author 80 %, editor 20 %`.
    pub split_text: Option<String>,
}

/// A priced resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Paths that it covers.
    pub path: PathPattern,
    /// Methods that it covers. `HEAD` goes with `GET` and is never charged.
    pub methods: Vec<Method>,
    /// Methods that cost nothing at these paths. Any other is refused: a service that is blind to
    /// methods would answer it with what is sold.
    pub free_methods: Vec<Method>,
    /// Price of one request.
    pub price: Amount,
    /// Who is paid.
    pub payees: Payees,
    /// One line for people.
    pub description: String,
    /// Media type of the answer, if known.
    pub mime_type: Option<String>,
    /// For how long a payment opens the same resource again.
    pub access_seconds: u32,
    /// A hold for a long answer or an unsafe method releases itself after this time.
    pub hold_seconds: u32,
    /// For how long an order may be valid.
    pub order_seconds: u32,
    /// Whether the payer may or must name the payment.
    pub identifier: Identifier,
    /// Named in catalogues.
    pub listed: bool,
}

/// Why an offer is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OfferError {
    /// Free resources need no offer.
    #[error("the price must be above zero; a free resource needs no offer")]
    FreePrice,
    /// At least one method.
    #[error("an offer covers at least one method")]
    NoMethods,
    /// HEAD goes with GET, CONNECT and TRACE cannot be sold.
    #[error("HEAD, CONNECT, OPTIONS and TRACE cannot be priced; HEAD goes with GET")]
    Method,
    /// Zero would close the resource at once.
    #[error("hold_seconds and order_seconds must be above zero")]
    ZeroSeconds,
    /// The node would end the hold earlier.
    #[error("hold_seconds must be {HOLD_SECONDS_MAX} at most")]
    LongHold,
    /// Every payee of the split has a share.
    #[error("the split must name as many payees as shares, at most {SPLIT_COUNT_MAX}")]
    Split,
}

/// Most payees of one offer.
pub const SPLIT_COUNT_MAX: usize = 16;

impl Offer {
    /// Checks what the types cannot.
    pub fn check(&self) -> Result<(), OfferError> {
        if self.price.units() == 0 {
            return Err(OfferError::FreePrice);
        }
        if self.methods.is_empty() {
            return Err(OfferError::NoMethods);
        }
        let unsold = [Method::HEAD, Method::CONNECT, Method::OPTIONS, Method::TRACE];
        if self.methods.iter().any(|method| unsold.contains(method)) {
            return Err(OfferError::Method);
        }
        if self.hold_seconds == 0 || self.order_seconds == 0 {
            return Err(OfferError::ZeroSeconds);
        }
        if self.hold_seconds > HOLD_SECONDS_MAX {
            return Err(OfferError::LongHold);
        }
        if let Some((accounts, shares)) = &self.payees.split
            && (accounts.len() != shares.parts_per_million().len()
                || accounts.len() > SPLIT_COUNT_MAX)
        {
            return Err(OfferError::Split);
        }
        Ok(())
    }
}
