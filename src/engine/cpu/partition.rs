//! How a pass through layers is split into subsets, one for each task.

use std::ops::Range;

use smallvec::{SmallVec, smallvec};

use crate::simd::GROUP;

/// Consecutive ranges. A decoder's step has few of them, which need no memory from the system.
pub type Ranges = SmallVec<[Range<usize>; 4]>;

/// A pass split by layers, by streams, and where that is not enough by tiles. A subset is a
/// combination of one range of each.
pub struct Partition {
    layers: Ranges,
    /// Groups of streams.
    pub streams: Ranges,
    /// Blocks of a layer's tiles.
    pub tiles: Ranges,
}

/// The part of a pass that one task computes.
pub struct Subset {
    /// Its layers.
    pub layers: Range<usize>,
    /// Its group of streams, an index of [`Partition::streams`].
    pub group: usize,
    /// Its block of tiles, an index of [`Partition::tiles`].
    pub block: usize,
}

/// The size of a pass.
pub struct PassSize {
    /// Layers of the pass.
    pub layers: Range<usize>,
    /// Streams that go through them.
    pub streams: usize,
    /// Tiles of a layer.
    pub tiles: usize,
    /// Steps of a stream.
    pub steps: usize,
    /// Steps that a layer is behind the one before it.
    pub lag: usize,
    /// Multiplications of one step of one stream in all layers.
    pub products: usize,
}

impl Partition {
    /// Splits a pass for the threads of the current pool.
    ///
    /// Subsets of different streams need nothing of each other, but each loads all weights, and a
    /// weight loaded for a single stream serves only one product. Subsets of different layers need
    /// little of each other, and not at once, but layers are of unequal size. Subsets of one
    /// layer's tiles need everything that the others compute, after each step.
    pub fn new(size: PassSize) -> Self {
        /// Weights that a core's own cache holds beside the records of some streams.
        const CACHE: usize = 1 << 19;
        /// The least products of a step for a subset: a thread that polls is ready at once.
        const LEAST: usize = 1 << 15;
        /// The least products of a whole pass for a subset: a thread that sleeps needs some
        /// microseconds to wake up.
        const LEAST_OF_PASS: usize = 1 << 18;
        /// From this number of subsets on, it is worth splitting by layers, of unequal size, and
        /// into single streams; fewer subsets exchange less.
        const MANY: usize = 4;
        /// Steps for each step that a layer is behind, so that all layers are busy most of the time.
        const STEPS: usize = 8;
        let PassSize { layers, streams, tiles, steps, lag, products } = size;
        let threads = rayon::current_num_threads();
        let each = streams.div_ceil(threads);
        if products <= CACHE && each > 1 {
            // A thread takes one group through all steps before the next, so that the records fit
            // the cache, too.
            return Partition {
                layers: smallvec![layers],
                streams: ranges(streams, each.min(GROUP)),
                tiles: ranges(tiles, tiles),
            };
        }
        let products_of_all = streams * products;
        let least = LEAST.max(LEAST_OF_PASS / steps.max(1));
        let most = (products_of_all / least).clamp(1, threads);
        let is_long = steps >= STEPS * lag * (layers.len() - 1);
        let by_layer = is_long && most >= MANY.max(layers.len()) && streams < 2 * most;
        let left = if by_layer { most / layers.len() } else { most };
        let alone = left.min(streams);
        let weights_of_subset = products / (most / left) / (left / alone);
        let groups = if most >= MANY && weights_of_subset <= 2 * CACHE { alone } else { left.min(streams / 2).max(1) };
        let streams = ranges(streams, streams.div_ceil(groups));
        Partition {
            layers: if by_layer { layers.map(|layer| layer..layer + 1).collect() } else { smallvec![layers] },
            tiles: ranges(tiles, tiles.div_ceil((left / streams.len()).clamp(1, tiles))),
            streams,
        }
    }

    /// All subsets: `[layers][groups of streams][blocks of tiles]`.
    pub fn subsets(&self) -> impl Iterator<Item = Subset> {
        let places = (0..self.streams.len()).flat_map(|group| (0..self.tiles.len()).map(move |block| (group, block)));
        self.layers.iter().flat_map(move |layers| {
            places.clone().map(|(group, block)| Subset { layers: layers.clone(), group, block })
        })
    }

    /// True if subsets need nothing of each other.
    pub fn is_independent(&self) -> bool {
        self.layers.len() == 1 && self.tiles.len() == 1
    }

    /// True if each subset has a single layer.
    pub fn has_single_layers(&self) -> bool {
        self.layers.iter().all(|layers| layers.len() == 1)
    }

    /// For each stream, its group and its index within the group.
    pub fn grouped_streams(&self) -> impl Iterator<Item = (usize, usize)> {
        self.streams.iter().enumerate().flat_map(|(group, streams)| (0..streams.len()).map(move |m| (group, m)))
    }

    /// The width of each block of tiles in a row of `layers` layers with `width` values a tile.
    pub fn column_widths(&self, layers: usize, width: usize) -> impl Iterator<Item = usize> {
        (0..layers).flat_map(move |_| self.tiles.iter().map(move |tiles| tiles.len() * width))
    }

    /// The index of the subset with this block of a layer's tiles for this group of streams.
    pub fn subset_index(&self, layer: usize, group: usize, block: usize) -> usize {
        let layers = self.layers.iter().position(|layers| layers.contains(&layer)).expect("a layer of the pass");
        layers * self.subsets_per_layer() + self.index_in_layer(group, block)
    }

    /// The number of subsets with a given layer.
    pub fn subsets_per_layer(&self) -> usize {
        self.streams.len() * self.tiles.len()
    }

    /// The index among these of the subset with this block of tiles and this group of streams.
    pub fn index_in_layer(&self, group: usize, block: usize) -> usize {
        group * self.tiles.len() + block
    }
}

/// Splits `0..len` into ranges of `most`, of which only the last may be shorter.
fn ranges(len: usize, most: usize) -> Ranges {
    (0..len).step_by(most).map(|first| first..len.min(first + most)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::on_threads;

    /// The number of layers, streams and tiles in the first subset of a pass on `threads` threads.
    fn first_subset(threads: usize, layers: usize, streams: usize, steps: usize, products: usize) -> [usize; 3] {
        let tiles = 11;
        on_threads(threads, || {
            let partition = Partition::new(PassSize { layers: 0..layers, streams, tiles, steps, lag: 4, products });
            let mut times = vec![0; layers * streams * tiles];
            for (index, Subset { layers, group, block }) in partition.subsets().enumerate() {
                for layer in layers {
                    assert_eq!(partition.subset_index(layer, group, block), index);
                    for stream in partition.streams[group].clone() {
                        for tile in partition.tiles[block].clone() {
                            times[(layer * streams + stream) * tiles + tile] += 1;
                        }
                    }
                }
            }
            assert!(times.iter().all(|&times| times == 1));
            let lens = [&partition.layers, &partition.streams, &partition.tiles].map(|ranges| ranges[0].len());
            assert!(partition.grouped_streams().eq((0..streams).map(|stream| (stream / lens[1], stream % lens[1]))));
            lens
        })
    }

    #[test]
    #[cfg_attr(target_family = "wasm", ignore = "needs threads")]
    fn passes_are_split_for_the_number_of_threads() {
        let (long, plenty) = (100, 1 << 30);
        assert_eq!(first_subset(1, 2, 2, long, plenty), [2, 2, 11], "a single subset");
        assert_eq!(first_subset(2, 2, 2, long, plenty), [2, 2, 6], "tiles for two");
        assert_eq!(first_subset(3, 2, 2, long, plenty), [2, 2, 4]);
        assert_eq!(first_subset(2, 2, 4, long, plenty), [2, 2, 11], "streams if there are enough");
        assert_eq!(first_subset(8, 2, 64, long, plenty), [2, 8, 11]);
        assert_eq!(first_subset(4, 2, 2, long, 1 << 20), [1, 1, 11], "layers, then streams");
        assert_eq!(first_subset(8, 2, 5, long, 1 << 20), [1, 2, 11]);
        assert_eq!(first_subset(8, 2, 2, long, 1 << 20), [1, 1, 6], "and tiles");
        assert_eq!(first_subset(8, 3, 1, long, plenty), [1, 1, 6]);
        assert_eq!(first_subset(8, 2, 1, 1, plenty), [2, 1, 2], "not by layers in a single step");
        assert_eq!(first_subset(4, 1, 1, 1, plenty), [1, 1, 3]);
        assert_eq!(first_subset(16, 2, 1, long, 1 << 17), [1, 1, 6], "no subsets with too little work");
        assert_eq!(first_subset(16, 2, 1, 1, 1 << 17), [2, 1, 11]);
        assert_eq!(first_subset(16, 2, 1, 1, 1 << 19), [2, 1, 6]);
        assert_eq!(
            first_subset(4, 2, 2, long, 1 << 21),
            [1, 1, 11],
            "single streams if the weights fit a thread's cache"
        );
        assert_eq!(first_subset(4, 2, 2, long, 1 << 22), [1, 2, 6], "two streams if half of the weights do");
        assert_eq!(first_subset(16, 2, 2, long, 1 << 22), [1, 1, 3]);
        assert_eq!(first_subset(2, 2, 5, long, 1 << 15), [2, 3, 11], "groups of streams if there are few weights");
        assert_eq!(first_subset(2, 2, 50, long, 1 << 15), [2, 4, 11]);
    }
}
