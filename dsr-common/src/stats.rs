//! What the program counts: traffic a member, and reasons an interface.

use crate::limits::INTERFACE_ROWS;

/// One member's traffic on one CPU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C, align(32))]
pub struct Counters {
    /// Frames sent to the backend.
    pub packets: u64,
    /// Their bytes as they came in: link header and IP packet, without padding and frame check sequence.
    pub bytes: u64,
    /// TCP connections opened (SYN without ACK).
    pub new_flows: u64,
    /// Frames that came back from the backend and were dropped; not among [`Counters::packets`].
    pub loops: u64,
}

const _: () = assert!(size_of::<Counters>() == 32);

macro_rules! counted {
    ($(#[$about:meta])+ $name:ident { $($(#[doc = $doc:literal])+ $variant:ident => $label:literal,)+ }) => {
        $(#[$about])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u32)]
        pub enum $name {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl $name {
            /// Every one, in the order of its rows.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// Its name as the metric's label has it.
            pub const fn label(self) -> &'static str {
                match self { $(Self::$variant => $label,)+ }
            }

            /// What it means, in one line, for an operator.
            pub const fn help(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+),)+ }
            }
        }
    };
}

counted! {
    /// Why a frame was passed, dropped or answered. Each way out of the program counts exactly one, but for
    /// frames that were sent to a member: its [`Counters`] count them.
    Reason {
        /// Passed: the frame is not addressed to a VIP.
        PassNotVip => "pass_not_vip",
        /// Passed: neither IP nor ARP for a VIP.
        PassNotIp => "pass_not_ip",
        /// Passed: the destination MAC is not this interface's.
        PassOtherHost => "pass_other_host",
        /// Passed: a broadcast or multicast frame that asks for no VIP.
        PassGroup => "pass_group",
        /// Passed: another host claims a VIP by ARP.
        PassArpClaim => "pass_arp_claim",
        /// Passed: another host claims a VIP by neighbour discovery.
        PassNdClaim => "pass_nd_claim",
        /// Passed: the frame ends before its headers do.
        PassTruncated => "pass_truncated",
        /// Passed: the interface is not one of the agent's.
        PassNoInterface => "pass_no_interface",
        /// Passed: no agent looks after the service any more, and it is configured to be the node's then.
        PassAgentDead => "pass_agent_dead",
        /// Passed: the frame is about a VIP that is not in the frame's VLAN.
        PassVlan => "pass_vlan",
        /// Dropped: the IP or transport header of a packet to a VIP contradicts itself or the frame's length.
        DropMalformed => "drop_malformed",
        /// Dropped: no service of the VIP has this protocol and port.
        DropNoService => "drop_no_service",
        /// Dropped: the service has no backend that can be reached.
        DropNoBackend => "drop_no_backend",
        /// Dropped: a fragment for a VIP that came before its datagram's first one, or long after it.
        DropFragmentEarly => "drop_fragment_early",
        /// Dropped: an ICMP message to a VIP that is neither an echo request nor an error about one of its flows.
        DropIcmp => "drop_icmp",
        /// Dropped: an IP protocol that no service of the VIP has.
        DropProtocol => "drop_protocol",
        /// Dropped: the packet came back from the backend that it would be sent to: that one does not hold the VIP.
        DropLoop => "drop_loop",
        /// Dropped: the VIP's service was being changed in this moment.
        DropInconsistent => "drop_inconsistent",
        /// Answered: an ARP request for a VIP.
        AnswerArp => "answer_arp",
        /// Answered: a neighbour solicitation for a VIP.
        AnswerNdp => "answer_ndp",
        /// Answered: an echo request to a VIP.
        AnswerEcho => "answer_echo",
        /// Answered: a packet to a service without a backend, with a refusal.
        AnswerReject => "answer_reject",
    }
}

counted! {
    /// How the member of a packet was found whose slot is tracked, or whose service remembers every flow; and what was
    /// forgotten for it. Each such packet counts exactly one of those that name a member, besides the member's own
    /// [`Counters`].
    Tracking {
        /// The flow was known.
        Hit => "hit",
        /// The second packet of a flow: from now on it is known.
        Promoted => "promoted",
        /// The first packet of a flow: it goes to the slot's member.
        New => "new",
        /// A packet in the midst of a flow that was not known: it goes to the member before the change.
        ToPrevious => "to_previous",
        /// A packet in the midst of a flow that was not known, and no member from before the change: it goes to the
        /// slot's member.
        ToCurrent => "to_current",
        /// A known flow was forgotten, because its set of the flow table was full.
        Evicted => "evicted",
        /// A flow of one packet was forgotten, because its set of the embryonic table was full.
        EvictedNew => "evicted_new",
    }
}

/// Rows of the reason map: a block of reasons for each interface row, and one for frames of no known interface.
pub const REASON_ROWS: u32 = (INTERFACE_ROWS + 1) * Reason::ALL.len() as u32;

/// The row of the reason map that counts `reason` for frames that came in on row `interface` of the interface table;
/// [`INTERFACE_ROWS`] for no known interface.
#[inline(always)]
pub const fn reason_row(interface: u32, reason: Reason) -> u32 {
    interface * Reason::ALL.len() as u32 + reason as u32
}
