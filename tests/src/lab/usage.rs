//! What a process uses, as proc(5) has it.

use std::{fs, time::Instant};

use anyhow::Context as _;

/// The CPU time of a process at one moment.
#[derive(Clone, Copy, Debug)]
pub struct CpuTime {
    user: u64,
    system: u64,
    taken: Instant,
}

/// Shares of one CPU, in percent.
#[derive(Clone, Copy, Debug)]
pub struct CpuShare {
    /// In user mode.
    pub user: f64,
    /// In system mode.
    pub system: f64,
}

impl CpuTime {
    /// That of a process now.
    pub fn of(pid: u32) -> anyhow::Result<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let (_, fields) = stat.rsplit_once(')').context("the name of a process is in parentheses")?;
        let mut fields = fields.split_whitespace().skip(11);
        let mut next = || fields.next().and_then(|field| field.parse().ok()).context("no CPU times");
        Ok(Self { user: next()?, system: next()?, taken: Instant::now() })
    }

    /// In user and system mode together, in seconds.
    pub fn seconds(self) -> f64 {
        (self.user + self.system) as f64 / TICKS_PER_SECOND
    }

    /// What the same process used between then and now.
    #[must_use]
    pub fn share_until(self, later: Self) -> CpuShare {
        let seconds = later.taken.duration_since(self.taken).as_secs_f64();
        let percent = |ticks: u64| ticks as f64 / TICKS_PER_SECOND / seconds * 100.0;
        CpuShare { user: percent(later.user - self.user), system: percent(later.system - self.system) }
    }
}

/// Bytes of memory that a process has resident.
pub fn resident_bytes(pid: u32) -> anyhow::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kibibytes: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kibibytes * 1024)
}

/// `USER_HZ`, the same on every architecture that Linux has for user space to see.
const TICKS_PER_SECOND: f64 = 100.0;
