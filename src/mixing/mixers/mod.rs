//! Two layers of mixers and the refinements: they turn predictions of models into a probability.

pub mod apm;
pub mod mixer;
pub mod selector;

use crate::state::Visitor;

use super::components::Components;
use super::logistic::{Logistic, STRETCH_FRACTION, STRETCH_LIMIT, SUM_FRACTION};
use super::prediction::{BitPrediction, GROUP, MixerContext, NetworkPrediction, linear};

use apm::Apm;
use mixer::Mixer;
use selector::Selector;

/// The largest number of mixers in a layer.
const MOST_MIXERS: usize = 16;
/// The largest number of mixers in the second layer, and of refinements.
const MOST_FINALS: usize = 4;
/// Initial weight of the first layer, Q16.
const START: i32 = 2500;
/// Learning rates of the first layer, Q16: the final rate, and what is added to it at first.
const RATES_FIRST: [i32; 2] = [110, 2200];
/// Learning rates of the second layer, like [`RATES_FIRST`].
const RATES_FINAL: [i32; 2] = [60, 600];

/// All mixers and refinements of a stage.
#[derive(Clone)]
pub struct Mixers {
    components: &'static Components,
    logistic: Logistic,
    /// First layer.
    first: Vec<Mixer>,
    /// Second layer.
    finals: Vec<Mixer>,
    apms: Vec<Apm>,
}

/// How a bit was mixed; learning needs it.
#[derive(Clone, Copy, Default)]
pub struct Mixed {
    /// Weight set and probability (Q16) of each mixer of the first layer.
    pub selected: [u16; MOST_MIXERS],
    pub probabilities: [u16; MOST_MIXERS],
    /// Inputs of the second layer, Q8.
    pub outputs: [i16; GROUP],
    /// Weight set and probability (Q16) of each mixer of the second layer.
    pub final_selected: [u16; MOST_FINALS],
    pub final_probabilities: [u16; MOST_FINALS],
    /// Index of the knot that each refinement learns.
    pub knots: [u32; MOST_FINALS],
}

impl Mixers {
    /// Creates untrained mixers.
    pub fn new(components: &'static Components) -> Self {
        let inputs = components.inputs();
        // The sets of the other mixers are copied from the first mixer at their first use.
        let start = |i| if i == 0 { START } else { 0 };
        let mixer = |(i, selector): (usize, &Selector)| Mixer::new(selector.sets(), inputs, start(i), RATES_FIRST);
        assert!(components.mixers.len() < GROUP);
        let final_start = 65536 / components.mixers.len() as i32;
        let final_mixer = |selector: &Selector| Mixer::new(selector.sets(), GROUP, final_start, RATES_FINAL);
        Mixers {
            components,
            logistic: Logistic::new(),
            first: components.mixers.iter().enumerate().map(mixer).collect(),
            finals: components.finals.iter().map(final_mixer).collect(),
            apms: components.refinements.iter().map(|_| Apm::new()).collect(),
        }
    }

    /// Adds the network's inputs and its level. The caller has set the context's `likeliest`.
    #[inline(always)]
    pub fn add_network_inputs(
        &self,
        prediction: &mut BitPrediction,
        network: &NetworkPrediction<impl Fn(usize) -> u32>,
    ) {
        let p = (network.probability)(prediction.context.node);
        let stretched = self.logistic.stretch(p);
        let inputs = [stretched as i16, linear(p) as i16];
        prediction.inputs[self.components.network_input()..][..2].copy_from_slice(&inputs);
        prediction.context.network_level = ((stretched + STRETCH_LIMIT) >> STRETCH_FRACTION).clamp(0, 23) as usize;
    }

    /// Prefetches the cache lines of large tables that a context selects.
    #[inline(always)]
    pub fn prefetch(&self, context: &MixerContext) {
        for (apm, refinement) in self.apms.iter().zip(self.components.refinements) {
            apm.prefetch(refinement.index(context));
        }
        let selectors = self.components.mixers;
        for (mixer, selector) in self.first.iter().zip(selectors).filter(|(_, selector)| selector.is_large()) {
            mixer.prefetch(selector.select(context));
        }
    }

    /// Returns the probability of a 1, Q16, 1..=65535, and notes how it was mixed. A set of weights that was never
    /// used reads as the first mixer's.
    #[cfg_attr(not(target_family = "wasm"), inline(always))]
    pub fn mix(&self, prediction: &BitPrediction, mixed: &mut Mixed) -> u32 {
        let Mixers { components, logistic, first, finals, apms, .. } = self;
        let context = &prediction.context;
        let general = first[0].first_set();
        for (i, (mixer, selector)) in first.iter().zip(components.mixers).enumerate() {
            let set = selector.select(context);
            let weights = if i == 0 { general } else { mixer.set_or(set, general) };
            let sum = mixer::sum(weights, &prediction.inputs);
            mixed.selected[i] = set as u16;
            mixed.probabilities[i] = logistic.squash(sum) as u16;
            mixed.outputs[i] = (sum >> (SUM_FRACTION - STRETCH_FRACTION)).clamp(-STRETCH_LIMIT, STRETCH_LIMIT) as i16;
        }
        mixed.outputs[first.len()] = prediction.inputs[components.network_input()];
        let mut total = 0;
        for (i, (mixer, selector)) in finals.iter().zip(components.finals).enumerate() {
            let set = selector.select(context);
            let sum = mixer.sum(set, &mixed.outputs);
            mixed.final_selected[i] = set as u16;
            mixed.final_probabilities[i] = logistic.squash(sum) as u16;
            total += sum;
        }
        let sum = total >> finals.len().ilog2();
        let x = sum >> (SUM_FRACTION - STRETCH_FRACTION);
        let mut total = logistic.squash(sum);
        for (i, (apm, refinement)) in apms.iter().zip(components.refinements).enumerate() {
            let (p, knot) = apm.refine(x, refinement.index(context));
            mixed.knots[i] = knot as u32;
            total += p;
        }
        let count = 1 + apms.len() as i32;
        ((total + count / 2) / count).clamp(1, 65535) as u32
    }

    /// The first layer, the second layer, and the refinements, to learn.
    pub fn parts(&mut self) -> (&mut [Mixer], &mut [Mixer], &mut [Apm]) {
        (&mut self.first, &mut self.finals, &mut self.apms)
    }

    /// Moves the weights and the refinements towards a bit, which was mixed as noted.
    #[cfg_attr(not(target_family = "wasm"), inline(always))]
    pub fn learn(&mut self, prediction: &BitPrediction, mixed: &Mixed, bit: bool) {
        let (general, others) = self.first.split_at_mut(1);
        for (mixer, &set) in others.iter_mut().zip(&mixed.selected[1..]) {
            mixer.start_set(set.into(), general[0].first_set());
        }
        let target = i32::from(bit) << 16;
        for (i, mixer) in self.first.iter_mut().enumerate() {
            mixer.learn(mixed.selected[i].into(), &prediction.inputs, target - i32::from(mixed.probabilities[i]));
        }
        for (i, mixer) in self.finals.iter_mut().enumerate() {
            let error = target - i32::from(mixed.final_probabilities[i]);
            mixer.learn(mixed.final_selected[i].into(), &mixed.outputs, error);
        }
        for (apm, &knot) in self.apms.iter_mut().zip(&mixed.knots) {
            apm.learn(knot as usize, bit.into());
        }
    }

    /// Visits everything that was learned.
    pub fn visit(&mut self, visitor: &mut dyn Visitor) {
        for mixer in self.first.iter_mut().chain(&mut self.finals) {
            mixer.visit(visitor);
        }
        for apm in &mut self.apms {
            apm.visit(visitor);
        }
    }
}
