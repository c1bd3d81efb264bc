//! Parts of the table of slots, which threads learn independently.

/// The largest number of parts.
pub const MOST_PARTS: usize = 16;

/// How the table of slots is cut into parts of equal size.
#[derive(Clone, Copy)]
pub struct Parts {
    /// log2 of the slots of a part.
    bits: u32,
}

impl Parts {
    /// Cuts a table, whose number of slots is a power of two, into parts for a number of threads.
    pub fn new(slots: usize, threads: usize) -> Self {
        let parts = if threads == 1 { 1 } else { (2 * threads).next_power_of_two().min(MOST_PARTS) };
        Parts { bits: slots.div_ceil(parts).ilog2() }
    }

    /// Returns the number of slots of a part.
    pub fn len(self) -> usize {
        1 << self.bits
    }

    /// Returns the number of a slot's part.
    #[inline(always)]
    pub fn of(self, slot: usize) -> usize {
        slot >> self.bits & (MOST_PARTS - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_slot_is_in_the_part_that_holds_it() {
        for (slots, threads) in [(1, 1), (1, 16), (8, 4), (256, 1), (256, 3), (1 << 20, 64)] {
            let parts = Parts::new(slots, threads);
            let numbers: Vec<usize> = (0..slots).collect();
            for (part, numbers) in numbers.chunks(parts.len()).enumerate() {
                assert!(numbers.len() == parts.len() && numbers.iter().all(|&slot| parts.of(slot) == part));
            }
        }
    }
}
