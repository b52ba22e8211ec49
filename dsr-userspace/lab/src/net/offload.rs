//! Offloads of an interface, in the calling thread's network namespace.

use std::io;

use dsr_sys::netlink::{
    ethtool::{Ethtool, Switch},
    generic::Generic,
};

use super::link;
use crate::error::{Doing, Result};

/// Lets an interface send frames only as they would be on a wire: checksum filled in, no longer than the MTU.
///
/// XDP at the other end of a veth pair sees a frame as the sender left it, with an unfinished checksum.
pub fn disable_sender_offloads(interface: &str) -> Result<()> {
    let kinds = ["tx-generic-segmentation", "tx-scatter-gather", "tx-checksum", "tx-tcp"];
    disable(interface, |name| kinds.iter().any(|kind| name.starts_with(kind)))
}

/// Lets an interface send VLAN tags in the frames, as they are on a wire.
///
/// Otherwise the other end of a veth pair gets the tag beside the frame, where XDP does not see it.
pub fn disable_tag_offload(interface: &str) -> Result<()> {
    disable(interface, |name| name == "tx-vlan-hw-insert")
}

/// Switches off those that are on and can be switched off.
fn disable(interface: &str, unwanted: impl Fn(&str) -> bool) -> Result<()> {
    let index = link::index(interface)?;
    switch_off(index, unwanted).doing(|| format!("switch off offloads of {interface}"))
}

fn switch_off(index: u32, unwanted: impl Fn(&str) -> bool) -> io::Result<()> {
    let generic = Generic::open()?;
    let ethtool = Ethtool::new(&generic)?;
    let on = ethtool.offloads(index)?;
    let names: Vec<_> = on.iter().filter(|on| !on.fixed && unwanted(&on.name)).map(|on| on.name.as_str()).collect();
    if names.is_empty() { Ok(()) } else { ethtool.set_offloads(index, &names, Switch::Off) }
}
