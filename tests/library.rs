//! The public interface: slices, streams, archives, priors, monitors, the async form.

mod common;

use std::io::{self, Cursor, Read, Write};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use common::{noise, text};
use lockstep::read::Decoder;
use lockstep::write::Encoder;
use lockstep::{
    Archive, ArchiveError, Device, EngineKind, Error, Frame, Level, MixingKind, Monitor, Options, Prior, Progress,
    Summary, Transform,
};

/// A model that takes microseconds a byte.
fn tiny() -> Options {
    Options::new().device(Device::Cpu).units(16).layers(1).embedding(16).segment(8).streams(2).mixing(None)
}

/// The fastest level, with a small table.
fn light() -> Options {
    Options::new().level(Level::FASTEST).mixing_table_bits(16)
}

fn data() -> Vec<u8> {
    [text(3000), noise(700), text(900)].concat()
}

#[test]
fn slices_come_back_within_the_limit() {
    for data in [Vec::new(), vec![7], data()] {
        let archive = lockstep::compress(&data, Level::FASTEST).unwrap();
        assert_eq!(lockstep::decompress(&archive, data.len() as u64).unwrap(), data);
        if let Some(limit) = (data.len() as u64).checked_sub(1) {
            let error = lockstep::decompress(&archive, limit).unwrap_err();
            assert!(matches!(error, Error::SizeLimit { limit: found } if found == limit), "{error}");
        }
    }
}

#[test]
fn all_forms_make_the_same_bytes() {
    let data = data();
    for options in [tiny(), light(), tiny().block_size(1000), tiny().frame_size(1500), tiny().frame_size(230)] {
        let options = options.length(data.len() as u64);
        let slice = lockstep::compress_with(&data, &options).unwrap();
        let mut stream = Vec::new();
        lockstep::compress_stream(&data[..], &mut stream, &options, &mut ()).unwrap();
        assert!(stream == slice);
        let mut waited = Vec::new();
        pollster::block_on(lockstep::asynchronous::compress(&data[..], &mut waited, &options, &mut ())).unwrap();
        assert!(waited == slice);
        // Written in pieces of every size, to a block's end and beyond.
        for piece in [1, 7, 1000, 1500, 1501, 10_000] {
            let mut encoder = Encoder::new(Vec::new(), &options).unwrap();
            data.chunks(piece).for_each(|piece| encoder.write_all(piece).unwrap());
            assert!(encoder.finish().unwrap() == slice, "{options:?}, pieces of {piece}");
        }
        for piece in [1, 100, 10_000] {
            let mut decoder = Decoder::new(&slice[..], &Options::new()).unwrap();
            let mut decoded = Vec::new();
            let mut buffer = vec![0; piece];
            loop {
                let len = decoder.read(&mut buffer).unwrap();
                if len == 0 {
                    break;
                }
                decoded.extend_from_slice(&buffer[..len]);
            }
            assert!(decoded == data && decoder.read(&mut buffer).unwrap() == 0);
        }
        let mut decoded = Vec::new();
        pollster::block_on(lockstep::asynchronous::decompress(&slice[..], &mut decoded, &options, &mut ())).unwrap();
        assert!(decoded == data);
    }
}

#[test]
fn threads_of_a_jobs_own_change_no_byte() {
    let data = data();
    let options = tiny().frame_size(500).length(data.len() as u64);
    let one = lockstep::compress_with(&data, &options.clone().threads(1)).unwrap();
    for threads in [2, 5, 0] {
        let options = options.clone().threads(threads);
        assert!(lockstep::compress_with(&data, &options).unwrap() == one, "{threads} threads");
        let mut encoder = Encoder::new(Vec::new(), &options).unwrap();
        encoder.write_all(&data).unwrap();
        assert!(encoder.finish().unwrap() == one);
        let mut decoded = Vec::new();
        let mut archive = Archive::open(Cursor::new(&one)).unwrap();
        let done = archive.decompress(&mut decoded, &options, &mut ()).unwrap();
        assert!(decoded == data);
        assert_eq!((done.raw, done.coded), (data.len() as u64, one.len() as u64));
        assert_eq!(done.engine.unwrap().kind, EngineKind::Cpu);
    }
}

#[test]
fn jobs_that_share_a_pool_neither_wait_forever_nor_change_a_byte() {
    let data = data();
    // Layers run side by side in tasks that wait for each other.
    let options = tiny().layers(3).units(32);
    let one = lockstep::compress_with(&data, &options.clone().threads(1)).unwrap();
    let job = || assert!(lockstep::compress_with(&data, &options).unwrap() == one);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| pool.install(job));
        }
    });
    pool.install(|| rayon::join(job, job));
}

#[test]
fn an_encoder_without_bytes_makes_an_empty_archive_and_an_unfinished_one_is_cut_short() {
    let empty = Encoder::new(Vec::new(), &tiny()).unwrap().finish().unwrap();
    assert_eq!(empty, lockstep::compress_with(&[], &tiny()).unwrap());
    let shared = Shared::default();
    let mut encoder = Encoder::new(shared.clone(), &tiny().block_size(1000)).unwrap();
    encoder.write_all(&data()).unwrap();
    drop(encoder);
    let archive = shared.0.lock().unwrap().clone();
    let mut decoded = Vec::new();
    let error = Decoder::new(&archive[..], &Options::new()).unwrap().read_to_end(&mut decoded).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    let cause = error.get_ref().and_then(|error| error.downcast_ref::<Error>());
    assert!(matches!(cause, Some(Error::Archive(ArchiveError::Truncated))), "{error}");
    assert!(decoded == data()[..4000], "blocks that were written are read");
}

/// An output that several hold.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An output that takes some bytes and no more.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn errors_of_the_output_come_through_and_end_the_archive() {
    for room in [0, 100] {
        let mut encoder = Encoder::new(Full(room), &tiny().block_size(500)).unwrap();
        let error = data().chunks(100).find_map(|piece| encoder.write_all(piece).err()).unwrap();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert!(encoder.write(b"more").is_err());
        assert!(encoder.finish().is_err());
        let error = lockstep::compress_stream(&data()[..], Full(room), &tiny(), &mut ()).unwrap_err();
        assert!(matches!(error, Error::Output(io) if io.kind() == io::ErrorKind::StorageFull));
    }
}

#[test]
fn ranges_are_read_from_the_frames_that_hold_them() {
    let data = data();
    let archive = lockstep::compress_with(&data, &tiny().frame_size(500).block_size(200)).unwrap();
    let mut archive = Archive::open(Cursor::new(archive)).unwrap();
    assert_eq!((archive.len(), archive.is_empty(), archive.is_damaged()), (4600, false, false));
    assert_eq!(archive.frames().len(), 10);
    let first = &archive.frames()[0];
    assert_eq!((first.raw_len(), first.blocks().len(), first.block_size()), (500, 3, Some(200)));
    assert_eq!(first.blocks().map(|(raw, _)| raw).collect::<Vec<_>>(), [200, 200, 100]);
    assert_eq!((first.method().unwrap().model.units, first.prior()), (16, None));
    assert!(first.checksum().is_some() && first.memory() > Some(0));
    for (start, end) in [(0, 0), (0, 1), (499, 501), (500, 1000), (1234, 2345), (0, 4600), (4600, 4600)] {
        let range = archive.read_range(start..end, &Options::new()).unwrap();
        assert!(range == data[start as usize..end as usize], "{start}..{end}");
        let mut copied = Vec::new();
        let done = archive.copy_range(start..end, &mut copied, &Options::new(), &mut ()).unwrap();
        assert_eq!((done.raw, copied.len() as u64), (end - start, end - start));
    }
    for (start, end) in [(0, 4601), (5000, 6000), (3, 2)] {
        let error = archive.read_range(start..end, &Options::new()).unwrap_err();
        assert!(matches!(error, Error::Range { len: 4600 }), "{error}");
    }
    let error = archive.read_range(0..100, &Options::new().size_limit(99)).unwrap_err();
    assert!(matches!(error, Error::SizeLimit { limit: 99 }));
}

#[test]
fn a_damaged_trailer_leaves_frames_and_ranges_readable() {
    let data = data();
    let mut archive = lockstep::compress_with(&data, &tiny().block_size(1000)).unwrap();
    let last = archive.len() - 1;
    archive[last] ^= 1;
    let mut listed = Archive::open(Cursor::new(&archive)).unwrap();
    assert!(listed.is_damaged() && listed.len() == 4600 && listed.frames()[0].checksum().is_none());
    let mut decoded = Vec::new();
    let error = listed.decompress(&mut decoded, &Options::new(), &mut ()).unwrap_err();
    assert!(matches!(error, Error::Archive(ArchiveError::Trailer)) && error.is_corrupt());
    assert!(decoded == data);
    // The decoder returns all content before it reports the trailer.
    let mut decoded = Vec::new();
    assert!(Decoder::new(&archive[..], &Options::new()).unwrap().read_to_end(&mut decoded).is_err());
    assert!(decoded == data);
}

#[test]
fn a_prior_in_the_archive_or_beside_it_serves_all_forms() {
    let samples: Vec<Vec<u8>> = (0..30).map(|i| text(100 + i)).collect();
    let options = tiny().mixing(Some(MixingKind::Light)).mixing_table_bits(16);
    let mut prior = Prior::train(&samples, &options.clone().passes(1), &mut |_| ()).unwrap();
    let mut file = Vec::new();
    prior.write(&mut file).unwrap();
    let prior = Arc::new(Prior::read(&file[..], 1 << 30).unwrap());
    let with = Options::new().device(Device::Cpu).prior(prior.clone());
    // A compact frame, which names half of the prior's hash.
    let archive = lockstep::compress_with(&text(300), &with).unwrap();
    assert_eq!(lockstep::decompress_with(&archive, &with).unwrap(), text(300));
    let error = lockstep::decompress(&archive, 1000).unwrap_err();
    let half = prior.hash() & 0xffff_ffff;
    assert!(matches!(error, Error::PriorMissing { wanted, bits: 32, given: None } if wanted == half), "{error}");
    assert!(!error.is_corrupt());
    let mut listed = Archive::open(Cursor::new(&archive)).unwrap();
    let frame = &listed.frames()[0];
    assert!(frame.is_compact() && frame.raw_len() == 300 && frame.method().is_none());
    assert!(frame.prior().unwrap().matches(&prior) && frame.prior().unwrap().bits == 32);
    listed.know_prior(&prior);
    assert_eq!(listed.frames()[0].method(), Some(&prior.compact_method(300)));
    assert_eq!(listed.frames()[0].prior().unwrap().hash, prior.hash());
    assert_eq!(listed.read_range(100..200, &with).unwrap(), text(300)[100..200]);
    // Frames behind a prior that the archive holds: read whole, by the decoder, and in ranges.
    let data: Vec<u8> = text(20_000);
    // With one stream, frames this short would be compact.
    let frames = with.clone().embed_prior(true).frame_size(8_000).streams(2);
    let archive = lockstep::compress_with(&data, &frames).unwrap();
    let mut encoder = Encoder::new(Vec::new(), &frames.length(data.len() as u64)).unwrap();
    encoder.write_all(&data).unwrap();
    assert!(encoder.finish().unwrap() == archive);
    assert!(lockstep::decompress(&archive, 1 << 20).unwrap() == data);
    let mut listed = Archive::open(Cursor::new(&archive)).unwrap();
    assert_eq!(listed.compressed_len(), archive.len() as u64);
    assert_eq!(listed.frames().iter().map(|frame| frame.prior_len()).collect::<Vec<_>>()[1..], [0, 0]);
    assert_eq!(listed.frames()[0].prior_len(), file.len() as u64);
    assert!(listed.read_range(10_000..10_050, &Options::new()).unwrap() == data[10_000..10_050]);
    let mut decoded = Vec::new();
    listed.decompress(&mut decoded, &Options::new(), &mut ()).unwrap();
    assert!(decoded == data);
    // A compact frame behind them, described by the prior that the archive holds.
    let archive = [archive, lockstep::compress_with(&text(100), &with).unwrap()].concat();
    let mut listed = Archive::open(Cursor::new(&archive)).unwrap();
    assert_eq!(listed.frames().iter().map(Frame::is_compact).collect::<Vec<_>>(), [false, false, false, true]);
    assert_eq!(listed.frames()[3].method(), Some(&prior.compact_method(100)));
    assert_eq!(listed.read_range(20_050..20_060, &Options::new()).unwrap(), text(100)[50..60]);
}

/// Cancels once a number of raw bytes is reached.
struct Cancel(u64, Arc<AtomicU64>);

impl Monitor for Cancel {
    fn progress(&mut self, Progress { raw, .. }: Progress) -> ControlFlow<()> {
        self.1.store(raw, Ordering::Relaxed);
        if raw < self.0 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }
}

#[test]
fn monitors_see_progress_and_cancel_every_form() {
    let data = data();
    let archive = lockstep::compress_with(&data, &tiny()).unwrap();
    let reached = Arc::new(AtomicU64::new(0));
    let mut cancel = Cancel(1000, reached.clone());
    let cancelled = |result: Result<Summary, Error>| {
        let error = result.unwrap_err();
        assert!(matches!(error, Error::Cancelled), "{error}");
        let reached = reached.swap(0, Ordering::Relaxed);
        assert!((1000..4600).contains(&reached), "{reached}");
    };
    cancelled(lockstep::compress_stream(&data[..], io::sink(), &tiny(), &mut cancel));
    cancelled(lockstep::decompress_stream(&archive[..], io::sink(), &tiny(), &mut cancel));
    let mut listed = Archive::open(Cursor::new(&archive)).unwrap();
    cancelled(listed.decompress(io::sink(), &tiny(), &mut cancel));
    cancelled(listed.copy_range(500..3000, io::sink(), &tiny(), &mut cancel));
    let options = tiny().block_size(500);
    let mut encoder = Encoder::with_monitor(Vec::new(), &options, Cancel(1000, reached.clone())).unwrap();
    let error = data.chunks(100).find_map(|piece| encoder.write_all(piece).err()).unwrap();
    assert!(matches!(error.get_ref().and_then(|e| e.downcast_ref()), Some(Error::Cancelled)));
    let mut decoder = Decoder::with_monitor(&archive[..], &tiny(), Cancel(1000, reached.clone())).unwrap();
    let error = decoder.read_to_end(&mut Vec::new()).unwrap_err();
    assert!(matches!(error.get_ref().and_then(|e| e.downcast_ref()), Some(Error::Cancelled)));
    // Frames in parallel, too.
    let options = tiny().frame_size(400).threads(3).length(data.len() as u64);
    let mut calls = 0;
    let mut stop = |_: Progress| {
        calls += 1;
        ControlFlow::Break(())
    };
    match lockstep::compress_stream(&data[..], io::sink(), &options, &mut stop) {
        Err(Error::Cancelled) => assert!(calls > 0),
        // All frames were done before the first report.
        result => drop(result.unwrap()),
    }
}

#[test]
fn values_out_of_range_are_refused_as_facts() {
    let refused = |options: Options| match lockstep::compress_with(b"a", &options).unwrap_err() {
        Error::Config(error) => error.to_string(),
        error => panic!("{error}"),
    };
    assert!(refused(tiny().units(17)).contains("units is 17"));
    assert!(refused(tiny().layers(9)).contains("layers is 9"));
    assert!(refused(tiny().dropout(0.6)).contains("dropout"));
    for share in [f64::NAN, -0.1, f64::INFINITY] {
        assert!(refused(tiny().dropout(share)).contains("dropout"), "{share}");
        assert!(refused(tiny().learning_rate(share, None)).contains("learning rate"), "{share}");
    }
    assert!(refused(light().network(false).mixing(None)).contains("both be off"));
    assert!(refused(light().mixing_table_bits(33)).contains("mixing memory"));
    assert!(matches!(lockstep::compress_with(b"a", &tiny().block_size(0)), Err(Error::BlockSize(0))));
    let memory = lockstep::compress_with(b"a", &tiny().memory_limit(1000)).unwrap_err();
    assert!(matches!(memory, Error::MemoryLimit { limit: 1000, .. }));
    assert!(Level::try_from(0).is_err() && Level::try_from(10).is_err());
    let nameless = Device::Named("no such device".into());
    let error = lockstep::compress_with(b"a", &tiny().device(nameless)).unwrap_err();
    assert!(matches!(error, Error::Device(_)), "{error}");
}

#[test]
fn errors_give_facts_and_no_advice_of_the_command() {
    let errors = [
        lockstep::decompress(b"no archive", 9).unwrap_err(),
        lockstep::compress_with(b"a", &tiny().memory_limit(1)).unwrap_err(),
        lockstep::compress_with(b"a", &tiny().device(Device::Named("none".into()))).unwrap_err(),
        lockstep::decompress(&lockstep::compress(b"abc", Level::FASTEST).unwrap(), 2).unwrap_err(),
        Prior::read(&b"no prior"[..], 9).unwrap_err().into(),
    ];
    for error in errors {
        assert!(!error.to_string().contains("--") && !error.to_string().contains('`'), "{error}");
    }
}

#[test]
fn a_transform_can_be_chosen() {
    let data = b"the word and the word and the other word. ".repeat(40);
    let size = |options: Options| lockstep::compress_with(&data, &options).unwrap().len();
    assert_ne!(size(light().transform(Some(Transform::Text))), size(light().transform(Some(Transform::None))));
}
