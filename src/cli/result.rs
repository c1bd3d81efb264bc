//! The result of a job: opened before the work, completed after it.

use std::path::Path;

use super::checkpoint::Checkpoint;
use super::escape::shown;
use super::exit::{Exit, complain, say};
use super::files::{CheckpointPlan, Completed, Input, Output, Writing};
use super::options::{CommandLine, Target};
use super::signals;
use super::start::Start;

/// Opens a result, with its checkpoint if there is to be one; nothing if an earlier run was complete.
/// `named` is the name for [`Target::Named`].
pub fn open_result(
    line: &CommandLine,
    start: &Start<'_>,
    target: Target<'_>,
    named: &Path,
    input: &Input,
    writing: Writing<'_>,
) -> anyhow::Result<Option<(Output, Option<Checkpoint>)>> {
    let path = match target {
        Target::Stdout => return Ok(Some((Output::stdout()?, None))),
        Target::File(path) => path,
        Target::Named => named,
    };
    if line.remove {
        input.check_removable()?;
    }
    let protected = start.protected();
    let writing =
        Writing { overwrite: line.force, sparse: writing.sparse && line.sparse(), protected: &protected, ..writing };
    let source = input.source()?;
    let Some(file) = &line.long.checkpoint else {
        return Ok(Some((Output::file(path, &source, writing)?, None)));
    };
    let job = line.job();
    let plan = CheckpointPlan { file: file.as_deref(), job: &job, interval: line.long.checkpoint_interval };
    match Output::resumable(path, &source, writing, plan)? {
        Some((output, checkpoint)) => {
            // From here on there is a file that outlives the run.
            signals::defer(true);
            if checkpoint.is_there() && line.quiet == 0 {
                say(format_args!("{} : continuing from {}", shown(&path), shown(checkpoint.path())));
            }
            Ok(Some((output, Some(checkpoint))))
        }
        None => {
            if line.quiet == 0 {
                say(format_args!("{} was complete already", shown(&path)));
            }
            Ok(None)
        }
    }
}

/// Completes a result, then removes the checkpoint and, if that is asked for, the source. The source
/// is kept unless the result is a file under the name that was asked for.
pub fn conclude(
    name: &str,
    input: &Input,
    output: Output,
    checkpoint: Option<Checkpoint>,
    remove: bool,
) -> anyhow::Result<Exit> {
    let completed = output.complete()?;
    if let Some(checkpoint) = checkpoint {
        checkpoint.remove()?;
    }
    if remove && completed == Completed::AsNamed {
        input.remove()?;
    }
    match completed.into_named() {
        Ok(()) => Ok(Exit::Done),
        Err(error) => {
            complain(format_args!("{name}: {error}"));
            Ok(Exit::Environment)
        }
    }
}
