//! The tick chain, from the payer's side: links in the order in which they are revealed, the
//! opposite of the order in which they are computed, with a handful of them kept.
//!
//! Links sit on *pebbles*, one for each level. The pebble of level j stands at an odd multiple of
//! 2^j. When the payer reveals that link, the pebble leaps to the link 3 * 2^j further on, where a
//! pebble of a higher level stands, and walks back two steps with each tick until it is 2^(j+1)
//! from where it was: there before it is needed, and never while its neighbours walk. So a tick
//! costs half of log2 of the length in hashes, and never more than all of it. Idea: Jakobsson,
//! "Fractal Hash Sequence Representation and Traversal", 2002.
//!
//! Invariant: what stands on a pebble is a link above the newest revealed. Pebbles are as secret
//! as the seed. It must not be used twice with one seed, salt and length.

use sha2::{Digest, Sha256};

use super::chain::TickHasher;
use super::tick::{TICK_LINK_BYTES, Tick, TickLink};
use crate::layout::tag;

/// Longest chain that a payer makes: 2^24 ticks, half a year of one each second.
pub const TICK_COUNT_MAX: u32 = 1 << 24;

/// Levels from 1; level 0 needs no pebble, because its links are one step below another's.
const LEVELS: usize = 24;

/// Why there is no such chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TickChainError {
    /// No ticks, or too many.
    #[error("`count` must be from 1 to {TICK_COUNT_MAX}; open another channel for more ticks")]
    Count,
    /// Beyond the last tick.
    #[error("`index` is above `count`; open another channel for more ticks")]
    Index,
}

impl TickChainError {
    /// Stable code for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Count => "tick_count",
            Self::Index => "tick_index",
        }
    }
}

#[derive(Clone, Copy)]
struct Pebble {
    position: u32,
    /// Where it is going; zero: there is nothing left for it to do.
    destination: u32,
    link: TickLink,
}

/// A payer's chain: below 700 bytes, no allocation.
#[derive(Clone)]
pub struct TickChain {
    hasher: TickHasher,
    count: u32,
    /// The count rounded up to a power of two, at least 2: the chain as it was computed.
    length: u32,
    newest: Tick,
    /// Level j at place j-1.
    pebbles: [Pebble; LEVELS],
}

impl TickChain {
    /// A chain of which nothing was revealed: [`TickChain::newest`] is its root. Hashes up to twice
    /// as often as it has ticks.
    pub fn new(seed: &[u8; 32], salt: &[u8; 16], count: u32) -> Result<Self, TickChainError> {
        Self::resume(seed, salt, count, 0)
    }

    /// The chain after the tick `index` was revealed.
    pub fn resume(
        seed: &[u8; 32],
        salt: &[u8; 16],
        count: u32,
        index: u32,
    ) -> Result<Self, TickChainError> {
        if count == 0 || count > TICK_COUNT_MAX {
            return Err(TickChainError::Count);
        }
        if index > count {
            return Err(TickChainError::Index);
        }
        let length = count.next_power_of_two().max(2);
        let top = Tick { index: length, link: top_link(seed, salt, length) };
        let mut hasher = TickHasher::new(salt);
        let mut pebbles = core::array::from_fn(|place| Pebble::at(place, index, length));
        let newest = lay_out(&mut hasher, &mut pebbles, top, index);
        Ok(Self { hasher, count, length, newest, pebbles })
    }

    /// The newest tick that was revealed; the root (index 0) before the first.
    pub fn newest(&self) -> Tick {
        self.newest
    }

    /// Length of the chain as the terms name it.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Reveals the next tick; `None` at the end of the chain. Store the index before the tick is
    /// sent, or be ready to reveal it again: that pays nothing twice.
    pub fn reveal(&mut self) -> Option<Tick> {
        let index = self.newest.index.checked_add(1).filter(|index| *index <= self.count)?;
        self.walk();
        self.newest = Tick { index, link: self.link(index) };
        self.leap(index);
        Some(self.newest)
    }

    /// Each pebble under way goes two steps.
    fn walk(&mut self) {
        let Self { hasher, pebbles, .. } = self;
        for pebble in pebbles.iter_mut().filter(|pebble| pebble.position > pebble.destination) {
            let from = Tick { index: pebble.position, link: pebble.link };
            pebble.position = pebble.position.saturating_sub(2);
            pebble.link = hasher.walk(from, pebble.position);
        }
    }

    /// The link at an index whose turn it is: on a pebble, or one step below a pebble.
    fn link(&mut self, index: u32) -> TickLink {
        let even = index.next_multiple_of(2);
        let link = self.find(even);
        self.hasher.walk(Tick { index: even, link }, index)
    }

    /// The pebble at an even index. It is there: the levels are so far apart in time.
    fn find(&self, index: u32) -> TickLink {
        let pebble = self.pebbles[place(index)];
        debug_assert_eq!(pebble.position, index, "a pebble is where it is needed");
        pebble.link
    }

    /// Sends the pebble whose link was revealed to its next place.
    fn leap(&mut self, index: u32) {
        if !index.is_multiple_of(2) {
            return;
        }
        let place = place(index);
        let next = Pebble::at(place, index, self.length);
        let link = match next.destination {
            0 => next.link,
            _ => self.find(next.position),
        };
        self.pebbles[place] = Pebble { link, ..next };
    }
}

impl Pebble {
    /// Where the pebble of a level is after the tick `index`, still without its link.
    fn at(place: usize, index: u32, length: u32) -> Self {
        let stride = (0..=place).fold(1_u32, |stride, _| stride.saturating_mul(2));
        let turn = stride.saturating_mul(2);
        // The smallest odd multiple of the stride above the index.
        let halves = index.saturating_add(stride).checked_div(turn).unwrap_or_default();
        let destination = halves.saturating_mul(turn).saturating_add(stride);
        let link = TickLink([0; TICK_LINK_BYTES]);
        if destination > length {
            return Self { position: 0, destination: 0, link };
        }
        // It leapt from one turn before to one stride behind the destination, unless it is the
        // first on this level, which is laid out in its place.
        let walked = destination
            .checked_sub(turn)
            .map_or(stride, |leapt| index.saturating_sub(leapt).saturating_mul(2).min(stride));
        let position = destination.saturating_add(stride.saturating_sub(walked));
        Self { position, destination, link }
    }
}

/// The place of the pebble that reveals an even index.
fn place(index: u32) -> usize {
    index.trailing_zeros().saturating_sub(1).try_into().unwrap_or_default()
}

/// Walks from the top to the tick `index` and puts each link where a pebble stands.
fn lay_out(hasher: &mut TickHasher, pebbles: &mut [Pebble; LEVELS], top: Tick, index: u32) -> Tick {
    let mut here = top;
    loop {
        for pebble in pebbles.iter_mut().filter(|pebble| pebble.position == here.index) {
            pebble.link = here.link;
        }
        if here.index <= index {
            return here;
        }
        let below = pebbles.iter().map(|pebble| pebble.position).filter(|at| *at < here.index);
        let next = below.max().unwrap_or_default().max(index);
        here = Tick { index: next, link: hasher.walk(here, next) };
    }
}

/// The last link of a chain, from which all others follow.
fn top_link(seed: &[u8; 32], salt: &[u8; 16], length: u32) -> TickLink {
    let digest: [u8; 32] = Sha256::new()
        .chain_update(tag("farthing/tick-seed/1"))
        .chain_update(seed)
        .chain_update(salt)
        .chain_update(length.to_be_bytes())
        .finalize()
        .into();
    let mut link = [0; TICK_LINK_BYTES];
    link.copy_from_slice(&digest[..TICK_LINK_BYTES]);
    TickLink(link)
}

/// Shows no link but the one that was revealed.
impl core::fmt::Debug for TickChain {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("TickChain")
            .field("count", &self.count)
            .field("newest", &self.newest)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::{LEVELS, Pebble};

    /// Hashes for the tick after `index`.
    fn hashes(index: u32, length: u32) -> u32 {
        let moving = (0..LEVELS)
            .map(|place| Pebble::at(place, index, length))
            .filter(|pebble| pebble.position > pebble.destination)
            .count();
        let last = u32::from(index.is_multiple_of(2));
        u32::try_from(moving).unwrap_or(u32::MAX).saturating_mul(2).saturating_add(last)
    }

    #[test]
    fn a_tick_costs_half_of_the_logarithm_and_never_more_than_all_of_it() {
        for log in 1..=14 {
            let length = 1_u32 << log;
            let costs = || (0..length).map(|index| hashes(index, length));
            assert!(costs().all(|cost| cost <= log), "{:?} of {log}", costs().max());
            assert!(costs().sum::<u32>() <= length.saturating_mul(log) / 2, "{length}");
        }
    }
}
