//! The progress bar, and the figures of the summary.

use std::time::{Duration, Instant};

use clap::Args;
use indicatif::{HumanDuration, ProgressFinish, ProgressStyle};

use super::exit::say;

/// Time between two updates of the bar.
const PAUSE: Duration = Duration::from_millis(100);
/// Time between two lines of progress.
const LINE_PAUSE: Duration = Duration::from_secs(10);

/// The flags about progress.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct ProgressOptions {
    /// Show progress with -q too, and a line every 10 seconds where standard error is no terminal
    #[arg(long, overrides_with = "no_progress")]
    progress: bool,
    /// Show no progress
    #[arg(long, overrides_with = "progress")]
    no_progress: bool,
}

/// Where progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Show {
    Nowhere,
    /// On stderr, if that is a terminal.
    OnTerminal,
    /// On stderr; in lines if that is no terminal.
    Everywhere,
}

impl ProgressOptions {
    /// Returns where progress is shown with so many -q.
    pub fn show(self, quiet: u8) -> Show {
        match quiet {
            0 | 1 if self.progress => Show::Everywhere,
            0 if !self.no_progress => Show::OnTerminal,
            _ => Show::Nowhere,
        }
    }
}

/// A bar, or lines, on stderr.
pub struct ProgressBar {
    bar: indicatif::ProgressBar,
    name: String,
    start: Instant,
    next: Instant,
    rate: bool,
    /// True to print lines in place of the bar.
    lines: bool,
}

impl ProgressBar {
    /// Returns a bar for `total` raw bytes, if their number is known. `rate` adds bits per byte,
    /// which need coded bytes that keep pace with raw ones.
    pub fn new(show: Show, name: &str, total: Option<u64>, rate: bool) -> Self {
        let bar = match total {
            _ if show == Show::Nowhere => indicatif::ProgressBar::hidden(),
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
        let lines = show == Show::Everywhere && bar.is_hidden();
        let start = Instant::now();
        ProgressBar { bar, name: name.to_owned(), start, next: start, rate, lines }
    }

    /// Shows the phase of the job.
    pub fn say(&mut self, what: &'static str) {
        self.bar.set_message(what);
    }

    /// Shows the raw and coded bytes that are done.
    pub fn update(&mut self, raw: u64, coded: u64) {
        let now = Instant::now();
        if now < self.next || (self.bar.is_hidden() && !self.lines) {
            return;
        }
        self.bar.set_position(raw);
        if self.lines {
            self.next = now + LINE_PAUSE;
            self.print_line(raw);
            return;
        }
        self.next = now + PAUSE;
        if self.rate && raw > 0 {
            self.bar.set_message(format!("{:.3} bits/byte  ", bits_per_byte(raw, coded)));
        }
    }

    fn print_line(&self, raw: u64) {
        let (name, speed) = (&self.name, self.speed(raw));
        match self.bar.length() {
            Some(total) => {
                let left = self.start.elapsed().mul_f64((total.saturating_sub(raw)) as f64 / raw.max(1) as f64);
                let percent = percent(total, raw.min(total));
                say(format_args!("{name} : {percent:.0} %  {speed}  {} left", HumanDuration(left)));
            }
            None => say(format_args!("{name} : {raw} bytes  {speed}")),
        }
    }

    /// Removes the bar; returns the overall speed as text.
    pub fn finish(self, raw: u64) -> String {
        self.bar.finish_and_clear();
        self.speed(raw)
    }

    fn speed(&self, raw: u64) -> String {
        let speed = raw as f64 / self.start.elapsed().as_secs_f64().max(1e-6);
        match speed {
            0.0..1e4 => format!("{speed:.0} B/s"),
            1e4..1e7 => format!("{:.0} kB/s", speed / 1e3),
            _ => format!("{:.0} MB/s", speed / 1e6),
        }
    }
}

/// A sign on stderr that something goes on, visible only if that is a terminal, until it is dropped.
pub struct Spinner(indicatif::ProgressBar);

impl Spinner {
    /// Shows `what` goes on, and for how long.
    pub fn new(what: String) -> Self {
        let spinner = indicatif::ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}  {elapsed}") {
            spinner.set_style(style);
        }
        spinner.set_message(what);
        spinner.enable_steady_tick(PAUSE);
        Spinner(spinner)
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        self.0.finish_and_clear();
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
