//! Streams that are predicted at once, in panels, against one stream: `cargo bench --bench panels -- FILE [BYTES]`.
//!
//! Codes the first BYTES (1,000,000) of a file by each kind of mixing without the network, both ways, on one thread and
//! on as many as the pool has (`RAYON_NUM_THREADS`), in turn, and prints the least time of five, in ns a byte, and as
//! a ratio to one stream on one thread. Sizes are those of the code, without a transform.

use std::env;
use std::time::Instant;

use lockstep::internals::codec::{Predictor, decode_block, encode_block};
use lockstep::internals::model::levels::{config_for, panel_for};
use lockstep::internals::model::{Method, MixingConfig, MixingKind, ModelConfig};

const ROUNDS: usize = 5;

struct Case {
    streams: u32,
    threads: usize,
    pool: rayon::ThreadPool,
    /// Seconds of the fastest run: encoding, decoding.
    best: [f64; 2],
    code: Vec<u8>,
}

impl Case {
    fn new(streams: u32, threads: usize) -> Self {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads can be started");
        Case { streams, threads, pool, best: [f64::INFINITY; 2], code: Vec::new() }
    }

    fn run(&mut self, kind: MixingKind, data: &[u8]) {
        let model = ModelConfig { streams: self.streams, ..config_for(1, 0) };
        let mixing = Some(MixingConfig { kind, table_bits: 24 });
        let method = Method { model, network: false, mixing, panel: panel_for(self.streams) };
        let open = || Predictor::new(&method, None, data.len() as u32, None);
        let (pool, code) = (&self.pool, &mut self.code);
        let mut timed = |way: usize, work: &mut (dyn FnMut() + Send)| {
            let start = Instant::now();
            pool.install(work);
            self.best[way] = self.best[way].min(start.elapsed().as_secs_f64());
        };
        let mut predictor = open();
        timed(0, &mut || {
            *code = pollster::block_on(encode_block(&mut predictor, data, 0)).expect("the CPU does not fail")
        });
        let mut predictor = open();
        let mut decoded = Vec::new();
        let len = data.len();
        timed(1, &mut || {
            decoded = pollster::block_on(decode_block(&mut predictor, code, len, 0)).expect("the CPU does not fail");
        });
        assert!(decoded == data);
    }
}

fn main() {
    let arguments: Vec<String> = env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let Some(file) = arguments.first() else {
        return println!("usage: cargo bench --bench panels -- FILE [BYTES]");
    };
    let most = arguments.get(1).map_or(1_000_000, |bytes| bytes.parse().expect("BYTES is a number"));
    let mut data = std::fs::read(file).expect("the file can be read");
    data.truncate(most);
    let threads = rayon::current_num_threads();
    for kind in MixingKind::ALL {
        println!("{}", kind.name());
        let mut cases: Vec<Case> = [1, 16, 64, 256]
            .into_iter()
            .flat_map(|streams| [1, threads].map(|threads| (streams, threads)))
            .map(|(streams, threads)| Case::new(streams, threads))
            .collect();
        for _ in 0..ROUNDS {
            cases.iter_mut().for_each(|case| case.run(kind, &data));
        }
        let alone = cases[0].best;
        let size = cases[0].code.len() as f64;
        for Case { streams, threads, best, code, .. } in &cases {
            let ns = best.map(|seconds| seconds * 1e9 / data.len() as f64);
            let [encode, decode] = [0, 1].map(|way| format!("{:6.0} ns ({:.2})", ns[way], alone[way] / best[way]));
            let more = 100.0 * (code.len() as f64 / size - 1.0);
            println!(
                "  {streams:4} streams, {threads:2} threads: encode {encode}, decode {decode}, {} bytes ({more:+.2} %)",
                code.len()
            );
        }
    }
}
