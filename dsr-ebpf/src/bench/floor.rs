//! What balancing costs with the maps that are at hand: a hash map for the VIP, an array for its table, `jhash`, and an
//! LRU hash map where flows are remembered. Nothing is counted.

use dsr_common::bench::{TABLE_ROWS, vip_key};

use crate::{
    frame::{Frame, Headers},
    jhash,
    maps::{self, FlowKey},
    wire::{
        ethernet,
        transport::{TCP, UDP},
    },
};

/// Version 4 and five words of header.
const PLAIN: u8 = 0x45;

/// Why a frame is not sent.
pub(crate) enum Refusal {
    /// Not for the VIP.
    Pass,
    /// No way to a backend.
    Drop,
}

/// Sends the frame by its VIP's table.
#[inline(always)]
pub(crate) fn stock(frame: &mut Frame) -> Result<(), Refusal> {
    let headers = parse(frame)?;
    let table = vip(headers)?;
    let backend = pick(headers, table)?;
    send(headers, backend);
    Ok(())
}

/// Sends the frame to the backend that its flow had before, or else by its VIP's table.
#[inline(always)]
pub(crate) fn lru(frame: &mut Frame) -> Result<(), Refusal> {
    let headers = parse(frame)?;
    let table = vip(headers)?;
    let key = FlowKey {
        client: headers.ip.source,
        vip: headers.ip.destination,
        ports: ports(headers),
        protocol: u32::from(headers.ip.protocol),
    };
    let number = if let Some(number) = maps::remembered(&key) {
        number
    } else {
        let number = (pick(headers, table)? >> 48) as u32;
        maps::remember(&key, number);
        number
    };
    send(headers, maps::backend(number).ok_or(Refusal::Drop)?);
    Ok(())
}

#[inline(always)]
fn parse(frame: &mut Frame) -> Result<&mut Headers, Refusal> {
    let headers = frame.headers().ok_or(Refusal::Pass)?;
    let ip = &headers.ip;
    let sound = headers.link.ethertype == ethernet::IPV4
        && ip.version_length == PLAIN
        && !ip.is_fragment()
        && (ip.protocol == TCP || ip.protocol == UDP);
    if sound { Ok(headers) } else { Err(Refusal::Pass) }
}

/// The first row of the VIP's table.
#[inline(always)]
fn vip(headers: &Headers) -> Result<u32, Refusal> {
    let address = u32::from_ne_bytes(headers.ip.destination);
    maps::vip(vip_key(address, headers.tcp.ports.destination.raw(), headers.ip.protocol)).ok_or(Refusal::Pass)
}

#[inline(always)]
fn pick(headers: &Headers, table: u32) -> Result<u64, Refusal> {
    let (client, vip) = (u32::from_ne_bytes(headers.ip.source), u32::from_ne_bytes(headers.ip.destination));
    let hash = jhash::three_words(client, vip, ports(headers), u32::from(headers.ip.protocol));
    maps::table(table + (hash & (TABLE_ROWS - 1))).ok_or(Refusal::Drop)
}

#[inline(always)]
fn ports(headers: &Headers) -> u32 {
    let ports = headers.tcp.ports;
    u32::from(ports.source.raw()) | u32::from(ports.destination.raw()) << 16
}

/// To the backend's MAC, from the one that the frame was sent to.
#[inline(always)]
fn send(headers: &mut Headers, backend: u64) {
    let us = headers.link.head & dsr_common::interface::MAC_MASK;
    headers.link.set_macs(backend & dsr_common::interface::MAC_MASK, us);
}
