//! The mixers and the refinements learn a step.

use super::super::mixers::apm::Apm;
use super::super::mixers::mixer::{CHUNK, Mixer, moved};
use super::super::prediction::{GROUP, MOST_INPUTS};
use super::work::Work;
use crate::simd::prefetch;

/// Memory of a job.
pub struct MixerScratch {
    /// By set: 1 + its place in `sets`; zeros between steps.
    places: Vec<u32>,
    /// Sets of the step.
    sets: Vec<SelectedSet>,
    /// By hit: 1 + the next hit of the same set, 0 for none.
    after: Vec<u32>,
}

/// A set of weights that was selected in a step.
struct SelectedSet {
    set: u32,
    /// 1 + its first hit.
    first: u32,
    hits: u32,
}

impl MixerScratch {
    /// Memory for steps of at most `bits` bits.
    pub fn new(bits: usize) -> Self {
        MixerScratch { places: Vec::new(), sets: Vec::with_capacity(bits), after: vec![0; bits] }
    }
}

/// A mixer to learn.
pub struct MixerJob<'a> {
    pub number: usize,
    pub is_final: bool,
    pub mixer: &'a mut Mixer,
    /// Where a set begins that was never used.
    pub start: Option<&'a [i32]>,
    pub scratch: &'a mut MixerScratch,
}

/// A refinement to learn.
pub struct KnotJob<'a> {
    pub number: usize,
    pub apm: &'a mut Apm,
}

impl MixerJob<'_> {
    /// Learns what streams did. A hit is a bit of the step, by the number of its stream and its own.
    pub fn learn(&mut self, works: &[Work]) {
        crate::simd::vectorized(
            #[inline(always)]
            || self.learn_vectorized(works),
        );
    }

    #[inline(always)]
    fn learn_vectorized(&mut self, works: &[Work]) {
        let MixerJob { number, is_final, mixer, start, scratch } = self;
        let (number, is_final) = (*number, *is_final);
        let MixerScratch { places, sets, after } = &mut **scratch;
        places.resize(mixer.sets(), 0);
        for (stream, work) in works.iter().enumerate().rev() {
            for (i, mixed) in work.mixed.iter().enumerate().rev() {
                let hit = 8 * stream + i;
                let set = if is_final { mixed.final_selected[number] } else { mixed.selected[number] };
                let place = &mut places[usize::from(set)];
                if *place == 0 {
                    sets.push(SelectedSet { set: set.into(), first: 0, hits: 0 });
                    *place = sets.len() as u32;
                }
                let selected = &mut sets[*place as usize - 1];
                after[hit] = selected.first;
                selected.first = hit as u32 + 1;
                selected.hits += 1;
            }
        }
        let width = mixer.width();
        let inputs = |hit: usize| {
            let work = &works[hit / 8];
            if is_final { &work.mixed[hit % 8].outputs[..] } else { &work.inputs[hit % 8 * width..][..width] }
        };
        let error = |hit: usize| {
            let (work, i) = (&works[hit / 8], hit % 8);
            let mixed = &work.mixed[i];
            let p = if is_final { mixed.final_probabilities[number] } else { mixed.probabilities[number] };
            ((work.bit(i) as i32) << 16) - i32::from(p)
        };
        let mut chunk: [(&[i16], i16); CHUNK] = [(&[], 0); CHUNK];
        let mut changes = [0; MOST_INPUTS];
        for (i, &SelectedSet { set, first, hits }) in sets.iter().enumerate() {
            if let Some(later) = sets.get(i + 2) {
                mixer.prefetch(later.set as usize);
                let inputs = inputs(later.first as usize - 1);
                (0..inputs.len()).step_by(32).for_each(|x| prefetch(inputs, x));
            }
            let set = set as usize;
            places[set] = 0;
            let by = mixer.move_by(set, hits as usize);
            let weights = mixer.begin_moving(set, hits as usize, *start);
            let mut next = first;
            if hits as usize > CHUNK {
                changes.fill(0);
            }
            while next != 0 {
                let mut len = 0;
                while next != 0 && len < CHUNK {
                    let hit = next as usize - 1;
                    chunk[len] = (inputs(hit), by.step(error(hit)));
                    next = after[hit];
                    len += 1;
                }
                // One chunk goes to the weights at once: without the limit they fit 32 bits, too.
                let sums = if hits as usize <= CHUNK { &mut *weights } else { &mut changes[..width] };
                add_chunk(sums, &chunk[..len], by.sum_shift);
            }
            if hits as usize <= CHUNK {
                weights.iter_mut().for_each(|w| *w = moved(*w, 0));
            } else {
                weights.iter_mut().zip(&changes).for_each(|(w, &change)| *w = moved(*w, change));
            }
        }
        sets.clear();
    }
}

/// Adds to each value (Q26) the sum of a chunk's inputs times steps.
#[inline(always)]
fn add_chunk(values: &mut [i32], chunk: &[(&[i16], i16)], shift: u32) {
    for (group, values) in values.as_chunks_mut::<GROUP>().0.iter_mut().enumerate() {
        let mut sums = [1 << (shift - 1); GROUP];
        for (inputs, step) in chunk {
            let Some(inputs) = inputs[GROUP * group..].first_chunk::<GROUP>() else { continue };
            for (sum, &x) in sums.iter_mut().zip(inputs) {
                *sum += i32::from(x) * i32::from(*step);
            }
        }
        for (value, sum) in values.iter_mut().zip(sums) {
            *value += sum >> shift;
        }
    }
}

impl KnotJob<'_> {
    /// Learns what streams did: each knot its bits in the order of the streams.
    pub fn learn(&mut self, works: &[Work]) {
        for work in works {
            for (i, mixed) in work.mixed.iter().enumerate() {
                self.apm.learn(mixed.knots[self.number] as usize, work.bit(i) as i32);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::components::components;
    use super::*;
    use crate::model::MixingKind;
    use crate::numerics::generator::random_u64;

    /// Streams that have mixed random inputs by the first mixer of the second number of sets.
    fn random_works(seed: u64, count: usize, width: usize, sets: u64) -> Vec<Work> {
        let mut numbers = (0..).map(|i| random_u64(seed, i));
        let mut below = move |limit: u64| numbers.next().unwrap_or(0) % limit;
        (0..count)
            .map(|_| {
                let mut work = Work::new(components(MixingKind::Rich));
                work.symbol = below(256) as u8;
                for i in 0..8 {
                    work.inputs[i * width..][..width].fill_with(|| below(6145) as i16 - 3072);
                    work.mixed[i].selected[1] = below(sets) as u16;
                    work.mixed[i].probabilities[1] = below(65536) as u16;
                }
                work
            })
            .collect()
    }

    #[test]
    fn a_set_moves_by_the_sum_of_its_hits() {
        for (count, sets, width) in [(1, 1, 16), (3, 5, 48), (64, 2, 160), (256, 1, 112), (40, 1000, 32)] {
            let works = random_works(count as u64, count, width, sets);
            let mut mixer = Mixer::new(sets as usize, width, 1 << 14, [200, 1000]);
            let start = vec![12345; width];
            let mut scratch = MixerScratch::new(8 * count);
            let mut uses = vec![0; sets as usize];
            for step in 0..3 {
                let mut expected: Vec<Vec<i64>> = (0..sets as usize)
                    .map(|set| mixer.set_or(set, &start).iter().map(|&w| w.into()).collect())
                    .collect();
                for (set, weights) in expected.iter_mut().enumerate() {
                    let hits: Vec<(usize, usize)> = (0..count)
                        .flat_map(|w| (0..8).map(move |i| (w, i)))
                        .filter(|&(w, i)| usize::from(works[w].mixed[i].selected[1]) == set)
                        .collect();
                    let rate = 200 + 1000 * 16 / (uses[set] + 16);
                    let step_shift = (0..).find(|shift| rate >> shift == 1).unwrap() + 2;
                    uses[set] = (uses[set] + hits.len() as i64).min(1023);
                    // The number of hits, halved until there are at most 32.
                    let halvings = (0..).find(|h| hits.len() as f64 / f64::from(1 << h) <= 32.0).unwrap();
                    for (k, weight) in weights.iter_mut().enumerate() {
                        let product = |&(w, i): &(usize, usize)| {
                            let bit = i64::from(works[w].symbol >> (7 - i) & 1);
                            let error = (bit << 16) - i64::from(works[w].mixed[i].probabilities[1]);
                            i64::from(works[w].inputs[i * width + k]) * ((error * rate) >> step_shift)
                        };
                        let shift = 14 - step_shift + halvings;
                        let sums = hits.chunks(16).map(|chunk| chunk.iter().map(product).sum::<i64>());
                        let change: i64 = sums.map(|sum| (sum + (1 << (shift - 1))) >> shift).sum();
                        *weight = (*weight + change).clamp(-(1 << 29) + 1, (1 << 29) - 1);
                    }
                }
                let start = Some(&start[..]);
                MixerJob { number: 1, is_final: false, mixer: &mut mixer, start, scratch: &mut scratch }.learn(&works);
                let start = vec![12345; width];
                for (set, weights) in expected.iter().enumerate() {
                    let learned = mixer.set_or(set, &start).iter().map(|&w| i64::from(w));
                    assert!(learned.eq(weights.iter().copied()), "{count} streams, set {set}, step {step}");
                }
            }
        }
    }

    #[test]
    fn extremes_do_not_overflow() {
        for count in [1, 4, 8, 9, 10, 30, 2048] {
            let mut works = random_works(1, count, 16, 1);
            for work in &mut works {
                work.symbol = 255;
                work.inputs.fill(3072);
                work.mixed.iter_mut().for_each(|mixed| mixed.probabilities[1] = 0);
            }
            let mut mixer = Mixer::new(1, 16, 0, [110, 2200]);
            let mut scratch = MixerScratch::new(8 * count);
            for _ in 0..3 {
                let job =
                    &mut MixerJob { number: 1, is_final: false, mixer: &mut mixer, start: None, scratch: &mut scratch };
                job.learn(&works);
            }
            assert!(mixer.first_set().iter().all(|&w| w > 1 << 24), "{count} streams");
        }
    }
}
