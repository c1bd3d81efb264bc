//! Signals that end the process: no temporary file is left behind, and a job with a checkpoint saves
//! its state.

use std::sync::atomic::{AtomicBool, Ordering};

use super::exit::say;
use super::files::remove_temporary_files;

/// True if the job itself checks for a signal and ends.
static DEFERRED: AtomicBool = AtomicBool::new(false);
/// True once a signal has asked the job to end.
static STOP: AtomicBool = AtomicBool::new(false);

/// Leaves the first signal to the job, which asks [`stopping`]; or no longer.
pub fn defer(deferred: bool) {
    DEFERRED.store(deferred, Ordering::SeqCst);
}

/// True if a signal to end has come.
pub fn stopping() -> bool {
    STOP.load(Ordering::SeqCst)
}

/// True if a signal is left to the job, which will end. The limit of processor time signals again and
/// again, and then kills; that must not look like a second wish to end.
fn is_for_the_job(repeats: bool) -> bool {
    let first = DEFERRED.load(Ordering::SeqCst) && !STOP.swap(true, Ordering::SeqCst);
    if first {
        say("lockstep: saving the state (a second signal ends without)");
    }
    first || (repeats && DEFERRED.load(Ordering::SeqCst))
}

/// Handles all signals that end a process by default and that it does not ignore.
#[cfg(target_os = "linux")]
pub fn watch() {
    use signal_hook::consts::*;
    use signal_hook::iterator::Signals;
    const ENDING: [i32; 13] = [
        SIGHUP,
        SIGINT,
        SIGQUIT,
        SIGTERM,
        SIGXCPU,
        SIGXFSZ,
        SIGUSR1,
        SIGUSR2,
        SIGALRM,
        SIGVTALRM,
        SIGPROF,
        SIGIO,
        POWER_FAILURE,
    ];
    /// SIGPWR, which has this number on all processors but MIPS and SPARC.
    const POWER_FAILURE: i32 = 30;
    let ignored = ignored();
    let handled = ENDING.into_iter().filter(|signal| ignored >> (signal - 1) & 1 == 0);
    if let Ok(signals) = Signals::new(handled) {
        std::thread::spawn(move || end_by(signals));
    }
}

/// The signals that were ignored when the process started, as under nohup; bit 0 is signal 1.
#[cfg(target_os = "linux")]
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

/// Handles all signals that end a process by default. Which ones are ignored can't be asked here: if
/// that is so for one of the first three, only the second is handled.
#[cfg(all(unix, not(target_os = "linux")))]
pub fn watch() {
    use signal_hook::consts::*;
    use signal_hook::iterator::Signals;
    let others = [SIGQUIT, SIGXCPU, SIGXFSZ, SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF];
    let handled = match ctrlc::try_set_handler(end) {
        Ok(()) => others.to_vec(), // and SIGINT, SIGTERM, SIGHUP
        Err(_) => [&others[..], &[SIGTERM]].concat(),
    };
    if let Ok(signals) = Signals::new(handled) {
        std::thread::spawn(move || end_by(signals));
    }
}

/// Handles Ctrl-C, Ctrl-Break and the end of the session.
#[cfg(not(unix))]
pub fn watch() {
    let _ = ctrlc::try_set_handler(end);
}

/// Ends the process by the first signal that is not left to the job, so that its parent sees which.
#[cfg(unix)]
fn end_by(mut signals: signal_hook::iterator::Signals) {
    for signal in signals.forever() {
        if !is_for_the_job(signal == signal_hook::consts::SIGXCPU) {
            remove_temporary_files();
            let _ = signal_hook::low_level::emulate_default_handler(signal);
            std::process::exit(super::exit::Exit::Environment as i32);
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn end() {
    if !is_for_the_job(false) {
        remove_temporary_files();
        std::process::exit(super::exit::Exit::Environment as i32);
    }
}
