//! Signed statements: the byte form, then the strict check of the signature.

use instrument::{
    Access, Mandate, Order, Pause, PublicKey, Revocation, Signature, Statement, TreeMandate,
};

/// Payment orders.
pub fn order(bytes: &[u8]) -> bool {
    statement::<Order>(bytes, |order| order.signer)
}

/// Mandates.
pub fn mandate(bytes: &[u8]) -> bool {
    statement::<Mandate>(bytes, |mandate| mandate.payer_key)
}

/// Mandates that can be passed on, and pauses.
pub fn tree_mandate(bytes: &[u8]) -> bool {
    let mandate = statement::<TreeMandate>(bytes, |mandate| mandate.granter);
    // Narrower than itself is nothing.
    if let Ok(mandate) = TreeMandate::from_bytes(bytes.get(..TreeMandate::BYTES).unwrap_or(&[])) {
        let permission = mandate.permission();
        assert!(permission.check_below(&permission).is_err());
    }
    mandate | statement::<Pause>(bytes, |_| PublicKey([0; 32]))
}

/// Revocations; they carry no key, so the node's number stands in for one.
pub fn revocation(bytes: &[u8]) -> bool {
    statement::<Revocation>(bytes, |revocation| {
        let mut key = [0; 32];
        key[..16].copy_from_slice(&revocation.node.to_be_bytes());
        PublicKey(key)
    })
}

/// Access statements.
pub fn access(bytes: &[u8]) -> bool {
    statement::<Access>(bytes, |access| access.key)
}

/// The bytes are a statement, with or without 64 bytes of signature behind it.
pub fn statement<T: Statement>(bytes: &[u8], key: fn(&T) -> PublicKey) -> bool {
    let alone = T::from_bytes(bytes).is_ok_and(|statement| {
        assert_eq!(statement.to_bytes().as_ref(), bytes);
        true
    });
    let signed = bytes.split_last_chunk::<64>().is_some_and(|(front, signature)| {
        T::from_bytes(front).is_ok_and(|statement| {
            assert_eq!(statement.to_bytes().as_ref(), front);
            // Whatever the answer, foreign keys and signatures must not break the check.
            let _ = key(&statement).verify(front, &Signature(*signature));
            true
        })
    });
    alone || signed
}
