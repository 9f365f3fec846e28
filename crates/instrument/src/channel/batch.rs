//! Many vouchers in one multiplication: half the cost of checking each, and less if keys repeat.
//!
//! The equations of all vouchers are added up, each times a coefficient of 128 bits that nobody can
//! foresee. If all hold, the sum holds; if one does not, the sum holds with probability 2^-128.
//! Keys are free of torsion and the sum is multiplied by the cofactor, so the verdict is that of
//! [`Signed::verify`](crate::Signed::verify) for each (decision 0019).
//!
//! It must not be given entropy that a payer can know: then a pair of bad vouchers can cancel out.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::borrow::Borrow;
use core::iter::once;

use curve25519_dalek::constants::ED25519_BASEPOINT_POINT;
use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::{IsIdentity, VartimeMultiscalarMul};
use sha2::{Digest, Sha256};

use super::verdict::{Equation, VerifiedVoucher, VoucherKey};
use super::voucher::SignedVoucher;
use crate::key::PublicKey;
use crate::layout::tag;

/// Checks vouchers together: all of them verified, in order, or `None` if one or more are bad
/// (which, is for the caller to find, by halves or one by one).
///
/// `entropy` comes fresh from the random source of the system. It is hashed with all inputs, so
/// that a source that repeats itself does not open the check.
pub fn verify_batch<K: Borrow<VoucherKey>>(
    items: &[(SignedVoucher, K)],
    entropy: &[u8; 32],
) -> Option<Vec<VerifiedVoucher>> {
    let equations: Vec<Equation> = items
        .iter()
        .map(|(voucher, key)| Equation::of(voucher, key.borrow()))
        .collect::<Option<_>>()?;
    let coefficients = coefficients(&equations, entropy);
    let keys = items.iter().map(|(_, key)| key.borrow());
    if !sum_holds(&equations, &coefficients, keys) {
        return None;
    }
    let verified =
        |(voucher, key): &(SignedVoucher, K)| VerifiedVoucher::proven(*voucher, key.borrow());
    Some(items.iter().map(verified).collect())
}

/// `[8](sum of z(sB - R - kA))` is the identity.
#[expect(clippy::arithmetic_side_effects, reason = "points and scalars cannot overflow")]
fn sum_holds<'a>(
    equations: &[Equation],
    coefficients: &[Scalar],
    keys: impl Iterator<Item = &'a VoucherKey>,
) -> bool {
    let mut base = Scalar::ZERO;
    // One multiplication for each key, however many vouchers it has signed.
    let mut sums: Vec<(&EdwardsPoint, Scalar)> = Vec::with_capacity(equations.len());
    let mut by_key: BTreeMap<&PublicKey, usize> = BTreeMap::new();
    for ((equation, z), key) in equations.iter().zip(coefficients).zip(keys) {
        base += z * equation.s;
        let place = *by_key.entry(key.public()).or_insert(sums.len());
        match sums.get_mut(place) {
            Some((_, sum)) => *sum += z * equation.k,
            None => sums.push((key.minus(), z * equation.k)),
        }
    }
    // The sum is of z(R + kA - sB), so that R keeps its coefficient of 128 bits: half the work.
    let scalars =
        once(-base).chain(coefficients.iter().copied()).chain(sums.iter().map(|(_, sum)| -sum));
    let points = once(ED25519_BASEPOINT_POINT)
        .chain(equations.iter().map(|equation| equation.r))
        .chain(sums.iter().map(|(minus, _)| **minus));
    EdwardsPoint::vartime_multiscalar_mul(scalars, points).mul_by_cofactor().is_identity()
}

/// One coefficient of 128 bits for each equation, from a hash of the entropy and of all inputs.
fn coefficients(equations: &[Equation], entropy: &[u8; 32]) -> Vec<Scalar> {
    let mut hasher = Sha256::new().chain_update(tag("farthing/batch/1")).chain_update(entropy);
    for equation in equations {
        hasher.update(equation.digest);
        hasher.update(equation.s.as_bytes());
    }
    let seed: [u8; 32] = hasher.finalize().into();
    let halves = (0_u64..).flat_map(|number| {
        let digest: [u8; 32] =
            Sha256::new().chain_update(seed).chain_update(number.to_be_bytes()).finalize().into();
        let (halves, _) = digest.as_chunks::<16>();
        [halves[0], halves[1]]
    });
    equations.iter().zip(halves).map(|(_, half)| Scalar::from(u128::from_be_bytes(half))).collect()
}
