//! The verdict on a voucher: the cofactored equation `[8]sB = [8]R + [8]kA` with canonical `s`.
//!
//! Invariant: a voucher is good or bad in itself, whether it is checked alone or among others. The
//! strict check of the other statements compares without the cofactor, which a batch cannot; so
//! vouchers have this equation, over keys whose torsion was excluded once, in [`VoucherKey::new`].
//! Decision 0019 has the reasons.
//!
//! It must not be used for statements that [`Signed::verify_with`] checks.

use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::IsIdentity;
use sha2::{Digest, Sha512};

use super::voucher::{SignedVoucher, Voucher};
use crate::key::{PublicKey, Signature, SignatureError};
use crate::signed::{Signed, Statement, Verified};

/// A public key that may sign vouchers, checked once, with its point: 192 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VoucherKey {
    public: PublicKey,
    /// The point with its sign changed, as the equation uses it.
    minus: EdwardsPoint,
}

/// Why a public key may not sign vouchers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VoucherKeyError {
    /// No point of the curve has these bytes.
    #[error("the field `voucher_key` is not a point of the curve; send an Ed25519 public key")]
    OffCurve,
    /// The bytes are a second form of their point.
    #[error("the field `voucher_key` is not in canonical form; encode the key as RFC 8032 says")]
    NonCanonical,
    /// The point has a small order, so that anybody can sign for it.
    #[error("the field `voucher_key` is of small order; derive the key from a secret seed")]
    SmallOrder,
    /// The point is the sum of a key and a point of small order.
    #[error("the field `voucher_key` has a part of small order; derive the key from a secret seed")]
    Torsion,
}

impl VoucherKeyError {
    /// Stable code for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::OffCurve => "voucher_key_off_curve",
            Self::NonCanonical => "voucher_key_non_canonical",
            Self::SmallOrder => "voucher_key_small_order",
            Self::Torsion => "voucher_key_torsion",
        }
    }
}

impl VoucherKey {
    /// Checks a key: costs about as much as checking two signatures, so keep the result.
    pub fn new(public: PublicKey) -> Result<Self, VoucherKeyError> {
        let point = CompressedEdwardsY(public.0).decompress().ok_or(VoucherKeyError::OffCurve)?;
        if point.compress().0 != public.0 {
            return Err(VoucherKeyError::NonCanonical);
        }
        if point.is_small_order() {
            return Err(VoucherKeyError::SmallOrder);
        }
        if !point.is_torsion_free() {
            return Err(VoucherKeyError::Torsion);
        }
        Ok(Self { public, minus: minus(point) })
    }

    /// The key.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The point with its sign changed.
    #[cfg(feature = "batch")]
    pub(super) fn minus(&self) -> &EdwardsPoint {
        &self.minus
    }
}

/// A voucher whose signature fits a key; only a check makes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifiedVoucher {
    verified: Verified<Voucher>,
    key: PublicKey,
}

impl VerifiedVoucher {
    /// The voucher.
    pub fn get(&self) -> &Voucher {
        self.verified.get()
    }

    /// The key that it was checked with; it counts only for a channel whose terms name this one.
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// The same voucher and signature without the proof of the check, as they are stored.
    pub fn to_signed(&self) -> SignedVoucher {
        self.verified.to_signed()
    }

    /// For a voucher whose verdict was found good, alone or in a batch.
    pub(super) fn proven(voucher: SignedVoucher, key: &VoucherKey) -> Self {
        Self { verified: voucher.proven(), key: key.public }
    }
}

impl Signed<Voucher> {
    /// Checks the signature.
    pub fn verify(self, key: &VoucherKey) -> Result<VerifiedVoucher, SignatureError> {
        let equation = Equation::of(&self, key).ok_or(SignatureError)?;
        if equation.holds(key) {
            return Ok(VerifiedVoucher::proven(self, key));
        }
        Err(SignatureError)
    }
}

/// What one signature says: `[8]sB = [8]R + [8]kA`.
pub(super) struct Equation {
    /// SHA-512 of R, key and voucher: stands for all three where coefficients are derived.
    #[cfg(feature = "batch")]
    pub(super) digest: [u8; 64],
    pub(super) r: EdwardsPoint,
    pub(super) s: Scalar,
    pub(super) k: Scalar,
}

impl Equation {
    /// `None` if R is no point of the curve or `s` is not reduced.
    pub(super) fn of(voucher: &SignedVoucher, key: &VoucherKey) -> Option<Self> {
        let Signature(signature) = voucher.signature();
        let (r_bytes, s_bytes) = signature.split_first_chunk::<32>()?;
        let s_bytes: [u8; 32] = s_bytes.try_into().ok()?;
        let s = Option::from(Scalar::from_canonical_bytes(s_bytes))?;
        let r = CompressedEdwardsY(*r_bytes).decompress()?;
        let digest: [u8; 64] = Sha512::new()
            .chain_update(r_bytes)
            .chain_update(key.public.0)
            .chain_update(voucher.unverified().to_bytes())
            .finalize()
            .into();
        let k = Scalar::from_bytes_mod_order_wide(&digest);
        Some(Self {
            #[cfg(feature = "batch")]
            digest,
            r,
            s,
            k,
        })
    }

    #[expect(clippy::arithmetic_side_effects, reason = "points of a group cannot overflow")]
    fn holds(&self, key: &VoucherKey) -> bool {
        let expected =
            EdwardsPoint::vartime_double_scalar_mul_basepoint(&self.k, &key.minus, &self.s);
        (expected - self.r).mul_by_cofactor().is_identity()
    }
}

#[expect(clippy::arithmetic_side_effects, reason = "points of a group cannot overflow")]
fn minus(point: EdwardsPoint) -> EdwardsPoint {
    -point
}
