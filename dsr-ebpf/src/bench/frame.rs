//! The frame in memory, as [`crate::driver`] writes it and the floors read it: one check for all headers.
#![allow(unsafe_code)]

use aya_ebpf::{
    EbpfContext as _,
    bindings::xdp_md,
    helpers::{bpf_xdp_adjust_head, bpf_xdp_get_buff_len},
    programs::XdpContext,
};
use dsr_common::bench::FRAME;

use crate::wire::{ethernet, ipv4, transport::TcpHead};

/// The headers of an untagged TCP or UDP packet without IP options.
#[derive(Clone, Copy)]
#[repr(C, packed)]
pub(crate) struct Headers {
    pub(crate) link: ethernet::Header,
    pub(crate) ip: ipv4::Header,
    pub(crate) tcp: TcpHead,
    rest: [u8; FRAME - 48],
}

/// The same octets in words.
#[repr(C, packed)]
pub(crate) struct Words {
    pub(crate) whole: [u64; FRAME / 8],
    pub(crate) half: u32,
}

const _: () = assert!(size_of::<Headers>() == FRAME && align_of::<Headers>() == 1);
const _: () = assert!(size_of::<Words>() == FRAME && align_of::<Words>() == 1);

/// One frame on its way through the program.
pub(crate) struct Frame {
    ctx: *mut xdp_md,
}

impl Frame {
    #[inline(always)]
    pub(crate) fn new(ctx: &XdpContext) -> Self {
        Self { ctx: ctx.as_ptr().cast() }
    }

    /// Its headers, or nothing where it is shorter than [`FRAME`].
    #[inline(always)]
    pub(crate) fn headers(&mut self) -> Option<&mut Headers> {
        let (start, end) = self.ends();
        // SAFETY: the check keeps it within the frame; integers of alignment one, any octets are valid.
        (start + FRAME <= end).then(|| unsafe { &mut *(start as *mut Headers) })
    }

    /// Its octets, or nothing where it is shorter than [`FRAME`].
    #[inline(always)]
    pub(crate) fn words(&mut self) -> Option<&mut Words> {
        let (start, end) = self.ends();
        // SAFETY: as above.
        (start + FRAME <= end).then(|| unsafe { &mut *(start as *mut Words) })
    }

    /// Gives the frame [`FRAME`] octets, whatever the last program put in front of it or took away.
    #[inline(always)]
    pub(crate) fn set_length(&mut self) -> Option<()> {
        let (start, end) = self.ends();
        if start + FRAME == end {
            return Some(());
        }
        // SAFETY: `ctx` is the program's context; the caller reads the frame's ends again.
        let done = unsafe { bpf_xdp_adjust_head(self.ctx, bpf_xdp_get_buff_len(self.ctx) as i32 - FRAME as i32) };
        (done == 0).then_some(())
    }

    #[inline(always)]
    fn ends(&self) -> (usize, usize) {
        // SAFETY: the kernel gave this context to the program and it outlives the run.
        unsafe { ((*self.ctx).data as usize, (*self.ctx).data_end as usize) }
    }
}
