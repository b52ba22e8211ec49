//! An IP address as the datapath compares it: two words, loaded as they lie in the packet.

/// The IP version of an address or a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Family {
    /// IPv4.
    V4 = 4,
    /// IPv6.
    V6 = 6,
}

/// An IPv4 or IPv6 address in network byte order, held in native words.
///
/// IPv6: `hi` holds bytes 0 to 7 and `lo` bytes 8 to 15, each as loaded from memory. IPv4: `hi` is zero, and the low 32
/// bits of `lo` are the four bytes, loaded likewise. The family must be stored separately (see
/// [`crate::service::ServiceKey`]): `::a.b.c.d` has the same words as `a.b.c.d`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(C)]
pub struct Address {
    /// Bytes 0 to 7 of an IPv6 address, zero for IPv4.
    pub hi: u64,
    /// Bytes 8 to 15 of an IPv6 address, or the four of an IPv4 address.
    pub lo: u64,
}

const _: () = assert!(size_of::<Address>() == 16);

impl Address {
    /// An IPv4 address from its four bytes as they lie in a packet.
    #[inline(always)]
    pub const fn from_v4(bytes: [u8; 4]) -> Self {
        Self { hi: 0, lo: u32::from_ne_bytes(bytes) as u64 }
    }

    /// An IPv6 address from its sixteen bytes as they lie in a packet.
    #[inline(always)]
    pub const fn from_v6(o: [u8; 16]) -> Self {
        Self {
            hi: u64::from_ne_bytes([o[0], o[1], o[2], o[3], o[4], o[5], o[6], o[7]]),
            lo: u64::from_ne_bytes([o[8], o[9], o[10], o[11], o[12], o[13], o[14], o[15]]),
        }
    }

    /// The bytes of an IPv4 address, in network byte order.
    #[inline(always)]
    pub const fn v4_octets(self) -> [u8; 4] {
        (self.lo as u32).to_ne_bytes()
    }

    /// The bytes of an IPv6 address, in network byte order.
    pub const fn v6_octets(self) -> [u8; 16] {
        let (h, l) = (self.hi.to_ne_bytes(), self.lo.to_ne_bytes());
        [h[0], h[1], h[2], h[3], h[4], h[5], h[6], h[7], l[0], l[1], l[2], l[3], l[4], l[5], l[6], l[7]]
    }
}
