//! The live service table while a plan is made: rows are looked up one by one, and the table is gone through once where a
//! plan needs room, or has to know what else is there.

use std::collections::HashSet;

use dsr_common::{
    address::Address,
    hash::HashKeys,
    service::{ServiceKey, ServiceRow},
    slot,
};

use super::{lookup, region::Regions, services::Services, tables::Tables};

/// The table, and the rooms of what it names.
pub(super) struct LiveServices<'a, T> {
    live: &'a T,
    keys: &'a HashKeys,
    whole: Option<Whole<'a>>,
}

/// What is known once the table was gone through.
struct Whole<'a> {
    services: Services<'a>,
    members: Regions,
    blocks: Regions,
}

impl<'a, T: Tables> LiveServices<'a, T> {
    pub(super) fn new(live: &'a T, keys: &'a HashKeys) -> Self {
        Self { live, keys, whole: None }
    }

    /// Row and content of a service, or a VIP, that is live.
    pub(super) fn find(&self, vip: Address, key: ServiceKey) -> Option<(u32, ServiceRow)> {
        match &self.whole {
            Some(whole) => whole.services.live.get(&(vip, key)).copied(),
            None => lookup::search(vip, key, self.keys, self.live).map(|found| (found.row, found.value)),
        }
    }

    /// The row of a service, present or new, and its contents; `None` if all its rows are taken.
    pub(super) fn place(&mut self, vip: Address, key: ServiceKey) -> Option<(u32, Option<ServiceRow>)> {
        match self.find(vip, key) {
            Some((row, value)) => Some((row, Some(value))),
            None => self.whole().services.place(vip, key).map(|row| (row, None)),
        }
    }

    /// Room for members: their first row.
    pub(super) fn allocate_members(&mut self, rows: u32) -> Option<u32> {
        self.whole().members.allocate(rows)
    }

    /// Room for slots: their first block.
    pub(super) fn allocate_blocks(&mut self, blocks: u32) -> Option<u32> {
        self.whole().blocks.allocate(blocks)
    }

    /// What is live and none of these, services before the VIPs: what still comes in is dropped by us, not passed on to the
    /// node.
    pub(super) fn others(&mut self, wanted: &HashSet<(Address, ServiceKey)>) -> Vec<(u32, ServiceRow)> {
        let live = &self.whole().services.live;
        let mut others: Vec<_> = live.iter().filter(|(id, _)| !wanted.contains(id)).map(|(_, live)| *live).collect();
        others.sort_by_key(|(row, value)| (value.table.size() == 0, *row));
        others
    }

    /// Takes a row out: see [`Services::vacate`].
    pub(super) fn vacate(&mut self, row: u32) -> Vec<(u32, ServiceKey)> {
        self.whole().services.vacate(row)
    }

    fn whole(&mut self) -> &mut Whole<'a> {
        let live = self.live;
        let keys = self.keys;
        self.whole.get_or_insert_with(|| Whole::read(live, keys))
    }
}

impl<'a> Whole<'a> {
    fn read(live: &impl Tables, keys: &'a HashKeys) -> Self {
        let sizes = live.sizes();
        let services = Services::read(live, keys);
        let mut members = Regions::new(sizes.members);
        let mut blocks = Regions::new(sizes.blocks);
        for (number, row) in services.live.values().filter(|(_, row)| row.table.size() > 0) {
            members.take(row.members.base(), row.members.capacity());
            blocks.take(row.table.block(), slot::blocks(row.table.size()));
            let oldest = live.old_table(*number);
            blocks.take(oldest.block(), slot::blocks(oldest.size()));
        }
        Self { services, members, blocks }
    }
}
