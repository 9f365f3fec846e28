//! What a payer signs: orders, channels, vouchers, ticks, mandates, revocations and access statements.
//!
//! Invariants: one statement has one byte form, decoding refuses every other; a
//! [`Verified`] statement exists only after its signature was checked strictly, so code that takes
//! one cannot be called with an unchecked signature.
//!
//! This crate must not do I/O, read a clock, draw randomness or allocate. The byte forms are
//! described in `docs/reference/formats.md`; golden vectors stand in `conformance/formats.json`.
#![no_std]
#![deny(clippy::float_arithmetic, clippy::arithmetic_side_effects, clippy::as_conversions)]

#[cfg(feature = "batch")]
extern crate alloc;

mod access;
pub mod channel;
pub mod hex;
mod key;
mod layout;
mod mandate;
mod order;
mod purchase;
mod receipt;
mod request;
mod signed;

pub use access::Access;
pub use key::{KeyPair, PublicKey, Signature, SignatureError, node_id, payer_account};
pub use layout::DecodeError;
pub use mandate::{
    Audience, ChainError, Limits, MANDATE_DEPTH_MAX, MANDATE_PAYEES_COUNT_MAX, Mandate, Pause,
    Payees, PayeesError, Permission, Revocation, TreeMandate, UNLIMITED, UnitPrice, Wider,
};
pub use order::{Order, SignedOrder, VerifiedOrder, payment_id};
pub use purchase::{BodyDigest, PurchaseDigest, PurchaseHasher, empty_body_digest};
pub use receipt::Receipt;
pub use request::{RequestDigest, RequestOrderError};
pub use signed::{Signed, Statement, Verified};
