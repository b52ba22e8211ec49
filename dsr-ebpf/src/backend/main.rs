//! The XDP program of a backend: ends the balancers' tunnels, or turns a DSCP code back into the VIP, and gives the
//! packet to the local stack.
//!
//! The path of a packet: frame -> [`link`] -> [`outer`] -> [`tunnel`] -> [`inner`] -> strip, or -> [`dscp`]. Everything
//! that is not for this program is passed unchanged. Each frame counts exactly one [`Reason`]; the one match in
//! `action` turns reasons into XDP actions. `docs/backend-half.md` specifies the outcome for every frame.
#![cfg_attr(target_arch = "bpf", no_std, no_main)]
#![deny(unsafe_code)]
// The program takes its context by value; lengths are frame lengths, far below any integer bound; header fields are named
// as in the RFC.
#![allow(clippy::needless_pass_by_value, clippy::cast_possible_wrap, clippy::struct_field_names)]

#[cfg(not(target_arch = "bpf"))]
fn main() {}

#[cfg(target_arch = "bpf")]
#[macro_use]
#[path = "../subprograms.rs"]
#[allow(dead_code)] // Shared with the balancer's program, which needs more of it; as the other modules of its directory.
mod subprograms;

#[cfg(target_arch = "bpf")]
mod dscp;
#[cfg(target_arch = "bpf")]
mod ecn;
#[cfg(target_arch = "bpf")]
#[path = "../frame.rs"]
#[allow(dead_code)]
mod frame;
#[cfg(target_arch = "bpf")]
mod inner;
#[cfg(target_arch = "bpf")]
mod link;
#[cfg(target_arch = "bpf")]
mod maps;
#[cfg(target_arch = "bpf")]
mod outer;
#[cfg(target_arch = "bpf")]
mod parse;
#[cfg(target_arch = "bpf")]
mod tunnel;
#[cfg(target_arch = "bpf")]
#[path = "../wire/mod.rs"]
#[allow(dead_code)]
mod wire;

#[cfg(target_arch = "bpf")]
mod program {
    #![allow(unsafe_code)] // The macro exports the program under its name.

    use aya_ebpf::{bindings::xdp_action, macros::xdp, programs::XdpContext};
    use dsr_common::backend::Reason;

    use crate::{
        dscp, ecn,
        frame::Frame,
        inner, link, maps, outer,
        tunnel::{self, Tunnel},
    };

    /// Runs on the interfaces of a backend.
    #[xdp(frags)]
    fn backend(ctx: XdpContext) -> u32 {
        let reason = match receive(&mut Frame::new(&ctx)) {
            Ok(reason) | Err(reason) => reason,
        };
        maps::count(reason);
        action(reason)
    }

    /// What becomes of a frame: changed for the local stack, or why not.
    #[inline(always)]
    fn receive(frame: &mut Frame) -> Result<Reason, Reason> {
        let link = link::parse(frame)?;
        let outer = outer::parse(frame, &link)?;
        let Some(tunnel) = tunnel::of(frame, &outer) else { return dscp::restore(frame, &outer) };
        if !maps::is_own(outer.family, outer.destination) {
            return Err(Reason::PassOther);
        }
        if !maps::is_balancer(outer.family, outer.source) {
            return Err(Reason::PassNotBalancer);
        }
        end(frame, &link, &outer, tunnel)
    }

    /// Ends a tunnel of a balancer.
    #[inline(always)]
    fn end(frame: &mut Frame, link: &link::Link, outer: &outer::Outer, tunnel: Tunnel) -> Result<Reason, Reason> {
        let outer = outer::check(frame, outer)?;
        let payload = tunnel::payload(frame, &outer, tunnel)?;
        let inner = inner::parse(frame, &payload)?;
        if !maps::is_vip(inner.family, inner.destination) {
            return Err(Reason::PassNotVip);
        }
        ecn::combine(frame, outer.ecn, &inner)?;
        link.strip(frame, &inner)?;
        Ok(match tunnel {
            Tunnel::Ipip(_) => Reason::DecapIpip,
            Tunnel::Gre => Reason::DecapGre,
            Tunnel::Gue => Reason::DecapGue,
        })
    }

    #[inline(always)]
    const fn action(reason: Reason) -> u32 {
        match reason {
            Reason::PassOther
            | Reason::PassNotBalancer
            | Reason::PassFragment
            | Reason::PassMalformed
            | Reason::PassUnsupported
            | Reason::PassNotVip
            | Reason::DecapIpip
            | Reason::DecapGre
            | Reason::DecapGue
            | Reason::RestoreDscp => xdp_action::XDP_PASS,
            Reason::DropEcn | Reason::DropAdjust => xdp_action::XDP_DROP,
        }
    }

    #[panic_handler]
    fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
        // Unreachable, as the verifier proves: a program with an infinite loop does not load.
        loop {}
    }

    #[unsafe(link_section = "license")]
    #[unsafe(no_mangle)]
    static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
}
