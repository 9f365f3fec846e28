//! A channel that tests share.

use std::sync::LazyLock;

use instrument::channel::{ChannelTerms, TickLink};
use instrument::{KeyPair, payer_account};
use money::{AccountId, Amount, Asset, NodeId};

/// When the channel opens, Unix milliseconds.
pub const OPENED_AT_MS: u64 = 1_800_000_000_000;

/// Who signs the terms.
pub fn payer() -> KeyPair {
    KeyPair::from_seed(&[1; 32])
}

/// Who signs vouchers.
pub fn voucher_signer() -> KeyPair {
    KeyPair::from_seed(&[2; 32])
}

/// Sound terms: 1,000 base units, ticks of 10, closing after 60 seconds, a life of one hour.
pub fn terms() -> ChannelTerms {
    static TERMS: LazyLock<ChannelTerms> = LazyLock::new(made);
    *TERMS
}

fn made() -> ChannelTerms {
    let asset = Asset::new("USD", 9).unwrap();
    ChannelTerms {
        node: NodeId::new(5).unwrap(),
        salt: [3; 16],
        payer: payer_account(&payer().public(), asset),
        signer: payer().public(),
        voucher_key: voucher_signer().public(),
        payee: AccountId::new(6).unwrap(),
        deposit: Amount::new(1000, asset),
        tick_root: TickLink([4; 16]),
        tick_units: 10,
        tick_count: 200,
        close_delay_seconds: 60,
        expires_at_ms: OPENED_AT_MS + 3_600_000,
        mandate: None,
    }
}
