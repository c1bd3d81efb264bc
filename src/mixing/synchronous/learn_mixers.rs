//! The mixers and the refinements learn a step.

use super::super::mixers::apm::Apm;
use super::super::mixers::mixer::{Mixer, moved, product};
use super::super::prediction::GROUP;
use super::counter::Counter;
use super::work::Work;
use crate::simd::prefetch;

/// Memory of a job.
pub struct MixerScratch {
    /// By set: 1 + its place in `sets`; zeros between steps.
    places: Vec<u32>,
    /// Sets of the step, each with its last hit and its number of hits.
    sets: Vec<(u32, u32, i32)>,
    /// By hit: 1 + the hit of the same set before it, 0 for none.
    before: Vec<u32>,
    /// The hits of a set, each with its step.
    hits: Vec<(u32, i32)>,
}

impl MixerScratch {
    pub fn new(bits: usize) -> Self {
        MixerScratch {
            places: Vec::new(),
            sets: Vec::with_capacity(bits),
            before: vec![0; bits],
            hits: Vec::with_capacity(bits),
        }
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
    pub counter: &'a mut Counter,
}

impl MixerJob<'_> {
    /// Learns what streams did.
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
        let width = mixer.width();
        let hit = |hit: usize| {
            let (work, i) = (&works[hit / 8], hit % 8);
            let mixed = &work.mixed[i];
            let (set, p, inputs) = if is_final {
                (mixed.final_selected[number], mixed.final_probabilities[number], &mixed.outputs[..])
            } else {
                (mixed.selected[number], mixed.probabilities[number], &work.inputs[i * width..][..width])
            };
            (usize::from(set), ((work.bit(i) as i32) << 16) - i32::from(p), inputs)
        };
        scratch.places.resize(mixer.sets(), 0);
        for h in 0..8 * works.len() {
            let (set, ..) = hit(h);
            let place = &mut scratch.places[set];
            if *place == 0 {
                scratch.sets.push((set as u32, 0, 0));
                *place = scratch.sets.len() as u32;
            }
            let (_, last, count) = &mut scratch.sets[*place as usize - 1];
            scratch.before[h] = *last;
            *last = h as u32 + 1;
            *count += 1;
        }
        let MixerScratch { places, sets, before, hits } = &mut **scratch;
        let inputs = |h: u32| hit(h as usize).2;
        for (i, &(set, last, count)) in sets.iter().enumerate() {
            if let Some(&(set, last, _)) = sets.get(i + 2) {
                mixer.prefetch(set as usize);
                let inputs = inputs(last - 1);
                (0..inputs.len()).step_by(32).for_each(|x| prefetch(inputs, x));
            }
            let set = set as usize;
            places[set] = 0;
            let rate = mixer.rate(set, count);
            hits.clear();
            let mut next = last;
            while next != 0 {
                let (_, error, _) = hit(next as usize - 1);
                hits.push((next - 1, mixer.step(error, rate)));
                next = before[next as usize - 1];
            }
            let weights = mixer.begin_moving(set, count, *start);
            for (group, weights) in weights.as_chunks_mut::<GROUP>().0.iter_mut().enumerate() {
                move_weights(weights, hits, |h| &inputs(h)[GROUP * group..]);
            }
        }
        sets.clear();
    }
}

/// Moves weights by the sums of inputs times steps; `inputs` begin at these weights' inputs.
#[inline(always)]
fn move_weights<'a>(weights: &mut [i32; GROUP], hits: &[(u32, i32)], inputs: impl Fn(u32) -> &'a [i16]) {
    let mut sums = [0; GROUP];
    for &(hit, step) in hits {
        let Some(inputs) = inputs(hit).first_chunk::<GROUP>() else { continue };
        for (sum, &x) in sums.iter_mut().zip(inputs) {
            *sum += product(x, step);
        }
    }
    for (w, sum) in weights.iter_mut().zip(sums) {
        *w = moved(*w, sum);
    }
}

impl KnotJob<'_> {
    /// Learns what streams did.
    pub fn learn(&mut self, works: &[Work]) {
        for work in works {
            for (i, mixed) in work.mixed.iter().enumerate() {
                self.counter.add(mixed.knots[self.number] as usize, work.bit(i));
            }
        }
        self.counter.drain(|index, ones, count| self.apm.learn_counts(index, ones, count));
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
            for step in 0..3 {
                let mut expected: Vec<Vec<i64>> = (0..sets as usize)
                    .map(|set| mixer.set_or(set, &start).iter().map(|&w| w.into()).collect())
                    .collect();
                for (set, weights) in expected.iter_mut().enumerate() {
                    let hits: Vec<(usize, usize)> = (0..count)
                        .flat_map(|w| (0..8).map(move |i| (w, i)))
                        .filter(|&(w, i)| usize::from(works[w].mixed[i].selected[1]) == set)
                        .collect();
                    let hit_count = hits.len() as i32;
                    let rate = if hit_count > 0 { i64::from(mixer.rate(set, hit_count)) } else { 0 };
                    for (k, weight) in weights.iter_mut().enumerate() {
                        let sum: i64 = hits
                            .iter()
                            .map(|&(w, i)| {
                                let bit = i64::from(works[w].symbol >> (7 - i) & 1);
                                let error = (bit << 16) - i64::from(works[w].mixed[i].probabilities[1]);
                                let step = ((error * rate) >> 11).clamp(-(1 << 18) + 1, (1 << 18) - 1);
                                (i64::from(works[w].inputs[i * width + k]) * step + 16) >> 5
                            })
                            .sum();
                        *weight = (*weight + ((sum + 1) >> 1)).clamp(-(1 << 29) + 1, (1 << 29) - 1);
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
