//! VIP claims: reports to the agent of frames in which another host claims a VIP. The report does not change the
//! verdict.

use aya_ebpf::bindings::xdp_md;
use dsr_common::{
    address::Address,
    claim::{ClaimKind, VipClaim},
    interface::VACATED,
    limits::INTERFACE_ROWS,
};

use crate::{
    frame::{self, Frame},
    maps,
    parse::Link,
    wire::ethernet::{MACS, TAG, Tag},
};

/// Reports a claim to `vip` by the host at `mac`; `marked` if a balancer made it.
#[inline(always)]
pub(crate) fn report(frame: &Frame, link: &Link, vip: Address, mac: u64, kind: ClaimKind, marked: bool) {
    let about = About { kind: kind as u8, marked, length: link.length as u8 };
    report_claim(frame.context(), vip.hi, vip.lo, mac, about);
}

/// The frame that a claim was seen in.
#[derive(Clone, Copy)]
struct About {
    /// See [`ClaimKind`].
    kind: u8,
    marked: bool,
    /// Bytes of the link header before the `EtherType`.
    length: u8,
}

// Bits 0 to 7: the kind. Bit 8: the mark. Bits 16 to 23: the length.
scalars! {
    About: |about| u64::from(about.kind) | u64::from(about.marked) << 8 | u64::from(about.length) << 16,
        |word| Self { kind: word as u8, marked: word >> 8 & 1 != 0, length: (word >> 16) as u8 };
}

subprogram! {
    fn report_claim(ctx: *mut xdp_md, hi: u64, lo: u64, mac: u64, about: About) -> () {
        tell(&Frame::of(ctx), Address { hi, lo }, mac, about);
    }
}

/// The agent's own interfaces hear each other if they share a segment.
#[inline(always)]
fn tell(frame: &Frame, vip: Address, mac: u64, about: About) {
    if is_ours(mac) {
        return;
    }
    let length = usize::from(about.length);
    let tag = |index: usize| {
        let at = MACS + index * TAG;
        if length <= at {
            return 0;
        }
        frame.at::<Tag>(at).map_or(0, |tag| tag.word)
    };
    maps::tell(VipClaim {
        vip,
        mac,
        ifindex: frame::interface(frame.context()),
        tags: [tag(0), tag(1)],
        kind: about.kind,
        marked: u8::from(about.marked),
        pad: 0,
    });
}

#[inline(always)]
fn is_ours(mac: u64) -> bool {
    for row in 0..INTERFACE_ROWS {
        let Some(interface) = maps::interface(row) else { break };
        if !matches!(interface.ifindex, 0 | VACATED) && interface.mac == mac {
            return true;
        }
    }
    false
}
