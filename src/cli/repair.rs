//! `lockstep repair FILE.lks -o OUT.lks`: writes a damaged archive as it was, by its recovery data.

use std::io::Seek;
use std::path::PathBuf;

use anyhow::bail;
use clap::{ArgAction, Args};
use lockstep::recovery;

use super::exit::say;
use super::files::{Input, Output, Writing, display_name};
use super::mending::{damage_of, say_damage};
use super::sizes::parse_size;

/// The options of a repair.
#[derive(Args, Clone, Debug)]
pub struct RepairOptions {
    /// A damaged archive with recovery data
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Write the mended archive to FILE
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Overwrite FILE
    #[arg(short, long)]
    force: bool,
    /// Print no summary; twice: no errors either
    #[arg(short, long, action = ArgAction::Count)]
    quiet: u8,
    /// Most memory that mended data may take; K, M or G may follow
    #[arg(long, visible_alias = "memory", value_name = "SIZE", default_value = "4G", value_parser = parse_size)]
    memory_limit: u64,
}

/// Writes the mended archive, or nothing if it can't be mended whole.
pub fn repair(options: &RepairOptions) -> anyhow::Result<()> {
    let name = display_name(&options.file);
    let mut input = Input::open(&options.file, true)?;
    let source = input.source()?;
    let Some(file) = input.file() else { bail!("{name}: only a file can be repaired") };
    let mending = recovery::mend(file, options.memory_limit)?;
    if !mending.has_recovery_data() {
        bail!("{name}: it has no recovery data, or none that is left (--salvage writes what can be had of it)");
    }
    if options.quiet < 2 {
        say_damage(&name, &mending, true);
    }
    if !mending.lost().is_empty() {
        return Err(damage_of(&mending).context(name.into_owned()));
    }
    let writing = Writing { overwrite: options.force, ..Writing::default() };
    let mut output = Output::file(&options.output, &source, writing)?;
    file.rewind()?;
    mending.write(file, &mut output)?;
    let target = output.name();
    output.complete()?.into_named()?;
    if options.quiet == 0 {
        let done = if mending.is_intact() { "nothing is damaged" } else { "mended" };
        say(format_args!("{name} : {done} ({target})"));
    }
    Ok(())
}
