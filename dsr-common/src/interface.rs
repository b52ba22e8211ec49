//! A row of the interface table: what the program needs to know about the ingress interface.

use crate::limits::INTERFACE_ROWS;

/// One ingress interface. All zero is an empty row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct InterfaceRow {
    /// The ifindex, never zero in a used row; [`VACATED`] in a row no longer used.
    pub ifindex: u32,
    /// The ifindex by which members are reached from here: its own, or for a port of a bond that runs the program, the
    /// bond's. The kernel runs a bond's program for frames of its ports, and reports the port's index.
    pub leaves_by: u32,
    /// Its MAC, or its bond's, in the low 48 bits, loaded as it lies at the start of a frame.
    pub mac: u64,
}

const _: () = assert!(size_of::<InterfaceRow>() == 16);

/// The ifindex in a row that was used and may be reused; an empty row would end the search for rows after it.
pub const VACATED: u32 = u32::MAX;

/// The six bytes of a MAC within the first eight bytes of a frame, loaded as one native word.
pub const MAC_MASK: u64 = u64::from_ne_bytes([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0]);

/// The row at which the search for an interface starts; it continues upwards and wraps around.
#[inline(always)]
pub const fn first_row(ifindex: u32) -> u32 {
    ifindex & (INTERFACE_ROWS - 1)
}

/// A MAC in the format of [`InterfaceRow::mac`].
pub const fn mac_word(mac: [u8; 6]) -> u64 {
    u64::from_ne_bytes([mac[0], mac[1], mac[2], mac[3], mac[4], mac[5], 0, 0])
}
