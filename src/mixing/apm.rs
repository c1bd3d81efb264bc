//! Adaptive probability maps (secondary estimation, after PAQ6 and lpaq).
//!
//! A probability is refined by what happened when it was given in the same
//! context: 25 knots over its stretch, interpolated.

use crate::state::Visitor;

use super::lines::Lines;
use super::stretch::{Logistic, STRETCH_FRACTION, STRETCH_LIMIT, SUM_FRACTION};

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
    /// The expected byte.
    Expected,
}

/// Refines probabilities by a context.
pub struct Apm {
    /// Probability of a 1 at each knot, Q16, in difference (xor) from the identity.
    knots: Lines<u16>,
    /// The identity.
    start: [u16; KNOTS],
    /// Where the row of the context begins, and as it is.
    place: usize,
    row: [u16; ROW],
    /// The nearer knot of the last look-up.
    last: usize,
}

impl Apm {
    /// A map that starts as the identity.
    pub fn new() -> Self {
        let logistic = Logistic::new();
        let start = std::array::from_fn(|i| logistic.squash((i as i32 - 12) << SUM_FRACTION) as u16);
        Apm { knots: Lines::zeros(ROW << CONTEXT_BITS), start, place: 0, row: [0; ROW], last: 0 }
    }

    /// Looks a context's row up, well before it is needed.
    #[inline(always)]
    pub fn enter(&mut self, context: usize) {
        self.place = (context & ((1 << CONTEXT_BITS) - 1)) * ROW;
        self.row.copy_from_slice(&self.knots[self.place..][..ROW]);
    }

    /// The refined probability, Q16, of one whose stretch is `x` (Q8, within +-12).
    #[inline(always)]
    pub fn refine(&mut self, x: i32) -> i32 {
        let x = (x.clamp(-STRETCH_LIMIT, STRETCH_LIMIT - 1) + STRETCH_LIMIT) as usize;
        let (knot, between) = (x >> STRETCH_FRACTION, (x & 255) as i32);
        self.last = knot + usize::from(between >= 128);
        let [low, high] = [knot, knot + 1].map(|knot| i32::from(self.row[knot] ^ self.start[knot]));
        (low * (256 - between) + high * between) >> 8
    }

    /// Learns the bit that the last look-up was for.
    #[inline]
    pub fn learn(&mut self, bit: i32) {
        let start = self.start[self.last];
        let p = i32::from(self.row[self.last] ^ start);
        // Rounded away from zero, so that a knot can come all the way.
        let up = bit * ((1 << RATE) - 1);
        self.knots[self.place + self.last] = (p + (((bit << 16) - bit - p + up) >> RATE)) as u16 ^ start;
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
        let mut refine = |apm: &mut Apm, x, context| {
            apm.enter(context);
            apm.refine(x)
        };
        for x in -STRETCH_LIMIT..=STRETCH_LIMIT {
            let p = logistic.squash(x << (SUM_FRACTION - STRETCH_FRACTION));
            let refined = refine(&mut apm, x, 1);
            assert!((refined - p).abs() < 1900 && (0..=65535).contains(&refined), "{x}: {p} became {refined}");
        }
        for bit in [0, 1] {
            for _ in 0..2000 {
                refine(&mut apm, 0, 2);
                apm.learn(bit);
            }
            assert!((refine(&mut apm, 0, 2) - 65535 * bit).abs() < 80);
        }
        assert_eq!(refine(&mut apm, 0, 1), 32768);
    }
}
