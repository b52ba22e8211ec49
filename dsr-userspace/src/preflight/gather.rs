//! Facts of this host: links and routes by rtnetlink, drivers by generic netlink, the rest from /proc and /sys.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    net::IpAddr,
    path::PathBuf,
};

use dsr_common::vlan::Vlan;
use dsr_sys::netlink::{Connection, ethtool::Ethtool, generic::Generic};
use futures_util::{StreamExt, TryStreamExt};
use netlink_packet_route::{
    link::{InfoKind, LinkAttribute},
    route::{RouteAttribute, RouteFlags},
};

use rtnetlink::packet_core::DefaultNla;

use super::{
    facts::{Bond, Device, Facts, Hops, Interface, Listening, LocalPeer, Peer, Program, Routed, SourceFilter, Vlans},
    features,
    links::{self, Link, Links},
};
use crate::{config::Config, datapath};

/// Why nothing could be gathered.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// No socket.
    #[error("cannot open a netlink socket: {0}")]
    Socket(#[from] io::Error),
    /// The kernel refused to list the links.
    #[error("the kernel does not list its links: {0}")]
    List(#[from] rtnetlink::Error),
}

/// Gathers what is to be known for a configuration.
pub(super) async fn gather(config: &Config) -> Result<Facts, Error> {
    ask(&Connection::open()?, config).await
}

/// A route: the link that it leaves by, and how far.
type Way = (u32, Hops);

async fn ask(connection: &Connection, config: &Config) -> Result<Facts, Error> {
    let (handle, mut links) = (connection.handle(), Links::default());
    let mut messages = handle.link().get().execute();
    while let Some(message) = messages.try_next().await? {
        links.learn(&message);
    }
    let names = config.interfaces();
    ask_peers(handle, &mut links, &names).await;
    let announced: BTreeSet<_> = config.desired.announced_vips().collect();
    let backends = config.desired.backend_addresses();
    let mut ways: BTreeMap<IpAddr, Way> = BTreeMap::new();
    for address in config.vips().chain(backends.iter().copied()) {
        ways.extend(way(connection, address).await.map(|way| (address, way)));
    }
    let host = Host { vlans: vlans(config), links: &links, ways: &ways, generic: Generic::open()? };
    let ours = |index| names.iter().filter_map(|name| links.named(name)).any(|(own, _)| links.stands_on(index, own));
    let routed = |address: &IpAddr| {
        let (index, hops) = *ways.get(address)?;
        Some(Routed { address: *address, by: links.name(index)?.to_owned(), hops, ours: ours(index) })
    };
    let toward: BTreeSet<_> = backends.iter().filter_map(|address| ways.get(address)).map(|way| way.0).collect();
    let listening = toward.into_iter().filter(|index| ours(*index)).filter_map(|index| links.name(index));
    let by = |address| ways.get(&address).and_then(|way| links.name(way.0)).map(str::to_owned);
    Ok(Facts {
        cpus: fs::read_to_string("/sys/devices/system/cpu/online").map_or(1, |ranges| counted(&ranges)),
        mode: config.xdp_mode,
        interfaces: names.iter().filter_map(|name| Some(host.interface(links.named(name)?))).collect(),
        vips: announced.iter().filter_map(routed).collect(),
        routes_to_vips: config.vips().map(|address| (address, by(address))).collect(),
        routed: config.desired.destinations().only_routed(),
        backends: backends.iter().map(|address| (*address, routed(address))).collect(),
        toward_backends: listening
            .map(|name| Listening { name: name.to_owned(), filter: source_filter(name) })
            .collect(),
    })
}

/// What holds of all interfaces.
struct Host<'a> {
    /// What VLANs the configuration names.
    vlans: Vlans,
    links: &'a Links,
    ways: &'a BTreeMap<IpAddr, Way>,
    generic: Generic,
}

impl Host<'_> {
    fn interface(&self, (index, link): (u32, &Link)) -> Interface {
        let ethtool = Ethtool::new(&self.generic).ok();
        Interface {
            name: link.name.clone(),
            device: device(index, link, self.links, &|port| self.interface(port)),
            driver: driver(link).or_else(|| link.kind.as_ref().map(ToString::to_string)),
            xdp: features::features(&self.generic, index).ok(),
            offloads: ethtool.as_ref().and_then(|ethtool| ethtool.offloads(index).ok()).unwrap_or_default(),
            queues: ethtool.as_ref().and_then(|ethtool| ethtool.queues(index).ok().flatten()),
            mtu: link.mtu,
            state: link.state,
            promiscuous: link.promiscuous,
            takes_all: link.takes_all,
            program: link.program.and_then(|(id, mode)| {
                let holder = datapath::Holder::of(id);
                let program = Program { id, mode, name: holder.name, link: holder.link };
                (!holder.ours).then_some(program)
            }),
            vlans: self.vlans_on(index),
            peer: link.peer,
            local_peer: ethtool.and_then(|ethtool| local_peer(link, self.links, &ethtool)),
        }
    }

    /// Those of the configuration, and the VLAN sub-interfaces on an interface.
    fn vlans_on(&self, index: u32) -> Vlans {
        let links = self.links;
        let above = links.0.iter().filter(|(above, link)| {
            link.kind == Some(InfoKind::Vlan) && **above != index && links.stands_on(**above, index)
        });
        let used = |vlan: u32| self.ways.values().any(|(oif, _)| links.stands_on(*oif, vlan));
        let (used, idle): (Vec<_>, Vec<_>) = above.partition(|(above, _)| used(**above));
        let names = |vlans: &[(&u32, &Link)]| vlans.iter().map(|(_, link)| link.name.clone()).collect::<Vec<_>>();
        let own = self.vlans.clone();
        Vlans { used: names(&used).into_iter().chain(own.used).collect(), idle: names(&idle), listed: own.listed }
    }
}

/// What VLANs VIPs list: a card that hides tags hides those too that no sub-interface is in.
fn vlans(config: &Config) -> Vlans {
    let lists = config.desired.vlan_lists();
    let tagged = lists.values().copied().flatten().find(|vlan| **vlan != Vlan::UNTAGGED);
    let used = tagged.map(|vlan| format!("VLAN {vlan} of `vlans`")).into_iter().collect();
    Vlans { used, idle: Vec::new(), listed: !lists.is_empty() }
}

/// The other end of a veth, with the way that it hands tags over.
fn local_peer(link: &Link, links: &Links, ethtool: &Ethtool<'_>) -> Option<LocalPeer> {
    let index = link.parent.filter(|_| link.kind == Some(InfoKind::Veth) && link.parent_namespace.is_none())?;
    let offloads = ethtool.offloads(index).ok()?;
    let writes_tags = offloads.iter().all(|offload| offload.name != "tx-vlan-hw-insert");
    Some(LocalPeer { name: links.name(index)?.to_owned(), writes_tags })
}

/// Looks at the other end of each veth among these interfaces and the ports of those that are bonds.
async fn ask_peers(handle: &rtnetlink::Handle, links: &mut Links, names: &[String]) {
    let is_named = |index: u32| links.name(index).is_some_and(|name| names.iter().any(|other| other == name));
    let wanted = |index: u32, link: &Link| is_named(index) || link.controller.is_some_and(is_named);
    let veths = links.0.iter().filter(|(_, link)| link.kind == Some(InfoKind::Veth));
    let veths: Vec<_> = veths.filter(|(index, link)| wanted(**index, link)).map(|(index, _)| *index).collect();
    for index in veths {
        if let Some(link) = links.0.get_mut(&index) {
            link.peer = peer(handle, link).await.unwrap_or(Peer::Unknown);
        }
    }
}

/// The other end of a veth; nothing where it may not be looked at, in another namespace without `CAP_NET_ADMIN`.
async fn peer(handle: &rtnetlink::Handle, link: &Link) -> Option<Peer> {
    let mut request = handle.link().get().match_index(link.parent?);
    if let Some(namespace) = link.parent_namespace {
        let attribute = DefaultNla::new(IFLA_TARGET_NETNSID, namespace.to_ne_bytes().to_vec());
        request.message_mut().attributes.push(LinkAttribute::Other(attribute));
    }
    let answer = request.execute().boxed().try_next().await.ok()??;
    Some(if links::link(&answer)?.program.is_some() { Peer::RunsProgram } else { Peer::RunsNone })
}

/// Names the network namespace that a question is about (`linux/if_link.h`).
const IFLA_TARGET_NETNSID: u16 = 46;

/// `port` gathers what a bond's port is.
fn device(index: u32, link: &Link, links: &Links, port: &dyn Fn((u32, &Link)) -> Interface) -> Device {
    match link.kind {
        Some(InfoKind::Bond) => {
            Device::Bond(Bond { unable: link.bonding.clone(), ports: links.parts(index).map(port).collect() })
        }
        Some(InfoKind::Veth) => Device::Veth,
        Some(InfoKind::Bridge) => Device::Bridge(links.parts(index).map(|(_, port)| port.name.clone()).collect()),
        Some(InfoKind::Vlan) => Device::Vlan(link.parent.and_then(|parent| links.name(parent)).map(str::to_owned)),
        _ => Device::Other,
    }
}

/// By the bus, because /sys/class/net shows the network namespace that it was mounted in, which need not be this one.
fn driver(link: &Link) -> Option<String> {
    let (bus, device) = (link.device.0.as_ref()?, link.device.1.as_ref()?);
    let path: PathBuf = ["/sys/bus", bus, "devices", device, "driver"].iter().collect();
    Some(fs::read_link(path).ok()?.file_name()?.to_str()?.to_owned())
}

/// The way to an address; nothing where there is none.
async fn way(connection: &Connection, address: IpAddr) -> Option<Way> {
    let answer = connection.route(address, None, RouteFlags::empty()).await.ok()?.ok()?;
    let index = answer.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Oif(index) => Some(*index),
        _ => None,
    })?;
    let router = |attribute: &RouteAttribute| matches!(attribute, RouteAttribute::Gateway(_) | RouteAttribute::Via(_));
    Some((index, if answer.attributes.iter().any(router) { Hops::Router } else { Hops::None }))
}

/// The numbers in a list of ranges, like `0-3,8`.
fn counted(ranges: &str) -> u32 {
    let length = |range: &str| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        Some(last.parse::<u32>().ok()?.checked_sub(first.parse().ok()?)? + 1)
    };
    ranges.trim().split(',').filter_map(length).sum::<u32>().max(1)
}

/// The larger of the interface's own value and that of all counts (`IN_DEV_RPFILTER`); 1 is strict, 2 is loose.
fn source_filter(interface: &str) -> SourceFilter {
    let value = |name: &str| {
        let path = format!("/proc/sys/net/ipv4/conf/{name}/rp_filter");
        fs::read_to_string(path).ok().and_then(|text| text.trim().parse::<u8>().ok())
    };
    match value(interface).max(value("all")) {
        None | Some(0) => SourceFilter::Off,
        Some(1) => SourceFilter::Strict,
        Some(_) => SourceFilter::Loose,
    }
}

#[cfg(test)]
mod tests {
    use netlink_packet_route::link::{LinkInfo, LinkMessage};

    use super::*;

    #[test]
    fn ranges_of_cpus_are_counted() {
        for (ranges, cpus) in [("0\n", 1), ("0-3\n", 4), ("0,2-3,8-15\n", 11), ("", 1)] {
            assert_eq!(counted(ranges), cpus, "{ranges:?}");
        }
    }

    #[test]
    fn vlans_are_in_use_or_idle_on_what_they_stand_on() {
        let mut links = Links::default();
        let mut add = |index, name: &str, kind: InfoKind, attribute| {
            let mut message = LinkMessage::default();
            message.header.index = index;
            let kind = LinkAttribute::LinkInfo(vec![LinkInfo::Kind(kind)]);
            message.attributes = vec![LinkAttribute::IfName(name.into()), kind, attribute];
            links.learn(&message);
        };
        add(2, "eth0", InfoKind::Veth, LinkAttribute::Controller(3));
        add(3, "bond0", InfoKind::Bond, LinkAttribute::Mtu(1500));
        add(4, "bond0.7", InfoKind::Vlan, LinkAttribute::Link(3));
        add(5, "bond0.8", InfoKind::Vlan, LinkAttribute::Link(3));
        let ways = BTreeMap::from([("192.0.2.1".parse().unwrap(), (4, Hops::None))]);
        let own = Vlans { listed: true, ..Vlans::default() };
        let host = Host { vlans: own, links: &links, ways: &ways, generic: Generic::open().unwrap() };
        let expected = Vlans { used: vec!["bond0.7".into()], idle: vec!["bond0.8".into()], listed: true };
        assert_eq!([2, 3].map(|index| host.vlans_on(index)), [expected.clone(), expected]);
    }
}
