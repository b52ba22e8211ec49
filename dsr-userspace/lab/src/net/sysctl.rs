//! Settings of the calling thread's network namespace: `/proc/sys/net` shows each thread its own.

use std::fs;

use crate::error::{Doing, Result};

/// Sets `net.<key>`, with slashes for dots: `ipv4/conf/all/arp_ignore`.
pub fn write(key: &str, value: &str) -> Result<()> {
    let path = format!("/proc/sys/net/{key}");
    fs::write(&path, value).doing(|| format!("write {value:?} to {path}"))
}
