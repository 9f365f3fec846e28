//! A node without HTTP: an engine on a real folder, a payer with funds, open channels.
//!
//! Invariant: each channel has a key of its own, as if each were another payer's, and a deposit that
//! no run uses up. Keys come from constants: no real money may ever be moved with them.

use std::path::Path;

use anyhow::{Context, Result};
use engine::{Clock as _, Engine, OpenChannel, Options, SystemClock};
use instrument::channel::{ChannelTerms, SignedVoucher, TickChain, TickLink, Voucher};
use instrument::{KeyPair, Signed};
use money::{Amount, ChannelId};

use crate::gateway::{sale, serve};

/// More than all payments of a run from one channel.
const DEPOSIT_UNITS: u128 = 1 << 50;
const CLOSE_DELAY_SECONDS: u32 = 3_600;
const LIFE_MS: u64 = 24 * 60 * 60 * 1_000;

/// A payer's side of one channel.
pub(crate) struct Channel {
    pub(crate) terms: ChannelTerms,
    key: KeyPair,
    /// Sequence and total of the newest voucher.
    sequence: u64,
    cumulative: u128,
}

impl Channel {
    /// The `number`th channel of a run, with the root of a chain of so many ticks if any.
    pub(crate) fn new(number: u64, ticks: Option<&TickChain>) -> Result<Self> {
        let seed = blake3::hash(&number.to_be_bytes());
        let key = KeyPair::from_seed(seed.as_bytes());
        let asset = sale::asset()?;
        let terms = ChannelTerms {
            node: sale::node(),
            salt: salt(number),
            payer: sale::payer(asset),
            signer: sale::payer_key().public(),
            voucher_key: key.public(),
            payee: sale::payee()?,
            deposit: Amount::new(DEPOSIT_UNITS, asset),
            tick_root: ticks.map_or(TickLink([0; 16]), |chain| chain.newest().link),
            tick_units: ticks.map_or(0, |_| 1),
            tick_count: ticks.map_or(0, TickChain::count),
            close_delay_seconds: CLOSE_DELAY_SECONDS,
            expires_at_ms: SystemClock.now_ms() + LIFE_MS,
            mandate: None,
        };
        Ok(Self { terms, key, sequence: 0, cumulative: 0 })
    }

    pub(crate) fn id(&self) -> ChannelId {
        self.terms.channel()
    }

    /// What all its vouchers allow, base units.
    pub(crate) fn cumulative(&self) -> u128 {
        self.cumulative
    }

    /// The terms with the payer's signature.
    pub(crate) fn signed(&self) -> Signed<ChannelTerms> {
        Signed::sign(self.terms, &sale::payer_key())
    }

    /// The next voucher, for `units` more. A function of its own in every build, so that its
    /// instructions can be taken off what is counted.
    #[inline(never)]
    pub(crate) fn pay(&mut self, units: u128) -> SignedVoucher {
        self.sequence += 1;
        self.cumulative += units;
        let (sequence, cumulative) = (self.sequence, self.cumulative);
        Signed::sign(Voucher { channel: self.id(), sequence, cumulative }, &self.key)
    }
}

/// The salt of the `number`th channel, and of its tick chain.
pub(crate) fn salt(number: u64) -> [u8; 16] {
    u128::from(number).to_be_bytes()
}

/// Starts an engine in `data` with a payer whose funds are more than enough.
pub(crate) async fn start(data: &Path) -> Result<Engine> {
    let engine = Engine::start(Options::new(data, sale::node()))?.engine;
    serve::open_books(&engine).await?;
    Ok(engine)
}

/// Opens a channel at the engine.
pub(crate) async fn open(engine: &Engine, channel: &Channel) -> Result<()> {
    let terms = channel.signed().verify().context("the bench's own terms")?;
    let command = OpenChannel {
        terms,
        split: None,
        description: "bench".to_owned(),
        origin: None,
        tags: engine::Tags::default(),
    };
    engine.open_channel(command).await.context("cannot open a channel")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use instrument::channel::VoucherKey;

    use super::*;

    #[test]
    fn every_voucher_is_new_good_and_of_its_channel_alone() {
        let (mut one, mut other) = (Channel::new(1, None).unwrap(), Channel::new(2, None).unwrap());
        let keys = [&one, &other].map(|channel| VoucherKey::new(channel.key.public()).unwrap());
        assert_ne!(one.id(), other.id());
        for count in 1..4 {
            let voucher = one.pay(5);
            assert_eq!(voucher.unverified().sequence, count);
            assert_eq!(voucher.unverified().cumulative, 5 * u128::from(count));
            assert_eq!(voucher.unverified().channel, one.id());
            voucher.verify(&keys[0]).unwrap();
            assert!(voucher.verify(&keys[1]).is_err());
        }
        assert_eq!((one.cumulative(), other.pay(1).unverified().cumulative), (15, 1));
    }

    #[tokio::test]
    async fn an_engine_takes_the_channels_with_and_without_ticks() {
        let data = tempfile::tempdir().unwrap();
        let engine = start(data.path()).await.unwrap();
        let chain = TickChain::new(&[9; 32], &salt(2), 10).unwrap();
        for channel in [Channel::new(1, None).unwrap(), Channel::new(2, Some(&chain)).unwrap()] {
            open(&engine, &channel).await.unwrap();
            let id = channel.id();
            let view = engine.read(move |state| state.channel(id)).await.unwrap().unwrap();
            assert_eq!(view.deposit, DEPOSIT_UNITS);
        }
        engine.shutdown().await;
    }
}
