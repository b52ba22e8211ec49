//! Frames for people: in hex, and in one line.

use std::fmt::Write as _;

use etherparse::LaxSlicedPacket;

/// The bytes, sixteen a line, each line with the number of its first.
pub(super) fn hex(frame: &[u8]) -> String {
    let mut text = String::new();
    for (line, bytes) in frame.chunks(16).enumerate() {
        let _ = write!(text, "\n    {:04x} ", line * 16);
        for byte in bytes {
            let _ = write!(text, " {byte:02x}");
        }
    }
    text
}

/// What can be read of a frame.
pub(super) fn line(frame: &[u8]) -> String {
    let mut text = format!("{} bytes", frame.len());
    let _ = write!(text, ", {} < {}", mac(&frame[..6]), mac(&frame[6..12]));
    let Ok(packet) = LaxSlicedPacket::from_ethernet(frame) else { return text };
    packet.vlan_ids().iter().for_each(|id| {
        let _ = write!(text, ", VLAN {}", id.value());
    });
    if let Some(net) = packet.net.as_ref() {
        let _ = write!(text, ", {}", network(net));
    }
    if let Some(transport) = &packet.transport {
        let name = format!("{transport:?}");
        let _ = write!(text, ", {}", name.split('(').next().unwrap_or_default());
    }
    if let Some((error, layer)) = &packet.stop_err {
        let _ = write!(text, ", {layer}: {error}");
    }
    text
}

fn network(net: &etherparse::LaxNetSlice<'_>) -> String {
    use etherparse::LaxNetSlice::{Arp, Ipv4, Ipv6};
    match net {
        Ipv4(ip) => {
            let h = ip.header();
            let fragment = (h.fragments_offset().value(), h.more_fragments());
            let (from, to) = (h.source_addr(), h.destination_addr());
            format!("IPv4 {from} > {to} protocol {} fragment {fragment:?}", h.protocol().0)
        }
        Ipv6(ip) => {
            let h = ip.header();
            format!("IPv6 {} > {} next {}", h.source_addr(), h.destination_addr(), h.next_header().0)
        }
        Arp(arp) => format!("ARP {:?}", arp.operation()),
    }
}

fn mac(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":")
}
