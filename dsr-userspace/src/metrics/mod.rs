//! Metrics for Prometheus.
//!
//! Enters: a [`Snapshot`], made anew for each scrape by whoever can read the counters. Leaves: the text exposition
//! over HTTP. Labels hold what the operator configured and what the program is made of, never a client's address.

use std::net::IpAddr;

use dsr_common::stats::{Reason, Tracking};

use crate::{
    health::{Histogram, ReportedState, Standings, State, Target},
    model::{Cause, Port, Protocol},
};

mod exposition;
mod server;

pub use server::{Error, bind, serve};

/// All that is exposed, at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// Each member's traffic, summed over the CPUs.
    pub members: Vec<MemberSample>,
    /// Each reason's packets on each interface, summed over the CPUs.
    pub reasons: Vec<ReasonSample>,
    /// Whether each backend can be reached.
    pub backends: Vec<BackendSample>,
    /// Claims of other hosts to VIPs.
    pub claims: Vec<ClaimSample>,
    /// Claims that nothing more is known of, because there were too many at a time.
    pub claims_lost: u64,
    /// What the checks of each backend found.
    pub checks: Vec<CheckSample>,
    /// What is wrong with backends.
    pub states: Vec<StateSample>,
    /// Of each service that has a fallback, by name, whether that serves.
    pub fallbacks: Vec<(String, bool)>,
    /// What backends say of themselves.
    pub reports: Vec<AgentReportSample>,
    /// Backends whose last probe could not be made on this host.
    pub unchecked: Vec<UncheckedSample>,
    /// Probes that could not be made on this host so far.
    pub local_errors: u64,
    /// What is remembered of flows while slots change.
    pub tracking: TrackingSample,
    /// What operators said of backends.
    pub overrides: Vec<OverrideSample>,
    /// Lines of the log that were lost.
    pub log_lines_lost: u64,
    /// How often the configuration was read again.
    pub reload: Reloads,
    /// Whether the file on disk is not in force.
    pub config_refused: bool,
    /// A hash of the configuration that is in force; only its low [`CONFIG_HASH_BITS`] bits are exposed.
    pub config_hash: u64,
}

/// Bits of a configuration's hash that a Prometheus value, a double, holds exactly.
pub const CONFIG_HASH_BITS: u32 = f64::MANTISSA_DIGITS;

/// One backend seen from one service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberSample {
    /// The service's name.
    pub service: String,
    /// Its VIP.
    pub vip: IpAddr,
    /// Its protocol.
    pub protocol: Protocol,
    /// Its port.
    pub port: Port,
    /// The backend's name.
    pub backend: String,
    /// Frames sent to the backend.
    pub packets: u64,
    /// Their bytes, from the link header to the end of the IP packet.
    pub bytes: u64,
    /// TCP connections opened.
    pub new_flows: u64,
    /// Frames that came back from the backend and were dropped.
    pub loops: u64,
    /// Slots of the service's table that new flows reach this member by.
    pub slots: u32,
}

/// Frames that were not sent to a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReasonSample {
    /// Why they were passed, dropped or answered.
    pub reason: Reason,
    /// The name of the interface that they came in on.
    pub interface: String,
    /// How many there were.
    pub packets: u64,
}

/// Whether packets can be sent to a backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackendSample {
    /// The pool's name.
    pub pool: String,
    /// The backend's name.
    pub backend: String,
    /// Whether the network leads to it.
    pub reachable: bool,
    /// Why not.
    pub cause: Option<String>,
}

/// Claims of one host to a VIP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimSample {
    /// The VIP.
    pub vip: IpAddr,
    /// The host's MAC; `other` for those that were too many to be told apart.
    pub mac: String,
    /// The backend's name, `balancer` or `unknown`.
    pub backend: String,
    /// How often it was heard.
    pub claims: u64,
    /// Whether it was heard lately.
    pub holds: bool,
}

/// What the check of one backend, seen from one service, found.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckSample {
    /// The pool's name.
    pub pool: String,
    /// The backend's name.
    pub backend: String,
    /// The service's name.
    pub service: String,
    /// Whether it is up.
    pub healthy: bool,
    /// How long its probes took.
    pub took: Histogram,
}

impl From<Standings> for CheckSample {
    fn from(Standings { target, state, took, .. }: Standings) -> Self {
        let healthy = state == State::Up;
        let Target { pool, backend, service, .. } = &*target;
        Self { pool: pool.clone(), backend: backend.clone(), service: service.clone(), healthy, took }
    }
}

/// What is wrong with a backend, seen from one service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateSample {
    /// The pool's name.
    pub pool: String,
    /// The backend's name.
    pub backend: String,
    /// The service's name.
    pub service: String,
    /// What it is.
    pub cause: Cause,
}

/// A backend that is not checked now, seen from one service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UncheckedSample {
    /// The pool's name.
    pub pool: String,
    /// The backend's name.
    pub backend: String,
    /// The service's name.
    pub service: String,
}

/// What a backend says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentReportSample {
    /// The pool's name.
    pub pool: String,
    /// The backend's name.
    pub backend: String,
    /// What it said.
    pub said: ReportedState,
}

/// What an operator said of a backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OverrideSample {
    /// The pool's name.
    pub pool: String,
    /// The backend's name.
    pub backend: String,
    /// When, in seconds since 1970.
    pub since: u64,
}

/// What is remembered of flows while slots change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrackingSample {
    /// Slots that the flow table is asked for, by the name of their service.
    pub slots: Vec<(String, u32)>,
    /// Flows that are remembered.
    pub flows: u64,
    /// Flows of which only the first packet has come.
    pub embryonic: u64,
    /// How packets of such slots found their member, and what was forgotten.
    pub packets: Vec<(Tracking, u64)>,
    /// Backends that get no new flows.
    pub draining: Vec<DrainingSample>,
}

/// A backend that gets no new flows from a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DrainingSample {
    /// The service's name.
    pub service: String,
    /// The backend's name.
    pub backend: String,
    /// Whether it has no flows any more.
    pub drained: bool,
}

/// How often the configuration was read again since the agent started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reloads {
    /// It was good and was put into force.
    pub ok: u64,
    /// It was bad and changed nothing.
    pub error: u64,
}
