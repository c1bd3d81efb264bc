//! Damages archives at random and decodes them: there must be no panic, no decoding
//! that takes over a second, and no wrong data without an error.
//!
//!     cargo run --example mutate -- [COUNT] [SEED] [FIRST]
//!
//! Half of the damaged archives get valid checksums, so that the code behind these
//! checks is reached. The archives have tiny models and one frame each, because the
//! loss of whole frames cannot be detected.

#[path = "../tests/fuzz/mod.rs"]
mod fuzz;

use std::time::Duration;

use fuzz::{accepted, pack, repair, tiny};
use lockstep::internals::bench::clock::thread;
use lockstep::internals::model::{Method, MixingConfig, MixingKind, ModelConfig};
use lockstep::internals::numerics::generator::random_u64;

/// The memory limits for decoding without and with mixing; forged headers need more.
const MEMORY: [u64; 2] = [2 << 20, 24 << 20];
/// The longest processor time that a decoding may take.
const LIMIT: Duration = Duration::from_secs(1);

/// A sequence of pseudo-random numbers.
struct Random {
    seed: u64,
    next: u64,
}

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.next += 1;
        (random_u64(self.seed, self.next) % limit.max(1) as u64) as usize
    }
}

/// Archives with all kinds of blocks, each with its content.
fn bases() -> Vec<(Vec<u8>, Vec<u8>)> {
    let text = |len: usize| b"the cat sat on the mat; ".iter().copied().cycle().take(len).collect::<Vec<u8>>();
    let noise = |len: usize| (0..len).map(|i| random_u64(99, i as u64) as u8).collect::<Vec<u8>>();
    let contents =
        [Vec::new(), text(1), text(40), noise(40), [text(60), noise(30), text(60)].concat(), vec![0; 200], text(150)];
    let wide = ModelConfig { streams: 3, segment: 5, layers: 2, ..tiny() };
    let network = [tiny(), wide].map(Method::network_alone);
    let mut bases = Vec::new();
    for content in &contents {
        for method in &network {
            for block_size in [30, 1000] {
                bases.push((pack(content, method, block_size, None).expect("it can be packed"), content.clone()));
            }
        }
    }
    // Only two, because setting up the mixing stage takes thousands of times longer than the rest.
    let mixing = Some(MixingConfig { kind: MixingKind::Full, table_bits: 10 });
    for panel in [None, Some(30)] {
        let method = Method { model: tiny(), network: true, mixing, panel };
        bases.push((pack(&text(80), &method, 40, None).expect("it can be packed"), text(80)));
    }
    bases
}

/// Numbers at the edges of fields.
const EDGES: [u64; 10] = [0, 1, 2, 3, 0x7f, 0xff, 0x7fff_ffff, 0xffff_ffff, u64::MAX >> 1, u64::MAX];

fn mutate(random: &mut Random, archive: &mut Vec<u8>, other: &[u8]) {
    for _ in 0..1 + random.below(4) {
        let len = archive.len();
        let at = random.below(len);
        let end = at + random.below((len - at).min(100) + 1);
        match random.below(9) {
            0 | 1 if len > 0 => archive[at] ^= 1 << random.below(8),
            2 if len > 0 => archive[at] = random.below(256) as u8,
            3 => {
                let edge = EDGES[random.below(EDGES.len())].to_le_bytes();
                let width = [1, 2, 4, 8][random.below(4)].min(len - at);
                archive[at..at + width].copy_from_slice(&edge[..width]);
            }
            4 => drop(archive.drain(at..end)),
            5 => {
                let piece = archive[at..end].to_vec();
                let to = random.below(len + 1);
                archive.splice(to..to, piece);
            }
            6 => archive.truncate(at),
            7 => {
                let from = random.below(other.len());
                let piece = &other[from..from + random.below((other.len() - from).min(100) + 1)];
                archive.splice(at..end, piece.iter().copied());
            }
            _ if len > 60 => {
                // A byte of the header or of the first block.
                let at = random.below(93.min(len));
                archive[at] = random.below(256) as u8;
            }
            _ => {}
        }
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse().expect("a number"));
    let count: u64 = arguments.next().unwrap_or(100_000);
    let seed: u64 = arguments.next().unwrap_or(1);
    let first: u64 = arguments.next().unwrap_or(0);
    rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build_global().expect("one thread");
    let bases = bases();
    let (mut longest, mut mixed, mut decoded) = (Duration::ZERO, 0, 0);
    for number in first..first + count {
        let mut random = Random { seed: random_u64(seed, number), next: 0 };
        let last = bases.len() - 1;
        let base = if random.below(200) == 0 { last } else { random.below(last) };
        mixed += u64::from(base == last);
        let (archive, intact) = &bases[base];
        let mut damaged = archive.clone();
        let other = &bases[random.below(last)].0;
        mutate(&mut random, &mut damaged, other);
        if random.below(2) == 0 {
            repair(&mut damaged);
        }
        if count == 1 {
            std::fs::write("damaged.lks", &damaged).expect("the file can be written");
            std::fs::write("intact.lks", archive).expect("the file can be written");
        }
        let mut content = None;
        let time = thread(|| content = accepted(&damaged, MEMORY[usize::from(base == last)]));
        // All blocks and the trailer of another archive may have been inserted: then it is that one.
        if let Some(content) = content {
            decoded += 1;
            let known = content == *intact || bases.iter().any(|(_, other)| *other == content);
            assert!(known, "wrong data: seed {seed}, number {number}");
        }
        longest = longest.max(time);
        assert!(time < LIMIT, "{time:?}: seed {seed}, number {number}");
        if number % 100_000 == 99_999 {
            println!("{} damaged archives, the longest decoding took {longest:?}", number + 1);
        }
    }
    println!(
        "{count} damaged archives, {mixed} of them with mixing: {decoded} decoded to the right data, the others were \
         refused; the longest decoding took {longest:?}"
    );
}
