//! The VLANs that VIPs are in: of an interface, where this host is in them, and of VIPs with a list of their own.

use std::{collections::BTreeSet, net::IpAddr};

use aya::maps::{HashMap, MapData};
use dsr_common::vlan::{VLAN_WORDS, Vlan, VlanKey, VlanSet};

use super::{Datapath, Error, mapped::Mapped};
use crate::{
    model::Desired,
    reconcile::{address, family},
};

/// Both tables.
pub(super) struct Vlans {
    /// Those of one tag, a row for each of the interface table.
    pub(super) sets: Mapped<VlanSet>,
    keys: HashMap<MapData, VlanKey, u8>,
    /// The contents of the key table; it has no other writer.
    held: BTreeSet<VlanKey>,
}

impl Vlans {
    /// The tables as they are.
    pub(super) fn read(sets: Mapped<VlanSet>, keys: HashMap<MapData, VlanKey, u8>) -> Result<Self, Error> {
        let held = keys.keys().collect::<Result<_, _>>().map_err(failed)?;
        Ok(Self { sets, keys, held })
    }

    /// Adds those keys that are not there, and removes those that `is_stale` and are not wanted.
    fn exchange(&mut self, wanted: &BTreeSet<VlanKey>, is_stale: impl Fn(&VlanKey) -> bool) -> Result<(), Error> {
        for key in wanted.difference(&self.held).copied().collect::<Vec<_>>() {
            self.keys.insert(key, 1, 0).map_err(failed)?;
            self.held.insert(key);
        }
        for key in self.held.difference(wanted).copied().filter(is_stale).collect::<Vec<_>>() {
            self.keys.remove(&key).map_err(failed)?;
            self.held.remove(&key);
        }
        Ok(())
    }
}

impl Datapath {
    /// Says which tagged VLANs this host is in on an interface or port that the program knows.
    pub fn set_vlans(&mut self, ifindex: u32, vlans: &BTreeSet<Vlan>) -> Result<(), Error> {
        let Some(row) = self.interface_row(ifindex) else { return Ok(()) };
        let mut set = VlanSet::default();
        for vlan in vlans.iter().filter(|vlan| !vlan.is_double()) {
            let (word, bit) = VlanSet::place(*vlan);
            set.0[word] |= 1 << bit;
        }
        for word in 0..VLAN_WORDS {
            if self.vlans.sets.word_at(row, word) != set.0[word] {
                self.vlans.sets.store_word(row, word, set.0[word]);
            }
        }
        let double = vlans.iter().filter(|vlan| vlan.is_double()).map(|vlan| VlanKey::of_interface(row, *vlan));
        self.vlans.exchange(&double.collect(), |key| key.owner == row)
    }

    /// Adds the VLANs of VIPs with a list of their own, before the rows of services say that they have one.
    pub fn add_vlan_lists(&mut self, desired: &Desired) -> Result<(), Error> {
        self.vlans.exchange(&lists(desired), |_| false)
    }

    /// Removes those of no VIP's list, after the rows of services say what they have.
    pub fn drop_vlan_lists(&mut self, desired: &Desired) -> Result<(), Error> {
        self.vlans.exchange(&lists(desired), VlanKey::is_of_vip)
    }
}

fn lists(desired: &Desired) -> BTreeSet<VlanKey> {
    let key = |vip: IpAddr, vlan: Vlan| VlanKey::of_vip(family(vip), address(vip), vlan);
    let lists = desired.vlan_lists().into_iter();
    lists.flat_map(|(vip, vlans)| vlans.iter().map(move |vlan| key(vip, *vlan))).collect()
}

fn failed(error: aya::maps::MapError) -> Error {
    Error::Map(dsr_common::names::VLAN_KEYS, error)
}
