//! What the parties of a channel sign or reveal, and what follows from it.

use std::sync::LazyLock;

use instrument::channel::{
    ChannelTerms, Close, SignedVoucher, TICK_JUMP_STEPS_MAX, Tick, TickLink, TopUp, Voucher,
    VoucherKey, verify_tick,
};
use instrument::{KeyPair, PublicKey};
use sha2::{Digest, Sha256};

use crate::statements::statement;

/// Terms of a channel; those that can open one have a channel and a key that holds.
pub fn terms(bytes: &[u8]) -> bool {
    if let Some(terms) = bytes.first_chunk::<248>().and_then(|bytes| decoded(bytes)) {
        let now_ms = terms.expires_at_ms.saturating_sub(1);
        if let Ok(key) = terms.check(now_ms) {
            assert_eq!(*key.public(), terms.voucher_key);
            assert_ne!(terms.payer, terms.payee);
            assert_eq!(terms.tick_count == 0, terms.tick_root == TickLink([0; 16]));
        }
        assert!(terms.check(terms.expires_at_ms).is_err());
    }
    statement::<ChannelTerms>(bytes, |terms| terms.signer)
}

fn decoded(bytes: &[u8; 248]) -> Option<ChannelTerms> {
    instrument::Statement::from_bytes(bytes).ok()
}

/// The key of the golden vectors' vouchers.
static KEY: LazyLock<Option<VoucherKey>> = LazyLock::new(|| {
    let seed = Sha256::digest(b"farthing conformance key: voucher").into();
    VoucherKey::new(KeyPair::from_seed(&seed).public()).ok()
});

/// Vouchers, with the verdict of their own: what the strict check takes, it takes too.
pub fn voucher(bytes: &[u8]) -> bool {
    let arrived = bytes.split_last_chunk::<64>();
    let arrived = arrived.and_then(|(front, back)| SignedVoucher::from_parts(front, back).ok());
    if let (Some(voucher), Some(key)) = (arrived, KEY.as_ref()) {
        let verified = voucher.verify(key);
        assert!(verified.is_ok() || voucher.verify_with(key.public()).is_err());
        if let Ok(verified) = verified {
            assert_eq!(verified.to_signed(), voucher);
        }
    }
    statement::<Voucher>(bytes, |voucher| number(&voucher.channel.to_be_bytes()))
}

/// Top-ups; they carry no key, so the channel's number stands in for one.
pub fn top_up(bytes: &[u8]) -> bool {
    statement::<TopUp>(bytes, |top_up| number(&top_up.channel.to_be_bytes()))
}

/// Closes; the same.
pub fn close(bytes: &[u8]) -> bool {
    statement::<Close>(bytes, |close| number(&close.channel.to_be_bytes()))
}

fn number(bytes: &[u8; 16]) -> PublicKey {
    let mut key = [0; 32];
    key[..16].copy_from_slice(bytes);
    PublicKey(key)
}

/// A tick alone; or a salt, the newest tick and the next one, which is followed.
pub fn tick(bytes: &[u8]) -> bool {
    if bytes.len() == Tick::BYTES {
        return wire(bytes).is_some();
    }
    let Some((salt, ticks)) = bytes.split_first_chunk::<16>() else { return false };
    let Some((newest, next)) = ticks.split_at_checked(Tick::BYTES) else { return false };
    let (Some(newest), Some(next)) = (wire(newest), wire(next)) else { return false };
    match verify_tick(salt, newest, next, TICK_JUMP_STEPS_MAX) {
        Ok(advance) => {
            assert_eq!((advance.from(), advance.to()), (newest, next));
            assert!(advance.steps() <= TICK_JUMP_STEPS_MAX);
            let walked = (newest.index..next.index).rev().fold(next.link, |link, below| {
                let index = (below + 1).to_be_bytes();
                let digest = Sha256::digest([b"fthtick1", &salt[..], &index, &link.0].concat());
                TickLink(std::array::from_fn(|place| digest[place]))
            });
            assert_eq!(walked, newest.link);
            true
        }
        Err(error) => {
            assert!(error.code().starts_with("tick_"));
            false
        }
    }
}

fn wire(bytes: &[u8]) -> Option<Tick> {
    let tick = Tick::from_bytes(bytes).ok()?;
    assert_eq!(tick.to_bytes(), bytes);
    Some(tick)
}
