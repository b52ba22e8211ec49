//! What becomes of packets: `POST /v1/trace`.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

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
