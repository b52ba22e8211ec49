//! What goes over the socket. Addresses, protocols and states are written as an operator writes them.

use std::net::IpAddr;

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
    /// What is wrong, one line each.
    pub findings: Vec<String>,
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
    /// Its MTU in octets.
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
    /// Whether it gets flows.
    pub state: MemberState,
    /// Why not.
    pub cause: Option<String>,
    /// Its weight.
    pub weight: u16,
    /// Slots that name it.
    pub slots: u32,
    /// Their share of the service's slots, from 0 to 1.
    pub share: f64,
    /// Frames sent to it.
    pub packets: u64,
    /// Their octets.
    pub bytes: u64,
    /// TCP connections opened.
    pub new_flows: u64,
    /// Frames that came back from it.
    pub loops: u64,
}

/// Whether a backend gets flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemberState {
    /// It does.
    Up,
    /// Nothing can be sent to it.
    Unreachable,
    /// Its weight is zero.
    Drained,
}

/// Which frames to tell of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TraceRequest {
    /// The client, every one if none is named.
    #[serde(default)]
    pub client: Option<IpAddr>,
    /// Its port, every one if none is named.
    #[serde(default)]
    pub client_port: Option<u16>,
    /// The VIP.
    pub vip: IpAddr,
    /// The service's port, every one if none is named.
    #[serde(default)]
    pub port: Option<u16>,
    /// How many to tell of, at most.
    #[serde(default)]
    pub count: Option<u64>,
    /// For how many seconds, at most.
    pub seconds: u64,
}

/// A line of a trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TraceLine {
    /// What became of a frame.
    Frame(Box<Decision>),
    /// Nothing for a while; the trace goes on.
    Alive,
    /// The trace is over, and why.
    End(String),
}

/// What became of one frame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// When: microseconds since 1970.
    pub time_us: u64,
    /// The interface that it came in on.
    pub interface: String,
    /// Its sender.
    pub client: IpAddr,
    /// The sender's port, where it has one.
    pub client_port: Option<u16>,
    /// The VIP that it was sent to.
    pub vip: IpAddr,
    /// The port that it was sent to, where it has one.
    pub port: Option<u16>,
    /// Its protocol: a name, or the number in its IP header.
    pub protocol: String,
    /// Whether it opens a TCP connection.
    pub opens: bool,
    /// The service that its flow belongs to.
    pub service: Option<String>,
    /// The slot of its flow.
    pub slot: Option<u32>,
    /// The member that it was given.
    pub member: Option<MemberName>,
    /// `sent`, or the reason as `dsr_reason_packets_total` has it.
    pub outcome: String,
    /// What that means.
    pub meaning: String,
}

/// A member and the way to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberName {
    /// The backend's name.
    pub backend: String,
    /// Its own address.
    pub address: IpAddr,
    /// The MAC that its frames are sent to.
    pub mac: Option<String>,
    /// The interface that they leave by.
    pub interface: Option<String>,
}
