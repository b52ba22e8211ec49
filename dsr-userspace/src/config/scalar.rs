//! Fields that are one value: names, numbers, ports, VLANs.

use std::{net::SocketAddr, num::NonZeroU16, path::PathBuf};

use dsr_common::{forward::ForwardMode, vlan::Vlan};
use serde_json::{Value as Json, json};

use super::{
    FileWatch, FlowTable, XdpMode,
    schema::{Choice, Scalar, integers, not},
    yaml::{Kind, Node, Scalar as Meaning},
};
use crate::model::{Affinity, Announce, GueVariant, OnAgentDeath, OnEmpty, Port, Protocol, Weight};

/// The name of a pool, a service or a backend.
#[derive(Clone, Debug)]
pub(super) struct Name(pub(super) String);

/// A name as a regular expression (ECMA-262).
pub(super) const NAME_PATTERN: &str = "^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$";

impl Scalar for Name {
    fn write() -> String {
        "a name of letters, digits, `-`, `_` and `.`, at most 63 long".to_owned()
    }

    /// A name that can stand in a command, a metric's label and a log line.
    fn read(node: &Node) -> Result<Self, String> {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let is_name = |text: &&str| {
            text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(fits) && text.len() <= 63
        };
        match node.as_str().filter(is_name) {
            Some(text) => Ok(Self(text.to_owned())),
            None => Err(unquoted(node).unwrap_or_else(|| not(node, "a name", &<Self as Scalar>::write()))),
        }
    }

    fn schema() -> Json {
        json!({"type": "string", "pattern": NAME_PATTERN})
    }
}

/// What to say of a name that YAML takes for something else.
fn unquoted(node: &Node) -> Option<String> {
    let what = match node.scalar()? {
        Meaning::Number(_) => "is a number, not a name",
        Meaning::Bool(_) => "is not a name",
        _ => return None,
    };
    let Kind::Scalar { text, .. } = &node.kind else { return None };
    let text = super::at::shown(text);
    Some(format!("{text} {what}: write it in quotes, \"{text}\""))
}

/// The name that a service has for a pool, which need not be there.
#[derive(Clone, Debug)]
pub(super) struct PoolName(pub(super) String);

impl Scalar for PoolName {
    fn write() -> String {
        "the name of a pool, like web".to_owned()
    }

    fn read(node: &Node) -> Result<Self, String> {
        let other = || unquoted(node).unwrap_or_else(|| not(node, "the name of a pool", &<Self as Scalar>::write()));
        node.as_str().map(|text| Self(text.to_owned())).ok_or_else(other)
    }

    fn schema() -> Json {
        json!({"type": "string"})
    }
}

/// The name of a network interface.
#[derive(Clone, Debug)]
pub(super) struct InterfaceName(pub(super) String);

impl Scalar for InterfaceName {
    fn write() -> String {
        "the name of an interface as `ip link` shows it, like eth0".to_owned()
    }

    fn write_many() -> String {
        "a list of interfaces, those that packets for the VIPs come in on, like [eth0]".to_owned()
    }

    fn noun() -> &'static str {
        "interface"
    }

    /// What the kernel takes for a name: `dev_valid_name` in net/core/dev.c.
    fn read(node: &Node) -> Result<Self, String> {
        let odd = |c: char| c == '/' || c == ':' || c.is_whitespace() || c.is_control();
        let is_name =
            |name: &&str| !name.is_empty() && name.len() <= 15 && !matches!(*name, "." | "..") && !name.contains(odd);
        let what = if node.as_str().is_some() { "the name of an interface" } else { "a name" };
        let other = || unquoted(node).unwrap_or_else(|| not(node, what, &<Self as Scalar>::write()));
        node.as_str().filter(is_name).map(|name| Self(name.to_owned())).ok_or_else(other)
    }

    fn schema() -> Json {
        json!({"type": "string", "pattern": r"^(?!\.{1,2}$)[^/:\s]{1,15}$"})
    }
}

impl Scalar for Port {
    fn write() -> String {
        "a whole number from 1 to 65535, or any".to_owned()
    }

    fn read(node: &Node) -> Result<Self, String> {
        if node.as_str() == Some("any") {
            return Ok(Self::Any);
        }
        if matches!(node.kind, Kind::List(_)) {
            return Err("a list is not a port: write one service for each port".to_owned());
        }
        let port = node.as_u64().and_then(|port| NonZeroU16::new(port.try_into().ok()?));
        port.map(Self::One).ok_or_else(|| not(node, "a port", &<Self as Scalar>::write()))
    }

    fn schema() -> Json {
        json!({"anyOf": [{"type": "integer", "minimum": 1, "maximum": u16::MAX}, {"const": "any"}]})
    }
}

/// How many flows a table holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct FlowCount(pub(super) u32);

integers! {
    Weight = "a weight", 0, u64::from(Weight::MAX), |weight| Weight::new(weight.try_into().ok()?);
    FlowCount = "a number of flows", u64::from(FlowTable::LEAST), u64::from(FlowTable::MOST),
        |count| count.try_into().ok().map(FlowCount);
}

/// The key of GRE packets.
#[derive(Clone, Copy, Debug)]
pub(super) struct GreKey(pub(super) u32);

integers! {
    GreKey = "a key", 0, u64::from(u32::MAX), |key| key.try_into().ok().map(GreKey);
    GueVariant = "a variant of GUE", 0, 1, |variant| Some(if variant == 0 { GueVariant::Zero } else { GueVariant::One });
}

/// The seed of the hashes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seed(pub(super) u64);

impl Scalar for Seed {
    fn write() -> String {
        "a whole number of at most 64 bits, like 0x5eed5eed5eed5eed".to_owned()
    }

    fn read(node: &Node) -> Result<Self, String> {
        node.as_u64().map(Self).ok_or_else(|| not(node, "a seed", &<Self as Scalar>::write()))
    }

    fn schema() -> Json {
        json!({"type": "integer", "minimum": 0, "maximum": u64::MAX})
    }
}

/// The Unix socket of the admin API, or none.
#[derive(Clone, Debug)]
pub(super) struct ApiSocket(pub(super) Option<PathBuf>);

/// What a socket's address has room for, with the zero at its end (`struct sockaddr_un`).
const SOCKET_PATH: usize = 108;

impl Scalar for ApiSocket {
    fn write() -> String {
        "the path of a socket, like /run/dsr/api.sock, or off".to_owned()
    }

    fn read(node: &Node) -> Result<Self, String> {
        match node.as_str() {
            Some("off") => Ok(Self(None)),
            Some(path) if path.len() >= SOCKET_PATH => Err(format!(
                "{} bytes are too many for the path of a socket: write at most {}",
                path.len(),
                SOCKET_PATH - 1
            )),
            Some(path) if path.starts_with('/') && !path.ends_with('/') && !path.contains('\0') => {
                Ok(Self(Some(path.into())))
            }
            _ => Err(not(node, "an absolute path", &<Self as Scalar>::write())),
        }
    }

    fn schema() -> Json {
        json!({"anyOf": [{"const": "off"}, {"type": "string", "pattern": "^/.*[^/]$", "maxLength": SOCKET_PATH - 1}]})
    }
}

impl Scalar for SocketAddr {
    fn write() -> String {
        "an address and a port from 1 to 65535, like 127.0.0.1:9650".to_owned()
    }

    fn read(node: &Node) -> Result<Self, String> {
        let address = node.as_str().and_then(|text| text.parse::<Self>().ok());
        let other = || not(node, "an address with a port", &<Self as Scalar>::write());
        address.filter(|address| address.port() != 0).ok_or_else(other)
    }

    fn schema() -> Json {
        json!({"type": "string", "pattern": r"^([0-9.]+|\[[0-9A-Fa-f:.]+(%[0-9]+)?\]):0*[1-9][0-9]*$"})
    }
}

impl Scalar for bool {
    fn write() -> String {
        "true or false".to_owned()
    }

    fn read(node: &Node) -> Result<Self, String> {
        match node.scalar() {
            Some(Meaning::Bool(value)) => Ok(value),
            Some(Meaning::Text(text @ ("true" | "false"))) => {
                Err(format!("`{text}` is a text, because it is in quotes: write {text} without them"))
            }
            _ => Err(not(node, "a boolean", &<Self as Scalar>::write())),
        }
    }

    fn schema() -> Json {
        json!({"type": "boolean"})
    }
}

impl Scalar for Vlan {
    fn write() -> String {
        let most = Self::MAX;
        format!("untagged, a number from 1 to {most}, or two of them like \"7.100\", the outer tag first")
    }

    fn write_many() -> String {
        "a list of VLANs, like [untagged, 100], or leave it out".to_owned()
    }

    fn noun() -> &'static str {
        "VLAN"
    }

    fn read(node: &Node) -> Result<Self, String> {
        let id = |number: u64| u16::try_from(number).ok().filter(|number| (1..=Self::MAX).contains(number));
        let two = |text: &str| {
            let (outer, inner) = text.split_once('.')?;
            Some(Self::of(id(outer.parse().ok()?)?, id(inner.parse().ok()?)?))
        };
        let vlan = match (node.scalar(), &node.kind) {
            (Some(Meaning::Number(number)), Kind::Scalar { text, .. }) if number.is_f64() => {
                let text = super::at::shown(text);
                return Err(format!("{text} is a fraction to YAML: write two tags in quotes, like \"7.100\""));
            }
            (Some(Meaning::Number(number)), _) => number.as_u64().and_then(id).map(|number| Self::of(number, 0)),
            (Some(Meaning::Text("untagged")), _) => Some(Self::UNTAGGED),
            (Some(Meaning::Text(text)), _) => two(text),
            _ => None,
        };
        vlan.ok_or_else(|| not(node, "a VLAN", &<Self as Scalar>::write()))
    }

    fn schema() -> Json {
        json!({"anyOf": [
            {"const": "untagged"},
            {"type": "integer", "minimum": 1, "maximum": Self::MAX},
            {"type": "string", "pattern": "^[0-9]{1,4}\\.[0-9]{1,4}$"},
        ]})
    }
}

/// Describes words: the type, what it is, and the words.
macro_rules! choices {
    ($($type:ident = $what:literal: $($word:literal $variant:ident),+;)+) => {$(
        impl Choice for $type {
            const WHAT: &'static str = $what;
            const WORDS: &'static [(&'static str, Self)] = &[$(($word, Self::$variant)),+];
        }
    )+};
}

pub(super) use choices;

choices! {
    ForwardMode = "a forward mode": "l2" L2, "dscp" Dscp, "ipip" Ipip, "gre" Gre, "gue" Gue;
    Protocol = "a protocol": "tcp" Tcp, "udp" Udp, "sctp" Sctp, "any" Any;
    Announce = "a way to announce a VIP": "arp" Arp, "none" None;
    OnEmpty = "an outcome": "drop" Drop, "reject" Reject;
    OnAgentDeath = "an outcome": "keep" Keep, "pass" Pass;
    Affinity = "an affinity": "auto" Auto, "flow" Flow, "source" Source, "none" None;
    FileWatch = "on or off": "on" On, "off" Off;
    XdpMode = "an XDP mode": "native" Native, "generic" GenericAllowed;
}
