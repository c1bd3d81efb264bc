//! The tables that the models learn, and the state of each stream.

use std::iter;
use std::slice;

use crate::model::{MixingConfig, Raster};
use crate::state::Visitor;

use super::super::components::Components;
use super::super::logistic::Logistic;
use super::bit_history::{STATE_MACHINE, STATES, StateMachine};
use super::contexts::MOST_CONTEXTS;
use super::history::History;
use super::image::Image;
use super::map::{Map, RATES};
use super::match_model::MATCH_CONTEXTS;
use super::slots::Slots;
use super::stream::Stream;

/// Entries per context in the map of runs: by length and bit number.
pub const RUNS: usize = 16 * 8;
/// Entries per context in the map of last bits: by last bits and node.
pub const LAST_BITS: usize = 1 << 16;

/// Returns the index in the map of last bits for a slot's entry at a node of the byte's tree.
#[inline(always)]
pub fn last_bits_index(entry: u32, node: usize) -> usize {
    (entry as usize & 0xff00) | node & 255
}

/// The tables of all models. Nothing in them depends on how mixers weigh the predictions.
#[derive(Clone)]
pub struct Models {
    pub components: &'static Components,
    pub logistic: Logistic,
    /// The state machine of bit histories.
    pub machine: &'static StateMachine,
    /// Learning rates of maps and slots, by the number of bits seen.
    pub rates: &'static [u32; 1024],
    pub slots: Slots,
    pub history: History,
    pub streams: Vec<Stream>,
    /// Position in the history where the next block begins.
    pub end: u32,
    /// By context and bit history.
    pub bit_history_map: Map,
    /// By context, last bits and node; empty unless the kind uses them.
    pub last_bits_map: Map,
    /// By context, length of the run and bit number: probability that the run continues.
    pub run_map: Map,
    /// By context of the match and bit number: probability that the match continues.
    pub match_map: Map,
    /// By node.
    pub order0: Map,
    /// The image model, in a block that is an image.
    pub image: Option<Box<Image>>,
}

impl Models {
    /// Creates untrained models for `streams` streams with a history of `2^past_bits` bytes.
    pub fn new(components: &'static Components, config: &MixingConfig, past_bits: u32, streams: usize) -> Self {
        let contexts = components.contexts.len();
        assert!(contexts <= MOST_CONTEXTS);
        let machine = &*STATE_MACHINE;
        let of_counts = |i: usize| {
            let [zeros, ones] = machine.histories[i % STATES].counts.map(u32::from);
            ((2 * ones + 1) << 16) / (2 * (zeros + ones) + 2)
        };
        Models {
            components,
            logistic: Logistic::new(),
            machine,
            rates: &RATES,
            slots: Slots::new(config.table_bits),
            history: History::new(past_bits),
            streams: (0..streams).map(|_| Stream::new(1)).collect(),
            end: 1,
            bit_history_map: Map::new(contexts * STATES, 255, of_counts),
            last_bits_map: Map::new(if components.last_bits { contexts * LAST_BITS } else { 0 }, 255, |_| 32768),
            run_map: Map::new(contexts * RUNS, 1023, |i| 65536 - 20000 / (i as u32 / 8 % 16 + 1)),
            match_map: Map::new(MATCH_CONTEXTS * 8, 1023, |i| 65536 - 30000 / (i as u32 / 128 + 1)),
            order0: Map::new(256, 255, |_| 32768),
            image: None,
        }
    }

    /// Returns a copy for `streams` new streams with a hash table of `2^table_bits` bytes and a
    /// history of `2^past_bits` bytes, both at least as large as they are.
    pub fn grown(&self, table_bits: u32, past_bits: u32, streams: usize) -> Self {
        Models {
            components: self.components,
            logistic: self.logistic,
            machine: self.machine,
            rates: self.rates,
            slots: self.slots.grown(table_bits),
            history: self.history.grown(past_bits, self.end),
            streams: iter::repeat_with(|| Stream::new(1)).take(streams).collect(),
            end: self.end,
            bit_history_map: self.bit_history_map.clone(),
            last_bits_map: self.last_bits_map.clone(),
            run_map: self.run_map.clone(),
            match_map: self.match_map.clone(),
            order0: self.order0.clone(),
            image: None,
        }
    }

    /// Begins a block of `len` bytes whose streams start at the offsets `starts`; it is an
    /// image if it has a `raster`.
    pub fn start_block(&mut self, len: usize, starts: impl Iterator<Item = usize>, raster: Option<Raster>) {
        self.image = raster.map(|raster| Box::new(Image::new(raster, self.end)));
        for (stream, start) in self.streams.iter_mut().zip(starts) {
            let image = raster.map(|_| Box::default());
            *stream = Stream { image, ..Stream::new(self.end.wrapping_add(start as u32)) };
        }
        self.end = self.end.wrapping_add(len as u32);
    }

    /// Visits all maps.
    pub fn visit_maps(&mut self, visitor: &mut dyn Visitor) {
        let Models { bit_history_map, last_bits_map, run_map, match_map, order0, .. } = self;
        for map in [bit_history_map, last_bits_map, run_map, match_map, order0] {
            map.visit(visitor);
        }
    }

    /// Visits the hash table and the history.
    pub fn visit_history(&mut self, visitor: &mut dyn Visitor) {
        self.slots.visit(visitor);
        self.history.visit(visitor);
        visitor.u32s(slice::from_mut(&mut self.end));
    }

    /// Visits what belongs to the current block: streams and image model.
    pub fn visit_block(&mut self, visitor: &mut dyn Visitor) {
        for stream in &mut self.streams {
            stream.visit(visitor);
        }
        Image::visit_any(&mut self.image, visitor);
        for stream in &mut self.streams {
            stream.image = self.image.is_some().then(|| stream.image.take().unwrap_or_default());
            stream.image.iter_mut().for_each(|image| image.visit(visitor));
        }
    }
}
