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
    /// What the file says, where an operator has said otherwise since: `dsr drain` or `dsr weight`.
    pub weight_in_file: Option<u16>,
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
    /// It gets no new flows and has some.
    Draining,
    /// It gets no new flows and has none.
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

/// What an operator says of a backend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OverrideRequest {
    /// The backend's name.
    pub backend: String,
    /// Its pool, which may be left out where only one has a backend of this name.
    #[serde(default)]
    pub pool: Option<String>,
    /// What is said.
    pub say: Say,
}

/// What counts for a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Say {
    /// No new flows.
    Drain,
    /// The file's weight again.
    AsInFile,
    /// This weight.
    Weight(u16),
}

/// What counts for a backend from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverrideAnswer {
    /// The backend's pool.
    pub pool: String,
    /// Its name.
    pub backend: String,
    /// Its weight.
    pub weight: u16,
    /// The weight that the file has for it.
    pub weight_in_file: u16,
}

/// A flow to be explained.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExplainRequest {
    /// The client.
    pub client: IpAddr,
    /// Its port, zero where the protocol has none.
    #[serde(default)]
    pub client_port: u16,
    /// The VIP.
    pub vip: IpAddr,
    /// The port that it is sent to, zero where the protocol has none.
    #[serde(default)]
    pub port: u16,
    /// The number of the protocol in the IP header.
    pub protocol: u8,
}

/// Where the packets of a flow go, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// The service that the flow belongs to.
    pub service: Option<ExplainedService>,
    /// Where its packets go if it has begun.
    pub member: Option<MemberName>,
    /// Why: `stable`, `remembered`, `remembered_syn`, `previous`, `previous_is_gone`, `new`, `no_backend`, `no_service`.
    pub why: String,
    /// The same in words.
    pub meaning: String,
    /// Where a connection goes that begins now.
    pub newcomer: Option<MemberName>,
}

/// The service and the slot of a flow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExplainedService {
    /// The service's name.
    pub name: String,
    /// VIP, port and protocol in one.
    pub address: String,
    /// The flow's hash, hexadecimal.
    pub hash: String,
    /// Its slot.
    pub slot: u32,
    /// Slots of the service's table.
    pub slots: u32,
    /// Whether the slot's member changed a while ago.
    pub tracked: bool,
    /// The slot's member.
    pub current: Option<MemberName>,
    /// The member that a tracked slot had before.
    pub previous: Option<MemberName>,
}

/// A configuration to compare with the one that is in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PreviewRequest {
    /// Its text.
    pub text: String,
    /// Where that is from, for messages.
    pub file: String,
    /// The seed that counts where the text has none.
    pub hash_seed: u64,
}

/// What a configuration would change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Preview {
    /// The configuration that is in force.
    pub in_force: String,
    /// Why the program would be loaded anew, a line each; none where it need not be.
    pub loads_anew: Vec<String>,
    /// Octets of the tables now.
    pub bytes_before: u64,
    /// Octets of the tables then.
    pub bytes_after: u64,
    /// The services of both, those of the new one first, in its order.
    pub services: Vec<ServiceChange>,
}

/// What would change for a service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServiceChange {
    /// Its name.
    pub name: String,
    /// VIP, port and protocol in one.
    pub address: String,
    /// What becomes of it.
    pub kind: ChangeKind,
    /// Slots of its table now; zero where there is none.
    pub slots_before: u32,
    /// Slots of its table then.
    pub slots_after: u32,
    /// Share of its flows to come that get another backend than now, from 0 to 1.
    pub moved: f64,
    /// Share of its flows that would lose their backend at once.
    pub lost: f64,
    /// Flows that are remembered now.
    pub flows: u64,
    /// How many of those would lose their backend.
    pub flows_lost: u64,
    /// Octets of its slots and members now.
    pub bytes_before: u64,
    /// The same then.
    pub bytes_after: u64,
}

/// What becomes of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// It goes.
    Removed,
    /// Some flows get another backend, or could be lost.
    Changed,
    /// Nothing moves.
    Same,
}
