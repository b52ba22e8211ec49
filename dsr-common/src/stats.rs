//! What the program counts: traffic per member, and reasons per interface.

use crate::{counted::counted, limits::INTERFACE_ROWS};

/// One member's traffic on one CPU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C, align(32))]
pub struct Counters {
    /// Frames sent to the backend.
    pub packets: u64,
    /// Their bytes as received: link header and IP packet, without padding and frame check sequence.
    pub bytes: u64,
    /// TCP connections opened (SYN without ACK).
    pub new_flows: u64,
    /// Frames that came back from the backend and were dropped; not among [`Counters::packets`].
    pub loops: u64,
}

const _: () = assert!(size_of::<Counters>() == 32);

counted! {
    /// Why a frame was passed, dropped or answered. Each exit of the program counts exactly one reason, except for
    /// frames sent to a member, which its [`Counters`] count.
    Reason {
        /// Passed: the frame is not addressed to a VIP.
        PassNotVip => "pass_not_vip",
        /// Passed: neither IP nor ARP for a VIP.
        PassNotIp => "pass_not_ip",
        /// Passed: the destination MAC is not this interface's.
        PassOtherHost => "pass_other_host",
        /// Passed: a broadcast or multicast frame that does not query a VIP.
        PassGroup => "pass_group",
        /// Passed: another host claims a VIP by ARP.
        PassArpClaim => "pass_arp_claim",
        /// Passed: another host claims a VIP by neighbour discovery.
        PassNdClaim => "pass_nd_claim",
        /// Passed: the frame ends within its headers.
        PassTruncated => "pass_truncated",
        /// Passed: the agent does not use this interface.
        PassNoInterface => "pass_no_interface",
        /// Passed: the agent is dead and the service has `on_agent_death: pass`.
        PassAgentDead => "pass_agent_dead",
        /// Passed: the VIP is not in the frame's VLAN.
        PassVlan => "pass_vlan",
        /// Dropped: the packet's IP or transport header is invalid or contradicts the frame's length.
        DropMalformed => "drop_malformed",
        /// Dropped: no service of the VIP has this protocol and port.
        DropNoService => "drop_no_service",
        /// Dropped: no backend of the service can take the packet.
        DropNoBackend => "drop_no_backend",
        /// Dropped: a fragment that arrived before its datagram's first fragment, or too long after it.
        DropFragmentEarly => "drop_fragment_early",
        /// Dropped: an ICMP message to a VIP that is neither an echo request nor an error about one of its flows.
        DropIcmp => "drop_icmp",
        /// Dropped: no service of the VIP has this IP protocol.
        DropProtocol => "drop_protocol",
        /// Dropped: the packet came back from the selected backend, which does not hold the VIP.
        DropLoop => "drop_loop",
        /// Dropped: the packet is too big for the path to its backend, and its sender is not told.
        DropTooBig => "drop_too_big",
        /// Dropped: the service's tables were being changed at this moment.
        DropInconsistent => "drop_inconsistent",
        /// Answered: an ARP request for a VIP.
        AnswerArp => "answer_arp",
        /// Answered: a neighbour solicitation for a VIP.
        AnswerNdp => "answer_ndp",
        /// Answered: an echo request to a VIP.
        AnswerEcho => "answer_echo",
        /// Answered: a packet that no backend can take, with a TCP reset or an ICMP error.
        AnswerReject => "answer_reject",
        /// Answered: a packet that is too big for the path to its backend, with ICMP fragmentation needed or packet too
        /// big.
        AnswerTooBig => "answer_too_big",
    }
}

counted! {
    /// How the member was selected for a packet whose slot is tracked or whose service remembers every flow, and which
    /// flows were evicted. Each such packet counts exactly one of the events that select a member, in addition to the
    /// member's [`Counters`].
    Tracking {
        /// The flow was remembered.
        Hit => "hit",
        /// The second packet of a flow: the flow is now established.
        Promoted => "promoted",
        /// The first packet of a flow: sent to the slot's member.
        New => "new",
        /// A later packet of a flow that was not remembered: sent to the member before the change.
        ToPrevious => "to_previous",
        /// A later packet of a flow that was not remembered, without a member before the change: sent to the slot's
        /// member.
        ToCurrent => "to_current",
        /// An established flow was evicted because its set of the flow table was full.
        Evicted => "evicted",
        /// An embryonic flow was evicted because its set of the embryonic table was full.
        EvictedNew => "evicted_new",
    }
}

/// Rows of the reason map: a block of reasons per interface row, and one for frames from unknown interfaces.
pub const REASON_ROWS: u32 = (INTERFACE_ROWS + 1) * Reason::ALL.len() as u32;

/// The row of the reason map that counts `reason` for frames received on row `interface` of the interface table;
/// [`INTERFACE_ROWS`] for an unknown interface.
#[inline(always)]
pub const fn reason_row(interface: u32, reason: Reason) -> u32 {
    interface * Reason::ALL.len() as u32 + reason as u32
}
