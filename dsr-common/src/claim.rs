//! A claim to a VIP that the program saw: a frame in which another host tells the network that the VIP is its own.

use crate::address::{Address, Family};

/// What the program says of one claim. MAC and tags are as they lie in the frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct VipClaim {
    /// The VIP.
    pub vip: Address,
    /// The MAC that the VIP is said to be at, in the low 48 bits.
    pub mac: u64,
    /// The kernel's index of the interface that the frame came in on.
    pub ifindex: u32,
    /// Its VLAN tags, TPID and TCI each, outermost first; zero where there is none.
    pub tags: [u32; 2],
    /// [`ClaimKind`] as a number.
    pub kind: u8,
    /// One if the frame bears the mark of a balancer ([`MARK`], [`FLOW_LABEL`]), else zero.
    pub marked: u8,
    /// Padding, always zero.
    pub pad: u16,
}

const _: () = assert!(size_of::<VipClaim>() == 40);

/// By what kind of packet a VIP is claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum ClaimKind {
    /// An ARP request from the VIP (RFC 826); gratuitous ARP (RFC 5227) is most often one.
    ArpRequest = 1,
    /// An ARP reply, or any other ARP packet from the VIP.
    ArpReply = 2,
    /// A neighbour solicitation from the VIP (RFC 4861).
    Solicitation = 3,
    /// A neighbour advertisement of the VIP.
    Advertisement = 4,
}

impl ClaimKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::ArpRequest, Self::ArpReply, Self::Solicitation, Self::Advertisement];

    /// The family of the VIP.
    pub const fn family(self) -> Family {
        match self {
            Self::ArpRequest | Self::ArpReply => Family::V4,
            Self::Solicitation | Self::Advertisement => Family::V6,
        }
    }
}

/// What stands behind a balancer's ARP packets, where others have padding. The program answers in the frame that asked, so
/// that a marked question has a marked answer where a balancer answers, and none where a host's kernel does.
pub const MARK: [u8; 4] = *b"dsr\x01";

/// The flow label of a balancer's packets of neighbour discovery, for the same purpose. Others leave it zero.
pub const FLOW_LABEL: u32 = 0xd_5a11;

/// What a CPU may say of claims in one second, and what it kept to itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct ClaimBudget {
    /// The second that is counted in.
    pub second: u64,
    /// Claims in this second.
    pub seen: u64,
    /// Claims that were not told, since the program was loaded: beyond the bound, or the ring buffer was full.
    pub lost: u64,
}

const _: () = assert!(size_of::<ClaimBudget>() == 24);

impl VipClaim {
    /// Bytes of a claim in the ring buffer.
    pub const LENGTH: usize = size_of::<Self>();

    /// Reads a claim as the program wrote it.
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
