//! Claims to VIPs: what the agent is told of a frame in which another host says that a VIP is its own. The frame itself is
//! treated as if nobody watched.

use dsr_common::{
    address::Address,
    claim::{Claim, ClaimKind},
    interface::VACATED,
    limits::INTERFACE_ROWS,
};

use crate::{
    frame::Frame,
    maps,
    parse::Link,
    wire::ethernet::{MACS, TAG, Tag},
};

/// Tells of a claim to `vip` by the host at `mac`; `marked` where a balancer made it.
#[inline(always)]
pub(crate) fn report(frame: &Frame, link: &Link, vip: Address, mac: u64, kind: ClaimKind, marked: bool) {
    let about = kind as u64 | u64::from(marked) << MARKED | (link.length as u64) << LENGTH;
    crate::report_claim(frame.context(), vip.hi, vip.lo, mac, about);
}

/// Where in `about` the mark is, and the octets of the link header before the `EtherType`.
const MARKED: u32 = 8;
const LENGTH: u32 = 16;

/// The same behind a call that takes numbers only. The agent's own interfaces hear each other where they share a segment.
#[inline(always)]
pub(crate) fn tell(frame: &Frame, vip: Address, mac: u64, about: u64) {
    if is_ours(mac) {
        return;
    }
    let length = (about >> LENGTH) as u8 as usize;
    let tag = |index: usize| {
        let at = MACS + index * TAG;
        if length <= at {
            return 0;
        }
        frame.at::<Tag>(at).map_or(0, |tag| tag.word)
    };
    maps::tell(Claim {
        vip,
        mac,
        ifindex: frame.interface(),
        tags: [tag(0), tag(1)],
        kind: about as u8,
        marked: (about >> MARKED) as u8,
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
