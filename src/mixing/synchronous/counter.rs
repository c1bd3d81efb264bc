//! Counts zeros and ones of entries within a step.

/// A hash table of the entries that were hit. It is cleared as it is read.
pub struct Counter {
    /// `[places]`: entry + 1, 0 for none.
    keys: Vec<u32>,
    /// `[places]`: bits, and ones in the high half.
    counts: Vec<u32>,
    /// Places in use.
    used: Vec<u32>,
}

impl Counter {
    /// A counter of at most `most` bits a step.
    pub fn new(most: usize) -> Self {
        let places = (2 * most).next_power_of_two().max(2048);
        Counter { keys: vec![0; places], counts: vec![0; places], used: Vec::with_capacity(most) }
    }

    /// Counts a bit of one of the first 2,048 entries. Not to be mixed with [`add`](Self::add) before a `drain`.
    #[inline(always)]
    pub fn add_small(&mut self, entry: usize, bit: u32) {
        if self.counts[entry] == 0 {
            self.keys[entry] = entry as u32 + 1;
            self.used.push(entry as u32);
        }
        self.counts[entry] += 1 | bit << 16;
    }

    /// Counts a bit of an entry.
    #[inline(always)]
    pub fn add(&mut self, entry: usize, bit: u32) {
        let mask = self.keys.len() - 1;
        let mut place = (entry as u32).wrapping_mul(0x9e37_79b1) as usize >> 12 & mask;
        let key = entry as u32 + 1;
        loop {
            let found = self.keys[place & mask];
            if found == key {
                break;
            }
            if found == 0 {
                self.keys[place & mask] = key;
                self.used.push(place as u32);
                break;
            }
            place = (place + 1) & mask;
        }
        self.counts[place] += 1 | bit << 16;
    }

    /// Calls `learn` with each entry, the number of its ones and of its bits, and forgets all.
    #[inline(always)]
    pub fn drain(&mut self, mut learn: impl FnMut(usize, u32, u32)) {
        for place in self.used.drain(..) {
            let entry = std::mem::take(&mut self.keys[place as usize]) - 1;
            let count = std::mem::take(&mut self.counts[place as usize]);
            learn(entry as usize, count >> 16, count & 0xffff);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn bits_are_counted_by_entry(
            steps in proptest::collection::vec(proptest::collection::vec((0u32..1 << 18, 0u32..2), 0..200), 1..4),
            is_small: bool,
        ) {
            let mut counter = Counter::new(200);
            for bits in steps {
                let mut expected = BTreeMap::<usize, (u32, u32)>::new();
                for (entry, bit) in bits {
                    let entry = if is_small { entry as usize % 2048 } else { entry as usize };
                    if is_small { counter.add_small(entry, bit) } else { counter.add(entry, bit) }
                    let (ones, count) = expected.entry(entry).or_default();
                    (*ones, *count) = (*ones + bit, *count + 1);
                }
                let mut counted = BTreeMap::new();
                counter.drain(|entry, ones, count| assert!(counted.insert(entry, (ones, count)).is_none()));
                prop_assert_eq!(counted, expected);
            }
        }
    }
}
