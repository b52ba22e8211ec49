//! The tc program for health probes, on the egress of a link to which only probes are routed.
//!
//! A probe is an ordinary socket's packet to a VIP. Its mark contains the number of a row that defines how the XDP
//! program would send a packet to the probed member; this program sends it the same way. Everything else is dropped.
//!
//! This program consists of this file only, which therefore contains all its `unsafe` code.
#![cfg_attr(target_arch = "bpf", no_std, no_main)]
#![allow(clippy::needless_pass_by_value)] // A program takes its context by value.

#[cfg(not(target_arch = "bpf"))]
fn main() {}

#[cfg(target_arch = "bpf")]
mod program {
    use core::ptr::read_volatile;

    use aya_ebpf::{
        EbpfContext as _,
        bindings::{BPF_F_MMAPABLE, TC_ACT_SHOT, bpf_adj_room_mode::BPF_ADJ_ROOM_MAC},
        helpers::{bpf_csum_diff, bpf_get_hash_recalc, bpf_redirect, bpf_skb_adjust_room, bpf_skb_vlan_push},
        macros::{classifier, map},
        maps::Array,
        programs::TcContext,
    };
    use dsr_common::{
        address::{Address, Family},
        forward::ForwardMode,
        ip_header,
        member::{MemberRow, MemberRows},
        probe,
        tunnel::{Inner, TunnelRow},
    };

    #[map]
    static PROBES: Array<MemberRows> = Array::with_max_entries(1, BPF_F_MMAPABLE);

    /// Sends a probe to its member.
    #[classifier]
    fn probe(context: TcContext) -> i32 {
        steer(&context).unwrap_or(TC_ACT_SHOT)
    }

    fn steer(context: &TcContext) -> Option<i32> {
        // SAFETY: the kernel gave this context to the program and it outlives the run.
        let mark = unsafe { (*context.skb.skb).mark };
        let row = PROBES.get_ptr(probe::number(mark)?)?;
        // SAFETY: an element of the array; volatile because the agent writes it at any time. A probe that goes astray
        // because it met a row half written is repeated.
        let MemberRows { member, tunnel } = unsafe { read_volatile(row) };
        let packet = Packet::read(context)?;
        match ForwardMode::from_number(member.mode)? {
            ForwardMode::L2 => go_no_further(context, packet.family)?,
            // Routers on the way count the TTL down.
            ForwardMode::Dscp => rename(context, &packet, member.backend, tunnel.dscp)?,
            mode => {
                go_no_further(context, packet.family)?;
                encapsulate(context, mode, &packet, &tunnel)?;
            }
        }
        link(context, &member)?;
        // The mark is not needed any more: the packet leaves like one that the XDP program forwards.
        context.set_mark(0);
        // SAFETY: a helper with numbers as arguments; it fails where there is no such interface.
        Some(unsafe { bpf_redirect(member.ifindex, 0) } as i32)
    }

    /// A probe's packet: after an Ethernet header, without options or extension headers.
    struct Packet {
        family: Family,
        protocol: u8,
        /// DSCP and ECN.
        traffic_class: u8,
    }

    impl Packet {
        fn read(context: &TcContext) -> Option<Self> {
            let [first, second] = context.load::<[u8; 2]>(IP).ok()?;
            match context.load::<[u8; 2]>(ETHERTYPE).ok()? {
                IPV4 => {
                    let protocol = context.load(IP + 9).ok()?;
                    Some(Self { family: Family::V4, protocol, traffic_class: second })
                }
                IPV6 => {
                    let protocol = context.load(IP + 6).ok()?;
                    Some(Self { family: Family::V6, protocol, traffic_class: first << 4 | second >> 4 })
                }
                _ => None,
            }
        }
    }

    /// Sets TTL, or hop limit, to 1, so that the packet ends at the backend. A host that does not hold the VIP and
    /// forwards would otherwise send it back to the balancer, and another backend would answer.
    fn go_no_further(context: &TcContext, family: Family) -> Option<()> {
        match family {
            Family::V4 => {
                let old: [u8; 2] = context.load(IPV4_TTL).ok()?;
                replace(context, IPV4_TTL, old, [1, old[1]])
            }
            Family::V6 => context.store(IPV6_HOP_LIMIT, &1_u8, 0).ok(),
        }
    }

    /// Replaces two bytes of an IPv4 header, and updates its checksum.
    fn replace(context: &TcContext, at: usize, old: [u8; 2], new: [u8; 2]) -> Option<()> {
        context.store(at, &new, 0).ok()?;
        let [old, new] = [old, new].map(|word| u64::from(u16::from_ne_bytes(word)));
        context.l3_csum_replace(IPV4_CHECKSUM, old, new, 2).ok()
    }

    /// Forward mode `dscp`: the backend's address for the VIP, and the VIP's code. A checksum that the device is to complete
    /// covers the new address too.
    fn rename(context: &TcContext, packet: &Packet, backend: Address, code: u8) -> Option<()> {
        let class = code << 2 | packet.traffic_class & ECN;
        let (payload, mut old, mut new) = match packet.family {
            Family::V4 => {
                let old: u32 = context.load(IP + 16).ok()?;
                let new = backend.lo as u32;
                replace(context, IP, [IPV4_FIRST, packet.traffic_class], [IPV4_FIRST, class])?;
                context.l3_csum_replace(IPV4_CHECKSUM, old.into(), new.into(), 4).ok()?;
                context.store(IP + 16, &new, 0).ok()?;
                (IP + ip_header::length(Family::V4), [u64::from(old), 0], [u64::from(new), 0])
            }
            Family::V6 => {
                let [first, second] = context.load::<[u8; 2]>(IP).ok()?;
                let bytes = [first & 0xf0 | class >> 4, class << 4 | second & 0xf];
                context.store(IP, &bytes, 0).ok()?;
                // Words of eight bytes: the verifier refuses reads of the stack that are not aligned.
                let old: [u64; 2] = context.load(IP + 24).ok()?;
                let new = [backend.hi, backend.lo];
                context.store(IP + 24, &new, 0).ok()?;
                (IP + ip_header::length(Family::V6), old, new)
            }
        };
        let (offset, flags) = match (packet.protocol, packet.family) {
            (6, _) => (16, PSEUDO_HEADER),
            (17, _) => (6, PSEUDO_HEADER | ZERO_MEANS_NONE),
            (58, Family::V6) => (2, PSEUDO_HEADER),
            _ => return Some(()),
        };
        // SAFETY: both are arrays of 16 bytes on this stack.
        let difference = unsafe { bpf_csum_diff(old.as_mut_ptr().cast(), 16, new.as_mut_ptr().cast(), 16, 0) };
        context.l4_csum_replace(payload + offset, 0, u64::from(difference as u32), flags).ok()
    }

    /// The tunnels: makes room before the packet, so that the kernel knows it as encapsulated, and writes the outer headers.
    fn encapsulate(context: &TcContext, mode: ForwardMode, packet: &Packet, tunnel: &TunnelRow) -> Option<()> {
        // SAFETY: `as_ptr` is the program's context.
        let hash = u64::from(unsafe { bpf_get_hash_recalc(context.as_ptr().cast()) });
        let length = context.len().checked_sub(IP as u32)? as u16;
        let inner = Inner { length, traffic_class: packet.traffic_class, hash: hash | hash << 32 };
        let (ip, shim) = tunnel.headers(&inner);
        let family = tunnel.family();
        let layers = match family {
            Family::V4 => ENCAPSULATED_IPV4,
            Family::V6 => ENCAPSULATED_IPV6,
        } | match mode {
            ForwardMode::Gre => ENCAPSULATED_GRE,
            ForwardMode::Gue => ENCAPSULATED_UDP,
            _ => 0,
        };
        let skb = context.as_ptr().cast();
        // SAFETY: `skb` is the program's context.
        let failed = unsafe { bpf_skb_adjust_room(skb, tunnel.overhead.into(), BPF_ADJ_ROOM_MAC, layers) };
        if failed != 0 {
            return None;
        }
        let at = IP + ip_header::length(family);
        match family {
            Family::V4 => {
                context.store(ETHERTYPE, &IPV4, 0).ok()?;
                let [first, second, third, ..] = ip;
                context.store(IP, &[first, second], 0).ok()?;
                context.store(at - 4, &(third as u32), 0).ok()?;
            }
            Family::V6 => {
                context.store(ETHERTYPE, &IPV6, 0).ok()?;
                context.store(IP, &ip, 0).ok()?;
            }
        }
        let [first, second, third] = shim;
        match usize::from(tunnel.overhead) - ip_header::length(family) {
            4 => context.store(at, &first, 0).ok(),
            8 => context.store(at, &[first, second], 0).ok(),
            12 => context.store(at, &[first, second, third], 0).ok(),
            _ => Some(()),
        }
    }

    /// Writes the MACs, and pushes the tags in front of the EtherType: the innermost first, as each is inserted before
    /// the others.
    fn link(context: &TcContext, member: &MemberRow) -> Option<()> {
        let [m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, ..] = member.link;
        context.store(0, &[m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11], 0).ok()?;
        let [.., p0, p1, t0, t1, p2, p3, t2, t3] = member.link;
        if member.link_length > MACS + TAG {
            push(context, [p2, p3], [t2, t3])?;
        }
        if member.link_length > MACS {
            push(context, [p0, p1], [t0, t1])?;
        }
        Some(())
    }

    fn push(context: &TcContext, tpid: [u8; 2], tci: [u8; 2]) -> Option<()> {
        // The helper takes the protocol in network byte order and the tag in host byte order.
        let (tpid, tci) = (u16::from_ne_bytes(tpid), u16::from_be_bytes(tci));
        // SAFETY: `as_ptr` is the program's context.
        (unsafe { bpf_skb_vlan_push(context.as_ptr().cast(), tpid, tci) } == 0).then_some(())
    }

    const ETHERTYPE: usize = 12;
    const IPV4: [u8; 2] = [0x08, 0x00];
    const IPV6: [u8; 2] = [0x86, 0xdd];
    /// Where the IP header starts, after an Ethernet header.
    const IP: usize = 14;
    /// The TTL (RFC 791).
    const IPV4_TTL: usize = IP + 8;
    const IPV4_CHECKSUM: usize = IP + 10;
    /// Version 4, and a header without options.
    const IPV4_FIRST: u8 = 0x45;
    /// RFC 8200.
    const IPV6_HOP_LIMIT: usize = IP + 7;
    /// The bits of explicit congestion notification.
    const ECN: u8 = 3;
    /// `BPF_F_PSEUDO_HDR` and `BPF_F_MARK_MANGLED_0` of the kernel's `bpf.h`.
    const PSEUDO_HEADER: u64 = 0x10;
    const ZERO_MEANS_NONE: u64 = 0x20;
    /// `BPF_F_ADJ_ROOM_ENCAP_L3_IPV4` and following.
    const ENCAPSULATED_IPV4: u64 = 2;
    const ENCAPSULATED_IPV6: u64 = 4;
    const ENCAPSULATED_GRE: u64 = 8;
    const ENCAPSULATED_UDP: u64 = 16;
    /// Bytes of the two MACs.
    const MACS: u8 = 12;
    /// Bytes of a tag.
    const TAG: u8 = 4;

    #[panic_handler]
    fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
        // Unreachable, as the verifier proves: a program with an infinite loop does not load.
        loop {}
    }

    #[unsafe(link_section = "license")]
    #[unsafe(no_mangle)]
    static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
}
