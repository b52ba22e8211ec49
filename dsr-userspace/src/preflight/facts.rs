//! What is to be known of a host before its frames are balanced.

use std::{collections::BTreeSet, net::IpAddr};

pub(super) use dsr_sys::netlink::ethtool::{Offload, QueueSetting, Queues};

use crate::config::XdpMode;

/// All that is judged.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    /// CPUs that are online.
    pub(super) cpus: u32,
    /// How the configuration allows the program to be attached.
    pub(super) mode: XdpMode,
    /// The configuration's interfaces that there are.
    pub(super) interfaces: Vec<Interface>,
    /// The VIPs that the balancer announces, and the way that this host itself would go to each.
    pub(super) vips: Vec<Routed>,
    /// Every VIP, with the link that this host's route to it leaves by; nothing where it has no route.
    pub(super) routes_to_vips: Vec<(IpAddr, Option<String>)>,
    /// Every backend, with the way to it; nothing where there is none.
    pub(super) backends: Vec<(IpAddr, Option<Routed>)>,
    /// Those that a router may lead to.
    pub(super) routed: BTreeSet<IpAddr>,
    /// The links that this host reaches backends by, and hears them on.
    pub(super) toward_backends: Vec<Listening>,
}

/// One of the configuration's interfaces, or a port of one that is a bond.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Interface {
    /// Its name.
    pub(super) name: String,
    /// What it is.
    pub(super) device: Device,
    /// Its driver, or its kind where it is no device of a bus.
    pub(super) driver: Option<String>,
    /// What its driver can do for XDP; nothing where the kernel does not tell (before 6.3).
    pub(super) xdp: Option<XdpFeatures>,
    /// Its offloads that are on, as ethtool names them.
    pub(super) offloads: Vec<Offload>,
    /// Its receive queues; nothing where it has no setting for them.
    pub(super) queues: Option<Queues>,
    /// Its MTU in bytes.
    pub(super) mtu: u32,
    /// Whether it carries frames.
    pub(super) state: LinkState,
    /// Whether it takes frames to any MAC, because somebody wants so.
    pub(super) promiscuous: bool,
    /// Whether it takes frames to any MAC, also because a bridge or a capture needs that.
    pub(super) takes_all: bool,
    /// The XDP program that is attached to it.
    pub(super) program: Option<Program>,
    /// What VLANs are expected on it.
    pub(super) vlans: Vlans,
    /// Its other end, where it is a virtual cable.
    pub(super) peer: Peer,
    /// That end again, where it is in this network namespace.
    pub(super) local_peer: Option<LocalPeer>,
}

/// Why frames with VLAN tags are expected on an interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Vlans {
    /// The VLAN sub-interfaces on it that VIPs or backends are reached by, and one tagged VLAN of a VIP's list.
    pub(super) used: Vec<String>,
    /// The other VLAN sub-interfaces on it.
    pub(super) idle: Vec<String>,
    /// Whether a VIP has a list of VLANs, be it of `untagged` only.
    pub(super) listed: bool,
}

/// The other end of a veth, in the same network namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LocalPeer {
    /// Its name.
    pub(super) name: String,
    /// Whether it writes tags into the frames that it sends, where XDP sees them.
    pub(super) writes_tags: bool,
}

/// The other end of a veth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Peer {
    /// It runs an XDP program.
    RunsProgram,
    /// It runs none.
    RunsNone,
    /// It may not be looked at, or is none.
    Unknown,
}

/// What an interface is, where that matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Device {
    /// A network card, or anything else.
    Other,
    /// One end of a virtual cable.
    Veth,
    /// A bridge, with the names of its ports.
    Bridge(Vec<String>),
    /// A bond.
    Bond(Bond),
    /// A VLAN sub-interface, with the name of what it stands on where that is here.
    Vlan(Option<String>),
}

/// A bond: it hands the program to its ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bond {
    /// The setting with which it has no native XDP, if it has one of those.
    pub(super) unable: Option<String>,
    /// What it consists of.
    pub(super) ports: Vec<Interface>,
}

/// What a driver says of itself (`enum netdev_xdp_act`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct XdpFeatures(pub(super) u64);

impl XdpFeatures {
    /// `NETDEV_XDP_ACT_BASIC`: pass, drop and send back.
    pub(super) const BASIC: u64 = 1;
    /// `NETDEV_XDP_ACT_NDO_XMIT`: takes frames that a program sends to it.
    pub(super) const SENDS: u64 = 4;
    /// `NETDEV_XDP_ACT_RX_SG`: frames in several buffers.
    pub(super) const FRAGMENTS: u64 = 32;

    /// Whether it has a feature.
    pub(super) const fn has(self, feature: u64) -> bool {
        self.0 & feature != 0
    }
}

/// Whether a link carries frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LinkState {
    /// It is administratively down.
    Down,
    /// It is up, but nothing is at the other end.
    NoCarrier,
    /// It does.
    Up,
}

/// An XDP program that is attached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Program {
    /// The kernel's number for it.
    pub(super) id: u32,
    /// How it is attached.
    pub(super) mode: ProgramMode,
    /// Its name, where it may be asked for.
    pub(super) name: Option<String>,
    /// The link (`bpf_link`) that holds it, if one does.
    pub(super) link: Option<u32>,
}

/// How an XDP program is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ProgramMode {
    /// By the driver.
    Native,
    /// By the kernel's network stack.
    Generic,
    /// On the card itself.
    Offloaded,
}

/// An address and the way to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Routed {
    /// The address.
    pub(super) address: IpAddr,
    /// The link that the route leaves by.
    pub(super) by: String,
    /// Whether it is on that link's segment.
    pub(super) hops: Hops,
    /// Whether frames by that link leave by one of the configuration's interfaces.
    pub(super) ours: bool,
}

/// How far an address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hops {
    /// On the same segment.
    None,
    /// Behind a router.
    Router,
}

/// A link that backends are heard on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listening {
    /// Its name.
    pub(super) name: String,
    /// Which IPv4 packets are dropped there by their source.
    pub(super) filter: SourceFilter,
}

/// The setting `rp_filter` as it applies to an interface (RFC 3704).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SourceFilter {
    /// Packets pass whatever their source.
    Off,
    /// Packets are dropped whose source is not routed by this interface.
    Strict,
    /// Packets are dropped whose source is not routed at all (`__fib_validate_source`).
    Loose,
}
