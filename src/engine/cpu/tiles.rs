//! One layer, one step, in tiles of 16 cells: split over threads where that pays.

use rayon::prelude::*;

use super::simd::GROUP;
use super::state::Stream;

/// Products that are worth a task of their own: about a microsecond.
pub const TASK: usize = 1 << 18;

/// Computes every tile for every stream and stores what came out.
///
/// `compute` fills a result for each of up to four streams; `products` are the
/// multiplications that a tile takes for one stream. A tile's weights serve all
/// streams while they are in the cache.
pub fn each_tile<R: Copy + Default + Send>(
    tiles: usize,
    products: usize,
    streams: &mut [Stream],
    compute: impl Fn(usize, &[Stream], &mut [R]) + Sync,
    store: impl Fn(usize, &mut Stream, &R),
) {
    let threads = rayon::current_num_threads();
    let least = TASK.div_ceil(products * streams.len());
    if threads == 1 || tiles < 2 * least {
        let mut results = [R::default(); GROUP];
        for tile in 0..tiles {
            for group in streams.chunks_mut(GROUP) {
                compute(tile, group, &mut results[..group.len()]);
                group.iter_mut().zip(&results).for_each(|(stream, result)| store(tile, stream, result));
            }
        }
        return;
    }
    // Streams hold all tiles side by side, so tasks can't write into them.
    let count = streams.len();
    let mut results = vec![R::default(); tiles * count];
    let run = tiles.div_ceil(threads).max(least);
    results.par_chunks_mut(run * count).enumerate().for_each(|(task, results)| {
        for (tile, results) in (task * run..).zip(results.chunks_mut(count)) {
            for (group, results) in streams.chunks(GROUP).zip(results.chunks_mut(GROUP)) {
                compute(tile, group, results);
            }
        }
    });
    for (tile, results) in results.chunks_exact(count).enumerate() {
        streams.iter_mut().zip(results).for_each(|(stream, result)| store(tile, stream, result));
    }
}

/// A part of the record of each of up to four streams.
pub fn parts<'a, T>(streams: &'a [Stream], part: impl Fn(&'a Stream) -> &'a [T]) -> [&'a [T]; GROUP] {
    std::array::from_fn(|m| streams.get(m).map_or(&[][..], &part))
}
