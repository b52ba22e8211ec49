//! What the backend's program (`dsr-ebpf/src/backend`) and the user side share: map rows, reasons and the table of
//! transport checksums.

use crate::{
    address::{Address, Family},
    counted::counted,
};

/// Role of an address: a balancer, whose tunnels end here.
pub const BALANCER: u32 = 1;
/// Role of an address: this host's own, where tunnels end.
pub const OWN: u32 = 2;
/// Role of an address: a VIP, which this host holds.
pub const VIP: u32 = 4;

/// Key of the map of addresses; its value is a word of roles ([`BALANCER`], [`OWN`], [`VIP`]).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(C)]
pub struct AddressKey {
    /// The address.
    pub address: Address,
    /// 4 or 6.
    pub family: u64,
}

const _: () = assert!(size_of::<AddressKey>() == 24);

impl AddressKey {
    /// The key of an address.
    #[inline(always)]
    pub const fn new(family: Family, address: Address) -> Self {
        Self { address, family: family as u64 }
    }
}

/// Data of a key of the map of balancers' prefixes: an IPv6 address, or an IPv4 address mapped to one (RFC 4291,
/// 2.5.5.2), in network byte order. An IPv4 prefix is [`MAPPED_BITS`] longer here.
pub type PrefixData = [u32; 4];

/// Bits before an IPv4 address in [`PrefixData`].
pub const MAPPED_BITS: u8 = 96;

/// An address as [`PrefixData`].
#[inline(always)]
pub const fn prefix_data(family: Family, address: Address) -> PrefixData {
    match family {
        Family::V4 => [0, 0, 0xffff_u32.to_be(), address.lo as u32],
        Family::V6 => {
            let ([first, second], [third, last]) = (halves(address.hi), halves(address.lo));
            [first, second, third, last]
        }
    }
}

/// The two halves of a word, in memory order.
#[inline(always)]
const fn halves(word: u64) -> [u32; 2] {
    let [low, high] = [word as u32, (word >> 32) as u32];
    if cfg!(target_endian = "little") { [low, high] } else { [high, low] }
}

/// A row of the table of DSCP codes: the VIP that a code stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct CodeRow {
    /// The VIP.
    pub vip: Address,
    /// One if the row is used.
    pub used: u64,
}

const _: () = assert!(size_of::<CodeRow>() == 24);

/// Values of a DSCP (RFC 2474).
pub const DSCP_CODES: u32 = 64;

/// Rows of the table of codes: all codes for IPv4, then all for IPv6.
pub const CODE_ROWS: u32 = 2 * DSCP_CODES;

/// The row of a code.
#[inline(always)]
pub const fn code_row(family: Family, code: u8) -> u32 {
    let first = match family {
        Family::V4 => 0,
        Family::V6 => DSCP_CODES,
    };
    first + code as u32 % DSCP_CODES
}

counted! {
    /// What became of a frame that a backend received. Each frame counts exactly one.
    Reason {
        /// Passed unchanged: neither a tunnel packet nor a packet with a DSCP code for this host.
        PassOther => "pass_other",
        /// Passed unchanged: a tunnel packet that was not sent by a balancer.
        PassNotBalancer => "pass_not_balancer",
        /// Passed unchanged: the outer packet of a tunnel is a fragment.
        PassFragment => "pass_fragment",
        /// Passed unchanged: an outer or inner header is invalid or contradicts the length of the packet.
        PassMalformed => "pass_malformed",
        /// Passed unchanged: a tunnel header with features that are not supported, or with another key.
        PassUnsupported => "pass_unsupported",
        /// Passed unchanged: the inner packet is not addressed to a VIP.
        PassNotVip => "pass_not_vip",
        /// Dropped: congestion experienced on the outer packet, and the inner one does not support ECN (RFC 6040).
        DropEcn => "drop_ecn",
        /// Dropped: the kernel refused to remove the outer headers.
        DropAdjust => "drop_adjust",
        /// Given to the local stack: a packet from an IPIP tunnel.
        DecapIpip => "decap_ipip",
        /// Given to the local stack: a packet from a GRE tunnel.
        DecapGre => "decap_gre",
        /// Given to the local stack: a packet from a GUE tunnel.
        DecapGue => "decap_gue",
        /// Given to the local stack: a packet whose DSCP code was turned back into the VIP.
        RestoreDscp => "restore_dscp",
    }
}

/// Rows of the counters.
pub const REASON_ROWS: u32 = Reason::ALL.len() as u32;

/// Where the transport header has a checksum that covers the destination address, in bytes from its start. SCTP's
/// (RFC 9260) and that of ICMP for IPv4 cover none.
#[inline(always)]
pub const fn checksum_offset(family: Family, protocol: u8) -> Option<usize> {
    match (protocol, family) {
        (TCP, _) => Some(16),
        (UDP | UDP_LITE | DCCP, _) => Some(6),
        (ICMPV6, Family::V6) => Some(2),
        _ => None,
    }
}

/// RFC 9293.
const TCP: u8 = 6;
/// RFC 768.
pub const UDP: u8 = 17;
/// RFC 4340.
const DCCP: u8 = 33;
/// RFC 4443.
const ICMPV6: u8 = 58;
/// RFC 3828.
const UDP_LITE: u8 = 136;
