//! Addresses of hosts: a VIP's, a backend's.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde_json::{Value as Json, json};

use super::{
    at::shown,
    error::Place,
    schema::{Scalar, not},
    yaml::Node,
};
use crate::model::Prefix;

/// An address that one host on the network can have, without a zone.
#[derive(Clone, Copy, Debug)]
pub(super) struct HostAddress(pub(super) IpAddr);

impl Scalar for HostAddress {
    fn write() -> String {
        "an IPv4 or IPv6 address, like 192.0.2.10 or \"2001:db8::10\"".to_owned()
    }

    fn write_many() -> String {
        "a list of addresses, like [10.0.0.2, 10.0.0.3]".to_owned()
    }

    fn read(node: &Node) -> Result<Self, String> {
        let other = || not(node, "an address", &<Self as Scalar>::write());
        let text = node.as_str().ok_or_else(other)?;
        let address = text.parse().map_err(|_| decorated(text).unwrap_or_else(other))?;
        match unfit(address) {
            None => Ok(Self(address)),
            Some(why) => Err(format!("{address} {why}")),
        }
    }

    fn schema() -> Json {
        json!({"type": "string", "anyOf": [{"format": "ipv4"}, {"format": "ipv6"}]})
    }
}

/// Reads an address that one host on the network can have, from outside a file.
///
/// # Errors
/// What is wrong with it, and what to write instead.
pub fn host_address(text: &str) -> Result<IpAddr, String> {
    <HostAddress as Scalar>::read(&Node::text(text, Place::FILE)).map(|HostAddress(address)| address)
}

/// Reads an address of one host, or a prefix of several.
///
/// # Errors
/// What is wrong with it, and what to write instead.
pub(super) fn prefix(text: &str) -> Result<Prefix, String> {
    let Some((address, length)) = text.split_once('/') else { return host_address(text).map(Prefix::host) };
    let wrong = || format!("`{}` is not an address or a prefix: write one like 10.0.0.2 or 10.0.0.0/28", shown(text));
    let address: IpAddr = address.parse().map_err(|_| wrong())?;
    let prefix = length.parse().ok().and_then(|length| Prefix::new(address, length)).ok_or_else(wrong)?;
    if prefix.address != address {
        return Err(format!("{address} has bits after the prefix: write {prefix}"));
    }
    Ok(prefix)
}

/// An address or a prefix as a regular expression (ECMA-262).
pub(super) const PREFIX_PATTERN: &str = "^[0-9A-Fa-f.:]+(/[0-9]{1,3})?$";

/// What is written around an address, if that is all that is wrong.
fn decorated(text: &str) -> Option<String> {
    let address = |text: &str| text.parse::<IpAddr>().ok();
    let remedy =
        |what: &str, address| Some(format!("`{}` has {what}: write the address alone, {address}", shown(text)));
    if let Some(address) = text.split_once('/').and_then(|(bare, _)| address(bare)) {
        return remedy("a prefix length", address);
    }
    if let Some((bare, after)) = text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        return remedy(if after.is_empty() { "brackets" } else { "brackets and a port" }, address(bare)?);
    }
    if let Some((bare, _)) = text.split_once('%') {
        let address = address(bare)?;
        return Some(match unfit(address) {
            Some(why) => format!("`{}` {why}", shown(text)),
            None => return remedy("a zone", address),
        });
    }
    let (bare, _) = text.split_once(':')?;
    remedy("a port", bare.parse::<Ipv4Addr>().ok()?.into())
}

/// Why no host on the network can be reached by this address, and what to write instead.
fn unfit(address: IpAddr) -> Option<String> {
    match address {
        IpAddr::V4(address) => {
            unfit_v4(address).map(|why| format!("{why}: write the address of one host, like 192.0.2.10"))
        }
        IpAddr::V6(address) => unfit_v6(address),
    }
}

fn unfit_v4(address: Ipv4Addr) -> Option<&'static str> {
    if address.octets()[0] == 0 {
        Some("is not a host address (0.0.0.0/8)")
    } else if address.is_loopback() {
        Some("is a loopback address, which no other host can reach")
    } else if address.is_multicast() {
        Some("is a multicast address")
    } else if address.is_broadcast() {
        Some("is the broadcast address")
    } else {
        None
    }
}

fn unfit_v6(address: Ipv6Addr) -> Option<String> {
    if let Some(mapped) = address.to_ipv4_mapped() {
        return Some(format!("is an IPv4 address written as IPv6: write {mapped}"));
    }
    let why = if address.is_unspecified() {
        "is not a host address"
    } else if address.is_loopback() {
        "is the loopback address, which no other host can reach"
    } else if address.is_multicast() {
        "is a multicast address"
    } else if address.is_unicast_link_local() {
        "is a link-local address, which is another host's on each interface"
    } else {
        return None;
    };
    Some(format!("{why}: write the global or unique local address of one host, like \"2001:db8::10\""))
}
