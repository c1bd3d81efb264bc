//! Two layers of mixers and the refinements: they turn predictions of models into a probability.

pub mod apm;
mod mixer;
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
    last: LastBit,
}

/// How the last bit was mixed; learning needs it.
#[derive(Clone, Default)]
struct LastBit {
    /// Weight set, probability (Q16) and output (Q8) of each mixer of the first layer.
    selected: [usize; MOST_MIXERS],
    probabilities: [i32; MOST_MIXERS],
    outputs: [i16; GROUP],
    /// Weight set and probability (Q16) of each mixer of the second layer.
    final_selected: [usize; MOST_MIXERS],
    final_probabilities: [i32; MOST_MIXERS],
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
            last: LastBit::default(),
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

    /// Returns the probability of a 1, Q16, 1..=65535.
    #[inline(always)]
    pub fn mix(&mut self, prediction: &BitPrediction) -> u32 {
        self.mix_inputs(prediction);
        let sum = self.mix_outputs(&prediction.context);
        let x = sum >> (SUM_FRACTION - STRETCH_FRACTION);
        let mut total = self.logistic.squash(sum);
        for (apm, refinement) in self.apms.iter_mut().zip(self.components.refinements) {
            total += apm.refine(x, refinement.index(&prediction.context));
        }
        let count = 1 + self.apms.len() as i32;
        ((total + count / 2) / count).clamp(1, 65535) as u32
    }

    /// Computes the first layer. The network's stretched probability is also an input of the second.
    #[inline(always)]
    fn mix_inputs(&mut self, prediction: &BitPrediction) {
        let (general, others) = self.first.split_at_mut(1);
        for (i, mixer) in others.iter_mut().enumerate() {
            let set = self.components.mixers[i + 1].select(&prediction.context);
            mixer.start_set(set, general[0].first_set());
            self.last.selected[i + 1] = set;
        }
        for (i, mixer) in self.first.iter().enumerate() {
            let sum = mixer.sum(self.last.selected[i], &prediction.inputs);
            self.last.probabilities[i] = self.logistic.squash(sum);
            let output = (sum >> (SUM_FRACTION - STRETCH_FRACTION)).clamp(-STRETCH_LIMIT, STRETCH_LIMIT);
            self.last.outputs[i] = output as i16;
        }
        self.last.outputs[self.first.len()] = prediction.inputs[self.components.network_input()];
    }

    /// Computes the second layer; returns the mean of its mixers' sums, Q12.
    #[inline(always)]
    fn mix_outputs(&mut self, context: &MixerContext) -> i32 {
        let mut total = 0;
        for (i, (mixer, selector)) in self.finals.iter().zip(self.components.finals).enumerate() {
            let set = selector.select(context);
            let sum = mixer.sum(set, &self.last.outputs);
            self.last.final_selected[i] = set;
            self.last.final_probabilities[i] = self.logistic.squash(sum);
            total += sum;
        }
        total >> self.finals.len().ilog2()
    }

    /// Moves the weights and the refinements towards the bit that was mixed last.
    #[inline(always)]
    pub fn learn(&mut self, prediction: &BitPrediction, bit: bool) {
        let (target, last) = (i32::from(bit) << 16, &self.last);
        for (i, mixer) in self.first.iter_mut().enumerate() {
            mixer.learn(last.selected[i], &prediction.inputs, target - last.probabilities[i]);
        }
        for (i, mixer) in self.finals.iter_mut().enumerate() {
            mixer.learn(last.final_selected[i], &last.outputs, target - last.final_probabilities[i]);
        }
        for apm in &mut self.apms {
            apm.learn(bit.into());
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
