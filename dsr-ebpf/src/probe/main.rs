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
        bindings::{BPF_F_MMAPABLE, TC_ACT_SHOT},
        helpers::{bpf_redirect, bpf_skb_vlan_push},
        macros::{classifier, map},
        maps::Array,
        programs::TcContext,
    };
    use dsr_common::{
        forward::ForwardMode,
        member::MemberRow,
        probe::{self, ProbeRow},
    };

    #[map]
    static PROBES: Array<ProbeRow> = Array::with_max_entries(1, BPF_F_MMAPABLE);

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
        let ProbeRow { member, .. } = unsafe { read_volatile(row) };
        go_no_further(context)?;
        match member.mode {
            L2 => link(context, &member)?,
            _ => return None,
        }
        // The mark is not needed any more: the packet leaves like one that the XDP program forwards.
        context.set_mark(0);
        // SAFETY: a helper with numbers as arguments; it fails where there is no such interface.
        Some(unsafe { bpf_redirect(member.ifindex, 0) } as i32)
    }

    /// Sets TTL, or hop limit, to 1, so that the packet ends at the backend. A host that does not hold the VIP and
    /// forwards would otherwise send it back to the balancer, and another backend would answer.
    fn go_no_further(context: &TcContext) -> Option<()> {
        match context.load::<[u8; 2]>(ETHERTYPE).ok()? {
            IPV4 => {
                let old: [u8; 2] = context.load(IPV4_TTL).ok()?;
                let new = [1, old[1]];
                context.store(IPV4_TTL, &new, 0).ok()?;
                let [old, new] = [old, new].map(|word| u64::from(u16::from_ne_bytes(word)));
                context.l3_csum_replace(IPV4_CHECKSUM, old, new, 2).ok()
            }
            IPV6 => context.store(IPV6_HOP_LIMIT, &1_u8, 0).ok(),
            _ => None,
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
    /// The TTL (RFC 791), after an Ethernet header.
    const IPV4_TTL: usize = 14 + 8;
    const IPV4_CHECKSUM: usize = 14 + 10;
    /// RFC 8200.
    const IPV6_HOP_LIMIT: usize = 14 + 7;
    const L2: u8 = ForwardMode::L2 as u8;
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
