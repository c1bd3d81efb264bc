//! Two layers of mixers and the refinements: from what the models say to a probability.

use super::apm::Apm;
use super::inputs::CONFIDENCE_SHIFT;
use super::kinds::{MOST_MIXERS, Parts};
use super::mixer::{GROUP, Mixer};
use super::selector::{Moment, Selector};
use super::stretch::{Logistic, STRETCH_FRACTION, STRETCH_LIMIT, SUM_FRACTION};
use super::work::Bit;
use crate::state::Visitor;

/// Where the weights of the first layer start, Q16.
const START: i32 = 2500;
/// Learning rates of the first layer and the second, Q16: the last, and what comes on top at first.
const RATES_FIRST: [i32; 2] = [110, 2200];
const RATES_FINAL: [i32; 2] = [60, 600];

/// What a network says of a symbol.
pub struct Advice<P> {
    /// The symbol that it thinks likeliest.
    pub likeliest: u8,
    /// Its probability of a 1 (Q16, 1..=65535) below a node of the symbol's tree (root 1).
    pub probability: P,
}

/// All that weighs what is said.
#[derive(Clone)]
pub struct Mixers {
    parts: &'static Parts,
    logistic: Logistic,
    first: Vec<Mixer>,
    finals: Vec<Mixer>,
    apms: Vec<Apm>,
    last: Last,
}

/// How the last bit was weighed.
#[derive(Clone, Default)]
struct Last {
    /// Of each mixer of the first layer: its set, probability, and input to the second.
    selected: [usize; MOST_MIXERS],
    guesses: [i32; MOST_MIXERS],
    outputs: [i16; GROUP],
    /// Set and probability of each mixer of the second layer.
    final_selected: [usize; MOST_MIXERS],
    final_guesses: [i32; MOST_MIXERS],
}

impl Mixers {
    /// Fresh ones.
    pub fn new(parts: &'static Parts) -> Self {
        let inputs = parts.inputs();
        // All but the first start as the first stands.
        let start = |i| if i == 0 { START } else { 0 };
        let mixer = |(i, selector): (usize, &Selector)| Mixer::new(selector.sets(), inputs, start(i), RATES_FIRST);
        assert!(parts.mixers.len() < GROUP);
        let final_start = 65536 / parts.mixers.len() as i32;
        let last_mixer = |selector: &Selector| Mixer::new(selector.sets(), GROUP, final_start, RATES_FINAL);
        Mixers {
            parts,
            logistic: Logistic::new(),
            first: parts.mixers.iter().enumerate().map(mixer).collect(),
            finals: parts.finals.iter().map(last_mixer).collect(),
            apms: parts.refinements.iter().map(|_| Apm::new()).collect(),
            last: Last::default(),
        }
    }

    /// Adds what a network says to what the models say; the byte it thinks likeliest is there.
    #[inline(always)]
    pub fn hear(&self, bit: &mut Bit, network: &Advice<impl Fn(usize) -> u32>) {
        let probability = (network.probability)(bit.moment.node);
        let stretched = self.logistic.stretch(probability);
        let confidence = (probability as i32 - 32768) >> CONFIDENCE_SHIFT;
        bit.inputs[self.parts.network()..][..2].copy_from_slice(&[stretched as i16, confidence as i16]);
        bit.moment.level = ((stretched + STRETCH_LIMIT) >> STRETCH_FRACTION).clamp(0, 23) as usize;
    }

    /// Asks for what a moment needs of large tables.
    #[inline(always)]
    pub fn look(&self, moment: &Moment) {
        for (apm, refinement) in self.apms.iter().zip(self.parts.refinements) {
            apm.prefetch(refinement.context(moment));
        }
        for (mixer, selector) in self.first.iter().zip(self.parts.mixers).filter(|(_, selector)| selector.is_far()) {
            mixer.prefetch(selector.select(moment));
        }
    }

    /// The probability of a 1, Q16, 1..=65535.
    #[inline(always)]
    pub fn mix(&mut self, bit: &Bit) -> u32 {
        self.mix_inputs(bit);
        let sum = self.mix_outputs(&bit.moment);
        let x = sum >> (SUM_FRACTION - STRETCH_FRACTION);
        let mut total = self.logistic.squash(sum);
        for (apm, refinement) in self.apms.iter_mut().zip(self.parts.refinements) {
            total += apm.refine(x, refinement.context(&bit.moment));
        }
        let parts = 1 + self.apms.len() as i32;
        ((total + parts / 2) / parts).clamp(1, 65535) as u32
    }

    /// The first layer; the network's word goes on to the second one besides.
    #[inline(always)]
    fn mix_inputs(&mut self, bit: &Bit) {
        let (general, others) = self.first.split_at_mut(1);
        for (i, mixer) in others.iter_mut().enumerate() {
            let set = self.parts.mixers[i + 1].select(&bit.moment);
            mixer.start_set(set, general[0].first_set());
            self.last.selected[i + 1] = set;
        }
        for (i, mixer) in self.first.iter().enumerate() {
            let sum = mixer.sum(self.last.selected[i], &bit.inputs);
            self.last.guesses[i] = self.logistic.squash(sum);
            let output = (sum >> (SUM_FRACTION - STRETCH_FRACTION)).clamp(-STRETCH_LIMIT, STRETCH_LIMIT);
            self.last.outputs[i] = output as i16;
        }
        self.last.outputs[self.first.len()] = bit.inputs[self.parts.network()];
    }

    /// The second layer: the mean of its mixers' sums, Q12.
    #[inline(always)]
    fn mix_outputs(&mut self, moment: &Moment) -> i32 {
        let mut sum = 0;
        for (i, (mixer, selector)) in self.finals.iter().zip(self.parts.finals).enumerate() {
            let set = selector.select(moment);
            let one = mixer.sum(set, &self.last.outputs);
            self.last.final_selected[i] = set;
            self.last.final_guesses[i] = self.logistic.squash(one);
            sum += one;
        }
        sum >> self.finals.len().ilog2()
    }

    /// Moves the weights and the refinements towards the bit that was mixed last.
    #[inline(always)]
    pub fn learn(&mut self, said: &Bit, bit: bool) {
        let (target, last) = (i32::from(bit) << 16, &self.last);
        for (i, mixer) in self.first.iter_mut().enumerate() {
            mixer.learn(last.selected[i], &said.inputs, target - last.guesses[i]);
        }
        for (i, mixer) in self.finals.iter_mut().enumerate() {
            mixer.learn(last.final_selected[i], &last.outputs, target - last.final_guesses[i]);
        }
        for apm in &mut self.apms {
            apm.learn(bit.into());
        }
    }

    /// Shows all that was learnt.
    pub fn visit(&mut self, visitor: &mut dyn Visitor) {
        for mixer in self.first.iter_mut().chain(&mut self.finals) {
            mixer.visit(visitor);
        }
        for apm in &mut self.apms {
            apm.visit(visitor);
        }
    }
}
