//! A range of a frame's content: what of it is written, and how its progress counts.

use std::io::{self, Write};
use std::ops::{ControlFlow, Range};

use crate::codec::{Monitor, Progress};

/// Lets only a range of a stream through.
pub struct Window<'a, W> {
    pub output: &'a mut W,
    /// The position of the next byte.
    pub at: u64,
    pub range: Range<u64>,
}

impl<W: Write> Write for Window<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let inside = |edge: u64| edge.saturating_sub(self.at).min(bytes.len() as u64) as usize;
        let (first, last) = (inside(self.range.start), inside(self.range.end));
        self.output.write_all(&bytes[first..last.max(first)])?;
        self.at += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

/// Counts a frame's progress into that of a range.
pub struct Within<'a> {
    pub monitor: &'a mut dyn Monitor,
    pub before: Progress,
    /// Bytes of the range.
    pub most: u64,
}

impl Monitor for Within<'_> {
    fn progress(&mut self, Progress { raw, coded }: Progress) -> ControlFlow<()> {
        let Progress { raw: raw_before, coded: coded_before } = self.before;
        self.monitor.progress(Progress::new((raw_before + raw).min(self.most), coded_before + coded))
    }

    fn warning(&mut self, warning: &crate::Warning) {
        self.monitor.warning(warning);
    }
}
