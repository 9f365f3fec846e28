//! Payees: names become accounts.
//!
//! Invariant: the same name is the same account on every start and in every gateway, because the
//! account is derived from nothing else unless the configuration names one.

use money::AccountId;
use sha2::{Digest as _, Sha256};

const TAG: &[u8] = b"farthing/payee/1";
const TAG_BYTES: usize = 24;

/// The account of a payee that the configuration gives a name only: the digest id of SHA-256 over
/// the tag `farthing/payee/1`, padded with zeros to 24 bytes, and the name in UTF-8.
pub(crate) fn derived_account(name: &str) -> AccountId {
    let mut tag = [0; TAG_BYTES];
    tag[..TAG.len()].copy_from_slice(TAG);
    let digest = Sha256::new().chain_update(tag).chain_update(name.as_bytes()).finalize();
    AccountId::from_digest(&digest.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From `printf 'farthing/payee/1\0\0\0\0\0\0\0\0author' | sha256sum`.
    const AUTHOR: u128 = 0x20b8_1b2a_c331_c4f9_2ddb_6bba_2f19_05dd;

    #[test]
    fn the_derivation_never_changes() {
        assert_eq!(derived_account("author").get(), AUTHOR);
        assert_ne!(derived_account("editor"), derived_account("author"));
    }
}
