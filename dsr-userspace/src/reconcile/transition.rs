//! The end of a change: what is not needed any more of what was remembered for it. Pure: live tables in, changes out.
//!
//! To be called each time that the flow clock has moved. Nothing here moves a flow: what it writes gives every packet
//! the member that it has without.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use dsr_common::{
    hash::HashKeys,
    limits::SLOTS_PER_BLOCK,
    member::{MEMBER_DRAINING, MemberRow},
    previous::Previous,
    service::{FLAG_REHASHED, FLAG_REMEMBER, ServiceRow, TableRef},
    slot::Slot,
    track::Entry,
};

use super::{
    change::Change,
    flows::{FlowPlace, FlowTable, entries},
    lookup::{FoundService, live_service},
    member,
    row_id::MemberRowId,
    slots::Runs,
    tables::Tables,
};
use crate::model::{Desired, FlowTimeout, Service, ServiceId};

/// What is to be done, and how far every transition is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TransitionStep {
    /// To be made in this order.
    pub changes: Vec<Change>,
    /// Of each service that was looked at, in the order of what is desired.
    pub services: Vec<ServiceTransition>,
    /// Entries of the flow table.
    pub flows: u64,
    /// Entries of the table of SYNs.
    pub embryonic: u64,
}

/// How far a service's transition is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceTransition {
    /// Which.
    pub id: ServiceId,
    /// Slots that are still tracked.
    pub tracked: u32,
    /// Its members that get no new flows.
    pub draining: Vec<DrainingMember>,
    /// Whether nothing is left to be done for it, nor to be learnt of it, until it is planned again.
    pub is_over: bool,
}

/// A member that gets no new flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DrainingMember {
    /// Its backend's address.
    pub address: IpAddr,
    /// Slots whose old flows go to it though nothing is remembered of them.
    pub slots: u32,
    /// Flows that are remembered to be its.
    pub flows: u32,
}

impl DrainingMember {
    /// Whether it can be taken away.
    pub const fn is_drained(self) -> bool {
        self.slots == 0 && self.flows == 0
    }
}

/// How many ticks of the flow clock a timeout is, when a tick takes so many seconds; no flow is forgotten early.
pub fn ticks(timeout: FlowTimeout, tick_seconds: u32) -> u32 {
    timeout.seconds().div_ceil(tick_seconds) + 1
}

/// Compares what is remembered with what is still needed.
pub fn advance(desired: &Desired, live: &impl Tables, tick_seconds: u32) -> TransitionStep {
    advance_some(desired, 0..desired.services.len(), live, tick_seconds)
}

/// The same, looking at these services alone, by their places in [`Desired::services`]. Of all others the last step said
/// that their transition is over, and they have not been planned since.
pub fn advance_some(
    desired: &Desired,
    some: impl IntoIterator<Item = usize>,
    live: &impl Tables,
    tick_seconds: u32,
) -> TransitionStep {
    let keys = HashKeys::from_seed(desired.hash_seed);
    let some = some.into_iter().filter_map(|index| desired.services.get(index));
    let check =
        |service| Some(TransitionCheck::new(live, service, live_service(service.id, &keys, live)?, tick_seconds));
    let mut services: Vec<TransitionCheck<'_, _>> = some.filter_map(check).collect();
    let (mut step, held) = look_at_entries(live, &mut services);
    for service in services.iter_mut().filter(|service| live.tracked(service.row.table) > 0) {
        service.expire_previous();
        service.stabilize();
    }
    step.changes.extend(services.iter_mut().flat_map(|service| std::mem::take(&mut service.changes)));
    for Held { place, entry, service, slot } in held {
        if services[service].stable_now.contains(&slot) {
            step.changes.push(Change::ForgetFlow { place, entry });
        }
    }
    step.services = services.into_iter().map(TransitionCheck::finish).collect();
    step
}

/// An entry of a tracked slot: with the index of its service, and its slot there.
struct Held {
    place: FlowPlace,
    entry: Entry,
    service: usize,
    slot: u32,
}

/// Goes through the flow tables: removes entries that are too old, without an owner, or not needed by any slot.
fn look_at_entries<T: Tables>(live: &T, services: &mut [TransitionCheck<'_, T>]) -> (TransitionStep, Vec<Held>) {
    let first = |service: &TransitionCheck<'_, T>| MemberRowId::of(service.row.members, 0);
    let by_row: BTreeMap<MemberRowId, usize> =
        services.iter().enumerate().map(|(index, service)| (first(service), index)).collect();
    let now = live.clock();
    let mut step = TransitionStep::default();
    let mut held = Vec::new();
    for (place, entry) in entries(live) {
        let row = MemberRowId::of_flow(entry);
        let found = by_row.range(..=row).next_back().map(|(_, index)| *index);
        let found = found.filter(|index| row.number_in(services[*index].row.members).is_some());
        let slot = found.and_then(|index| services[index].entry(entry, now));
        let (Some(service), Some(slot)) = (found, slot) else {
            step.changes.push(Change::ForgetFlow { place, entry });
            continue;
        };
        match place.table {
            FlowTable::Established => step.flows += 1,
            FlowTable::Embryonic => step.embryonic += 1,
        }
        held.push(Held { place, entry, service, slot });
    }
    held.retain(|held| !services[held.service].remembers());
    (step, held)
}

/// Whether the flows of a member are kept: it is reachable, or it is not for no more than `patience` ticks.
fn is_kept(member: &MemberRow, clock: u64, patience: Option<u64>) -> bool {
    let away = clock.saturating_sub(member.away_since);
    member.mode != 0 || member.family != 0 && patience.is_some_and(|patience| away <= patience)
}

/// One service while it is looked at.
struct TransitionCheck<'a, T> {
    live: &'a T,
    id: ServiceId,
    number: u32,
    row: ServiceRow,
    oldest: TableRef,
    timeout: u32,
    addresses: BTreeSet<IpAddr>,
    /// By number of a member, whether its flows are kept: it is reachable, or may come back.
    kept: Vec<bool>,
    /// Tracked slots with an entry of another such member than their own.
    differing: BTreeSet<u32>,
    /// Entries by member.
    flows: BTreeMap<MemberRowId, u32>,
    /// Slots that old flows of a member come by, by its number.
    silent: Vec<u32>,
    tracked: u32,
    stable_now: BTreeSet<u32>,
    changes: Vec<Change>,
}

impl<'a, T: Tables> TransitionCheck<'a, T> {
    fn new(live: &'a T, service: &Service, found: FoundService, tick_seconds: u32) -> Self {
        let FoundService { row: number, value: row } = found;
        let patience = service.return_timeout.map(|timeout| u64::from(ticks(timeout, tick_seconds)));
        let members = MemberRowId::of_service(row.members);
        let kept = members.map(|member| is_kept(&live.member(member), live.clock(), patience));
        let kept: Vec<bool> = kept.collect();
        Self {
            live,
            id: service.id,
            number,
            row,
            oldest: live.old_table(number),
            timeout: ticks(service.flow_timeout, tick_seconds),
            addresses: service.backends.iter().map(|backend| backend.address).collect(),
            silent: vec![0; kept.len()],
            kept,
            differing: BTreeSet::new(),
            flows: BTreeMap::new(),
            tracked: 0,
            stable_now: BTreeSet::new(),
            changes: Vec::new(),
        }
    }

    fn remembers(&self) -> bool {
        self.row.table.flags() & FLAG_REMEMBER != 0
    }

    fn keeps(&self, number: u16) -> bool {
        self.kept.get(usize::from(number)).copied().unwrap_or(false)
    }

    fn slot(&self, index: u32) -> Slot {
        self.live.slot(self.row.table.block() * SLOTS_PER_BLOCK + index)
    }

    /// The slot of an entry that is needed.
    fn entry(&mut self, entry: Entry, now: u64) -> Option<u32> {
        let row = MemberRowId::of_flow(entry);
        let number = row.number_in(self.row.members)?;
        let index = entry.slot(self.row.table);
        let slot = self.slot(index);
        let is_asked_for = slot.is_tracked() || self.remembers();
        if entry.age(now) > u64::from(self.timeout) || !is_asked_for || self.live.member(row).family == 0 {
            return None;
        }
        *self.flows.entry(row).or_default() += 1;
        if slot.member() != Some(number) && self.keeps(number) {
            self.differing.insert(index);
        }
        Some(index)
    }

    /// Forgets whose the flows of a slot were, when those that nothing is remembered of have ended.
    fn expire_previous(&mut self) {
        let resizing = self.oldest.size() > 0;
        let table = if resizing { self.oldest } else { self.row.table };
        let first = table.block() * SLOTS_PER_BLOCK;
        let mut runs = Runs::default();
        // Where flows are hashed another way, entries are found by it as long as the table is there.
        let rehashed = table.flags() & FLAG_REHASHED != 0;
        let mut needed = false;
        for index in first..first + table.size() {
            let previous = self.live.previous(index);
            needed |= rehashed && u32::from(previous.age(self.live.clock())) <= self.timeout;
            let Some(member) = previous.member().filter(|_| resizing || self.live.slot(index).is_tracked()) else {
                continue;
            };
            if u32::from(previous.age(self.live.clock())) > self.timeout {
                runs.push(index, Previous::NONE);
            }
            if self.keeps(member) {
                needed = true;
                self.silent[usize::from(member)] += 1;
            }
        }
        self.changes.extend(runs.changes(|first, previous| Change::Previous { first, previous }));
        if resizing && !needed {
            self.changes.push(Change::OldTable { row: self.number, table: TableRef::default() });
        }
    }

    /// Ends the tracking of slots all of whose flows are their member's.
    fn stabilize(&mut self) {
        let first = self.row.table.block() * SLOTS_PER_BLOCK;
        let mut runs = Runs::default();
        for index in 0..self.row.table.size() {
            let slot = self.slot(index);
            if !slot.is_tracked() {
                continue;
            }
            let previous = self.live.previous(first + index).member();
            // Flows that are not known go to the slot's own member anyway where that had them before.
            let had = previous.is_some_and(|member| slot.member() != Some(member) && self.keeps(member));
            if self.oldest.size() > 0 || had || self.differing.contains(&index) {
                self.tracked += 1;
            } else {
                runs.push(first + index, slot.as_stable());
                self.stable_now.insert(index);
            }
        }
        self.changes.extend(runs.changes(|first, slots| Change::Slots { first, slots }));
    }

    fn finish(self) -> ServiceTransition {
        let members = (0_usize..).zip(MemberRowId::of_service(self.row.members));
        let draining = members.filter_map(|(number, row)| {
            let member = self.live.member(row);
            let is_draining = member.mode != 0 && member.flags & MEMBER_DRAINING != 0;
            let address = is_draining.then(|| member::ip(&member))?.filter(|ip| self.addresses.contains(ip))?;
            let slots = self.silent[number];
            let flows = self.flows.get(&row).copied().unwrap_or(0);
            Some(DrainingMember { address, slots, flows })
        });
        let draining: Vec<_> = draining.collect();
        let is_stable = self.tracked == 0 && self.oldest.size() == 0 && !self.remembers();
        let is_over = is_stable && draining.iter().all(|member| member.is_drained());
        ServiceTransition { id: self.id, tracked: self.tracked, draining, is_over }
    }
}
