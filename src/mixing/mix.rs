//! Two layers of mixers and the refinements: from inputs to a probability.

use super::Mixing;
use super::stretch::{STRETCH_FRACTION, STRETCH_LIMIT, SUM_FRACTION};
use super::work::Work;

impl Mixing {
    /// The probability of a 1, Q16, 1..=65535, from the work's inputs.
    #[inline(always)]
    pub(super) fn mix(&mut self, work: &mut Work) -> u32 {
        self.mix_inputs(work);
        let sum = self.mix_outputs(work);
        let x = sum >> (SUM_FRACTION - STRETCH_FRACTION);
        let mut total = self.logistic.squash(sum);
        for (i, apm) in self.apms.iter_mut().enumerate() {
            total += apm.refine(x, work.refined[i]);
        }
        let parts = 1 + self.apms.len() as i32;
        ((total + parts / 2) / parts).clamp(1, 65535) as u32
    }

    /// The first layer; the network's word goes on to the second one besides.
    #[inline(always)]
    fn mix_inputs(&mut self, work: &mut Work) {
        let (general, others) = self.mixers.split_at_mut(1);
        for (i, mixer) in others.iter_mut().enumerate() {
            let set = self.parts.mixers[i + 1].select(&work.moment);
            mixer.start_set(set, general[0].first_set());
            work.selected[i + 1] = set;
        }
        for (i, mixer) in self.mixers.iter().enumerate() {
            let set = work.selected[i];
            let sum = mixer.sum(set, &work.inputs);
            work.guesses[i] = self.logistic.squash(sum);
            work.outputs[i] = (sum >> (SUM_FRACTION - STRETCH_FRACTION)).clamp(-STRETCH_LIMIT, STRETCH_LIMIT) as i16;
        }
        work.outputs[self.mixers.len()] = work.inputs[self.parts.network()];
    }

    /// The second layer: the mean of its mixers' sums, Q12.
    #[inline(always)]
    fn mix_outputs(&mut self, work: &mut Work) -> i32 {
        let mut sum = 0;
        for (i, (mixer, selector)) in self.finals.iter().zip(self.parts.finals).enumerate() {
            let set = selector.select(&work.moment);
            let one = mixer.sum(set, &work.outputs);
            work.final_selected[i] = set;
            work.final_guesses[i] = self.logistic.squash(one);
            sum += one;
        }
        sum >> self.finals.len().ilog2()
    }
}
