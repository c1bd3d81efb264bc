//! Finds the length of records in tables and binary data.
//!
//! Where the same byte comes back at the same distance several times in a row,
//! that distance is likely the length of a record (after paq8's record model).

use crate::state::Visitor;

/// Longest record that is looked for.
const LONGEST: usize = 1024;
/// Votes above which all are halved.
const MOST_VOTES: u16 = 4096;

/// Counts distances at which bytes come back.
pub struct Records {
    /// Where each byte was last, and the distance to where it was before.
    last: [[u32; 2]; 256],
    votes: Vec<u16>,
    /// The length in use.
    pub length: u32,
}

impl Default for Records {
    fn default() -> Self {
        Records { last: [[0, 0]; 256], votes: vec![0; LONGEST], length: 1 }
    }
}

impl Records {
    /// Takes note of a byte at a position of its stream.
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

    /// Shows all fields.
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
            let mut records = Records::default();
            for i in 0..40 * length {
                let noise = crate::numerics::generator::random_u64(1, i.into()) as u8 | 1;
                records.update(if i % length == 0 { 0 } else { noise }, i);
            }
            assert_eq!(records.length, length);
        }
    }
}
