//! What the operating system says of this process.

/// Memory, files and time of this process; what the system does not tell is absent.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Process {
    /// Resident memory in bytes.
    pub(super) resident_bytes: Option<u64>,
    /// Open file descriptors.
    pub(super) open_fds: Option<u64>,
    /// How many there may be.
    pub(super) max_fds: Option<u64>,
    /// Threads.
    pub(super) threads: Option<u64>,
    /// Processor time used since the start, in seconds.
    pub(super) cpu_seconds: Option<f64>,
}

#[cfg(target_os = "linux")]
pub(super) fn look() -> Process {
    use procfs::{WithCurrentSystemInfo as _, process::LimitValue};
    let Ok(own) = procfs::process::Process::myself() else { return Process::default() };
    let stat = own.stat().ok();
    let max_fds = own.limits().ok().and_then(|limits| match limits.max_open_files.soft_limit {
        LimitValue::Value(max) => Some(max),
        LimitValue::Unlimited => None,
    });
    #[expect(clippy::cast_precision_loss, reason = "ticks of a hundredth of a second")]
    let seconds = |ticks: u64| ticks as f64 / procfs::ticks_per_second() as f64;
    Process {
        resident_bytes: stat.as_ref().map(|stat| stat.rss_bytes().get()),
        open_fds: own.fd_count().ok().and_then(|count| u64::try_from(count).ok()),
        max_fds,
        threads: stat.as_ref().and_then(|stat| u64::try_from(stat.num_threads).ok()),
        cpu_seconds: stat.as_ref().map(|stat| seconds(stat.utime + stat.stime)),
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn look() -> Process {
    Process::default()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_threads_and_files() {
        let process = look();
        assert!(process.resident_bytes.is_some_and(|bytes| bytes > 1 << 20), "{process:?}");
        assert!(process.open_fds.is_some_and(|count| count > 2), "{process:?}");
        assert!(process.threads.is_some_and(|count| count > 0), "{process:?}");
        assert!(process.cpu_seconds.is_some(), "{process:?}");
    }
}
