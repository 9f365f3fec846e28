//! Every digest against `sha2`, and the standard's own examples.

use proptest::prelude::*;
use sha2::{Digest as _, Sha256};

use hashes::sha256_many;

fn check(messages: &[u8], length: usize, count: usize) {
    let mut out = vec![[0; 32]; count];
    sha256_many(messages, length, &mut out);
    for (index, digest) in out.iter().enumerate() {
        let expected: [u8; 32] = Sha256::digest(&messages[index * length..][..length]).into();
        assert_eq!(*digest, expected, "message {index} of {count}, {length} bytes each");
    }
}

/// Bytes without a pattern that a block could repeat.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut draw = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_be_bytes()[0]
    };
    (0..length).map(|_| draw()).collect()
}

#[test]
fn every_short_length_and_count() {
    let bytes = noise(200 * 9);
    for length in 0..=200 {
        for count in 0..=9 {
            check(&bytes[..length * count], length, count);
        }
    }
}

#[test]
fn examples_of_the_standard() {
    // FIPS 180-4, as in the examples that NIST publishes for it.
    let mut out = [[0; 32]; 3];
    sha256_many(b"abcabcabc", 3, &mut out);
    let begin = [0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea];
    let end = [0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad];
    for digest in out {
        assert_eq!((&digest[..8], &digest[24..]), (&begin[..], &end[..]));
    }
}

#[test]
fn no_messages_and_no_bytes() {
    sha256_many(&[], 0, &mut []);
    sha256_many(&[], 65, &mut []);
    check(&[], 0, 5);
}

#[test]
fn a_count_that_does_not_fit_ends_the_caller() {
    for (bytes, length, count) in [(9, 5, 2), (11, 5, 2), (0, 1, 1), (1, usize::MAX, 2)] {
        let messages = vec![0; bytes];
        let refused = std::panic::catch_unwind(|| {
            sha256_many(&messages, length, &mut vec![[0; 32]; count]);
        });
        assert!(refused.is_err(), "{count} messages of {length} bytes in {bytes}");
    }
}

proptest! {
    #[test]
    fn any_messages(bytes in prop::collection::vec(any::<u8>(), 1..6_000), count in 1_usize..40) {
        let length = bytes.len() / count;
        check(&bytes[..length * count], length, count);
    }
}
