//! One host that has the addresses of many backends.

use std::{fmt::Write as _, fs, net::Ipv4Addr};

use anyhow::{Context as _, ensure};
use dsr_lab::{Lab, net::write_sysctl};

use super::process::finish;

/// The address of backend `number` of the crowd, counted from zero.
#[must_use]
pub fn address(number: u32) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(Ipv4Addr::new(10, 77, 100, 1)) + number)
}

/// Gives the lab's first backend the addresses of so many, and the balancer's kernel room for as many neighbours.
pub fn gather(lab: &Lab, backends: u32) -> anyhow::Result<()> {
    let mut batch = String::new();
    for number in 0..backends {
        writeln!(batch, "address add {}/32 dev eth0", address(number))?;
    }
    let file = lab.directory().join("addresses");
    fs::write(&file, batch)?;
    let host = lab.backend(1).context("the lab has a backend")?;
    let mut command = host.command("ip")?;
    let output = finish(command.arg("-batch").arg(&file));
    ensure!(output.status.success(), "{output:?}");
    for key in ["gc_thresh1", "gc_thresh2", "gc_thresh3"] {
        let _ = lab.balancer().run(|| write_sysctl(&format!("ipv4/neigh/default/{key}"), NEIGHBOURS));
    }
    Ok(())
}

const NEIGHBOURS: &str = "16384";
