//! The configuration that is measured: a VIP of each family with services over many backends on one segment, planned and
//! applied as the agent does it.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    num::NonZeroU16,
    sync::Arc,
    time::Duration,
};

use dsr::{
    datapath::{Datapath, Features},
    model::{
        Affinity, Announce, Backend, Desired, FlowTimeout, Forward, Health, Hop, InterfaceState, Mac, Network,
        OnAgentDeath, OnEmpty, Port, Protocol, Reach, RoutedPath, Service, ServiceId, VlanTag, Weight,
    },
    reconcile::{self, Sizes, Tables as _, TablesMut as _},
};
use dsr_common::{address::Family, limits::SLOTS_PER_BLOCK, previous::Previous, vlan::Vlan};

use crate::traffic::TAG_IN;

/// How many backends the VIP has.
pub(crate) const BACKENDS: u16 = 100;
/// The services' port.
pub(crate) const PORT: NonZeroU16 = NonZeroU16::new(80).unwrap();
/// The MAC that frames are sent to.
pub(crate) const BALANCER: Mac = Mac([2, 0, 0, 0, 0, 1]);
/// The outer source of tunnels.
pub(crate) const SOURCE: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 250));
/// The MAC that they come from.
pub(crate) const ROUTER: Mac = Mac([2, 0, 0, 0, 0, 2]);
/// Seed of the keyed hashes.
pub(crate) const SEED: u64 = 0x5eed_5eed_5eed_5eed;

/// The loopback interface: where `BPF_PROG_TEST_RUN` says that a frame came in.
pub(crate) const LOOPBACK: u32 = 1;
/// Its row of the device map.
const DEVICE: u32 = 0;
/// An index that frames do not come in by. Its row of the device map is the same, as frames go no further than there.
const OTHER: u32 = 2;

/// The tag that frames leave with where they leave with one.
pub(crate) const TAG_OUT: VlanTag = VlanTag { tpid: 0x8100, id: 8 };

/// How frames leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leave {
    /// By the interface that they came in on, without a tag.
    Untagged,
    /// By the same, with one.
    Tagged,
    /// By another interface, without a tag.
    OtherInterface,
    /// By the same, without a tag, in a forward mode that crosses routers.
    Across(Forward),
}

/// What is measured.
#[derive(Clone, Copy)]
pub(crate) struct Scenario {
    pub(crate) features: Features,
    pub(crate) family: Family,
    pub(crate) leave: Leave,
    /// How many of a hundred slots are tracked: their member did not change, so that every flow still has one that can be
    /// told.
    pub(crate) tracked: u32,
    pub(crate) on_agent_death: OnAgentDeath,
}

/// The VIP of a family.
pub(crate) const fn vip(family: Family) -> IpAddr {
    match family {
        Family::V4 => IpAddr::V4(Ipv4Addr::new(192, 0, 2, 10)),
        Family::V6 => IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x10)),
    }
}

/// The MAC of a backend.
pub(crate) fn backend_mac(number: u16) -> Mac {
    let [high, low] = number.to_be_bytes();
    Mac([2, 0, 0, 1, high, low])
}

/// The program, its tables filled.
pub(crate) fn datapath(scenario: Scenario) -> anyhow::Result<Datapath> {
    let (desired, network) = (desired(scenario), network(scenario.leave));
    let mut datapath = Datapath::load(Sizes::for_desired(&desired), scenario.features, desired.hash_seed)?;
    // No agent writes the heartbeat during the measurement.
    datapath.set_alive_until(Duration::MAX);
    let interfaces: Vec<_> = network.interfaces.values().map(|interface| (DEVICE, *interface)).collect();
    datapath.set_interfaces(&interfaces)?;
    // As a VLAN sub-interface of the host would have it.
    datapath.set_vlans(LOOPBACK, &BTreeSet::from([Vlan::of(TAG_IN.id, 0)]))?;
    let devices = BTreeMap::from([(LOOPBACK, DEVICE), (OTHER, DEVICE)]);
    let plan = reconcile::plan(&desired, &network, &Health::default(), &devices, &datapath)?;
    reconcile::apply(&plan.changes, &mut datapath);
    for index in (0..datapath.sizes().blocks * SLOTS_PER_BLOCK).filter(|index| index % 100 < scenario.tracked) {
        let slot = datapath.slot(index);
        datapath.put_previous(index, Previous::new(slot.member(), 0));
        datapath.put_slot(index, slot.as_tracked());
    }
    Ok(datapath)
}

fn desired(scenario: Scenario) -> Desired {
    let backends = (0..BACKENDS).map(|number| Backend {
        name: format!("backend{number}"),
        address: IpAddr::V4(backend_address(number)),
        weight: Weight::DEFAULT,
    });
    let backends: Arc<[_]> = backends.collect();
    let service = |protocol: Protocol| Service {
        name: format!("{protocol:?}"),
        id: ServiceId { vip: vip(scenario.family), protocol, port: Port::One(PORT) },
        announce: Announce::Arp,
        vlans: None,
        on_empty: OnEmpty::Drop,
        on_agent_death: scenario.on_agent_death,
        affinity: Affinity::default(),
        flow_timeout: FlowTimeout::default(),
        return_timeout: Some(FlowTimeout::default()),
        pool: "web".to_owned(),
        fallback: None,
        forward: match scenario.leave {
            Leave::Across(forward) => forward,
            Leave::Untagged | Leave::Tagged | Leave::OtherInterface => Forward::L2,
        },
        backends: backends.clone(),
    };
    Desired { hash_seed: SEED, services: vec![service(Protocol::Tcp), service(Protocol::Udp)] }
}

fn network(leave: Leave) -> Network {
    let ifindex = if leave == Leave::OtherInterface { OTHER } else { LOOPBACK };
    let tags = if leave == Leave::Tagged { vec![TAG_OUT] } else { Vec::new() };
    let interface = InterfaceState { ifindex: LOOPBACK, mac: BALANCER, mtu: 1500, up: true };
    let hop = |number| {
        let hop = Hop {
            ifindex,
            source: BALANCER,
            destination: backend_mac(number),
            tags: tags.clone(),
            path: RoutedPath { source: Some(SOURCE), ..RoutedPath::default() },
        };
        (IpAddr::V4(backend_address(number)), Reach::Hop(hop))
    };
    let reach = (0..BACKENDS).map(hop).collect();
    Network { interfaces: [("lo".to_owned(), interface)].into(), reach, ..Network::default() }
}

/// The address of a backend.
pub(crate) fn backend_address(number: u16) -> Ipv4Addr {
    Ipv4Addr::from_bits(u32::from(Ipv4Addr::new(198, 51, 100, 0)) + 1 + u32::from(number))
}
