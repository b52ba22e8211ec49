//! The last step of the slow path in modes that cross routers: a subprogram that parses the frame again and sends it.
//!
//! The program itself calls it, not the slow path: in one call chain, the stacks of both would exceed the limit.

use aya_ebpf::bindings::xdp_md;
use dsr_common::stats::Reason;

use crate::{
    forward::{self, Egress, Packet},
    frame::{self, Frame},
    interface, outcome,
    parse::{self, Payload},
    select::{self, Choice},
    subprograms::Scalar,
};

/// The selected member and what selected it. Bits 0 to 19: the member's row. Bits 20 to 59: the lower bits of the flow's
/// hash. Bit 60: the packet opens a TCP connection.
#[derive(Clone, Copy)]
pub(crate) struct Crossing(u64);

const ROW_BITS: u32 = 20;
const HASH_BITS: u32 = 40;
const OPENS: u64 = 1 << (ROW_BITS + HASH_BITS);

const _: () = assert!(dsr_common::track::ROW_MAX < 1 << ROW_BITS);

impl Crossing {
    #[inline(always)]
    pub(crate) const fn new(choice: &Choice, opens: bool) -> Self {
        let hash = choice.hash & ((1 << HASH_BITS) - 1);
        Self(choice.row as u64 & ((1 << ROW_BITS) - 1) | hash << ROW_BITS | if opens { OPENS } else { 0 })
    }

    /// The member's row.
    #[inline(always)]
    pub(crate) const fn row(self) -> u32 {
        self.0 as u32 & ((1 << ROW_BITS) - 1)
    }

    /// The lower bits of the flow's hash.
    #[inline(always)]
    pub(crate) const fn hash(self) -> u64 {
        self.0 >> ROW_BITS & ((1 << HASH_BITS) - 1)
    }

    /// Whether the packet opens a TCP connection.
    #[inline(always)]
    pub(crate) const fn opens(self) -> bool {
        self.0 & OPENS != 0
    }

    /// All of it, below bit 61.
    #[inline(always)]
    pub(crate) const fn word(self) -> u64 {
        self.0
    }

    /// The inverse of [`Crossing::word`]; ignores the bits above.
    #[inline(always)]
    pub(crate) const fn from_word(word: u64) -> Self {
        Self(word & (OPENS | (OPENS - 1)))
    }
}

subprogram! {
    /// Sends the packet in a frame to its member, and counts it there if it fits the path.
    pub(crate) fn cross_routers(ctx: *mut xdp_md, crossing: Crossing) -> Result<Egress, Reason> {
        send(&mut Frame::of(ctx), crossing)
    }
}

#[inline(always)]
fn send(frame: &mut Frame, crossing: Crossing) -> Result<Egress, Reason> {
    let interface = interface::find(frame::interface(frame.context())).ok_or(Reason::DropInconsistent)?;
    let arrival = parse::link(frame, &interface)?;
    let ip = match arrival.payload {
        Payload::Ipv6 => parse::ipv6(frame, arrival.link.end()),
        _ => parse::ipv4(frame, arrival.link.end()),
    }
    .map_err(|_| Reason::DropInconsistent)?;
    let row = crossing.row();
    let choice = select::at(row, crossing.hash())?;
    let across = forward::across_routers(&choice.member).ok_or(Reason::DropNoBackend)?;
    let packet = Packet::of(&ip);
    let egress = forward::send_across_routers(frame, &arrival.link, &packet, &choice, across);
    outcome::counted(egress, row, packet.end, crossing.opens())
}

scalars! {
    Crossing: |crossing| crossing.0, |word| Self(word);
}

/// Below bit 32: an action, the largest packet, or a reason. Above: which of them.
impl Scalar for Result<Egress, Reason> {
    type Raw = u64;

    #[inline(always)]
    fn scalar(self) -> u64 {
        match self {
            Ok(Egress::SameInterface) => 0,
            Ok(Egress::Redirected(action)) => REDIRECTED | u64::from(action),
            Ok(Egress::TooBig(limit)) => TOO_BIG | u64::from(limit),
            Err(Reason::DropMalformed) => MALFORMED,
            Err(Reason::DropNoBackend) => NO_BACKEND,
            Err(_) => INCONSISTENT,
        }
    }

    #[inline(always)]
    fn from_scalar(word: u64) -> Self {
        match word {
            0 => Ok(Egress::SameInterface),
            MALFORMED => Err(Reason::DropMalformed),
            NO_BACKEND => Err(Reason::DropNoBackend),
            INCONSISTENT => Err(Reason::DropInconsistent),
            word if word & TOO_BIG != 0 => Ok(Egress::TooBig(word as u32)),
            word => Ok(Egress::Redirected(word as u32)),
        }
    }
}

const REDIRECTED: u64 = 1 << 32;
const TOO_BIG: u64 = 1 << 33;
const MALFORMED: u64 = 1 << 34;
const NO_BACKEND: u64 = MALFORMED | 1;
const INCONSISTENT: u64 = MALFORMED | 2;
