//! "Service" of the page: which service a flow is for, and which of its backends it goes to.

use std::net::IpAddr;

use dsr::{
    maglev::{self, Candidate},
    model::{Forward, Hop, Network, Reach},
};
use dsr_common::{
    address::{Address, Family},
    flow::Flow,
};

use super::{
    Model, Rule,
    forward::is_usable,
    packet::{ICMP, ICMPV6, has_ports},
};

/// A flow on its way to the VIP, in host byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FlowKey {
    pub(super) client: IpAddr,
    pub(super) vip: IpAddr,
    pub(super) protocol: u8,
    pub(super) client_port: u16,
    pub(super) service_port: u16,
}

/// A backend that a frame can be sent to.
pub(super) struct Chosen {
    /// Number of the rule, and of the backend within it.
    pub(super) rule: usize,
    pub(super) backend: usize,
    pub(super) hop: Hop,
    pub(super) forward: Forward,
    /// The backend's own.
    pub(super) address: IpAddr,
}

/// The Maglev table of a rule: it is sized for all backends, and shared out among those that there is a way to.
pub(super) fn table(rule: &Rule, network: &Network, seed: u64) -> Vec<Option<usize>> {
    let (mut numbers, mut candidates) = (Vec::new(), Vec::new());
    for (number, backend) in rule.backends.iter().enumerate() {
        if hop(network, rule, backend.address).is_some() {
            numbers.push(number);
            candidates.push(Candidate { address: address(backend.address), weight: backend.weight.get() });
        }
    }
    let table = maglev::table(&candidates, maglev::size_for(rule.backends.len()), seed);
    table.into_iter().map(|owner| owner.map(|candidate| numbers[usize::from(candidate)])).collect()
}

fn hop<'a>(network: &'a Network, rule: &Rule, backend: IpAddr) -> Option<&'a Hop> {
    match network.reach.get(&backend) {
        Some(Reach::Hop(hop)) if is_usable(rule.forward, rule.vip, backend, hop) => Some(hop),
        _ => None,
    }
}

fn address(ip: IpAddr) -> Address {
    match ip {
        IpAddr::V4(ip) => Address::from_v4(ip.octets()),
        IpAddr::V6(ip) => Address::from_v6(ip.octets()),
    }
}

impl FlowKey {
    /// The flow as the hash takes it.
    pub(super) fn words(&self) -> Flow {
        Flow {
            family: if self.vip.is_ipv4() { Family::V4 } else { Family::V6 },
            protocol: self.protocol,
            client_port: self.client_port.to_be(),
            service_port: self.service_port.to_be(),
            client: address(self.client),
            vip: address(self.vip),
        }
    }
}

impl Model {
    /// The narrowest service for a flow: its port, else any port of its protocol, else any protocol.
    pub(super) fn rule(&self, flow: &FlowKey) -> Option<usize> {
        let find = |protocol: Option<u8>, port: Option<u16>| {
            self.rules.iter().position(|rule| (rule.vip, rule.protocol, rule.port) == (flow.vip, protocol, port))
        };
        let is_icmp = flow.protocol == if flow.vip.is_ipv4() { ICMP } else { ICMPV6 };
        if is_icmp {
            None
        } else if has_ports(flow.protocol) {
            find(Some(flow.protocol), Some(flow.service_port))
                .or_else(|| find(Some(flow.protocol), None))
                .or_else(|| find(None, None))
        } else {
            find(None, None)
        }
    }

    pub(super) fn hop(&self, rule: usize, backend: usize) -> Option<&Hop> {
        let rule = &self.rules[rule];
        hop(&self.network, rule, rule.backends[backend].address)
    }

    /// The way to a backend; nothing where the network has none.
    pub(super) fn chosen(&self, rule: usize, backend: usize) -> Option<Chosen> {
        if !self.lives((rule, backend)) {
            return None;
        }
        let address = self.rules[rule].backends[backend].address;
        let hop = self.hop(rule, backend)?.clone();
        Some(Chosen { rule, backend, hop, forward: self.rules[rule].forward, address })
    }
}
