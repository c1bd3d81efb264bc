//! The models: what they have learnt, and where the streams of a block stand.

use std::slice;

use crate::model::{MixingConfig, Raster};
use crate::state::Visitor;

use super::image::Image;
use super::inputs::{LAST_BITS, RUNS};
use super::kinds::{MOST_CONTEXTS, Parts};
use super::map::{Map, RATES};
use super::matching::{Past, TRUSTS};
use super::slots::Slots;
use super::states::{STATE_MACHINE, STATES, States};
use super::stream::Stream;
use super::stretch::Logistic;

/// All that says something of a bit: nothing in it depends on how that is weighed.
#[derive(Clone)]
pub struct Models {
    pub(super) parts: &'static Parts,
    pub(super) logistic: Logistic,
    pub(super) states: &'static States,
    pub(super) rates: &'static [u32; 1024],
    pub(super) slots: Slots,
    pub(super) past: Past,
    pub(super) streams: Vec<Stream>,
    /// Ring position after the last block.
    pub(super) end: u32,
    /// By context and bit history.
    pub(super) history_map: Map,
    /// By context, last bits and node.
    pub(super) bits_map: Map,
    /// By context, length of run and bit: whether the run goes on.
    pub(super) run_map: Map,
    /// By trust and bit: whether the match goes on.
    pub(super) match_map: Map,
    pub(super) order0: Map,
    /// The block's, if it is an image.
    pub(super) image: Option<Box<Image>>,
}

impl Models {
    /// Fresh ones with a past of `2^past_bits` bytes and so many streams.
    pub fn new(parts: &'static Parts, config: &MixingConfig, past_bits: u32, streams: usize) -> Self {
        let contexts = parts.contexts.len();
        assert!(contexts <= MOST_CONTEXTS);
        let states = &*STATE_MACHINE;
        let of_history = |i: usize| {
            let [zeros, ones] = states.histories[i % STATES].counts.map(u32::from);
            ((2 * ones + 1) << 16) / (2 * (zeros + ones) + 2)
        };
        Models {
            parts,
            logistic: Logistic::new(),
            states,
            rates: &RATES,
            slots: Slots::new(config.table_bits),
            past: Past::new(past_bits),
            streams: (0..streams).map(|_| Stream::new(1)).collect(),
            end: 1,
            history_map: Map::new(contexts * STATES, 255, of_history),
            bits_map: Map::new(if parts.last_bits { contexts * LAST_BITS } else { 0 }, 255, |_| 32768),
            run_map: Map::new(contexts * RUNS, 1023, |i| 65536 - 20000 / (i as u32 / 8 % 16 + 1)),
            match_map: Map::new(TRUSTS * 8, 1023, |i| 65536 - 30000 / (i as u32 / 128 + 1)),
            order0: Map::new(256, 255, |_| 32768),
            image: None,
        }
    }

    /// See [`super::Mixing::start_block`].
    pub fn start_block(&mut self, len: usize, starts: impl Iterator<Item = usize>, raster: Option<Raster>) {
        self.image = raster.map(|raster| Box::new(Image::new(raster, self.end, self.streams.len())));
        for (stream, start) in self.streams.iter_mut().zip(starts) {
            *stream = Stream::new(self.end.wrapping_add(start as u32));
        }
        self.end = self.end.wrapping_add(len as u32);
    }

    /// Shows all maps.
    pub fn visit_maps(&mut self, visitor: &mut dyn Visitor) {
        let Models { history_map, bits_map, run_map, match_map, order0, .. } = self;
        for map in [history_map, bits_map, run_map, match_map, order0] {
            map.visit(visitor);
        }
    }

    /// Shows slots and past.
    pub fn visit_past(&mut self, visitor: &mut dyn Visitor) {
        self.slots.visit(visitor);
        self.past.visit(visitor);
        visitor.u32s(slice::from_mut(&mut self.end));
    }

    /// Shows what belongs to the block: streams and image.
    pub fn visit_block(&mut self, visitor: &mut dyn Visitor) {
        for stream in &mut self.streams {
            stream.visit(visitor);
        }
        Image::visit_any(&mut self.image, self.streams.len(), visitor);
    }
}
