//! Bit histories: the bits seen at one node of one context, summarised in one byte.
//!
//! The idea is from PAQ6 (Mahoney 2005), the rule is our own. A state is a pair of
//! bounded counts and the last bit. A bit increments its own count; the other count,
//! if above 2, falls to `(n + 3) / 2`, because old bits predict little. While the
//! pair is out of bounds, its larger count is decremented.

use std::sync::LazyLock;

/// The largest value of the larger count, by the smaller count.
const BOUNDS: [u8; 5] = [48, 28, 8, 6, 5];

/// The number of states, including unused ones. State 0 has seen no bit.
pub const STATES: usize = 256;

/// The meaning of a state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BitHistory {
    /// Zeros and ones.
    pub counts: [u8; 2],
    /// The last bit.
    pub last: u8,
}

impl BitHistory {
    fn is_allowed(self) -> bool {
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
        while !self.is_allowed() {
            let larger = usize::from(self.counts[1] > self.counts[0]);
            self.counts[larger] -= 1;
        }
        self
    }
}

/// The state machine of bit histories.
pub struct StateMachine {
    /// `[state][bit]`: the next state.
    pub next: [[u8; 2]; STATES],
    /// Sum of the counts of a state.
    pub totals: [u8; STATES],
    /// True if one of the counts is 0.
    pub certain: [bool; STATES],
    /// The meaning of each state.
    pub histories: [BitHistory; STATES],
}

/// The machine, built at first use.
pub static STATE_MACHINE: LazyLock<StateMachine> = LazyLock::new(StateMachine::new);

impl StateMachine {
    /// Numbers the states in the order of a breadth-first search that tries bit 0 before bit 1.
    fn new() -> Self {
        let mut found = vec![BitHistory::default()];
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
        let mut histories = [BitHistory::default(); STATES];
        for (history, &state) in histories.iter_mut().zip(&found) {
            *history = state;
        }
        let totals = histories.map(|history| history.counts.iter().sum());
        let certain = histories.map(|history| history.counts.contains(&0));
        StateMachine { next, totals, certain, histories }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_fits_in_a_byte_and_leads_to_the_state_of_its_next_history() {
        let machine = &STATE_MACHINE;
        let mut reached = [false; STATES];
        reached[0] = true;
        for (state, history) in machine.histories.iter().enumerate() {
            assert!(history.is_allowed());
            if state > 0 && *history == BitHistory::default() {
                continue; // unused
            }
            for bit in 0..2 {
                let next = usize::from(machine.next[state][bit]);
                assert_eq!(machine.histories[next], history.after(bit));
                assert_ne!(next, 0, "no bit leads back to the empty history");
                reached[next] = true;
            }
        }
        let used = machine.histories.iter().filter(|&&h| h != BitHistory::default()).count() + 1;
        assert_eq!(reached.iter().filter(|&&r| r).count(), used);
        assert!((200..=STATES).contains(&used), "{used}");
    }

    #[test]
    fn long_runs_reach_the_bound_and_an_unexpected_bit_halves_them() {
        let machine = &STATE_MACHINE;
        let run = (0..100).fold(0u8, |state, _| machine.next[usize::from(state)][1]);
        assert_eq!(machine.histories[usize::from(run)].counts, [0, 48]);
        let broken = machine.next[usize::from(run)][0];
        assert_eq!(machine.histories[usize::from(broken)].counts, [1, 25]);
    }
}
