//! Forward modes `ipip`, `gre` and `gue`: an outer link header, IP header and what [`Outer`] puts after it, in front of
//! the unchanged packet. Padding after the packet stays.

use dsr_common::{
    address::Family,
    forward::{ForwardMode, Inner, Outer, TUNNEL_HEADER, TUNNEL_KEY, TunnelRow, gre, gue},
    ip_header::{self, V4_WORDS, V6_WORDS},
};

use super::{Packet, l2};
use crate::{
    frame::Frame,
    maps::{self, NextHop, Tunnel},
    parse::Link,
    select::Choice,
    wire::{
        Words,
        ethernet::{self, EtherType, MACS},
        ipv4, ipv6,
    },
};

#[inline(always)]
pub(super) fn write(
    frame: &mut Frame,
    link: &Link,
    packet: &Packet,
    choice: &Choice,
    mode: ForwardMode,
    tunnel: &Tunnel,
    hop: NextHop,
) -> Option<()> {
    let start = link.end();
    let traffic_class = match packet.family {
        Family::V4 => frame.at::<ipv4::Header>(start)?.tos,
        Family::V6 => frame.at::<ipv6::Header>(start)?.traffic_class(),
    };
    let inner = Inner { family: packet.family, length: (packet.end - start) as u16, traffic_class };
    let length = if maps::vlans() { hop.link_length() } else { MACS };
    let overhead = mode.overhead(choice.member.family(), tunnel.flags());
    frame.grow_front((length + ethernet::ETHERTYPE + usize::from(overhead)) as i32 - start as i32)?;
    l2::write_macs(frame, hop)?;
    if maps::vlans() {
        l2::write_tags(frame, length, hop)?;
    }
    let at = length + ethernet::ETHERTYPE;
    // Each part of the rows is read where it is written, so that few of them are on the stack at once.
    let outer = |family, parameters: TunnelRow| Outer {
        mode,
        family,
        destination: choice.member.backend(),
        tunnel: TunnelRow { flags: tunnel.flags(), ..parameters },
        inner,
        hash: choice.hash,
    };
    match choice.member.family() {
        Family::V4 => {
            frame.at_mut::<EtherType>(length)?.0 = ethernet::IPV4;
            *frame.at_mut::<Words<V4_WORDS>>(at)? = Words(outer(Family::V4, tunnel.source()).ip().v4());
            write_shim(frame, at + ip_header::length(Family::V4), mode, tunnel, inner, choice.hash)
        }
        Family::V6 => {
            frame.at_mut::<EtherType>(length)?.0 = ethernet::IPV6;
            *frame.at_mut::<Words<V6_WORDS>>(at)? = Words(outer(Family::V6, tunnel.source()).ip().v6());
            write_shim(frame, at + ip_header::length(Family::V6), mode, tunnel, inner, choice.hash)
        }
    }
}

/// Writes what is between the outer IP header and the packet.
#[inline(always)]
fn write_shim(frame: &mut Frame, at: usize, mode: ForwardMode, tunnel: &Tunnel, inner: Inner, hash: u64) -> Option<()> {
    let flags = tunnel.flags();
    if maps::gre() && matches!(mode, ForwardMode::Gre) {
        let [first, key, _] = gre(inner.family, flags, tunnel.key());
        *frame.at_mut::<Words<1>>(at)? = Words([first]);
        if flags & TUNNEL_KEY != 0 {
            *frame.at_mut::<Words<1>>(at + 4)? = Words([key]);
        }
    } else if maps::gue() && matches!(mode, ForwardMode::Gue) {
        let [ports, length, header] = gue(inner, flags, tunnel.port(), hash);
        *frame.at_mut::<Words<2>>(at)? = Words([ports, length]);
        if flags & TUNNEL_HEADER != 0 {
            *frame.at_mut::<Words<1>>(at + 8)? = Words([header]);
        }
    }
    Some(())
}
