//! What the parts of a pass tell each other: rows of a layer, whose tiles several parts make.

use super::crew::{Board, Parts, in_phases};
use super::cut::Cut;

/// A board with room for rows.
pub struct Exchange {
    /// Whose parts these are.
    pub cut: Cut,
    /// `[layers][slots][parts][streams][tiles]`, whole lines a part.
    board: Board,
    slots: usize,
    /// Words of a tile.
    width: usize,
}

/// A stream's row of a layer.
#[derive(Clone, Copy)]
pub struct Row {
    /// The layer.
    pub layer: usize,
    /// The step, or some count of steps, modulo how many there is room for.
    pub slot: usize,
    /// Which of [`Cut::streams`] has the stream.
    pub group: usize,
    /// Where it has it.
    pub stream: usize,
}

impl Exchange {
    /// Room for `slots` rows of each stream in each of so many layers, of tiles of `width` words.
    pub fn new(cut: Cut, layers: usize, slots: usize, width: usize) -> Self {
        let mut exchange = Exchange { cut, board: Board::new(0), slots, width };
        exchange.board = Board::new(exchange.place(Row { layer: layers, slot: 0, group: 0, stream: 0 }, 0, 0));
        exchange
    }

    fn words(&self, run: usize) -> usize {
        self.cut.tiles[run].len() * self.width
    }

    fn place(&self, row: Row, run: usize, own: usize) -> usize {
        let part = (self.cut.streams[0].len() * self.words(0)).next_multiple_of(Board::LINE);
        let seat = (row.layer * self.slots + row.slot % self.slots) * self.cut.seats() + self.cut.seat(row.group, run);
        seat * part + row.stream * self.words(run) + own * self.width
    }

    /// Writes tile `own` of a part that has `run`, one of [`Cut::tiles`].
    pub fn write(&self, row: Row, run: usize, own: usize, tile: &[u64]) {
        self.board.write(self.place(row, run, own), tile);
    }

    /// Makes room for another row in such a tile, see [`Board::clear`].
    pub fn clear(&self, row: Row, run: usize, own: usize) {
        self.board.clear(self.place(row, run, own), self.width);
    }

    /// Reads a row, as soon as all its tiles are there.
    pub fn read(&self, row: Row, mut words: &mut [u64]) {
        for run in 0..self.cut.tiles.len() {
            let part = words.split_off_mut(..self.words(run)).expect("words of all tiles");
            self.board.read(self.place(row, run, 0), part);
        }
    }

    /// Takes all parts through all phases, see [`in_phases`].
    pub fn in_phases<P: Send>(&self, phases: usize, parts: Parts<P>, work: impl Fn(usize, &mut P) + Sync) {
        match self.cut.is_apart() {
            true => in_phases(1, parts, &self.board, |_, part| (0..phases).for_each(|phase| work(phase, part))),
            false => in_phases(phases, parts, &self.board, work),
        }
    }
}
