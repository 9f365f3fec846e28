//! Dialects of HTTP 402: bytes to [`Challenge`], [`Presented`] payment and settlement, and back.
//!
//! One dialect is one module ([`x402`], [`mpp`]). Each turns the same [`Challenge`] into its own wire
//! form and reads its own wire form into the same [`Presented`], so that one replay guard and one
//! ledger stand behind all of them. [`decode_payment`] asks every dialect.
//!
//! Invariants: what comes from the network is hostile, so every input has a size limit, decoding
//! never panics, and memory stays proportional to the limited input; a request carries at most one
//! payment; two texts that differ in meaning never decode to the same value.
//!
//! This crate must not do I/O, read a clock, draw randomness, or check signatures and balances:
//! it says what was presented, never whether it is good.
#![deny(clippy::float_arithmetic, clippy::as_conversions)]

mod challenge;
pub mod crawler;
mod error;
mod json;
pub mod mpp;
pub mod openapi;
mod presented;
pub mod problem;
mod utc;
pub mod x402;

pub use challenge::{
    Challenge, ChannelOffer, ChannelState, Identifier, Metered, PassOffer, Resource,
    SERVICE_NAME_CHARS_MAX,
};
pub use error::{DecodeError, EncodeError, Part, Place};
pub use presented::{Carrier, Dialect, Instrument, Presented};
pub use problem::Problem;
pub use utc::utc;

/// Reads the payment that a request presents, in whichever dialect; `None` if there is none.
///
/// Errors: see [`DecodeError`]; all mean that the request is at fault and nothing was charged.
pub fn decode_payment(headers: &http::HeaderMap) -> Result<Option<Presented>, DecodeError> {
    let Some(credential) = mpp::decode_payment(headers)? else {
        return x402::decode_payment(headers);
    };
    let place = Place::of(Part::Authorization);
    match x402::decode_payment(headers) {
        // Browsers send the cookie unasked: it counts only if no header carries a payment.
        Ok(Some(other))
            if other.carrier == Carrier::Header && other.instrument != credential.instrument =>
        {
            Err(DecodeError::Ambiguous { place })
        }
        Err(error) if error.place().part != Part::Cookie => Err(error),
        _ => Ok(Some(credential)),
    }
}
