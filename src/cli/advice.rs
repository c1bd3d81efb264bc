//! Advice on errors, in the words of the command line.

use lockstep::{ArchiveError, EngineError, Error, PriorError};

/// Returns advice on an error of the library, if there is any to give.
pub fn advice(error: &Error) -> Option<String> {
    let mebibytes = |bytes: u64| bytes.div_ceil(1 << 20);
    let text = match error {
        Error::Diverged { .. } => {
            "most likely this device or its driver computes wrongly; try --device cpu, or --fallback cpu to continue \
             there"
        }
        Error::Unrepeatable { .. } => {
            "most likely the machine that made the archive computed wrongly, or the archive is forged; if this \
             machine's memory is in doubt, try another"
        }
        Error::MemoryLimit { needed, .. } => {
            return Some(format!("allow more with --memory-limit {}M", mebibytes(*needed)));
        }
        Error::Prior(PriorError::MemoryLimit { needed, .. }) => {
            return Some(format!("allow more with --memory-limit {}M", mebibytes(*needed)));
        }
        Error::SizeLimit { .. } => "allow more with --size-limit",
        Error::OutOfMemory { .. } => "a smaller model, --mixing-memory or --block-size needs less",
        Error::TooManyBlocks => "use larger blocks with --block-size",
        Error::PriorMissing { .. } => "give it with --prior FILE",
        Error::Prior(PriorError::NotAPrior) => "`lockstep train` and --save-model make priors",
        Error::Prior(PriorError::Misfit) => "leave out the options that change the shape of its model",
        Error::Device(EngineError::NotFound { wanted: Some(_), .. }) => "`lockstep devices` lists all devices",
        Error::Device(EngineError::TooSmall { .. }) => "use --device cpu or a smaller model",
        Error::Device(_) => "try --device cpu",
        Error::OtherJob => "give the same options and input, or remove the checkpoint",
        Error::InputChanged | Error::PartChanged => "remove the checkpoint to start anew",
        Error::Archive(ArchiveError::NewerVersion(_) | ArchiveError::Unsupported { .. }) => "use a newer lockstep",
        Error::Archive(ArchiveError::OlderVersion(_)) => "use the version of lockstep that made it",
        _ => return None,
    };
    Some(text.to_owned())
}
