//! Slots that change, as an agent would have changed them: told to the program's tables, or to the reference model.

use std::{mem::swap, net::IpAddr, num::NonZeroU16};

use dsr::{
    datapath::Datapath,
    reconcile::{self, MemberRowId, Tables as _, TablesMut as _, apply, entries},
};
use dsr_common::{
    address::{Address, Family},
    hash::{HashKeys, Keys as _},
    limits::{SERVICE_PROBES, SLOTS_PER_BLOCK, TABLE_SIZES},
    member::{MEMBER_DRAINING, MemberRow},
    previous::Previous,
    service::{ANY_PROTOCOL, FLAG_REHASHED, FLAG_REMEMBER, FLAG_SOURCE, ServiceKey, ServiceRow, TableRef},
    slot::{self, Slot},
    track::Entry,
};

use crate::{heartbeat::Heartbeat, program::Program};

/// The most slots that an old table has here.
const OLD_SLOTS: u32 = TABLE_SIZES[0];

/// One change. Services and backends are numbers in the order of the desired state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A slot of a service's table.
    Slot {
        /// The service.
        service: usize,
        /// The slot.
        slot: u32,
        /// What becomes of it.
        to: SlotState,
    },
    /// The service's table is to have replaced another one: previous members are those of a table of as many slots, a
    /// slot each. None: it has not, and no slot has a previous member.
    Replaced {
        /// The service.
        service: usize,
        /// The members that the old table's slots had.
        old: Vec<Option<usize>>,
        /// Where slots were picked another way in the meantime: whether the client alone picked the old table's.
        by_source: Option<bool>,
    },
    /// How a service chooses and remembers.
    Affinity {
        /// The service.
        service: usize,
        /// A client's flows share a slot.
        source: bool,
        /// Every flow is remembered.
        remember: bool,
    },
    /// What a backend does for a service.
    Member {
        /// The service.
        service: usize,
        /// The backend.
        backend: usize,
        /// What it does.
        to: MemberState,
    },
    /// The flow clock goes on by one.
    Tick,
    /// The agent dies, or another one comes.
    Heartbeat(Heartbeat),
}

/// A slot's member, and the one before. Backends are numbers within the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotState {
    /// Stable.
    Stable(Option<usize>),
    /// Tracked.
    Tracked {
        /// The member.
        current: Option<usize>,
        /// The one before.
        previous: Option<usize>,
    },
}

/// What a backend does for a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberState {
    /// It serves.
    Serves,
    /// It serves the flows that it has.
    Drains,
    /// There is no way to it.
    Lost,
}

impl Program {
    /// Makes a change in the tables.
    ///
    /// # Panics
    ///
    /// If the tables do not hold what the change is about.
    pub fn change(&mut self, change: &Change) {
        match change {
            Change::Slot { service, slot, to } => self.change_slot(*service, *slot, *to),
            Change::Replaced { service, old, by_source } => self.change_old(*service, old, *by_source),
            Change::Affinity { service, source, remember } => {
                let (row, value) = self.service_row(*service);
                let kept = value.table.flags() & !(FLAG_SOURCE | FLAG_REMEMBER);
                let flags = kept | if *source { FLAG_SOURCE } else { 0 } | if *remember { FLAG_REMEMBER } else { 0 };
                let table = TableRef::new(value.table.block(), value.table.size(), flags);
                self.datapath.put_service(row, ServiceRow { table, ..value });
            }
            Change::Member { service, backend, to } => self.change_member(*service, *backend, *to),
            Change::Tick => self.datapath.set_clock(self.datapath.clock() + 1),
            Change::Heartbeat(heartbeat) => self.set_heartbeat(*heartbeat),
        }
    }

    /// Slots of a service's table.
    pub fn slots(&self, service: usize) -> u32 {
        self.layout.services[service].slots
    }

    /// The number within its service that an agent gave a backend.
    pub fn member_number(&self, service: usize, backend: usize) -> u16 {
        let base = MemberRowId::of(self.service_row(service).1.members, 0);
        (self.layout.services[service].members[backend].row.0 - base.0) as u16
    }

    /// Makes the row of a backend ready for another one.
    pub fn reset_member(&mut self, service: usize, backend: usize) {
        let row = self.layout.services[service].members[backend].row;
        let value = self.datapath.member(row);
        apply(&[reconcile::Change::Member { row, value, fresh: true }], &mut self.datapath);
    }

    /// Forgets every flow.
    pub(crate) fn forget_flows(&mut self) {
        for (place, entry) in entries(&self.datapath).collect::<Vec<_>>() {
            self.datapath.replace_flow(place, entry, Entry::EMPTY);
        }
    }

    /// The tables, to be read.
    pub fn datapath(&self) -> &Datapath {
        &self.datapath
    }

    fn change_slot(&mut self, service: usize, slot: u32, to: SlotState) {
        let (row, ServiceRow { table, .. }) = self.service_row(service);
        let index = table.block() * SLOTS_PER_BLOCK + slot;
        let stable = |program: &Self, backend: Option<usize>| {
            backend.map_or(Slot::NONE, |backend| Slot::stable(program.member_number(service, backend)))
        };
        let value = match to {
            SlotState::Stable(current) => stable(self, current),
            SlotState::Tracked { current, previous } => {
                let previous = stable(self, previous).member();
                if self.datapath.old_table(row) == TableRef::default() {
                    self.datapath.put_previous(index, Previous::new(previous, 0));
                }
                stable(self, current).as_tracked()
            }
        };
        self.datapath.put_slot(index, value);
    }

    /// The old table's blocks are the last ones of the slot map, which no plan of these tests reaches; each service has
    /// its own.
    fn change_old(&mut self, service: usize, old: &[Option<usize>], by_source: Option<bool>) {
        let (row, ServiceRow { table, .. }) = self.service_row(service);
        if old.is_empty() {
            for slot in 0..table.size() {
                self.datapath.put_previous(table.block() * SLOTS_PER_BLOCK + slot, Previous::NONE);
            }
            return self.datapath.put_old_table(row, TableRef::default());
        }
        let size = old.len() as u32;
        let block = self.datapath.sizes().blocks - slot::blocks(OLD_SLOTS) * (service as u32 + 1);
        assert!(size <= OLD_SLOTS, "an old table of so many slots");
        for (slot, member) in (block * SLOTS_PER_BLOCK..).zip(old) {
            let member = member.map(|backend| self.member_number(service, backend));
            self.datapath.put_previous(slot, Previous::new(member, 0));
        }
        let mut old = TableRef::new(block, size, table.flags());
        if let Some(by_source) = by_source {
            let is_other = by_source != (table.flags() & FLAG_SOURCE != 0);
            old = if is_other { old.with_other_rule() } else { old }.with_flag(FLAG_REHASHED);
        }
        self.datapath.put_old_table(row, old);
    }

    fn change_member(&mut self, service: usize, backend: usize, to: MemberState) {
        let row = self.layout.services[service].members[backend].row;
        let mut now = self.datapath.member(row);
        // Of a lost member's row nothing is left but its identity; what it was is kept for its return.
        let lost = MemberRow { backend: now.backend, family: now.family, ..MemberRow::default() };
        if now.mode == 0 {
            let Some(kept) = self.lost.remove(&row) else { return };
            now = kept;
        }
        now.flags = if to == MemberState::Drains { MEMBER_DRAINING } else { 0 };
        if to == MemberState::Lost {
            let mut shown = lost;
            swap(&mut shown, &mut now);
            self.lost.insert(row, shown);
        }
        self.datapath.put_member(row, now);
    }

    /// The row of a service, and what it holds.
    fn service_row(&self, service: usize) -> (u32, ServiceRow) {
        let id = self.desired.services[service].id;
        let (family, vip) = match id.vip {
            IpAddr::V4(vip) => (Family::V4, Address::from_v4(vip.octets())),
            IpAddr::V6(vip) => (Family::V6, Address::from_v6(vip.octets())),
        };
        let protocol = id.protocol.number().unwrap_or(ANY_PROTOCOL);
        let key = ServiceKey::exact(family, protocol, id.port.number().map_or(0, NonZeroU16::get).to_be());
        let first = HashKeys::from_seed(self.desired.hash_seed).service(vip, key);
        let mask = self.datapath.sizes().services - 1;
        (0..SERVICE_PROBES)
            .map(|step| first.wrapping_add(step) & mask)
            .map(|row| (row, self.datapath.service(row)))
            .find(|(_, row)| row.vip == vip && row.key == key)
            .expect("a service has a row")
    }
}
