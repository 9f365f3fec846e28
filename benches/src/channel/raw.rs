//! What one thread of this machine can do at most: signatures checked and hash steps made by the
//! libraries themselves, without a node around them.
//!
//! Figures are per second of the thread's processor time, so that a busy machine hardly moves them,
//! and per second of the clock. Nothing is measured twice on the same inputs unless the library
//! itself keeps nothing between two calls.

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use benches::process::thread_cpu_ns;
use benches::report::{Report, float};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey, verify_batch};
use instrument::channel::{SignedVoucher, Voucher, VoucherKey};
use instrument::{KeyPair, Signed, Statement as _};
use money::ChannelId;
use sha2::block_api::compress256;

/// Signatures in one call of the library's own batch check: the yardstick.
const YARDSTICK_COUNT: usize = 64;
/// Sizes in which our own batch check is measured.
const OUR_COUNTS: [usize; 2] = [64, 256];
/// Hash steps between two looks at the clock.
const STEPS: u32 = 100_000;

/// How often something was done.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate {
    /// In a second of processor time.
    pub(crate) per_cpu_s: f64,
    /// In a second of the clock.
    pub(crate) per_s: f64,
}

impl Rate {
    /// Repeats `work`, which does `count` things, for at least `time` on this thread.
    fn of(time: Duration, count: u64, mut work: impl FnMut() -> Result<()>) -> Result<Self> {
        work()?;
        let (started, cpu_ns) = (Instant::now(), thread_cpu_ns()?);
        let mut done = 0;
        while started.elapsed() < time {
            work()?;
            done += count;
        }
        let elapsed_s = started.elapsed().as_secs_f64();
        let cpu_s = float(thread_cpu_ns()?.saturating_sub(cpu_ns)) / 1e9;
        Ok(Self { per_cpu_s: float(done) / cpu_s, per_s: float(done) / elapsed_s })
    }

    /// Prints both, named after `what`.
    pub(crate) fn print(self, report: &Report, workload: &str, what: &str) -> Result<()> {
        report.value(workload, &format!("{what}_per_cpu_s"), self.per_cpu_s, "1/s")?;
        report.value(workload, &format!("{what}_per_s"), self.per_s, "1/s")
    }
}

/// The library's own batch check, `verify_batch` of `ed25519-dalek`, a key for each signature.
pub(crate) fn yardstick(time: Duration) -> Result<Rate> {
    let signed = vouchers(YARDSTICK_COUNT)?;
    let messages: Vec<_> =
        signed.iter().map(|(voucher, _)| voucher.unverified().to_bytes()).collect();
    let messages: Vec<&[u8]> = messages.iter().map(<[u8; Voucher::BYTES]>::as_slice).collect();
    let mut signatures = Vec::new();
    let mut keys: Vec<VerifyingKey> = Vec::new();
    for (number, message) in messages.iter().enumerate() {
        let key = SigningKey::from_bytes(&seed(number));
        signatures.push(key.sign(message));
        keys.push(key.verifying_key());
    }
    let good = |signatures: &[Signature]| verify_batch(&messages, signatures, &keys);
    let mut wrong = signatures.clone();
    wrong.swap(0, 1);
    ensure!(good(&wrong).is_err(), "the library takes signatures of other messages");
    Rate::of(time, YARDSTICK_COUNT as u64, || {
        black_box(good(black_box(&signatures))).context("the library refuses good signatures")
    })
}

/// Prints the rates of our own checks, alone on a thread.
pub(crate) fn our_checks(report: &Report, time: Duration) -> Result<()> {
    for count in OUR_COUNTS {
        let signed = vouchers(count)?;
        let rate = Rate::of(time, count as u64, || {
            let checked = instrument::channel::verify_batch(black_box(&signed), &[7; 32]);
            black_box(checked).context("good vouchers are refused").map(drop)
        })?;
        rate.print(report, "raw", &format!("our_verify_batch_{count}"))?;
    }
    let signed = vouchers(YARDSTICK_COUNT)?;
    let alone = Rate::of(time, YARDSTICK_COUNT as u64, || {
        for (voucher, key) in &signed {
            black_box(black_box(*voucher).verify(key))?;
        }
        Ok(())
    })?;
    alone.print(report, "raw", "our_verify_single")?;
    let message = [7; Voucher::BYTES];
    let key = SigningKey::from_bytes(&seed(0));
    let (signature, public) = (key.sign(&message), key.verifying_key());
    let strict = Rate::of(time, 1, || {
        black_box(public.verify_strict(black_box(&message), &signature)).context("refused")
    })?;
    strict.print(report, "raw", "dalek_verify_strict")
}

/// Steps of a chain of SHA-256, one block each, every step on the digest of the last.
pub(crate) fn hash_steps(time: Duration) -> Result<Rate> {
    let mut block = [0_u8; 64];
    Rate::of(time, u64::from(STEPS), || {
        for _ in 0..STEPS {
            let mut state = [0_u32; 8];
            compress256(&mut state, std::slice::from_ref(&block));
            let (words, _) = block.as_chunks_mut::<4>();
            for (bytes, word) in words.iter_mut().zip(state) {
                *bytes = word.to_be_bytes();
            }
        }
        black_box(&block);
        Ok(())
    })
}

/// Vouchers of as many channels, each with a key of its own.
fn vouchers(count: usize) -> Result<Vec<(SignedVoucher, VoucherKey)>> {
    let voucher = |number: usize| {
        let key = KeyPair::from_seed(&seed(number));
        let channel = ChannelId::new(1 + number as u128)?;
        let voucher = Voucher { channel, sequence: 1, cumulative: 1 };
        anyhow::Ok((Signed::sign(voucher, &key), VoucherKey::new(key.public())?))
    };
    (0..count).map(voucher).collect()
}

fn seed(number: usize) -> [u8; 32] {
    *blake3::hash(&(number as u64).to_be_bytes()).as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_that_fails_gives_no_rate() {
        let time = Duration::from_millis(30);
        let mut left = 2;
        let failing = Rate::of(time, 1, || {
            left -= 1;
            ensure!(left > 0, "done");
            Ok(())
        });
        assert!(failing.is_err());
        let steps = hash_steps(time).unwrap();
        let signatures = yardstick(time).unwrap();
        assert!(signatures.per_s > 1.0 && steps.per_s > 10.0 * signatures.per_s);
    }
}
