//! Which interfaces frames come in on, and under which name of the configuration each of them counts.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::Program;
use crate::{
    agent::state::State,
    config::Config,
    datapath::{self, Datapath},
    model::{InterfaceState, Network},
};

impl Program {
    /// Tells the program of interfaces and ports, and of those that are gone: what these counted is carried over. Gives the rows of the
    /// device map, by index of the interface.
    pub(super) fn enter_interfaces(&mut self, state: &State) -> Result<BTreeMap<u32, u32>, datapath::Error> {
        let names = names(&state.network);
        let gone: Vec<_> = self.entered.iter().filter(|(ifindex, name)| names.get(ifindex) != Some(*name)).collect();
        let gone: Vec<(u32, String)> = gone.into_iter().map(|(ifindex, name)| (*ifindex, name.clone())).collect();
        for (ifindex, name) in gone {
            Arc::make_mut(&mut self.retired_counters).add_reasons(&self.datapath, ifindex, &name)?;
            self.datapath.forget_interface(ifindex)?;
            Arc::make_mut(&mut self.entered).remove(&ifindex);
        }
        // Of an agent that is gone.
        for ifindex in self.datapath.known_interfaces().into_iter().filter(|ifindex| !names.contains_key(ifindex)) {
            self.datapath.forget_interface(ifindex)?;
        }
        if *self.entered != names {
            self.entered = Arc::new(names);
        }
        enter(&mut self.datapath, &state.config, &state.network)
    }

    /// The rows of the device map, by index of the interface.
    pub(in crate::agent) fn devices_by_index(&self, state: &State) -> BTreeMap<u32, u32> {
        by_index(&devices(&self.datapath, &state.config, &state.network))
    }
}

/// The interfaces and the ports of bonds, by index, each with the name in the configuration that it counts for.
fn names(network: &Network) -> BTreeMap<u32, String> {
    let interfaces = network.interfaces.iter().map(|(name, interface)| (interface.ifindex, name.clone()));
    let ports = network.ports.iter().map(|(index, port)| (*index, port.bond.clone()));
    interfaces.chain(ports).collect()
}

/// Tells a program of all interfaces and ports; gives the rows of the device map, by index of the interface.
pub(super) fn enter(
    datapath: &mut Datapath,
    config: &Config,
    network: &Network,
) -> Result<BTreeMap<u32, u32>, datapath::Error> {
    let devices = devices(datapath, config, network);
    datapath.set_interfaces(&devices)?;
    let none = BTreeSet::new();
    let vlans = |ifindex: u32| network.vlans.get(&ifindex).unwrap_or(&none);
    for (_, interface) in &devices {
        datapath.set_vlans(interface.ifindex, vlans(interface.ifindex))?;
    }
    for (index, port) in &network.ports {
        if let Some(bond) = network.interfaces.get(&port.bond) {
            datapath.set_port(*index, bond)?;
            datapath.set_vlans(*index, vlans(bond.ifindex))?;
        }
    }
    Ok(by_index(&devices))
}

/// The interfaces of the configuration that exist, each with its row of the device map.
fn devices(datapath: &Datapath, config: &Config, network: &Network) -> Vec<(u32, InterfaceState)> {
    let states = config.interfaces().into_iter().filter_map(|name| network.interfaces.get(&name).copied());
    datapath.devices_for(&states.collect::<Vec<_>>())
}

fn by_index(devices: &[(u32, InterfaceState)]) -> BTreeMap<u32, u32> {
    devices.iter().map(|(device, interface)| (interface.ifindex, *device)).collect()
}
