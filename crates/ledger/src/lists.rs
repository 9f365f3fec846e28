//! Lists of row indexes, each index in one list at most: open holds by timeout, vacant rows.
//!
//! Invariants: whoever stands before an index has it behind, and the other way round. An index that
//! was taken out can be put back where it was without a search, if everything that happened in
//! between is undone first. This module knows no rows.

use crate::chunks::wide;

/// In the place of an index: none.
const NONE: u32 = u32::MAX;

/// The neighbours of an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Link {
    before: u32,
    behind: u32,
}

impl Link {
    const ALONE: Self = Self { before: NONE, behind: NONE };

    /// The index is the first of its list.
    pub(crate) const fn is_first(self) -> bool {
        self.before == NONE
    }

    /// The next index of the list.
    pub(crate) fn behind(self) -> Option<u32> {
        (self.behind != NONE).then_some(self.behind)
    }
}

/// The ends of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct List {
    first: u32,
    last: u32,
}

impl Default for List {
    fn default() -> Self {
        Self { first: NONE, last: NONE }
    }
}

impl List {
    pub(crate) fn first(self) -> Option<u32> {
        (self.first != NONE).then_some(self.first)
    }
}

/// The neighbours of each index.
#[derive(Debug, Clone, Default)]
pub(crate) struct Links {
    links: Vec<Link>,
}

impl Links {
    pub(crate) fn push_first(&mut self, list: &mut List, index: u32) {
        self.put_back(list, index, Link { before: NONE, behind: list.first });
    }

    /// Adds an index at the end and says where that is.
    pub(crate) fn push_last(&mut self, list: &mut List, index: u32) -> Link {
        let link = Link { before: list.last, behind: NONE };
        self.put_back(list, index, link);
        link
    }

    /// Adds an index between the two that were its neighbours.
    #[inline]
    pub(crate) fn put_back(&mut self, list: &mut List, index: u32, link: Link) {
        if self.links.len() <= wide(index) {
            self.links.resize(wide(index).saturating_add(1), Link::ALONE);
        }
        self.links[wide(index)] = link;
        self.join(list, link, index, index);
    }

    /// Takes an index out and says where it was.
    #[inline]
    pub(crate) fn take_out(&mut self, list: &mut List, index: u32) -> Link {
        let link = self.links[wide(index)];
        self.join(list, link, link.behind, link.before);
        link
    }

    /// Sets what is behind the one neighbour and before the other.
    #[inline]
    fn join(&mut self, list: &mut List, link: Link, behind: u32, before: u32) {
        match self.links.get_mut(wide(link.before)) {
            Some(neighbour) => neighbour.behind = behind,
            None => list.first = behind,
        }
        match self.links.get_mut(wide(link.behind)) {
            Some(neighbour) => neighbour.before = before,
            None => list.last = before,
        }
    }

    /// Forgets the last index, which is in no list.
    pub(crate) fn pop(&mut self, index: u32) {
        self.links.truncate(wide(index));
    }

    /// The indexes of a list in order; at most as many as there are.
    pub(crate) fn of(&self, list: List) -> impl Iterator<Item = u32> {
        let behind = |&index: &u32| self.links[wide(index)].behind();
        std::iter::successors(list.first(), behind).take(self.links.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_out_goes_back() {
        let (mut links, mut list) = (Links::default(), List::default());
        (0..5).for_each(|index| {
            links.push_last(&mut list, index);
        });
        let of = |links: &Links, list| links.of(list).collect::<Vec<u32>>();
        for order in [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [2, 0, 4, 1, 3]] {
            let mut taken = order.map(|index| (index, links.take_out(&mut list, index)));
            assert_eq!((of(&links, list), list), (Vec::new(), List::default()));
            taken.reverse();
            for (index, link) in taken {
                links.put_back(&mut list, index, link);
            }
            assert_eq!(of(&links, list), [0, 1, 2, 3, 4]);
        }
        let link = links.take_out(&mut list, 2);
        links.put_back(&mut list, 7, link);
        assert_eq!(of(&links, list), [0, 1, 7, 3, 4]);
        links.push_first(&mut list, 6);
        assert_eq!(of(&links, list), [6, 0, 1, 7, 3, 4]);
        assert_eq!(list.last, 4);
    }
}
