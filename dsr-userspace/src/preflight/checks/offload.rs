//! Offloads that XDP cannot be with: those that make one frame of several, and those that take tags away.

use super::finding;
use crate::preflight::{
    Finding, Severity, drivers,
    facts::{Device, Interface, Offload},
};

/// What is found of one interface.
pub(super) fn findings(interface: &Interface) -> Vec<Finding> {
    let mut found: Vec<_> = [merging(interface), fixed_merging(interface)].into_iter().flatten().collect();
    if interface.device == Device::Veth {
        found.extend(veth_tags(interface));
    } else {
        found.extend(
            [("rx-vlan-hw-parse", "rxvlan"), ("rx-vlan-stag-hw-parse", "rx-vlan-stag-hw-parse")]
                .into_iter()
                .filter_map(|(kernel, ethtool)| hidden_tags(interface, kernel, ethtool)),
        );
    }
    found
}

/// Frames of one flow that the card makes one of are no frames that were on the wire. Drivers refuse the program (LRO:
/// mlx5), or switch the offload off themselves.
fn merging(interface: &Interface) -> Option<Finding> {
    if drivers::yields_to_xdp(interface.driver.as_deref()) {
        return None;
    }
    let (lro, gro) = (on(interface, LRO), on(interface, GRO_HW));
    let off = |offload: Option<&Offload>, word| offload.filter(|offload| !offload.fixed).map(|_| word);
    let words: Vec<_> = [off(lro, "lro off"), off(gro, "rx-gro-hw off")].into_iter().flatten().collect();
    if words.is_empty() {
        return None;
    }
    let (severity, what) = match off(lro, LRO) {
        Some(_) => (Severity::Error, "it merges frames (LRO), and drivers refuse XDP with that"),
        None => (Severity::Warning, "it merges frames (hardware GRO), and some drivers refuse XDP with that"),
    };
    Some(finding(severity, &interface.name, what, format!("ethtool -K {} {}", interface.name, words.join(" "))))
}

/// virtio-net without the means to switch its offloads refuses XDP (`virtnet_xdp_set`).
fn fixed_merging(interface: &Interface) -> Option<Finding> {
    let fixed = [LRO, GRO_HW].into_iter().filter_map(|name| on(interface, name)).any(|offload| offload.fixed);
    if !fixed || interface.driver.as_deref() != Some(drivers::VIRTIO) {
        return None;
    }
    let what = "the hypervisor merges frames, which cannot be disabled from here, and virtio_net refuses XDP with that";
    let remedy = "give the device `guest_csum=off,guest_tso4=off,guest_tso6=off,guest_ecn=off,guest_ufo=off` in QEMU, \
                  or the equivalent in another hypervisor";
    Some(finding(Severity::Error, &interface.name, what, remedy))
}

/// A tag that the card has taken off is not in the frame that the program sees.
fn hidden_tags(interface: &Interface, kernel: &str, ethtool: &str) -> Option<Finding> {
    let offload = on(interface, kernel)?;
    let vlan = interface.vlans.first()?;
    let name = &interface.name;
    let what = format!("it hides VLAN tags from XDP ({kernel}), and {vlan} is on it: replies would leave untagged");
    let remedy = if offload.fixed {
        format!("its driver cannot disable that: reach VIPs and backends without {vlan}, or use another network card")
    } else {
        format!("ethtool -K {name} {ethtool} off")
    };
    Some(finding(Severity::Error, name, what, remedy))
}

/// Between veth ends, a tag travels beside the frame unless the sender writes it.
fn veth_tags(interface: &Interface) -> Option<Finding> {
    let vlan = interface.vlans.first()?;
    let what = format!("its veth peer may hand over VLAN tags beside the frame, hidden from XDP, and {vlan} is on it");
    let remedy = "ethtool -K PEER txvlan off, where PEER is the other end";
    Some(finding(Severity::Warning, &interface.name, what, remedy))
}

fn on<'a>(interface: &'a Interface, name: &str) -> Option<&'a Offload> {
    interface.offloads.iter().find(|offload| offload.name == name)
}

const LRO: &str = "rx-lro";
const GRO_HW: &str = "rx-gro-hw";
