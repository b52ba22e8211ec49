//! The planner: how one service after the other is made to agree with what is wanted of it. Pure.

mod tunnels;

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    net::IpAddr,
};

use dsr_common::{
    address::Address,
    hash::HashKeys,
    member::{MEMBER_DRAINING, MemberRow},
    service::{MembersRef, ServiceKey, ServiceRow, TableRef},
    slot::Slot,
    tunnel::TunnelRow,
};

use super::{
    assignment::Assignments,
    change::Change,
    kind::{flags_of, flags_of_vip, keeps_flows, service_key},
    layout::{Full, PlacedMember, PlacedService},
    live::LiveServices,
    member,
    next_hops::Groups,
    phases::Phases,
    plan::Goal,
    row_id::MemberRowId,
    slots::{self, SlotPlan},
    tables::Tables,
};
use crate::{
    maglev::Candidate,
    model::{Backend, Condition, Service},
};

pub(super) struct Planner<'a, T> {
    goal: &'a Goal<'a>,
    live: &'a T,
    services: LiveServices<'a, T>,
    assignments: Assignments,
    changes: Phases,
    groups: Groups,
}

/// A service while it is planned.
struct Wanted<'a> {
    service: &'a Service,
    /// Its backends, with the weights that count.
    backends: &'a [Backend],
    /// Its row of the service table.
    row: u32,
    /// What that holds.
    live: Option<ServiceRow>,
    /// The rows of its members that are live, by number.
    held: Vec<MemberRow>,
}

impl<'a, T: Tables> Planner<'a, T> {
    pub(super) fn new(goal: &'a Goal<'a>, live: &'a T, keys: &'a HashKeys) -> Self {
        let services = LiveServices::new(live, keys);
        Self {
            goal,
            live,
            services,
            assignments: Assignments::default(),
            changes: Phases::default(),
            groups: Groups::default(),
        }
    }

    /// The changes so far, in the order in which they are to be made.
    pub(super) fn changes(self) -> Vec<Change> {
        self.changes.in_order()
    }

    /// Plans a service.
    pub(super) fn service(&mut self, service: &'a Service) -> Result<PlacedService, Full> {
        let (vip, key) = service_key(service.id);
        let (row, live) = self.services.place(vip, key).ok_or(Full::Services)?;
        let held = live.map_or(Vec::new(), |live| self.live_members(live.members));
        let backends = self.goal.weights.backends(service);
        let wanted = Wanted { service, backends, row, live, held };
        let (members, numbers) = self.numbers(&wanted)?;
        let before = live.map(|live| self.make_room(&wanted, live, members));
        let rows = self.rows(&wanted, &numbers);
        let ungrouped = self.write_tunnels(&wanted, members, &numbers);
        let gone = self.write_members(&wanted, members, &numbers, &rows);
        if let Some(live) = live {
            self.changes.previous.extend(slots::forget(self.live, row, live.table, &gone));
        }
        let candidates = self.candidates(&wanted, &rows);
        let assigned = self.assignments.of(candidates, &numbers, self.goal.desired.hash_seed);
        let returns = |row: &MemberRow| row.mode != 0 || service.return_timeout.is_some();
        let keeps = numbers.iter().zip(&rows).filter(|(_, row)| returns(row)).map(|(number, _)| *number).collect();
        let keeps = keeps_flows(service).then_some(&keeps);
        let table = self.write_slots(&wanted, &assigned.slots, before, keeps)?;
        let value = ServiceRow { vip, key, members, table };
        if before != Some(value) {
            self.changes.services.push(Change::Service { row, value });
        }
        let placed = backends.iter().zip(&numbers).zip(&rows).zip(&assigned.owned);
        let placed = placed.map(|(((backend, number), row), slots)| PlacedMember {
            address: backend.address,
            row: MemberRowId::of(members, *number),
            slots: *slots,
            reachable: row.mode != 0,
            ungrouped: ungrouped.contains(number),
        });
        Ok(PlacedService { id: service.id, slots: table.size(), members: placed.collect() })
    }

    /// The rows of a service's members, which know since when they are unreachable.
    fn rows(&self, wanted: &Wanted<'_>, numbers: &[u16]) -> Vec<MemberRow> {
        let rows = wanted.backends.iter().zip(numbers).map(|(backend, number)| {
            let held = wanted.held.get(usize::from(*number)).copied().unwrap_or_default();
            member::since_when(self.row(wanted.service, backend), held, self.live.clock())
        });
        rows.collect()
    }

    /// A member's row; of a backend that is down, without a way, as of one that the network does not lead to.
    fn row(&self, service: &Service, backend: &Backend) -> MemberRow {
        let row = member::rows(service, backend, self.goal.network, self.goal.devices).member;
        let condition = self.goal.health.of(service.id, backend.address);
        match condition {
            Condition::Up | Condition::Draining | Condition::Standby
                if row.mode == 0 || weight(condition, backend) > 0 =>
            {
                row
            }
            Condition::Up | Condition::Draining | Condition::Standby => MemberRow { flags: MEMBER_DRAINING, ..row },
            Condition::Down => MemberRow { backend: row.backend, family: row.family, ..MemberRow::default() },
        }
    }

    /// The run of member rows that a service has or gets, and each backend's number in it.
    fn numbers(&mut self, wanted: &Wanted<'_>) -> Result<(MembersRef, Vec<u16>), Full> {
        let Wanted { backends, held, .. } = wanted;
        if let Some(row) = wanted.live
            && let Some(numbers) = member::number(backends, held, row.members.capacity())
        {
            return Ok((row.members, numbers));
        }
        // Members keep their numbers where they move, so that the slots are right in the old run and in the new one.
        let declared = backends.len() + held.iter().filter(|row| row.family != 0).count();
        let capacity = member::capacity_for(declared);
        let base = self.services.allocate_members(capacity).ok_or(Full::Members)?;
        let numbers = member::number(backends, held, capacity).ok_or(Full::Members)?;
        Ok((MembersRef::new(base, capacity.trailing_zeros() as u8), numbers))
    }

    fn live_members(&self, members: MembersRef) -> Vec<MemberRow> {
        MemberRowId::of_service(members).map(|row| self.live.member(row)).collect()
    }

    /// Where a service needs more rows: copies its members and turns it over to the copies. Numbers stay, so that its
    /// slots are right before and after.
    fn make_room(&mut self, wanted: &Wanted<'_>, live: ServiceRow, to: MembersRef) -> ServiceRow {
        if live.members == to {
            return live;
        }
        for (number, value) in (0..).zip(&wanted.held).filter(|(_, value)| value.family != 0) {
            let old = MemberRowId::of(live.members, number);
            let row = MemberRowId::of(to, number);
            let tunnel = self.live.tunnel(old);
            if tunnel != TunnelRow::default() {
                self.changes.moves.push(Change::Tunnel { row, value: tunnel });
            }
            self.changes.moves.push(Change::Member { row, value: *value, fresh: true });
            self.changes.unused.push(Change::Member { row: old, value: MemberRow::default(), fresh: false });
        }
        let value = ServiceRow { members: to, ..live };
        self.changes.moves.push(Change::Service { row: wanted.row, value });
        self.changes.moves.push(Change::MoveFlows { from: live.members, to });
        value
    }

    /// Rows that gain a way are written before the slots that name them, rows that lose it after. Gives the numbers of the
    /// members that leave.
    fn write_members(
        &mut self,
        wanted: &Wanted<'_>,
        to: MembersRef,
        numbers: &[u16],
        rows: &[MemberRow],
    ) -> BTreeSet<u16> {
        let held = |number: u16| wanted.held.get(usize::from(number)).copied().unwrap_or_default();
        for (number, value) in numbers.iter().zip(rows) {
            let row = MemberRowId::of(to, *number);
            let old = held(*number);
            if old != *value {
                let change = Change::Member { row, value: *value, fresh: old.family == 0 };
                if value.mode == 0 { self.changes.unused.push(change) } else { self.changes.members.push(change) }
            }
        }
        let kept: HashSet<u16> = numbers.iter().copied().collect();
        let gone = (0..).zip(&wanted.held).filter(|(number, row)| row.family != 0 && !kept.contains(number));
        let gone: BTreeSet<u16> = gone.map(|(number, _)| number).collect();
        for number in &gone {
            let row = MemberRowId::of(to, *number);
            self.changes.unused.push(Change::Member { row, value: MemberRow::default(), fresh: false });
        }
        gone
    }

    fn candidates(&self, wanted: &Wanted<'_>, rows: &[MemberRow]) -> Vec<Candidate> {
        let candidate = |(backend, row): (&Backend, &MemberRow)| {
            let weight = || weight(self.goal.health.of(wanted.service.id, backend.address), backend);
            Candidate { address: row.backend, weight: if row.mode == 0 { 0 } else { weight() } }
        };
        wanted.backends.iter().zip(rows).map(candidate).collect()
    }

    fn write_slots(
        &mut self,
        wanted: &Wanted<'_>,
        slots: &[Slot],
        before: Option<ServiceRow>,
        keeps: Option<&BTreeSet<u16>>,
    ) -> Result<TableRef, Full> {
        let flags = flags_of(wanted.service);
        let before = before.map(|before| before.table);
        let plan = SlotPlan { live: self.live, row: wanted.row, wanted: slots, flags, keeps, before };
        let changes = plan.make(&mut self.services)?;
        self.changes.previous.extend(changes.first);
        self.changes.slots.extend(changes.slots);
        self.changes.unused.extend(changes.last);
        Ok(TableRef::new(changes.block, slots.len() as u32, flags))
    }

    /// Plans the rows of VIPs.
    pub(super) fn vips(&mut self) -> Result<(), Full> {
        let services = &self.goal.desired.services;
        let vips: BTreeMap<IpAddr, u8> = services.iter().map(|s| (s.id.vip, flags_of_vip(s))).collect();
        for (ip, flags) in vips {
            let vip = member::address(ip);
            let key = ServiceKey::vip(member::family(ip));
            let value = ServiceRow { vip, key, members: MembersRef::default(), table: TableRef::new(0, 0, flags) };
            let (row, before) = self.services.place(vip, key).ok_or(Full::Services)?;
            if before != Some(value) {
                self.changes.services.push(Change::Service { row, value });
            }
        }
        Ok(())
    }

    fn clear_members(&mut self, members: MembersRef) {
        for (row, value) in MemberRowId::of_service(members).zip(self.live_members(members)) {
            if value.family != 0 {
                self.changes.unused.push(Change::Member { row, value: MemberRow::default(), fresh: false });
            }
        }
    }

    /// Removes services and VIPs that are not wanted.
    pub(super) fn remove_others(&mut self, wanted: &HashSet<(Address, ServiceKey)>) {
        for (row, value) in self.services.others(wanted) {
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

/// A backend's share of new flows.
fn weight(condition: Condition, backend: &Backend) -> u16 {
    match condition {
        Condition::Up => backend.weight.get(),
        Condition::Draining | Condition::Standby | Condition::Down => 0,
    }
}
