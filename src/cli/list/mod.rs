//! `lockstep -l FILE.lks`: lists the content of archives, without decoding.

mod estimate;
mod json;
mod table;

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use anyhow::Context;
use lockstep::recovery::{self, Mending};
use lockstep::{Archive, BlockInfo, Error, Frame, RecoveryData};
use serde_json::Value;

use super::exit::{Exit, report};
use super::files::{Input, check_stdout, display_name};
use super::mending::{damage_of, say_damage};
use super::options::CommandLine;
use super::start::Start;
use estimate::Estimate;

/// An archive, as it is listed.
struct Listed {
    /// The name that was given.
    name: OsString,
    frames: Vec<Frame>,
    /// Bytes of the whole archive.
    len: u64,
    recovery: Vec<RecoveryData>,
    /// The rest is for those who want to know more.
    details: Option<Details>,
}

/// What takes time to find out.
struct Details {
    /// The blocks of each frame.
    blocks: Vec<Vec<BlockInfo>>,
    /// The state of the recovery data, and of what it protects.
    mending: Mending,
    /// The time that decoding takes here, if it could be measured.
    estimate: Option<Estimate>,
}

/// Lists archives as a table, or in JSON; reports those that can't be listed.
pub fn list(line: &CommandLine) -> anyhow::Result<Exit> {
    check_stdout()?;
    let start = line.start.open(line)?;
    let (mut exit, mut listed) = (Exit::Done, Vec::new());
    for file in line.files() {
        let name = display_name(file).into_owned();
        let result = list_one(line, &start, file).and_then(|(archive, damage)| {
            listed.push(archive);
            damage.map_or(Ok(Exit::Done), Err)
        });
        exit = exit.max(report(&name, line.quiet, result));
    }
    let mut out = io::stdout().lock();
    let prior = start.prior();
    if line.json {
        let archives: Vec<Value> = listed.iter().map(|archive| json::archive(archive, prior)).collect();
        writeln!(out, "{:#}", Value::from(archives))?;
    } else if !listed.is_empty() {
        table::write(&mut out, &listed, prior)?;
    }
    Ok(exit)
}

/// Lists an archive; returns what is damaged, too.
fn list_one(line: &CommandLine, start: &Start<'_>, path: &Path) -> anyhow::Result<(Listed, Option<anyhow::Error>)> {
    let mut file = open(path)?;
    let with_details = line.json || line.verbose > 0;
    let looks_damaged = Archive::open(&mut file)?.is_damaged();
    let mending = match with_details || looks_damaged {
        true => recovery::mend(&mut file, line.memory_limit)?,
        false => Mending::default(),
    };
    let mut archive = Archive::open(mending.view(file)?)?;
    let damage = match mending.is_intact() {
        true => archive.damage().map(|error| Error::from(error).into()),
        false => Some(damage_of(&mending)),
    };
    if line.quiet < 2 {
        say_damage(&display_name(path), &mending, true);
    }
    if let Some((prior, _)) = start.prior() {
        archive.know_prior(prior);
    }
    let details = match with_details {
        false => None,
        true => {
            let blocks =
                (0..archive.frames().len()).map(|frame| archive.blocks(frame)).collect::<Result<Vec<_>, _>>()?;
            let estimate = Estimate::measure(archive.frames(), &blocks, line.memory_limit);
            Some(Details { blocks, mending, estimate })
        }
    };
    let (frames, recovery) = (archive.frames().to_vec(), archive.recovery().collect());
    Ok((Listed { name: path.as_os_str().to_owned(), frames, len: archive.compressed_len(), recovery, details }, damage))
}

/// Opens a file, or standard input if it is one.
fn open(path: &Path) -> anyhow::Result<File> {
    let file = match Input::open(path, true)? {
        Input::Stdin => Some(standard_input()?).filter(|file| file.metadata().is_ok_and(|file| file.is_file())),
        input => input.into_file(),
    };
    file.context("only a file can be listed, as the list is at its end")
}

#[cfg(unix)]
fn standard_input() -> io::Result<File> {
    use std::os::fd::AsFd;
    Ok(io::stdin().as_fd().try_clone_to_owned()?.into())
}

#[cfg(windows)]
fn standard_input() -> io::Result<File> {
    use std::os::windows::io::AsHandle;
    Ok(io::stdin().as_handle().try_clone_to_owned()?.into())
}

#[cfg(not(any(unix, windows)))]
fn standard_input() -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}

impl Listed {
    /// Raw bytes of all frames.
    fn raw_len(&self) -> u64 {
        self.frames.iter().fold(0, |sum, frame| sum.saturating_add(frame.raw_len()))
    }
}
