//! Epoch records and the hashes of accounts, as anyone outside computes them.

use evidence::Secret;
use evidence::epoch::{
    Balances, EPOCH_ASSETS_COUNT_MAX, EpochAsset, EpochRecord, EpochRecordError, Summed,
    account_value, blind, keys, label,
};
use money::Asset;
use proptest::prelude::*;
use sha2::{Digest, Sha256};
use tlog::Hash;

use crate::records::account;

fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    Sha256::digest(parts.concat()).into()
}

#[test]
fn hashes_of_accounts_are_those_of_the_definitions() {
    let secret = Secret::new([9; 16]);
    let own = label(&secret, account(7));
    assert_eq!(own, sha256(&[b"farthing/labl/1", &[9; 16], &7_u128.to_be_bytes()])[..16]);
    let places = sha256(&[b"farthing/plce/1", &own, &3_u64.to_be_bytes()]);
    let [first, second] = keys(&own, 3).map(u128::to_be_bytes);
    assert_eq!([first, second].concat(), places);
    let whole = sha256(&[b"farthing/blnd/1", &[9; 16], &3_u64.to_be_bytes()]);
    let blind = blind(&secret, 3);
    assert_eq!([blind.r.to_be_bytes(), blind.value_salt].concat(), whole);
    let balances =
        Balances { debits_posted: 1, credits_posted: 2, debits_pending: 3, credits_pending: 4 };
    for (head, bytes) in [(Some(5), 5), (None, u64::MAX)] {
        let mut parts = vec![b"farthing/acct/1".to_vec(), blind.value_salt.to_vec()];
        parts.extend([7, 1, 2, 3, 4_u128].map(|number| number.to_be_bytes().to_vec()));
        parts.push(bytes.to_be_bytes().to_vec());
        let expected: [u8; 32] = Sha256::digest(parts.concat()).into();
        let found = account_value(&blind.value_salt, account(7), &balances, head);
        assert_eq!(found.0, expected);
    }
}

fn entry(code: &str, scale: u8, sum: u128) -> EpochAsset {
    let asset = Asset::new(code, scale).unwrap();
    EpochAsset { asset, root: Summed { hash: Hash([scale; 32]), sum } }
}

fn record() -> EpochRecord {
    let assets = vec![entry("USD", 9, 7), entry("EUR", 9, 8), entry("USD", 2, 9)];
    EpochRecord::new(5, 70_000, 1_700_000_000_000, assets).unwrap()
}

#[test]
fn a_record_has_its_layout() {
    let mut expected = vec![2];
    for number in [5_u64, 70_000, 1_700_000_000_000] {
        expected.extend(number.to_be_bytes());
    }
    expected.extend([0, 3]);
    for (code, scale, sum) in [("EUR", 9_u8, 8_u128), ("USD", 2, 9), ("USD", 9, 7)] {
        expected.extend(code.as_bytes());
        expected.extend([0; 5]);
        expected.push(scale);
        expected.extend(sum.to_be_bytes());
        expected.extend([scale; 32]);
    }
    assert_eq!(record().encode(), expected);
    assert_eq!(EpochRecord::decode(&expected), Ok(record()));
    assert_eq!(record().asset(Asset::new("USD", 2).unwrap()), Some(&entry("USD", 2, 9)));
    assert_eq!(record().asset(Asset::new("USD", 3).unwrap()), None);
}

#[test]
fn other_bytes_are_no_record() {
    let good = record().encode();
    let with = |place: usize, bytes: &[u8]| {
        let mut changed = good.clone();
        changed[place..place + bytes.len()].copy_from_slice(bytes);
        EpochRecord::decode(&changed).unwrap_err().code()
    };
    assert_eq!(with(0, &[1]), "epoch_entry");
    assert_eq!(with(1, &[0; 8]), "epoch_number");
    assert_eq!(with(25, &[0xff, 0xff]), "epoch_too_many_assets");
    assert_eq!(with(25, &[0, 2]), "epoch_length");
    assert_eq!(with(27, b"eUR"), "epoch_asset");
    assert_eq!(with(35, &[31]), "epoch_asset");
    assert_eq!(with(27, b"ZZZ"), "epoch_order");
    assert_eq!(with(27, b"USD\0\0\0\0\0\x02"), "epoch_order");
    assert_eq!(EpochRecord::decode(&[]), Err(EpochRecordError::NotAnEpoch));
    for length in (1..good.len()).chain([good.len() + 1]) {
        let mut bytes = good.clone();
        bytes.resize(length, 0);
        assert_eq!(EpochRecord::decode(&bytes).unwrap_err().code(), "epoch_length");
    }
}

#[test]
fn a_record_has_room_for_many_assets_and_no_more() {
    let assets = |count: usize| {
        let code = |number: usize| format!("A{number}");
        (0..count).map(|number| entry(&code(number), 9, 1)).collect::<Vec<_>>()
    };
    let full = EpochRecord::new(1, 0, 0, assets(EPOCH_ASSETS_COUNT_MAX)).unwrap();
    assert_eq!(EpochRecord::decode(&full.encode()), Ok(full.clone()));
    assert!(full.encode().len() <= tlog::ENTRY_BYTES_MAX);
    let more = EpochRecord::new(1, 0, 0, assets(EPOCH_ASSETS_COUNT_MAX + 1));
    assert_eq!(more, Err(EpochRecordError::TooManyAssets));
    let twice = vec![entry("USD", 9, 1), entry("USD", 9, 2)];
    assert_eq!(EpochRecord::new(1, 0, 0, twice), Err(EpochRecordError::Order));
    assert_eq!(EpochRecord::new(0, 0, 0, vec![]), Err(EpochRecordError::Number));
}

proptest! {
    #[test]
    fn what_is_read_is_written_back(
        number in 0..3_u8,
        count in 0..3_u8,
        body in prop::collection::vec(any::<u8>(), 0..120),
    ) {
        let mut bytes = vec![2, 0, 0, 0, 0, 0, 0, 0, number];
        bytes.extend([0; 16]);
        bytes.extend([0, count]);
        bytes.extend(body);
        if let Ok(record) = EpochRecord::decode(&bytes) {
            prop_assert_eq!(record.encode(), bytes);
        }
    }
}
