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

use filter::{Filter, Filtered, PREDICTION_FRACTION};
use neighbours::Neighbours;
use residuals::{Distribution, Residuals};

/// The number of an image's contexts; a kind of the stage uses the first ones.
pub const CONTEXTS: usize = 29;
/// The number of mixer inputs: two per histogram.
pub const INPUTS: usize = 2 * HISTOGRAMS;
const HISTOGRAMS: usize = 2;
/// The number of values of a prediction (Q2).
const PREDICTIONS: usize = 256 << PREDICTION_FRACTION;
/// The largest number of channels.
const CHANNELS: usize = Raster::MOST_PIXEL as usize;

/// The model of an image.
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
}

/// The predictions of a stream's current byte.
#[derive(Clone, Default)]
pub struct ImageByte {
    /// Absolute errors (Q2) of the last predictions, the latest first.
    errors: [u16; CHANNELS],
    neighbours: Neighbours,
    filtered: Filtered,
    histograms: [Distribution; HISTOGRAMS],
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
    pub fn new(raster: Raster, start: u32) -> Self {
        Image {
            raster,
            start,
            filter: Filter::default(),
            residuals: [Residuals::new(), Residuals::new()],
            map: Map::new(PREDICTIONS << 8, 1023, |_| 32768),
        }
    }

    /// Predicts the next byte of a stream.
    #[inline(always)]
    pub fn begin_byte(&self, byte: &mut ImageByte, stream: &Stream, history: &History) -> ImageContext {
        byte.neighbours = Neighbours::new(self.raster, stream.position.wrapping_sub(self.start), stream, history);
        let Neighbours { channel, texture, .. } = byte.neighbours;
        byte.filtered = self.filter.predict(&byte.neighbours);
        let [last, west] = [byte.errors[0], byte.errors[usize::from(self.raster.pixel) - 1]].map(u32::from);
        let with_errors = 2 * (last + west + texture);
        let energies = [texture, with_errors];
        for ((residuals, energy), histogram) in self.residuals.iter().zip(energies).zip(&mut byte.histograms) {
            residuals.predict(channel, energy, byte.filtered.prediction(), histogram);
        }
        ImageContext {
            last: byte.filtered.byte(),
            second: byte.neighbours.corrected_gradient(),
            classes: channel << 5 | byte.neighbours.last_error_step(),
            in_line: channel << 6 | residuals::bucket(texture),
        }
    }

    /// Returns the probability of a 1 at a node after equal predictions, Q16, 0..=65535.
    #[inline(always)]
    pub fn probability(&self, byte: &ImageByte, node: usize) -> u32 {
        self.map.p(byte.entry(node))
    }

    /// Learns the bit at a node.
    #[inline(always)]
    pub fn learn_bit(&mut self, byte: &ImageByte, node: usize, bit: u32) {
        self.map.update(byte.entry(node), bit, &RATES);
    }

    /// Learns the byte that was predicted.
    #[inline(always)]
    pub fn learn_byte(&mut self, byte: &ImageByte, symbol: u8) {
        for (residuals, histogram) in self.residuals.iter_mut().zip(&byte.histograms) {
            residuals.learn(histogram, symbol);
        }
        self.filter.learn(&byte.filtered, symbol);
    }

    /// Learns the bytes of a step, each of another stream.
    pub fn learn_bytes<'a, I: Iterator<Item = (&'a ImageByte, u8)>>(&mut self, bytes: impl Fn() -> I) {
        for (number, residuals) in self.residuals.iter_mut().enumerate() {
            residuals.learn_all(|| bytes().map(move |(byte, symbol)| (&byte.histograms[number], symbol)));
        }
        self.filter.learn_all(bytes().map(|(byte, symbol)| (&byte.filtered, symbol)));
    }

    /// Visits the raster, or five zeros if there is no image, and then the model.
    pub fn visit_any(image: &mut Option<Box<Image>>, visitor: &mut dyn Visitor) {
        let mut head = image.as_ref().map_or(([0; Raster::LEN], 0), |image| (image.raster.bytes(), image.start));
        visitor.u8s(&mut head.0);
        visitor.u32s(slice::from_mut(&mut head.1));
        let (raster, start) = (Raster::read(head.0), head.1);
        if raster != image.as_ref().map(|image| image.raster) {
            *image = raster.map(|raster| Box::new(Image::new(raster, start)));
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
    }
}

impl ImageByte {
    /// Returns the contents of all contexts for the byte.
    #[inline(always)]
    pub fn contexts(&self) -> [u64; CONTEXTS] {
        self.neighbours.contexts(self.filtered.prediction(), self.filtered.byte())
    }

    /// Returns the entry of a node in the map of predictions.
    #[inline(always)]
    pub fn entry(&self, node: usize) -> usize {
        self.filtered.prediction() << 8 | node
    }

    /// Returns the probability of a 1 at a node by each histogram, Q16, 1..=65535.
    #[inline(always)]
    pub fn histogram_probabilities(&self, node: usize) -> [u32; HISTOGRAMS] {
        [self.histograms[0].probability(node), self.histograms[1].probability(node)]
    }

    /// Takes note of the filter's error, once the byte is known.
    #[inline(always)]
    pub fn end(&mut self, symbol: u8) {
        self.errors.rotate_right(1);
        self.errors[0] = (usize::from(symbol) << PREDICTION_FRACTION).abs_diff(self.filtered.prediction()) as u16;
    }

    /// Visits the errors of the last predictions.
    pub fn visit(&mut self, visitor: &mut dyn Visitor) {
        visitor.u16s(&mut self.errors);
    }
}
