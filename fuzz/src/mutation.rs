//! Seeded mutations: the same seed and number give the same bytes on every machine.

/// Numbers from a seed, by the `splitmix64` generator.
pub struct Random(u64);

impl Random {
    /// Starts the sequence of this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which must not be zero.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).expect("below a usize")
    }
}

/// Values that sit on edges of formats and numbers.
const EDGES: &[u8] = &[0, 1, 0x7f, 0x80, 0xff, b'0', b'9', b'-', b'"', b'{', b'=', b'\n'];

/// One to four changes: flipped bits and edge values mostly, which keep the length; cuts,
/// repetitions and inserted bytes now and then.
#[must_use]
pub fn mutate(seed: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len() + 1);
        match (random.below(8), bytes.get_mut(at)) {
            (0..=2, Some(byte)) => *byte ^= 1 << random.below(8),
            (3..=4, Some(byte)) => *byte = EDGES[random.below(EDGES.len())],
            (5, _) => bytes.truncate(at),
            (6, _) => bytes.extend_from_within(at..),
            _ => bytes.insert(at, EDGES[random.below(EDGES.len())]),
        }
    }
    bytes
}
