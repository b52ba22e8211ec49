//! What an agent does: the answer to `GET /v1/status`.

use std::{collections::BTreeMap, fmt, net::IpAddr};

use serde::{Deserialize, Serialize};

/// What an agent does at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// Its version.
    pub version: String,
    /// Seconds since it started.
    pub uptime_seconds: u64,
    /// Its configuration file.
    pub config: String,
    /// The hash of the configuration that is in force, as `dsr_config_hash` has it.
    pub config_hash: u64,
    /// How often the file was read again.
    pub reloads: ReloadCounts,
    /// Whether a trace runs.
    pub tracing: bool,
    /// The interfaces of the configuration.
    pub interfaces: Vec<InterfaceStatus>,
    /// The services, in the order of the file.
    pub services: Vec<ServiceStatus>,
    /// What is wrong at this moment.
    pub findings: Vec<StatusFinding>,
}

/// One thing that is wrong. Prints as `OBJECT: FINDING: REMEDY`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusFinding {
    /// What it is about: the name of an interface or a service, or the configuration file.
    pub object: String,
    /// What is wrong with it.
    pub finding: String,
    /// What to do.
    pub remedy: String,
}

impl StatusFinding {
    /// A finding about an object.
    pub fn new(object: impl fmt::Display, finding: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { object: object.to_string(), finding: finding.into(), remedy: remedy.into() }
    }
}

impl fmt::Display for StatusFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.object, self.finding, self.remedy)
    }
}

/// How often the file was read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReloadCounts {
    /// It was put into force.
    pub ok: u64,
    /// It changed nothing.
    pub error: u64,
}

/// An interface of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceStatus {
    /// Its name.
    pub name: String,
    /// How the program is attached: `native` or `generic`; nothing where it is not.
    pub mode: Option<String>,
    /// Its MAC; nothing where the interface is gone.
    pub mac: Option<String>,
    /// Its MTU in bytes.
    pub mtu: Option<u32>,
    /// Whether it is up and has a carrier.
    pub up: bool,
}

/// A service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServiceStatus {
    /// Its name.
    pub name: String,
    /// VIP, port and protocol in one, like `192.0.2.10:80/tcp`.
    pub address: String,
    /// Its VIP.
    pub vip: IpAddr,
    /// Its protocol.
    pub protocol: String,
    /// Its port, or `any`.
    pub port: String,
    /// Its pool's name.
    pub pool: String,
    /// How packets reach its backends, like `l2` or `gue`.
    pub forward: String,
    /// The pool that serves where too few of that one's backends are up; it may be the same.
    pub fallback: Option<String>,
    /// Whether it does.
    pub on_fallback: bool,
    /// Whether backends are used that are down, since too few are up.
    pub all_used: bool,
    /// Slots of its table.
    pub slots: u32,
    /// How many of them are tracked.
    pub tracked_slots: u32,
    /// Its members, in the order of the file.
    pub members: Vec<MemberStatus>,
}

/// A backend seen from one service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MemberStatus {
    /// The backend's name.
    pub backend: String,
    /// Its own address.
    pub address: IpAddr,
    /// Its pool: the service's, or that of the service's fallback.
    pub pool: String,
    /// Whether it gets flows.
    pub state: MemberState,
    /// What is wrong, in a word as `dsr_backend_state` has it, or why the network does not lead to it.
    pub cause: Option<String>,
    /// What was seen of that.
    pub detail: Option<String>,
    /// The weight that counts.
    pub weight: u16,
    /// What the file says, where an operator has said otherwise since: `dsr drain` or `dsr weight`; or the backend itself.
    pub weight_in_file: Option<u16>,
    /// What the backend says of itself by its agent check: `75%`, `drain`, `down`.
    pub says: Option<String>,
    /// Slots that name it.
    pub slots: u32,
    /// Their share of the service's slots, from 0 to 1.
    pub share: f64,
    /// Frames sent to it.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
    /// TCP connections opened.
    pub new_flows: u64,
    /// Frames that came back from it.
    pub loops: u64,
    /// ICMP errors about the tunnel to it, by kind as `dsr_backend_tunnel_icmp_errors_total` has it; those above zero.
    #[serde(default)]
    pub tunnel_icmp_errors: BTreeMap<String, u64>,
}

/// Whether a backend gets flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemberState {
    /// It does.
    Up,
    /// Nothing can be sent to it.
    Unreachable,
    /// It does not pass its check, or says itself that it is down.
    Down,
    /// It is of the fallback, and not needed.
    Standby,
    /// It gets no new flows and has some.
    Draining,
    /// It gets no new flows and has none.
    Drained,
}
