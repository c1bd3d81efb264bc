//! The checkpoint file of a long job: its whole state, and the prefix of the output that belongs to it.
//!
//! `LKSC`, a version, the hash of the job, the packed state, its length when unpacked, length and hash
//! of the output so far, and the XXH3-64 of everything before.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use lockstep::internals::archive::{Hashed, VERSION};
use lockstep::{Checkpoints, Next, Prefix, Resume};
use xxhash_rust::xxh3::xxh3_64;

use super::escape::shown;
use super::files::{Entry, FileId, FileReader, NewFile, Published, sweep};
use super::packed::{Packer, Unpacker};
use super::signals;

/// First bytes of a checkpoint, and the version of its layout.
const MAGIC: [u8; 5] = *b"LKSC\x02";
/// Magic and job.
const HEAD: u64 = 5 + 8;
/// Length of the state, output so far, and checksum.
const TAIL: u64 = 8 + 16 + 8;

/// The checkpoint file of a job.
pub struct Checkpoint {
    path: PathBuf,
    job: u64,
    /// The output, which must reach the disk before a state that depends on it.
    output: File,
    interval: Duration,
    due: Instant,
    /// The state that is being written.
    writing: Option<(NewFile, Packer<Hashed<BufWriter<File>>>)>,
    /// The last state that was saved.
    saved: Option<FileId>,
}

/// The checkpoint that an earlier run left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    Nothing,
    /// A state, and the prefix of the output that belongs to it.
    State {
        file: FileId,
        written: Prefix,
    },
}

impl Found {
    /// Removes the checkpoint, which is at `path`.
    pub fn remove(&self, path: &Path) -> io::Result<()> {
        match self {
            Found::Nothing => Ok(()),
            Found::State { file, .. } => Entry::open(path)?.remove(*file).map(|_| ()),
        }
    }
}

impl Checkpoint {
    /// Looks for a checkpoint at `path`, and checks that it is whole and belongs to this job.
    pub fn find(path: &Path, job: &str) -> anyhow::Result<Found> {
        let name = shown(&path);
        sweep(path);
        let mut file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
            file => BufReader::new(file.with_context(|| format!("can't open the checkpoint {name}"))?),
        };
        let read = |file: &mut dyn Read, buffer: &mut [u8]| {
            file.read_exact(buffer).with_context(|| format!("can't read the checkpoint {name}"))
        };
        let len = file.get_ref().metadata()?.len();
        let damaged = || format!("the checkpoint {name} is damaged (remove it to start anew)");
        let Some(hashed_len) = len.checked_sub(8).filter(|_| len >= HEAD + TAIL) else { bail!(damaged()) };
        let mut hashed = Hashed::new(&mut file);
        io::copy(&mut (&mut hashed).take(hashed_len), &mut io::sink())?;
        let hash = hashed.prefix().hash;
        let mut checksum = [0; 8];
        read(&mut file, &mut checksum)?;
        if u64::from_le_bytes(checksum) != hash {
            bail!(damaged());
        }
        file.rewind()?;
        let (mut magic, mut of) = ([0; 5], [0; 8]);
        read(&mut file, &mut magic)?;
        read(&mut file, &mut of)?;
        if magic != MAGIC || u64::from_le_bytes(of) != job_hash(job) {
            bail!("the checkpoint {name} belongs to another job (give the same options, or remove it to start anew)");
        }
        let mut words = [[0; 8]; 3];
        file.seek(SeekFrom::Start(len - TAIL))?;
        words.iter_mut().try_for_each(|word| read(&mut file, word))?;
        let [_, len, hash] = words.map(u64::from_le_bytes);
        Ok(Found::State { file: FileId::of(file.get_ref())?, written: Prefix { len, hash } })
    }

    /// Fails if no checkpoint could be written to `path`.
    pub fn check_place(path: &Path) -> anyhow::Result<()> {
        let created = Entry::open(path).and_then(NewFile::create);
        created.map(|_| ()).with_context(|| format!("can't create the checkpoint {}", shown(&path)))
    }

    /// Returns the checkpoint file of a job that writes to `output`.
    pub fn new(path: PathBuf, job: &str, output: File, interval: Duration, found: Found) -> Self {
        let saved = match found {
            Found::Nothing => None,
            Found::State { file, .. } => Some(file),
        };
        let due = Instant::now() + interval;
        Checkpoint { path, job: job_hash(job), output, interval, due, writing: None, saved }
    }

    /// The path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// True if there is a state to continue from.
    pub fn is_there(&self) -> bool {
        self.saved.is_some()
    }

    /// Removes the file: the output is complete.
    pub fn remove(&self) -> io::Result<()> {
        self.saved.map_or(Ok(()), |saved| Entry::open(&self.path)?.remove(saved).map(|_| ()))
    }
}

impl Checkpoints for Checkpoint {
    fn resume(&mut self) -> io::Result<Option<Resume>> {
        let Some(saved) = self.saved else { return Ok(None) };
        let mut file = File::open(&self.path)?;
        if FileId::of(&file)? != saved {
            return Err(io::Error::other("the checkpoint was replaced"));
        }
        let packed_len = file.metadata()?.len().saturating_sub(HEAD + TAIL);
        file.seek(SeekFrom::Start(HEAD + packed_len))?;
        let mut len = [0; 8];
        file.read_exact(&mut len)?;
        file.seek(SeekFrom::Start(HEAD))?;
        let state = Unpacker::new(BufReader::new(file).take(packed_len));
        let written = Box::new(FileReader::new(self.output.try_clone()?));
        Ok(Some(Resume { state: Box::new(state), len: u64::from_le_bytes(len), written }))
    }

    fn next(&mut self) -> Next {
        if signals::stopping() {
            Next::SaveAndStop
        } else if Instant::now() >= self.due {
            Next::Save
        } else {
            Next::Continue
        }
    }

    fn begin(&mut self) -> io::Result<&mut (dyn Write + Send)> {
        let new = NewFile::create(Entry::open(&self.path)?)?;
        let mut file = Hashed::new(BufWriter::with_capacity(1 << 20, new.file().try_clone()?));
        file.write_all(&MAGIC)?;
        file.write_all(&self.job.to_le_bytes())?;
        Ok(&mut self.writing.insert((new, Packer::new(file))).1)
    }

    /// The output, then the state, reach the disk before the state gets its name.
    fn commit(&mut self, written: Prefix) -> io::Result<()> {
        // The output may end in zeros that are left out so far.
        if self.output.metadata()?.len() < written.len {
            self.output.set_len(written.len)?;
        }
        self.output.sync_all()?;
        let (new, packer) = self.writing.take().ok_or(io::ErrorKind::InvalidInput)?;
        let (mut file, len) = packer.finish()?;
        file.write_all(&len.to_le_bytes())?;
        file.write_all(&written.len.to_le_bytes())?;
        file.write_all(&written.hash.to_le_bytes())?;
        let hash = file.prefix().hash;
        file.write_all(&hash.to_le_bytes())?;
        file.flush()?;
        new.file().sync_all()?;
        let saved = FileId::of(new.file())?;
        if let Published::Beside(other) = new.publish(self.saved)? {
            let text = format!("it was replaced meanwhile (the last state is in {})", shown(&other));
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, text));
        }
        self.due = Instant::now() + self.interval;
        self.saved = Some(saved);
        Ok(())
    }
}

fn job_hash(job: &str) -> u64 {
    xxh3_64(format!("{} {VERSION} {job}", env!("CARGO_PKG_VERSION")).as_bytes())
}

/// Returns true if a file starts with the output that a checkpoint belongs to.
pub fn starts_with(path: &Path, written: Prefix) -> bool {
    let Ok(file) = File::open(path) else { return false };
    let mut hashed = Hashed::new(file);
    io::copy(&mut (&mut hashed).take(written.len), &mut io::sink()).is_ok() && hashed.prefix() == written
}
