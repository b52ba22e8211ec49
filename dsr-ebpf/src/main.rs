//! The kernel side of `dsr`: the XDP program that runs on a balancer's interfaces.
//!
//! The path of a packet: frame -> [`parse`] -> [`service`] -> [`select`] -> [`forward`] -> [`count`]. Each stage uses
//! only what earlier stages produced. Nearly every packet takes `fast_path`, all others `slow_path`. A stage that ends
//! the path early returns a [`Reason`]; the one match in `action` turns reasons into XDP actions.
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
    use dsr_common::{limits::INTERFACE_ROWS, stats::Reason};

    use crate::{
        count,
        forward::{self, Egress},
        frame::{self, Frame},
        hairpin,
        interface::{self, Interface},
        maps,
        parse::{self, Addressee, Link, Network, Payload, Shape},
        route::{self, Route},
        select::{self, Choice},
        service,
        subprograms::Scalar,
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
    fn dsr(ctx: XdpContext) -> u32 {
        balance::<Unobserved>(ctx.as_ptr().cast())
    }

    /// The same program, which also records the frames that match the trace filter. The agent replaces the other
    /// program with it while `dsr trace` runs.
    #[xdp(frags)]
    fn dsr_traced(ctx: XdpContext) -> u32 {
        balance::<Trace>(ctx.as_ptr().cast())
    }

    /// Passes every frame: a veth peer accepts frames from XDP only while it runs a program itself.
    #[xdp(frags)]
    fn pass(_ctx: XdpContext) -> u32 {
        xdp_action::XDP_PASS
    }

    #[inline(always)]
    fn balance<O: SlowPath>(ctx: *mut xdp_md) -> u32 {
        O::meets(ctx);
        let action = match by_shape::<O>(ctx) {
            Some(action) => action,
            None => match O::slow_path(ctx) {
                Examined::Ended(action) => action,
                Examined::Unserved => {
                    let action = refuse(ctx);
                    O::ended(Some(refused(action)));
                    action
                }
            },
        };
        O::is_over();
        action
    }

    /// Takes the fast path if the frame's headers have one; `None` if they don't.
    #[inline(always)]
    fn by_shape<O: Observer>(ctx: *mut xdp_md) -> Option<u32> {
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
    ) -> Option<u32>
    where
        Headers<L, N>: frame::Header,
    {
        let (ctx, length) = (frame.context(), frame.length());
        let headers: &mut Headers<L, N> = frame.at_mut(0)?;
        let end = headers.end().filter(|end| *end <= length)?;
        let service = service::exact(&headers.flow())?;
        let row = match select::row_if_stable(&headers.flow(), &service) {
            Some(row) => row,
            None => route::follow(ctx, shape)?,
        };
        let choice = select::at(row).ok()?;
        if forward::rewrite_in_place(&mut headers.link, &choice.member, interface.ifindex).is_some() {
            O::chose(row);
            let counted = count::member(row, end, headers.opens());
            return Some(finish::<O>(ctx, counted.map(|()| Egress::SameInterface)));
        }
        let (source, opens) = (headers.link.source(), headers.opens());
        let link = Link { source, length: L::LENGTH, ifindex: interface.ifindex };
        let outcome = deliver::<O>(frame, &link, &choice, end, opens);
        Some(finish::<O>(ctx, outcome))
    }

    /// The path of every other frame: hairpin replies, frames to pass, and packets that need full parsing.
    #[inline(always)]
    fn slow_path<O: Observer>(frame: &mut Frame, interface: &Interface) -> Result<Egress, Reason> {
        let arrival = parse::link(frame, interface)?;
        let link = &arrival.link;
        vlan::check(frame, &arrival, interface)?;
        let ip = match (arrival.payload, arrival.addressee) {
            (Payload::Ipv4, Addressee::Us) => parse::ipv4(frame, link.end()),
            (Payload::Ipv6, addressee) => {
                hairpin::ndp::answer(frame, interface.mac)?;
                if matches!(addressee, Addressee::Group) {
                    return Err(Reason::PassGroup);
                }
                parse::ipv6(frame, link.end())
            }
            (Payload::Arp, _) => return Err(hairpin::arp::answer(frame, link, interface)),
            (Payload::Ipv4, Addressee::Group) => return Err(Reason::PassGroup),
            (Payload::Other, _) => return Err(Reason::PassNotIp),
        }
        .map_err(route::reason_of_fault)?;
        let Route { choice, opens, first_of } = route::of(frame, link, &ip, interface)?;
        let sent = deliver::<O>(frame, link, &choice, ip.end, opens);
        // The later fragments of one that could not be sent end early, whoever the member's next hop is by then.
        if let (Some(datagram), Ok(_) | Err(Reason::DropLoop)) = (first_of, &sent) {
            datagram.remember(&choice);
        }
        sent
    }

    /// Sends a frame to its member and counts it there.
    #[inline(always)]
    fn deliver<O: Observer>(
        frame: &mut Frame,
        link: &Link,
        choice: &Choice,
        bytes: usize,
        opens: bool,
    ) -> Result<Egress, Reason> {
        O::chose(choice.row);
        let egress = forward::send(frame, link, choice)?;
        count::member(choice.row, bytes, opens)?;
        Ok(egress)
    }

    /// Outcome of the slow path.
    enum Examined {
        /// Finished; the action to return.
        Ended(u32),
        /// There is no backend, and the service rejects such packets. The program itself calls [`refuse`] for that: in
        /// one call chain, the stacks of both would exceed the limit.
        Unserved,
    }

    impl Scalar for Examined {
        type Raw = u64;

        #[inline(always)]
        fn scalar(self) -> u64 {
            match self {
                Self::Ended(action) => u64::from(action),
                Self::Unserved => u64::MAX,
            }
        }

        #[inline(always)]
        fn from_scalar(word: u64) -> Self {
            if word == u64::MAX { Self::Unserved } else { Self::Ended(word as u32) }
        }
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
            return Examined::Ended(finish::<Unobserved>(ctx, Err(Reason::PassNoInterface)));
        };
        match slow_path::<O>(&mut frame, &interface) {
            Err(Reason::AnswerReject) => Examined::Unserved,
            outcome => Examined::Ended(finish::<O>(ctx, outcome)),
        }
    }

    subprogram! {
        /// Rejects the packet in a frame, or drops it; returns the action.
        fn refuse(ctx: *mut xdp_md) -> u32 {
            let answered = interface::find(frame::interface(ctx))
                .and_then(|interface| hairpin::reject::answer(&mut Frame::of(ctx), &interface));
            let reason = if answered.is_some() { Reason::AnswerReject } else { Reason::DropNoBackend };
            finish::<Unobserved>(ctx, Err(reason))
        }
    }

    /// The reason of a frame that ended in [`refuse`], from its action.
    #[inline(always)]
    const fn refused(action: u32) -> Reason {
        if action == xdp_action::XDP_TX { Reason::AnswerReject } else { Reason::DropNoBackend }
    }

    /// Turns the outcome into an XDP action, and counts the reason if the frame was not sent.
    #[inline(always)]
    fn finish<O: Observer>(ctx: *mut xdp_md, outcome: Result<Egress, Reason>) -> u32 {
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
                // Looked up again, so that no path to here needs to keep it in a register.
                let interface = interface::find(frame::interface(ctx));
                count::reason(interface.map_or(INTERFACE_ROWS, |interface| interface.row), reason);
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
            | Reason::PassVlan
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
        // Unreachable, as the verifier proves: a program with an infinite loop does not load.
        loop {}
    }

    #[unsafe(link_section = "license")]
    #[unsafe(no_mangle)]
    static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
}
