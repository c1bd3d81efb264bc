//! The progress bar, and the figures of the summary.

use std::time::{Duration, Instant};

use indicatif::{ProgressFinish, ProgressStyle};

/// Time between two updates of the bar.
const PAUSE: Duration = Duration::from_millis(100);

/// A bar on stderr, visible only if that is a terminal.
pub struct ProgressBar {
    bar: indicatif::ProgressBar,
    start: Instant,
    next: Instant,
    rate: bool,
}

impl ProgressBar {
    /// Returns a bar for `total` raw bytes, if their number is known. `rate` shows bits per byte,
    /// which need coded bytes that keep pace with raw ones.
    pub fn new(visible: bool, name: &str, total: Option<u64>, rate: bool) -> Self {
        let bar = match total {
            _ if !visible => indicatif::ProgressBar::hidden(),
            Some(total) => indicatif::ProgressBar::new(total),
            None => indicatif::ProgressBar::no_length(),
        };
        let template = match total {
            Some(_) => "{prefix} : {percent:>3} %  {decimal_bytes_per_sec}  {msg}{eta} left",
            None => "{prefix} : {decimal_bytes}  {decimal_bytes_per_sec}  {msg}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_prefix(name.to_owned());
        let bar = bar.with_finish(ProgressFinish::AndClear);
        let start = Instant::now();
        ProgressBar { bar, start, next: start, rate }
    }

    /// Shows the phase of the job.
    pub fn say(&mut self, what: &'static str) {
        self.bar.set_message(what);
    }

    /// Shows the raw and coded bytes that are done.
    pub fn update(&mut self, raw: u64, coded: u64) {
        let now = Instant::now();
        if now < self.next || self.bar.is_hidden() {
            return;
        }
        self.next = now + PAUSE;
        self.bar.set_position(raw);
        if self.rate && raw > 0 {
            self.bar.set_message(format!("{:.3} bits/byte  ", bits_per_byte(raw, coded)));
        }
    }

    /// Removes the bar; returns the overall speed as text.
    pub fn finish(self, raw: u64) -> String {
        self.bar.finish_and_clear();
        let speed = raw as f64 / self.start.elapsed().as_secs_f64().max(1e-6);
        match speed {
            0.0..1e4 => format!("{speed:.0} B/s"),
            1e4..1e7 => format!("{:.0} kB/s", speed / 1e3),
            _ => format!("{:.0} MB/s", speed / 1e6),
        }
    }
}

/// Returns the bits of the archive for each raw byte.
pub fn bits_per_byte(raw: u64, coded: u64) -> f64 {
    8.0 * percent(raw, coded) / 100.0
}

/// Returns the archive's size in per cent of the raw size.
pub fn percent(raw: u64, coded: u64) -> f64 {
    if raw == 0 { 100.0 } else { 100.0 * coded as f64 / raw as f64 }
}
