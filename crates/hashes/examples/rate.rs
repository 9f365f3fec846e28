//! How long one step of SHA-256 takes, in nanoseconds: one message after the other with `sha2`, and
//! many at once, in the lengths that the log hashes.
#![expect(clippy::print_stdout, reason = "what it is for")]

use std::hint::black_box;
use std::time::Instant;

use sha2::{Digest as _, Sha256};

/// Bytes of what is hashed, and its name.
const MESSAGES: [(&str, usize); 5] =
    [("leaf", 34), ("salt", 39), ("posting", 55), ("node", 65), ("commitment", 181)];
const COUNT: u32 = 4_096;
/// The fastest of so many rounds counts: the others were disturbed.
const ROUNDS: usize = 100;
/// What padding takes at least.
const PADDING_BYTES: usize = 9;

fn main() {
    println!("nanoseconds a block of 64 bytes");
    println!("{:10} {:>5} {:>6} {:>8} {:>8} {:>8}", "", "bytes", "blocks", "sha2", "one", "many");
    for (name, length) in MESSAGES {
        let count = COUNT as usize;
        let messages: Vec<u8> = (0..=250).cycle().take(length * count).collect();
        let mut out = vec![[0; 32]; count];
        let blocks = (length + PADDING_BYTES).div_ceil(64);
        let each = f64::from(COUNT) * f64::from(u32::try_from(blocks).unwrap_or(u32::MAX));
        let after_another = fastest_ns(|| {
            for (message, digest) in messages.chunks_exact(length).zip(&mut out) {
                *digest = Sha256::digest(black_box(message)).into();
            }
        });
        let one_by_one = fastest_ns(|| {
            for (message, digest) in messages.chunks_exact(length).zip(&mut out) {
                hashes::sha256_many(black_box(message), length, std::slice::from_mut(digest));
            }
        });
        let many = fastest_ns(|| hashes::sha256_many(black_box(&messages), length, &mut out));
        let [after_another, one_by_one, many] =
            [after_another, one_by_one, many].map(|ns| ns / each);
        println!("{name:10} {length:5} {blocks:6} {after_another:8.1} {one_by_one:8.1} {many:8.1}");
    }
}

fn fastest_ns(mut work: impl FnMut()) -> f64 {
    let mut fastest_s = f64::INFINITY;
    for _ in 0..ROUNDS {
        let started = Instant::now();
        work();
        fastest_s = fastest_s.min(started.elapsed().as_secs_f64());
    }
    fastest_s * 1e9
}
