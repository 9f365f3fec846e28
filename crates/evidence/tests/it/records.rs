//! Facts, postings, openings.

use evidence::Secret;
use evidence::record::{
    Action, FACTS_BYTES, Facts, FactsError, NO_POSTING, OPENING_BYTES_MAX, OPENING_BYTES_MIN,
    Opening, OpeningError, Posting, RecordKind, commitment, entry, posting_hash, posting_salt,
};
use money::{AccountId, Asset};
use proptest::prelude::*;
use sha2::{Digest, Sha256};
use tlog::Hash;

pub fn account(number: u128) -> AccountId {
    AccountId::new(number).unwrap()
}

pub fn usd() -> Asset {
    Asset::new("USD", 9).unwrap()
}

/// A payment as it stands in a row.
pub fn payment() -> Facts {
    Facts {
        kind: RecordKind::TransferCreated,
        asset: usd(),
        flags: 0,
        code: 0x0102,
        timeout_seconds: 0,
        user_data_32: 0x0304_0506,
        timestamp_ns: 1_700_000_000_000_000_000,
        user_data_64: 0x0708_090a_0b0c_0d0e,
        id: 0x11,
        pending_id: 0,
        amount: 2_000_000,
        user_data: 0x22,
    }
}

fn hold() -> Facts {
    Facts { flags: 2, timeout_seconds: 60, ..payment() }
}

fn post() -> Facts {
    Facts { flags: 4, pending_id: 0x10, ..payment() }
}

fn creation() -> Facts {
    Facts { kind: RecordKind::AccountCreated, flags: 2, amount: 0, id: 7, ..payment() }
}

fn opened(number: u128, prev: Option<u64>) -> Posting {
    let salt = posting_salt(&Secret::new([9; 16]), 42);
    Posting::Opened { salt, account: account(number), prev }
}

fn opening() -> Opening {
    Opening::new(payment(), opened(7, Some(3)), opened(8, Some(41))).unwrap()
}

fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    Sha256::digest(parts.concat()).into()
}

#[test]
fn hashes_are_those_of_the_definitions() {
    let secret = Secret::new([9; 16]);
    let salt = posting_salt(&secret, 42);
    let whole = sha256(&[b"farthing/salt/1", &[9; 16], &42_u64.to_be_bytes()]);
    assert_eq!(salt, whole[..16]);
    let debit = posting_hash(&salt, account(7), Some(3));
    let parts: [&[u8]; 4] =
        [b"farthing/side/1", &salt, &7_u128.to_be_bytes(), &3_u64.to_be_bytes()];
    assert_eq!(debit.0, sha256(&parts));
    let first = posting_hash(&salt, account(7), None);
    let parts: [&[u8]; 4] = [b"farthing/side/1", &salt, &7_u128.to_be_bytes(), &[0xff; 8]];
    assert_eq!(first.0, sha256(&parts));
    let facts = payment().to_bytes();
    let whole = commitment(&debit, &first, &facts);
    assert_eq!(whole.0, sha256(&[b"farthing/leaf/1", &debit.0, &first.0, &facts]));
    assert_eq!(entry(&whole), [&[1], whole.0.as_slice()].concat().as_slice());
}

#[test]
fn facts_have_their_layout() {
    let mut expected = Vec::new();
    expected.extend([2, 9, 0, 0, 1, 2, 0, 0, 0, 0, 3, 4, 5, 6]);
    expected.extend(*b"USD\0\0\0\0\0");
    expected.extend(1_700_000_000_000_000_000_u64.to_be_bytes());
    expected.extend([7, 8, 9, 10, 11, 12, 13, 14]);
    for number in [0x11_u128, 0, 2_000_000, 0x22] {
        expected.extend(number.to_be_bytes());
    }
    assert_eq!(payment().to_bytes().as_slice(), expected);
    assert_eq!(expected.len(), FACTS_BYTES);
    for facts in [payment(), hold(), post(), creation()] {
        assert_eq!(Facts::from_bytes(&facts.to_bytes()), Ok(facts));
    }
}

#[test]
fn facts_of_no_row_are_refused() {
    let expired = Facts { kind: RecordKind::HoldExpired, ..hold() };
    assert_eq!(expired.check(), Ok(()));
    for (facts, expected) in [
        (Facts { flags: 0x100, ..payment() }, FactsError::Flags),
        (Facts { flags: 6, ..hold() }, FactsError::Flags),
        (Facts { flags: 12, ..post() }, FactsError::Flags),
        (Facts { flags: 0x40, ..payment() }, FactsError::Flags),
        (Facts { flags: 0x14, ..post() }, FactsError::Flags),
        (Facts { flags: 0, ..expired }, FactsError::Flags),
        (Facts { flags: 0x10, ..creation() }, FactsError::Flags),
        (Facts { id: 0, ..payment() }, FactsError::Id),
        (Facts { id: u128::MAX, ..payment() }, FactsError::Id),
        (Facts { pending_id: 0, ..post() }, FactsError::PendingId),
        (Facts { pending_id: u128::MAX, ..post() }, FactsError::PendingId),
        (Facts { pending_id: 5, ..payment() }, FactsError::PendingId),
        (Facts { timeout_seconds: 1, ..payment() }, FactsError::Timeout),
        (Facts { timeout_seconds: 1, ..creation() }, FactsError::Timeout),
        (Facts { amount: 1, ..creation() }, FactsError::Amount),
        // Two faults: the first is told.
        (Facts { flags: 0x100, id: 0, ..payment() }, FactsError::Flags),
    ] {
        assert_eq!(facts.check(), Err(expected), "{facts:?}");
        assert_eq!(Facts::from_bytes(&facts.to_bytes()), Err(expected));
    }
    for (place, value, expected) in [
        (0, 0, FactsError::Kind(0)),
        (0, 4, FactsError::Kind(4)),
        (1, 31, FactsError::Asset),
        (14, b'u', FactsError::Asset),
        (21, b'X', FactsError::Asset),
    ] {
        let mut bytes = payment().to_bytes();
        bytes[place] = value;
        assert_eq!(Facts::from_bytes(&bytes), Err(expected), "{place}");
    }
}

#[test]
fn what_a_row_does_follows_from_its_kind_and_flags() {
    let void = Facts { flags: 8, ..post() };
    let expired = Facts { kind: RecordKind::HoldExpired, ..hold() };
    let linked = Facts { flags: 1 | 2, ..hold() };
    for (facts, action) in [
        (creation(), Action::Create),
        (payment(), Action::Move),
        (Facts { flags: 0x31, ..payment() }, Action::Move),
        (hold(), Action::Hold),
        (linked, Action::Hold),
        (post(), Action::Post),
        (void, Action::Void),
        (expired, Action::Expire),
    ] {
        assert_eq!((facts.check(), facts.action()), (Ok(()), action), "{facts:?}");
    }
}

#[test]
fn sides_can_be_closed_without_changing_the_entry() {
    let whole = opening();
    for (debit, credit) in [(true, true), (true, false), (false, true), (false, false)] {
        let shown = whole.showing(debit, credit);
        assert_eq!(shown.entry(), whole.entry());
        assert_eq!(shown.debit().account(), debit.then(|| account(7)));
        assert_eq!(shown.credit().account(), credit.then(|| account(8)));
        let bytes = shown.encode();
        let length = OPENING_BYTES_MIN + 8 * (usize::from(debit) + usize::from(credit));
        assert_eq!((bytes.len(), bytes[1]), (length, u8::from(debit) + 2 * u8::from(credit)));
        assert_eq!(Opening::decode(&bytes), Ok(shown));
    }
    assert_eq!(whole.encode().len(), OPENING_BYTES_MAX);
}

#[test]
fn the_creation_of_an_account_has_one_side() {
    let none = Posting::Closed(NO_POSTING);
    let good = Opening::new(creation(), opened(7, None), none).unwrap();
    assert_eq!(Opening::decode(&good.encode()), Ok(good));
    let closed = good.showing(false, false);
    assert_eq!(Opening::decode(&closed.encode()).map(|read| read.entry()), Ok(good.entry()));
    for (facts, debit, credit) in [
        (creation(), opened(7, None), opened(8, None)),
        (creation(), opened(8, None), none),
        (creation(), opened(7, Some(1)), none),
        (creation(), none, none),
        (creation(), none, opened(7, None)),
        (payment(), opened(7, None), none),
        (payment(), none, opened(7, None)),
    ] {
        assert_eq!(Opening::new(facts, debit, credit), Err(OpeningError::Sides));
    }
}

#[test]
fn other_bytes_are_no_opening() {
    let good = opening().showing(false, true).encode();
    let with = |place: usize, value: u8| {
        let mut bytes = good.clone();
        bytes[place] = value;
        Opening::decode(&bytes).unwrap_err().code()
    };
    assert_eq!(with(0, 2), "opening_version");
    assert_eq!(with(1, 4), "opening_mask");
    assert_eq!(with(1, 0), "opening_length");
    assert_eq!(with(1, 3), "opening_length");
    assert_eq!(with(2, 9), "facts_kind");
    for length in (0..good.len()).chain([good.len() + 1]) {
        let mut bytes = good.clone();
        bytes.resize(length, 0);
        assert_eq!(Opening::decode(&bytes).unwrap_err().code(), "opening_length", "{length}");
    }
    let mut nobody = good.clone();
    let account = good.len() - 24;
    nobody[account..account + 16].fill(0);
    assert_eq!(Opening::decode(&nobody), Err(OpeningError::Account));
}

#[test]
fn every_flipped_bit_gives_another_entry_or_none() {
    let whole = opening();
    for (debit, credit) in [(true, true), (false, true), (false, false)] {
        let good = whole.showing(debit, credit).encode();
        for bit in 0..good.len() * 8 {
            let mut bytes = good.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let entry = Opening::decode(&bytes).map(|opening| opening.entry());
            assert_ne!(entry, Ok(whole.entry()), "bit {bit}");
        }
    }
}

#[test]
fn a_secret_is_not_printed() {
    assert_eq!(format!("{:?}", Secret::new([0xab; 16])), "Secret(..)");
}

proptest! {
    #[test]
    fn what_is_read_is_written_back(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(opening) = Opening::decode(&bytes) {
            prop_assert_eq!(opening.encode(), bytes);
        }
    }

    #[test]
    fn openings_round_trip(
        amount in any::<u128>(),
        time in any::<u64>(),
        closed in any::<[u8; 32]>(),
        salt in any::<[u8; 16]>(),
        prev in prop::option::of(0..u64::MAX),
    ) {
        let facts = Facts { amount, timestamp_ns: time, ..payment() };
        let shown = Posting::Opened { salt, account: account(9), prev };
        let opening = Opening::new(facts, Posting::Closed(Hash(closed)), shown).unwrap();
        prop_assert_eq!(Opening::decode(&opening.encode()), Ok(opening));
        let commitment = commitment(&Hash(closed), &shown.hash(), &facts.to_bytes());
        prop_assert_eq!(opening.entry(), entry(&commitment));
    }
}
