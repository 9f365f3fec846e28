//! The tick chain, from the payee's side: one compression of SHA-256 for each step.
//!
//! `link[i-1]` is the first 16 bytes of `SHA-256("fthtick1" || salt || i || link[i])`: 44 bytes, so
//! with their padding exactly one block. Salt and index keep a stranger from attacking all links of
//! all channels with one search.
//!
//! Invariant: a [`VerifiedAdvance`] exists only if its links were hashed. Whoever takes one must
//! see that it starts where the channel stands, or at the root, and that it has the channel's salt.

use sha2::block_api::compress256;

use super::terms::ChannelTerms;
use super::tick::{TICK_LINK_BYTES, Tick, TickLink};

/// Most steps that one tick may lie ahead of the newest: beyond them a voucher is cheaper to check.
pub const TICK_JUMP_STEPS_MAX: u32 = 4_096;

/// Initial state of SHA-256 (FIPS 180-4, 5.3.3).
const INITIAL: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

const INDEX_AT: usize = 24;
const LINK_AT: usize = 28;
const INPUT_BYTES: usize = 44;

/// Walks a chain towards its root. Holds the block, of which a step changes index and link alone.
#[derive(Clone)]
pub(super) struct TickHasher {
    block: [u8; 64],
}

impl TickHasher {
    pub(super) fn new(salt: &[u8; 16]) -> Self {
        let mut block = [0; 64];
        block[..8].copy_from_slice(b"fthtick1");
        block[8..INDEX_AT].copy_from_slice(salt);
        block[INPUT_BYTES] = 0x80;
        // The length of the input in bits, as the padding of SHA-256 ends.
        block[62..].copy_from_slice(&352_u16.to_be_bytes());
        Self { block }
    }

    /// `link[index - 1]` from `link[index]`.
    pub(super) fn step(&mut self, index: u32, link: TickLink) -> TickLink {
        self.block[INDEX_AT..LINK_AT].copy_from_slice(&index.to_be_bytes());
        self.block[LINK_AT..INPUT_BYTES].copy_from_slice(&link.0);
        let mut state = INITIAL;
        compress256(&mut state, core::slice::from_ref(&self.block));
        let mut next = [0; TICK_LINK_BYTES];
        let (words, _) = next.as_chunks_mut::<4>();
        for (bytes, word) in words.iter_mut().zip(state) {
            *bytes = word.to_be_bytes();
        }
        TickLink(next)
    }

    /// The link at `index`, at or below the tick.
    pub(super) fn walk(&mut self, from: Tick, index: u32) -> TickLink {
        (index..from.index)
            .rev()
            .fold(from.link, |link, below| self.step(below.saturating_add(1), link))
    }
}

/// Why a tick is refused, in order of precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TickError {
    /// The chain ends before this index.
    #[error(
        "the chain has {count} ticks, `index` is {index}; send a voucher or open a new channel"
    )]
    BeyondEnd {
        /// The tick's index.
        index: u32,
        /// Length of the chain.
        count: u32,
    },
    /// Not above the newest, and not the newest itself.
    #[error("`index` is {index}, but tick {newest} was seen; send a tick with a higher index")]
    Stale {
        /// The tick's index.
        index: u32,
        /// Index of the newest tick.
        newest: u32,
    },
    /// Too many steps ahead of the newest.
    #[error("`index` is {steps} steps ahead, at most {steps_max} are followed; send a voucher")]
    Jump {
        /// Steps from the newest tick.
        steps: u32,
        /// Most steps that are followed.
        steps_max: u32,
    },
    /// The link does not lead to the newest one.
    #[error("`link` is not link {index} of the channel's chain; check seed, salt and index")]
    Invalid {
        /// The tick's index.
        index: u32,
    },
}

impl TickError {
    /// Stable code for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::BeyondEnd { .. } => "tick_beyond_end",
            Self::Stale { .. } => "tick_stale",
            Self::Jump { .. } => "tick_jump",
            Self::Invalid { .. } => "tick_invalid",
        }
    }
}

/// A tick that was followed down to one that was known: can be taken without hashing again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifiedAdvance {
    salt: [u8; 16],
    from: Tick,
    to: Tick,
}

impl VerifiedAdvance {
    /// Salt of the chain.
    pub fn salt(&self) -> &[u8; 16] {
        &self.salt
    }

    /// The tick that was known.
    pub fn from(&self) -> Tick {
        self.from
    }

    /// The tick that leads to it.
    pub fn to(&self) -> Tick {
        self.to
    }

    /// Steps between the two.
    pub fn steps(&self) -> u32 {
        self.to.index.saturating_sub(self.from.index)
    }
}

/// Follows `to` down to `from`, a tick of the chain that is known to be good: the root (index 0) or
/// one that was verified before. The same tick again is an advance of no steps.
///
/// Does not know where the chain ends: see [`TickCursor::verify`].
pub fn verify_tick(
    salt: &[u8; 16],
    from: Tick,
    to: Tick,
    steps_max: u32,
) -> Result<VerifiedAdvance, TickError> {
    let stale = TickError::Stale { index: to.index, newest: from.index };
    let steps = to.index.checked_sub(from.index).ok_or(stale)?;
    if steps == 0 && to.link != from.link {
        return Err(stale);
    }
    if steps > steps_max {
        return Err(TickError::Jump { steps, steps_max });
    }
    if TickHasher::new(salt).walk(to, from.index) != from.link {
        return Err(TickError::Invalid { index: to.index });
    }
    Ok(VerifiedAdvance { salt: *salt, from, to })
}

/// Where a payee stands in a chain: 40 bytes are all it keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TickCursor {
    salt: [u8; 16],
    count: u32,
    newest: Tick,
}

impl TickCursor {
    /// At the root of the chain that the terms anchor.
    pub fn new(terms: &ChannelTerms) -> Self {
        Self::at(terms, terms.root())
    }

    /// At a tick that was verified before.
    pub fn at(terms: &ChannelTerms, newest: Tick) -> Self {
        Self { salt: terms.salt, count: terms.tick_count, newest }
    }

    /// The newest tick.
    pub fn newest(&self) -> Tick {
        self.newest
    }

    /// Follows a tick down to the newest, at most [`TICK_JUMP_STEPS_MAX`] steps. Changes nothing.
    pub fn verify(&self, to: Tick) -> Result<VerifiedAdvance, TickError> {
        if to.index > self.count {
            return Err(TickError::BeyondEnd { index: to.index, count: self.count });
        }
        verify_tick(&self.salt, self.newest, to, TICK_JUMP_STEPS_MAX)
    }

    /// Follows a tick and stands there from now on.
    pub fn advance(&mut self, to: Tick) -> Result<VerifiedAdvance, TickError> {
        let advance = self.verify(to)?;
        self.newest = to;
        Ok(advance)
    }

    /// Takes an advance that was verified apart, perhaps before the newest tick was known: without
    /// hashing if it starts at the newest or at the root, else it is followed once more from here.
    pub fn take(&self, root: Tick, advance: &VerifiedAdvance) -> Result<Tick, TickError> {
        let to = advance.to;
        let is_anchored = advance.from == self.newest || advance.from == root;
        let is_ahead = self.newest.index < to.index && to.index <= self.count;
        if is_anchored && is_ahead && advance.salt == self.salt {
            return Ok(to);
        }
        self.verify(to).map(|advance| advance.to)
    }
}
