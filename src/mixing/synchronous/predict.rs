//! Streams predict and code their bytes; nothing shared changes.

use smallvec::SmallVec;

use super::super::extend_trace;
use super::super::mixers::Mixers;
use super::super::models::Models;
use super::super::models::bit_history::STATES;
use super::super::models::slots::check;
use super::super::prediction::{self, NetworkPrediction};
use super::BitCoder;
use super::parts::{MOST_PARTS, Parts};
use super::work::{Touched, Work};

/// Codes the next byte of each of up to [`GROUP`](super::GROUP) streams.
#[inline(always)]
pub fn predict<C: BitCoder, P: Fn(usize) -> u32>(
    models: &Models,
    mixers: &Mixers,
    parts: Parts,
    works: &mut [Work],
    coders: &mut [C],
    network: impl Fn(usize) -> Option<NetworkPrediction<P>>,
) {
    for work in &mut *works {
        work.begin(models);
    }
    // Either all streams have one or none.
    let networks: SmallVec<[_; super::GROUP]> = (0..works.len()).map_while(network).collect();
    for nibble in 0..2 {
        for (i, (work, coder)) in works.iter_mut().zip(&mut *coders).enumerate() {
            work.code_nibble(models, mixers, parts, nibble, networks.get(i), coder);
        }
    }
    for work in works {
        work.end();
    }
}

impl Work {
    /// Follows the match, hashes the contexts and fetches their slots.
    #[inline(always)]
    fn begin(&mut self, models: &Models) {
        self.entry = None;
        if let Some(byte) = self.pending.take() {
            let (hash, position) = (self.stream.hash(), self.stream.position);
            let candidate = models.history.position(hash);
            self.stream.matched.follow(&models.history, byte, position, candidate);
            self.entry = Some((hash, position));
        }
        models.begin_byte_of(&self.stream, &mut self.byte);
        // The inputs of a network and of an image, which are not there in every block
        self.byte.prediction.inputs[models.components.network_input()..].fill(0);
        self.position = self.stream.position;
        models.slots.prefetch(&self.byte.hashes[..models.components.contexts.len()]);
    }

    /// Codes half a byte.
    #[inline(always)]
    fn code_nibble(
        &mut self,
        models: &Models,
        mixers: &Mixers,
        parts: Parts,
        nibble: usize,
        network: Option<&NetworkPrediction<impl Fn(usize) -> u32>>,
        coder: &mut impl BitCoder,
    ) {
        let contexts = models.components.contexts.len();
        let byte = &mut self.byte;
        byte.prediction.context.likeliest = network.map_or(0, |network| network.likeliest.into());
        mixers.prefetch(&byte.prediction.context);
        let slots = models.slots.all();
        let (mut in_parts, mut missing) = ([0; MOST_PARTS], 0);
        for (number, ((context, &hash), touched)) in
            byte.contexts[..contexts].iter_mut().zip(&byte.hashes).zip(&mut self.slots[nibble]).enumerate()
        {
            let used = |root: u32| models.machine.totals[root as usize & (STATES - 1)].into();
            let (slot, is_present) = models.slots.seek(hash, used);
            missing |= u64::from(!is_present) << number;
            in_parts[parts.of(slot)] |= 1 << number;
            let head = if is_present { slots[slot][0] } else { check(hash) };
            context.slot = slot as u32;
            context.entry = if is_present { slots[slot][1] } else { 0 };
            if nibble == 0 {
                context.head = head;
            }
            *touched = Touched { slot: slot as u32, head };
        }
        (self.parts[nibble], self.missing[nibble]) = (in_parts, missing);
        models.prefetch_last_bits(byte);
        let width = models.components.inputs();
        for bit_number in 4 * nibble..4 * nibble + 4 {
            models.make_inputs(byte, bit_number);
            if let Some(network) = network {
                mixers.add_network_inputs(&mut byte.prediction, network);
            }
            let noted = self.entries.iter_mut().zip(&mut self.runs);
            for (context, (entries, runs)) in byte.contexts.iter().zip(noted) {
                entries[bit_number] = context.entry;
                runs[bit_number] = context.run as u8;
            }
            // Groups of a known length are copied in line.
            let groups = byte.prediction.inputs[..width].as_chunks::<{ prediction::GROUP }>().0;
            let noted = self.inputs[bit_number * width..].as_chunks_mut().0;
            noted.iter_mut().zip(groups).for_each(|(noted, group)| *noted = *group);
            let p = mixers.mix(&byte.prediction, &mut self.mixed[bit_number]);
            extend_trace(&mut self.trace, p);
            let bit = usize::from(coder.code(p));
            byte.prediction.context.node = 2 * byte.prediction.context.node + bit;
            if bit_number & 3 < 3 {
                let node = byte.nibble_node << 1 | bit;
                for (number, context) in byte.contexts[..contexts].iter_mut().enumerate() {
                    let is_missing = missing >> number & 1 == 1;
                    context.entry = if is_missing { 0 } else { slots[context.slot as usize][node & 15] };
                }
                models.prefetch_last_bits(byte);
                mixers.prefetch(&byte.prediction.context);
            }
        }
        if nibble == 0 {
            models.begin_second_nibble(byte);
        }
    }

    /// Appends the byte to the stream; the match follows it in the next step.
    #[inline(always)]
    fn end(&mut self) {
        self.symbol = self.byte.prediction.context.node as u8;
        self.stream.append(self.symbol);
        if let Some(image) = &mut self.byte.image {
            image.end(self.symbol);
        }
        self.pending = Some(self.symbol);
    }
}
