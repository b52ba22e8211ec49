//! A service in the words of the data path: its key and its flags.

use dsr_common::{
    address::Address,
    service::{FLAG_ANNOUNCE, FLAG_PASS, FLAG_REJECT, FLAG_REMEMBER, FLAG_SOURCE, FLAG_VLANS, ServiceKey},
};

use super::member;
use crate::model::{Affinity, Announce, OnAgentDeath, OnEmpty, Service, ServiceId};

/// What the program has to know of a service besides where its slots are.
pub(super) fn flags_of(service: &Service) -> u8 {
    let on_empty = match service.on_empty {
        OnEmpty::Drop => 0,
        OnEmpty::Reject => FLAG_REJECT,
    };
    let affinity = match service.affinity {
        Affinity::Auto | Affinity::None => 0,
        Affinity::Flow => FLAG_REMEMBER,
        Affinity::Source => FLAG_SOURCE,
    };
    let on_agent_death = match service.on_agent_death {
        OnAgentDeath::Keep => 0,
        OnAgentDeath::Pass => FLAG_PASS,
    };
    on_empty | affinity | on_agent_death | vlans_of(service)
}

/// The flags of a VIP's own row, by any of its services.
pub(super) fn flags_of_vip(service: &Service) -> u8 {
    let announce = match service.announce {
        Announce::Arp => FLAG_ANNOUNCE,
        Announce::None => 0,
    };
    announce | vlans_of(service)
}

fn vlans_of(service: &Service) -> u8 {
    if service.vlans.is_some() { FLAG_VLANS } else { 0 }
}

/// Whether flows are kept where they are.
pub const fn keeps_flows(service: &Service) -> bool {
    service.affinity.tracks(service.id.protocol)
}

/// VIP and key of a service in the words of the data path.
pub fn service_key(id: ServiceId) -> (Address, ServiceKey) {
    (member::address(id.vip), key_of(id))
}

/// A service's key in the words of the data path.
pub(super) fn key_of(id: ServiceId) -> ServiceKey {
    let family = member::family(id.vip);
    match (id.protocol.number(), id.port.number()) {
        (None, _) => ServiceKey::any_protocol(family),
        (Some(protocol), None) => ServiceKey::any_port(family, protocol),
        (Some(protocol), Some(port)) => ServiceKey::exact(family, protocol, port.get().to_be()),
    }
}
