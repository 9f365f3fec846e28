//! The verdict on vouchers: with honest signatures that of the strict check, with crafted ones the
//! same alone and in a batch.

use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::{Scalar, clamp_integer};
use curve25519_dalek::traits::IsIdentity;
use instrument::channel::{SignedVoucher, Voucher, VoucherKey, VoucherKeyError};
use instrument::{KeyPair, PublicKey, SignatureError, Signed, Statement};
use money::ChannelId;
use sha2::{Digest, Sha512};

fn voucher(sequence: u64) -> Voucher {
    let channel = ChannelId::new(7).unwrap();
    Voucher { channel, sequence, cumulative: u128::from(sequence) * 1000 }
}

fn pair(number: u8) -> KeyPair {
    KeyPair::from_seed(&[number; 32])
}

fn key(number: u8) -> VoucherKey {
    VoucherKey::new(pair(number).public()).unwrap()
}

fn with_signature(voucher: Voucher, r: &[u8; 32], s: &[u8; 32]) -> SignedVoucher {
    Signed::from_parts(&voucher.to_bytes(), &[*r, *s].concat()).unwrap()
}

fn challenge(r: &[u8; 32], key: &PublicKey, message: &[u8]) -> Scalar {
    let digest = Sha512::new().chain_update(r).chain_update(key.0).chain_update(message).finalize();
    Scalar::from_bytes_mod_order_wide(&digest.into())
}

/// A signature of key `number` whose R carries a point of small order: good for the cofactored
/// equation alone.
fn with_torsion(number: u8, sequence: u64, torsion: EdwardsPoint) -> SignedVoucher {
    let expanded: [u8; 64] = Sha512::digest([number; 32]).into();
    let secret = clamp_integer(expanded[..32].try_into().unwrap());
    let secret = Scalar::from_bytes_mod_order(secret);
    let public = pair(number).public();
    let nonce = Scalar::from(sequence + 12345);
    let r = (nonce * ED25519_BASEPOINT_POINT + torsion).compress().0;
    let voucher = voucher(sequence);
    let s = nonce + challenge(&r, &public, &voucher.to_bytes()) * secret;
    with_signature(voucher, &r, &s.to_bytes())
}

/// The verdict as the decision states it, written out with nothing cached.
fn naive(voucher: &SignedVoucher, key: &PublicKey) -> bool {
    let signature = voucher.signature().0;
    let (r_bytes, s) = (signature[..32].try_into().unwrap(), signature[32..].try_into().unwrap());
    let Some(s) = Option::<Scalar>::from(Scalar::from_canonical_bytes(s)) else { return false };
    let Some(r) = CompressedEdwardsY(r_bytes).decompress() else { return false };
    let a = CompressedEdwardsY(key.0).decompress().unwrap();
    let k = challenge(&r_bytes, key, &voucher.unverified().to_bytes());
    let eight = Scalar::from(8_u8);
    (eight * s * ED25519_BASEPOINT_POINT - (r + k * a).mul_by_cofactor()).is_identity()
}

/// Vouchers of each kind with their verdict: (voucher, number of its key, whether it is good).
fn samples() -> Vec<(SignedVoucher, u8, bool)> {
    let honest = |number: u8, sequence| Signed::sign(voucher(sequence), &pair(number));
    let mut samples = vec![
        (honest(1, 1), 1, true),
        (honest(1, 2), 1, true),
        (honest(2, 1), 2, true),
        (honest(1, 3), 2, false),
        (with_signature(voucher(4), &[0; 32], &[0; 32]), 1, false),
    ];
    for (place, torsion) in EIGHT_TORSION.into_iter().enumerate() {
        samples.push((with_torsion(1, 100 + place as u64, torsion), 1, true));
    }
    let good = honest(1, 5).signature().0;
    let (r, s): ([u8; 32], [u8; 32]) =
        (good[..32].try_into().unwrap(), good[32..].try_into().unwrap());
    let s_number = Scalar::from_canonical_bytes(s).unwrap();
    samples.push((with_signature(voucher(5), &r, &(s_number + Scalar::ONE).to_bytes()), 1, false));
    samples.push((with_signature(voucher(5), &r, &plus_order(s)), 1, false));
    samples.push((with_signature(voucher(6), &r, &s), 1, false));
    // No point of the curve has y = 2.
    let mut off_curve = [0; 32];
    off_curve[0] = 2;
    samples.push((with_signature(voucher(5), &off_curve, &s), 1, false));
    samples
}

/// `s + L`: the same number in the group, in a second form.
fn plus_order(s: [u8; 32]) -> [u8; 32] {
    let mut less_one = (-Scalar::ONE).to_bytes();
    less_one[0] += 1;
    let mut carry = 0_u16;
    let mut sum = [0; 32];
    for ((sum, a), b) in sum.iter_mut().zip(s).zip(less_one) {
        carry += u16::from(a) + u16::from(b);
        [*sum, _] = carry.to_le_bytes();
        carry >>= 8;
    }
    sum
}

#[test]
fn each_sample_has_its_verdict() {
    for (place, (voucher, number, good)) in samples().into_iter().enumerate() {
        let verified = voucher.verify(&key(number));
        assert_eq!(verified.is_ok(), good, "{place}");
        assert_eq!(naive(&voucher, &pair(number).public()), good, "{place}");
        match verified {
            Ok(verified) => {
                assert_eq!(verified.to_signed(), voucher);
                assert_eq!(verified.get(), voucher.unverified());
                assert_eq!(*verified.key(), pair(number).public());
            }
            Err(error) => assert_eq!(error, SignatureError),
        }
    }
}

/// Torsion is what the two checks differ in; on honest signatures they agree.
#[test]
fn only_torsion_tells_the_verdict_from_the_strict_check() {
    for (place, (voucher, number, good)) in samples().into_iter().enumerate() {
        let strict = voucher.verify_with(&pair(number).public()).is_ok();
        // Samples 6 to 12 have a point of small order in R; sample 5 has the identity there.
        assert_eq!(strict, good && !(6..=12).contains(&place), "{place}");
    }
    for sequence in 0..64 {
        let number = u8::try_from(sequence % 5).unwrap();
        let signed = Signed::sign(voucher(sequence), &pair(number));
        assert!(signed.verify(&key(number)).is_ok());
        assert!(signed.verify_with(&pair(number).public()).is_ok());
        assert!(signed.verify(&key(number + 1)).is_err());
    }
}

#[test]
fn keys_are_refused_by_name() {
    let check = |bytes: [u8; 32]| VoucherKey::new(PublicKey(bytes)).unwrap_err();
    let mut off_curve = [0; 32];
    off_curve[0] = 2;
    assert_eq!(check(off_curve), VoucherKeyError::OffCurve);
    for point in EIGHT_TORSION {
        assert_eq!(check(point.compress().0), VoucherKeyError::SmallOrder);
    }
    // p + 1, the identity once more; and the identity with the sign of its zero set.
    let mut above_prime = [0xff; 32];
    (above_prime[0], above_prime[31]) = (0xee, 0x7f);
    assert_eq!(check(above_prime), VoucherKeyError::NonCanonical);
    let mut negative_zero = [0; 32];
    (negative_zero[0], negative_zero[31]) = (1, 0x80);
    assert_eq!(check(negative_zero), VoucherKeyError::NonCanonical);
    let honest = CompressedEdwardsY(pair(1).public().0).decompress().unwrap();
    for torsion in &EIGHT_TORSION[1..] {
        assert_eq!(check((honest + torsion).compress().0), VoucherKeyError::Torsion);
    }
    assert_eq!(*key(1).public(), pair(1).public());
    let codes = [
        VoucherKeyError::OffCurve.code(),
        VoucherKeyError::NonCanonical.code(),
        VoucherKeyError::SmallOrder.code(),
        VoucherKeyError::Torsion.code(),
    ];
    assert!(codes.iter().all(|code| codes.iter().filter(|other| *other == code).count() == 1));
}

#[cfg(feature = "batch")]
mod batch {
    use instrument::channel::{VerifiedVoucher, verify_batch};
    use proptest::prelude::*;
    use proptest::sample::Index;

    use super::*;

    type Item = (SignedVoucher, VoucherKey);

    fn items(samples: &[(SignedVoucher, u8, bool)]) -> Vec<Item> {
        samples.iter().map(|(voucher, number, _)| (*voucher, key(*number))).collect()
    }

    /// What checking each alone says about the whole.
    fn alone(items: &[Item]) -> Option<Vec<VerifiedVoucher>> {
        items.iter().map(|(voucher, key)| voucher.verify(key).ok()).collect()
    }

    #[test]
    fn all_good_samples_are_one_good_batch() {
        let good: Vec<_> = samples().into_iter().filter(|(_, _, good)| *good).collect();
        assert_eq!(good.len(), 11);
        let items = items(&good);
        let verified = verify_batch(&items, &[3; 32]).unwrap();
        assert_eq!(Some(verified), alone(&items));
        assert_eq!(verify_batch::<VoucherKey>(&[], &[3; 32]), Some(Vec::new()));
    }

    #[test]
    fn one_bad_sample_spoils_any_batch() {
        let (good, bad): (Vec<_>, Vec<_>) = samples().into_iter().partition(|sample| sample.2);
        for sample in bad {
            for place in 0..=good.len() {
                let mut mixed = good.clone();
                mixed.insert(place, sample);
                assert_eq!(verify_batch(&items(&mixed), &[3; 32]), None);
            }
            assert_eq!(verify_batch(&items(&[sample]), &[3; 32]), None);
        }
    }

    /// Errors of opposite sign: a sum without coefficients would not see them.
    #[test]
    fn errors_do_not_cancel_out() {
        let change = |sequence, by: Scalar| {
            let good = Signed::sign(voucher(sequence), &pair(1)).signature().0;
            let s: [u8; 32] = good[32..].try_into().unwrap();
            let s = Scalar::from_canonical_bytes(s).unwrap() + by;
            with_signature(voucher(sequence), good[..32].try_into().unwrap(), &s.to_bytes())
        };
        let pair = [change(1, Scalar::ONE), change(2, -Scalar::ONE)];
        let items = pair.map(|voucher| (voucher, key(1)));
        assert_eq!(verify_batch(&items, &[3; 32]), None);
    }

    /// The threshold at which the multiplication changes its algorithm lies below 300.
    #[test]
    fn large_batches_of_few_and_of_many_keys() {
        for keys in [1_u8, 7, 100] {
            let mut items: Vec<Item> = (0..300)
                .map(|sequence| {
                    let number = u8::try_from(sequence % u64::from(keys)).unwrap();
                    (Signed::sign(voucher(sequence), &pair(number)), key(number))
                })
                .collect();
            assert!(verify_batch(&items, &[3; 32]).is_some());
            items[299].0 = Signed::sign(voucher(300), &pair(keys));
            assert!(verify_batch(&items, &[3; 32]).is_none());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_batch_is_as_good_as_its_vouchers(
            picks in prop::collection::vec(any::<Index>(), 0..12),
            entropy: [u8; 32],
        ) {
            let samples = samples();
            let picked: Vec<_> = picks.iter().map(|pick| *pick.get(&samples)).collect();
            let items = items(&picked);
            let is_good = items.iter().all(|(voucher, key)| naive(voucher, key.public()));
            prop_assert_eq!(verify_batch(&items, &entropy).is_some(), is_good);
            prop_assert_eq!(verify_batch(&items, &entropy), alone(&items));
        }
    }
}
