//! Whether the network leads to each backend.

use std::{collections::BTreeSet, net::IpAddr};

use super::finding;
use crate::{
    doctor::{Finding, Severity, observations::Observations},
    model::NoHop,
};

/// A finding for each backend that nothing can be sent to.
pub(in crate::doctor) fn findings(observations: &Observations<'_>) -> Vec<Finding> {
    let mut seen = BTreeSet::new();
    let services = observations.config.desired.services.iter();
    let all = services.flat_map(|service| service.backends.iter().map(|backend| (service.forward, backend)));
    let found = all.filter_map(|(forward, backend)| {
        let no = observations.network.no_hop(backend.address, forward)?;
        if !seen.insert((&backend.name, backend.address, forward.mode())) {
            return None;
        }
        // Where it is says more than that it does not answer.
        if matches!(no, NoHop::NoNeighbour(_)) && observations.misplaced.contains_key(&backend.address) {
            return None;
        }
        let what = format!("{} is unreachable: {no}", backend.address);
        Some(finding(Severity::Error, cause(&no), &backend.name, what, remedy(&no, backend.address)))
    });
    found.collect()
}

const fn cause(no: &NoHop) -> &'static str {
    match no {
        NoHop::NoNeighbour(_) => "host-down",
        NoHop::SilentGateway(_) => "router-down",
        NoHop::InterfaceDown(_) => "interface-down",
        NoHop::NoRoute
        | NoHop::Refused(_)
        | NoHop::Encap
        | NoHop::Gateway(_)
        | NoHop::OtherInterface(_)
        | NoHop::Local => "no-way",
        NoHop::NoSource(_) => "no-source",
        NoHop::NoPort(_) | NoHop::OutsideVlan(_) => "bridge",
    }
}

fn remedy(no: &NoHop, address: IpAddr) -> String {
    match no {
        NoHop::NoRoute => {
            format!("give this host an address in the backend's subnet, or `ip route add {address} dev ...`")
        }
        NoHop::Refused(refusal) => {
            format!("find what set it: `ip route show type {}`, `ip rule`; `ip route get {address}`", refusal.name())
        }
        NoHop::Encap => format!("give {address} a route without `encap`: `ip route get fibmatch {address}`"),
        NoHop::SilentGateway(router) => format!(
            "check that the router is up and in the right VLAN: `ip neighbour show {router}`; or correct the route: \
             `ip route get {address}`"
        ),
        NoHop::Gateway(gateway) => {
            format!(
                "use a forward mode that crosses routers (ipip, gre, gue, dscp), or move the backend to a segment of the \
                 balancer, without the router {gateway} in between"
            )
        }
        NoHop::OtherInterface(name) => {
            format!("add {name}, or its lower interface, to `interfaces`, or fix the route: `ip route get {address}`")
        }
        NoHop::Local => "write the backend's own address in the configuration".to_owned(),
        NoHop::InterfaceDown(name) => format!("`ip link set dev {name} up`, and check the cable"),
        NoHop::NoNeighbour(_) => format!(
            "check that the host is up, has this address and is in the right VLAN: `ip address show to {address}` \
             there, `ip neighbour show {address}` here"
        ),
        NoHop::NoSource(backend) => {
            let (ip, family) = if backend.is_ipv4() { ("ip", "IPv4") } else { ("ip -6", "IPv6") };
            format!(
                "give this host an {family} address that the route prefers: `{ip} route get {address}` has to show one behind \
                 `src`; or write `source` with an {family} address in the pool's `forward`"
            )
        }
        NoHop::NoPort(bridge) => format!("find its port: `bridge fdb show br {bridge}`"),
        NoHop::OutsideVlan(port) => format!("`bridge vlan add dev {port} vid ...` for the backend's VLAN"),
    }
}
