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
        found.extend(TAGS.iter().filter_map(|tags| hidden_tags(interface, tags)));
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
fn hidden_tags(interface: &Interface, tags: &Tags) -> Option<Finding> {
    let offload = on(interface, tags.kernel)?;
    let name = &interface.name;
    let hides = format!("it hides VLAN tags from XDP ({})", tags.kernel);
    let (severity, what, instead) = if let Some(vlan) = interface.vlans.used.first() {
        let lists = if interface.vlans.listed { ", and `vlans` has no effect" } else { "" };
        let what = format!("{hides}, and {vlan} is on it: replies would leave untagged{lists}");
        (Severity::Error, what, format!("reach VIPs and backends without {vlan}"))
    } else {
        let consequence = consequence(interface).or_else(|| unfiltered(interface, tags))?;
        let instead = "configure its switch port to carry untagged frames only".to_owned();
        (Severity::Warning, format!("{hides}{consequence}"), instead)
    };
    let remedy = if offload.fixed {
        format!("its driver cannot disable that: {instead}, or use another network card")
    } else {
        format!("ethtool -K {name} {} off", tags.ethtool)
    };
    Some(finding(severity, name, what, remedy))
}

/// What hidden tags do where the configuration or this host tells that tagged frames may arrive.
fn consequence(interface: &Interface) -> Option<String> {
    if interface.vlans.listed {
        return Some(", so `vlans` has no effect, and VIPs are taken in every VLAN".to_owned());
    }
    let vlan = interface.vlans.idle.first()?;
    Some(format!(", and {vlan} is on it: VIPs are taken in every VLAN, and replies leave untagged"))
}

/// A card drops the frames of VLANs without a sub-interface, unless its filter is off, as drivers do for promiscuity.
fn unfiltered(interface: &Interface, tags: &Tags) -> Option<String> {
    let why = if on(interface, tags.filter).is_none() {
        format!("{} is off", tags.filter)
    } else if interface.promiscuous || interface.takes_all {
        "it is promiscuous".to_owned()
    } else {
        return None;
    };
    Some(format!(", and does not filter VLANs ({why}): VIPs are taken in every VLAN"))
}

/// Between veth ends, a tag travels beside the frame unless the sender writes it.
fn veth_tags(interface: &Interface) -> Option<Finding> {
    let peer = interface.local_peer.as_ref();
    if peer.is_some_and(|peer| peer.writes_tags) {
        return None;
    }
    let used = interface.vlans.used.first().map(|vlan| format!(", and {vlan} is on it"));
    let consequence = consequence(interface).or(used)?;
    let what = format!("its veth peer may hand over VLAN tags beside the frame, hidden from XDP{consequence}");
    let remedy = match peer {
        Some(peer) => format!("ethtool -K {} txvlan off", peer.name),
        None => "ethtool -K PEER txvlan off, where PEER is the other end".to_owned(),
    };
    Some(finding(Severity::Warning, &interface.name, what, remedy))
}

/// The offloads of one kind of tag.
struct Tags {
    /// That which takes tags off, as the kernel names it.
    kernel: &'static str,
    /// The same, as ethtool takes it.
    ethtool: &'static str,
    /// That which drops frames of unknown VLANs.
    filter: &'static str,
}

const TAGS: [Tags; 2] = [
    Tags { kernel: "rx-vlan-hw-parse", ethtool: "rxvlan", filter: "rx-vlan-filter" },
    Tags { kernel: "rx-vlan-stag-hw-parse", ethtool: "rx-vlan-stag-hw-parse", filter: "rx-vlan-stag-filter" },
];

fn on<'a>(interface: &'a Interface, name: &str) -> Option<&'a Offload> {
    interface.offloads.iter().find(|offload| offload.name == name)
}

const LRO: &str = "rx-lro";
const GRO_HW: &str = "rx-gro-hw";
