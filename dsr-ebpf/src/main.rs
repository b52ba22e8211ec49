//! The kernel side of `dsr`: the XDP program that a balancer's interfaces run.
//!
//! The way of a packet: frame -> [`parse`] -> [`service`] -> [`select`] -> [`forward`] -> [`count`]. Each stage takes
//! only what the earlier ones made. A stage that ends the way early gives a [`Reason`]; the one match in [`action`]
//! turns reasons into XDP actions.
#![cfg_attr(target_arch = "bpf", no_std, no_main)]
#![deny(unsafe_code)]

#[cfg(not(target_arch = "bpf"))]
fn main() {}

#[cfg(target_arch = "bpf")]
mod count;
#[cfg(target_arch = "bpf")]
mod forward;
#[cfg(target_arch = "bpf")]
mod frame;
#[cfg(target_arch = "bpf")]
mod hairpin;
#[cfg(target_arch = "bpf")]
mod interface;
#[cfg(target_arch = "bpf")]
mod maps;
#[cfg(target_arch = "bpf")]
mod parse;
#[cfg(target_arch = "bpf")]
mod select;
#[cfg(target_arch = "bpf")]
mod service;
#[cfg(target_arch = "bpf")]
mod wire;

#[cfg(target_arch = "bpf")]
mod program {
    #![allow(unsafe_code)] // The macro exports the programs under their names.

    use aya_ebpf::{bindings::xdp_action, macros::xdp, programs::XdpContext};
    use dsr_common::{limits::INTERFACE_ROWS, stats::Reason};

    use crate::{
        count, forward,
        forward::Egress,
        frame::Frame,
        hairpin,
        interface::{self, Interface},
        parse::{self, Addressee, Payload},
        select, service,
    };

    /// Balances the frames of one interface.
    #[xdp(frags)]
    fn dsr(ctx: XdpContext) -> u32 {
        let mut frame = Frame::new(&ctx);
        let Some(interface) = interface::find(frame.interface()) else {
            return end(INTERFACE_ROWS, Reason::PassNoInterface);
        };
        match balance(&mut frame, &interface) {
            Ok(Egress::SameInterface) => xdp_action::XDP_TX,
            Ok(Egress::Redirected(action)) => action,
            Err(reason) => end(interface.row, reason),
        }
    }

    /// Passes every frame: a veth peer takes frames from XDP only while it runs a program itself.
    #[xdp(frags)]
    fn pass(_ctx: XdpContext) -> u32 {
        xdp_action::XDP_PASS
    }

    #[inline(always)]
    fn balance(frame: &mut Frame, interface: &Interface) -> Result<Egress, Reason> {
        let link = parse::link(frame, interface)?;
        match link.payload {
            Payload::Ipv4 if matches!(link.addressee, Addressee::Us) => {}
            Payload::Arp => return Err(hairpin::arp::answer(frame, &link, interface)),
            Payload::Ipv4 => return Err(Reason::PassGroup),
            Payload::Other => return Err(Reason::PassNotIp),
        }
        let packet = match parse::ipv4(frame, &link)? {
            parse::Parsed::Transport(packet) => packet,
            parse::Parsed::Icmp(icmp) => return Err(hairpin::echo::answer(frame, &link, &icmp, interface.mac)),
        };
        let service = service::find(&packet)?;
        let (row, member) = select::member(&packet, &service)?;
        let egress = forward::send(frame, &packet, &member)?;
        count::member(row, &packet)?;
        Ok(egress)
    }

    /// Counts why a frame goes no further, and says what becomes of it.
    #[inline(always)]
    fn end(interface_row: u32, reason: Reason) -> u32 {
        count::reason(interface_row, reason);
        action(reason)
    }

    #[inline(always)]
    const fn action(reason: Reason) -> u32 {
        match reason {
            Reason::PassNotVip
            | Reason::PassNotIp
            | Reason::PassOtherHost
            | Reason::PassGroup
            | Reason::PassArpClaim
            | Reason::PassTruncated
            | Reason::PassNoInterface => xdp_action::XDP_PASS,
            Reason::DropMalformed
            | Reason::DropNoService
            | Reason::DropNoBackend
            | Reason::DropFragment
            | Reason::DropIcmp
            | Reason::DropProtocol
            | Reason::DropInconsistent => xdp_action::XDP_DROP,
            Reason::AnswerArp | Reason::AnswerEcho => xdp_action::XDP_TX,
        }
    }

    #[panic_handler]
    fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
        // The verifier proves that nothing gets here: a program with an endless loop does not load.
        loop {}
    }

    #[unsafe(link_section = "license")]
    #[unsafe(no_mangle)]
    static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
}
