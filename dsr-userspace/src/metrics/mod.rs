//! Metrics for Prometheus.
//!
//! Enters: a [`Snapshot`], built for each scrape by the owner of the counters. Leaves: the text exposition over HTTP.
//! Labels hold configured names and the program's own constants, never a client's address.

use std::net::IpAddr;

use dsr_common::stats::{Reason, Tracking};

use crate::{
    health::{Histogram, ReportedState, Standings, State, Target},
    model::{Cause, Port, Protocol},
    tunnel_errors::ErrorKind,
};

mod exposition;
mod server;

pub(crate) use exposition::family;
pub use server::{Error, bind, serve};

/// Everything that is exposed, at one point in time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// Traffic per member, summed over all CPUs.
    pub members: Vec<MemberSample>,
    /// Packets per reason and interface, summed over all CPUs.
    pub reasons: Vec<ReasonSample>,
    /// Reachability of each backend.
    pub backends: Vec<BackendSample>,
    /// Other hosts' claims to VIPs.
    pub claims: Vec<ClaimSample>,
    /// Claims that arrived too fast to be attributed to a host.
    pub claims_lost: u64,
    /// Results of health checks.
    pub checks: Vec<CheckSample>,
    /// Faults of backends.
    pub states: Vec<StateSample>,
    /// Names of the services with a fallback, and whether it serves.
    pub fallbacks: Vec<(String, bool)>,
    /// Agent reports of backends.
    pub reports: Vec<AgentReportSample>,
    /// Backends whose last probe could not be made on this host.
    pub unchecked: Vec<UncheckedSample>,
    /// ICMP errors about tunnels, by the backend at their end.
    pub tunnel_errors: Vec<TunnelErrorSample>,
    /// Probes that could not be made on this host, since the agent started.
    pub local_errors: u64,
    /// Slots in transition and the flows that are remembered.
    pub tracking: TrackingSample,
    /// Operators' overrides.
    pub overrides: Vec<OverrideSample>,
    /// Log lines that could not be written.
    pub log_lines_lost: u64,
    /// Configuration reloads.
    pub reload: Reloads,
    /// Whether the file on disk is not in force.
    pub config_refused: bool,
    /// Hash of the configuration in force; only its low [`CONFIG_HASH_BITS`] bits are exposed.
    pub config_hash: u64,
}

/// Bits of a configuration's hash that a Prometheus value, a double, represents exactly.
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
    /// Frames dropped because they came back from the backend.
    pub loops: u64,
    /// Maglev slots assigned to this member.
    pub slots: u32,
}

/// Frames that were not sent to a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReasonSample {
    /// Why they were passed, dropped or answered.
    pub reason: Reason,
    /// The name of the receiving interface.
    pub interface: String,
    /// Their number.
    pub packets: u64,
}

/// Whether packets can be sent to a backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackendSample {
    /// The pool's name.
    pub pool: String,
    /// The backend's name.
    pub backend: String,
    /// Whether the network can reach it.
    pub reachable: bool,
    /// Why not.
    pub cause: Option<String>,
}

/// ICMP errors about the tunnel to a backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TunnelErrorSample {
    /// The pool's name.
    pub pool: String,
    /// The backend's name.
    pub backend: String,
    /// What they say.
    pub kind: ErrorKind,
    /// Their number.
    pub errors: u64,
}

/// Claims of one host to a VIP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimSample {
    /// The VIP.
    pub vip: IpAddr,
    /// The host's MAC; `other` for hosts beyond the number that is listed.
    pub mac: String,
    /// The backend's name, `balancer` or `unknown`.
    pub backend: String,
    /// Number of packets with the claim.
    pub claims: u64,
    /// Whether the claim is current.
    pub holds: bool,
}

/// The result of one backend's check, seen from one service.
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
    /// Durations of its probes.
    pub took: Histogram,
}

impl From<Standings> for CheckSample {
    fn from(Standings { target, state, took, .. }: Standings) -> Self {
        let healthy = state == State::Up;
        let Target { pool, backend, service, .. } = &*target;
        Self { pool: pool.clone(), backend: backend.clone(), service: service.clone(), healthy, took }
    }
}

/// A fault of a backend, seen from one service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateSample {
    /// The pool's name.
    pub pool: String,
    /// The backend's name.
    pub backend: String,
    /// The service's name.
    pub service: String,
    /// The fault.
    pub cause: Cause,
}

/// A backend whose last probe could not be made, seen from one service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UncheckedSample {
    /// The pool's name.
    pub pool: String,
    /// The backend's name.
    pub backend: String,
    /// The service's name.
    pub service: String,
}

/// A backend's agent report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentReportSample {
    /// The pool's name.
    pub pool: String,
    /// The backend's name.
    pub backend: String,
    /// The report.
    pub said: ReportedState,
}

/// An operator's override of a backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OverrideSample {
    /// The pool's name.
    pub pool: String,
    /// The backend's name.
    pub backend: String,
    /// When, in seconds since 1970.
    pub since: u64,
}

/// Slots in transition and the flows that are remembered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrackingSample {
    /// Tracked slots, by the name of their service.
    pub slots: Vec<(String, u32)>,
    /// Established flows.
    pub flows: u64,
    /// Embryonic flows.
    pub embryonic: u64,
    /// Packets of tracked slots by how their member was selected, and evicted flows.
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
    /// Whether it has no flows left.
    pub drained: bool,
}

/// Configuration reloads since the agent started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reloads {
    /// The file was put in force.
    pub ok: u64,
    /// The file was rejected and changed nothing.
    pub error: u64,
}
