//! The kernel side of the benchmark: a driver that prepares each run's frame, and programs to compare with.
//!
//! The reference programs show the minimum cost of a job: [`tx`] sends the frame back unchanged; [`stock`] and
//! [`stock6`] balance with standard maps; [`lru`] also records each flow. They make only the checks needed to read
//! valid data.
#![cfg_attr(target_arch = "bpf", no_std, no_main, feature(asm_experimental_arch))]
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
mod driver;
#[cfg(target_arch = "bpf")]
mod floor;
#[cfg(target_arch = "bpf")]
mod frame;
#[cfg(target_arch = "bpf")]
mod jhash;
#[cfg(target_arch = "bpf")]
mod maps;
#[cfg(target_arch = "bpf")]
#[path = "../wire/mod.rs"]
#[allow(dead_code)] // The product needs more of it than the floors do.
mod wire;

#[cfg(target_arch = "bpf")]
mod program {
    #![allow(unsafe_code)] // The macro exports the programs under their names.

    use aya_ebpf::{bindings::xdp_action, macros::xdp, programs::XdpContext};

    use crate::{driver, floor, frame::Frame, maps};

    /// Restores the frame for the next flow and tail-calls the measured program. A program with `frags` may only
    /// tail-call another one with it, so all of them have it.
    #[xdp(frags)]
    fn drive(ctx: XdpContext) -> u32 {
        if driver::restore(&mut Frame::new(&ctx)).is_some() {
            maps::jump(&ctx);
        }
        xdp_action::XDP_ABORTED
    }

    /// Sends the frame back unchanged: the cost of the driver and of entry and exit.
    #[xdp(frags)]
    fn tx(_ctx: XdpContext) -> u32 {
        xdp_action::XDP_TX
    }

    /// Makes room for an outer IPv4 header and sends the frame back: the cost of the helper.
    #[xdp(frags)]
    fn head(ctx: XdpContext) -> u32 {
        let grown = Frame::new(&ctx).grow_front(dsr_lab_common::bench::GROWN as i32);
        if grown.is_some() { xdp_action::XDP_TX } else { xdp_action::XDP_ABORTED }
    }

    /// Sends the frame by another interface: the cost of the helper.
    #[xdp(frags)]
    fn redirect(_ctx: XdpContext) -> u32 {
        maps::redirect()
    }

    /// A hash map for the VIP and an array for its table; flows are not recorded.
    #[xdp(frags)]
    fn stock(ctx: XdpContext) -> u32 {
        action(floor::stock(&mut Frame::new(&ctx)))
    }

    /// Like `stock`, for IPv6.
    #[xdp(frags)]
    fn stock6(ctx: XdpContext) -> u32 {
        action(floor::stock6(&mut Frame::new(&ctx)))
    }

    /// Like `stock`, with an LRU hash map that records each flow's backend.
    #[xdp(frags)]
    fn lru(ctx: XdpContext) -> u32 {
        action(floor::lru(&mut Frame::new(&ctx)))
    }

    #[inline(always)]
    fn action(sent: Result<(), floor::Refusal>) -> u32 {
        match sent {
            Ok(()) => xdp_action::XDP_TX,
            Err(floor::Refusal::Pass) => xdp_action::XDP_PASS,
            Err(floor::Refusal::Drop) => xdp_action::XDP_DROP,
        }
    }

    #[panic_handler]
    fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
        loop {}
    }

    #[unsafe(link_section = "license")]
    #[unsafe(no_mangle)]
    static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
}
