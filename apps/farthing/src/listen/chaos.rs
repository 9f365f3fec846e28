//! What can go wrong with webhooks on their way, on purpose: which copies of an event are sent, when, and
//! which of them are spoiled.
//!
//! Pure: the same seed gives the same plan. Invariant: every event has one copy that is in order, so a
//! handler that is right ends in the right state.

use clap::ValueEnum;

/// A kind of trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Trouble {
    /// Some events come twice.
    Duplicate,
    /// Some events are overtaken by later ones.
    Reorder,
    /// Some events come seconds late.
    Delay,
    /// Some events come with a wrong signature or another body first.
    Corrupt,
}

/// How a copy is spoiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spoiled {
    /// Its signature is wrong.
    Signature,
    /// Its body is not what was signed.
    Body,
}

/// A copy of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Copy {
    /// It leaves so much later.
    pub(crate) delay_ms: u64,
    pub(crate) spoiled: Option<Spoiled>,
}

/// Plans.
#[derive(Debug)]
pub(crate) struct Chaos {
    troubles: Vec<Trouble>,
    state: u64,
}

impl Chaos {
    pub(crate) fn new(troubles: Vec<Trouble>, seed: u64) -> Self {
        Self { troubles, state: seed }
    }

    /// Whether everything goes as it should.
    pub(crate) fn is_calm(&self) -> bool {
        self.troubles.is_empty()
    }

    /// The copies of the next event, in order of their departure; at least one is in order.
    pub(crate) fn copies(&mut self) -> Vec<Copy> {
        let mut delay_ms = 0;
        if self.happens(Trouble::Reorder, 3) {
            delay_ms += 50 + self.below(250);
        }
        if self.happens(Trouble::Delay, 4) {
            delay_ms += 500 + self.below(2_500);
        }
        let mut copies = Vec::new();
        if self.happens(Trouble::Corrupt, 4) {
            let signature = self.below(2) == 0;
            let spoiled = if signature { Spoiled::Signature } else { Spoiled::Body };
            copies.push(Copy { delay_ms, spoiled: Some(spoiled) });
            delay_ms += 20 + self.below(200);
        }
        copies.push(Copy { delay_ms, spoiled: None });
        if self.happens(Trouble::Duplicate, 3) {
            delay_ms += self.below(500);
            copies.push(Copy { delay_ms, spoiled: None });
        }
        copies
    }

    /// Once in `times`, if there is to be such trouble.
    fn happens(&mut self, trouble: Trouble, times: u64) -> bool {
        self.troubles.contains(&trouble) && self.below(times) == 0
    }

    /// `SplitMix64`; the small unevenness does not matter here.
    fn below(&mut self, limit: u64) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(troubles: &[Trouble], seed: u64) -> Vec<Vec<Copy>> {
        let mut chaos = Chaos::new(troubles.to_vec(), seed);
        (0..300).map(|_| chaos.copies()).collect()
    }

    #[test]
    fn a_seed_gives_one_plan_in_which_every_event_has_a_copy_in_order() {
        let all = Trouble::value_variants();
        let planned = plan(all, 7);
        assert_eq!(planned, plan(all, 7));
        assert_ne!(planned, plan(all, 8));
        for copies in &planned {
            assert!(copies.iter().any(|copy| copy.spoiled.is_none()));
            assert!(copies.is_sorted_by_key(|copy| copy.delay_ms));
        }
    }

    #[test]
    fn only_what_was_asked_for_goes_wrong() {
        let good = Copy { delay_ms: 0, spoiled: None };
        assert!(Chaos::new(Vec::new(), 1).is_calm());
        assert!(plan(&[], 1).iter().all(|copies| *copies == [good]));
        let counts = |trouble| {
            let planned = plan(&[trouble], 1);
            let more = planned.iter().filter(|copies| copies.len() > 1).count();
            let late = planned.iter().filter(|copies| copies[0].delay_ms > 0).count();
            let spoiled = planned.iter().flatten().filter(|copy| copy.spoiled.is_some()).count();
            [more, late, spoiled].map(|count| count > 30)
        };
        assert_eq!(counts(Trouble::Duplicate), [true, false, false]);
        assert_eq!(counts(Trouble::Reorder), [false, true, false]);
        assert_eq!(counts(Trouble::Delay), [false, true, false]);
        assert_eq!(counts(Trouble::Corrupt), [true, false, true]);
    }
}
