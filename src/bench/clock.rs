//! Clocks, and what the system says of this process.

use std::time::{Duration, Instant};

/// How long `work` takes.
pub fn wall(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// How long this thread's processor works on `work`: other processes do not
/// count. Where no such clock is, the time that passes.
pub fn thread(work: impl FnOnce()) -> Duration {
    #[cfg(target_os = "linux")]
    {
        let now = || {
            let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
            Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
        };
        let start = now();
        work();
        now() - start
    }
    #[cfg(not(target_os = "linux"))]
    wall(work)
}

/// Most memory that this process has held, bytes; nothing where the system does not tell.
pub fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes << 10)
}
