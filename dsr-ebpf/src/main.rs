//! The kernel side of `dsr`: the XDP program that runs on a balancer's interfaces.
//!
//! The path of a packet: frame -> [`parse`] -> [`service`] -> [`select`] -> [`forward`] -> [`count`]. Each stage uses
//! only what earlier stages produced. Nearly every packet takes `fast_path`, all others `slow_path`. A stage that ends
//! the path early returns a [`Reason`]; the one match in [`outcome`] turns reasons into XDP actions.
#![cfg_attr(target_arch = "bpf", no_std, no_main)]
#![deny(unsafe_code)]
// Programs take their context by value; lengths are frame lengths, far below any integer bound; bytes of a MAC are
// named by letters, and header fields as in the RFC.
#![allow(
    clippy::needless_pass_by_value,
    clippy::cast_possible_wrap,
    clippy::many_single_char_names,
    clippy::struct_field_names
)]

#[cfg(not(target_arch = "bpf"))]
fn main() {}

#[cfg(target_arch = "bpf")]
#[macro_use]
mod subprograms;

#[cfg(target_arch = "bpf")]
mod count;
#[cfg(target_arch = "bpf")]
mod crossing;
#[cfg(target_arch = "bpf")]
mod forward;
#[cfg(target_arch = "bpf")]
mod frame;
#[cfg(target_arch = "bpf")]
mod hairpin;
#[cfg(target_arch = "bpf")]
mod interface;
#[cfg(target_arch = "bpf")]
mod ip_header;
#[cfg(target_arch = "bpf")]
mod maps;
#[cfg(target_arch = "bpf")]
mod outcome;
#[cfg(target_arch = "bpf")]
mod parse;
#[cfg(target_arch = "bpf")]
mod route;
#[cfg(target_arch = "bpf")]
mod select;
#[cfg(target_arch = "bpf")]
mod service;
#[cfg(target_arch = "bpf")]
mod trace;
#[cfg(target_arch = "bpf")]
mod vlan;
#[cfg(target_arch = "bpf")]
mod watch;
#[cfg(target_arch = "bpf")]
mod wire;

#[cfg(target_arch = "bpf")]
mod program {
    #![allow(unsafe_code)] // The macro exports the programs under their names.

    use aya_ebpf::{
        EbpfContext as _,
        bindings::{xdp_action, xdp_md},
        macros::xdp,
        programs::XdpContext,
    };
    use dsr_common::stats::Reason;

    use crate::{
        count,
        crossing::{Crossing, cross_routers},
        forward::{self, Packet},
        frame::{self, Frame},
        hairpin::{self, refuse::Refusal},
        interface::{self, Interface},
        maps,
        outcome::{self, Examined},
        parse::{self, Addressee, Link, Network, Opening, Payload, Shape},
        route::{self, Route},
        select, service,
        trace::{Observer, Trace, Unobserved},
        vlan,
        wire::{
            ethernet,
            headers::{self, Headers, Tagged, Untagged},
            ipv4, ipv6,
        },
    };

    /// Balances the frames of one interface.
    #[xdp(frags)]
    #[inline(always)]
    fn dsr(ctx: XdpContext) -> u32 {
        balance::<Unobserved>(ctx.as_ptr().cast())
    }

    /// The same program, which also records the frames that match the trace filter. The agent replaces the other
    /// program with it while `dsr trace` runs.
    #[xdp(frags)]
    #[inline(always)]
    fn dsr_traced(ctx: XdpContext) -> u32 {
        balance::<Trace>(ctx.as_ptr().cast())
    }

    #[inline(always)]
    fn balance<O: SlowPath>(ctx: *mut xdp_md) -> u32 {
        O::meets(ctx);
        let examined = match by_shape::<O>(ctx) {
            Some(examined) => examined,
            None => match hairpin::ndp::answer(ctx) {
                Ok(()) => O::slow_path(ctx),
                Err(reason) => Examined::ended(outcome::end_for::<O>(ctx, reason)),
            },
        };
        let examined = match examined.crossing() {
            None => examined,
            Some(crossing) => outcome::left::<O>(ctx, cross_routers(ctx, crossing)),
        };
        let action = match examined.refusal() {
            None => examined.action(),
            Some(why) => {
                let action = refuse(ctx, why);
                O::ended(Some(outcome::refused(action, why)));
                action
            }
        };
        O::is_over();
        action
    }

    /// Takes the fast path if the frame's headers have one; `None` if they don't.
    #[inline(always)]
    fn by_shape<O: Observer>(ctx: *mut xdp_md) -> Option<Examined> {
        let interface = interface::find(frame::interface(ctx))?;
        let mut frame = Frame::of(ctx);
        match parse::ethertype_to(&frame, interface.mac)? {
            ethernet::IPV4 => fast_path::<O, Untagged, ipv4::Header>(&mut frame, &interface, Shape::Ipv4),
            ethernet::IPV6 if maps::ipv6() => {
                fast_path::<O, Untagged, ipv6::Header>(&mut frame, &interface, Shape::Ipv6)
            }
            ethernet::VLAN | ethernet::SERVICE_VLAN if maps::vlans() => {
                match parse::ethertype_behind_tag(&frame, interface.row)? {
                    ethernet::IPV4 => fast_path::<O, Tagged, ipv4::Header>(&mut frame, &interface, Shape::TaggedIpv4),
                    ethernet::IPV6 if maps::ipv6() => {
                        fast_path::<O, Tagged, ipv6::Header>(&mut frame, &interface, Shape::TaggedIpv6)
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// The path of nearly every packet: one bounds check, one slot lookup, no call. Returns `None`, without side
    /// effects, if the packet needs more than that: the slow path takes it.
    #[inline(always)]
    fn fast_path<O: Observer, L: headers::Link, N: Network>(
        frame: &mut Frame,
        interface: &Interface,
        shape: Shape,
    ) -> Option<Examined>
    where
        Headers<L, N>: frame::Header,
    {
        let (ctx, length) = (frame.context(), frame.length());
        let headers: &mut Headers<L, N> = frame.at_mut(0)?;
        let end = headers.end().filter(|end| *end <= length)?;
        let flow = headers.flow();
        let service = service::exact(&flow)?;
        let hash = select::flow_hash(&flow);
        let row = match select::row_if_stable(hash, &service) {
            Some(row) => row,
            None => route::follow(ctx, shape)?,
        };
        let choice = select::at(row, hash).ok()?;
        if forward::rewrite_in_place(&mut headers.link, &choice.member, interface.ifindex).is_some() {
            O::chose(row);
            return Some(Examined::ended(match count::member(row, end, headers.opens()) {
                Ok(()) => outcome::sent::<O>(xdp_action::XDP_TX),
                Err(reason) => outcome::end_for::<O>(ctx, reason),
            }));
        }
        let (source, opening) = (headers.link.source(), Opening::of(headers));
        let link = Link { source, length: L::LENGTH, ifindex: interface.ifindex };
        O::chose(row);
        let Some(across) = forward::across_routers(&choice.member) else {
            let egress = forward::send(frame, &link, &choice);
            return Some(outcome::left::<O>(ctx, outcome::counted(egress, row, end, opening.opens())));
        };
        let payload = link.end() + size_of::<N>();
        let (family, protocol, traffic_class) = (N::FAMILY, flow.protocol, headers.network.traffic_class());
        let packet = Packet { family, protocol, traffic_class, payload, end, is_later: false };
        let egress = forward::send_across_routers(frame, &link, &packet, &choice, across);
        Some(outcome::left::<O>(ctx, outcome::counted(egress, row, end, opening.opens())))
    }

    /// The path of every other frame: hairpin replies, frames to pass, and packets that need full parsing.
    #[inline(always)]
    fn slow_path<O: Observer>(frame: &mut Frame, interface: &Interface) -> Result<Examined, Reason> {
        let arrival = parse::link(frame, interface)?;
        let link = &arrival.link;
        vlan::check(frame, &arrival, interface)?;
        let ip = match (arrival.payload, arrival.addressee) {
            (Payload::Ipv4, Addressee::Us) => parse::ipv4(frame, link.end()),
            (Payload::Ipv6, Addressee::Us) => parse::ipv6(frame, link.end()),
            (Payload::Arp, _) => return Err(hairpin::arp::answer(frame, link, interface)),
            (Payload::Ipv4 | Payload::Ipv6, Addressee::Group) => return Err(Reason::PassGroup),
            (Payload::Other, _) => return Err(Reason::PassNotIp),
        }
        .map_err(route::reason_of_fault)?;
        let Route { choice, opens, first_of } = route::of(frame, link, &ip, interface)?;
        // The later fragments of one that cannot be sent end early, whoever the member's next hop is by then. Recorded before
        // the frame is sent, so that the datagram takes no room on the stack meanwhile.
        if let Some(datagram) = first_of
            && choice.member.is_reachable()
        {
            datagram.remember(&choice);
        }
        O::chose(choice.row);
        if forward::across_routers(&choice.member).is_some() {
            return Ok(Examined::crosses(Crossing::new(&choice, opens)));
        }
        let egress = forward::send(frame, link, &choice);
        Ok(outcome::left::<O>(frame.context(), outcome::counted(egress, choice.row, ip.end, opens)))
    }

    /// An observer and the slow path compiled with it.
    trait SlowPath: Observer {
        fn slow_path(ctx: *mut xdp_md) -> Examined;
    }

    impl SlowPath for Unobserved {
        #[inline(always)]
        fn slow_path(ctx: *mut xdp_md) -> Examined {
            examine(ctx)
        }
    }

    impl SlowPath for Trace {
        #[inline(always)]
        fn slow_path(ctx: *mut xdp_md) -> Examined {
            examine_traced(ctx)
        }
    }

    subprogram! {
        /// The slow path. A subprogram, so that it takes no registers from the fast path; the call is cheap compared
        /// with the rest of the slow path.
        fn examine(ctx: *mut xdp_md) -> Examined {
            examine_as::<Unobserved>(ctx)
        }
    }

    subprogram! {
        /// The same while a trace runs.
        fn examine_traced(ctx: *mut xdp_md) -> Examined {
            examine_as::<Trace>(ctx)
        }
    }

    #[inline(always)]
    fn examine_as<O: Observer>(ctx: *mut xdp_md) -> Examined {
        let mut frame = Frame::of(ctx);
        let Some(interface) = interface::find(frame::interface(ctx)) else {
            return Examined::ended(outcome::end_for::<Unobserved>(ctx, Reason::PassNoInterface));
        };
        match slow_path::<O>(&mut frame, &interface) {
            Ok(examined) => examined,
            Err(Reason::AnswerReject) => Examined::refused(Refusal::Unserved),
            Err(reason) => Examined::ended(outcome::end_for::<O>(ctx, reason)),
        }
    }

    subprogram! {
        /// Answers the packet in a frame, or drops it; returns the action.
        fn refuse(ctx: *mut xdp_md, why: Refusal) -> u32 {
            let answered = interface::find(frame::interface(ctx))
                .and_then(|interface| hairpin::refuse::answer(&mut Frame::of(ctx), &interface, why));
            let action = if answered.is_some() { xdp_action::XDP_TX } else { xdp_action::XDP_DROP };
            outcome::end_for::<Unobserved>(ctx, outcome::refused(action, why))
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
