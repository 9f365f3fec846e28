//! What happened in a run, for whoever has to find out why it failed.

use std::collections::VecDeque;

/// Events that are kept for the end.
const KEPT: usize = 24;

/// The last events of a run, and a digest over all of it.
#[derive(Debug, Default)]
pub struct Trace {
    last: VecDeque<String>,
    /// Print each event at once.
    is_loud: bool,
    digest: Digest,
}

impl Trace {
    pub fn new(is_loud: bool) -> Self {
        Self { is_loud, ..Self::default() }
    }

    #[expect(clippy::print_stdout, reason = "asked for on the command line")]
    pub fn event(&mut self, event: String) {
        self.digest.add(event.as_bytes());
        if self.is_loud {
            println!("  {event}");
        }
        if self.last.len() == KEPT {
            self.last.pop_front();
        }
        self.last.push_back(event);
    }

    /// Counts for the digest only.
    pub fn digest(&mut self, bytes: &[u8]) {
        self.digest.add(bytes);
    }

    pub fn fingerprint(&self) -> u64 {
        self.digest.0
    }

    pub fn last(&self) -> impl Iterator<Item = &str> {
        self.last.iter().map(String::as_str)
    }
}

/// FNV-1a.
#[derive(Debug)]
struct Digest(u64);

impl Default for Digest {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Digest {
    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_events_are_kept_and_all_count() {
        let mut trace = Trace::new(false);
        for number in 0..100 {
            trace.event(number.to_string());
        }
        assert_eq!(trace.last().next(), Some("76"));
        assert_eq!(trace.last().last(), Some("99"));
        let mut other = Trace::new(false);
        (1..100).for_each(|number| other.event(number.to_string()));
        assert!(trace.last().eq(other.last()));
        assert_ne!(trace.fingerprint(), other.fingerprint());
    }
}
