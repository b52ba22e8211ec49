//! Packet in, service out: a bounded search of the service table, and the reason where there is none.

use dsr_common::{
    address::{Address, Family},
    hash::Keys as _,
    limits::SERVICE_PROBES,
    service::{FLAG_ANNOUNCE, MembersRef, ServiceKey, TableRef},
    stats::Reason,
};

use crate::{
    maps::{self, LoadedKeys},
    parse::Packet,
};

/// What a packet has to know of its service.
pub(crate) struct Service {
    pub(crate) members: MembersRef,
    pub(crate) table: TableRef,
}

/// The service that a packet is for.
#[inline(always)]
pub(crate) fn find(packet: &Packet) -> Result<Service, Reason> {
    let flow = &packet.flow;
    let key = ServiceKey::exact(flow.family, flow.protocol, flow.service_port);
    search(flow.vip, key).ok_or_else(|| reason_if_vip(flow.family, flow.vip, Reason::DropNoService))
}

/// `reason` where the address is a VIP; else the frame is none of our business.
#[inline(always)]
pub(crate) fn reason_if_vip(family: Family, address: Address, reason: Reason) -> Reason {
    if search(address, ServiceKey::vip(family)).is_some() { reason } else { Reason::PassNotVip }
}

/// Whether the address is a VIP that this balancer answers ARP or neighbour solicitations for.
#[inline(always)]
pub(crate) fn is_announced(family: Family, address: Address) -> bool {
    search(address, ServiceKey::vip(family)).is_some_and(|vip| vip.table.flags() & FLAG_ANNOUNCE != 0)
}

/// Whether the address is a VIP.
#[inline(always)]
pub(crate) fn is_vip(family: Family, address: Address) -> bool {
    search(address, ServiceKey::vip(family)).is_some()
}

#[inline(always)]
fn search(vip: Address, key: ServiceKey) -> Option<Service> {
    let first = (LoadedKeys.service(vip, key) >> 32) as u32;
    for step in 0..SERVICE_PROBES {
        let row = maps::service(first.wrapping_add(step) & maps::service_mask())?;
        let found = row.key();
        if found == key {
            let address = row.vip();
            if address.lo == vip.lo && address.hi == vip.hi {
                // The table first: the agent writes the members first, so that a table never names one unknown here.
                let table = row.table();
                return Some(Service { members: row.members(), table });
            }
        }
        if found == ServiceKey::EMPTY {
            return None;
        }
    }
    None
}
