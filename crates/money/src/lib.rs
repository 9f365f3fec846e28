//! Exact money: amounts with their asset, ratios with named rounding, and 128-bit ids.
//!
//! Invariants: an [`Amount`] never loses or gains a base unit; arithmetic is checked; amounts of
//! different assets have neither a sum nor an order; every division names who gains the residue.
//!
//! This crate must not do I/O, read a clock, draw randomness or use floating point.
#![no_std]
#![deny(clippy::float_arithmetic, clippy::arithmetic_side_effects, clippy::as_conversions)]

extern crate alloc;

mod amount;
mod asset;
mod base32;
mod id;
mod ratio;

pub use amount::{Amount, AmountError, parse_base_units};
pub use asset::{Asset, AssetCode, AssetError, SCALE_MAX};
pub use id::{
    AccountId, ChannelId, CodeId, DeliveryId, EndpointId, EventId, IdError, IdKind, KeyId,
    MandateId, NodeId, OfferId, OrderId, PaymentId, PayoutId, RefundId, TransferId,
};
pub use ratio::{Ratio, RatioError, Rounding, Shares, SharesError, Split};
