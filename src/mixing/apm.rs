//! Adaptive probability maps (secondary estimation, after PAQ6 and lpaq).
//!
//! A probability is refined by what happened when it was given in the same
//! context: 25 knots over its stretch, interpolated.

use crate::state::Visitor;

use super::stretch::{Logistic, STRETCH_FRACTION, STRETCH_LIMIT, SUM_FRACTION};

/// Knots of a context, one to a unit of log odds.
const KNOTS: usize = 25;

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
    /// The expected byte.
    Expected,
}

/// Refines probabilities by a context.
#[derive(Clone)]
pub struct Apm {
    /// Probability of a 1 at each knot, Q16, in difference (xor) from the identity.
    knots: Vec<u16>,
    /// The identity.
    start: [u16; KNOTS],
    /// Place and number of the nearer knot of the last look-up.
    last: (usize, usize),
}

impl Apm {
    /// A map that starts as the identity.
    pub fn new() -> Self {
        let logistic = Logistic::new();
        let start = std::array::from_fn(|i| logistic.squash((i as i32 - 12) << SUM_FRACTION) as u16);
        Apm { knots: vec![0; KNOTS << CONTEXT_BITS], start, last: (0, 0) }
    }

    /// The refined probability, Q16, of one whose stretch is `x` (Q8, within +-12).
    #[inline]
    pub fn refine(&mut self, x: i32, context: usize) -> i32 {
        let x = (x.clamp(-STRETCH_LIMIT, STRETCH_LIMIT - 1) + STRETCH_LIMIT) as usize;
        let (knot, between) = (x >> STRETCH_FRACTION, (x & 255) as i32);
        let index = (context & ((1 << CONTEXT_BITS) - 1)) * KNOTS + knot;
        let nearer = usize::from(between >= 128);
        self.last = (index + nearer, knot + nearer);
        let low = i32::from(self.knots[index] ^ self.start[knot]);
        let high = i32::from(self.knots[index + 1] ^ self.start[knot + 1]);
        (low * (256 - between) + high * between) >> 8
    }

    /// Learns the bit that the last look-up was for.
    #[inline]
    pub fn learn(&mut self, bit: i32) {
        let (index, knot) = self.last;
        let start = self.start[knot];
        let p = i32::from(self.knots[index] ^ start);
        // Rounded away from zero, so that a knot can come all the way.
        let up = bit * ((1 << RATE) - 1);
        self.knots[index] = (p + (((bit << 16) - bit - p + up) >> RATE)) as u16 ^ start;
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
