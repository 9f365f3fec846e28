//! How fast one core works on memory: the bound of everything that is decided and hashed.
//!
//! Each figure is of one thread. The results are used, so that no loop is left out by the compiler.

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::random::Random;
use crate::report::float;

/// Words of a slot of 128 bytes: about what an account takes.
const SLOT_WORDS: usize = 16;
/// Between two looks at the clock.
const PAIRS_PER_LOOK: u64 = 65_536;

/// Random pairs of a debit and a credit in a second, over `bytes` of accounts.
pub fn pairs_per_s(bytes: usize, duration: Duration) -> Result<f64> {
    let slots = bytes / (SLOT_WORDS * 8);
    // Written, so that no page is made while the clock runs.
    let mut table = vec![[1_u64; SLOT_WORDS]; slots];
    let mut random = Random::new(1);
    let mut pairs = 0;
    let started = Instant::now();
    while started.elapsed() < duration {
        for _ in 0..PAIRS_PER_LOOK {
            let debit = usize::try_from(random.below(slots as u64))?;
            let credit = usize::try_from(random.below(slots as u64))?;
            table[debit][0] = table[debit][0].wrapping_add(pairs);
            table[credit][1] = table[credit][1].wrapping_add(pairs);
        }
        pairs += PAIRS_PER_LOOK;
    }
    let elapsed = started.elapsed();
    let (debits, credits) = table.iter().fold((0_u64, 0_u64), |(debits, credits), slot| {
        (debits.wrapping_add(slot[0]), credits.wrapping_add(slot[1]))
    });
    if debits != credits {
        bail!("the debits of the table are not its credits");
    }
    Ok(float(pairs) / elapsed.as_secs_f64())
}

/// BLAKE3 of pieces of `bytes`, in units of 10^9 bytes a second.
pub fn blake3_gb_per_s(bytes: usize, duration: Duration) -> f64 {
    let piece = vec![7_u8; bytes];
    repeat(bytes, duration, || {
        black_box(blake3::hash(black_box(&piece)));
    })
}

/// Copies of `bytes`, in units of 10^9 bytes a second.
pub fn copy_gb_per_s(bytes: usize, duration: Duration) -> f64 {
    let from = vec![7_u8; bytes];
    let mut to = vec![1_u8; bytes];
    repeat(bytes, duration, || {
        to.copy_from_slice(black_box(&from));
        black_box(&to);
    })
}

fn repeat(bytes: usize, duration: Duration, mut work: impl FnMut()) -> f64 {
    let mut count = 0;
    let started = Instant::now();
    while started.elapsed() < duration {
        work();
        count += 1;
    }
    float(count * bytes as u64) / started.elapsed().as_secs_f64() / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rate_is_positive() {
        let short = Duration::from_millis(5);
        assert!(pairs_per_s(1 << 20, short).unwrap() > 1_000.0);
        assert!(blake3_gb_per_s(1 << 16, short) > 0.001);
        assert!(copy_gb_per_s(1 << 16, short) > 0.001);
    }
}
