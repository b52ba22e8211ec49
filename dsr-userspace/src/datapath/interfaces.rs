//! The interface table: which interfaces frames come in on, and under which of the agent's names they are counted.

use std::collections::BTreeSet;

use dsr_common::{
    interface::{InterfaceRow, VACATED, first_row, mac_word},
    limits::{INTERFACE_ROWS, INTERFACES_MAX},
    stats::{Reason, reason_row},
};

use super::{Datapath, Error, Maps, mapped};
use crate::model::InterfaceState;

impl Datapath {
    /// Tells the program which interfaces there are, each with its row of the device map. An interface keeps its row
    /// of the interface table, and with it its counts of reasons.
    pub fn set_interfaces(&mut self, interfaces: &[(u32, InterfaceState)]) -> Result<(), Error> {
        for (device, interface) in interfaces {
            self.enter_interface(interface.ifindex, interface)?;
            self.devices
                .set(*device, interface.ifindex, None, 0)
                .map_err(|error| Error::Device(interface.ifindex, error))?;
        }
        Ok(())
    }

    /// A row of the device map for each interface: the one that it has, so that what names it by row stays right, or one
    /// that none of them has.
    pub fn devices_for(&self, interfaces: &[InterfaceState]) -> Vec<(u32, InterfaceState)> {
        let held = |row: u32| self.devices.get(row, 0).ok().map(|value| value.if_index);
        let is_free = |row: &u32| held(*row).is_none_or(|held| interfaces.iter().all(|i| i.ifindex != held));
        let mut free = (0..INTERFACES_MAX).filter(is_free);
        let row = |ifindex: u32| (0..INTERFACES_MAX).find(|row| held(*row) == Some(ifindex));
        let place = |interface: &InterfaceState| row(interface.ifindex).or_else(|| free.next()).zip(Some(*interface));
        interfaces.iter().filter_map(place).collect()
    }

    /// Tells the program that frames come in on this port of a bond as well, which it is attached to.
    pub fn set_port(&mut self, port: u32, bond: &InterfaceState) -> Result<(), Error> {
        self.enter_interface(port, bond)
    }

    /// Takes an interface or a port away. Its counts of reasons are gone with it.
    pub fn forget_interface(&mut self, ifindex: u32) -> Result<(), Error> {
        let Some(row) = self.interface_row(ifindex) else { return Ok(()) };
        self.set_vlans(ifindex, &BTreeSet::new())?;
        let vacated = InterfaceRow { ifindex: VACATED, ..InterfaceRow::default() };
        self.interfaces.store_word(row, 0, mapped::words(&vacated)[0]);
        for reason in Reason::ALL {
            let index = reason_row(row, *reason);
            let failed = |error| Error::Map("REASONS", error);
            let cpus = self.reasons.cpus();
            let zeros = vec![0; cpus].try_into().map_err(|error| failed(aya::maps::MapError::IoError(error)))?;
            self.reasons_written.set(index, zeros, 0).map_err(failed)?;
        }
        Ok(())
    }

    fn enter_interface(&mut self, ifindex: u32, leaves_by: &InterfaceState) -> Result<(), Error> {
        let row = self.interface_row(ifindex).or_else(|| self.free_row(ifindex));
        let row = row.ok_or(Error::TooManyInterfaces(ifindex))?;
        let value = InterfaceRow { ifindex, leaves_by: leaves_by.ifindex, mac: mac_word(leaves_by.mac.0) };
        let words = mapped::words(&value);
        // The MAC first: a row is found by its index.
        for word in [1, 0] {
            self.interfaces.store_word(row, word, words[word]);
        }
        Ok(())
    }
}

impl Maps {
    /// The indices of all interfaces and ports that the program knows.
    pub fn known_interfaces(&self) -> Vec<u32> {
        let found = (0..INTERFACE_ROWS).map(|row| self.interfaces.load(row).ifindex);
        found.filter(|found| !matches!(*found, 0 | VACATED)).collect()
    }

    /// The row of an interface.
    pub(super) fn interface_row(&self, ifindex: u32) -> Option<u32> {
        rows(ifindex)
            .map(|row| (row, self.interfaces.load(row).ifindex))
            .take_while(|(_, found)| *found != 0)
            .find_map(|(row, found)| (found == ifindex).then_some(row))
    }

    /// The first free row on an interface's probe sequence.
    fn free_row(&self, ifindex: u32) -> Option<u32> {
        rows(ifindex).find(|row| matches!(self.interfaces.load(*row).ifindex, 0 | VACATED))
    }
}

/// Where an interface's row may be, first place first.
fn rows(ifindex: u32) -> impl Iterator<Item = u32> {
    (0..INTERFACE_ROWS).map(move |step| first_row(ifindex.wrapping_add(step)))
}
