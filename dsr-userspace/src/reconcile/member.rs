//! A backend seen from one service: its number, and the row that packets are sent by.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
};

use dsr_common::{
    address::{Address, Family},
    limits::MEMBERS_PER_SERVICE,
    member::{LINK_MAX, MemberRow, MemberRows},
    tunnel::{Outer, TunnelRow},
};

use crate::model::{Backend, Forward, Mac, Network, RoutedPath, Service, VlanTag};

/// Fewest rows that a service is given, so that a few new backends do not move it.
const MIN_CAPACITY: u32 = 8;

/// Rows that a service of so many backends is given: a power of two, with room to grow.
pub(super) fn capacity_for(backends: usize) -> u32 {
    (backends as u32 + backends as u32 / 2).next_power_of_two().max(MIN_CAPACITY)
}

/// An address in the words of the data path.
pub fn address(ip: IpAddr) -> Address {
    match ip {
        IpAddr::V4(ip) => Address::from_v4(ip.octets()),
        IpAddr::V6(ip) => Address::from_v6(ip.octets()),
    }
}

/// The family in the words of the data path.
pub const fn family(ip: IpAddr) -> Family {
    match ip {
        IpAddr::V4(_) => Family::V4,
        IpAddr::V6(_) => Family::V6,
    }
}

/// The address of a member's backend; `None` for an unused row.
pub(super) fn ip(row: &MemberRow) -> Option<IpAddr> {
    match row.family {
        family if family == Family::V4 as u8 => Some(row.backend.v4_octets().into()),
        family if family == Family::V6 as u8 => Some(row.backend.v6_octets().into()),
        _ => None,
    }
}

/// The rows of a backend: with a way to it where the network has one, else known but not to be sent to.
pub fn rows(service: &Service, backend: &Backend, network: &Network, devices: &BTreeMap<u32, u32>) -> MemberRows {
    let known =
        MemberRow { backend: address(backend.address), family: family(backend.address) as u8, ..MemberRow::default() };
    let unreachable = MemberRows { member: known, tunnel: TunnelRow::default() };
    let Ok(hop) = network.hop(backend.address, service.forward) else {
        return unreachable;
    };
    let (Some(device), Some((link, link_length))) =
        (devices.get(&hop.ifindex), link_header(hop.destination, hop.source, &hop.tags))
    else {
        return unreachable;
    };
    let Some(tunnel) = tunnel(service, backend, &hop.path) else {
        return unreachable;
    };
    let mode = service.forward.mode() as u8;
    MemberRows { member: MemberRow { link, link_length, mode, ifindex: hop.ifindex, device: *device, ..known }, tunnel }
}

/// What the forward mode needs beside the member's row; nothing where it cannot reach this backend: no outer source
/// ([`Network::hop`] says so before), or in `dscp` a VIP of the other family.
fn tunnel(service: &Service, backend: &Backend, path: &RoutedPath) -> Option<TunnelRow> {
    let forward = service.forward;
    let to = family(backend.address);
    if !forward.mode().is_routed() {
        return Some(TunnelRow::default());
    }
    let limit = (path.mtu.min(u16::MAX.into()) as u16).saturating_sub(forward.overhead(to));
    let packet = family(service.id.vip);
    let (key, port) = match forward {
        Forward::Dscp(code) if packet == to => {
            return Some(TunnelRow { limit, dscp: code.get(), ..TunnelRow::default() });
        }
        Forward::Dscp(_) => return None,
        Forward::L2 | Forward::Ipip(_) => (0, 0),
        Forward::Gre { key, .. } => (key.unwrap_or(0), 0),
        Forward::Gue { port, .. } => (0, port.get()),
    };
    let source = forward.outer_source(backend.address, path.source)?;
    let outer = Outer {
        mode: forward.mode(),
        family: to,
        source: address(source.address),
        varied: source.varied.to_be(),
        destination: address(backend.address),
        packet,
        key,
        port,
        flags: forward.flags(),
    };
    Some(outer.row(limit))
}

/// The same row, telling since when its member is unreachable, if it is. `held` is what it holds until now.
pub(super) fn since_when(row: MemberRow, held: MemberRow, clock: u64) -> MemberRow {
    let away_since = match (row.mode, held.mode) {
        (0, 0) if held.family != 0 => held.away_since,
        (0, _) => clock,
        _ => 0,
    };
    MemberRow { away_since, ..row }
}

/// What stands before the EtherType, and its length; nothing where there are more tags than fit.
pub(super) fn link_header(destination: Mac, source: Mac, tags: &[VlanTag]) -> Option<([u8; LINK_MAX], u8)> {
    let mut header = Vec::with_capacity(LINK_MAX);
    header.extend_from_slice(&destination.0);
    header.extend_from_slice(&source.0);
    for tag in tags {
        header.extend_from_slice(&tag.tpid.to_be_bytes());
        header.extend_from_slice(&tag.id.to_be_bytes());
    }
    let length = header.len();
    header.resize(LINK_MAX.max(length), 0);
    Some((header.try_into().ok()?, length as u8))
}

/// Gives each backend a number below `capacity`: the one it has, or the lowest that is free. Numbers of members that
/// leave are free only for the plan after this one, when no slot names them any more.
pub(super) fn number(backends: &[Backend], live: &[MemberRow], capacity: u32) -> Option<Vec<u16>> {
    let used = live.iter().enumerate().filter(|(_, row)| row.family != 0);
    // Where a row is written twice, the first one counts.
    let by_address: HashMap<_, _> = used.rev().map(|(number, row)| ((row.family, row.backend), number)).collect();
    let held = |backend: &Backend| by_address.get(&(family(backend.address) as u8, address(backend.address))).copied();
    let capacity = capacity.min(MEMBERS_PER_SERVICE) as usize;
    let mut free = (0..capacity).filter(|number| live.get(*number).is_none_or(|row| row.family == 0));
    backends.iter().map(|backend| held(backend).or_else(|| free.next()).map(|number| number as u16)).collect()
}
