//! Frames coded in parallel, each on a thread of its own.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, BufRead, Read, Write};
use std::ops::ControlFlow;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::monitor::{Monitor, Progress, main_engine};
use super::report::BlockReport;
use super::{DecodeSettings, EncodeSettings, Summary, compress, decompress};
use crate::Error;
use crate::engine::Device;
use crate::model::Method;

/// Time between two reports of progress.
const TICK: Duration = Duration::from_millis(100);

/// Returns the number of frames to code at a time: one for each thread of the current rayon pool,
/// as far as `memory` lets each take `each` bytes. A device, which any of the methods may need,
/// works on one frame at a time.
pub fn workers<'a>(
    device: &Device,
    mut methods: impl Iterator<Item = &'a Method>,
    memory: u64,
    each: u64,
    frames: u64,
) -> usize {
    let most = (rayon::current_num_threads() as u64).min(memory / each.max(1)).min(frames);
    let mut may_need_gpu = || methods.any(|method| method.network && device.for_model(&method.model) != Device::Cpu);
    let on_cpu = most > 1 && (!may_need_gpu() || means_cpu(device));
    if on_cpu { most as usize } else { 1 }
}

/// True if a choice of a device means the CPU engine on this machine.
#[cfg(feature = "gpu")]
fn means_cpu(device: &Device) -> bool {
    pollster::block_on(crate::engine::means_cpu(device))
}

/// True if a choice of a device means the CPU engine on this machine.
#[cfg(not(feature = "gpu"))]
fn means_cpu(_: &Device) -> bool {
    true
}

/// Raw and coded bytes of all frames so far, and whether one has failed.
#[derive(Default)]
struct Shared {
    raw: AtomicU64,
    coded: AtomicU64,
    failed: AtomicBool,
}

impl Shared {
    fn progress(&self) -> Progress {
        Progress::new(self.raw.load(Ordering::Relaxed), self.coded.load(Ordering::Relaxed))
    }
}

/// Adds one frame's bytes to those of all, and keeps the reports of its blocks.
struct Counter<'a> {
    shared: &'a Shared,
    last: Progress,
    blocks: Vec<BlockReport>,
}

impl Monitor for Counter<'_> {
    fn progress(&mut self, Progress { raw, coded }: Progress) -> ControlFlow<()> {
        self.shared.raw.fetch_add(raw.saturating_sub(self.last.raw), Ordering::Relaxed);
        self.shared.coded.fetch_add(coded.saturating_sub(self.last.coded), Ordering::Relaxed);
        self.last = Progress::new(self.last.raw.max(raw), self.last.coded.max(coded));
        // After a failure elsewhere this frame is of no use.
        if self.shared.failed.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn block(&mut self, block: &BlockReport) {
        self.blocks.push(block.clone());
    }
}

/// The result of a frame.
struct Done {
    bytes: Vec<u8>,
    summary: Summary,
    blocks: Vec<BlockReport>,
}

/// Does jobs on `workers` threads and delivers their results in order. There are never more than
/// `workers` jobs and results at a time.
fn in_order<J: Send, R: Send>(
    workers: usize,
    shared: &Shared,
    mut next: impl FnMut() -> Result<Option<J>, Error>,
    work: impl Fn(J, &mut Counter<'_>) -> Result<R, Error> + Sync,
    mut deliver: impl FnMut(R) -> Result<(), Error>,
    mut tick: impl FnMut() -> Result<(), Error>,
) -> Result<(), Error> {
    let (jobs, queue) = mpsc::channel::<(u64, J)>();
    let queue = Mutex::new(queue);
    let (results, finished) = mpsc::channel();
    thread::scope(|scope| {
        let jobs = jobs; // dropped with this closure, however it ends: then the workers end too
        for _ in 0..workers {
            let (results, queue, work) = (results.clone(), &queue, &work);
            let body = move || {
                // The engine's own work stays on this thread.
                let pool = rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build();
                loop {
                    let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok((number, job)) = job else { break };
                    let mut counter = Counter { shared, last: Progress::default(), blocks: Vec::new() };
                    let result = panic::catch_unwind(AssertUnwindSafe(|| match &pool {
                        Ok(_) => work(job, &mut counter),
                        Err(error) => Err(Error::Threads(error.to_string())),
                    }));
                    if results.send((number, result)).is_err() {
                        break;
                    }
                }
            };
            let started = thread::Builder::new().spawn_scoped(scope, body);
            started.map_err(|error| Error::Threads(error.to_string()))?;
        }
        let run = || {
            let (mut begun, mut delivered, mut ended) = (0, 0, false);
            let mut waiting = BTreeMap::new();
            loop {
                while !ended && begun - delivered < workers as u64 {
                    match next()? {
                        Some(job) => {
                            jobs.send((begun, job)).map_err(|_| Error::Threads("all threads ended".into()))?;
                            begun += 1;
                        }
                        None => ended = true,
                    }
                }
                if delivered == begun {
                    return Ok(());
                }
                match finished.recv_timeout(TICK) {
                    Ok((number, Ok(result))) => drop(waiting.insert(number, result?)),
                    Ok((_, Err(bug))) => panic::resume_unwind(bug),
                    Err(RecvTimeoutError::Timeout) => tick()?,
                    Err(error @ RecvTimeoutError::Disconnected) => return Err(Error::Threads(error.to_string())),
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

/// Compresses frames of `size` raw bytes, `workers` at a time: the same bytes as one after the other.
pub fn compress_frames(
    input: &mut dyn BufRead,
    output: &mut dyn Write,
    settings: &EncodeSettings,
    size: u64,
    workers: usize,
    monitor: &mut dyn Monitor,
) -> Result<Summary, Error> {
    let shared = Shared::default();
    let (mut read, mut first) = (0, true);
    let next = || {
        let mut raw = Vec::new();
        (&mut *input).take(size).read_to_end(&mut raw).map_err(Error::Input)?;
        let left = settings.length.map_or(size, |length| length.saturating_sub(read).min(size));
        read += raw.len() as u64;
        // An empty input makes one frame too.
        Ok((std::mem::take(&mut first) || !raw.is_empty()).then_some((raw, left)))
    };
    let work = |(raw, left): (Vec<u8>, u64), counter: &mut Counter<'_>| {
        let settings = EncodeSettings { frame_size: None, length: Some(left), ..settings.clone() };
        let mut bytes = Vec::new();
        let summary = pollster::block_on(compress(&mut &raw[..], &mut bytes, &settings, counter))?;
        Ok(Done { bytes, summary, blocks: std::mem::take(&mut counter.blocks) })
    };
    finish(workers, &shared, next, work, output, monitor)
}

/// Decompresses frames of the given raw and coded lengths, which lie in `input` end to end,
/// `workers` at a time.
pub fn decompress_frames(
    input: &mut dyn Read,
    output: &mut dyn Write,
    settings: &DecodeSettings,
    frames: &[(u64, u64)],
    workers: usize,
    monitor: &mut dyn Monitor,
) -> Result<Summary, Error> {
    let shared = Shared::default();
    let mut frames = frames.iter();
    let next = || {
        let Some(&(raw_len, coded_len)) = frames.next() else { return Ok(None) };
        let mut coded = Vec::new();
        (&mut *input).take(coded_len).read_to_end(&mut coded).map_err(Error::Input)?;
        Ok(Some((coded, raw_len)))
    };
    let work = |(coded, raw_len): (Vec<u8>, u64), counter: &mut Counter<'_>| {
        let mut raw = Bounded { bytes: Vec::new(), most: raw_len };
        let summary = pollster::block_on(decompress(&mut &coded[..], &mut raw, settings, counter))?;
        Ok(Done { bytes: raw.bytes, summary, blocks: Vec::new() })
    };
    finish(workers, &shared, next, work, output, monitor)
}

/// Runs the jobs, writes their results and sums them up.
fn finish<J: Send>(
    workers: usize,
    shared: &Shared,
    next: impl FnMut() -> Result<Option<J>, Error>,
    work: impl Fn(J, &mut Counter<'_>) -> Result<Done, Error> + Sync,
    output: &mut dyn Write,
    monitor: &mut dyn Monitor,
) -> Result<Summary, Error> {
    let mut sum = Summary::default();
    let monitor = RefCell::new(monitor);
    let deliver = |done: Done| {
        output.write_all(&done.bytes).map_err(Error::Output)?;
        for block in done.blocks {
            // The frame was coded as an input of its own.
            monitor.borrow_mut().block(&BlockReport { start: sum.raw + block.start, ..block });
        }
        sum.raw += done.summary.raw;
        sum.coded += done.summary.coded;
        sum.engine = main_engine(sum.engine.take(), done.summary.engine);
        Ok(())
    };
    let tick = || match monitor.borrow_mut().progress(shared.progress()) {
        ControlFlow::Break(()) => Err(Error::Cancelled),
        ControlFlow::Continue(()) => Ok(()),
    };
    in_order(workers, shared, next, work, deliver, tick)?;
    output.flush().map_err(Error::Output)?;
    if let Some(engine) = &mut sum.engine {
        engine.name = format!("{}, {workers} frames at a time", engine.name);
    }
    Ok(sum)
}

/// Bytes that may not become more than was announced.
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
