//! Adaptive probability maps (secondary estimation, after PAQ6 and lpaq).
//!
//! A probability is refined by what happened when it was given in the same
//! context: 25 knots over its stretch, interpolated.

use crate::simd::prefetch;
use crate::state::Visitor;

use super::selector::Moment;
use super::stretch::{Logistic, STRETCH_FRACTION, STRETCH_LIMIT, SUM_FRACTION};
use crate::simd::lines::Lines;

/// Knots of a context, one to a unit of log odds.
const KNOTS: usize = 25;
/// Knots and what fills a cache line.
const ROW: usize = 32;

/// log2 of the contexts of a map.
const CONTEXT_BITS: u32 = 16;
/// A bit moves a knot by 2^-RATE of the distance.
const RATE: u32 = 6;

/// What a map looks at besides the node.
#[derive(Clone, Copy, Debug)]
pub enum Refinement {
    /// The last byte.
    One,
    /// The last two bytes, hashed.
    Two,
    /// The byte that the match expects.
    Expected,
    /// The byte that the network thinks likeliest.
    Likeliest,
}

/// Refines probabilities by a context.
#[derive(Clone)]
pub struct Apm {
    /// Probability of a 1 at each knot, Q16, in difference (xor) from the identity.
    knots: Lines<u16>,
    /// The identity.
    start: [u16; KNOTS],
    /// Place and number of the nearer knot of the last look-up.
    last: (usize, usize),
}

impl Refinement {
    /// The context of a moment.
    #[inline(always)]
    pub fn context(self, moment: &Moment) -> usize {
        let Moment { node, last, second, expected, likeliest, .. } = *moment;
        match self {
            Refinement::One => last << 8 | node,
            Refinement::Two => {
                let two = ((second << 8 | last) as u32).wrapping_mul(0x9e37_79b1);
                ((two ^ (node as u32).wrapping_mul(0x85eb_ca6b)) >> 16) as usize
            }
            Refinement::Expected => expected << 8 | node,
            Refinement::Likeliest => likeliest << 8 | node,
        }
    }
}

impl Apm {
    /// A map that starts as the identity.
    pub fn new() -> Self {
        let logistic = Logistic::new();
        let start = std::array::from_fn(|i| logistic.squash((i as i32 - 12) << SUM_FRACTION) as u16);
        Apm { knots: Lines::zeros(ROW << CONTEXT_BITS), start, last: (0, 0) }
    }

    /// Has a context's row brought near.
    #[inline(always)]
    pub fn prefetch(&self, context: usize) {
        prefetch(&self.knots, context * ROW);
    }

    /// The refined probability, Q16, of one whose stretch is `x` (Q8, within +-12).
    #[inline(always)]
    pub fn refine(&mut self, x: i32, context: usize) -> i32 {
        let x = (x.clamp(-STRETCH_LIMIT, STRETCH_LIMIT - 1) + STRETCH_LIMIT) as usize;
        let (knot, between) = (x >> STRETCH_FRACTION, (x & 255) as i32);
        let row = context * ROW;
        let nearer = knot + usize::from(between >= 128);
        self.last = (row + nearer, nearer);
        let [low, high] = [knot, knot + 1].map(|knot| i32::from(self.knots[row + knot] ^ self.start[knot]));
        (low * (256 - between) + high * between) >> 8
    }

    /// Learns the bit that the last look-up was for.
    #[inline]
    pub fn learn(&mut self, bit: i32) {
        let (place, knot) = self.last;
        let start = self.start[knot];
        let p = i32::from(self.knots[place] ^ start);
        // Rounded away from zero, so that a knot can come all the way.
        let up = bit * ((1 << RATE) - 1);
        self.knots[place] = (p + (((bit << 16) - bit - p + up) >> RATE)) as u16 ^ start;
    }

    /// Shows all knots; any words are knots.
    pub fn visit(&mut self, visitor: &mut dyn Visitor) {
        visitor.u16s(&mut self.knots);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_map_changes_little_and_a_taught_one_knows() {
        let logistic = Logistic::new();
        let mut apm = Apm::new();
        for x in -STRETCH_LIMIT..=STRETCH_LIMIT {
            let p = logistic.squash(x << (SUM_FRACTION - STRETCH_FRACTION));
            let refined = apm.refine(x, 1);
            assert!((refined - p).abs() < 1900 && (0..=65535).contains(&refined), "{x}: {p} became {refined}");
        }
        for bit in [0, 1] {
            for _ in 0..2000 {
                apm.refine(0, 2);
                apm.learn(bit);
            }
            assert!((apm.refine(0, 2) - 65535 * bit).abs() < 80);
        }
        assert_eq!(apm.refine(0, 1), 32768);
    }
}
