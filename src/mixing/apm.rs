//! Adaptive probability maps (secondary estimation, after PAQ6 and lpaq).
//!
//! A probability is refined by what happened when it was given in the same
//! context: 25 knots over its stretch, interpolated.

use crate::state::Visitor;

use super::stretch::{Logistic, STRETCH_FRACTION, STRETCH_LIMIT, SUM_FRACTION};

/// Knots of a context, one to a unit of log odds.
const KNOTS: usize = 25;

/// Refines probabilities by a context.
#[derive(Clone)]
pub struct Apm {
    /// Probability of a 1 at each knot, Q16.
    knots: Vec<u16>,
    /// A bit moves a knot by 2^-rate of the distance.
    rate: u32,
    /// The nearer knot of the last look-up.
    last: usize,
}

impl Apm {
    /// A map that starts as the identity.
    pub fn new(contexts: usize, rate: u32) -> Self {
        let logistic = Logistic::new();
        let knot = |i: usize| logistic.squash((i as i32 - 12) << SUM_FRACTION) as u16;
        let one: Vec<u16> = (0..KNOTS).map(knot).collect();
        Apm { knots: one.repeat(contexts), rate, last: 0 }
    }

    /// The refined probability, Q16, of one whose stretch is `x` (Q8, within +-12).
    #[inline]
    pub fn refine(&mut self, x: i32, context: usize) -> i32 {
        let x = (x.clamp(-STRETCH_LIMIT, STRETCH_LIMIT - 1) + STRETCH_LIMIT) as usize;
        let (knot, between) = (x >> STRETCH_FRACTION, (x & 255) as i32);
        let index = context * KNOTS + knot;
        self.last = index + usize::from(between >= 128);
        let (low, high) = (i32::from(self.knots[index]), i32::from(self.knots[index + 1]));
        (low * (256 - between) + high * between) >> 8
    }

    /// Learns the bit that the last look-up was for.
    #[inline]
    pub fn learn(&mut self, bit: i32) {
        let knot = &mut self.knots[self.last];
        let p = i32::from(*knot);
        // Rounded away from zero, so that a knot can come all the way.
        let up = bit * ((1 << self.rate) - 1);
        *knot = (p + (((bit << 16) - bit - p + up) >> self.rate)) as u16;
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
        let mut apm = Apm::new(3, 6);
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
