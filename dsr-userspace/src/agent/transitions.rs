//! The flow clock, and the end of changes: what was remembered for one is forgotten when nobody needs it any more.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use super::balancer::Balancer;
use crate::{
    datapath::Datapath,
    model::{Condition, Desired, Health, ServiceId},
    reconcile::{TransitionStep, advance, apply, restamp},
};

/// How far changes have settled, as last seen.
#[derive(Debug)]
pub(super) struct Transitions {
    tick: u32,
    last: Instant,
    /// Whether what is remembered was stamped while the clock ran at another speed.
    other_speed: bool,
    /// The members that get no new flows, each with whether it has none left.
    pub(super) drained: Arc<BTreeMap<(ServiceId, IpAddr), bool>>,
}

impl Transitions {
    /// With ticks of so many seconds; what is remembered was stamped with ticks of `before`, zero where nothing is.
    pub(super) fn begin(tick: u32, before: u64) -> Self {
        let other_speed = before != 0 && before != u64::from(tick);
        Self { tick, last: Instant::now(), other_speed, drained: Arc::default() }
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

    /// Tells what has changed since the last time.
    fn tell(&mut self, desired: &Desired, health: &Health, step: &TransitionStep) {
        let by_id: HashMap<_, _> = desired.services.iter().map(|service| (service.id, service)).collect();
        let mut now = BTreeMap::new();
        for (service, seen) in step.services.iter().filter_map(|seen| Some((*by_id.get(&seen.id)?, seen))) {
            // One of the fallback that is not needed does not drain: it waits.
            let waits = |address: IpAddr| health.of(seen.id, address) == Condition::Standby;
            for member in seen.draining.iter().filter(|member| !waits(member.address)) {
                let key = (seen.id, member.address);
                let backend = service.backends.iter().find(|backend| backend.address == member.address);
                if member.is_drained() && self.drained.get(&key) != Some(&true) {
                    let backend = backend.map_or("", |backend| backend.name.as_str());
                    tracing::info!(service = service.name, backend, "drained: the backend has no flows left");
                }
                now.insert(key, member.is_drained());
            }
        }
        if *self.drained != now {
            self.drained = Arc::new(now);
        }
    }
}

impl Balancer {
    /// Advances the flow clock if it is time to, and ends what can be ended. To be called every second or so.
    pub(super) fn advance(&mut self) {
        if self.transitions.last.elapsed() < Duration::from_secs(self.transitions.tick.into()) {
            return;
        }
        self.transitions.last = Instant::now();
        let clock = self.datapath.clock();
        self.datapath.set_clock(clock.wrapping_add(1));
        let step = advance(&self.intent.desired, &self.datapath, self.transitions.tick);
        apply(&step.changes, &mut self.datapath);
        if !step.changes.is_empty() {
            tracing::debug!(changes = step.changes.len(), "settled");
        }
        self.transitions.tell(&self.intent.desired, &self.decision.health, &step);
    }
}

/// Seconds of a tick: so many that the longest timeout is not too long for the clock's bits in an entry.
pub(super) fn tick_seconds(desired: &Desired) -> u32 {
    let longest = desired.services.iter().map(|service| service.flow_timeout.seconds()).max().unwrap_or(1);
    longest.div_ceil(LONGEST_TICKS).max(1)
}

/// Ticks of the longest timeout; an entry tells less than 256 apart.
const LONGEST_TICKS: u32 = 120;
