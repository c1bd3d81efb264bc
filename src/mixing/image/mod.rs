//! What is known of the next byte of an image: from the pixels around it.
//!
//! An adaptive filter predicts the byte; histograms of how far such predictions
//! were off make a distribution of it, and predictions of many kinds are contexts
//! in place of those of text (after paq8's models of images; the histograms after
//! TMW, Meyer and Tischer 1997).

mod around;
mod filter;
mod residuals;

use std::slice;

use crate::model::Raster;
use crate::state::Visitor;

use super::map::{Map, RATES};
use super::matching::Past;
use super::stream::Stream;

use around::Around;
use filter::{Filter, PREDICTION_FRACTION};
use residuals::Residuals;

/// Contexts of an image; a kind of the stage takes the first ones.
pub const CONTEXTS: usize = 29;
/// Inputs of mixers: two of each histogram.
pub const INPUTS: usize = 2 * HISTOGRAMS;
const HISTOGRAMS: usize = 2;
/// Values of a prediction.
const PREDICTIONS: usize = 256 << PREDICTION_FRACTION;
/// Channels that are told apart.
const CHANNELS: usize = Raster::MOST_PIXEL as usize;

/// The model of an image, and what it says of the byte at hand.
#[derive(Clone)]
pub struct Image {
    raster: Raster,
    /// Ring position of the block's first byte.
    start: u32,
    filter: Filter,
    /// By texture, and by texture and the last predictions' errors.
    residuals: [Residuals; HISTOGRAMS],
    /// By prediction and node: probability of a 1.
    direct: Map,
    /// Of each stream: how far the last predictions were off, the last one first.
    errors: Vec<[u16; CHANNELS]>,
    around: Around,
}

/// What takes the place of things that a text is looked at for.
pub struct View {
    /// Of the last byte: the byte as predicted.
    pub last: usize,
    /// Of the byte before: its prediction from three neighbours.
    pub second: usize,
    /// Of kinds: channel, and how the last byte differs from its prediction.
    pub kinds: usize,
    /// Of the place in the line: channel and texture.
    pub in_line: usize,
}

impl Image {
    /// A model that has seen nothing of a block that begins at a ring position.
    pub fn new(raster: Raster, start: u32, streams: usize) -> Self {
        Image {
            raster,
            start,
            filter: Filter::default(),
            residuals: [Residuals::new(), Residuals::new()],
            direct: Map::new(PREDICTIONS << 8, 1023, |_| 32768),
            errors: vec![[0; CHANNELS]; streams],
            around: Around::default(),
        }
    }

    /// Looks around the next byte of a stream.
    #[inline(always)]
    pub fn look(&mut self, number: usize, stream: &Stream, past: &Past) -> View {
        self.around = Around::new(self.raster, stream.position.wrapping_sub(self.start), stream, past);
        let Around { channel, texture, .. } = self.around;
        self.filter.predict(&self.around);
        let errors = self.errors[number];
        let [last, west] = [errors[0], errors[usize::from(self.raster.pixel) - 1]].map(u32::from);
        let tense = 2 * (last + west + texture);
        for (residuals, energy) in self.residuals.iter_mut().zip([texture, tense]) {
            residuals.look(channel, energy, self.filter.prediction());
        }
        View {
            last: self.filter.byte(),
            second: self.around.gradient_of_colours(),
            kinds: channel << 5 | self.around.surprise(),
            in_line: channel << 6 | residuals::bucket(texture),
        }
    }

    /// The contents of the first contexts for the byte.
    #[inline(always)]
    pub fn contents(&self) -> [u64; CONTEXTS] {
        self.around.contents(self.filter.prediction(), self.filter.byte())
    }

    /// Probability of a 1 at a node of the byte's tree as after this prediction before, Q16.
    #[inline(always)]
    pub fn direct(&self, node: usize) -> u32 {
        self.direct.p(self.filter.prediction() << 8 | node)
    }

    /// Probability of a 1 at the node by each histogram, Q16, 1..=65535.
    #[inline(always)]
    pub fn probabilities(&self, node: usize) -> [u32; HISTOGRAMS] {
        [self.residuals[0].probability(node), self.residuals[1].probability(node)]
    }

    /// Learns a bit.
    #[inline(always)]
    pub fn learn_bit(&mut self, node: usize, bit: u32) {
        self.direct.update(self.filter.prediction() << 8 | node, bit, &RATES);
    }

    /// Learns the byte that was looked at.
    #[inline(always)]
    pub fn learn_byte(&mut self, number: usize, byte: u8) {
        let prediction = self.filter.prediction();
        self.residuals.iter_mut().for_each(|residuals| residuals.learn(byte));
        self.filter.learn(&self.around, byte);
        let errors = &mut self.errors[number];
        errors.rotate_right(1);
        errors[0] = (usize::from(byte) << PREDICTION_FRACTION).abs_diff(prediction) as u16;
    }

    /// Shows which image there is, if any, and all of it that decides bits to come.
    pub fn visit_any(image: &mut Option<Box<Image>>, streams: usize, visitor: &mut dyn Visitor) {
        let mut head = image.as_ref().map_or(([0; Raster::LEN], 0), |image| (image.raster.bytes(), image.start));
        visitor.u8s(&mut head.0);
        visitor.u32s(slice::from_mut(&mut head.1));
        let (raster, start) = (Raster::read(head.0), head.1);
        if raster != image.as_ref().map(|image| image.raster) {
            *image = raster.map(|raster| Box::new(Image::new(raster, start, streams)));
        }
        if let Some(image) = image {
            image.start = start;
            image.visit(visitor);
        }
    }

    fn visit(&mut self, visitor: &mut dyn Visitor) {
        self.filter.visit(visitor);
        self.residuals.iter_mut().for_each(|residuals| residuals.visit(visitor));
        self.direct.visit(visitor);
        visitor.u16s(self.errors.as_flattened_mut());
    }
}
