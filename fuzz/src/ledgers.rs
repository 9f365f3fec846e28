//! Events and snapshots of the ledger.

use ledger::{Account, Ledger, Transfer};

/// One account event at the front.
pub fn account(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    Account::decode(&mut rest).is_ok_and(|account| {
        let mut again = Vec::new();
        account.encode(&mut again);
        assert_eq!([again.as_slice(), rest].concat(), bytes);
        true
    })
}

/// One transfer event at the front.
pub fn transfer(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    Transfer::decode(&mut rest).is_ok_and(|transfer| {
        let mut again = Vec::new();
        transfer.encode(&mut again);
        assert_eq!([again.as_slice(), rest].concat(), bytes);
        true
    })
}

/// A whole ledger; what is accepted must balance.
pub fn snapshot(bytes: &[u8]) -> bool {
    Ledger::decode(bytes).is_ok_and(|ledger| {
        let mut again = Vec::new();
        ledger.encode(&mut again);
        assert_eq!(again, bytes);
        assert_eq!(ledger.check(), Ok(()));
        true
    })
}
