//! Flow in, service out: a bounded search of the service table, and the reason if there is none.

use dsr_common::{
    address::{Address, Family},
    flow::Flow,
    hash::Keys as _,
    limits::SERVICE_PROBES,
    service::{FLAG_ANNOUNCE, FLAG_PASS, MembersRef, ServiceKey, TableRef},
    stats::Reason,
};

use crate::{
    maps::{self, LoadedKeys},
    wire::{
        icmp,
        transport::{SCTP, TCP, UDP},
    },
};

/// The service data that a packet needs.
pub(crate) struct Service {
    pub(crate) members: MembersRef,
    pub(crate) table: TableRef,
    /// Its row in the service table.
    pub(crate) row: u32,
}

impl Service {
    /// Whether its packets are currently passed to the node: configured so, and the agent is dead.
    #[inline(always)]
    pub(crate) fn is_passed(&self) -> bool {
        maps::heartbeats() && self.table.flags() & FLAG_PASS != 0 && !maps::agent_lives()
    }
}

/// The service on the flow's exact port.
#[inline(always)]
pub(crate) fn exact(flow: &Flow) -> Option<Service> {
    search(flow.vip, ServiceKey::exact(flow.family, flow.protocol, flow.service_port))
}

/// The service of a flow: by its port, else any port of its protocol, else any protocol.
#[inline(always)]
pub(crate) fn find(flow: &Flow) -> Result<Service, Reason> {
    let has_ports = matches!(flow.protocol, TCP | UDP | SCTP);
    if has_ports && let Some(service) = exact(flow) {
        return Ok(service);
    }
    if maps::any()
        && let Some(service) = find_any(flow, has_ports)
    {
        return Ok(service);
    }
    let reason = if has_ports { Reason::DropNoService } else { Reason::DropProtocol };
    Err(reason_if_vip(flow.family, flow.vip, reason))
}

#[inline(always)]
fn find_any(flow: &Flow, has_ports: bool) -> Option<Service> {
    if has_ports && let Some(service) = search(flow.vip, ServiceKey::any_port(flow.family, flow.protocol)) {
        return Some(service);
    }
    // ICMP belongs to the VIP itself, not to a service.
    if flow.protocol == icmp::protocol(flow.family) {
        return None;
    }
    search(flow.vip, ServiceKey::any_protocol(flow.family))
}

/// `reason` if the address is a VIP, otherwise [`Reason::PassNotVip`].
#[inline(always)]
pub(crate) fn reason_if_vip(family: Family, address: Address, reason: Reason) -> Reason {
    if is_vip(family, address) { reason } else { Reason::PassNotVip }
}

/// Whether the address is a VIP for which this balancer answers ARP requests or neighbour solicitations.
#[inline(always)]
pub(crate) fn is_announced(family: Family, address: Address) -> bool {
    flags_of_vip(address.hi, address.lo, family as u32) & u32::from(FLAG_ANNOUNCE) != 0
}

/// Whether the address is a VIP.
#[inline(always)]
pub(crate) fn is_vip(family: Family, address: Address) -> bool {
    flags_of_vip(address.hi, address.lo, family as u32) != 0
}

/// The flags of a VIP's row together with [`FOUND`]; zero if the address is not a VIP. A function of its own, because
/// packets to a service never need it and everything else may call it in many places.
#[inline(never)]
pub(crate) fn flags_of_vip(hi: u64, lo: u64, family: u32) -> u32 {
    let key = ServiceKey::vip(if family == Family::V4 as u32 { Family::V4 } else { Family::V6 });
    search(Address { hi, lo }, key).map_or(0, |vip| FOUND | u32::from(vip.table.flags()))
}

const FOUND: u32 = 0x100;

#[inline(always)]
fn search(vip: Address, key: ServiceKey) -> Option<Service> {
    let first = LoadedKeys.service(vip, key) & maps::service_mask();
    let row = maps::service(first)?;
    let found = row.key();
    if found == key && row.vip() == vip {
        return Some(read(&row, first));
    }
    if found == ServiceKey::EMPTY {
        return None;
    }
    // The table is sparse: few services are outside their first row.
    let index = search_services(first, vip.hi, vip.lo, key);
    maps::service(index).map(|row| read(&row, index))
}

subprogram! {
    /// The row of a service that is not in its first row, or an index past the end of the table.
    fn search_services(first: u32, hi: u64, lo: u64, key: ServiceKey) -> u32 {
        search_on(first, Address { hi, lo }, key).unwrap_or(u32::MAX)
    }
}

#[inline(always)]
fn search_on(first: u32, vip: Address, key: ServiceKey) -> Option<u32> {
    for step in 1..SERVICE_PROBES {
        let index = first.wrapping_add(step) & maps::service_mask();
        let row = maps::service(index)?;
        let found = row.key();
        if found == key && row.vip() == vip {
            return Some(index);
        }
        if found == ServiceKey::EMPTY {
            break;
        }
    }
    None
}

#[inline(always)]
fn read(row: &maps::Service, index: u32) -> Service {
    // The table first: the agent writes the members before the table, so a table never refers to members not seen here.
    let table = row.table();
    Service { members: row.members(), table, row: index }
}
