//! What frames need, checked before any of them is decoded.

use super::Archive;
use crate::Error;
use crate::options::Options;
use crate::prior::Prior;

impl<R> Archive<R> {
    /// Checks that all frames can be decoded with these options, as far as their headers tell.
    ///
    /// # Errors
    ///
    /// [`Error::PriorMissing`] if a frame needs a prior that is neither given nor in the archive;
    /// [`Error::MemoryLimit`] or [`Error::SizeLimit`] where a limit of the options is too low.
    pub fn check(&self, options: &Options) -> Result<(), Error> {
        let settings = options.decode_settings();
        let len = self.frames.iter().map(|frame| frame.raw_len()).fold(0, u64::saturating_add);
        if len > settings.size_limit {
            return Err(Error::SizeLimit { limit: settings.size_limit });
        }
        let given = settings.prior.as_deref();
        // From the first prior on that the archive holds, frames start from the last one before them.
        for frame in self.frames.iter().take_while(|frame| frame.prior_len() == 0) {
            if let Some(wanted) = frame.prior().filter(|wanted| !given.is_some_and(|given| wanted.matches(given))) {
                let given = given.map(Prior::hash);
                return Err(Error::PriorMissing { wanted: wanted.hash, bits: wanted.bits, given });
            }
        }
        let needed = self.frames.iter().filter_map(|frame| frame.memory_needed(options)).max().unwrap_or(0);
        match needed > settings.memory {
            true => Err(Error::MemoryLimit { needed, limit: settings.memory }),
            false => Ok(()),
        }
    }
}
