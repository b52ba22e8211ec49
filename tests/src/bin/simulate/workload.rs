//! Flows: when they begin, how long they last, how often they send.
//!
//! Arrivals are a Poisson process, lifetimes are bounded Pareto (most flows are short, most flows that live at any time
//! are long), and a flow's packets come with exponential gaps, whose mean differs by orders of magnitude between flows.

use dsr_common::{
    address::{Address, Family},
    flow::Flow,
    hash::{HashKeys, Keys as _},
};

use crate::random::Random;

/// What the clients do. Numbers of flows are small, so that runs are short: what counts is the share that breaks, and
/// how many flows live for each that a table has room for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Workload {
    /// How long a run lasts.
    pub(crate) seconds: f64,
    /// New flows a second, in the whole cluster.
    pub(crate) flows_per_second: f64,
    /// No flow is silent for longer.
    pub(crate) silence_seconds: f64,
}

impl Workload {
    /// An hour.
    pub(crate) const HOUR: Self = Self { seconds: 3600.0, flows_per_second: 100.0, silence_seconds: 600.0 };
    /// Flows so few that a run takes a moment.
    pub(crate) const QUICK: Self = Self { flows_per_second: 10.0, ..Self::HOUR };
}

/// Shape of the lifetimes: close to 1, their mean is all in the tail.
const LIFETIME_SHAPE: f64 = 1.1;
/// The shortest and the longest lifetime in seconds.
const LIFETIME: (f64, f64) = (10.0, 7200.0);
/// The least mean gap between a flow's packets in seconds.
const GAP: f64 = 2.0;
/// The greatest, as a part of the longest silence.
const GAP_OF_SILENCE: f64 = 0.4;
/// From a client's SYN to its next packet in seconds.
const ROUND_TRIP: f64 = 0.05;

/// What is drawn when a flow begins.
pub(crate) struct Birth {
    /// The flow's hash on a balancer; its upper 32 bits choose the slot.
    pub(crate) hash: u64,
    /// The router's hash of it.
    pub(crate) route: u32,
    /// How long it lasts from now, in seconds.
    pub(crate) lasts: f64,
    /// Mean gap between its packets in seconds.
    pub(crate) gap: f64,
}

/// Draws flows.
pub(crate) struct Clients {
    workload: Workload,
    random: Random,
    balancer_keys: HashKeys,
    router_keys: HashKeys,
}

impl Clients {
    /// The same flows for the same seed, whatever becomes of them.
    pub(crate) fn new(workload: Workload, seed: u64) -> Self {
        let mut random = Random::new(seed, "flows");
        let (balancer_keys, router_keys) = (HashKeys::from_seed(random.bits()), HashKeys::from_seed(random.bits()));
        Self { workload, random, balancer_keys, router_keys }
    }

    /// How many flows live when the run begins: as many as in the long run.
    pub(crate) fn standing(&self) -> usize {
        let (low, high) = LIFETIME;
        let tail = (low / high).powf(LIFETIME_SHAPE - 1.0);
        let all = 1.0 - (low / high).powf(LIFETIME_SHAPE);
        let mean = low * LIFETIME_SHAPE / (LIFETIME_SHAPE - 1.0) * (1.0 - tail) / all;
        (self.workload.flows_per_second * mean) as usize
    }

    /// A flow that begins now.
    pub(crate) fn new_flow(&mut self) -> Birth {
        let lasts = self.random.pareto(LIFETIME_SHAPE, LIFETIME.0, LIFETIME.1);
        self.flow(lasts)
    }

    /// A flow that began before the run: the longer one lasts, the likelier it is met, and anywhere in its life.
    pub(crate) fn old_flow(&mut self) -> Birth {
        let whole = self.random.pareto(LIFETIME_SHAPE - 1.0, LIFETIME.0, LIFETIME.1);
        let left = whole * self.random.unit();
        self.flow(left)
    }

    /// Seconds until the next flow begins.
    pub(crate) fn until_next(&mut self) -> f64 {
        self.random.exponential(1.0 / self.workload.flows_per_second)
    }

    /// Seconds until a flow's next packet.
    pub(crate) fn until_packet(&mut self, gap: f64) -> f64 {
        self.random.exponential(gap).min(self.workload.silence_seconds)
    }

    /// Seconds from a flow's SYN to what follows it.
    pub(crate) fn until_second(&mut self) -> f64 {
        self.random.exponential(ROUND_TRIP)
    }

    /// The hashes of a random flow, as one of a flood of SYNs has them: for a balancer and for the router.
    pub(crate) fn stranger(&mut self) -> (u64, u32) {
        let flow = Flow {
            family: Family::V4,
            protocol: 6,
            client_port: self.random.bits() as u16,
            service_port: 443_u16.to_be(),
            client: Address { hi: 0, lo: self.random.bits() >> 32 },
            vip: Address::from_v4([192, 0, 2, 10]),
        };
        (self.balancer_keys.flow(&flow), (self.router_keys.flow(&flow) >> 32) as u32)
    }

    fn flow(&mut self, lasts: f64) -> Birth {
        let (hash, route) = self.stranger();
        Birth { hash, route, lasts, gap: self.random.log_uniform(GAP, self.workload.silence_seconds * GAP_OF_SILENCE) }
    }
}
