//! What rows are found by: keys and terms. Whoever stores rows builds an index from these two
//! functions and needs to know nothing else about them.
//!
//! A key is exact: the id of a transfer, held by one row. A term is a 64-bit hash of a field and its
//! value, shared by every row that carries the value, and now and then by a row that does not: who
//! seeks by a term compares the rows that are found. All of its bits are well mixed; the top 48 are
//! as good as a hash of that size can be. Zero user data has no term, for most rows carry it.
//! Invariant: neither function ever gives another answer for the same row, so an index stays valid.
//!
//! A term is `mix(mix(high ^ field * 0x9e3779b97f4a7c15) ^ low)`, with `high` and `low` the halves
//! of the value as a number of 128 bits, `field` the number of the [`Field`], products modulo 2^64,
//! and `mix(x)`: `x ^= x >> 33; x *= 0xff51afd7ed558ccd; x ^= x >> 33; x *= 0xc4ceb9fe1a85ec53;
//! x ^= x >> 33`.

use crate::row::{Row, RowKind};
use crate::slots::halves;

/// Fields that rows are found by, with their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    /// Debit account of a transfer.
    DebitAccount,
    /// Credit account of a transfer.
    CreditAccount,
    /// Code of a transfer.
    Code,
    /// User data of a transfer, 128 bits.
    UserData,
    /// User data of a transfer, 64 bits.
    UserData64,
    /// User data of a transfer, 32 bits.
    UserData32,
    /// The hold that a post, void or expiry resolves.
    Resolves,
    /// User data of an account, 128 bits.
    AccountUserData,
    /// User data of an account, 64 bits.
    AccountUserData64,
    /// User data of an account, 32 bits.
    AccountUserData32,
}

impl Field {
    const fn number(self) -> u64 {
        match self {
            Self::DebitAccount => 1,
            Self::CreditAccount => 2,
            Self::Code => 3,
            Self::UserData => 4,
            Self::UserData64 => 5,
            Self::UserData32 => 6,
            Self::Resolves => 7,
            Self::AccountUserData => 8,
            Self::AccountUserData64 => 9,
            Self::AccountUserData32 => 10,
        }
    }
}

/// Appends the key of a row, if it has one: the id of the transfer that it creates.
pub fn keys(row: &Row, out: &mut Vec<u128>) {
    if row.kind() == Some(RowKind::TransferCreated) {
        out.push(row.id());
    }
}

/// Appends the terms of a row, each once.
pub fn terms(row: &Row, out: &mut Vec<u64>) {
    let data = [row.user_data(), row.user_data_64().into(), row.user_data_32().into()];
    let mut data_terms = |fields: [Field; 3]| {
        let carried = fields.into_iter().zip(data).filter(|&(_, value)| value != 0);
        out.extend(carried.map(|(field, value)| term(field, value)));
    };
    match row.kind() {
        Some(RowKind::AccountCreated) => {
            let fields =
                [Field::AccountUserData, Field::AccountUserData64, Field::AccountUserData32];
            data_terms(fields);
        }
        Some(RowKind::TransferCreated) => {
            data_terms([Field::UserData, Field::UserData64, Field::UserData32]);
            out.push(term(Field::DebitAccount, row.debit_account()));
            out.push(term(Field::CreditAccount, row.credit_account()));
            out.push(term(Field::Code, row.code().into()));
            if row.pending_id() != 0 {
                out.push(term(Field::Resolves, row.pending_id()));
            }
        }
        Some(RowKind::HoldExpired) => out.push(term(Field::Resolves, row.id())),
        None => {}
    }
}

/// The term of a value in a field.
pub(crate) const fn term(field: Field, value: u128) -> u64 {
    let (low, high) = halves(value);
    mix(mix(high ^ field.number().wrapping_mul(0x9e37_79b9_7f4a_7c15)) ^ low)
}

/// Turns one number into another, so that each bit of the one moves half of the bits of the other.
const fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let value = (value ^ (value >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    value ^ (value >> 33)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// An index on disk is keyed by these numbers: they never change.
    #[test]
    fn golden() {
        assert_eq!(term(Field::DebitAccount, 1), 0x8d82_7513_99f5_5d54);
        assert_eq!(term(Field::AccountUserData32, u128::MAX), 0x516c_bfcd_13a2_ecef);
    }

    #[test]
    fn the_top_bits_tell_values_and_fields_apart() {
        let fields = [Field::DebitAccount, Field::Code, Field::Resolves];
        let values = (0..10_000_u128).flat_map(|value| [value, value << 64, value << 100]);
        let all: Vec<u64> = values
            .filter(|&value| value != 0)
            .flat_map(|value| fields.map(|field| term(field, value) >> 16))
            .collect();
        let different: BTreeSet<u64> = all.iter().copied().collect();
        assert_eq!(different.len(), all.len());
    }
}
