//! How a pass through layers is cut into the parts of a crew.

use std::ops::Range;

use smallvec::{SmallVec, smallvec};

use crate::simd::GROUP;

/// Pieces in their order; a decoder's step has few, which need no memory of the system's.
pub type Pieces = SmallVec<[Range<usize>; 4]>;

/// A pass in parts: by layers, by streams, and what then is left by tiles.
pub struct Cut {
    layers: Pieces,
    /// Which streams go together.
    pub streams: Pieces,
    /// Which tiles of a layer do.
    pub tiles: Pieces,
}

/// What one part has.
pub struct Share {
    /// Its layers.
    pub layers: Range<usize>,
    /// Which of [`Cut::streams`].
    pub group: usize,
    /// Which of [`Cut::tiles`].
    pub run: usize,
}

/// What there is to be cut.
pub struct Whole {
    /// Layers of the pass.
    pub layers: Range<usize>,
    /// Streams that go through them.
    pub streams: usize,
    /// Tiles of a layer.
    pub tiles: usize,
    /// Steps of a stream.
    pub steps: usize,
    /// Steps that a layer is behind the one before.
    pub lag: usize,
    /// Products of a stream's step in all layers.
    pub products: usize,
}

impl Cut {
    /// Cuts a pass for the threads that there are.
    ///
    /// Parts of other streams need nothing of each other, but a weight that was loaded for one
    /// stream alone serves only one product, and each part loads all weights. Parts of other layers
    /// need little of each other and not at once, but layers are not even. Parts of a layer's tiles
    /// need all that the others make of it after each step.
    pub fn new(whole: Whole) -> Self {
        /// Weights that a core's own cache holds beside the records of some streams.
        const CACHE: usize = 1 << 19;
        /// Products of a step that are worth a part: a thread that waits is there at once.
        const LEAST: usize = 1 << 15;
        /// Products of a whole pass that are: a thread that sleeps comes some microseconds late.
        const LEAST_OF_PASS: usize = 1 << 18;
        /// Parts that are worth uneven layers and streams alone; fewer tell each other less.
        const MANY: usize = 4;
        /// Steps for each that a layer is behind, so that most of the time all layers have work.
        const STEPS: usize = 8;
        let Whole { layers, streams, tiles, steps, lag, products } = whole;
        let threads = rayon::current_num_threads();
        let each = streams.div_ceil(threads);
        if products <= CACHE && each > 1 {
            // A thread takes some through all steps before the next: so their records fit the cache, too.
            return Cut {
                layers: smallvec![layers],
                streams: pieces(streams, each.min(GROUP)),
                tiles: pieces(tiles, tiles),
            };
        }
        let products_of_all = streams * products;
        let least = LEAST.max(LEAST_OF_PASS / steps.max(1));
        let most = (products_of_all / least).clamp(1, threads);
        let is_long = steps >= STEPS * lag * (layers.len() - 1);
        let by_layer = is_long && most >= MANY.max(layers.len()) && streams < 2 * most;
        let left = if by_layer { most / layers.len() } else { most };
        let alone = left.min(streams);
        let weights_of_part = products / (most / left) / (left / alone);
        let groups = if most >= MANY && weights_of_part <= 2 * CACHE { alone } else { left.min(streams / 2).max(1) };
        let streams = pieces(streams, streams.div_ceil(groups));
        Cut {
            layers: if by_layer { layers.map(|layer| layer..layer + 1).collect() } else { smallvec![layers] },
            tiles: pieces(tiles, tiles.div_ceil((left / streams.len()).clamp(1, tiles))),
            streams,
        }
    }

    /// The parts, layer by layer, in it stream by stream.
    pub fn shares(&self) -> impl Iterator<Item = Share> {
        let seats = (0..self.streams.len()).flat_map(|group| (0..self.tiles.len()).map(move |run| (group, run)));
        self.layers
            .iter()
            .flat_map(move |layers| seats.clone().map(|(group, run)| Share { layers: layers.clone(), group, run }))
    }

    /// Whether parts need nothing of each other.
    pub fn is_apart(&self) -> bool {
        self.layers.len() == 1 && self.tiles.len() == 1
    }

    /// Whether no part has several layers.
    pub fn is_by_layer(&self) -> bool {
        self.layers.iter().all(|layers| layers.len() == 1)
    }

    /// For each stream, which of [`Cut::streams`] has it, and where.
    pub fn groups(&self) -> impl Iterator<Item = (usize, usize)> {
        self.streams.iter().enumerate().flat_map(|(group, streams)| (0..streams.len()).map(move |m| (group, m)))
    }

    /// The parts' widths in a row of so many layers, of `width` values a tile.
    pub fn columns(&self, layers: usize, width: usize) -> impl Iterator<Item = usize> {
        (0..layers).flat_map(move |_| self.tiles.iter().map(move |tiles| tiles.len() * width))
    }

    /// Which part has these tiles of a layer, for these streams.
    pub fn part(&self, layer: usize, group: usize, run: usize) -> usize {
        let layers = self.layers.iter().position(|layers| layers.contains(&layer)).expect("a layer of the pass");
        layers * self.seats() + self.seat(group, run)
    }

    /// Parts that have a layer.
    pub fn seats(&self) -> usize {
        self.streams.len() * self.tiles.len()
    }

    /// Which of those has these tiles, for these streams.
    pub fn seat(&self, group: usize, run: usize) -> usize {
        group * self.tiles.len() + run
    }
}

/// So many things in pieces of at most so many; none has more than the first.
fn pieces(len: usize, most: usize) -> Pieces {
    (0..len).step_by(most).map(|first| first..len.min(first + most)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many layers, streams and tiles are in the parts that so many threads get.
    fn cut(threads: usize, layers: usize, streams: usize, steps: usize, products: usize) -> [usize; 3] {
        let tiles = 11;
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let cut = Cut::new(Whole { layers: 0..layers, streams, tiles, steps, lag: 4, products });
            let mut times = vec![0; layers * streams * tiles];
            for (part, Share { layers, group, run }) in cut.shares().enumerate() {
                for layer in layers {
                    assert_eq!(cut.part(layer, group, run), part);
                    for stream in cut.streams[group].clone() {
                        cut.tiles[run].clone().for_each(|tile| times[(layer * streams + stream) * tiles + tile] += 1);
                    }
                }
            }
            assert!(times.iter().all(|&times| times == 1));
            let lens = [&cut.layers, &cut.streams, &cut.tiles].map(|pieces| pieces[0].len());
            assert!(cut.groups().eq((0..streams).map(|stream| (stream / lens[1], stream % lens[1]))));
            lens
        })
    }

    #[test]
    fn passes_are_cut_for_the_threads_there_are() {
        let (long, plenty) = (100, 1 << 30);
        assert_eq!(cut(1, 2, 2, long, plenty), [2, 2, 11], "all in one part");
        assert_eq!(cut(2, 2, 2, long, plenty), [2, 2, 6], "tiles for two");
        assert_eq!(cut(3, 2, 2, long, plenty), [2, 2, 4]);
        assert_eq!(cut(2, 2, 4, long, plenty), [2, 2, 11], "streams where there are enough");
        assert_eq!(cut(8, 2, 64, long, plenty), [2, 8, 11]);
        assert_eq!(cut(4, 2, 2, long, 1 << 20), [1, 1, 11], "layers, then streams");
        assert_eq!(cut(8, 2, 5, long, 1 << 20), [1, 2, 11]);
        assert_eq!(cut(8, 2, 2, long, 1 << 20), [1, 1, 6], "and tiles");
        assert_eq!(cut(8, 3, 1, long, plenty), [1, 1, 6]);
        assert_eq!(cut(8, 2, 1, 1, plenty), [2, 1, 2], "no layers of a single step");
        assert_eq!(cut(4, 1, 1, 1, plenty), [1, 1, 3]);
        assert_eq!(cut(16, 2, 1, long, 1 << 17), [1, 1, 6], "no parts of too little work");
        assert_eq!(cut(16, 2, 1, 1, 1 << 17), [2, 1, 11]);
        assert_eq!(cut(16, 2, 1, 1, 1 << 19), [2, 1, 6]);
        assert_eq!(cut(4, 2, 2, long, 1 << 21), [1, 1, 11], "weights that a thread's cache holds for a stream");
        assert_eq!(cut(4, 2, 2, long, 1 << 22), [1, 2, 6], "and such as it holds for two, if halved");
        assert_eq!(cut(16, 2, 2, long, 1 << 22), [1, 1, 3]);
        assert_eq!(cut(2, 2, 5, long, 1 << 15), [2, 3, 11], "gangs of streams where weights are few");
        assert_eq!(cut(2, 2, 50, long, 1 << 15), [2, 4, 11]);
    }
}
