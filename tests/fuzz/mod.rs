//! The bodies of the fuzz targets: each is a function of some bytes that panics when
//! lockstep does something wrong. They are called by the fuzzers in fuzz/, by
//! tests/fuzz_corpus.rs with the committed corpus, and by examples/mutate.rs.

#![allow(dead_code)] // each of them uses only some of it

use std::io::{self, Cursor, Read, Write};
use std::ops::ControlFlow;
use std::sync::Arc;

use lockstep::internals::archive::{ArchiveError, FrameReader, Header, Part, Prefix, list, next_part};
use lockstep::internals::codec::{DecodeSettings, EncodeSettings, compress, decompress};
use lockstep::internals::coder::{Decoder, Encoder, decode_symbol, encode_symbol};
use lockstep::internals::mixing::{Mixing, NetworkPrediction};
use lockstep::internals::model::{Method, MixingConfig, MixingKind, ModelConfig, Raster};
use lockstep::internals::transform::{Choice, Transform};
use lockstep::{Checkpoints, Device, Error, Monitor, Next, Progress, Resume};

/// The memory limit; it is so low that no model in a header takes long.
const MEMORY: u64 = 24 << 20;
/// The largest number of raw bytes that the decoder accepts from an archive.
const MOST_RAW: u64 = 1 << 12;

/// A model that takes microseconds per byte.
pub fn tiny() -> ModelConfig {
    ModelConfig {
        streams: 2,
        segment: 8,
        embedding: 16,
        units: 16,
        layers: 1,
        error_fraction: 12,
        rate_start: 1 << 23,
        rate_end: 1 << 21,
        schedule_length: 1000,
        seed: 1,
        replay_streams: 0,
        replay_steps: 1,
        dropout: 0,
    }
}

/// Takes choices from the front of the input; they are zero once it is used up.
struct Choices<'a>(&'a [u8]);

impl Choices<'_> {
    fn u8(&mut self) -> u8 {
        let mut byte = [0];
        let _ = self.0.read(&mut byte);
        byte[0]
    }

    fn u32(&mut self) -> u32 {
        u32::from_le_bytes([self.u8(), self.u8(), self.u8(), self.u8()])
    }

    fn below(&mut self, limit: u32) -> u32 {
        u32::from(self.u8()) % limit
    }
}

/// Returns the transform for a content, chosen by its length so that all of them are used.
fn transform(content: &[u8]) -> Choice {
    Choice::Only(Transform::ALL[content.len() % Transform::ALL.len()])
}

/// One method for inputs of every length.
fn fixed(method: &Method) -> Arc<dyn Fn(u64) -> Method + Send + Sync> {
    let method = method.clone();
    Arc::new(move |_| method.clone())
}

/// Compresses on the CPU.
pub fn pack(data: &[u8], method: &Method, block_size: u32, frame_size: Option<u64>) -> Result<Vec<u8>, Error> {
    let settings = EncodeSettings {
        prior: None,
        device: Device::Cpu,
        fallback: false,
        method: fixed(method),
        transform: transform(data),
        block_size,
        frame_size,
        length: None,
        memory: 1 << 28,
    };
    let mut archive = Vec::new();
    pollster::block_on(compress(&mut &data[..], &mut archive, &settings, &mut ()))?;
    Ok(archive)
}

/// Decompresses on the CPU; returns the result and all that was written, even after an error.
pub fn unpack(archive: &mut dyn Read, memory: u64) -> (Result<(), Error>, Vec<u8>) {
    let settings = DecodeSettings { device: Device::Cpu, fallback: false, prior: None, memory, size_limit: MOST_RAW };
    let mut data = Vec::new();
    let result = pollster::block_on(decompress(archive, &mut data, &settings, &mut ()));
    (result.map(|_| ()), data)
}

/// Makes the checksums of the header and the blocks valid, so that the code behind these checks is reached.
pub fn repair(archive: &mut [u8]) {
    if archive.len() < Header::LEN {
        return;
    }
    archive[..5].copy_from_slice(&[0x89, b'L', b'K', b'S', lockstep::internals::archive::VERSION]);
    let crc_at = Header::LEN - 4;
    let crc = crc32fast::hash(&archive[..crc_at]).to_le_bytes();
    archive[crc_at..Header::LEN].copy_from_slice(&crc);
    let mut at = Header::LEN;
    while at + 29 <= archive.len() && matches!(archive[at], 1 | 2 | 4 | 5) {
        let len = u32::from_le_bytes([archive[at + 5], archive[at + 6], archive[at + 7], archive[at + 8]]) as usize;
        let Some(end) = (at + 29).checked_add(len).filter(|&end| end <= archive.len()) else { return };
        let mut crc = crc32fast::Hasher::new();
        crc.update(&archive[at..at + 25]);
        crc.update(&archive[at + 29..end]);
        archive[at + 25..at + 29].copy_from_slice(&crc.finalize().to_le_bytes());
        at = end;
    }
}

/// Reads and lists headers and trailers.
pub fn header(data: &[u8]) {
    let mut bytes = data.to_vec();
    for _ in 0..2 {
        if let Ok(pieces) = list(&mut Cursor::new(&bytes)) {
            let behind = pieces.iter().fold(0, |at, piece| {
                assert!(piece.start == at && piece.len > 0);
                at + piece.len
            });
            assert_eq!(behind, bytes.len() as u64);
        }
        let mut input = &bytes[..];
        let frame = next_part(&mut input, true).ok().filter(|part| *part == Some(Part::Frame));
        if let Some(Ok(mut frame)) = frame.map(|_| FrameReader::after_magic(&mut input)) {
            // An accepted header is written back as it was read.
            assert_eq!(frame.header().to_bytes(), bytes[..Header::LEN]);
            frame.header().method.validate().unwrap();
            while let Ok(Some(_)) = frame.next_block(&mut input) {}
        }
        repair(&mut bytes);
    }
}

/// Decodes any bytes, as they are and with valid checksums.
pub fn decode(data: &[u8]) {
    let mut archive = data.to_vec();
    for _ in 0..2 {
        let (result, content) = unpack(&mut &archive[..], MEMORY);
        if result.is_ok() {
            // A second run decodes to the same content.
            assert_eq!(unpack(&mut &archive[..], MEMORY).1, content);
        }
        repair(&mut archive);
    }
}

fn any_method(choices: &mut Choices<'_>) -> Method {
    let model = ModelConfig {
        streams: 1 + choices.below(12),
        segment: 1 + choices.below(20),
        embedding: 16 * (1 + choices.below(2)),
        units: 16 * (1 + choices.below(3)),
        layers: 1 + choices.below(3),
        error_fraction: 8 + choices.below(7),
        rate_start: choices.u32() >> 4,
        rate_end: choices.u32() >> 4,
        schedule_length: choices.u32().into(),
        seed: choices.u32().into(),
        replay_streams: choices.below(4),
        replay_steps: 1 + choices.below(24),
        dropout: choices.below(129),
    };
    let kind = MixingKind::ALL[choices.below(3) as usize];
    let (network, mixing) = [(true, false), (true, true), (false, true)][choices.below(3) as usize];
    let mixing = mixing.then_some(MixingConfig { kind, table_bits: 10 });
    let panel = (mixing.is_some() && choices.below(2) == 1).then(|| 1 + choices.below(200));
    Method { model, network, mixing, panel }
}

/// Checks that any content is restored under any options.
pub fn round_trip(data: &[u8]) {
    let mut choices = Choices(data);
    let method = any_method(&mut choices);
    let block_size = 1 + choices.u32() % 700;
    let frame_size = [None, Some(1 + u64::from(choices.u32() % 900))][choices.below(2) as usize];
    let content = &choices.0[..choices.0.len().min(1500)];
    if method.validate().is_ok() {
        let archive = pack(content, &method, block_size, frame_size).unwrap();
        let (result, decoded) = unpack(&mut &archive[..], 1 << 28);
        result.unwrap();
        assert_eq!(decoded, content);
    }
}

/// Runs the mixing stage with any symbols and any network: probabilities stay in range,
/// and a second run gives the same ones.
pub fn mixing(data: &[u8]) {
    let mut choices = Choices(data);
    let streams = 1 + choices.below(4) as usize;
    let kind = MixingKind::ALL[choices.below(3) as usize];
    let config = MixingConfig { kind, table_bits: 10 + choices.below(6) };
    let past = 10 + choices.below(3);
    let with_network = choices.below(2) == 1;
    let (pixel, row) = (choices.below(5) as u8, Raster::LEAST_ROW + u32::from(choices.u8()));
    let raster = (pixel > 0).then_some(Raster { pixel, row });
    let symbols = &choices.0[..choices.0.len().min(2000)];
    let run = || {
        let mut mixing = Mixing::new(&config, past, streams);
        let mut all = Vec::new();
        for block in symbols.chunks(700) {
            mixing.start_block(block.len(), (0..streams).map(|stream| stream * block.len() / streams), raster);
            for (i, &symbol) in block.iter().enumerate() {
                let probability = |node: usize| 1 + (node * 257 + i * 7919) as u32 % 65535;
                let network = with_network.then_some(NetworkPrediction { likeliest: (i * 7919) as u8, probability });
                let mut bits = (0..8).rev().map(|shift| symbol >> shift & 1 == 1);
                let coded = mixing.symbol(i % streams, network, |p| {
                    assert!((1..=65535).contains(&p));
                    all.push(p);
                    bits.next().unwrap()
                });
                assert_eq!(coded, symbol);
            }
        }
        (all, mixing.hash())
    };
    assert_eq!(run(), run());
}

/// Checks that bits and symbols are restored under any probabilities, and that any code can be decoded.
pub fn coder(data: &[u8]) {
    let probability = |i: usize| {
        let (a, b) = (data[i], data[data.len() - 1 - i]);
        (u32::from(a) << 8 | u32::from(b)).max(1)
    };
    let mut encoder = Encoder::default();
    for (i, byte) in data.iter().enumerate() {
        encoder.encode(byte & 1 == 1, probability(i));
    }
    let code = encoder.finish();
    let mut decoder = Decoder::new(&code);
    for (i, byte) in data.iter().enumerate() {
        assert_eq!(decoder.decode(probability(i)), byte & 1 == 1);
    }
    let mut decoder = Decoder::new(data);
    for i in 0..data.len() {
        decoder.decode(probability(i));
    }

    let weights: Vec<u32> =
        (0..256).map(|i| data.get(i).map_or(i as u32, |&byte| 1u32 << (byte % 23) | u32::from(byte))).collect();
    let mut encoder = Encoder::default();
    data.iter().for_each(|&symbol| encode_symbol(&mut encoder, &weights, symbol));
    let code = encoder.finish();
    let mut decoder = Decoder::new(&code);
    data.iter().for_each(|&symbol| assert_eq!(decode_symbol(&mut decoder, &weights), symbol));
}

/// A reader that returns chunks of the listed sizes and sometimes `ErrorKind::Interrupted`.
struct Chunks<'a> {
    data: &'a [u8],
    sizes: &'a [u8],
    turn: usize,
}

impl Read for Chunks<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let size = self.sizes.get(self.turn % self.sizes.len().max(1)).copied().unwrap_or(255);
        self.turn += 1;
        if size == 0 && self.turn.is_multiple_of(2) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let len = usize::from(size).max(1).min(buffer.len());
        self.data.read(&mut buffer[..len])
    }
}

/// Checks that the sizes of the reads do not change the archive.
pub fn reads(data: &[u8]) {
    let mut choices = Choices(data);
    let block_size = 1 + choices.u32() % 300;
    let frame_size = [None, Some(1 + u64::from(choices.u32() % 400))][choices.below(2) as usize];
    let sizes = &choices.0[..choices.0.len().min(16)];
    let content = &choices.0[sizes.len()..][..(choices.0.len() - sizes.len()).min(800)];
    let method = Method {
        model: tiny(),
        network: false,
        mixing: Some(MixingConfig { kind: MixingKind::Light, table_bits: 10 }),
        panel: None,
    };
    let plain = pack(content, &method, block_size, frame_size).unwrap();
    let settings = EncodeSettings {
        prior: None,
        device: Device::Cpu,
        fallback: false,
        method: fixed(&method),
        transform: transform(content),
        block_size,
        frame_size,
        length: None,
        memory: 1 << 28,
    };
    let mut archive = Vec::new();
    let mut input = Chunks { data: content, sizes, turn: 0 };
    pollster::block_on(compress(&mut input, &mut archive, &settings, &mut ())).unwrap();
    assert_eq!(archive, plain);
    let (result, decoded) = unpack(&mut Chunks { data: &archive, sizes, turn: 0 }, 1 << 28);
    result.unwrap();
    assert_eq!(decoded, content);
}

/// A monitor that resumes from a given state and stops with a saved one after some segments.
struct Stop {
    state: Option<Vec<u8>>,
    segments: u32,
}

impl Monitor for Stop {
    fn progress(&mut self, _: Progress) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn checkpoints(&mut self) -> Option<&mut dyn Checkpoints> {
        Some(self)
    }
}

impl Checkpoints for Stop {
    fn resume(&mut self) -> io::Result<Option<Resume>> {
        let Some(state) = self.state.take() else { return Ok(None) };
        let len = state.len() as u64;
        // The archive's header is all that is written when the first block stops.
        let written = Box::new(io::empty());
        Ok(Some(Resume { state: Box::new(Cursor::new(state)), len, written }))
    }

    fn next(&mut self) -> Next {
        self.segments = self.segments.saturating_sub(1);
        if self.segments == 0 { Next::SaveAndStop } else { Next::Continue }
    }

    fn begin(&mut self) -> io::Result<&mut (dyn Write + Send)> {
        Ok(self.state.insert(Vec::new()))
    }

    fn commit(&mut self, _: Prefix) -> io::Result<()> {
        Ok(())
    }
}

/// Resumes decoding from a state in which the bytes replace some of the right ones:
/// the result is an error or the right data.
pub fn state(data: &[u8]) {
    let mut choices = Choices(data);
    let network = choices.below(8) != 1; // rarely mixing, whose state is large
    let method = Method {
        model: tiny(),
        network,
        mixing: (!network).then_some(MixingConfig { kind: MixingKind::Light, table_bits: 10 }),
        panel: (!network && choices.below(2) == 1).then_some(60),
    };
    let content: Vec<u8> = (0..200u32).map(|i| (i * i / 7) as u8 & 15).collect();
    let archive = pack(&content, &method, 150, None).unwrap();
    let settings =
        DecodeSettings { device: Device::Cpu, fallback: false, prior: None, memory: 1 << 28, size_limit: MOST_RAW };
    let run = |stop: &mut Stop| {
        let mut output = Vec::new();
        let result = pollster::block_on(decompress(&mut &archive[..], &mut output, &settings, stop));
        (result, output)
    };
    let mut stop = Stop { state: None, segments: 3 };
    assert!(matches!(run(&mut stop).0, Err(Error::Interrupted) | Ok(_)));
    let Some(mut state) = stop.state else { return };
    let at = choices.u32() as usize % state.len();
    let changes = choices.0.len().min(state.len() - at);
    let unchanged = state[at..at + changes] == choices.0[..changes];
    state[at..at + changes].copy_from_slice(&choices.0[..changes]);
    let (result, output) = run(&mut Stop { state: Some(state), segments: u32::MAX });
    match result {
        Ok(_) => assert_eq!(output, content, "a damaged state led to wrong data"),
        Err(error) => assert!(!unchanged, "{error}"),
    }
}

/// The content of a damaged archive, if the decoder accepts it.
pub fn accepted(archive: &[u8], memory: u64) -> Option<Vec<u8>> {
    let (result, decoded) = unpack(&mut &archive[..], memory);
    matches!(result, Ok(()) | Err(Error::Archive(ArchiveError::Trailer))).then_some(decoded)
}
