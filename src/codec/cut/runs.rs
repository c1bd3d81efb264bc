//! Finds long runs of one byte.

use std::ops::Range;

/// The fewest bytes of a run. The model codes a run in fewer bytes than the header of a block has, so
/// a run must be long enough to save time that counts.
pub const LEAST_RUN: usize = 64 << 10;

/// Returns the runs of at least [`LEAST_RUN`] equal bytes, in order.
pub fn find_runs(raw: &[u8]) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    // Every run contains one of these chunks.
    let step = LEAST_RUN / 2;
    for start in (0..raw.len()).step_by(step) {
        let after_last = runs.last().map_or(0, |run| run.end);
        let Some(chunk) = raw.get(start..start + step).filter(|_| start >= after_last) else { continue };
        // Equal neighbours throughout: the comparison ends at the first difference.
        if chunk[1..] != chunk[..step - 1] {
            continue;
        }
        let same = |&&byte: &&u8| byte == chunk[0];
        let before = raw[after_last..start].iter().rev().take_while(same).count();
        let after = raw[start..].iter().take_while(same).count();
        if before + after >= LEAST_RUN {
            runs.push(start - before..start + after);
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use std::slice;

    use super::*;

    #[test]
    fn long_runs_are_found_to_the_byte_and_short_ones_are_not() {
        for (before, len, after) in [(0, LEAST_RUN, 0), (1, LEAST_RUN, 9), (777, 3 * LEAST_RUN + 5, 0)] {
            let raw = [vec![1; before], vec![0; len], vec![2; after]].concat();
            let run = before..before + len;
            assert_eq!(find_runs(&raw), slice::from_ref(&run));
            let raw = [vec![1; before], vec![0; LEAST_RUN - 1], vec![2; after]].concat();
            assert_eq!(find_runs(&raw), []);
        }
        let two = [vec![1; LEAST_RUN], vec![2; LEAST_RUN]].concat();
        assert_eq!(find_runs(&two), [0..LEAST_RUN, LEAST_RUN..2 * LEAST_RUN]);
        assert_eq!(find_runs(&[]), []);
    }
}
