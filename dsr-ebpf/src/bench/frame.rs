//! The frame in memory, as [`crate::driver`] writes it and the reference balancers read it: one check for all headers.
#![allow(unsafe_code)]

use aya_ebpf::{
    EbpfContext as _,
    bindings::xdp_md,
    helpers::{bpf_xdp_adjust_head, bpf_xdp_get_buff_len},
    programs::XdpContext,
};
use dsr_lab_common::bench::{FRAME, FRAME_WORDS};

use crate::wire::{
    headers::{Headers, Tagged, Untagged},
    ipv4, ipv6,
};

/// The whole frame.
pub(crate) type Words = [u64; FRAME_WORDS];

/// A type that can be overlaid on the start of a frame: integers and bytes only, no longer than [`FRAME`], valid for
/// any bytes.
///
/// # Safety
///
/// Exactly the above holds. BPF loads and stores need no alignment on the machines that this runs on.
pub(crate) unsafe trait Start {}

macro_rules! starts {
    ($($start:ty),+ $(,)?) => {
        $(
            const _: () = assert!(size_of::<$start>() <= FRAME);
            // SAFETY: integers, see its definition; the size is asserted above.
            unsafe impl Start for $start {}
        )+
    };
}

starts!(
    Words,
    Headers<Untagged, ipv4::Header>,
    Headers<Untagged, ipv6::Header>,
    Headers<Tagged, ipv4::Header>,
    Headers<Tagged, ipv6::Header>,
);

/// One frame being processed.
pub(crate) struct Frame {
    ctx: *mut xdp_md,
}

impl Frame {
    #[inline(always)]
    pub(crate) fn new(ctx: &XdpContext) -> Self {
        Self { ctx: ctx.as_ptr().cast() }
    }

    /// Its start; `None` if it is shorter than [`FRAME`].
    #[inline(always)]
    pub(crate) fn at<T: Start>(&mut self) -> Option<&mut T> {
        let (start, end) = self.ends();
        // SAFETY: the check keeps it within the frame, and any bytes are valid.
        (start + FRAME <= end).then(|| unsafe { &mut *(start as *mut T) })
    }

    /// Its length.
    #[inline(always)]
    pub(crate) fn length(&self) -> usize {
        let (start, end) = self.ends();
        end - start
    }

    /// Resizes the frame to [`FRAME`] bytes, whatever the last program added to or removed from its front.
    #[inline(always)]
    pub(crate) fn set_length(&mut self) -> Option<()> {
        // SAFETY: `ctx` is the program's context; the caller reads the frame's ends again.
        let done = unsafe { bpf_xdp_adjust_head(self.ctx, bpf_xdp_get_buff_len(self.ctx) as i32 - FRAME as i32) };
        (done == 0).then_some(())
    }

    /// Adds `bytes` to its front.
    #[inline(always)]
    pub(crate) fn grow_front(&mut self, bytes: i32) -> Option<()> {
        // SAFETY: as above.
        (unsafe { bpf_xdp_adjust_head(self.ctx, -bytes) } == 0).then_some(())
    }

    #[inline(always)]
    fn ends(&self) -> (usize, usize) {
        // SAFETY: the kernel gave this context to the program and it outlives the run.
        unsafe { ((*self.ctx).data as usize, (*self.ctx).data_end as usize) }
    }
}
