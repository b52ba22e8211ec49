//! The program's way from a flow to its service and slot, on any tables: by the same hash and the same rows.

use dsr_common::{
    address::Address,
    flow::Flow,
    hash::{HashKeys, Keys as _},
    limits::{SERVICE_PROBES, SLOTS_PER_BLOCK},
    service::{ServiceKey, ServiceRow},
    slot::Slot,
    track,
};

use super::tables::Tables;

/// The service that a flow belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoundService {
    /// Its row of the service table.
    pub row: u32,
    /// What that row holds.
    pub value: ServiceRow,
}

/// The slot of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoundSlot {
    /// The flow's hash.
    pub hash: u64,
    /// Its number within the service's table.
    pub number: u32,
    /// What it holds.
    pub slot: Slot,
}

/// The service on the flow's port, else on any port of its protocol, else on any protocol.
pub fn service_of(flow: &Flow, keys: &HashKeys, tables: &impl Tables) -> Option<FoundService> {
    let (family, protocol) = (flow.family, flow.protocol);
    let has_ports = matches!(protocol, TCP | UDP | SCTP);
    let exact = has_ports.then(|| ServiceKey::exact(family, protocol, flow.service_port));
    let any_port = has_ports.then(|| ServiceKey::any_port(family, protocol));
    let any_protocol = (!matches!(protocol, ICMP | ICMPV6)).then(|| ServiceKey::any_protocol(family));
    [exact, any_port, any_protocol].into_iter().flatten().find_map(|key| search(flow.vip, key, keys, tables))
}

/// The slot of a flow in its service's table.
pub fn slot_of(flow: &Flow, service: &FoundService, keys: &HashKeys, tables: &impl Tables) -> FoundSlot {
    let table = service.value.table;
    let hash = track::hash(keys, flow, table);
    let number = table.slot(hash);
    FoundSlot { hash, number, slot: tables.slot(table.block() * SLOTS_PER_BLOCK + number) }
}

fn search(vip: Address, key: ServiceKey, keys: &HashKeys, tables: &impl Tables) -> Option<FoundService> {
    let mask = tables.sizes().services - 1;
    let first = keys.service(vip, key);
    (0..SERVICE_PROBES)
        .map(|step| first.wrapping_add(step) & mask)
        .map(|row| FoundService { row, value: tables.service(row) })
        .take_while(|found| found.value.key != ServiceKey::EMPTY)
        .find(|found| found.value.key == key && found.value.vip == vip)
}

// Protocol numbers (IANA).
const TCP: u8 = 6;
const UDP: u8 = 17;
const SCTP: u8 = 132;
const ICMP: u8 = 1;
const ICMPV6: u8 = 58;
