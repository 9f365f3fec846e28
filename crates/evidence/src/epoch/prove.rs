//! Proofs of places, from the tree.

use super::subtree::{Builder, bit};
use super::verify::PlaceProof;
use super::{EpochTree, Summed};

impl EpochTree {
    /// The way from the place with this key to the root; `None` if nothing is there.
    pub fn prove(&self, key: u128) -> Option<PlaceProof> {
        let mut builder = Builder::new();
        let mut here = self.leaves.as_slice();
        let mut path = Vec::new();
        let mut place = 0_usize;
        // Keys part at the last bit at the latest: the range of a whole key has one leaf.
        for depth in 0..=128 {
            if let [leaf] = here {
                path.reverse();
                let proof = PlaceProof { share: leaf.summed.sum, path };
                return (leaf.key == key).then_some(proof);
            }
            let middle = here.partition_point(|leaf| !bit(leaf.key, depth));
            let (left, right) = here.split_at_checked(middle)?;
            let goes_right = bit(key, depth);
            let (own, other) = if goes_right { (right, left) } else { (left, right) };
            place = place << 1 | usize::from(goes_right);
            path.push(match self.kept(depth + 1, place ^ 1) {
                Some(kept) => kept,
                None => builder.top(other, depth + 1)?,
            });
            here = own;
            if here.is_empty() {
                return None;
            }
        }
        None
    }

    fn kept(&self, depth: u32, place: usize) -> Option<Summed> {
        self.crown.get(usize::try_from(depth).ok()?)?.get(place).copied()
    }
}
