//! All that an operator wants.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    net::IpAddr,
};

use dsr_common::vlan::Vlan;

use super::{Announce, Destinations, Forward, Service};

/// All that an operator wants of the data path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Desired {
    /// Seed of the keyed hashes and of the Maglev tables; the same on every balancer of a cluster.
    pub hash_seed: u64,
    /// The services, in the order of the file.
    pub services: Vec<Service>,
}

impl Desired {
    /// The address of each backend of each service.
    pub fn backend_addresses(&self) -> BTreeSet<IpAddr> {
        self.of_each_list().flat_map(|service| service.backends.iter().map(|backend| backend.address)).collect()
    }

    /// One service for each list of backends: services of one pool share theirs, so that whoever goes through the backends
    /// meets each once, and not once for each service.
    pub fn of_each_list(&self) -> impl Iterator<Item = &Service> {
        let mut seen = HashSet::new();
        self.services.iter().filter(move |service| seen.insert(service.backends.as_ptr()))
    }

    /// The address of each backend, by how packets reach it.
    pub fn destinations(&self) -> Destinations {
        let mut destinations = Destinations::default();
        for service in self.of_each_list() {
            let addresses = service.backends.iter().map(|backend| backend.address);
            if service.forward.mode().is_routed() {
                destinations.routed.extend(addresses);
            } else {
                destinations.on_link.extend(addresses);
            }
        }
        destinations
    }

    /// The VIP of each service that the balancer itself announces on the untagged segments; a VIP of several services more
    /// than once.
    pub fn announced_vips(&self) -> impl Iterator<Item = IpAddr> + '_ {
        let announced = self.services.iter().filter(|service| service.announce == Announce::Arp);
        announced.filter(|service| service.is_in(Vlan::UNTAGGED)).map(|service| service.id.vip)
    }

    /// The DSCP code of each VIP whose packets are marked by one.
    pub fn dscp_codes(&self) -> BTreeMap<IpAddr, u8> {
        let code = |service: &Service| match service.forward {
            Forward::Dscp(code) => Some((service.id.vip, code.get())),
            _ => None,
        };
        self.services.iter().filter_map(code).collect()
    }

    /// The VLANs of each VIP that has a list of its own.
    pub fn vlan_lists(&self) -> BTreeMap<IpAddr, &BTreeSet<Vlan>> {
        let lists = self.services.iter().filter_map(|service| Some((service.id.vip, service.vlans.as_deref()?)));
        lists.collect()
    }
}
