//! `lockstep FILE`: a file becomes an archive.

use std::io::{self, IsTerminal};
use std::path::Path;
use std::sync::Arc;

use anyhow::bail;
use lockstep::codec::{self, CompressSettings};
use lockstep::prior::Prior;

use super::input::{Input, display_name};
use super::options::{Options, Target};
use super::output::{Output, archive_name};
use super::progress::{Progress, bits_per_byte, percent};

/// Compresses one file.
pub fn compress(options: &Options, prior: Option<Arc<Prior>>, source: &Path) -> anyhow::Result<()> {
    let mut input = Input::open(source)?;
    let mut output = match options.target(source) {
        Target::Stdout if io::stdout().is_terminal() && !options.stdout && !options.force => {
            bail!("an archive is not for a terminal (-c writes it there all the same)")
        }
        Target::Stdout => Output::stdout(),
        Target::File(path) => Output::file(path, source, options.force)?,
        Target::Named => Output::file(&archive_name(source), source, options.force)?,
    };
    let settings = CompressSettings {
        device: options.device.clone(),
        method: &|length| options.method_for(prior.as_deref(), length),
        block_size: options.block_size,
        length: input.length(),
        memory: options.memory,
        prior: prior.clone(),
        embed_prior: options.embed_prior,
        keep_model: options.save_model.is_some(),
    };
    let name = display_name(source);
    let to_stdout = matches!(output, Output::Stdout(_));
    let mut progress = Progress::new(options.quiet == 0, &name, settings.length, true);
    let mut update = |raw, coded| progress.update(raw, coded);
    let mut done = pollster::block_on(codec::compress(&mut input, &mut output, &settings, &mut update))?;
    options.save_model(&mut done)?;
    let speed = progress.finish(done.raw);
    let target = output.name();
    output.complete(source, input.metadata(), options.remove)?;
    let (raw, coded) = (done.raw, done.coded);
    let (percent, bits) = (percent(raw, coded), bits_per_byte(raw, coded));
    let sizes = format!("{percent:.2} %  {bits:.3} bits/byte ({raw} => {coded} bytes, {target})");
    options.say_summary(to_stdout, format_args!("{name} : {sizes}  {speed}"), &done);
    Ok(())
}
