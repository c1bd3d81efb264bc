//! Estimates the length of the records in a stream.
//!
//! If a byte value recurs at the same distance several times in a row, that distance is
//! probably the length of a record (after paq8's record model).

use crate::state::Visitor;

/// Records are shorter than this.
const LONGEST: usize = 1024;
/// When a length has more votes than this, all votes are halved.
const MOST_VOTES: u16 = 4096;

/// Votes for the distances at which byte values recur.
#[derive(Clone)]
pub struct RecordLength {
    /// Of each byte value: its last position, and the distance to the one before.
    last: [[u32; 2]; 256],
    votes: Vec<u16>,
    /// The estimated length, 1..1024.
    pub length: u32,
}

impl Default for RecordLength {
    fn default() -> Self {
        RecordLength { last: [[0, 0]; 256], votes: vec![0; LONGEST], length: 1 }
    }
}

impl RecordLength {
    /// Updates votes and length with a byte at a position of its stream.
    pub fn update(&mut self, byte: u8, position: u32) {
        let [last, before] = self.last[usize::from(byte)];
        let distance = position.wrapping_sub(last);
        if distance > 1 && (distance as usize) < LONGEST && distance == before {
            let vote = &mut self.votes[distance as usize];
            *vote += 16;
            if *vote > self.votes[self.length as usize].max(64) {
                self.length = distance;
            }
            if self.votes[distance as usize] > MOST_VOTES {
                self.votes.iter_mut().for_each(|v| *v /= 2);
            }
        }
        self.last[usize::from(byte)] = [position, distance];
    }

    /// Visits all fields.
    pub fn visit(&mut self, visitor: &mut dyn Visitor) {
        visitor.u32s(self.last.as_flattened_mut());
        visitor.u16s(&mut self.votes);
        visitor.u32s(std::slice::from_mut(&mut self.length));
        self.votes.iter_mut().for_each(|vote| *vote = (*vote).min(MOST_VOTES));
        self.length = self.length.clamp(1, LONGEST as u32 - 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_records_is_found() {
        for length in [4u32, 12, 37, 600] {
            let mut records = RecordLength::default();
            for i in 0..40 * length {
                let noise = crate::numerics::generator::random_u64(1, i.into()) as u8 | 1;
                records.update(if i % length == 0 { 0 } else { noise }, i);
            }
            assert_eq!(records.length, length);
        }
    }
}
