//! Adaptive probability maps (secondary estimation, after PAQ6 and lpaq).
//!
//! A map corrects a probability by the bits that followed when the same
//! probability was predicted in the same context. Each context has 25 knots over
//! the stretched probability; the map interpolates between them.

use crate::simd::AlignedBuffer;
use crate::simd::prefetch;
use crate::state::Visitor;

use super::super::logistic::{Logistic, STRETCH_FRACTION, STRETCH_LIMIT, SUM_FRACTION};
use super::super::prediction::MixerContext;

/// Knots per context, one per unit of log odds.
const KNOTS: usize = 25;
/// Entries per context: the knots, padded to a cache line.
const ROW: usize = 32;

/// log2 of the number of contexts of a map.
const CONTEXT_BITS: u32 = 16;
/// A bit moves a knot by 2^-RATE of the distance.
const RATE: u32 = 6;

/// Selects the context of a map, together with the node.
#[derive(Clone, Copy, Debug)]
pub enum Refinement {
    /// The last byte.
    One,
    /// The last two bytes, hashed.
    Two,
    /// The byte that the match expects.
    Expected,
    /// The byte that is most probable for the network.
    Likeliest,
}

/// An adaptive probability map.
#[derive(Clone)]
pub struct Apm {
    /// `[contexts][ROW]`: probability of a 1 at each knot, Q16, xor the identity.
    knots: AlignedBuffer<u16>,
    /// The identity: squash at each knot, Q16.
    start: [u16; KNOTS],
}

impl Refinement {
    /// Returns the index of a context, below 2^16.
    #[inline(always)]
    pub fn index(self, context: &MixerContext) -> usize {
        let MixerContext { node, last, second, expected, likeliest, .. } = *context;
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
    /// Creates a map that changes nothing yet, but for the error of interpolation.
    pub fn new() -> Self {
        let logistic = Logistic::new();
        let start = std::array::from_fn(|i| logistic.squash((i as i32 - 12) << SUM_FRACTION) as u16);
        Apm { knots: AlignedBuffer::zeros(ROW << CONTEXT_BITS), start }
    }

    /// Prefetches the knots of a context.
    #[inline(always)]
    pub fn prefetch(&self, context: usize) {
        prefetch(&self.knots, context * ROW);
    }

    /// Returns the refined probability (Q16) for a stretched probability `x` (Q8, limited to ±12), and the index of
    /// the knot to learn: the nearer one.
    #[inline(always)]
    pub fn refine(&self, x: i32, context: usize) -> (i32, usize) {
        let x = (x.clamp(-STRETCH_LIMIT, STRETCH_LIMIT - 1) + STRETCH_LIMIT) as usize;
        let (knot, between) = (x >> STRETCH_FRACTION, (x & 255) as i32);
        let row = context * ROW;
        let [low, high] = [knot, knot + 1].map(|knot| i32::from(self.knots[row + knot] ^ self.start[knot]));
        ((low * (256 - between) + high * between) >> 8, row + knot + usize::from(between >= 128))
    }

    /// Moves a knot towards the bit.
    #[inline]
    pub fn learn(&mut self, index: usize, bit: i32) {
        let start = self.start[index % ROW];
        let p = i32::from(self.knots[index] ^ start);
        // Rounded towards the bit, so that a knot can reach 0 and 65535.
        let up = bit * ((1 << RATE) - 1);
        self.knots[index] = (p + (((bit << 16) - bit - p + up) >> RATE)) as u16 ^ start;
    }

    /// Visits all knots; any words are valid.
    pub fn visit(&mut self, visitor: &mut dyn Visitor) {
        visitor.u16s(&mut self.knots);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_map_changes_little_and_a_trained_one_predicts_the_bit() {
        let logistic = Logistic::new();
        let mut apm = Apm::new();
        for x in -STRETCH_LIMIT..=STRETCH_LIMIT {
            let p = logistic.squash(x << (SUM_FRACTION - STRETCH_FRACTION));
            let (refined, _) = apm.refine(x, 1);
            assert!((refined - p).abs() < 1900 && (0..=65535).contains(&refined), "{x}: {p} became {refined}");
        }
        for bit in [0, 1] {
            for _ in 0..2000 {
                let (_, knot) = apm.refine(0, 2);
                apm.learn(knot, bit);
            }
            assert!((apm.refine(0, 2).0 - 65535 * bit).abs() < 80);
        }
        assert_eq!(apm.refine(0, 1).0, 32768);
    }
}
