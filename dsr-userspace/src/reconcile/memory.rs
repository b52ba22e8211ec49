//! Tables in memory: what the planner is tested against, and where a change can be tried before it is made.

use dsr_common::{limits::SLOTS_PER_BLOCK, member::MemberRow, service::ServiceRow, slot::Slot};

use super::tables::{Sizes, Tables, TablesMut};

/// The three tables, empty at first.
#[derive(Clone, Debug)]
pub struct InMemory {
    sizes: Sizes,
    services: Vec<ServiceRow>,
    members: Vec<MemberRow>,
    slots: Vec<Slot>,
}

impl InMemory {
    /// Empty tables.
    pub fn new(sizes: Sizes) -> Self {
        Self {
            sizes,
            services: vec![ServiceRow::default(); sizes.services as usize],
            members: vec![MemberRow::default(); sizes.members as usize],
            slots: vec![Slot(0); (sizes.blocks * SLOTS_PER_BLOCK) as usize],
        }
    }
}

impl Tables for InMemory {
    fn sizes(&self) -> Sizes {
        self.sizes
    }

    fn service(&self, row: u32) -> ServiceRow {
        self.services[row as usize]
    }

    fn member(&self, row: u32) -> MemberRow {
        self.members[row as usize]
    }

    fn slot(&self, index: u32) -> Slot {
        self.slots[index as usize]
    }
}

impl TablesMut for InMemory {
    fn put_service(&mut self, row: u32, value: ServiceRow) {
        self.services[row as usize] = value;
    }

    fn put_member(&mut self, row: u32, value: MemberRow) {
        self.members[row as usize] = value;
    }

    fn put_slot(&mut self, index: u32, slot: Slot) {
        self.slots[index as usize] = slot;
    }

    fn reset_member(&mut self, _row: u32) {}
}
