//! Where a flow goes: `POST /v1/explain`.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{ForwardView, MemberName};

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
    pub if_opening: Option<MemberName>,
}

/// The service and the slot of a flow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExplainedService {
    /// The service's name.
    pub name: String,
    /// VIP, port and protocol in one.
    pub address: String,
    /// The VLANs that the VIP is in on one interface at least, like `untagged`, `100` or `7.100`. In others its packets are
    /// passed on untouched.
    pub vlans: Vec<String>,
    /// How its packets reach the backend that the flow goes to.
    pub forward: Option<ForwardView>,
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
