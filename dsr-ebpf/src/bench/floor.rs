//! Reference balancers built from standard maps: a hash map for the VIP, an array for its table, `jhash`, and an LRU
//! hash map if flows are recorded. They count nothing.

use dsr_common::interface::MAC_MASK;
use dsr_lab_common::bench::{TABLE_ROWS, Vip6Key, vip_key};

use crate::{
    frame::Frame,
    jhash,
    maps::{self, FlowKey},
    wire::{
        ethernet,
        headers::{Headers, Untagged},
        ipv4,
        ipv6::{self, Words},
        transport::{TCP, UDP},
    },
};

type V4 = Headers<Untagged, ipv4::Header>;
type V6 = Headers<Untagged, ipv6::Header>;

/// Why a frame is not sent.
pub(crate) enum Refusal {
    /// Not for the VIP.
    Pass,
    /// No backend is reachable.
    Drop,
}

/// Sends the frame by its VIP's table.
#[inline(always)]
pub(crate) fn stock(frame: &mut Frame) -> Result<(), Refusal> {
    let headers = parse(frame)?;
    let table = vip(headers)?;
    let backend = pick(headers, table)?;
    send(&mut headers.link, backend);
    Ok(())
}

/// Sends the frame to its flow's recorded backend, otherwise by its VIP's table.
#[inline(always)]
pub(crate) fn lru(frame: &mut Frame) -> Result<(), Refusal> {
    let headers = parse(frame)?;
    let table = vip(headers)?;
    let key = FlowKey {
        client: headers.network.source,
        vip: headers.network.destination,
        ports: ports(headers),
        protocol: u32::from(headers.network.protocol),
    };
    let number = if let Some(number) = maps::remembered(&key) {
        number
    } else {
        let number = (pick(headers, table)? >> 48) as u32;
        maps::remember(&key, number);
        number
    };
    send(&mut headers.link, maps::backend(number).ok_or(Refusal::Drop)?);
    Ok(())
}

/// Like [`stock`], for IPv6.
#[inline(always)]
pub(crate) fn stock6(frame: &mut Frame) -> Result<(), Refusal> {
    let headers: &mut V6 = frame.at().ok_or(Refusal::Pass)?;
    let (ip, protocol) = (headers.network, headers.network.next_header);
    if headers.link.ethertype != ethernet::IPV6 || ip.version() != 6 || (protocol != TCP && protocol != UDP) {
        return Err(Refusal::Pass);
    }
    let (client, vip) = (halves(ip.source), halves(ip.destination));
    let key = Vip6Key::new(vip, headers.transport.ports.destination.raw(), protocol);
    let table = maps::vip6(&key).ok_or(Refusal::Pass)?;
    let hash = jhash::nine_words(client, vip, ports(headers), u32::from(protocol));
    send(&mut headers.link, maps::table(table + (hash & (TABLE_ROWS - 1))).ok_or(Refusal::Drop)?);
    Ok(())
}

#[inline(always)]
fn parse(frame: &mut Frame) -> Result<&mut V4, Refusal> {
    let headers: &mut V4 = frame.at().ok_or(Refusal::Pass)?;
    let ip = &headers.network;
    let sound = headers.link.ethertype == ethernet::IPV4
        && ip.version_length == ipv4::VERSION_LENGTH
        && !ip.is_fragment()
        && (ip.protocol == TCP || ip.protocol == UDP);
    if sound { Ok(headers) } else { Err(Refusal::Pass) }
}

/// The first row of the VIP's table.
#[inline(always)]
fn vip(headers: &V4) -> Result<u32, Refusal> {
    let ip = &headers.network;
    let key = vip_key(u32::from_ne_bytes(ip.destination), headers.transport.ports.destination.raw(), ip.protocol);
    maps::vip(key).ok_or(Refusal::Pass)
}

#[inline(always)]
fn pick(headers: &V4, table: u32) -> Result<u64, Refusal> {
    let ip = &headers.network;
    let (client, vip) = (u32::from_ne_bytes(ip.source), u32::from_ne_bytes(ip.destination));
    let hash = jhash::three_words(client, vip, ports(headers), u32::from(ip.protocol));
    maps::table(table + (hash & (TABLE_ROWS - 1))).ok_or(Refusal::Drop)
}

#[inline(always)]
fn ports<N>(headers: &Headers<Untagged, N>) -> u32 {
    let ports = headers.transport.ports;
    u32::from(ports.source.raw()) | u32::from(ports.destination.raw()) << 16
}

/// The four 32-bit words of an address.
#[inline(always)]
const fn halves(words: Words) -> [u32; 4] {
    let Words { hi, lo } = words;
    [hi as u32, (hi >> 32) as u32, lo as u32, (lo >> 32) as u32]
}

/// Sets the destination to the backend's MAC, and the source to the MAC that the frame was sent to.
#[inline(always)]
fn send(link: &mut Untagged, backend: u64) {
    let us = link.head & MAC_MASK;
    link.set_macs(backend & MAC_MASK, us);
}
