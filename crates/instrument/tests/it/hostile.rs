//! Hostile bytes: decoding never panics, accepts exactly one byte form for one statement, and no
//! change of a byte leaves a signature good.

use std::fmt::Debug;

use instrument::channel::{ChannelTerms, Close, TopUp, Voucher};
use instrument::{Access, Mandate, Order, Receipt, Revocation, Signed, Statement};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::vectors::{bytes, key_pair, rows};

/// What decodes, encodes to the same bytes.
fn check<T: Statement + PartialEq + Debug>(bytes: &[u8]) -> bool {
    let decoded = T::from_bytes(bytes);
    if let Ok(statement) = &decoded {
        assert_eq!(statement.to_bytes().as_ref(), bytes);
        assert_eq!(T::from_bytes(statement.to_bytes().as_ref()).as_ref(), Ok(statement));
    }
    decoded.is_ok()
}

fn check_all(bytes: &[u8]) -> usize {
    [
        check::<Order>(bytes),
        check::<Mandate>(bytes),
        check::<Revocation>(bytes),
        check::<Access>(bytes),
        check::<Receipt>(bytes),
        check::<ChannelTerms>(bytes),
        check::<Voucher>(bytes),
        check::<TopUp>(bytes),
        check::<Close>(bytes),
    ]
    .into_iter()
    .filter(|accepted| *accepted)
    .count()
}

const TABLES: [&str; 9] = [
    "orders",
    "mandates",
    "revocations",
    "access",
    "receipts",
    "channels",
    "vouchers",
    "top_ups",
    "closes",
];

fn statements() -> Vec<Vec<u8>> {
    TABLES.iter().flat_map(|table| rows(table)).map(|row| bytes(&row, "bytes")).collect()
}

#[test]
fn every_vector_is_one_kind_of_statement_only() {
    for statement in statements() {
        assert_eq!(check_all(&statement), 1);
    }
}

#[test]
fn every_other_length_is_refused() {
    for mut statement in statements() {
        for length in 0..statement.len() {
            assert_eq!(check_all(&statement[..length]), 0);
        }
        statement.push(0);
        assert_eq!(check_all(&statement), 0);
    }
}

fn breaks<T: Statement + Copy>(table: &str) {
    for row in rows(table) {
        let (statement, signature) = (bytes(&row, "bytes"), bytes(&row, "signature"));
        let key = key_pair(&row).public();
        for place in 0..statement.len() + signature.len() {
            let mut whole = [statement.clone(), signature.clone()].concat();
            whole[place] ^= 1 << (place % 8);
            let (statement, signature) = whole.split_at(statement.len());
            let arrived = Signed::<T>::from_parts(statement, signature);
            assert!(arrived.is_err() || arrived.unwrap().verify_with(&key).is_err(), "{place}");
        }
    }
}

#[test]
fn a_changed_bit_anywhere_breaks_the_signature() {
    breaks::<Order>("orders");
    breaks::<Mandate>("mandates");
    breaks::<Revocation>("revocations");
    breaks::<Access>("access");
    breaks::<Receipt>("receipts");
    breaks::<ChannelTerms>("channels");
    breaks::<TopUp>("top_ups");
    breaks::<Close>("closes");
    breaks::<Voucher>("vouchers");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn changed_statements_decode_to_themselves_or_not_at_all(
        pick: Index,
        changes in prop::collection::vec((any::<Index>(), any::<u8>()), 1..5),
        cut in prop::option::weighted(0.1, any::<Index>()),
    ) {
        let statements = statements_once();
        let mut statement = statements[pick.index(statements.len())].clone();
        for (place, value) in changes {
            let place = place.index(statement.len());
            statement[place] = value;
        }
        if let Some(cut) = cut {
            statement.truncate(cut.index(statement.len()));
        }
        prop_assert!(check_all(&statement) <= 1);
    }

    #[test]
    fn garbage_is_no_statement(garbage in prop::collection::vec(any::<u8>(), 0..256)) {
        prop_assert_eq!(check_all(&garbage), 0);
        prop_assert!(Signed::<Order>::from_parts(&garbage, &garbage).is_err());
    }
}

/// Read once: the vectors are parsed for every case otherwise.
fn statements_once() -> &'static [Vec<u8>] {
    static STATEMENTS: std::sync::OnceLock<Vec<Vec<u8>>> = std::sync::OnceLock::new();
    STATEMENTS.get_or_init(statements)
}
