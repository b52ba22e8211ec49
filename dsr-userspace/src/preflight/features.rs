//! What a driver says of its XDP, by the family `netdev` of generic netlink (kernel 6.3 and later).

use std::io;

use dsr_sys::netlink::generic::{Command, Generic, attribute, find};

use super::facts::XdpFeatures;

/// Asks for an interface.
pub(super) fn features(generic: &Generic, ifindex: u32) -> io::Result<XdpFeatures> {
    let command = Command { family: generic.family("netdev")?, number: DEV_GET };
    let answer = generic.ask(command, &attribute(DEV_IFINDEX, &ifindex.to_ne_bytes()))?;
    let value = find(&answer, DEV_XDP_FEATURES).and_then(|value| value.try_into().ok());
    value.map(|value| XdpFeatures(u64::from_ne_bytes(value))).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

// `linux/netdev.h`
const DEV_GET: u8 = 1;
const DEV_IFINDEX: u16 = 1;
const DEV_XDP_FEATURES: u16 = 3;
