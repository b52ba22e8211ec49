//! The lab's own XDP programs: they introduce network faults on kernels that have no other means. Not part of the
//! datapath.
//!
//! Two implement a switch port in a VLAN, for a kernel without 802.1Q: `tag` on the switch's end of the cable, `untag`
//! on the host's. Two are host firewalls.
//!
//! This program consists of this file only, which therefore contains all its `unsafe` code.
#![cfg_attr(target_arch = "bpf", no_std, no_main)]
// A program takes its context by value; a tag is four bytes long.
#![allow(clippy::needless_pass_by_value, clippy::cast_possible_wrap)]

#[cfg(not(target_arch = "bpf"))]
fn main() {}

#[cfg(target_arch = "bpf")]
mod program {
    use aya_ebpf::{bindings::xdp_action, helpers::bpf_xdp_adjust_head, macros::xdp, programs::XdpContext};
    use dsr_common::{
        address::Family,
        forward::{ForwardMode, GUE_PORT, protocol_of},
    };
    use dsr_lab_common::{PORT, VLAN};

    /// Puts a frame into the VLAN.
    #[xdp]
    fn tag(context: XdpContext) -> u32 {
        verdict(push(&context))
    }

    /// Takes a frame out of the VLAN; drops frames that are not in it.
    #[xdp]
    fn untag(context: XdpContext) -> u32 {
        verdict(pop(&context))
    }

    /// Passes everything but TCP to the services' port.
    #[xdp]
    fn firewall(context: XdpContext) -> u32 {
        verdict((!is_for_port(&context)).then_some(()))
    }

    /// Passes everything but tunnels: IP in IP, GRE and GUE.
    #[xdp]
    fn tunnel_firewall(context: XdpContext) -> u32 {
        verdict((!is_tunnel(&context)).then_some(()))
    }

    /// Passes every frame: a veth peer accepts frames from XDP only while it runs a program itself.
    #[xdp(frags)]
    fn pass(_context: XdpContext) -> u32 {
        xdp_action::XDP_PASS
    }

    fn verdict(kept: Option<()>) -> u32 {
        if kept.is_some() { xdp_action::XDP_PASS } else { xdp_action::XDP_DROP }
    }

    fn push(context: &XdpContext) -> Option<()> {
        // SAFETY: `ctx` is the program's context.
        if unsafe { bpf_xdp_adjust_head(context.ctx, -(TAG as i32)) } != 0 {
            return None;
        }
        let [_, a, b, c] = read::<[u32; 4]>(context, 0)?;
        write(context, 0, [a, b, c, TAG_WORD])
    }

    fn pop(context: &XdpContext) -> Option<()> {
        let [a, b, c, tag] = read::<[u32; 4]>(context, 0)?;
        if tag & TAG_MASK != TAG_WORD {
            return None;
        }
        write(context, TAG, [a, b, c])?;
        // SAFETY: `ctx` is the program's context.
        (unsafe { bpf_xdp_adjust_head(context.ctx, TAG as i32) } == 0).then_some(())
    }

    /// For packets without options or extension headers, as the lab sends them.
    fn is_for_port(context: &XdpContext) -> bool {
        let is_tcp = |ethertype: u16, protocol: usize, port: usize| {
            read::<[u8; 2]>(context, ETHERTYPE) == Some(ethertype.to_be_bytes())
                && read::<u8>(context, protocol) == Some(TCP)
                && read::<[u8; 2]>(context, port) == Some(PORT.to_be_bytes())
        };
        is_tcp(0x0800, 23, 36) || is_tcp(0x86dd, 20, 56)
    }

    /// The same packets in a tunnel of any forward mode.
    fn is_tunnel(context: &XdpContext) -> bool {
        let is_outer = |ethertype: u16, protocol: usize, port: usize| {
            read::<[u8; 2]>(context, ETHERTYPE) == Some(ethertype.to_be_bytes())
                && match read::<u8>(context, protocol) {
                    Some(IPV4 | IPV6 | GRE) => true,
                    Some(UDP) => read::<[u8; 2]>(context, port) == Some(GUE_PORT.to_be_bytes()),
                    _ => false,
                }
        };
        is_outer(0x0800, 23, 36) || is_outer(0x86dd, 20, 56)
    }

    fn read<T: Copy>(context: &XdpContext, offset: usize) -> Option<T> {
        let at = place::<T>(context, offset)?;
        // SAFETY: `place` has checked that it lies in the frame; integers and arrays of them have any bytes as a value.
        Some(unsafe { at.read_unaligned() })
    }

    fn write<T>(context: &XdpContext, offset: usize, value: T) -> Option<()> {
        let at = place::<T>(context, offset)?;
        // SAFETY: `place` has checked that it lies in the frame, which is this program's to write.
        unsafe { at.write_unaligned(value) };
        Some(())
    }

    /// The address of a value in the frame, if the frame is long enough.
    #[inline(always)]
    fn place<T>(context: &XdpContext, offset: usize) -> Option<*mut T> {
        let at = context.data() + offset;
        (at + size_of::<T>() <= context.data_end()).then_some(at as *mut T)
    }

    /// Bytes of a tag.
    const TAG: usize = 4;
    /// IEEE 802.1Q with the VLAN ID, in frame byte order.
    const TAG_WORD: u32 = (0x8100_0000 | VLAN as u32).to_be();
    /// The bits of a tag without the priority.
    const TAG_MASK: u32 = 0xffff_0fff_u32.to_be();
    /// Where the EtherType is.
    const ETHERTYPE: usize = 12;
    // Protocols (IANA "Protocol Numbers").
    const TCP: u8 = 6;
    const IPV4: u8 = protocol_of(Family::V4);
    const IPV6: u8 = protocol_of(Family::V6);
    const GRE: u8 = ForwardMode::Gre.outer_protocol(Family::V4);
    const UDP: u8 = ForwardMode::Gue.outer_protocol(Family::V4);

    #[panic_handler]
    fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
        // Unreachable, as the verifier proves: a program with an infinite loop does not load.
        loop {}
    }

    #[unsafe(link_section = "license")]
    #[unsafe(no_mangle)]
    static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
}
