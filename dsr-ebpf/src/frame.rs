//! The frame in memory: all pointer arithmetic of the program.
//!
//! Every access is checked against the end of the linear part. Multi-buffer frames have their headers there.
#![allow(unsafe_code)]

use aya_ebpf::{
    EbpfContext as _,
    bindings::xdp_md,
    helpers::{bpf_xdp_adjust_head, bpf_xdp_adjust_tail, bpf_xdp_get_buff_len},
    programs::XdpContext,
};

use dsr_common::ip_header::{V4_WORDS, V6_WORDS};

use crate::wire::{
    self,
    headers::{Headers, Tagged, Untagged},
};

/// A type that can be overlaid on a frame: integers and bytes only, alignment one, valid for any bytes.
///
/// # Safety
///
/// Exactly the above holds; `repr(C, packed)` without references, booleans or enums does.
pub(crate) unsafe trait Header {}

macro_rules! headers {
    ($($header:ty),+ $(,)?) => {
        $(
            const _: () = assert!(align_of::<$header>() == 1);
            // SAFETY: `repr(C, packed)` integers, see its definition; the alignment is asserted above.
            unsafe impl Header for $header {}
        )+
    };
}

headers!(
    wire::arp::Packet,
    wire::ethernet::EtherType,
    wire::ethernet::Header,
    wire::ethernet::Tag,
    wire::icmp::Head,
    wire::icmp::Error,
    wire::ipv4::Header,
    wire::ipv6::Extension,
    wire::ipv6::Fragment,
    wire::ipv6::Header,
    wire::ndp::Advertisement,
    wire::ndp::Message,
    wire::outer::OuterIpv4,
    wire::outer::OuterIpv6,
    Headers<Untagged, wire::ipv4::Header>,
    Headers<Untagged, wire::ipv6::Header>,
    Headers<Tagged, wire::ipv4::Header>,
    Headers<Tagged, wire::ipv6::Header>,
    wire::Checksum,
    wire::Word,
    wire::Words<V4_WORDS>,
    wire::Words<V6_WORDS>,
    wire::transport::Ports,
    wire::transport::TcpHead,
    wire::transport::TcpHeader,
);

/// One frame being processed.
pub(crate) struct Frame {
    ctx: *mut xdp_md,
    start: usize,
    end: usize,
}

/// The ifindex of the ingress interface.
#[inline(always)]
pub(crate) fn interface(ctx: *mut xdp_md) -> u32 {
    // SAFETY: the kernel gave this context to the program and it outlives the run.
    unsafe { (*ctx).ingress_ifindex }
}

impl Frame {
    #[inline(always)]
    pub(crate) fn new(ctx: &XdpContext) -> Self {
        Self { ctx: ctx.as_ptr().cast(), start: ctx.data(), end: ctx.data_end() }
    }

    /// The frame of a context passed to a subprogram.
    #[inline(always)]
    pub(crate) fn of(ctx: *mut xdp_md) -> Self {
        Self::new(&XdpContext::new(ctx))
    }

    /// The context, to pass the frame to a subprogram.
    #[inline(always)]
    pub(crate) fn context(&self) -> *mut xdp_md {
        self.ctx
    }

    /// Length of the linear part. Compare lengths from packets with it instead of adding them to `start`: the verifiers
    /// of 6.1 and 6.12 know no bounds of a byte-swapped length, and refuse to add it to a packet pointer ("unbounded
    /// min value").
    #[inline(always)]
    pub(crate) fn length(&self) -> usize {
        self.end - self.start
    }

    /// Resizes a frame to exactly this length, which its first buffer has room for. Calls helpers.
    #[inline(always)]
    pub(crate) fn resize(&mut self, length: usize) -> Option<()> {
        let delta = length as i32 - self.whole_length() as i32;
        if delta == 0 {
            return Some(());
        }
        // SAFETY: `ctx` is the program's context.
        let failed = unsafe { bpf_xdp_adjust_tail(self.ctx, delta) };
        self.reload_bounds();
        (failed == 0).then_some(())
    }

    /// Length of the whole frame, all buffers together. Calls a helper (kernel 5.18).
    #[inline(always)]
    pub(crate) fn whole_length(&self) -> usize {
        // SAFETY: `ctx` is the program's context.
        unsafe { bpf_xdp_get_buff_len(self.ctx) as usize }
    }

    /// The header at `offset` bytes; `None` if the frame is too short.
    #[inline(always)]
    pub(crate) fn at<T: Header>(&self, offset: usize) -> Option<&T> {
        let at = self.start + offset;
        if at + size_of::<T>() > self.end {
            return None;
        }
        // SAFETY: the check above keeps it within the frame; a `Header` has no alignment and any bytes are one.
        Some(unsafe { &*(at as *const T) })
    }

    /// The header at `offset` bytes, writable; `None` if the frame is too short.
    #[inline(always)]
    pub(crate) fn at_mut<T: Header>(&mut self, offset: usize) -> Option<&mut T> {
        let at = self.start + offset;
        if at + size_of::<T>() > self.end {
            return None;
        }
        // SAFETY: as in `at`; the frame is borrowed mutably, so no other reference into it lives.
        Some(unsafe { &mut *(at as *mut T) })
    }

    /// Adds `bytes` to the front of the frame (a negative number removes them). Calls a helper; afterwards, offsets
    /// count from the new start.
    #[inline(always)]
    pub(crate) fn grow_front(&mut self, bytes: i32) -> Option<()> {
        // SAFETY: `ctx` is the program's context.
        let failed = unsafe { bpf_xdp_adjust_head(self.ctx, -bytes) };
        self.reload_bounds();
        (failed == 0).then_some(())
    }

    /// Reloads start and end. Required after any helper or subprogram that may move the frame, whether it did or not:
    /// the verifier has invalidated both pointers.
    #[inline(always)]
    pub(crate) fn reload_bounds(&mut self) {
        // SAFETY: `ctx` is the program's context.
        unsafe {
            self.start = (*self.ctx).data as usize;
            self.end = (*self.ctx).data_end as usize;
        }
    }
}
