//! The sections of a balancer's configuration, but for its health checks, which are in `health/rows.rs`.
//!
//! This is the one place where their fields are described; `schema::section!` says how to add one.

use std::net::SocketAddr;

use dsr_common::{limits, vlan::Vlan};

use super::{
    FileWatch, XdpMode,
    address::HostAddress,
    dscp::CodesField,
    duration::{ProbeTime, ReturnTimeout, WatchInterval},
    fallback::FallbackField,
    forward::ForwardField,
    health::{HealthField, ProbePort, Text},
    include::Include,
    listen::API_SOCKET,
    scalar::{ApiSocket, FlowCount, GreKey, InterfaceName, Name, PoolName, Seed},
    schema::{
        Absent::{Default, Optional, Required},
        FileKind, List, Named, Word, WordOr, section,
    },
    sources::SourcesField,
};
use crate::model::{Affinity, Announce, FlowTimeout, GueVariant, OnAgentDeath, OnEmpty, Port, Protocol, Weight};

/// The most interfaces and backends of a pool, as lists count.
pub(super) const INTERFACES_MOST: usize = limits::INTERFACES_MAX as usize;
pub(super) const BACKENDS_MOST: usize = limits::MEMBERS_PER_SERVICE as usize;

/// The file, as schemas describe it.
pub(super) const KIND: FileKind =
    FileKind { title: "Configuration of dsr", top: &File::SECTION, included: &["pools", "services"] };

section! {
    /// The whole file.
    File "configuration": "a configuration", "`interfaces:`, `pools:` and `services:`, each on a line of its own" {
        interfaces: List<InterfaceName, 1, INTERFACES_MOST> = Required, "list of interface names: those that receive packets for the VIPs and those that lead to the backends. At least one, no duplicates, at most 16";
        pools: Named<PoolRow> = Required, "mapping from name to [pool](#pools); at least one";
        services: List<ServiceRow, 1> = Required, "list of [services](#services); at least one";
        metrics: SocketAddr = Optional("metrics disabled"), "address and port (1 to 65535) that serve Prometheus metrics, like `127.0.0.1:9650`; write an IPv6 address in brackets and quote the value, `\"[::1]:9650\"`";
        api: ApiSocket = Default(API_SOCKET), "path of the Unix socket of the [admin API](commands.md#the-api), or `off`";
        hash_seed: Seed = Optional("derived from `/etc/machine-id`"), "integer of at most 64 bits, decimal or hexadecimal with `0x`: the key of the hash that maps a flow to a backend";
        xdp_mode: XdpMode = Default("native"), "`native` or `generic`";
        arp_watch: WordOr<Off, ArpWatchRow> = Default("{}"), "`{interval: 60s}`: how often the agent queries the network for each VIP, from `1s` to `24h`; or `off`: no queries";
        balancers: List<HostAddress> = Optional("none"), "list of addresses: the cluster's balancers, by their own addresses on the backends' segments";
        include: Include = Optional("none"), "files with more `pools` and `services`, one or a list: `conf.d/*.yaml`, see below";
        watch: FileWatch = Default("on"), "`on`: reload when a file changes; `off`: reload only on `dsr reload` or SIGHUP";
        dscp: CodesField = Optional("derived from the VIPs"), "mapping from VIP to the [DSCP code](#dscp), 1 to 63, that stands for it in forward mode `dscp`: `{\"192.0.2.10\": 8}`. A VIP that is not listed has a derived code; with `{}` that is every VIP";
        flow_table: FlowTableRow = Default("{}"), "capacity for flows that have to be remembered: `{established: N, embryonic: N}`, see [Affinity](#affinity); each an integer from 1024 to 67108864, rounded up to a power of two";
    }
    elsewhere {
        "flow_timeout": SERVICES;
        "return_timeout": SERVICES;
        "on_agent_death": SERVICES;
    }

    /// How to watch for claims to VIPs.
    ArpWatchRow "arp_watch": "how to watch", "{interval: 60s}" {
        interval: WatchInterval = Default("60s"), "how often the agent queries the network for each VIP, `1s` to `24h`";
    }

    /// How many flows can be remembered.
    FlowTableRow "flow_table": "a flow table", "{established: 1048576, embryonic: 131072}" {
        established: FlowCount = Default("1048576"), "flows of which at least two packets were seen";
        embryonic: FlowCount = Default("131072"), "flows of which only the first packet was seen";
    }

    /// A pool, below its name.
    PoolRow "pool": "a pool", "{backends: [{name: web1, address: 10.0.0.11}]}",
        many "each pool below its name, like {web: {backends: [{name: web1, address: 10.0.0.11}]}}" {
        forward: ForwardField = Default("l2"), "how packets reach a backend: `l2`, `dscp`, `ipip`, `gre`, `gue`, or one of these with parameters, see [Forward modes](#forward-modes)";
        health: HealthField = Optional("no check: a backend that answers ARP is used"), "the [health check](#health) for the backends, or `none`";
        agent_check: AgentCheckRow = Optional("no agent check"), "where the backends [report](#agent-check) their own weight and state";
        fallback: FallbackField = Optional("none"), "what serves [when too few backends are up](#fallback): the name of another pool, or a backend";
        backends: List<BackendRow, 1, BACKENDS_MOST> = Required, "list of backends; at least one, at most 32767";
    }
    elsewhere {
        "min_healthy": "a health check has it: write it in `health`";
        "on_down": "a health check has it: write it in `health`";
    }

    /// A forward mode with parameters.
    ForwardRow "forward": "a forward mode", "{gue: {port: 6080}}" {
        ipip: IpipRow = Optional(ONE_MODE), "IP in IP: `{}`";
        gre: GreRow = Optional(ONE_MODE), "GRE";
        gue: GueRow = Optional(ONE_MODE), "Generic UDP Encapsulation";
    }
    elsewhere {
        "l2": "has no parameters: write `forward: l2`";
        "dscp": "has no parameters here: write `forward: dscp`, and the codes of VIPs in `dscp` at the top level";
    }
    rules r#"{"oneOf": [{"required": ["ipip"]}, {"required": ["gre"]}, {"required": ["gue"]}]}"#

    /// IP in IP.
    IpipRow "ipip": "forward mode ipip", "{source: 10.0.0.2}" {
        source: SourcesField = Optional(BY_ROUTE), SOURCE;
    }

    /// GRE.
    GreRow "gre": "forward mode gre", "{key: 7}" {
        key: GreKey = Optional("no key"), "integer of at most 32 bits, decimal or hexadecimal with `0x`: the key that each packet has";
        source: SourcesField = Optional(BY_ROUTE), SOURCE;
    }

    /// GUE.
    GueRow "gue": "forward mode gue", "{port: 6080}" {
        port: ProbePort = Default("6080"), "the UDP destination port, 1 to 65535";
        variant: GueVariant = Default("1"), "`1`: the packet directly follows UDP. `0`: a GUE header of four bytes is between them";
        source: SourcesField = Optional(BY_ROUTE), SOURCE;
    }

    /// Where the backends of a pool say themselves what they can take.
    AgentCheckRow "agent_check": "an agent check", "{port: 9777}" {
        port: ProbePort = Required, "the TCP port";
        interval: ProbeTime = Default("2s"), "time between queries, 100ms to 1h";
        timeout: ProbeTime = Optional("`1s`, or `interval` if that is shorter"), "maximum duration of a query; at most `interval`";
        send: Text = Optional("nothing"), "a text that is sent first, like `\"web\\n\"`";
    }

    /// A backend of a pool.
    BackendRow "backend": "a backend", "{name: web1, address: 10.0.0.11}", many "a list, like [{name: web1, address: 10.0.0.11}]" {
        name: Name = Required, "unique in the pool";
        address: HostAddress = Required, "the backend's own IPv4 or IPv6 address, unique in the pool: not a VIP and not an address of the balancer";
        weight: Weight = Default("100"), "integer from 0 to 1000: its share of new flows relative to the other backends of the pool. 0 drains: the backend keeps its flows and gets no new ones";
    }
    elsewhere {
        "port": "a backend has no port: with Direct Server Return a port cannot be translated, the backend listens on the service's; remove it";
    }

    /// A service.
    ServiceRow "service": "a service", "{name: www, vip: 192.0.2.10, port: 80, pool: web}",
        many "a list, like [{name: www, vip: 192.0.2.10, port: 80, pool: web}]" {
        name: Name = Required, "unique";
        vip: HostAddress = Required, "IPv4 or IPv6 address that clients connect to. It must not be an address of the balancer: the program answers for it";
        port: Port = Optional("required; not allowed with `protocol: any`"), "integer from 1 to 65535, or `any`";
        protocol: Protocol = Default("tcp"), "`tcp`, `udp`, `sctp` or `any`";
        pool: PoolName = Required, "the name of a pool";
        announce: Announce = Default("arp"), "`arp`: the balancer answers ARP requests (for an IPv6 VIP, neighbour solicitations) and announces the VIP. `none`: routers reach the VIP by a static route or BGP";
        vlans: List<Vlan, 1> = Optional("untagged, and the VLANs that this host is in"), "list of the VLANs that the VIP is in, like `[untagged, 100]`, see [VLANs](#vlans)";
        health: HealthField = Optional("the pool's"), "the [health check](#health) for this service, or `none`";
        on_empty: OnEmpty = Default("drop"), "what happens to a packet when no backend of the pool can take it. `drop`: the client waits and retries. `reject`: the client gets a TCP reset or an ICMP error at once; the rate is limited";
        on_agent_death: OnAgentDeath = Default("keep"), "what happens to packets when the agent has given no heartbeat for `AGENT_PATIENCE_SECONDS` (`dsr-common/src/limits.rs`, 10 s) because it was killed, crashed or hangs. `keep`: balance them from the existing tables. `pass`: pass them to the node's own stack until an agent is back; see [When the agent dies](operating.md#when-the-agent-dies)";
        affinity: Affinity = Default("auto"), "what keeps a flow on its backend: `auto`, `flow`, `source` or `none`, see below";
        flow_timeout: FlowTimeout = Default("15m"), "duration from `1s` to `24h`, like `90s`, `15m` or `2h`: how long a silent flow is remembered";
        return_timeout: ReturnTimeout = Optional("`flow_timeout`"), "duration from `0s` to `flow_timeout`: how long the flows of an unreachable backend are [kept for its return](#affinity); `0s`: not at all";
    }
    elsewhere {
        "backends": "a service has a pool: write the backends in a pool, and its name here";
        "address": "the address of a service is its VIP: write `vip`";
    }
    rules r#"{
        "if": {"properties": {"protocol": {"const": "any"}}, "required": ["protocol"]},
        "then": {"properties": {"port": {"const": "any"}}},
        "else": {"required": ["port"]}
    }"#
}

const ONE_MODE: &str = "exactly one mode is required";
const BY_ROUTE: &str = "the address that the route to the backend prefers";
const SOURCE: &str = "the outer source address: one, or a list of an IPv4 and an IPv6 one, for backends of either family. \
                      With a prefix (`10.64.0.0/16`) the other bits, at most the last 32, vary with the flow, so that \
                      backends spread flows over their queues";
const SERVICES: &str = "a service has it: write it there";

/// `off`.
pub(super) struct Off;

impl Word for Off {
    const WORD: &'static str = "off";
}
