//! The kernel side of `dsr`: the XDP program that a balancer's interfaces run.
//!
//! The way of a packet: frame -> [`parse`] -> [`service`] -> [`select`] -> [`forward`] -> [`count`]. Each stage takes
//! only what the earlier ones made. A stage that ends the way early gives a [`Reason`]; the one match in [`action`]
//! turns reasons into XDP actions.
#![cfg_attr(target_arch = "bpf", no_std, no_main)]
#![deny(unsafe_code)]
// Programs take their context by value; lengths are those of frames, far below any bound; octets of a MAC have no better
// names than letters, and fields of a header those of the RFC.
#![allow(
    clippy::needless_pass_by_value,
    clippy::cast_possible_wrap,
    clippy::many_single_char_names,
    clippy::struct_field_names
)]

#[cfg(not(target_arch = "bpf"))]
fn main() {}

/// A global function: the verifier looks at it once, with any arguments. It is exported under its name.
#[cfg(target_arch = "bpf")]
macro_rules! global {
    ($(#[$doc:meta])* fn $name:ident($($argument:ident: u64),*) -> u64 $body:block) => {
        $(#[$doc])*
        #[allow(unsafe_code)]
        #[unsafe(no_mangle)]
        #[inline(never)]
        pub(crate) extern "C" fn $name($($argument: u64),*) -> u64 $body
    };
}

#[cfg(target_arch = "bpf")]
mod count;
#[cfg(target_arch = "bpf")]
mod forward;
#[cfg(target_arch = "bpf")]
mod frame;
#[cfg(target_arch = "bpf")]
mod global;
#[cfg(target_arch = "bpf")]
mod hairpin;
#[cfg(target_arch = "bpf")]
mod interface;
#[cfg(target_arch = "bpf")]
mod maps;
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
mod watch;
#[cfg(target_arch = "bpf")]
mod wire;

#[cfg(target_arch = "bpf")]
pub(crate) use program::{examine, examine_traced, follow_plain, note_traced, report_claim, walk_extensions};

#[cfg(target_arch = "bpf")]
mod program {
    #![allow(unsafe_code)] // The macro exports the programs under their names.

    use aya_ebpf::{
        bindings::{xdp_action, xdp_md},
        macros::xdp,
        programs::XdpContext,
    };
    use dsr_common::{address::Address, limits::INTERFACE_ROWS, stats::Reason};

    use crate::{
        count,
        forward::{self, Egress},
        frame::Frame,
        hairpin::{self, ndp::Discovered},
        interface::{self, Interface},
        parse::{self, Addressee, Last, Link, Payload},
        route::{self, Route},
        select, service,
        trace::{self, Observer, Trace, Unobserved},
        watch,
    };

    /// Balances the frames of one interface.
    #[xdp(frags)]
    fn dsr(ctx: XdpContext) -> u32 {
        run::<Unobserved>(&ctx)
    }

    /// The same, and tells what becomes of the frames that the trace's filter lets through. The agent puts it in the
    /// place of the other one while `dsr trace` runs.
    #[xdp(frags)]
    fn dsr_traced(ctx: XdpContext) -> u32 {
        run::<Trace>(&ctx)
    }

    #[inline(always)]
    fn run<O: Observer>(ctx: &XdpContext) -> u32 {
        let mut frame = Frame::new(ctx);
        let Some(interface) = interface::find(frame.interface()) else {
            return end::<Unobserved>(INTERFACE_ROWS, Err(Reason::PassNoInterface));
        };
        O::meets(&frame, &interface);
        let action = if let Some((link, route)) = route::plain(&frame, &interface) {
            let outcome = send::<O>(&mut frame, &link, &route);
            end::<O>(interface.row, outcome)
        } else {
            let ways = u64::from(interface.row) | u64::from(interface.ifindex) << 32;
            match O::examine(frame.context(), ways, interface.mac) {
                TO_REFUSE => {
                    let action = refuse(frame.context(), u64::from(interface.row), interface.mac) as u32;
                    O::ended(Some(refused(action)));
                    action
                }
                action => action as u32,
            }
        };
        O::is_over();
        action
    }

    /// Passes every frame: a veth peer takes frames from XDP only while it runs a program itself.
    #[xdp(frags)]
    fn pass(_ctx: XdpContext) -> u32 {
        xdp_action::XDP_PASS
    }

    /// The row of the member of a frame that is read the short way but takes more than a look at a slot; no row where it
    /// has none. A global function that starts anew, so that the short way keeps its registers.
    #[unsafe(no_mangle)]
    #[inline(never)]
    pub(crate) extern "C" fn follow_plain(ctx: *mut xdp_md) -> u64 {
        let row = parse::plain_again(&Frame::of(ctx)).and_then(|packet| {
            let service = service::exact(&packet.flow)?;
            if service.is_passed() {
                return None;
            }
            select::row(&packet, &service).ok()
        });
        row.map_or(u64::MAX, u64::from)
    }

    /// The long way. A function of its own, so that it takes no registers from the short one: the call costs little beside
    /// what such frames cost anyway. A global function, so that the verifier looks at it once, with any arguments.
    #[unsafe(no_mangle)]
    #[inline(never)]
    pub(crate) extern "C" fn examine(ctx: *mut xdp_md, ways: u64, mac: u64) -> u64 {
        examine_as::<Unobserved>(ctx, ways, mac)
    }

    /// The same while a trace runs.
    #[unsafe(no_mangle)]
    #[inline(never)]
    pub(crate) extern "C" fn examine_traced(ctx: *mut xdp_md, ways: u64, mac: u64) -> u64 {
        examine_as::<Trace>(ctx, ways, mac)
    }

    #[inline(always)]
    fn examine_as<O: Observer>(ctx: *mut xdp_md, ways: u64, mac: u64) -> u64 {
        let mut frame = Frame::of(ctx);
        let interface = Interface { row: ways as u32, ifindex: (ways >> 32) as u32, mac };
        match balance::<O>(&mut frame, &interface) {
            Err(Reason::AnswerReject) => TO_REFUSE,
            outcome => u64::from(end::<O>(interface.row, outcome)),
        }
    }

    /// Starts the record of a frame that is traced. A global function for the same reason.
    #[unsafe(no_mangle)]
    #[inline(never)]
    pub(crate) extern "C" fn note_traced(ctx: *mut xdp_md, mac: u64) -> u64 {
        let frame = Frame::of(ctx);
        trace::note(&frame, &Interface { row: 0, ifindex: frame.interface(), mac });
        0
    }

    /// What [`examine`] returns where [`refuse`] has the last word: together their stacks would be too large for one chain
    /// of calls.
    const TO_REFUSE: u64 = u64::MAX;

    #[inline(always)]
    fn balance<O: Observer>(frame: &mut Frame, interface: &Interface) -> Result<Egress, Reason> {
        let link = parse::link(frame, interface)?;
        let route = match (&link.payload, link.addressee) {
            (Payload::Ipv4, Addressee::Us) => {
                let ip = parse::ipv4(frame, link.end())?;
                route::of(frame, &link, &ip, interface)?
            }
            (Payload::Ipv6, addressee) => {
                if let Some(reason) = Discovered::reason(discover(frame.context(), interface.mac)) {
                    return Err(reason);
                }
                frame.look_again();
                if matches!(addressee, Addressee::Group) {
                    return Err(Reason::PassGroup);
                }
                let ip = parse::ipv6(frame, link.end())?;
                route::of(frame, &link, &ip, interface)?
            }
            (Payload::Arp, _) => return Err(hairpin::arp::answer(frame, &link, interface)),
            (Payload::Ipv4, Addressee::Group) => return Err(Reason::PassGroup),
            (Payload::Other, _) => return Err(Reason::PassNotIp),
        };
        if let Some(datagram) = route.first_of {
            datagram.remember(&route.choice);
        }
        send::<O>(frame, &link, &route)
    }

    #[inline(always)]
    fn send<O: Observer>(frame: &mut Frame, link: &Link, route: &Route) -> Result<Egress, Reason> {
        O::chose(route.choice.row);
        let egress = forward::send(frame, link, &route.choice)?;
        count::member(route.choice.row, route.octets, route.opens)?;
        Ok(egress)
    }

    /// The walk over IPv6 extension headers, as a global function: the verifier looks at it once, with any arguments.
    #[unsafe(no_mangle)]
    #[inline(never)]
    pub(crate) extern "C" fn walk_extensions(ctx: *mut xdp_md, next: u64, at: u64, end: u64) -> u64 {
        let frame = Frame::of(ctx);
        Last::word(parse::walk_step_by_step(&frame, next as u8, at as usize & 0xffff, end as usize & 0x1_ffff))
    }

    /// Answers neighbour discovery in a frame; zero where it is like any other. A global function for the same reason.
    #[unsafe(no_mangle)]
    #[inline(never)]
    extern "C" fn discover(ctx: *mut xdp_md, mac: u64) -> u64 {
        let mut frame = Frame::of(ctx);
        let interface = Interface { row: 0, ifindex: 0, mac };
        let discovered = parse::link(&frame, &interface).ok();
        Discovered::word(discovered.and_then(|link| hairpin::ndp::answer(&mut frame, &link, mac)))
    }

    /// Tells the agent of a claim to a VIP. A global function for the same reason.
    #[unsafe(no_mangle)]
    #[inline(never)]
    pub(crate) extern "C" fn report_claim(ctx: *mut xdp_md, hi: u64, lo: u64, mac: u64, about: u64) -> u64 {
        watch::tell(&Frame::of(ctx), Address { hi, lo }, mac, about);
        0
    }

    /// Refuses the packet in a frame, or drops it. A global function for the same reason: it reads the headers again by
    /// itself.
    #[unsafe(no_mangle)]
    #[inline(never)]
    extern "C" fn refuse(ctx: *mut xdp_md, row: u64, mac: u64) -> u64 {
        let mut frame = Frame::of(ctx);
        let interface = Interface { row: row as u32, ifindex: 0, mac };
        let answered = parse::link(&frame, &interface).and_then(|link| {
            let ip = match link.payload {
                Payload::Ipv6 => parse::ipv6(&frame, link.end())?,
                _ => parse::ipv4(&frame, link.end())?,
            };
            hairpin::reject::answer(&mut frame, &link, &ip, mac).ok_or(Reason::DropNoBackend)
        });
        let reason = if answered.is_ok() { Reason::AnswerReject } else { Reason::DropNoBackend };
        u64::from(end::<Unobserved>(interface.row, Err(reason)))
    }

    /// Why a frame was refused, by the action of [`refuse`].
    #[inline(always)]
    const fn refused(action: u32) -> Reason {
        if action == xdp_action::XDP_TX { Reason::AnswerReject } else { Reason::DropNoBackend }
    }

    /// Says what becomes of a frame, and counts why where it goes no further.
    #[inline(always)]
    fn end<O: Observer>(interface_row: u32, outcome: Result<Egress, Reason>) -> u32 {
        match outcome {
            Ok(egress) => {
                O::ended(None);
                match egress {
                    Egress::SameInterface => xdp_action::XDP_TX,
                    Egress::Redirected(action) => action,
                }
            }
            Err(reason) => {
                O::ended(Some(reason));
                count::reason(interface_row, reason);
                action(reason)
            }
        }
    }

    #[inline(always)]
    const fn action(reason: Reason) -> u32 {
        match reason {
            Reason::PassNotVip
            | Reason::PassNotIp
            | Reason::PassOtherHost
            | Reason::PassGroup
            | Reason::PassArpClaim
            | Reason::PassNdClaim
            | Reason::PassTruncated
            | Reason::PassNoInterface
            | Reason::PassAgentDead => xdp_action::XDP_PASS,
            Reason::DropMalformed
            | Reason::DropNoService
            | Reason::DropNoBackend
            | Reason::DropFragmentEarly
            | Reason::DropLoop
            | Reason::DropIcmp
            | Reason::DropProtocol
            | Reason::DropInconsistent => xdp_action::XDP_DROP,
            Reason::AnswerArp | Reason::AnswerNdp | Reason::AnswerEcho | Reason::AnswerReject => xdp_action::XDP_TX,
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
