//! Which interfaces frames come in on, and under which name of the configuration each of them counts.

use std::collections::BTreeMap;

use super::balancer::Balancer;
use crate::{
    datapath::{self, Datapath},
    model::{InterfaceState, Network},
};

impl Balancer {
    /// The interfaces that exist, each with its place in the configuration, which is its row of the device map.
    pub(super) fn devices(&self) -> Vec<(u32, InterfaceState)> {
        let state = |name: &String| self.network.interfaces.get(name).copied();
        (0..).zip(self.config.interfaces()).filter_map(|(device, name)| Some((device, state(&name)?))).collect()
    }

    /// The interfaces and the ports of bonds, by index, each with the name in the configuration that it counts for.
    pub(super) fn names(&self) -> BTreeMap<u32, String> {
        let interfaces = self.network.interfaces.iter().map(|(name, state)| (state.ifindex, name.clone()));
        let ports = self.network.ports.iter().map(|(index, port)| (*index, port.bond.clone()));
        interfaces.chain(ports).collect()
    }

    /// Tells the program of them, and of those that are gone: what these counted is carried over.
    pub(super) fn enter_interfaces(&mut self) -> Result<(), datapath::Error> {
        let names = self.names();
        for (ifindex, name) in std::mem::take(&mut self.entered) {
            if names.get(&ifindex) == Some(&name) {
                self.entered.insert(ifindex, name);
            } else {
                self.carried.add_reasons(&self.datapath, ifindex, &name)?;
                self.datapath.forget_interface(ifindex)?;
            }
        }
        self.entered.extend(names);
        let devices = self.devices();
        enter(&mut self.datapath, &devices, &self.network)
    }
}

/// Tells a program of all interfaces and ports.
pub(super) fn enter(
    datapath: &mut Datapath,
    devices: &[(u32, InterfaceState)],
    network: &Network,
) -> Result<(), datapath::Error> {
    datapath.set_interfaces(devices)?;
    for (index, port) in &network.ports {
        if let Some(bond) = network.interfaces.get(&port.bond) {
            datapath.set_port(*index, bond)?;
        }
    }
    Ok(())
}
