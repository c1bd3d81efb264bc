//! The division of a block into streams that are coded side by side.

/// A block is cut into panels; stream s holds symbols `s * len .. (s + 1) * len` of each panel, with the panel's own
/// `len`. The last streams hold fewer.
#[derive(Clone, Copy, Debug)]
pub struct Streams {
    block: usize,
    count: usize,
    /// Symbols of each panel but the last one.
    panel: usize,
    /// Steps until the longest stream ends.
    pub len: usize,
}

/// A panel: its first symbol, its number of symbols, its first step, and the steps of its longest stream.
#[derive(Clone, Copy, Debug)]
struct Panel {
    start: usize,
    len: usize,
    first_step: usize,
    steps: usize,
}

impl Streams {
    /// Cuts each `panel` bytes of a block of `block` bytes into `count` streams.
    pub fn in_panels(block: usize, count: usize, panel: usize) -> Self {
        let whole = block / panel.max(1);
        let len = whole * panel.div_ceil(count) + (block - whole * panel).div_ceil(count);
        Streams { block, count, panel, len }
    }

    /// The panel of a step below `len`.
    fn panel(&self, step: usize) -> Panel {
        let steps = self.panel.div_ceil(self.count);
        let number = step / steps;
        let start = number * self.panel;
        let len = self.panel.min(self.block - start);
        Panel { start, len, first_step: number * steps, steps: len.div_ceil(self.count) }
    }

    /// Returns the position in the block of a stream's symbol at a step, if it has one.
    pub fn position(&self, stream: usize, step: usize) -> Option<usize> {
        if step >= self.len {
            return None;
        }
        let panel = self.panel(step);
        let offset = stream * panel.steps + step - panel.first_step;
        (offset < panel.len).then_some(panel.start + offset)
    }

    /// Returns the positions in the block of the symbols of a step below `len`, of the first stream, the second one and
    /// so on.
    pub fn positions(&self, step: usize) -> impl Iterator<Item = usize> {
        let panel = self.panel(step);
        (panel.start + step - panel.first_step..panel.start + panel.len).step_by(panel.steps)
    }

    /// Returns the symbol before a step, 0 at a stream's start.
    pub fn previous(&self, data: &[u8], stream: usize, step: usize) -> u8 {
        let position = step.checked_sub(1).and_then(|s| self.position(stream, s));
        position.map_or(0, |p| data[p])
    }

    /// Returns the position where each stream starts in the panel that begins at a step, even if it is empty; nothing
    /// if none begins there.
    pub fn starts_at(self, step: usize) -> Option<impl Iterator<Item = usize>> {
        let panel = (step < self.len).then(|| self.panel(step))?;
        (panel.first_step == step).then(|| (0..self.count).map(move |stream| panel.start + stream * panel.steps))
    }

    /// Returns the position where each stream starts, even if it is empty.
    pub fn starts(self) -> impl Iterator<Item = usize> {
        let steps = self.panel.min(self.block).div_ceil(self.count);
        (0..self.count).map(move |stream| stream * steps)
    }

    /// Returns the number of streams that have a symbol at a step: the first ones.
    pub fn active(&self, step: usize) -> usize {
        let panel = self.panel(step);
        (panel.len - (step - panel.first_step)).div_ceil(panel.steps)
    }

    /// Returns the number of symbols coded before a step.
    pub fn done(&self, step: usize) -> usize {
        let Some(last) = step.min(self.len).checked_sub(1) else { return 0 };
        let panel = self.panel(last);
        let within = last + 1 - panel.first_step;
        let of_stream = |s: usize| panel.len.saturating_sub(s * panel.steps).min(panel.steps).min(within);
        panel.start + (0..self.count).map(of_stream).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_one_place() {
        for block in [1, 2, 7, 8, 9, 100, 101] {
            for count in [1, 2, 3, 8, 200] {
                for panel in [1, 3, 10, 50, block] {
                    let streams = Streams::in_panels(block, count, panel.min(block));
                    let mut seen = vec![false; block];
                    for step in 0..streams.len {
                        for stream in 0..count {
                            let position = streams.position(stream, step);
                            assert_eq!(position.is_some(), stream < streams.active(step));
                            if let Some(p) = position {
                                assert!(!std::mem::replace(&mut seen[p], true));
                            }
                        }
                        let of_streams = (0..count).filter_map(|stream| streams.position(stream, step));
                        assert!(streams.positions(step).eq(of_streams));
                        assert_eq!(seen.iter().filter(|&&s| s).count(), streams.done(step + 1));
                    }
                    assert!(seen.into_iter().all(|s| s));
                }
            }
        }
    }
}
