//! The step-synchronous form of the stage, for large inputs on many threads.
//!
//! In a step every stream codes one byte. All streams predict from what was learned by the end of the step before,
//! and then everything is learned. No stream reads what another one did in the step, and each table learns in the
//! order of the streams, so the number of threads changes nothing:
//!
//! | file | phase | shared by threads |
//! |---|---|---|
//! | `predict` | each stream predicts and codes its byte, and notes what it used | streams |
//! | `learn` and `learn_*` | the tables learn what was noted | tables and parts of tables |
//!
//! `work` holds what is noted, `parts` says which part of the table of slots a slot is in.

mod learn;
mod learn_maps;
mod learn_mixers;
mod learn_slots;
mod parts;
mod predict;
#[cfg(test)]
mod tests;
mod work;

use std::slice;

use smallvec::SmallVec;

use super::Mixing;
use super::models::image::Image;
use crate::crew::Crew;
use crate::mixing::NetworkPrediction;
use crate::model::Raster;
use crate::simd::vectorized;
use crate::state::Visitor;

use learn::Scratch;
use parts::Parts;
use work::Work;

/// Codes the bits of one stream.
pub trait BitCoder: Send {
    /// Codes the next bit, whose probability of a 1 is `p` (Q16, 1..=65535); returns it.
    fn code(&mut self, p: u32) -> bool;
}

/// Streams that a thread takes together, so that their slots are fetched from memory together.
const GROUP: usize = 8;

/// The stage with all its streams.
pub struct Synchronous {
    /// What all streams share; its own list of streams is empty.
    stage: Mixing,
    works: Vec<Work>,
    scratch: Scratch,
    /// Position in the history where the block begins.
    base: u32,
}

impl Synchronous {
    /// Has a stage without streams of its own predict `streams` streams at once.
    pub fn new(stage: Mixing, streams: usize) -> Self {
        let components = stage.models.components;
        let works = (0..streams).map(|_| Work::new(components)).collect();
        Synchronous { scratch: Scratch::new(components, streams), works, base: stage.models.end, stage }
    }

    /// Begins a block of `len` bytes. A block with a `raster` is predicted as an image.
    pub fn start_block(&mut self, len: usize, raster: Option<Raster>) {
        self.base = self.stage.models.end;
        self.stage.models.start_block(len, std::iter::empty(), raster);
        self.works.iter_mut().for_each(|work| work.start_block(raster.is_some()));
    }

    /// Moves each stream to an offset in the block: a panel begins.
    pub fn start_panel(&mut self, starts: impl Iterator<Item = usize>) {
        for (work, start) in self.works.iter_mut().zip(starts) {
            work.jump(self.base.wrapping_add(start as u32), start as u32);
        }
    }

    /// Codes the next byte of the first `coders.len()` streams, and learns them.
    pub fn step<C: BitCoder, P: Fn(usize) -> u32>(
        &mut self,
        crew: &mut Crew<'_>,
        coders: &mut [C],
        network: impl Fn(usize) -> Option<NetworkPrediction<P>> + Sync,
    ) {
        let Synchronous { stage: Mixing { models, mixers, .. }, works, scratch, .. } = self;
        let works = &mut works[..coders.len()];
        // Several groups for each thread, so that none waits long for another.
        let group = coders.len().div_ceil(2 * crew.threads()).clamp(1, GROUP);
        let groups = works.chunks_mut(group).zip(coders.chunks_mut(group)).enumerate();
        let mut groups: SmallVec<[_; 32]> = groups.map(|(i, (works, coders))| (i * group, works, coders)).collect();
        let (shared_models, shared_mixers) = (&*models, &*mixers);
        let parts = Parts::new(shared_models.slots.all().len(), crew.threads());
        crew.for_each(&mut groups, |(first, works, coders)| {
            vectorized(
                #[inline(always)]
                || predict::predict(shared_models, shared_mixers, parts, works, coders, |i| network(*first + i)),
            );
        });
        drop(groups);
        let works = &*works;
        let mut jobs = learn::jobs(models, mixers, scratch, parts);
        crew.for_each(&mut jobs, |job| job.learn(works));
    }

    /// Returns a hash of all probabilities since the stage was created, see [`Mixing::hash`].
    pub fn hash(&self) -> u64 {
        self.works.iter().fold(self.stage.trace, |mut hash, work| {
            for half in [work.trace as u32, (work.trace >> 32) as u32] {
                super::extend_trace(&mut hash, half);
            }
            hash
        })
    }

    /// Returns what was learned.
    pub fn into_stage(self) -> Mixing {
        Mixing { trace: self.hash(), ..self.stage }
    }

    /// Visits the whole state between two steps, see [`Mixing::visit`].
    pub fn visit(&mut self, visitor: &mut dyn Visitor) {
        self.stage.visit_carried(visitor);
        visitor.u32s(slice::from_mut(&mut self.base));
        self.works.iter_mut().for_each(|work| work.visit(visitor));
        let image = &mut self.stage.models.image;
        Image::visit_any(image, visitor);
        self.works.iter_mut().for_each(|work| work.visit_image(image.is_some(), visitor));
    }
}
