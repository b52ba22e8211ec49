//! The sections of a backend's file: the one place where their fields are described.

use std::net::SocketAddr;

use super::scalar::{Balancer, TunnelName, Vip};
use crate::config::{
    dscp::CodesField,
    health::ProbePort,
    scalar::{GreKey, InterfaceName},
    schema::{
        Absent::{Default, Optional, Required},
        ChoiceOr, FileKind, List, section,
    },
};

/// The file, as schemas describe it.
pub(in crate::config) const KIND: FileKind =
    FileKind { title: "Configuration of a backend of dsr", top: &BackendFile::SECTION, included: &[] };

/// An entry of `accept`: the name of a tunnel, or a tunnel with parameters.
pub(in crate::config) type AcceptField = ChoiceOr<TunnelName, AcceptRow>;

section! {
    /// The whole file.
    BackendFile "backend-file": "a backend's configuration", "`interfaces:`, `balancers:`, `vips:` and `accept:`, each on a line of its own" {
        interfaces: List<InterfaceName, 1> = Required, "list of interface names: where the balancers' packets arrive";
        balancers: List<Balancer, 1> = Optional("required with `accept`"), "list of addresses and prefixes: the outer source addresses of the balancers. Name a prefix if the balancers vary their outer source";
        vips: List<Vip, 1> = Required, "list of addresses; packets for other addresses are not taken from a tunnel";
        accept: List<AcceptField, 1> = Optional("required without `dscp`"), "list of the tunnels that end here: `ipip`, `gre`, `gue`, or one of these with parameters, like `{gue: {port: 6080}}`";
        dscp: CodesField<1> = Optional("required without `accept`"), "mapping from VIP to DSCP code, 1 to 63, the same as on the balancers: `{\"192.0.2.10\": 8}`. A code is unique among the VIPs of a family";
        hold_vips: bool = Default("true"), "`true`: the agent puts the VIPs on the loopback, see below; `false`: they are set up by other means";
        metrics: SocketAddr = Optional("metrics disabled"), "address and port (1 to 65535) that serve Prometheus metrics, like `127.0.0.1:9651`; write an IPv6 address in brackets and quote the value, `\"[::1]:9651\"`";
    }
    elsewhere {
        "pools": BALANCERS;
        "services": BALANCERS;
    }
    rules r#"{
        "anyOf": [{"required": ["accept"]}, {"required": ["dscp"]}],
        "dependentRequired": {"accept": ["balancers"]}
    }"#

    /// A tunnel with parameters.
    AcceptRow "tunnel": "a tunnel", "{gue: {port: 6080}}", many "a list of tunnels, like [ipip, gue]" {
        gre: AcceptGreRow = Optional(ONE), "GRE";
        gue: AcceptGueRow = Optional(ONE), "Generic UDP Encapsulation, variants 0 and 1";
    }
    elsewhere {
        "ipip": "has no parameters: write ipip";
        "dscp": "is not a tunnel: write `dscp:` at the top level, with the code of each VIP";
    }
    rules r#"{"oneOf": [{"required": ["gre"]}, {"required": ["gue"]}]}"#

    /// Which GRE packets are taken.
    AcceptGreRow "tunnel-gre": "tunnel gre", "{key: 7}" {
        key: GreKey = Optional("no packet may have a key"), "integer of at most 32 bits, decimal or hexadecimal with `0x`: the key that each packet must have";
    }

    /// Which UDP packets are taken.
    AcceptGueRow "tunnel-gue": "tunnel gue", "{port: 6080}" {
        port: ProbePort = Default("6080"), "the UDP destination port, 1 to 65535";
    }
}

const BALANCERS: &str = "is a section of the balancers' file: write `vips`, and `accept` or `dscp`";
const ONE: &str = "exactly one tunnel is required";
