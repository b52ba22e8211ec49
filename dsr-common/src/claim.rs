//! A VIP claim seen by the program: a frame in which another host announces that it has the VIP.

use crate::address::{Address, Family};

/// What the program reports about one claim. MAC and tags are in frame byte order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct VipClaim {
    /// The VIP.
    pub vip: Address,
    /// The MAC claimed for the VIP, in the low 48 bits.
    pub mac: u64,
    /// The ifindex of the ingress interface.
    pub ifindex: u32,
    /// Its VLAN tags, TPID and TCI each, outermost first; zero if absent.
    pub tags: [u32; 2],
    /// [`ClaimKind`] as a number.
    pub kind: u8,
    /// One if the frame has a balancer's mark ([`MARK`], [`FLOW_LABEL`]), otherwise zero.
    pub marked: u8,
    /// Padding, always zero.
    pub pad: u16,
}

const _: () = assert!(size_of::<VipClaim>() == 40);

/// The kind of packet that claims a VIP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum ClaimKind {
    /// An ARP request from the VIP (RFC 826); gratuitous ARP (RFC 5227) usually is one.
    ArpRequest = 1,
    /// An ARP reply, or any other ARP packet from the VIP.
    ArpReply = 2,
    /// A neighbour solicitation from the VIP (RFC 4861).
    Solicitation = 3,
    /// A neighbour advertisement of the VIP.
    Advertisement = 4,
}

impl ClaimKind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::ArpRequest, Self::ArpReply, Self::Solicitation, Self::Advertisement];

    /// The family of the VIP.
    pub const fn family(self) -> Family {
        match self {
            Self::ArpRequest | Self::ArpReply => Family::V4,
            Self::Solicitation | Self::Advertisement => Family::V6,
        }
    }
}

/// The bytes that balancers send after an ARP packet, where others have padding. Replies are written into the
/// requesting frame, so a marked request gets a marked reply from a balancer, and an unmarked one from a host's kernel.
pub const MARK: [u8; 4] = *b"dsr\x01";

/// The flow label of neighbour discovery packets sent by balancers, for the same purpose. Others leave it zero.
pub const FLOW_LABEL: u32 = 0xd_5a11;

/// A CPU's rate limit for claims, and the claims it did not report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct ClaimBudget {
    /// The current second.
    pub second: u64,
    /// Claims in this second.
    pub seen: u64,
    /// Claims not reported since the program was loaded: above the limit, or the ring buffer was full.
    pub lost: u64,
}

const _: () = assert!(size_of::<ClaimBudget>() == 24);

impl VipClaim {
    /// Length of a claim in the ring buffer.
    pub const LENGTH: usize = size_of::<Self>();

    /// Reads a claim as written by the program.
    pub fn read(bytes: &[u8; Self::LENGTH]) -> Self {
        let word = |at: usize| {
            let mut word = [0; 8];
            word.copy_from_slice(&bytes[at..at + 8]);
            u64::from_ne_bytes(word)
        };
        let half = |at: usize| u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        Self {
            vip: Address { hi: word(0), lo: word(8) },
            mac: word(16),
            ifindex: half(24),
            tags: [half(28), half(32)],
            kind: bytes[36],
            marked: bytes[37],
            pad: 0,
        }
    }
}
