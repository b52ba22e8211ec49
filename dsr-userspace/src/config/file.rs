//! The rows of a file as an operator writes them: nothing is checked here but that a field is of its kind.

use std::{collections::BTreeMap, net::SocketAddr};

use dsr_common::vlan::Vlan;
use serde::Deserialize;
use serde_yaml::Value;

use super::{
    FileWatch, XdpMode,
    address::HostAddress,
    arp_watch,
    duration::Span,
    fallback::FallbackField,
    field::{Entries, Field, Read, row},
    health::{self, HealthField, ProbePort, Text},
    scalar::{ApiSocket, FlowCount, InterfaceName, Name, PoolName, ReturnTimeout, Seed},
};
use crate::model::{Affinity, Announce, FlowTimeout, Forward, OnAgentDeath, OnEmpty, Port, Protocol, Weight};

/// A field that was read before.
pub(super) struct Anything;

impl Read for Anything {
    const WRITE: &'static str = "a file, like conf.d/*.yaml, or a list of files";

    fn read(_: Value) -> Result<Self, String> {
        Ok(Self)
    }
}

/// What is written beside the fields that there are.
pub(super) type Unknown = BTreeMap<String, Value>;

/// A row whose fields have names.
pub(super) trait Row: Read {
    /// What it is, as in "is not a field of ...".
    const WHAT: &'static str;
    /// The names of its fields.
    const FIELDS: &'static [&'static str];
    /// Fields that this version does not have, and what to know of each.
    const OTHER: &'static [(&'static str, &'static str)];

    /// Takes out what is written beside the fields that there are.
    fn take_unknown(&mut self) -> Unknown;
}

/// The whole file.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct File {
    pub(super) interfaces: Field<Vec<Field<InterfaceName>>>,
    pub(super) metrics: Field<SocketAddr>,
    pub(super) api: Field<ApiSocket>,
    /// Followed before.
    include: Field<Anything>,
    pub(super) watch: Field<FileWatch>,
    pub(super) hash_seed: Field<Seed>,
    pub(super) xdp_mode: Field<XdpMode>,
    pub(super) arp_watch: Field<arp_watch::Written>,
    pub(super) balancers: Field<Vec<Field<HostAddress>>>,
    pub(super) flow_table: Field<FlowTableRow>,
    pub(super) pools: Field<Entries<PoolRow>>,
    pub(super) services: Field<Vec<Field<ServiceRow>>>,
    #[serde(flatten)]
    unknown: Unknown,
}

/// How to watch for claims to VIPs.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct ArpWatchRow {
    pub(super) interval: Field<Span>,
    #[serde(flatten)]
    unknown: Unknown,
}

/// How many flows can be remembered.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct FlowTableRow {
    pub(super) established: Field<FlowCount>,
    pub(super) embryonic: Field<FlowCount>,
    #[serde(flatten)]
    unknown: Unknown,
}

/// A pool, below its name.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct PoolRow {
    pub(super) forward: Field<Forward>,
    pub(super) health: Field<HealthField>,
    pub(super) agent_check: Field<AgentCheckRow>,
    pub(super) fallback: Field<FallbackField>,
    pub(super) backends: Field<Vec<Field<BackendRow>>>,
    #[serde(flatten)]
    unknown: Unknown,
}

/// Where the backends of a pool say themselves what they can take.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct AgentCheckRow {
    pub(super) port: Field<ProbePort>,
    pub(super) interval: Field<health::Span>,
    pub(super) timeout: Field<health::Span>,
    pub(super) send: Field<Text>,
    #[serde(flatten)]
    unknown: Unknown,
}

/// A backend of a pool.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct BackendRow {
    pub(super) name: Field<Name>,
    pub(super) address: Field<HostAddress>,
    pub(super) weight: Field<Weight>,
    #[serde(flatten)]
    unknown: Unknown,
}

/// A service.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct ServiceRow {
    pub(super) name: Field<Name>,
    pub(super) vip: Field<HostAddress>,
    pub(super) port: Field<Port>,
    pub(super) protocol: Field<Protocol>,
    pub(super) pool: Field<PoolName>,
    pub(super) announce: Field<Announce>,
    pub(super) vlans: Field<Vec<Field<Vlan>>>,
    pub(super) on_empty: Field<OnEmpty>,
    pub(super) on_agent_death: Field<OnAgentDeath>,
    pub(super) affinity: Field<Affinity>,
    pub(super) flow_timeout: Field<FlowTimeout>,
    pub(super) return_timeout: Field<ReturnTimeout>,
    pub(super) health: Field<HealthField>,
    #[serde(flatten)]
    unknown: Unknown,
}

macro_rules! rows {
    ($($row:ident = $what:literal, $write:literal, $many:literal, [$($field:literal),*], $other:expr;)+) => {$(
        impl Read for $row {
            const WRITE: &'static str = $write;
            const WRITE_MANY: &'static str = $many;

            fn read(value: Value) -> Result<Self, String> {
                row(value, $what)
            }
        }

        impl Row for $row {
            const WHAT: &'static str = $what;
            const FIELDS: &'static [&'static str] = &[$($field),*];
            const OTHER: &'static [(&'static str, &'static str)] = $other;

            fn take_unknown(&mut self) -> Unknown {
                std::mem::take(&mut self.unknown)
            }
        }
    )+};
}

pub(super) use rows;

rows! {
    File = "a configuration", "`interfaces:`, `pools:` and `services:`, each on a line of its own", "one",
        ["interfaces", "metrics", "api", "hash_seed", "xdp_mode", "arp_watch", "balancers", "flow_table", "include", "watch",
         "pools", "services"],
        &[("flow_timeout", "a service has it: write it there"), ("return_timeout", "a service has it: write it there"),
          ("on_agent_death", "a service has it: write it there")];
    FlowTableRow = "a flow table", "{established: 1048576, embryonic: 131072}", "one", ["established", "embryonic"], &[];
    ArpWatchRow = "how to watch", "{interval: 60s}, or off", "one", ["interval"], &[];
    PoolRow = "a pool", "{backends: [{name: web1, address: 10.0.0.11}]}",
        "each pool below its name, like {web: {backends: [{name: web1, address: 10.0.0.11}]}}",
        ["forward", "health", "agent_check", "fallback", "backends"],
        &[("min_healthy", "a health check has it: write it in `health`"),
          ("on_down", "a health check has it: write it in `health`")];
    AgentCheckRow = "an agent check", "{port: 9777}", "one", ["port", "interval", "timeout", "send"], &[];
    BackendRow = "a backend", "{name: web1, address: 10.0.0.11}", "a list, like [{name: web1, address: 10.0.0.11}]",
        ["name", "address", "weight"],
        &[("port", "a backend has no port: with Direct Server Return a port cannot be translated, \
                    the backend listens on the service's; remove it")];
    ServiceRow = "a service", "{name: www, vip: 192.0.2.10, port: 80, pool: web}",
        "a list, like [{name: www, vip: 192.0.2.10, port: 80, pool: web}]",
        ["name", "vip", "port", "protocol", "pool", "announce", "vlans", "on_empty", "on_agent_death", "affinity", "flow_timeout",
         "return_timeout", "health"],
        &[("backends", "a service has a pool: write the backends in a pool, and its name here"),
          ("address", "the address of a service is its VIP: write `vip`")];
}
