//! Base units in a column: big-endian bytes without leading zeros, so that small sums are small.
//!
//! Invariant: `SQLite` integers have 63 bits and base units 128, so units are never its integers and
//! are never summed by it.

use super::StoreError;

pub(crate) fn to_bytes(units: u128) -> Vec<u8> {
    let bytes = units.to_be_bytes();
    let zeros = (units.leading_zeros() / 8) as usize;
    bytes[zeros..].to_vec()
}

pub(crate) fn from_bytes(bytes: &[u8]) -> Result<u128, StoreError> {
    let mut whole = [0; 16];
    let start = whole.len().checked_sub(bytes.len()).ok_or(StoreError::Damaged("base units"))?;
    whole[start..].copy_from_slice(bytes);
    Ok(u128::from_be_bytes(whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_comes_back() {
        for shift in 0..128 {
            for units in [1_u128 << shift, (1_u128 << shift) - 1, u128::MAX >> shift] {
                assert_eq!(from_bytes(&to_bytes(units)).unwrap(), units);
            }
        }
        assert!(to_bytes(0).is_empty());
        assert_eq!(to_bytes(2_000_000).len(), 3);
        assert!(from_bytes(&[1; 17]).is_err());
    }
}
