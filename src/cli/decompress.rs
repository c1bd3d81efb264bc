//! `lockstep -d FILE.lks`: an archive becomes its content again; `-t` only checks.

use std::io::{self, IsTerminal, Seek};
use std::path::Path;
use std::sync::Arc;

use lockstep::archive::list;
use lockstep::codec::{self, DecompressSettings};
use lockstep::prior::Prior;

use super::input::{Input, display_name};
use super::options::{Options, Target};
use super::output::{Output, content_name};
use super::progress::Progress;

/// Decompresses one archive, or tests it.
pub fn decompress(options: &Options, prior: Option<Arc<Prior>>, source: &Path, test: bool) -> anyhow::Result<()> {
    let mut input = Input::open(source)?;
    let mut output = match options.target(source) {
        _ if test => Output::Nowhere,
        Target::Stdout => Output::stdout(),
        Target::File(path) => Output::file(path, source, options.force)?,
        Target::Named => Output::file(&content_name(source)?, source, options.force)?,
    };
    let (device, memory, keep_model) = (options.device.clone(), options.memory, options.save_model.is_some());
    let settings = DecompressSettings { device, memory, prior, keep_model };
    let name = display_name(source);
    let to_stdout = matches!(output, Output::Stdout(_));
    let visible = options.quiet == 0 && !(to_stdout && io::stdout().is_terminal());
    let mut progress = Progress::new(visible, &name, content_length(&mut input)?, false);
    let mut update = |raw, coded| progress.update(raw, coded);
    let mut done = pollster::block_on(codec::decompress(&mut input, &mut output, &settings, &mut update))?;
    options.save_model(&mut done)?;
    let speed = progress.finish(done.raw);
    let target = output.name();
    output.complete(source, input.metadata(), options.remove)?;
    let target = if test { "intact" } else { &target };
    options.say_summary(to_stdout, format_args!("{name} : {} bytes ({target})  {speed}", done.raw), &done);
    Ok(())
}

/// Raw bytes of an archive, as its trailers tell; an archive that can't tell
/// is for the decoder to judge.
fn content_length(input: &mut Input) -> io::Result<Option<u64>> {
    let Input::File(file, metadata) = input else { return Ok(None) };
    if !metadata.is_file() {
        return Ok(None);
    }
    let length = list(file).ok().map(|frames| frames.iter().map(|f| f.trailer.raw_len).sum());
    file.rewind()?;
    Ok(length)
}
