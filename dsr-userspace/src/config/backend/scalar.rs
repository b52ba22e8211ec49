//! The values of a backend's fields.

use std::net::IpAddr;

use serde_json::{Value as Json, json};

use crate::{
    config::{
        address::{self, HostAddress, PREFIX_PATTERN},
        scalar::choices,
        schema::{Choice, Scalar, not},
        yaml::Node,
    },
    model::Prefix,
};

/// A balancer's address, or a prefix of several.
#[derive(Clone, Copy, Debug)]
pub(in crate::config) struct Balancer(pub(super) Prefix);

impl Scalar for Balancer {
    fn write() -> String {
        "a balancer's address, like 10.0.0.2, or a prefix of several, like 10.0.0.0/28".to_owned()
    }

    fn write_many() -> String {
        "a list of addresses, like [10.0.0.2, 10.0.0.3], or of prefixes, like [10.0.0.0/28]".to_owned()
    }

    fn noun() -> &'static str {
        "balancer"
    }

    fn read(node: &Node) -> Result<Self, String> {
        let text = node.as_str().ok_or_else(|| not(node, "an address or a prefix", &<Self as Scalar>::write()))?;
        let prefix = address::prefix(text)?;
        if prefix.length == 0 {
            let why = "is every address: write the balancers' own, because any host could send into the tunnel";
            return Err(format!("{prefix} {why}"));
        }
        Ok(Self(prefix))
    }

    fn schema() -> Json {
        json!({"type": "string", "pattern": PREFIX_PATTERN})
    }
}

/// A VIP.
#[derive(Clone, Copy, Debug)]
pub(in crate::config) struct Vip(pub(super) IpAddr);

impl Scalar for Vip {
    fn write() -> String {
        <HostAddress as Scalar>::write()
    }

    fn write_many() -> String {
        "a list of VIPs, like [192.0.2.10, \"2001:db8::10\"]".to_owned()
    }

    fn noun() -> &'static str {
        "VIP"
    }

    fn read(node: &Node) -> Result<Self, String> {
        <HostAddress as Scalar>::read(node).map(|HostAddress(vip)| Self(vip))
    }

    fn schema() -> Json {
        <HostAddress as Scalar>::schema()
    }
}

/// A tunnel that can end at a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::config) enum TunnelName {
    Ipip,
    Gre,
    Gue,
}

choices! {
    TunnelName = "a tunnel": "ipip" Ipip, "gre" Gre, "gue" Gue;
}
