//! The flow clock and the end of transitions: flows remembered for a transition are forgotten once it has ended.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::{Duration, Instant},
};

use super::Program;
use crate::{
    agent::state::{Index, State},
    datapath::Datapath,
    model::{Condition, Desired, ServiceId},
    reconcile::{TransitionStep, advance_some, apply, restamp},
};

/// The transitions of services, as last seen.
#[derive(Debug)]
pub(super) struct Transitions {
    tick: u32,
    last: Instant,
    /// Whether what is remembered was stamped while the clock ran at another speed.
    other_speed: bool,
    /// Services whose transition is not over, or of which that is not known yet.
    in_transition: BTreeSet<ServiceId>,
    /// The members that get no new flows, each with whether it has none left.
    pub(super) drained: Arc<BTreeMap<(ServiceId, IpAddr), bool>>,
}

impl Transitions {
    /// With ticks of so many seconds; what is remembered was stamped with ticks of `before`, zero where nothing is.
    pub(super) fn begin(tick: u32, before: u64) -> Self {
        let other_speed = before != 0 && before != u64::from(tick);
        Self { tick, last: Instant::now(), other_speed, in_transition: BTreeSet::new(), drained: Arc::default() }
    }

    /// These services were planned.
    pub(super) fn look_at(&mut self, services: impl IntoIterator<Item = ServiceId>) {
        self.in_transition.extend(services);
    }

    /// Nothing is known of any service.
    pub(super) fn look_at_all(&mut self, desired: &Desired) {
        self.look_at(desired.services.iter().map(|service| service.id));
    }

    /// Ticks of another length from now on.
    pub(super) fn set_tick(&mut self, tick: u32, datapath: &mut Datapath) {
        self.other_speed |= self.tick != tick;
        self.tick = tick;
        self.restamp(datapath);
    }

    /// Lets stamps count as made now where they were made at another speed: so none is too old too early.
    pub(super) fn restamp(&mut self, datapath: &mut Datapath) {
        if std::mem::take(&mut self.other_speed) {
            restamp(datapath);
        }
    }

    /// Takes in what a step found, and tells what has changed.
    pub(super) fn follow(&mut self, state: &State, step: &TransitionStep) {
        for seen in &step.services {
            if seen.is_over {
                self.in_transition.remove(&seen.id);
            }
            let Some(service) = state.index.place(seen.id).map(|place| &state.config.desired.services[place]) else {
                continue;
            };
            // One of the fallback that is not needed does not drain: it waits.
            let waits = |address: IpAddr| state.decision.health.of(seen.id, address) == Condition::Standby;
            let draining = seen.draining.iter().filter(|member| !waits(member.address));
            let now: BTreeMap<_, _> = draining.map(|member| (member.address, member.is_drained())).collect();
            let before = self.drained_of(seen.id);
            for (address, _) in now.iter().filter(|(address, is)| **is && before.get(address) != Some(&true)) {
                let backend = service.backends.iter().find(|backend| backend.address == *address);
                let backend = backend.map_or("", |backend| backend.name.as_str());
                tracing::info!(service = service.name, backend, "drained: the backend has no flows left");
            }
            if before != now {
                let drained = Arc::make_mut(&mut self.drained);
                for address in before.keys() {
                    drained.remove(&(seen.id, *address));
                }
                drained.extend(now.into_iter().map(|(address, is)| ((seen.id, address), is)));
            }
        }
    }

    fn drained_of(&self, id: ServiceId) -> BTreeMap<IpAddr, bool> {
        let own = self.drained.range((id, IpAddr::V4(Ipv4Addr::UNSPECIFIED))..).take_while(|((of, _), _)| *of == id);
        own.map(|((_, address), is)| (*address, *is)).collect()
    }

    /// The services whose transition is not over, by their places.
    pub(super) fn places(&self, index: &Index) -> BTreeSet<usize> {
        self.in_transition.iter().filter_map(|id| index.place(*id)).collect()
    }

    /// Forgets services that are gone.
    pub(super) fn keep_only(&mut self, index: &Index) {
        self.in_transition.retain(|id| index.place(*id).is_some());
        if self.drained.keys().any(|(id, _)| index.place(*id).is_none()) {
            Arc::make_mut(&mut self.drained).retain(|(id, _), _| index.place(*id).is_some());
        }
    }
}

impl Program {
    /// Lets the flow clock run as the timeouts of the configuration need it.
    pub(in crate::agent) fn follow_timeouts(&mut self, state: &State) {
        self.transitions.set_tick(tick_seconds(&state.config.desired), &mut self.datapath);
    }

    /// Advances the flow clock if it is time to, and ends what can be ended. To be called every second or so.
    pub(in crate::agent) fn advance(&mut self, state: &State) {
        if self.transitions.last.elapsed() < Duration::from_secs(self.transitions.tick.into()) {
            return;
        }
        self.transitions.last = Instant::now();
        let clock = self.datapath.clock();
        self.datapath.set_clock(clock.wrapping_add(1));
        let places = self.transitions.places(&state.index);
        let step = advance_some(&state.config.desired, places, &self.datapath, self.transitions.tick);
        apply(&step.changes, &mut self.datapath);
        if !step.changes.is_empty() {
            tracing::debug!(changes = step.changes.len(), "transitions advanced");
        }
        self.transitions.follow(state, &step);
    }
}

/// Seconds of a tick: so many that the longest timeout is not too long for the clock's bits in an entry.
pub(super) fn tick_seconds(desired: &Desired) -> u32 {
    let longest = desired.services.iter().map(|service| service.flow_timeout.seconds()).max().unwrap_or(1);
    longest.div_ceil(LONGEST_TICKS).max(1)
}

/// Ticks of the longest timeout; an entry tells less than 256 apart.
const LONGEST_TICKS: u32 = 120;
