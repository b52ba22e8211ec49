//! A service as the model looks it up: the configuration's words, with nothing where any will do.

use std::{collections::BTreeSet, net::IpAddr, num::NonZeroU16, sync::Arc};

use dsr::model::{Announce, Backend, Desired, Forward, OnAgentDeath, OnEmpty};
use dsr_common::vlan::Vlan;

/// A service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// Where clients connect to.
    pub vip: IpAddr,
    /// The protocol's number, or any but ICMP.
    pub protocol: Option<u8>,
    /// The port, or any.
    pub port: Option<u16>,
    /// Who tells the network where the VIP is.
    pub announce: Announce,
    /// The VLANs that the VIP is in, where it has a list of its own.
    pub vlans: Option<Arc<BTreeSet<Vlan>>>,
    /// What its packets come to where it has no backend.
    pub on_empty: OnEmpty,
    /// What they come to where no agent lives.
    pub on_agent_death: OnAgentDeath,
    /// How its packets reach the backends.
    pub forward: Forward,
    /// Where its packets go.
    pub backends: Vec<Backend>,
}

/// The rules of a configuration, in its order.
pub(super) fn rules(desired: &Desired) -> Vec<Rule> {
    let rule = |service: &dsr::model::Service| Rule {
        name: service.name.clone(),
        vip: service.id.vip,
        protocol: service.id.protocol.number(),
        port: service.id.port.number().map(NonZeroU16::get),
        announce: service.announce,
        vlans: service.vlans.clone(),
        on_empty: service.on_empty,
        on_agent_death: service.on_agent_death,
        forward: service.forward,
        backends: service.backends.to_vec(),
    };
    desired.services.iter().map(rule).collect()
}
