//! Archives with damaged bytes, and what must be had of them: for tests/salvage.rs and
//! examples/salvage.rs.

use std::io::{Cursor, Read};
use std::sync::Arc;

use lockstep::internals::archive::{BLOCK_HEADER_LEN, Header, PieceKind, list};
use lockstep::internals::numerics::generator::random_u64;
use lockstep::{Archive, Device, MixingKind, Options, Prior, recovery};

/// An archive and its content.
pub struct Base {
    pub name: &'static str,
    pub archive: Vec<u8>,
    pub content: Vec<u8>,
    options: Options,
}

/// What became of damaged archives.
#[derive(Debug, Default)]
pub struct Counts {
    pub archives: u64,
    /// Archives that came back whole.
    pub whole: u64,
    /// Archives of which content behind some damage lies at another place, as was said.
    pub moved: u64,
    /// Raw bytes of all archives, and those that were salvaged.
    pub raw: u64,
    pub salvaged: u64,
    /// Archives whose recovery data mended them, byte for byte.
    pub mended: u64,
}

fn text(len: usize, seed: u64) -> Vec<u8> {
    let words = ["the", "cat", "sat", "on", "a", "mat", "and", "looked", "at", "seven", "little", "mice"];
    let mut text = String::new();
    for i in 0.. {
        if text.len() >= len {
            break;
        }
        text += words[random_u64(seed, i) as usize % words.len()];
        text.push(if i % 9 == 8 { '\n' } else { ' ' });
    }
    text.truncate(len);
    text.into_bytes()
}

fn noise(len: usize, seed: u64) -> Vec<u8> {
    (0..len).map(|i| random_u64(seed, i as u64) as u8).collect()
}

/// Returns archives of several frames and blocks: text and noise, levels 1 and 2, a tiny network with
/// and without mixing, compact frames with their prior; and two of them joined.
pub fn bases() -> Vec<Base> {
    let on_cpu = Options::new().device(Device::Cpu).threads(1);
    let content = |seed| {
        [text(1500, seed), noise(400, seed), text(900, seed + 1), noise(700, seed + 1), text(1700, seed + 2)].concat()
    };
    let base = |name, content: Vec<u8>, options: Options| {
        let archive = lockstep::compress_with(&content, &options).unwrap();
        Base { name, archive, content, options: on_cpu.clone() }
    };
    let level = |number: u32| on_cpu.clone().level(number.try_into().unwrap()).mixing_table_bits(16);
    let tiny = on_cpu.clone().layers(1).units(16).embedding(16).streams(2).segment(16);
    let mut bases = vec![
        base("level 1", content(1), level(1).frame_size(1300).block_size(400)),
        base("level 2", content(10), level(2).frame_size(2600).block_size(500)),
        base("one frame", content(20), level(1).block_size(300)),
        base("tiny network", content(30), tiny.clone().mixing(None).frame_size(1100).block_size(350)),
        base(
            "tiny network and mixing",
            content(40),
            tiny.clone().mixing(Some(MixingKind::Light)).mixing_table_bits(14).frame_size(2000).block_size(600),
        ),
    ];
    let samples: Vec<Vec<u8>> = (0..20).map(|seed| text(200, 100 + seed)).collect();
    let start = tiny.mixing(Some(MixingKind::Light)).mixing_table_bits(14).passes(1);
    let prior = Arc::new(Prior::train(&samples, &start, &mut |_| ()).unwrap());
    let with = on_cpu.clone().prior(prior);
    let mut compact = base("compact frames", content(50), with.clone().frame_size(700));
    compact.options = with;
    bases.push(compact);
    let joined = [&bases[0], &bases[3]];
    let archive = joined.map(|base| base.archive.clone()).concat();
    let content = joined.map(|base| base.content.clone()).concat();
    bases.push(Base { name: "joined", archive, content, options: on_cpu });
    bases
}

/// Damages one to five bytes of archive number `number`, with and without recovery data of 5 %, and
/// checks all promises.
pub fn damage_one(base: &Base, number: u64, counts: &mut Counts) {
    let mut draws = (0..).map(|i| random_u64(number, i));
    let mut below = |limit: usize| (draws.next().unwrap() >> 33) as usize % limit;
    let flips: Vec<(usize, u8)> = (0..=number % 5).map(|_| (below(1 << 30), 1 + below(255) as u8)).collect();
    let place = || format!("{}, number {number}", base.name);

    let mut damaged = base.archive.clone();
    flips.iter().for_each(|&(at, change)| damaged[at % base.archive.len()] ^= change);
    check_salvage(base, &damaged, &place(), counts);

    let mut protected = base.archive.clone();
    let mut part = Vec::new();
    recovery::protect(Cursor::new(&protected), &mut part, 5).unwrap();
    protected.extend(part);
    let mut damaged = protected.clone();
    flips.iter().for_each(|&(at, change)| damaged[at % protected.len()] ^= change);
    let mending = recovery::mend(&mut Cursor::new(&damaged), 1 << 30).unwrap();
    assert!(mending.has_recovery_data() && mending.lost().is_empty(), "{}: {mending:?}", place());
    let mut view = Vec::new();
    mending.view(Cursor::new(&damaged)).unwrap().read_to_end(&mut view).unwrap();
    assert!(view[..base.archive.len()] == base.archive, "{}", place());
    let mut repaired = Vec::new();
    mending.write(Cursor::new(&damaged), &mut repaired).unwrap();
    assert!(repaired == protected, "{}", place());
    counts.mended += 1;
}

/// Checks that salvage writes all that it must, and nothing else.
fn check_salvage(base: &Base, damaged: &[u8], place: &str, counts: &mut Counts) {
    let mut written = Vec::new();
    let mut archive = Archive::open(Cursor::new(damaged)).unwrap_or_else(|error| panic!("{place}: {error}"));
    let salvaged = archive.salvage(&mut written, &base.options, &mut ()).unwrap();
    assert_eq!(salvaged.summary.raw, written.len() as u64);
    counts.archives += 1;
    counts.raw += base.content.len() as u64;
    counts.whole += u64::from(salvaged.missing.is_empty());
    let missing = &salvaged.missing;
    if missing.is_empty() {
        assert!(written == base.content, "{place}: nothing is missing, but the content is another");
    }
    let is_certain = missing.iter().all(|missing| missing.is_certain);
    let moved = !is_certain && written.len() != base.content.len();
    counts.moved += u64::from(moved);
    if !moved {
        assert_eq!(written.len(), base.content.len(), "{place}");
        // Every byte is right, or it is reported.
        let mut at = 0;
        for gap in missing.iter().map(|missing| missing.range.start as usize..missing.range.end as usize) {
            assert!(written[at..gap.start] == base.content[at..gap.start], "{place}: wrong before {gap:?}");
            assert!(written[gap.clone()].iter().all(|&byte| byte == 0), "{place}: not zeros in {gap:?}");
            counts.salvaged += (gap.start - at) as u64;
            at = gap.end;
        }
        assert!(written[at..] == base.content[at..], "{place}: wrong from {at} on");
        counts.salvaged += (written.len() - at) as u64;
    }
    // What the damage leaves: other frames whole, and the blocks before it.
    let is_damaged = |start: u64, len: u64| {
        let range = start as usize..(start + len) as usize;
        base.archive[range.clone()] != damaged[range]
    };
    let is_missing = |start: u64, len: u64| {
        missing.iter().any(|missing| missing.range.start < start + len && missing.range.end > start)
    };
    let mut raw = 0;
    for piece in list(&mut Cursor::new(&base.archive)).unwrap() {
        let expected = match &piece.kind {
            PieceKind::Frame(frame) => {
                let mut at = piece.start + Header::LEN as u64;
                let mut before = if is_damaged(piece.start, Header::LEN as u64) { None } else { Some(0) };
                let mut intact = true;
                for block in &frame.trailer.blocks {
                    let len = BLOCK_HEADER_LEN + u64::from(block.coded);
                    intact &= !is_damaged(at, len);
                    before = before.map(|before| if intact { before + u64::from(block.raw) } else { before });
                    at += len;
                }
                (before.unwrap_or(0), frame.trailer.raw_len)
            }
            PieceKind::Compact { raw_len, .. } => {
                (if is_damaged(piece.start, piece.len) { 0 } else { u64::from(*raw_len) }, u64::from(*raw_len))
            }
            other => panic!("{other:?}"),
        };
        let (len, raw_len) = expected;
        let content = &base.content[raw as usize..][..len as usize];
        if moved {
            let found = content.is_empty() || written.windows(content.len()).any(|window| window == content);
            assert!(found, "{place}: {len} bytes from {raw} on are nowhere");
        } else {
            assert!(!is_missing(raw, len), "{place}: {len} bytes from {raw} on are missing: {missing:?}");
        }
        raw += raw_len;
    }
}
