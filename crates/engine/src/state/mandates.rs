//! Mandates as the state remembers them: what was signed, and what was spent under it.
//!
//! Invariants: what is spent under a mandate is spent under every mandate above it, in total and in
//! the UTC calendar day and month of the moment when it was authorized; no mandate has more spent
//! than it allows; what is given back returns to that day and month, or to none if they are over.
//! A parent stands before its children.

use std::collections::BTreeMap;

use instrument::{Limits, Mandate, Permission, PublicKey, Signed, TreeMandate};
use money::{AccountId, MandateId};

use crate::codec::{Decoder, Encoder, Malformed};
use crate::entry::{
    decode_list, decode_signed_mandate, decode_signed_tree_mandate, encode_signed_mandate,
    encode_signed_tree_mandate,
};

const DAY_NS: u64 = 24 * 60 * 60 * 1_000_000_000;

/// What was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SignedMandate {
    /// Version 1: stands alone.
    Single(Box<Signed<Mandate>>),
    /// Version 2: a link of a tree.
    Tree(Box<Signed<TreeMandate>>),
}

impl SignedMandate {
    fn permission(&self) -> Permission {
        match self {
            Self::Single(signed) => signed.unverified().permission(),
            Self::Tree(signed) => signed.unverified().permission(),
        }
    }
}

/// A day or month, and what was spent in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Window {
    /// Days or months since 1970.
    number: u32,
    spent: u128,
}

impl Window {
    /// What is spent in the window of this number; windows before it are over.
    pub(crate) fn spent_in(&self, number: u32) -> u128 {
        if self.number == number { self.spent } else { 0 }
    }

    fn spend(&mut self, number: u32, units: u128) {
        let spent = self.spent_in(number).saturating_add(units);
        *self = Self { number, spent };
    }

    fn give_back(&mut self, number: u32, units: u128) {
        if self.number == number {
            self.spent = self.spent.saturating_sub(units);
        }
    }

    fn encode(self, out: &mut Encoder) {
        out.u32(self.number);
        out.u128(self.spent);
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        Ok(Self { number: from.u32()?, spent: from.u128()? })
    }
}

/// The UTC calendar day and month of a moment, each counted from 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Calendar {
    pub day: u32,
    pub month: u32,
}

impl Calendar {
    /// Of Unix nanoseconds.
    pub(crate) fn at(at_ns: u64) -> Self {
        // At most 213,503 days fit into the nanoseconds of 64 bits.
        let day = u32::try_from(at_ns / DAY_NS).unwrap_or(u32::MAX);
        Self { day, month: month_of(day) }
    }
}

/// Months before the one that a day is in. Years are counted from March, so that the leap day is the
/// last of its year; 719,468 days lie between the first of March of the year 0 and 1970.
fn month_of(day: u32) -> u32 {
    let day = u64::from(day) + 719_468;
    let era = day / 146_097;
    let day_of_era = day % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let months = (era * 400 + year_of_era) * 12 + month_from_march + 2;
    u32::try_from(months - 1970 * 12).unwrap_or(u32::MAX)
}

/// One granter's switch on a mandate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Switch {
    /// How far above the mandate its owner stands: 0 is the granter, 1 that of the parent.
    pub above: u8,
    pub sequence: u64,
    pub paused: bool,
}

/// A mandate with its use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GrantedMandate {
    pub signed: SignedMandate,
    pub permission: Permission,
    pub label: String,
    /// Held and settled under it and all below it, base units.
    pub spent: u128,
    /// Of version 2 only: version 1 has no limits for days and months.
    pub day: Window,
    pub month: Window,
    pub revoked: bool,
    /// By distance of the owner.
    pub switches: Vec<Switch>,
    /// Mandates in the tree of which it is the root, itself included; for children 0.
    pub tree_count: u32,
}

impl GrantedMandate {
    pub(crate) fn new(signed: SignedMandate, label: String) -> Self {
        let permission = signed.permission();
        Self {
            permission,
            signed,
            label,
            spent: 0,
            day: Window::default(),
            month: Window::default(),
            revoked: false,
            switches: Vec::new(),
            tree_count: u32::from(permission.parent.is_none()),
        }
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.permission.limits
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.switches.iter().any(|switch| switch.paused)
    }

    fn has_windows(&self) -> bool {
        matches!(self.signed, SignedMandate::Tree(_))
    }

    /// Counts what is spent; whether that is within what it allows.
    fn spend(&mut self, units: u128, at: Calendar) -> bool {
        self.spent = self.spent.saturating_add(units);
        if self.has_windows() {
            self.day.spend(at.day, units);
            self.month.spend(at.month, units);
        }
        self.is_within()
    }

    pub(crate) fn is_within(&self) -> bool {
        let limits = self.limits();
        self.spent <= limits.total
            && self.day.spent <= limits.per_day
            && self.month.spent <= limits.per_month
    }

    fn give_back(&mut self, units: u128, at: Calendar) {
        self.spent = self.spent.saturating_sub(units);
        self.day.give_back(at.day, units);
        self.month.give_back(at.month, units);
    }

    /// As snapshots up to version 4 have it; only version 1, never paused, was known then.
    fn encode_single(&self, out: &mut Encoder, signed: &Signed<Mandate>) {
        encode_signed_mandate(out, signed);
        out.str(&self.label);
        out.u128(self.spent);
        out.u8(u8::from(self.revoked));
    }

    fn encode(&self, out: &mut Encoder) {
        match &self.signed {
            SignedMandate::Single(signed) => {
                out.u8(1);
                self.encode_single(out, signed);
            }
            SignedMandate::Tree(signed) => {
                out.u8(2);
                encode_signed_tree_mandate(out, signed);
                out.str(&self.label);
                out.u128(self.spent);
                out.u8(u8::from(self.revoked));
                self.day.encode(out);
                self.month.encode(out);
            }
        }
        out.len(self.switches.len());
        for switch in &self.switches {
            out.u8(switch.above);
            out.u64(switch.sequence);
            out.u8(u8::from(switch.paused));
        }
    }

    fn decode_single(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        let signed = SignedMandate::Single(Box::new(decode_signed_mandate(from)?));
        let mut granted = Self::new(signed, from.str()?.to_owned());
        granted.spent = from.u128()?;
        granted.revoked = from.flag()?;
        Ok(granted)
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        let mut granted = match from.u8()? {
            1 => Self::decode_single(from)?,
            2 => {
                let signed = SignedMandate::Tree(Box::new(decode_signed_tree_mandate(from)?));
                let mut granted = Self::new(signed, from.str()?.to_owned());
                granted.spent = from.u128()?;
                granted.revoked = from.flag()?;
                granted.day = Window::decode(from)?;
                granted.month = Window::decode(from)?;
                granted
            }
            _ => return Err(Malformed("mandate version")),
        };
        granted.switches = decode_list(from, |from| {
            Ok(Switch { above: from.u8()?, sequence: from.u64()?, paused: from.flag()? })
        })?;
        Ok(granted)
    }
}

/// All mandates of the node.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Mandates {
    by_id: BTreeMap<MandateId, GrantedMandate>,
    /// In the order of their grant.
    by_payer: BTreeMap<AccountId, Vec<MandateId>>,
    /// How many of a payer's are roots.
    roots: BTreeMap<AccountId, usize>,
}

impl Mandates {
    pub(crate) fn get(&self, id: MandateId) -> Option<&GrantedMandate> {
        self.by_id.get(&id)
    }

    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &GrantedMandate> {
        self.by_id.values()
    }

    /// A payer's, in the order of their grant.
    pub(crate) fn of_payer(
        &self,
        payer: AccountId,
    ) -> impl DoubleEndedIterator<Item = &GrantedMandate> {
        let ids = self.by_payer.get(&payer).map_or(&[][..], Vec::as_slice);
        ids.iter().filter_map(|id| self.by_id.get(id))
    }

    /// How many of a payer's are roots, revoked ones included.
    pub(crate) fn root_count(&self, payer: AccountId) -> usize {
        self.roots.get(&payer).copied().unwrap_or(0)
    }

    /// A mandate and those above it, up to the root.
    pub(crate) fn chain(&self, id: MandateId) -> impl Iterator<Item = &GrantedMandate> {
        std::iter::successors(self.get(id), |granted| {
            granted.permission.parent.and_then(|parent| self.get(parent))
        })
    }

    /// How far above a mandate a key has granted: the highest place that it has in the chain.
    pub(crate) fn place_of(&self, id: MandateId, granter: &PublicKey) -> Option<u8> {
        let places = (0_u8..).zip(self.chain(id));
        places.filter(|(_, it)| it.permission.granter == *granter).map(|(place, _)| place).last()
    }

    /// Adds a mandate; `false` if it is known or its parent is not.
    pub(crate) fn insert(&mut self, granted: GrantedMandate) -> bool {
        let Permission { id, parent, payer, .. } = granted.permission;
        if self.by_id.contains_key(&id) {
            return false;
        }
        match parent {
            None => *self.roots.entry(payer).or_default() += 1,
            Some(parent) => {
                let Some(root) = self.chain(parent).last().map(|root| root.permission.id) else {
                    return false;
                };
                if let Some(root) = self.by_id.get_mut(&root) {
                    root.tree_count = root.tree_count.saturating_add(1);
                }
            }
        }
        self.by_id.insert(id, granted);
        self.by_payer.entry(payer).or_default().push(id);
        true
    }

    pub(crate) fn revoke(&mut self, id: MandateId) -> bool {
        let found = self.by_id.get_mut(&id);
        found.map(|granted| granted.revoked = true).is_some()
    }

    /// Turns one granter's switch.
    pub(crate) fn switch(&mut self, id: MandateId, turned: Switch) -> bool {
        let Some(granted) = self.by_id.get_mut(&id) else { return false };
        granted.switches.retain(|switch| switch.above != turned.above);
        granted.switches.push(turned);
        granted.switches.sort_unstable_by_key(|switch| switch.above);
        true
    }

    /// Counts what is spent under a mandate and all above it; whether all of them allow it.
    pub(crate) fn spend(&mut self, id: MandateId, units: u128, at_ns: u64) -> bool {
        let at = Calendar::at(at_ns);
        let (mut next, mut allowed) = (Some(id), true);
        while let Some(id) = next {
            let Some(granted) = self.by_id.get_mut(&id) else { return false };
            allowed &= granted.spend(units, at);
            next = granted.permission.parent;
        }
        allowed
    }

    /// Gives back what was authorized at a moment and not spent.
    pub(crate) fn give_back(&mut self, id: MandateId, units: u128, at_ns: u64) {
        let at = Calendar::at(at_ns);
        let mut next = Some(id);
        while let Some(granted) = next.and_then(|id| self.by_id.get_mut(&id)) {
            granted.give_back(units, at);
            next = granted.permission.parent;
        }
    }

    #[cfg(test)]
    pub(crate) fn set_spent(&mut self, units: u128) {
        self.by_id.values_mut().for_each(|granted| granted.spent = units);
    }

    /// By payer, each in the order of grant: parents come first.
    pub(crate) fn encode(&self, out: &mut Encoder) {
        out.len(self.by_id.len());
        self.in_order().for_each(|granted| granted.encode(out));
    }

    /// In the layout of snapshots up to version 4; `false` if that cannot tell of these mandates.
    pub(crate) fn encode_as_before_trees(&self, out: &mut Encoder) -> bool {
        out.len(self.by_id.len());
        self.in_order().all(|granted| match &granted.signed {
            SignedMandate::Single(signed) if granted.switches.is_empty() => {
                granted.encode_single(out, signed);
                true
            }
            _ => false,
        })
    }

    fn in_order(&self) -> impl Iterator<Item = &GrantedMandate> {
        self.by_payer.values().flatten().filter_map(|id| self.by_id.get(id))
    }

    pub(crate) fn decode(from: &mut Decoder<'_>, has_trees: bool) -> Result<Self, Malformed> {
        let mut mandates = Self::default();
        for _ in 0..from.len()? {
            let granted = if has_trees {
                GrantedMandate::decode(from)?
            } else {
                GrantedMandate::decode_single(from)?
            };
            if !mandates.insert(granted) {
                return Err(Malformed("a mandate stands twice or before its parent"));
            }
        }
        Ok(mandates)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_are_those_of_the_calendar() {
        let lengths =
            |leap: bool| [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        let (mut day, mut month) = (0, 0);
        for year in 1970..2555_u32 {
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            for length in lengths(leap) {
                for _ in 0..length {
                    assert_eq!(month_of(day), month, "day {day}");
                    day += 1;
                }
                month += 1;
            }
        }
        assert_eq!(Calendar::at(DAY_NS - 1), Calendar { day: 0, month: 0 });
        assert_eq!(Calendar::at(31 * DAY_NS), Calendar { day: 31, month: 1 });
        assert!(Calendar::at(u64::MAX).day < day);
    }
}
