//! The checkpoint file of a long job: its whole state, and the prefix of the output that belongs to it.
//!
//! `LKSC`, a version, the hash of the job, the state, length and hash of the output so far, and the
//! XXH3-64 of everything before.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use lockstep::internals::archive::{Hashed, VERSION};
use lockstep::{Checkpoints, Next, Prefix, Resume};
use xxhash_rust::xxh3::xxh3_64;

use super::interrupt;

/// First bytes of a checkpoint, and the version of its layout.
const MAGIC: [u8; 5] = *b"LKSC\x01";
/// Magic and job.
const HEAD: u64 = 5 + 8;
/// Output so far, and checksum.
const TAIL: u64 = 16 + 8;

/// The checkpoint file of a job.
pub struct Checkpoint {
    path: PathBuf,
    job: u64,
    /// The output, which must reach the disk before a state that depends on it.
    output: File,
    part: PathBuf,
    interval: Duration,
    due: Instant,
    /// The state that is being written.
    writing: Option<Hashed<BufWriter<File>>>,
    /// True if there is a checkpoint to continue from.
    found: bool,
}

/// The checkpoint that an earlier run left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    Nothing,
    /// A state, and the prefix of the output that belongs to it.
    State(Prefix),
}

impl Checkpoint {
    /// Looks for a checkpoint at `path`, and checks that it is whole and belongs to this job.
    pub fn find(path: &Path, job: &str) -> anyhow::Result<Found> {
        let name = path.display();
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
        let mut written = [[0; 8]; 2];
        file.seek(SeekFrom::Start(len - TAIL))?;
        written.iter_mut().try_for_each(|word| read(&mut file, word))?;
        let [len, hash] = written.map(u64::from_le_bytes);
        Ok(Found::State(Prefix { len, hash }))
    }

    /// Returns the checkpoint file of a job whose output is written to the file at `part`.
    pub fn new(path: PathBuf, job: &str, output: File, part: PathBuf, interval: Duration, found: Found) -> Self {
        let due = Instant::now() + interval;
        let found = found != Found::Nothing;
        Checkpoint { path, job: job_hash(job), output, part, interval, due, writing: None, found }
    }

    /// The path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// True if there is a state to continue from.
    pub fn is_there(&self) -> bool {
        self.found
    }

    /// The place where the state is written at first.
    fn temporary(&self) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(".tmp");
        name.into()
    }

    /// Removes the files: the output is complete.
    pub fn remove(&self) -> io::Result<()> {
        remove(&self.temporary())?;
        remove(&self.path)
    }
}

impl Checkpoints for Checkpoint {
    fn resume(&mut self) -> io::Result<Option<Resume>> {
        if !self.found {
            return Ok(None);
        }
        let mut file = File::open(&self.path)?;
        let len = file.metadata()?.len().saturating_sub(HEAD + TAIL);
        file.seek(SeekFrom::Start(HEAD))?;
        let written = Box::new(File::open(&self.part)?);
        Ok(Some(Resume { state: Box::new(BufReader::new(file).take(len)), len, written }))
    }

    fn next(&mut self) -> Next {
        if interrupt::stopping() {
            Next::SaveAndStop
        } else if Instant::now() >= self.due {
            Next::Save
        } else {
            Next::Continue
        }
    }

    fn begin(&mut self) -> io::Result<&mut (dyn Write + Send)> {
        let mut file = Hashed::new(BufWriter::with_capacity(1 << 20, File::create(self.temporary())?));
        file.write_all(&MAGIC)?;
        file.write_all(&self.job.to_le_bytes())?;
        Ok(self.writing.insert(file))
    }

    /// The output, then the state, reach the disk before the state gets its name.
    fn commit(&mut self, written: Prefix) -> io::Result<()> {
        self.output.sync_all()?;
        let mut file = self.writing.take().ok_or(io::ErrorKind::InvalidInput)?;
        file.write_all(&written.len.to_le_bytes())?;
        file.write_all(&written.hash.to_le_bytes())?;
        let hash = file.prefix().hash;
        file.write_all(&hash.to_le_bytes())?;
        file.flush()?;
        file.inner().get_ref().sync_all()?;
        fs::rename(self.temporary(), &self.path)?;
        sync_folder(&self.path)?;
        self.due = Instant::now() + self.interval;
        self.found = true;
        Ok(())
    }
}

fn job_hash(job: &str) -> u64 {
    xxh3_64(format!("{} {VERSION} {job}", env!("CARGO_PKG_VERSION")).as_bytes())
}

/// Removes a file, if it exists.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

/// Makes the names in a file's folder survive a power cut.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder(path))?.sync_all() } else { Ok(()) }
}

/// Returns the folder of a file.
pub fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."))
}

/// Returns true if a file starts with the output that a checkpoint belongs to.
pub fn starts_with(path: &Path, written: Prefix) -> bool {
    let Ok(file) = File::open(path) else { return false };
    let mut hashed = Hashed::new(file);
    io::copy(&mut (&mut hashed).take(written.len), &mut io::sink()).is_ok() && hashed.prefix() == written
}
