//! The division of a block into streams that are coded side by side.

/// Stream s holds symbols `s * len .. (s + 1) * len` of the block; the last ones hold fewer.
#[derive(Clone, Copy, Debug)]
pub struct Streams {
    block: usize,
    count: usize,
    /// Steps until the longest stream ends.
    pub len: usize,
}

impl Streams {
    /// Cuts a block of `block` bytes into `count` streams.
    pub fn new(block: usize, count: usize) -> Self {
        Streams { block, count, len: block.div_ceil(count) }
    }

    /// Returns the position in the block of a stream's symbol at a step, if it has one.
    pub fn position(&self, stream: usize, step: usize) -> Option<usize> {
        let position = stream * self.len + step;
        (step < self.len && position < self.block).then_some(position)
    }

    /// Returns the symbol before a step, 0 at a stream's start.
    pub fn previous(&self, data: &[u8], stream: usize, step: usize) -> u8 {
        let position = step.checked_sub(1).and_then(|s| self.position(stream, s));
        position.map_or(0, |p| data[p])
    }

    /// Returns the position where each stream starts, even if it is empty.
    pub fn starts(self) -> impl Iterator<Item = usize> {
        (0..self.count).map(move |stream| stream * self.len)
    }

    /// Returns the number of symbols coded before a step.
    pub fn done(&self, step: usize) -> usize {
        (0..self.count).map(|s| self.block.saturating_sub(s * self.len).min(self.len).min(step)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_one_place() {
        for block in [1, 2, 7, 8, 9, 100, 101] {
            for count in [1, 2, 3, 8, 200] {
                let streams = Streams::new(block, count);
                let mut seen = vec![false; block];
                for step in 0..streams.len {
                    for stream in 0..count {
                        if let Some(p) = streams.position(stream, step) {
                            assert!(!std::mem::replace(&mut seen[p], true));
                        }
                    }
                    assert_eq!(seen.iter().filter(|&&s| s).count(), streams.done(step + 1));
                }
                assert!(seen.into_iter().all(|s| s));
            }
        }
    }
}
