//! Bit histories: what was seen at one node of one context, in one byte.
//!
//! The idea is PAQ6's (Mahoney 2005); the rule is our own. A state is a pair of
//! bounded counts and the last bit. A bit raises its own count; the other count,
//! if above 2, falls to `(n + 3) / 2`, as what was long ago says little. A pair
//! outside the bounds loses from its larger count.

use std::sync::LazyLock;

/// Most that the larger count may be, by the smaller one.
const BOUNDS: [u8; 5] = [48, 28, 8, 6, 5];

/// State 0 has seen nothing.
pub const STATES: usize = 256;

/// Counts of zeros and ones, and the last bit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct History {
    pub counts: [u8; 2],
    pub last: u8,
}

impl History {
    fn allowed(self) -> bool {
        let [a, b] = self.counts;
        BOUNDS.get(usize::from(a.min(b))).is_some_and(|&bound| a.max(b) <= bound)
    }

    fn after(mut self, bit: usize) -> Self {
        self.counts[bit] += 1;
        let other = &mut self.counts[1 - bit];
        if *other > 2 {
            *other = (*other + 3) / 2;
        }
        self.last = bit as u8;
        while !self.allowed() {
            let larger = usize::from(self.counts[1] > self.counts[0]);
            self.counts[larger] -= 1;
        }
        self
    }
}

/// The state machine.
pub struct States {
    /// The state after a bit.
    pub next: [[u8; 2]; STATES],
    /// Bits that a state remembers.
    pub totals: [u8; STATES],
    /// Whether all bits seen were the same.
    pub certain: [bool; STATES],
    /// What a state stands for.
    pub histories: [History; STATES],
}

/// The machine, built at first use.
pub static STATE_MACHINE: LazyLock<States> = LazyLock::new(States::new);

impl States {
    /// States are numbered in the order in which a search that tries bit 0
    /// before bit 1, breadth first, comes upon them.
    fn new() -> Self {
        let mut found = vec![History::default()];
        let mut next = [[0; 2]; STATES];
        let mut state = 0;
        while state < found.len() {
            for (bit, next) in next[state & (STATES - 1)].iter_mut().enumerate() {
                let after = found[state].after(bit);
                let index = found.iter().position(|&h| h == after).unwrap_or_else(|| {
                    found.push(after);
                    found.len() - 1
                });
                *next = index as u8;
            }
            state += 1;
        }
        let mut histories = [History::default(); STATES];
        for (history, &state) in histories.iter_mut().zip(&found) {
            *history = state;
        }
        let totals = histories.map(|history| history.counts.iter().sum());
        let certain = histories.map(|history| history.counts.contains(&0));
        States { next, totals, certain, histories }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_fits_a_byte_and_leads_where_its_history_says() {
        let machine = &STATE_MACHINE;
        let mut reached = [false; STATES];
        reached[0] = true;
        for (state, history) in machine.histories.iter().enumerate() {
            assert!(history.allowed());
            if state > 0 && *history == History::default() {
                continue; // not in use
            }
            for bit in 0..2 {
                let next = usize::from(machine.next[state][bit]);
                assert_eq!(machine.histories[next], history.after(bit));
                assert_ne!(next, 0, "what was seen is not forgotten");
                reached[next] = true;
            }
        }
        let used = machine.histories.iter().filter(|&&h| h != History::default()).count() + 1;
        assert_eq!(reached.iter().filter(|&&r| r).count(), used);
        assert!((200..=STATES).contains(&used), "{used}");
    }

    #[test]
    fn long_runs_reach_the_bound_and_a_surprise_halves_them() {
        let machine = &STATE_MACHINE;
        let run = (0..100).fold(0u8, |state, _| machine.next[usize::from(state)][1]);
        assert_eq!(machine.histories[usize::from(run)].counts, [0, 48]);
        let broken = machine.next[usize::from(run)][0];
        assert_eq!(machine.histories[usize::from(broken)].counts, [1, 25]);
    }
}
