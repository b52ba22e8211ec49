//! The planner: desired x observed (network, health) x live -> changes. Pure.
//!
//! Order of the changes: members, slots, services, VIPs; then what is removed, the other way round. A service whose
//! members need more room is moved to a copy of them first. So a packet meets nothing half made, whenever it comes.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    net::IpAddr,
};

use dsr_common::{
    address::Address,
    hash::HashKeys,
    member::{MEMBER_DRAINING, MemberRow},
    service::{MembersRef, ServiceKey, ServiceRow, TableRef},
    slot::{self, Slot},
};

use super::{
    change::Change,
    kind::{flags_of, flags_of_vip, keeps_flows, key_of},
    layout::{Full, Layout, PlacedMember, PlacedService, Plan},
    member,
    phases::Phases,
    region::Regions,
    services::Services,
    slots::{self, SlotPlan},
    tables::Tables,
};
use crate::{
    maglev::{self, Candidate},
    model::{Backend, Condition, Desired, Health, Network, Service},
};

/// Compares what is desired with what is live. `devices` gives the device map's row for an interface index.
pub fn plan(
    desired: &Desired,
    network: &Network,
    health: &Health,
    devices: &BTreeMap<u32, u32>,
    live: &impl Tables,
) -> Result<Plan, Full> {
    let keys = HashKeys::from_seed(desired.hash_seed);
    let mut planner = Planner::new(desired, (network, health), devices, live, &keys);
    let mut layout = Layout::default();
    for service in &desired.services {
        layout.services.push(planner.service(service)?);
    }
    planner.vips()?;
    planner.remove_others();
    Ok(Plan { changes: planner.changes.in_order(), layout })
}

struct Planner<'a, T> {
    desired: &'a Desired,
    network: &'a Network,
    health: &'a Health,
    devices: &'a BTreeMap<u32, u32>,
    live: &'a T,
    services: Services<'a>,
    members: Regions,
    blocks: Regions,
    changes: Phases,
    /// What the service table holds of what is desired.
    wanted: HashSet<(Address, ServiceKey)>,
}

impl<'a, T: Tables> Planner<'a, T> {
    fn new(
        desired: &'a Desired,
        (network, health): (&'a Network, &'a Health),
        devices: &'a BTreeMap<u32, u32>,
        live: &'a T,
        keys: &'a HashKeys,
    ) -> Self {
        let sizes = live.sizes();
        let services = Services::read(live, keys);
        let (mut members, mut blocks) = (Regions::new(sizes.members), Regions::new(sizes.blocks));
        for (number, row) in services.live.values().filter(|(_, row)| row.table.size() > 0) {
            members.take(row.members.base(), row.members.capacity());
            blocks.take(row.table.block(), slot::blocks(row.table.size()));
            let oldest = live.old_table(*number);
            blocks.take(oldest.block(), slot::blocks(oldest.size()));
        }
        let (changes, wanted) = (Phases::default(), HashSet::new());
        Self { desired, network, health, devices, live, services, members, blocks, changes, wanted }
    }

    fn service(&mut self, service: &Service) -> Result<PlacedService, Full> {
        let (vip, key) = (member::address(service.id.vip), key_of(service.id));
        self.wanted.insert((vip, key));
        let row = self.services.place(vip, key).ok_or(Full("service"))?;
        let live = self.services.live.get(&(vip, key)).map(|(_, row)| *row);
        let (members, numbers) = self.numbers(service, live)?;
        let before = live.map(|live| self.make_room(row, live, members));
        let rows = self.rows(service, &numbers, live);
        let gone = self.write_members(members, &numbers, &rows, live);
        if let Some(live) = live {
            self.changes.previous.extend(slots::forget(self.live, row, live.table, &gone));
        }
        let slots = self.slots_of(service, &numbers, &rows);
        let returns = |row: &MemberRow| row.mode != 0 || service.return_timeout.is_some();
        let keeps = numbers.iter().zip(&rows).filter(|(_, row)| returns(row)).map(|(number, _)| *number).collect();
        let table = self.write_slots(row, &slots, flags_of(service), before, keeps_flows(service).then_some(&keeps))?;
        let value = ServiceRow { vip, key, members, table };
        if before != Some(value) {
            self.changes.services.push(Change::Service { row, value });
        }
        let mut owned = vec![0; members.capacity() as usize];
        slots.iter().filter_map(|slot| slot.member()).for_each(|number| owned[usize::from(number)] += 1);
        let placed =
            service.backends.iter().zip(numbers.iter().zip(&rows)).map(|(backend, (number, row))| PlacedMember {
                address: backend.address,
                row: members.base() + u32::from(*number),
                slots: owned[usize::from(*number)],
                reachable: row.mode != 0,
            });
        Ok(PlacedService { id: service.id, slots: table.size(), members: placed.collect() })
    }

    /// The rows of a service's members, which know since when they are unreachable.
    fn rows(&self, service: &Service, numbers: &[u16], live: Option<ServiceRow>) -> Vec<MemberRow> {
        let held = live.map_or(Vec::new(), |live| self.live_members(live.members));
        let rows = service.backends.iter().zip(numbers).map(|(backend, number)| {
            let held = held.get(usize::from(*number)).copied().unwrap_or_default();
            member::since_when(self.row(service, backend), held, self.live.clock())
        });
        rows.collect()
    }

    /// A member's row; of a backend that is down, without a way, as of one that the network does not lead to.
    fn row(&self, service: &Service, backend: &Backend) -> MemberRow {
        let row = member::row(service, backend, self.network, self.devices);
        match self.health.of(service.id, backend.address) {
            Condition::Up | Condition::Draining | Condition::Standby
                if row.mode == 0 || self.weight(service, backend) > 0 =>
            {
                row
            }
            Condition::Up | Condition::Draining | Condition::Standby => MemberRow { flags: MEMBER_DRAINING, ..row },
            Condition::Down => MemberRow { backend: row.backend, family: row.family, ..MemberRow::default() },
        }
    }

    /// A backend's share of new flows.
    fn weight(&self, service: &Service, backend: &Backend) -> u16 {
        match self.health.of(service.id, backend.address) {
            Condition::Up => backend.weight.get(),
            Condition::Draining | Condition::Standby | Condition::Down => 0,
        }
    }

    /// The run of member rows that a service has or gets, and each backend's number in it.
    fn numbers(&mut self, service: &Service, before: Option<ServiceRow>) -> Result<(MembersRef, Vec<u16>), Full> {
        let live = before.map_or(Vec::new(), |row| self.live_members(row.members));
        if let Some(row) = before
            && let Some(numbers) = member::number(&service.backends, &live, row.members.capacity())
        {
            return Ok((row.members, numbers));
        }
        // Members keep their numbers where they move, so that the slots are right in the old run and in the new one.
        let declared = service.backends.len() + live.iter().filter(|row| row.family != 0).count();
        let capacity = member::capacity_for(declared);
        let base = self.members.allocate(capacity).ok_or(Full("member"))?;
        let numbers = member::number(&service.backends, &live, capacity).ok_or(Full("member"))?;
        Ok((MembersRef::new(base, capacity.trailing_zeros() as u8), numbers))
    }

    fn live_members(&self, members: MembersRef) -> Vec<MemberRow> {
        (0..members.capacity()).map(|number| self.live.member(members.base() + number)).collect()
    }

    /// Where a service needs more rows: copies its members and turns it over to the copies. Numbers stay, so that its
    /// slots are right before and after.
    fn make_room(&mut self, row: u32, live: ServiceRow, to: MembersRef) -> ServiceRow {
        if live.members == to {
            return live;
        }
        for (number, value) in (0..).zip(self.live_members(live.members)) {
            if value.family != 0 {
                self.changes.moves.push(Change::Member { row: to.base() + number, value, fresh: true });
                let old = live.members.base() + number;
                self.changes.unused.push(Change::Member { row: old, value: MemberRow::default(), fresh: false });
            }
        }
        let value = ServiceRow { members: to, ..live };
        self.changes.moves.push(Change::Service { row, value });
        let (from, to, count) = (live.members.base(), to.base(), live.members.capacity());
        self.changes.moves.push(Change::MoveFlows { from, to, count });
        value
    }

    /// Rows that gain a way are written before the slots that name them, rows that lose it after. Gives the numbers of the
    /// members that leave.
    fn write_members(
        &mut self,
        to: MembersRef,
        numbers: &[u16],
        rows: &[MemberRow],
        live: Option<ServiceRow>,
    ) -> BTreeSet<u16> {
        let live = live.map_or(Vec::new(), |row| self.live_members(row.members));
        let held = |number: u16| live.get(usize::from(number)).copied().unwrap_or_default();
        for (number, value) in numbers.iter().zip(rows) {
            let (row, old) = (to.base() + u32::from(*number), held(*number));
            if old != *value {
                let change = Change::Member { row, value: *value, fresh: old.family == 0 };
                if value.mode == 0 { self.changes.unused.push(change) } else { self.changes.members.push(change) }
            }
        }
        let kept: BTreeSet<u16> = numbers.iter().copied().collect();
        let gone = (0..).zip(&live).filter(|(number, row)| row.family != 0 && !kept.contains(number));
        let gone: BTreeSet<u16> = gone.map(|(number, _)| number).collect();
        for number in &gone {
            let row = to.base() + u32::from(*number);
            self.changes.unused.push(Change::Member { row, value: MemberRow::default(), fresh: false });
        }
        gone
    }

    fn slots_of(&self, service: &Service, numbers: &[u16], rows: &[MemberRow]) -> Vec<Slot> {
        let candidates: Vec<Candidate> = service
            .backends
            .iter()
            .zip(rows)
            .map(|(backend, row)| Candidate {
                address: row.backend,
                weight: if row.mode == 0 { 0 } else { self.weight(service, backend) },
            })
            .collect();
        maglev::table(&candidates, maglev::size_for(candidates.len()), self.desired.hash_seed)
            .into_iter()
            .map(|owner| owner.map_or(Slot::NONE, |owner| Slot::stable(numbers[usize::from(owner)])))
            .collect()
    }

    fn write_slots(
        &mut self,
        row: u32,
        wanted: &[Slot],
        flags: u8,
        before: Option<ServiceRow>,
        keeps: Option<&BTreeSet<u16>>,
    ) -> Result<TableRef, Full> {
        let before = before.map(|before| before.table);
        let changes = SlotPlan { live: self.live, row, wanted, flags, keeps, before }.make(&mut self.blocks)?;
        self.changes.previous.extend(changes.first);
        self.changes.slots.extend(changes.slots);
        self.changes.unused.extend(changes.last);
        Ok(TableRef::new(changes.block, wanted.len() as u32, flags))
    }

    fn vips(&mut self) -> Result<(), Full> {
        let vips: BTreeMap<IpAddr, u8> = self.desired.services.iter().map(|s| (s.id.vip, flags_of_vip(s))).collect();
        for (ip, flags) in vips {
            let (vip, key) = (member::address(ip), ServiceKey::vip(member::family(ip)));
            self.wanted.insert((vip, key));
            let value = ServiceRow { vip, key, members: MembersRef::default(), table: TableRef::new(0, 0, flags) };
            let row = self.services.place(vip, key).ok_or(Full("service"))?;
            if self.services.live.get(&(vip, key)).is_none_or(|(_, before)| *before != value) {
                self.changes.services.push(Change::Service { row, value });
            }
        }
        Ok(())
    }

    fn clear_members(&mut self, members: MembersRef) {
        for (row, value) in (members.base()..).zip(self.live_members(members)) {
            if value.family != 0 {
                self.changes.unused.push(Change::Member { row, value: MemberRow::default(), fresh: false });
            }
        }
    }

    fn remove_others(&mut self) {
        let mut gone: Vec<(u32, ServiceRow)> =
            self.services.live.iter().filter(|(id, _)| !self.wanted.contains(id)).map(|(_, live)| *live).collect();
        // Services before the VIPs: what still comes in is dropped by us, not passed on to the node.
        gone.sort_by_key(|(row, value)| (value.table.size() == 0, *row));
        for (row, value) in gone {
            for (row, key) in self.services.vacate(row) {
                self.changes.vacated.push(Change::Vacate { row, key });
            }
            if value.table.size() > 0 {
                self.clear_members(value.members);
                if self.live.old_table(row).size() > 0 {
                    self.changes.unused.push(Change::OldTable { row, table: TableRef::default() });
                }
            }
        }
    }
}
