//! The numbers and the record of a simulated disk: drawn from a seed, folded into a fingerprint.
//!
//! Not for secrets: everything here can be foretold, which is its purpose.

/// Numbers from a seed (`splitmix64`).
#[derive(Debug, Clone)]
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed(self.0)
    }

    /// A number below `end`; 0 if that is 0.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.draw().checked_rem(end).unwrap_or(0)
    }

    pub(super) fn coin(&mut self) -> bool {
        self.draw() & 1 == 1
    }
}

/// A hash over everything that was asked of the disk, in order.
#[derive(Debug, Clone, Default)]
pub(super) struct Fingerprint(pub(super) u64);

impl Fingerprint {
    pub(super) fn number(&mut self, number: u64) {
        self.0 = mixed(self.0.rotate_left(5) ^ number);
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        for part in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..part.len()].copy_from_slice(part);
            self.number(u64::from_be_bytes(word));
        }
    }
}

/// Spreads every bit over all others; one to one.
fn mixed(mut number: u64) -> u64 {
    number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}
