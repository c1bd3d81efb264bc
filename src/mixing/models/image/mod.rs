//! The image model: predicts the next byte of an image from the pixels around it.
//!
//! An adaptive filter predicts the byte. Histograms of the filter's errors turn the
//! prediction into a distribution, and predictions of many kinds replace the contexts
//! of text (after paq8's image models; the histograms after TMW, Meyer and Tischer 1997).

mod filter;
mod neighbours;
mod residuals;

use std::slice;

use crate::model::Raster;
use crate::state::Visitor;

use super::history::History;
use super::map::{Map, RATES};
use super::stream::Stream;

use filter::{Filter, PREDICTION_FRACTION};
use neighbours::Neighbours;
use residuals::Residuals;

/// The number of an image's contexts; a kind of the stage uses the first ones.
pub const CONTEXTS: usize = 29;
/// The number of mixer inputs: two per histogram.
pub const INPUTS: usize = 2 * HISTOGRAMS;
const HISTOGRAMS: usize = 2;
/// The number of values of a prediction (Q2).
const PREDICTIONS: usize = 256 << PREDICTION_FRACTION;
/// The largest number of channels.
const CHANNELS: usize = Raster::MOST_PIXEL as usize;

/// The model of an image, with its predictions of the current byte.
#[derive(Clone)]
pub struct Image {
    raster: Raster,
    /// Position of the block's first byte in the history.
    start: u32,
    filter: Filter,
    /// The first one selects histograms by texture, the second one also by recent errors.
    residuals: [Residuals; HISTOGRAMS],
    /// By prediction and node: probability of a 1.
    map: Map,
    /// `[streams]`: absolute errors (Q2) of the last predictions, the latest first.
    errors: Vec<[u16; CHANNELS]>,
    neighbours: Neighbours,
}

/// Values that replace fields of the mixers' context in an image.
pub struct ImageContext {
    /// For the last byte: the predicted byte.
    pub last: usize,
    /// For the byte before it: the corrected gradient.
    pub second: usize,
    /// For the classes of bytes: the channel and the error of the last byte's gradient.
    pub classes: usize,
    /// For the position in the line: the channel and the texture.
    pub in_line: usize,
}

impl Image {
    /// Creates an untrained model for a block that begins at a position of the history.
    pub fn new(raster: Raster, start: u32, streams: usize) -> Self {
        Image {
            raster,
            start,
            filter: Filter::default(),
            residuals: [Residuals::new(), Residuals::new()],
            map: Map::new(PREDICTIONS << 8, 1023, |_| 32768),
            errors: vec![[0; CHANNELS]; streams],
            neighbours: Neighbours::default(),
        }
    }

    /// Predicts the next byte of a stream.
    #[inline(always)]
    pub fn begin_byte(&mut self, number: usize, stream: &Stream, history: &History) -> ImageContext {
        self.neighbours = Neighbours::new(self.raster, stream.position.wrapping_sub(self.start), stream, history);
        let Neighbours { channel, texture, .. } = self.neighbours;
        self.filter.predict(&self.neighbours);
        let errors = self.errors[number];
        let [last, west] = [errors[0], errors[usize::from(self.raster.pixel) - 1]].map(u32::from);
        let with_errors = 2 * (last + west + texture);
        for (residuals, energy) in self.residuals.iter_mut().zip([texture, with_errors]) {
            residuals.begin_byte(channel, energy, self.filter.prediction());
        }
        ImageContext {
            last: self.filter.byte(),
            second: self.neighbours.corrected_gradient(),
            classes: channel << 5 | self.neighbours.last_error_step(),
            in_line: channel << 6 | residuals::bucket(texture),
        }
    }

    /// Returns the contents of all contexts for the byte.
    #[inline(always)]
    pub fn contexts(&self) -> [u64; CONTEXTS] {
        self.neighbours.contexts(self.filter.prediction(), self.filter.byte())
    }

    /// Returns the probability of a 1 at a node after equal predictions, Q16, 0..=65535.
    #[inline(always)]
    pub fn probability(&self, node: usize) -> u32 {
        self.map.p(self.filter.prediction() << 8 | node)
    }

    /// Returns the probability of a 1 at a node by each histogram, Q16, 1..=65535.
    #[inline(always)]
    pub fn histogram_probabilities(&self, node: usize) -> [u32; HISTOGRAMS] {
        [self.residuals[0].probability(node), self.residuals[1].probability(node)]
    }

    /// Learns the bit at a node.
    #[inline(always)]
    pub fn learn_bit(&mut self, node: usize, bit: u32) {
        self.map.update(self.filter.prediction() << 8 | node, bit, &RATES);
    }

    /// Learns the byte that was predicted last.
    #[inline(always)]
    pub fn learn_byte(&mut self, number: usize, byte: u8) {
        let prediction = self.filter.prediction();
        self.residuals.iter_mut().for_each(|residuals| residuals.learn(byte));
        self.filter.learn(&self.neighbours, byte);
        let errors = &mut self.errors[number];
        errors.rotate_right(1);
        errors[0] = (usize::from(byte) << PREDICTION_FRACTION).abs_diff(prediction) as u16;
    }

    /// Visits the raster, or five zeros if there is no image, and then the model.
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
        self.map.visit(visitor);
        visitor.u16s(self.errors.as_flattened_mut());
    }
}
