//! Frames side by side, each on a thread of its own.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Read, Write};
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::Context;
use lockstep::internals::codec::{self, CodecError, CompressSettings, DecompressSettings, Monitor, Next, Summary};
use lockstep::internals::engine::{DeviceChoice, means_cpu};
use lockstep::internals::model::Method;

use super::options::Options;
use super::progress::Progress;
use super::start::Start;

/// What surrounds the work on one file.
pub struct Work<'a> {
    pub options: &'a Options,
    pub start: &'a Start<'a>,
    pub name: &'a str,
    pub progress: &'a mut Progress,
}

/// How many frames to work on at a time: one a thread of the CPU engine, as far as
/// `memory` lets each take `each` bytes. A device, which any of the methods may
/// need, works on one frame.
pub fn workers<'a>(
    options: &Options,
    mut methods: impl Iterator<Item = &'a Method>,
    memory: u64,
    each: u64,
    frames: u64,
) -> usize {
    let most = (rayon::current_num_threads() as u64).min(memory / each.max(1)).min(frames);
    let mut may_need_gpu =
        || methods.any(|method| method.network && options.device.for_model(&method.model) != DeviceChoice::Cpu);
    let is_cpu = most > 1 && (!may_need_gpu() || pollster::block_on(means_cpu(&options.device)));
    if is_cpu { most as usize } else { 1 }
}

/// Raw and coded bytes of all frames so far, and whether one has failed.
#[derive(Default)]
struct Shared {
    raw: AtomicU64,
    coded: AtomicU64,
    failed: AtomicBool,
}

/// Counts one frame's bytes into those of all.
struct Counter<'a> {
    shared: &'a Shared,
    raw: u64,
    coded: u64,
}

impl Monitor for Counter<'_> {
    fn progress(&mut self, raw: u64, coded: u64) {
        self.shared.raw.fetch_add(raw.saturating_sub(self.raw), Ordering::Relaxed);
        self.shared.coded.fetch_add(coded.saturating_sub(self.coded), Ordering::Relaxed);
        (self.raw, self.coded) = (self.raw.max(raw), self.coded.max(coded));
    }

    fn next(&mut self) -> Next {
        // It can't be saved, so this ends it: what failed elsewhere needs no more work.
        if self.shared.failed.load(Ordering::Relaxed) { Next::Stop } else { Next::GoOn }
    }
}

/// Does jobs on so many threads and delivers their results in order; never holds
/// more than one job or result a thread.
fn in_order<J: Send, R: Send>(
    workers: usize,
    shared: &Shared,
    mut next: impl FnMut() -> anyhow::Result<Option<J>>,
    work: impl Fn(J, &mut Counter<'_>) -> Result<R, CodecError> + Sync,
    mut deliver: impl FnMut(R) -> anyhow::Result<()>,
    mut tick: impl FnMut(),
) -> anyhow::Result<()> {
    let (jobs, queue) = mpsc::channel::<(u64, J)>();
    let queue = Mutex::new(queue);
    let (results, finished) = mpsc::channel();
    thread::scope(|scope| {
        let jobs = jobs; // gone with this closure, however it ends: the workers then end too
        for _ in 0..workers {
            let (results, queue, work) = (results.clone(), &queue, &work);
            let body = move || {
                // The engine's own work stays on this thread.
                let pool = rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build();
                loop {
                    let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok((number, job)) = job else { break };
                    let mut counter = Counter { shared, raw: 0, coded: 0 };
                    let result = panic::catch_unwind(AssertUnwindSafe(|| match &pool {
                        Ok(_) => work(job, &mut counter).map_err(anyhow::Error::from),
                        Err(error) => Err(anyhow::anyhow!("can't start threads: {error}")),
                    }));
                    if results.send((number, result)).is_err() {
                        break;
                    }
                }
            };
            thread::Builder::new().spawn_scoped(scope, body).context("can't start threads")?;
        }
        let run = || {
            let (mut begun, mut delivered, mut ended) = (0, 0, false);
            let mut waiting = BTreeMap::new();
            loop {
                while !ended && begun - delivered < workers as u64 {
                    match next()? {
                        Some(job) => {
                            jobs.send((begun, job)).map_err(|_| anyhow::anyhow!("all threads ended"))?;
                            begun += 1;
                        }
                        None => ended = true,
                    }
                }
                if delivered == begun {
                    return Ok(());
                }
                match finished.recv_timeout(Duration::from_millis(100)) {
                    Ok((number, Ok(result))) => drop(waiting.insert(number, result?)),
                    Ok((_, Err(bug))) => panic::resume_unwind(bug),
                    Err(RecvTimeoutError::Timeout) => tick(),
                    Err(error @ RecvTimeoutError::Disconnected) => return Err(error.into()),
                }
                while let Some(result) = waiting.remove(&delivered) {
                    deliver(result)?;
                    delivered += 1;
                }
            }
        };
        let result = panic::catch_unwind(AssertUnwindSafe(run));
        shared.failed.fetch_or(!matches!(result, Ok(Ok(()))), Ordering::Relaxed);
        result.unwrap_or_else(|bug| panic::resume_unwind(bug))
    })
}

/// Compresses frame by frame, `workers` at a time: the same bytes as one after the other.
pub fn encode(
    work: Work<'_>,
    workers: usize,
    settings: &CompressSettings<'_>,
    size: u64,
    input: &mut dyn BufRead,
    output: &mut dyn Write,
) -> anyhow::Result<Summary> {
    let Work { options, start, name: _, progress } = work;
    let shared = Shared::default();
    let (mut read, mut first) = (0, true);
    let next = || {
        let mut raw = Vec::new();
        (&mut *input).take(size).read_to_end(&mut raw).map_err(CodecError::Input)?;
        let left = settings.length.map_or(size, |length| length.saturating_sub(read).min(size));
        read += raw.len() as u64;
        // Nothing at all makes one frame too.
        Ok((std::mem::take(&mut first) || !raw.is_empty()).then_some((raw, left)))
    };
    let method = |length: u64| -> Method { options.method_for(start, length) };
    let CompressSettings { device, fallback, transform, block_size, memory, .. } = settings;
    let work = |(raw, left): (Vec<u8>, u64), counter: &mut Counter<'_>| {
        let settings = CompressSettings {
            device: device.clone(),
            fallback: *fallback,
            method: &method,
            transform: *transform,
            block_size: *block_size,
            frame_size: None,
            length: Some(left),
            prior: start.prior.clone(),
            memory: *memory,
        };
        let mut coded = Vec::new();
        let done = pollster::block_on(codec::compress(&mut &raw[..], &mut coded, &settings, counter))?;
        Ok((coded, done))
    };
    finish(workers, &shared, next, work, output, progress)
}

/// Decompresses frames of these raw and coded lengths, which lie in `input` end to
/// end, `workers` at a time.
pub fn decode(
    work: Work<'_>,
    workers: usize,
    settings: &DecompressSettings,
    frames: &[(u64, u64)],
    input: &mut dyn Read,
    output: &mut dyn Write,
) -> anyhow::Result<Summary> {
    let shared = Shared::default();
    let mut frames = frames.iter();
    let next = || {
        let Some(&(raw_len, coded_len)) = frames.next() else { return Ok(None) };
        let mut coded = Vec::new();
        (&mut *input).take(coded_len).read_to_end(&mut coded).map_err(CodecError::Input)?;
        Ok(Some((coded, raw_len)))
    };
    let decode = |(coded, raw_len): (Vec<u8>, u64), counter: &mut Counter<'_>| {
        let mut raw = Bounded { bytes: Vec::new(), most: raw_len };
        let done = pollster::block_on(codec::decompress(&mut &coded[..], &mut raw, settings, counter))?;
        Ok((raw.bytes, done))
    };
    finish(workers, &shared, next, decode, output, work.progress)
}

/// Runs the jobs, writes their results and sums them up.
fn finish<J: Send>(
    workers: usize,
    shared: &Shared,
    next: impl FnMut() -> anyhow::Result<Option<J>>,
    work: impl Fn(J, &mut Counter<'_>) -> Result<(Vec<u8>, Summary), CodecError> + Sync,
    output: &mut dyn Write,
    progress: &mut Progress,
) -> anyhow::Result<Summary> {
    let mut sum = Summary::default();
    let deliver = |(bytes, done): (Vec<u8>, Summary)| {
        output.write_all(&bytes).map_err(CodecError::Output)?;
        sum.raw += done.raw;
        sum.coded += done.coded;
        sum.engine = done.engine.or(sum.engine.take());
        Ok(())
    };
    let tick = || progress.update(shared.raw.load(Ordering::Relaxed), shared.coded.load(Ordering::Relaxed));
    in_order(workers, shared, next, work, deliver, tick)?;
    output.flush().map_err(CodecError::Output)?;
    sum.engine = sum.engine.map(|engine| format!("{engine}, {workers} frames at a time"));
    Ok(sum)
}

/// Bytes that may not become more than was said.
struct Bounded {
    bytes: Vec<u8>,
    most: u64,
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if (self.bytes.len() + bytes.len()) as u64 > self.most {
            return Err(io::Error::other("a frame holds more than its trailer says"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
