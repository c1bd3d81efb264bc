//! The arithmetic coders of a block that is coded step-synchronously: one for each stream.

use std::iter;

use super::network;
use crate::codec::prediction::Recorder;
use crate::coder::{Decoder, Encoder};
use crate::crew::Crew;
use crate::mixing::{BitCoder, Synchronous};
use crate::numerics::softmax::SYMBOLS;
use crate::state::Visitor;

/// Codes the bytes of a stream. One type serves both directions, so that the mixing stage is compiled only once.
pub struct StreamCoder<'a> {
    pub code: Code<'a>,
    /// The byte to encode next, or the byte decoded last.
    pub byte: u8,
    pub recorder: Recorder,
}

/// The code of a stream.
pub enum Code<'a> {
    Encoder(Encoder),
    Decoder(Decoder<'a>),
}

impl<'a> StreamCoder<'a> {
    /// A coder that begins a code.
    pub fn new(code: Code<'a>) -> Self {
        StreamCoder { code, byte: 0, recorder: Recorder::default() }
    }

    /// Bytes of code written so far.
    pub fn len(&self) -> usize {
        match &self.code {
            Code::Encoder(encoder) => encoder.len(),
            Code::Decoder(_) => 0,
        }
    }

    /// Visits the state of the code; of one that is written, at most `most` bytes.
    pub fn visit(&mut self, most: usize, visitor: &mut dyn Visitor) {
        match &mut self.code {
            Code::Encoder(encoder) => encoder.visit(most, visitor),
            Code::Decoder(decoder) => decoder.visit(visitor),
        }
    }

    /// Returns the code that was written.
    pub fn finish(self) -> Vec<u8> {
        match self.code {
            Code::Encoder(encoder) => encoder.finish(),
            Code::Decoder(_) => Vec::new(),
        }
    }
}

impl BitCoder for StreamCoder<'_> {
    #[inline(always)]
    fn code(&mut self, p: u32) -> bool {
        let bit = match &mut self.code {
            Code::Encoder(encoder) => {
                let bit = self.byte >> 7 == 1;
                encoder.encode(bit, p);
                bit
            }
            Code::Decoder(decoder) => decoder.decode(p),
        };
        self.recorder.bit(bit, p);
        // After eight bits, a byte that is encoded is as it was.
        self.byte = self.byte << 1 | u8::from(bit);
        bit
    }
}

/// Codes the next byte of each stream; `weights` are the network's for each stream, if there is one.
pub fn step(mixing: &mut Synchronous, crew: &mut Crew<'_>, coders: &mut [StreamCoder<'_>], weights: Option<&[u32]>) {
    let of_stream = |stream: usize| weights.map(|weights| &weights[stream * SYMBOLS..(stream + 1) * SYMBOLS]);
    mixing.step(crew, coders, |stream| network(of_stream(stream)));
}

/// Joins the codes of streams: the length of each, seven bits a byte, and then the codes.
pub fn join(codes: &[Vec<u8>]) -> Vec<u8> {
    let mut joined = Vec::with_capacity(codes.iter().map(|code| code.len() + 3).sum());
    for code in codes {
        let mut len = code.len();
        while len >= 128 {
            joined.push(len as u8 | 128);
            len >>= 7;
        }
        joined.push(len as u8);
    }
    codes.iter().for_each(|code| joined.extend_from_slice(code));
    joined
}

/// Splits what [`join`] joined of `count` codes. Codes that are not all there are cut short.
pub fn split(mut joined: &[u8], count: usize) -> Vec<&[u8]> {
    let mut lengths = Vec::with_capacity(count);
    for _ in 0..count {
        let bytes = iter::from_fn(|| joined.split_off_first()).take(5);
        let mut len = 0u64;
        for (i, &byte) in bytes.enumerate() {
            len |= u64::from(byte & 127) << (7 * i);
            if byte < 128 {
                break;
            }
        }
        lengths.push(len);
    }
    let mut code = |len: u64| {
        let (code, rest) = joined.split_at(joined.len().min(len as usize));
        joined = rest;
        code
    };
    lengths.into_iter().map(&mut code).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn codes_come_back(lengths in proptest::collection::vec(prop_oneof![Just(0usize), 1..300usize, Just(20_000)], 0..9)) {
            let codes: Vec<Vec<u8>> = lengths.iter().map(|&len| (0..len).map(|i| (i * 7) as u8).collect()).collect();
            let joined = join(&codes);
            prop_assert_eq!(split(&joined, codes.len()), codes);
        }

        #[test]
        fn any_bytes_split_into_something(bytes: Vec<u8>, count in 0..9usize) {
            prop_assert_eq!(split(&bytes, count).len(), count);
        }
    }
}
