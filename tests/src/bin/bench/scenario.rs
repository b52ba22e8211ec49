//! The configuration that is measured: one VIP with one service over many backends on one segment, planned and applied
//! as the agent does it.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
    num::NonZeroU16,
    time::Duration,
};

use dsr::{
    datapath::{Datapath, Features},
    model::{
        Affinity, Announce, Backend, Desired, FlowTimeout, Forward, Health, Hop, InterfaceState, Mac, Network,
        OnAgentDeath, OnEmpty, Port, Protocol, Reach, Service, ServiceId, Weight,
    },
    reconcile::{self, Sizes, Tables as _, TablesMut as _},
};
use dsr_common::{limits::SLOTS_PER_BLOCK, previous::Previous};

/// How many backends the VIP has.
pub(crate) const BACKENDS: u16 = 100;
/// The VIP.
pub(crate) const VIP: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 10);
/// The service's port.
pub(crate) const PORT: NonZeroU16 = NonZeroU16::new(80).unwrap();
/// The MAC that frames are sent to.
pub(crate) const BALANCER: Mac = Mac([2, 0, 0, 0, 0, 1]);
/// The MAC that they come from.
pub(crate) const ROUTER: Mac = Mac([2, 0, 0, 0, 0, 2]);
/// Seed of the keyed hashes.
pub(crate) const SEED: u64 = 0x5eed_5eed_5eed_5eed;

/// The loopback interface: where `BPF_PROG_TEST_RUN` says that a frame came in.
const LOOPBACK: u32 = 1;
/// Its row of the device map.
const DEVICE: u32 = 0;

/// The MAC of a backend.
pub(crate) fn backend_mac(number: u16) -> Mac {
    let [high, low] = number.to_be_bytes();
    Mac([2, 0, 0, 1, high, low])
}

/// The program with these features, its tables filled, and so many of a hundred slots tracked: their member did not
/// change, so that every flow still has one that can be told.
pub(crate) fn datapath(features: Features, tracked: u32, dead: OnAgentDeath) -> anyhow::Result<Datapath> {
    let (desired, network) = (desired(dead), network());
    let mut datapath = Datapath::load(Sizes::for_desired(&desired), features, desired.hash_seed)?;
    // Nobody beats while it is measured.
    datapath.set_alive_until(Duration::MAX);
    let interfaces: Vec<_> = network.interfaces.values().map(|interface| (DEVICE, *interface)).collect();
    datapath.set_interfaces(&interfaces)?;
    let plan =
        reconcile::plan(&desired, &network, &Health::default(), &BTreeMap::from([(LOOPBACK, DEVICE)]), &datapath)?;
    reconcile::apply(&plan.changes, &mut datapath);
    for index in (0..datapath.sizes().blocks * SLOTS_PER_BLOCK).filter(|index| index % 100 < tracked) {
        let slot = datapath.slot(index);
        datapath.put_previous(index, Previous::new(slot.member(), 0));
        datapath.put_slot(index, slot.as_tracked());
    }
    Ok(datapath)
}

fn desired(on_agent_death: OnAgentDeath) -> Desired {
    let backends = (0..BACKENDS).map(|number| Backend {
        name: format!("backend{number}"),
        address: IpAddr::V4(backend_address(number)),
        weight: Weight::DEFAULT,
    });
    let service = Service {
        name: "www".to_owned(),
        id: ServiceId { vip: IpAddr::V4(VIP), protocol: Protocol::Tcp, port: Port::One(PORT) },
        announce: Announce::Arp,
        on_empty: OnEmpty::Drop,
        on_agent_death,
        affinity: Affinity::default(),
        flow_timeout: FlowTimeout::default(),
        pool: "web".to_owned(),
        fallback: None,
        forward: Forward::L2,
        backends: backends.collect(),
    };
    Desired { hash_seed: SEED, services: vec![service] }
}

fn network() -> Network {
    let interface = InterfaceState { ifindex: LOOPBACK, mac: BALANCER, mtu: 1500, up: true };
    let hop = |number| {
        let hop = Hop { ifindex: LOOPBACK, source: BALANCER, destination: backend_mac(number), tags: Vec::new() };
        (IpAddr::V4(backend_address(number)), Reach::Hop(hop))
    };
    let reach = (0..BACKENDS).map(hop).collect();
    Network { interfaces: [("lo".to_owned(), interface)].into(), reach, ..Network::default() }
}

/// The address of a backend.
pub(crate) fn backend_address(number: u16) -> Ipv4Addr {
    Ipv4Addr::from_bits(u32::from(Ipv4Addr::new(198, 51, 100, 0)) + 1 + u32::from(number))
}
