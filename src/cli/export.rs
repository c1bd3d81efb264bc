//! `lockstep export`: a prior's weights in a format that other tools read.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use lockstep::Precision;

use super::escape::shown;
use super::files::{Attributes, Output, Source, Writing};
use super::sizes::parse_size;
use super::start::read_prior;

/// The options of an export.
#[derive(Args, Clone, Debug)]
pub struct ExportOptions {
    /// A prior or a saved model
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Write the weights to FILE, in safetensors
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Write 16 bits a weight instead of 32
    #[arg(long)]
    half: bool,
    /// Overwrite FILE
    #[arg(short, long)]
    force: bool,
    /// Most memory that may be used; K, M or G may follow
    #[arg(long, visible_alias = "memory", value_name = "SIZE", default_value = "4G", value_parser = parse_size)]
    memory_limit: u64,
}

/// Writes the weights.
pub fn export(options: &ExportOptions) -> anyhow::Result<()> {
    let (prior, file) = read_prior(&options.file, options.memory_limit)?;
    let precision = if options.half { Precision::F16 } else { Precision::F32 };
    let Some(bytes) = prior.to_safetensors(precision) else {
        bail!("{} holds no network", shown(&options.file));
    };
    let attributes = Attributes::mode_of(&fs::metadata(&options.file)?);
    let writing = Writing { overwrite: options.force, ..Writing::default() };
    let mut output = Output::file(&options.output, &Source { attributes, id: Some(file) }, writing)?;
    output.write_all(&bytes)?;
    output.complete()?.into_named()
}
