//! Forward modes `ipip`, `gre` and `gue`: an outer link header, IP header and shim (GRE, or UDP and GUE) in front of the
//! unchanged packet. Padding after the packet stays.
//!
//! The member's [`TunnelRow`](dsr_common::tunnel::TunnelRow) contains these headers; what differs between packets is filled in.

use dsr_common::{
    address::Family,
    ip_header,
    tunnel::{Inner, TUNNEL_GUE, TUNNEL_IPV6},
};

use super::l2;
use crate::{
    frame::Frame,
    maps::{NextHop, Tunnel},
    wire::{
        ethernet::{ETHERTYPE, IPV4, IPV6},
        outer::{OuterIpv4, OuterIpv6, Shim},
    },
};

/// Replaces the first `start` bytes of the frame, its link header, by the outer headers.
#[inline(always)]
pub(super) fn write(frame: &mut Frame, start: usize, inner: &Inner, tunnel: &Tunnel, hop: NextHop) -> Option<()> {
    // Without asking whether there are tags at all: the length is there anyway.
    let length = hop.link_length();
    let overhead = tunnel.overhead();
    let growth = (length + ETHERTYPE + usize::from(overhead)) as i32 - start as i32;
    // What the packet decides is put together first: less has to be kept across the helper's call. The outer headers may be
    // shorter than the structs: the packet behind them has more bytes than they lack.
    if tunnel.flags() & TUNNEL_IPV6 == 0 {
        let first = inner.ipv4_first(tunnel.ip::<0>(), overhead);
        let second = inner.ipv4_second(tunnel.ip::<1>(), overhead, tunnel.varied());
        frame.grow_front(growth)?;
        write_link(frame, length, hop)?;
        let outer: &mut OuterIpv4 = frame.at_mut(length)?;
        outer.ethertype = IPV4;
        (outer.first, outer.second) = (first, second);
        outer.destination = tunnel.ip::<2>() as u32;
        write_shim(&mut outer.shim, Family::V4, inner, tunnel);
    } else {
        let first = inner.ipv6_first(tunnel.ip::<0>(), overhead);
        let third = inner.ipv6_third(tunnel.ip::<2>(), tunnel.varied());
        frame.grow_front(growth)?;
        write_link(frame, length, hop)?;
        let outer: &mut OuterIpv6 = frame.at_mut(length)?;
        outer.ethertype = IPV6;
        outer.first = first;
        outer.source = [tunnel.ip::<1>(), third];
        outer.destination = [tunnel.ip::<3>(), tunnel.ip::<4>()];
        write_shim(&mut outer.shim, Family::V6, inner, tunnel);
    }
    Some(())
}

/// Writes the MACs and tags of a link header with so many bytes before the EtherType.
#[inline(always)]
fn write_link(frame: &mut Frame, length: usize, hop: NextHop) -> Option<()> {
    l2::write_macs(frame, hop)?;
    l2::write_tags(frame, length, hop)
}

/// Writes what is between the outer IP header and the packet.
#[inline(always)]
fn write_shim(shim: &mut Shim, family: Family, inner: &Inner, tunnel: &Tunnel) {
    let overhead = tunnel.overhead();
    let length = usize::from(overhead) - ip_header::length(family);
    if length == 0 {
        return;
    }
    if tunnel.flags() & TUNNEL_GUE != 0 {
        let udp = inner.udp(tunnel.shim::<0>(), overhead, family);
        shim.head = [udp as u32, (udp >> 32) as u32];
        if length > UDP {
            shim.tail = tunnel.shim::<2>();
        }
        return;
    }
    shim.head[0] = tunnel.shim::<0>();
    if length > GRE {
        shim.head[1] = tunnel.shim::<1>();
    }
}

/// Bytes of a UDP header.
const UDP: usize = 8;
/// Bytes of a GRE header without a key.
const GRE: usize = 4;
