//! What a step has to learn, as jobs that threads share.

use smallvec::SmallVec;

use super::super::components::Components;
use super::super::mixers::Mixers;
use super::super::models::Models;
use super::super::models::history::History;
use super::super::models::image::Image;
use super::super::prediction::MOST_INPUTS;
use super::learn_maps::{ContextMaps, OtherMaps};
use super::learn_mixers::{KnotJob, MixerJob, MixerScratch};
use super::learn_slots::SlotJob;
use super::parts::Parts;
use super::work::Work;

/// Memory of the jobs.
pub struct Scratch {
    mixers: Vec<MixerScratch>,
    /// The general weights before the step.
    general: Box<[i32; MOST_INPUTS]>,
}

impl Scratch {
    pub fn new(components: &Components, streams: usize) -> Self {
        let bits = 8 * streams;
        let mixers = components.mixers.len() + components.finals.len();
        Scratch { mixers: (0..mixers).map(|_| MixerScratch::new(bits)).collect(), general: Box::new([0; MOST_INPUTS]) }
    }
}

/// Something that one thread learns.
pub enum Job<'a> {
    Mixer(MixerJob<'a>),
    Slots(SlotJob<'a>),
    Image(&'a mut Image),
    ContextMaps(ContextMaps<'a>),
    OtherMaps(OtherMaps<'a>),
    Knots(KnotJob<'a>),
    History(&'a mut History),
}

/// The jobs of a step, those that take longest first.
pub fn jobs<'a>(
    models: &'a mut Models,
    mixers: &'a mut Mixers,
    scratch: &'a mut Scratch,
    parts: Parts,
) -> SmallVec<[Job<'a>; 96]> {
    let Scratch { mixers: of_mixers, general } = scratch;
    let Models { bit_history_map, run_map, last_bits_map, order0, match_map, slots, machine, rates, .. } = models;
    let (first, finals, apms) = mixers.parts();
    let start = first[0].first_set();
    general[..start.len()].copy_from_slice(start);
    let general = &general[..start.len()];
    let slots = slots.all_mut();
    let order0 = models.image.is_none().then_some(order0);
    let (of_first, of_finals) = of_mixers.split_at_mut(first.len());
    let mixers = first.iter_mut().zip(of_first).enumerate().map(|(number, (mixer, scratch))| {
        let start = (number > 0).then_some(general);
        Job::Mixer(MixerJob { number, is_final: false, mixer, start, scratch })
    });
    let slots = slots.chunks_mut(parts.len()).enumerate();
    let slots = slots.map(|(part, slots)| Job::Slots(SlotJob { part, slots, machine, rates }));
    let image = models.image.as_deref_mut().map(Job::Image);
    let maps = ContextMaps::all(bit_history_map, run_map, last_bits_map, rates).map(Job::ContextMaps);
    let finals =
        finals.iter_mut().zip(of_finals).enumerate().map(|(number, (mixer, scratch))| {
            Job::Mixer(MixerJob { number, is_final: true, mixer, start: None, scratch })
        });
    let knots = apms.iter_mut().enumerate().map(|(number, apm)| Job::Knots(KnotJob { number, apm }));
    let others = [Job::OtherMaps(OtherMaps { order0, matches: match_map, rates }), Job::History(&mut models.history)];
    mixers.chain(slots).chain(image).chain(maps).chain(finals).chain(knots).chain(others).collect()
}

impl Job<'_> {
    /// Learns what streams did in the step.
    pub fn learn(&mut self, works: &[Work]) {
        match self {
            Job::Mixer(job) => job.learn(works),
            Job::Slots(job) => job.learn(works),
            Job::Image(image) => learn_image(image, works),
            Job::ContextMaps(job) => job.learn(works),
            Job::OtherMaps(job) => job.learn(works),
            Job::Knots(job) => job.learn(works),
            Job::History(history) => works.iter().for_each(|work| {
                history.set(work.position, work.symbol);
                if let Some((hash, position)) = work.entry {
                    history.replace_position(hash, position);
                }
            }),
        }
    }
}

/// Has the image model learn what streams did.
fn learn_image(image: &mut Image, works: &[Work]) {
    let bytes = || works.iter().filter_map(|work| Some((work, work.byte.image.as_deref()?)));
    for (work, byte) in bytes() {
        (0..8).for_each(|i| image.learn_bit(byte, work.node(i), work.bit(i)));
    }
    image.learn_bytes(|| bytes().map(|(work, byte)| (byte, work.symbol)));
}
