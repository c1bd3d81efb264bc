//! Clocks, and the memory of this process.

use std::time::{Duration, Instant};

/// Returns how long `work` takes.
pub fn wall(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// Returns the processor time that this thread spends on `work`, which other processes do not
/// disturb; the elapsed time where there is no such clock.
pub fn thread(work: impl FnOnce()) -> Duration {
    #[cfg(target_os = "linux")]
    return by(rustix::time::ClockId::ThreadCPUTime, work);
    #[cfg(not(target_os = "linux"))]
    wall(work)
}

/// Like [`thread`], for all threads of this process together.
pub fn process(work: impl FnOnce()) -> Duration {
    #[cfg(target_os = "linux")]
    return by(rustix::time::ClockId::ProcessCPUTime, work);
    #[cfg(not(target_os = "linux"))]
    wall(work)
}

#[cfg(target_os = "linux")]
fn by(clock: rustix::time::ClockId, work: impl FnOnce()) -> Duration {
    let now = || {
        let time = rustix::time::clock_gettime(clock);
        Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
    };
    let start = now();
    work();
    now() - start
}

/// Returns the most memory that this process has held, in bytes, if the system reports it.
pub fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes << 10)
}
