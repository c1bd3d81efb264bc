//! What surrounds a run: who watches it, and what it resumes from.

use std::io::{self, Read, Write};

use crate::archive::Prefix;

/// Watches a run, and decides when its state is saved. A function of raw and
/// coded bytes is one that only watches.
pub trait Monitor {
    /// So many raw and coded bytes are done.
    fn progress(&mut self, raw: u64, coded: u64);

    /// Something that went wrong and was got over.
    fn warn(&mut self, _what: &str) {}

    /// What an earlier run of this job left; asked for once, at the start.
    fn resume(&mut self) -> io::Result<Option<Resume>> {
        Ok(None)
    }

    /// What to do now, at a moment when the state can be saved.
    fn next(&mut self) -> Next {
        Next::GoOn
    }

    /// Where the state is to be written, if [`Self::next`] ever asks for that.
    fn state(&mut self) -> io::Result<&mut dyn Write> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// The state is written whole, and belongs to this much of the output.
    fn saved(&mut self, _written: Prefix) -> io::Result<()> {
        Ok(())
    }
}

/// What a run does between two segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing special.
    GoOn,
    /// It saves its state and goes on.
    Save,
    /// It saves its state and ends with [`super::CodecError::Interrupted`].
    Stop,
}

/// What a run is resumed from.
pub struct Resume {
    /// The state that was saved.
    pub state: Box<dyn Read>,
    /// Its bytes: what it says of its own size is not believed beyond this.
    pub len: u64,
    /// The output as it was at that moment.
    pub written: Box<dyn Read>,
}

impl<F: FnMut(u64, u64)> Monitor for F {
    fn progress(&mut self, raw: u64, coded: u64) {
        self(raw, coded);
    }
}
