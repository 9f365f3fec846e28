//! Percentiles of what was measured, by nearest rank: always a value that occurred, never one between
//! two of them.

/// The value that `percent` of 100 stayed below or at; nothing of nothing. `sorted` ascends.
pub fn percentile<T: Copy>(sorted: &[T], percent: usize) -> Option<T> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_value_that_occurred() {
        let hundred: Vec<u32> = (1..=100).collect();
        let of_hundred = |percent| percentile(&hundred, percent);
        assert_eq!([0, 1, 50, 99, 100].map(of_hundred), [1, 1, 50, 99, 100].map(Some));
        assert_eq!(percentile(&[10, 20, 30], 50), Some(20));
        assert_eq!(percentile(&[10, 20, 30], 67), Some(30));
        assert_eq!(percentile(&[10, 20, 30], 101), None);
        assert_eq!(percentile::<u32>(&[], 50), None);
    }
}
