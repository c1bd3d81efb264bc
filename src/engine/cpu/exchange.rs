//! The exchange between the tasks of a pass: rows of a layer, whose tiles are computed by several tasks.

use std::marker::PhantomData;

use bytemuck::Pod;

use super::board::Board;
use super::partition::Partition;
use super::phases::{Tasks, in_phases};
use crate::model::config::MAX_ERROR_FRACTION;
use crate::model::layout::{CELLS, TILE};
use crate::numerics::fixed::BYTE_LIMIT;

/// The word that marks a place on the board as not written: no tile contains it.
const EMPTY: u64 = u64::from_ne_bytes([0x80; 8]);

// No hidden state and no gate error has a value that a part of EMPTY stands for.
const _: () = {
    assert!((i8::from_ne_bytes([0x80]) as i32) < -BYTE_LIMIT);
    assert!((i16::from_ne_bytes([0x80; 2]) as i32) < -(1 << MAX_ERROR_FRACTION));
};

/// A tile of values that tasks exchange. There are two types, and the range of their values is
/// asserted above: no other type can be written to an exchange.
pub trait Tile: Copy {
    /// One of its values.
    type Value: Pod;
    /// The tile as words.
    type Words: AsRef<[u64]>;
    /// Number of words.
    const WORDS: usize = size_of::<Self>() / size_of::<u64>();

    /// Returns the tile as words.
    fn words(self) -> Self::Words;
}

/// Hidden states of 16 cells, Q7, at most [`BYTE_LIMIT`] in magnitude.
pub type HiddenTile = [i8; CELLS];

impl Tile for HiddenTile {
    type Value = i8;
    type Words = [u64; CELLS / 8];

    fn words(self) -> Self::Words {
        bytemuck::cast(self)
    }
}

/// Errors of the gates of 16 cells, at most `2^error_fraction` in magnitude.
pub type GateErrorTile = [i16; TILE];

impl Tile for GateErrorTile {
    type Value = i16;
    type Words = [u64; TILE / 4];

    fn words(self) -> Self::Words {
        bytemuck::cast(self)
    }
}

/// A board with room for rows of tiles.
pub struct Exchange<T> {
    /// The subsets of the pass, one for each task.
    pub partition: Partition,
    /// `[layers][slots][subsets][streams][tiles]`, whole cache lines for each subset.
    board: Board,
    slots: usize,
    tile: PhantomData<T>,
}

/// A stream's row of a layer.
#[derive(Clone, Copy)]
pub struct Row {
    /// The layer.
    pub layer: usize,
    /// The step, or another count of steps; taken modulo the number of slots.
    pub slot: usize,
    /// The stream's group, an index of [`Partition::streams`].
    pub group: usize,
    /// The stream's index within its group.
    pub stream: usize,
}

impl<T: Tile> Exchange<T> {
    /// Room for `slots` rows of each stream in each of `layers` layers.
    pub fn new(partition: Partition, layers: usize, slots: usize) -> Self {
        let mut exchange = Exchange { partition, board: Board::default(), slots, tile: PhantomData };
        let len = exchange.index(Row { layer: layers, slot: 0, group: 0, stream: 0 }, 0, 0);
        exchange.board = Board::new(len, EMPTY);
        exchange
    }

    /// Words of one stream's tiles in a block.
    fn block_words(&self, block: usize) -> usize {
        self.partition.tiles[block].len() * T::WORDS
    }

    /// The index on the board of tile `own` of a block.
    fn index(&self, row: Row, block: usize, own: usize) -> usize {
        let partition = &self.partition;
        // The first group and the first block are the largest.
        let subset = (partition.streams[0].len() * self.block_words(0)).next_multiple_of(Board::LINE);
        let before = (row.layer * self.slots + row.slot % self.slots) * partition.subsets_per_layer();
        let before = before + partition.index_in_layer(row.group, block);
        before * subset + row.stream * self.block_words(block) + own * T::WORDS
    }

    /// Writes tile `own` of a block, an index of [`Partition::tiles`].
    pub fn write(&self, row: Row, block: usize, own: usize, tile: T) {
        self.board.write(self.index(row, block, own), tile.words().as_ref());
    }

    /// Makes room for another row in the place of such a tile, see [`Board::clear`].
    pub fn clear(&self, row: Row, block: usize, own: usize) {
        self.board.clear(self.index(row, block, own), T::WORDS);
    }

    /// Reads a row, and waits for each of its tiles until it is written. `values` starts at a
    /// multiple of 8 bytes.
    pub fn read(&self, row: Row, values: &mut [T::Value]) {
        let mut words: &mut [u64] = bytemuck::cast_slice_mut(values);
        for block in 0..self.partition.tiles.len() {
            let part = words.split_off_mut(..self.block_words(block)).expect("words of all tiles");
            self.board.read(self.index(row, block, 0), part);
        }
    }

    /// Runs all phases of all tasks, see [`in_phases`].
    pub fn in_phases<P: Send>(&self, phases: usize, tasks: Tasks<P>, work: impl Fn(usize, &mut P) + Sync) {
        match self.partition.is_independent() {
            true => in_phases(1, tasks, &self.board, |_, task| (0..phases).for_each(|phase| work(phase, task))),
            false => in_phases(phases, tasks, &self.board, work),
        }
    }
}
